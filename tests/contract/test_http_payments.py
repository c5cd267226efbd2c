"""Money: webhooks that are forged, stale, garbled, doubled; declined, late, and another amount."""

import asyncio
from typing import Any

import httpx
import msgspec
import pytest

from tests.contract.fan import Fan, private, refused
from usher.clock import now_ms
from usher.ids import new_id
from usher.keys import Keys
from usher.plumbing.signing import KeyRing, Signer, new_secret
from usher.wiring import House

pytestmark = pytest.mark.anyio

WEBHOOK = "/api/v1/payments/webhooks/sandbox"
Json = dict[str, Any]


def envelope(*messages: Json, sent_s: int | None = None) -> bytes:
    sent = now_ms() // 1000 if sent_s is None else sent_s
    return msgspec.json.encode({"sent_s": sent, "messages": messages})


async def unpaid(fan: Fan, *guids: str) -> tuple[str, Json]:
    """A booking whose payment has begun, and what the bank will say once it is paid."""
    booking = await fan.booked(*guids)
    started = private(await fan.ask("POST", f"/api/v1/bookings/{booking}/payment"), 201)
    # The bank has the money, and will not say so while the test runs.
    await fan.decide(started["payment_id"], "delay", delay_s=3_600)
    total = (await fan.booking(booking))["total"]
    message = {
        "id": new_id("payment"),
        "message_id": f"msg_{new_id('payment')}",
        "kind": "authorised",
        "payment_id": started["payment_id"],
        **total,
        "metadata": {"booking": booking, "event": fan.event},
    }
    return booking, message


async def deliver(
    http: httpx.AsyncClient, signer: Signer, body: bytes, **headers: str
) -> httpx.Response:
    signed = {"content-type": "application/json", "usher-signature": signer.mac(body)}
    return await http.post(WEBHOOK, content=body, headers=signed | headers)


async def charge_until(http: httpx.AsyncClient, payment: str, state: str) -> None:
    """Returns once the bank's book has the charge in `state`."""
    for _ in range(300):
        told = (await http.get(f"/api/v1/payments/sandbox/{payment}")).json()
        if told["state"] == state:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"never {state}: {told}")


async def test_a_signed_word_confirms(house: House, fan: Fan, row: list[str]) -> None:
    booking, message = await unpaid(fan, row[0])
    answer = await deliver(fan.http, house.signer, envelope(message))
    assert private(answer, 200) == {"taken": 1}
    await fan.booking_until(booking, "confirmed")


async def test_a_word_said_often_counts_once(
    house: House, fan: Fan, other: Fan, row: list[str]
) -> None:
    booking, message = await unpaid(fan, row[0])
    body = envelope(message, message)
    answers = await asyncio.gather(*(deliver(fan.http, house.signer, body) for _ in range(5)))
    assert {answer.status_code for answer in answers} == {200}
    confirmed = await fan.booking_until(booking, "confirmed")
    again = await deliver(fan.http, house.signer, envelope(message))
    assert again.status_code == 200
    # Later words do not move what is decided.
    declined = {**message, "kind": "declined", "message_id": f"msg_{new_id('payment')}"}
    await deliver(fan.http, house.signer, envelope(declined))
    theirs, later = await unpaid(other, row[2])
    await deliver(fan.http, house.signer, envelope(later))
    await other.booking_until(theirs, "confirmed")  # the ledger is read in order
    after = await fan.booking(booking)
    assert (after["state"], after["tickets"]) == ("confirmed", confirmed["tickets"])


async def test_a_bank_that_repeats_itself(fan: Fan, row: list[str]) -> None:
    booking = await fan.booked(row[0])
    payment = await fan.pay(booking, "duplicate")
    await fan.booking_until(booking, "confirmed")
    await charge_until(fan.http, payment, "captured")


async def test_nobody_else_can_say_it(house: House, fan: Fan, row: list[str]) -> None:
    booking, message = await unpaid(fan, row[0])
    body = envelope(message)
    good = house.signer.mac(body)
    kid, _, digits = good.partition("=")
    stranger = Signer(KeyRing(new_secret()))
    forged = {
        "no signature": "",
        "another house's": stranger.mac(body),
        "another house's under our key's name": f"{kid}={stranger.mac(body).partition('=')[2]}",
        "one digit changed": f"{kid}={'0' if digits[0] != '0' else '1'}{digits[1:]}",
        "cut short": good[:-2],
        "key only": f"{kid}=",
        "no key": f"={digits}",
        "of another body": house.signer.mac(body + b" "),
        "not ascii": f"{kid}=\u00e9",
    }
    for name, signature in forged.items():
        headers = [(b"usher-signature", signature.encode("latin-1"))] if signature else []
        answer = await fan.http.post(WEBHOOK, content=body, headers=headers)
        assert refused(answer, 401, "unauthenticated")["detail"], name
    for age_s in (-3600, 3600):
        old = envelope(message, sent_s=now_ms() // 1000 + age_s)
        answer = await deliver(fan.http, house.signer, old)
        refused(answer, 401, "unauthenticated")
    assert (await fan.booking(booking))["state"] == "awaiting_payment"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff",
        b"[" * 20_000,
        b"null",
        b'{"sent_s": 1}',
        b'{"sent_s": "now", "messages": []}',
        b'{"sent_s": 1, "messages": [{"kind": "stolen"}]}',
        b'{"sent_s": 1e400, "messages": []}',
    ],
    ids=lambda body: ascii(body[:24]),
)
async def test_signed_nonsense(house: House, http: httpx.AsyncClient, body: bytes) -> None:
    refused(await deliver(http, house.signer, body), 400, "malformed")


async def test_words_about_nothing_harm_nothing(
    house: House, fan: Fan, row: list[str], simple_event: str
) -> None:
    """Signed, readable, and about what is not there: the ledger must not stumble over it."""
    _, message = await unpaid(fan, row[0])
    strays = [
        {**message, "payment_id": new_id("payment")},
        {**message, "payment_id": "x\x00"},
        {**message, "metadata": {}},
        {**message, "metadata": {"event": "nonsense", "booking": "\x00"}},
        {**message, "metadata": {"event": simple_event}, "payment_id": ""},
        {**message, "amount": -(2**62)},
        {**message, "amount": 2**62, "currency": "\x00"},
    ]
    for stray in strays:
        stray["message_id"] = f"msg_{new_id('payment')}"
        answer = await deliver(fan.http, house.signer, envelope(stray))
        assert answer.status_code in (200, 400), stray
    booking, good = await unpaid(fan, row[2])
    await deliver(fan.http, house.signer, envelope(good))
    await fan.booking_until(booking, "confirmed")
    for _ in range(60):  # what cannot be committed would stay, to be tried again
        if not (left := await house.runner.command("XLEN", Keys(fan.event).named(("ledger",))[0])):
            break
        await asyncio.sleep(0.05)
    assert left == 0


async def test_no_such_provider(http: httpx.AsyncClient) -> None:
    refused(await http.post("/api/v1/payments/webhooks/paypal", content=b"{}"), 404, "not_found")


async def test_another_amount_is_given_back(house: House, fan: Fan, row: list[str]) -> None:
    booking, message = await unpaid(fan, row[0])
    less = {**message, "amount": message["amount"] - 1}
    await deliver(fan.http, house.signer, envelope(less))
    await charge_until(fan.http, message["payment_id"], "voided")
    told = await fan.booking(booking)
    assert told["state"] == "awaiting_payment"
    assert told["tickets"] == []
    assert told["payment"]["state"] in ("voiding", "voided")
    assert "amount" in told["payment"]["reason"]
    # The seats are still the fan's: the next attempt, of the right amount, is theirs to make.
    again = await fan.pay(booking)
    assert again != message["payment_id"]
    await fan.booking_until(booking, "confirmed")


async def test_declined_and_paid_again(fan: Fan, row: list[str]) -> None:
    booking = await fan.booked(row[0])
    declined = await fan.pay(booking, "decline")
    for _ in range(200):
        told = await fan.booking(booking)
        if told["payment"]["state"] == "declined":
            break
        await asyncio.sleep(0.05)
    assert told["payment"] == {
        "payment_id": declined,
        "state": "declined",
        "reason": "declined by the provider",
    }
    assert told["state"] == "awaiting_payment"
    approved = await fan.pay(booking)
    assert approved != declined
    await fan.booking_until(booking, "confirmed")


async def test_the_first_decision_stands(fan: Fan, row: list[str]) -> None:
    booking = await fan.booked(row[0])
    payment = await fan.pay(booking, "delay", delay_s=0.2)
    assert (await fan.decide(payment, "decline"))["state"] == "authorised"
    await fan.booking_until(booking, "confirmed")


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"outcome": "steal"},
        {"outcome": "approve", "delay_s": -1},
        {"outcome": "approve", "delay_s": 10**9},
        {"outcome": "approve", "delay_s": "soon"},
        {"outcome": "approve", "amount": 1},
    ],
    ids=str,
)
async def test_what_the_bank_does_not_do(http: httpx.AsyncClient, asked: Json) -> None:
    path = f"/api/v1/payments/sandbox/{new_id('payment')}"
    refused(await http.post(path, json=asked), 422, "bad_input")


async def test_a_charge_that_is_none(http: httpx.AsyncClient) -> None:
    for payment in (new_id("payment"), new_id("booking"), "nonsense"):
        path = f"/api/v1/payments/sandbox/{payment}"
        refused(await http.get(path), 404, "not_found")
        refused(await http.post(path, json={"outcome": "approve"}), 404, "not_found")
