"""What is Stripe's alone: keys and how long they last, pages that close, faults, whose events."""

import json
import logging
import re
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from tests.contract.till import StripeTill, a_payment, start, stripe_till
from tests.standin.stripe import KEY, SECRET, FaultKind, StripeStandin
from usher.clock import now_ms
from usher.errors import Conflict, Unavailable
from usher.ids import new_id
from usher.payment.guard import Bounds, GuardedProvider
from usher.payment.model import Payment
from usher.payment.stripe.client import Api
from usher.payment.stripe.model import from_stripe, to_stripe
from usher.payment.stripe.service import StripeProvider
from usher.plumbing import log

pytestmark = pytest.mark.anyio

HOUR_S = 3_600
QUICK = Bounds(pause_s=0.01)


@pytest.fixture
async def till(standin: StripeStandin, anyio_backend: str) -> AsyncIterator[StripeTill]:
    standin.reset()
    async with stripe_till(standin) as till:
        yield till


async def paid(till: StripeTill, payment: Payment | None = None) -> Payment:
    """A payment that is authorised."""
    payment = await start(till, payment or a_payment())
    await till.approve(payment)
    return payment


def intent_of(till: StripeTill, payment: Payment) -> Any:
    account = till.standin.account
    return account.intents[account.sessions[payment.reference]["payment_intent"]]


# --- what is asked for


async def test_what_a_page_is_made_of(till: StripeTill) -> None:
    payment = await start(till, a_payment(), due_s=900)
    (session,) = till.standin.account.sessions.values()
    labels = {
        "payment": payment.id,
        "booking": payment.booking_id,
        "event": payment.event_id,
    }
    back = f"https://shop.example.org/bookings/{payment.booking_id}"
    assert session["_intent"]["capture_method"] == "manual"
    assert session["metadata"] == session["_intent"]["metadata"] == labels
    assert session["client_reference_id"] == payment.id
    assert (session["success_url"], session["cancel_url"]) == (back, back)
    assert (session["amount_total"], session["currency"]) == (4_200, "eur")
    assert 1_800 < session["expires_at"] - now_ms() / 1_000 < 900 + 1_800 + 200


@pytest.mark.parametrize("due_s", [-60, 5, 12 * HOUR_S, 23 * HOUR_S, 24 * HOUR_S, 7 * 24 * HOUR_S])
async def test_a_page_is_open_within_stripes_bounds(till: StripeTill, due_s: int) -> None:
    payment = await start(till, a_payment(), due_s=due_s)
    assert payment.reference


@pytest.mark.parametrize(
    ("amount", "currency", "theirs"),
    [
        (4_200, "EUR", 4_200),
        (500, "JPY", 500),
        (5, "ISK", 500),
        (5, "UGX", 500),
        (500, "RSD", 500),
        (10_045, "HUF", 10_045),
        (80_000, "TWD", 80_000),
        (5_120, "KWD", 5_120),
        (700, "MGA", 7),
        (5_120, "IQD", 512),
    ],
    ids=["EUR", "JPY", "ISK", "UGX", "RSD", "HUF", "TWD", "KWD", "MGA", "IQD"],
)
def test_amounts(amount: int, currency: str, theirs: int) -> None:
    assert to_stripe(amount, currency) == theirs
    assert from_stripe(theirs, currency) == amount


def test_an_amount_that_stripe_cannot_charge() -> None:
    with pytest.raises(Conflict):
        to_stripe(5_124, "KWD")


async def test_an_amount_that_stripe_will_not_charge(till: StripeTill) -> None:
    """It is refused, and not a fault: nobody else's payment is held up by it."""
    with pytest.raises(Conflict, match="amount_too_small"):
        await start(till, a_payment(49))


# --- answers that are lost, keys that are forgotten


@pytest.mark.parametrize("kind", ["drop", "lost", "500", "500 saved", "429"])
@pytest.mark.parametrize("guarded", [False, True], ids=["asked again", "guarded"])
@pytest.mark.parametrize("call", ["start", "capture", "void", "close", "refund"])
async def test_every_answer_may_be_lost(
    till: StripeTill, kind: FaultKind, guarded: bool, call: str
) -> None:
    """Whatever goes wrong with the first request, the call is made once in the end."""
    account = till.standin.account
    provider = GuardedProvider(till.provider, QUICK) if guarded else till.provider
    payment = a_payment()
    if call == "close":
        payment = await start(till, payment)
    elif call != "start":
        payment = await paid(till, payment)
    if call == "refund":
        await till.provider.capture(payment)
    refund = new_id("refund")
    till.standin.fail("POST", kind)
    due_ms = now_ms() + 900_000

    async def once() -> Any:
        match call:
            case "start":
                return (await provider.start(payment, due_ms)).reference
            case "capture":
                return await provider.capture(payment)
            case "void" | "close":
                return await provider.void(payment)
        return await provider.refund(payment, refund, 1_000)

    if guarded:
        assert await once()
    else:
        with pytest.raises(Unavailable):
            await once()
    first, again = await once(), await once()
    assert first
    assert first == again
    assert len(account.sessions) == 1
    if call in ("capture", "void", "refund"):
        (intent,) = account.intents.values()
        assert intent["status"] == ("canceled" if call == "void" else "succeeded")
    if call == "close":
        assert account.sessions[payment.reference]["status"] == "expired"
    if call == "refund":
        assert [each["amount"] for each in account.refunds.values()] == [1_000]


async def test_a_start_that_was_interrupted_goes_on_to_the_same_page(till: StripeTill) -> None:
    """Killed before the page's name was written down; asked again after this site has moved."""
    payment, due_ms = a_payment(), now_ms() + 900_000
    first = await till.provider.start(payment, due_ms)
    async with stripe_till(till.standin, "https://elsewhere.example.org") as moved:
        assert await moved.provider.start(payment, due_ms) == first
    assert len(till.standin.account.sessions) == 1


async def test_a_day_later_nothing_is_done_twice(till: StripeTill) -> None:
    payment = await paid(till)
    refund = new_id("refund")
    opened = await start(till, a_payment())
    await till.provider.capture(payment)
    await till.provider.refund(payment, refund, 4_200)
    part = await paid(till)
    await till.provider.capture(part)
    some = new_id("refund")
    await till.provider.refund(part, some, 1_000)
    till.standin.forget_keys()
    assert await start(till, opened) == opened
    assert await till.provider.capture(payment)
    assert await till.provider.refund(payment, refund, 4_200)
    assert await till.provider.refund(part, some, 1_000)
    assert not await till.provider.refund(payment, new_id("refund"), 1)
    assert [each["amount"] for each in till.standin.account.refunds.values()] == [4_200, 1_000]


async def test_a_refund_that_fails_days_later_is_made_anew(till: StripeTill) -> None:
    payment = await paid(till)
    await till.provider.capture(payment)
    refund = new_id("refund")
    made = till.standin.account.refunds
    for number in range(1, 4):
        assert await till.provider.refund(payment, refund, 1_000)
        assert len(made) == number
        assert await till.provider.refund(payment, refund, 1_000)
        assert len(made) == number
        till.standin.account.fail_refund([*made][-1])
    assert not await till.provider.refund(payment, refund, 1_000)
    assert len(made) == 3
    standing = await till.provider.look(payment)
    assert standing is not None
    assert standing.refunded == 0


async def test_there_is_another_page_while_there_is_time(till: StripeTill) -> None:
    """Stripe closes a page after a day at most; a booking may have a week."""
    due_s = 7 * 24 * HOUR_S
    first = await start(till, a_payment(), due_s)
    till.standin.account.expire_session(first.reference)
    second = await start(till, first, due_s)
    assert second.reference != first.reference
    assert await start(till, first, due_s) == second  # killed before it was written down
    await till.approve(second)
    assert await till.provider.capture(second)


async def test_who_has_paid_is_sent_back(till: StripeTill) -> None:
    payment = await paid(till)
    begun = await till.provider.start(payment, now_ms() + 900_000)
    assert begun.reference == payment.reference
    assert begun.url == f"https://shop.example.org/bookings/{payment.booking_id}"


async def test_a_charge_whose_name_was_lost(till: StripeTill) -> None:
    """PostgreSQL went back in time: whoever paid is found by what is written on the charge."""
    known = await paid(till)
    payment = msgspec.structs.replace(known, reference="")
    standing = await till.provider.look(payment)
    assert standing is not None
    assert (standing.state, standing.reference) == ("authorised", known.reference)
    assert await till.provider.capture(payment)
    assert await till.provider.refund(payment, new_id("refund"), 100)
    with pytest.raises(Unavailable):  # found a minute later, perhaps: money is not given up
        await till.provider.capture(a_payment())


async def test_a_page_that_is_paid_while_it_is_closed(
    till: StripeTill, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = await start(till, a_payment())
    account, expire = till.standin.account, till.standin.account.expire_session

    def too_late(name: str) -> Any:
        account.approve(name)
        return expire(name)

    monkeypatch.setattr(account, "expire_session", too_late)
    assert await till.provider.void(payment)
    assert intent_of(till, payment)["status"] == "canceled"


async def test_an_authorisation_that_lapsed(till: StripeTill) -> None:
    payment = await paid(till)
    till.standin.account.cancel(intent_of(till, payment)["id"])
    assert not await till.provider.capture(payment)
    assert await till.provider.void(payment)


async def test_every_page_of_a_list_is_read(till: StripeTill) -> None:
    began_ms = now_ms() // 1_000 * 1_000
    ids = [(await start(till, a_payment())).id for _ in range(203)]
    found = await till.provider.recent(began_ms)
    assert [each.payment_id for each in found] == ids


# --- what goes wrong


@pytest.mark.parametrize("kind", ["500", "429", "401", "lost"])
async def test_a_fault_is_not_an_answer(
    till: StripeTill, kind: FaultKind, capfd: pytest.CaptureFixture[str]
) -> None:
    """Not for a wrong key either: who mends it finds every payment as it was. No key is told."""
    payment = await paid(till)
    log.set_up("json", "info")
    try:
        for call in (
            till.provider.capture(payment),
            till.provider.void(payment),
            till.provider.look(payment),
            till.provider.refund(payment, new_id("refund"), 1),
            till.provider.recent(0),
            till.provider.start(a_payment(), now_ms() + 900_000),
            till.provider.read_webhook(*till.signed((await till.told(payment))[0])),
        ):
            till.standin.fail("", kind)
            with pytest.raises(Unavailable) as told:
                await call
            assert KEY not in str(told.value)
    finally:
        logging.getLogger().handlers = []
    out, err = capfd.readouterr()
    assert not re.search("sk_|whsec_", out + err)
    assert ("critical" in out + err) == (kind == "401")
    assert intent_of(till, payment)["status"] == "requires_capture"


async def test_a_wrong_key(till: StripeTill) -> None:
    provider = StripeProvider(Api("sk_test_wrong", till.standin.address), SECRET, "http://x")
    with pytest.raises(Unavailable):
        await provider.look(await paid(till))
    await provider.close()


async def test_the_key_of_another_account(till: StripeTill) -> None:
    """Every charge seems to be gone: none is given up because of that."""
    payment = await paid(till)
    sessions = dict(till.standin.account.sessions)
    till.standin.account.sessions.clear()
    for call in (
        till.provider.capture(payment),
        till.provider.void(payment),
        till.provider.look(payment),
        till.provider.refund(payment, new_id("refund"), 1),
        till.provider.start(payment, now_ms() + 900_000),
    ):
        with pytest.raises(Unavailable):
            await call
    till.standin.account.sessions |= sessions
    assert await till.provider.capture(payment)


# --- what it tells


async def test_a_page_that_closed_is_told(till: StripeTill) -> None:
    payment = await start(till, a_payment())
    till.standin.account.expire_session(payment.reference)
    (body,) = await till.told(payment)
    (message,) = await till.provider.read_webhook(*till.signed(body))
    assert (message.kind, message.payment_id) == ("declined", payment.id)


async def test_what_is_true_counts_not_what_is_told(till: StripeTill) -> None:
    """The decline arrives after the approval that followed it, and the other way round."""
    payment = await start(till, a_payment())
    await till.decline(payment)
    (early,) = await till.told(payment)
    (message,) = await till.provider.read_webhook(*till.signed(early))
    assert message.kind == "declined"
    await till.approve(payment)
    (message,) = await till.provider.read_webhook(*till.signed(early))
    assert message.kind == "authorised"
    claimed = json.loads(early)
    claimed["data"]["object"] |= {"amount": 1, "metadata": {"payment": new_id("payment")}}
    (message,) = await till.provider.read_webhook(*till.signed(json.dumps(claimed).encode()))
    assert (message.amount, message.payment_id) == (4_200, payment.id)


async def test_what_is_not_ours_is_passed_over(till: StripeTill) -> None:
    """An account may sell other things, and be a platform for other accounts."""
    payment = await paid(till)
    account = till.standin.account
    bodies = [json.loads(body) for body in await till.told(payment)]
    strangers = [each | {"account": "acct_other"} for each in bodies]
    strangers += [each | {"type": "customer.created"} for each in bodies]
    for thing in ("checkout.session", "payment_intent"):
        gone = {"id": "evt_1", "data": {"object": {"id": "xy_gone", "object": thing}}}
        strangers.append(gone | {"type": "payment_intent.canceled"})
    for told in strangers:
        assert await till.provider.read_webhook(*till.signed(json.dumps(told).encode())) == []
    for labels in (account.sessions[payment.reference], intent_of(till, payment)):
        labels["metadata"] = {"order": "7"}
    for told in bodies:
        assert await till.provider.read_webhook(*till.signed(json.dumps(told).encode())) == []
    assert await till.provider.recent(0) == []
