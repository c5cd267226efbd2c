"""What is read of Stripe's answers stands in them, by the library that Stripe makes of its API."""

import re
from pathlib import Path

import msgspec
import pytest
import stripe

from usher.payment.stripe.model import EVENTS, Charge, Event, Intent, Repaid, Session, standing_of

LIBRARY = Path(str(stripe.__file__)).parent


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (Session, stripe.checkout.Session),
        (Intent, stripe.PaymentIntent),
        (Charge, stripe.Charge),
        (Repaid, stripe.Refund),
        (Event, stripe.Event),
    ],
    ids=["session", "intent", "charge", "refund", "event"],
)
def test_every_field_is_one_of_stripes(ours: type[msgspec.Struct], theirs: type) -> None:
    known = {name for kind in theirs.__mro__ for name in vars(kind).get("__annotations__", {})}
    assert set(ours.__struct_fields__) <= known


def test_every_event_is_one_of_stripes() -> None:
    source = (LIBRARY / "params" / "_webhook_endpoint_create_params.py").read_text()
    assert set(re.findall(r'"([\w.]+)"', source)) >= EVENTS


@pytest.mark.parametrize("page", ["open", "complete", "expired"])
def test_every_state_of_an_intent_is_one_of_ours(page: str) -> None:
    source = (LIBRARY / "_payment_intent.py").read_text()
    (states,) = re.findall(r"\n    status: Union\[\s+Literal\[(.*?)\]", source, re.S)
    expected = {"requires_capture": "authorised", "succeeded": "captured", "canceled": "voided"}
    found = re.findall(r'"(\w+)"', states)
    assert len(found) == 7
    for status in found:
        labels = {"payment": "pay_1"}
        session = msgspec.convert(
            {
                "id": "cs_1",
                "status": page,
                "amount_total": 1,
                "currency": "eur",
                "metadata": labels,
            },
            Session,
        )
        standing = standing_of(session, Intent("pi_1", status, 1, "eur", metadata=labels))
        assert standing is not None
        otherwise = "voided" if page == "expired" else "open"
        assert standing.state == expected.get(status, otherwise)
