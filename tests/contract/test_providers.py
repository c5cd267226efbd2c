"""What every payment provider does: the sandbox and Stripe's adapter, asked the same."""

import random
from collections.abc import AsyncIterator

import msgspec
import pytest

from tests.contract.till import SandboxTill, Till, a_payment, start, stripe_till, words
from tests.standin.stripe import StripeStandin
from usher.clock import now_ms
from usher.errors import Malformed, Unauthenticated, Unavailable
from usher.ids import new_id
from usher.payment.model import Message, Payment, Standing
from usher.plumbing.postgres import Database

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["sandbox", "stripe"])
async def till(
    request: pytest.FixtureRequest, books: Database, standin: StripeStandin
) -> AsyncIterator[Till]:
    if request.param == "sandbox":
        yield SandboxTill(books)
    else:
        async with stripe_till(standin) as till:
            yield till


async def stands(till: Till, payment: Payment) -> Standing:
    standing = await till.provider.look(payment)
    assert standing is not None
    return standing


async def messages(till: Till, payment: Payment) -> list[Message]:
    """What the webhooks about a payment say, as they came."""
    said = []
    for body in await till.told(payment):
        said += await till.provider.read_webhook(*till.signed(body))
    return said


async def test_a_start_is_repeatable(till: Till) -> None:
    payment, due_ms = a_payment(), now_ms() + 900_000
    first = await till.provider.start(payment, due_ms)
    assert first.reference
    assert first.url.startswith("http")
    assert await till.provider.start(payment, due_ms) == first
    known = msgspec.structs.replace(payment, reference=first.reference)
    assert await till.provider.start(known, due_ms) == first
    recent = await till.provider.recent(now_ms() - 60_000)
    assert [each.payment_id for each in recent].count(payment.id) == 1


async def test_nothing_is_taken_before_the_capture(till: Till) -> None:
    payment = await start(till, a_payment())
    standing = await stands(till, payment)
    assert msgspec.structs.asdict(standing).items() >= words(payment).items()
    assert (standing.state, standing.refunded) == ("open", 0)
    assert not await till.provider.capture(payment)
    assert not await till.provider.refund(payment, new_id("refund"), 1)
    await till.approve(payment)
    assert (await stands(till, payment)).state == "authorised"
    assert not await till.provider.refund(payment, new_id("refund"), 1)
    assert await till.provider.capture(payment)
    standing = await stands(till, payment)
    assert msgspec.structs.asdict(standing).items() >= words(payment).items()
    assert (standing.state, standing.refunded) == ("captured", 0)


async def test_an_approval_is_told(till: Till) -> None:
    payment = await start(till, a_payment())
    assert await messages(till, payment) == []
    await till.approve(payment)
    said = await messages(till, payment)
    assert said
    for message in said:
        assert message.kind == "authorised"
        assert message.provider == till.provider.name
        assert msgspec.structs.asdict(message).items() >= words(payment).items()


async def test_a_decline_is_told_and_leaves_nothing_to_take(till: Till) -> None:
    payment = await start(till, a_payment())
    await till.decline(payment)
    assert (await stands(till, payment)).state == "declined"
    assert {message.kind for message in await messages(till, payment)} == {"declined"}
    assert not await till.provider.capture(payment)
    assert await till.provider.void(payment)
    await till.approve(payment)
    assert (await stands(till, payment)).state in ("declined", "voided")


async def test_captured_twice_is_captured_once(till: Till) -> None:
    payment = await start(till, a_payment())
    await till.approve(payment)
    assert [await till.provider.capture(payment) for _ in range(3)] == [True] * 3
    recent = await till.provider.recent(now_ms() - 60_000)
    (mine,) = [each for each in recent if each.payment_id == payment.id]
    assert (mine.state, mine.amount) == ("captured", payment.amount)


@pytest.mark.parametrize("approved", [False, True], ids=["open", "authorised"])
async def test_what_is_voided_is_never_taken(till: Till, approved: bool) -> None:
    payment = await start(till, a_payment())
    if approved:
        await till.approve(payment)
    assert [await till.provider.void(payment) for _ in range(2)] == [True] * 2
    await till.approve(payment)  # a page left open somewhere
    assert (await stands(till, payment)).state == "voided"
    assert not await till.provider.capture(payment)
    assert not await till.provider.refund(payment, new_id("refund"), 1)


async def test_what_is_captured_is_not_voided(till: Till) -> None:
    payment = await start(till, a_payment())
    await till.approve(payment)
    await till.provider.capture(payment)
    assert not await till.provider.void(payment)
    assert (await stands(till, payment)).state == "captured"


async def test_what_nobody_began(till: Till) -> None:
    payment = a_payment()
    assert await till.provider.look(payment) is None
    assert await till.provider.void(payment)
    assert not await till.provider.refund(payment, new_id("refund"), 1)


async def test_money_goes_back_once_per_refund(till: Till) -> None:
    payment = await start(till, a_payment(4_200))
    await till.approve(payment)
    await till.provider.capture(payment)
    refund = new_id("refund")
    assert [await till.provider.refund(payment, refund, 1_000) for _ in range(3)] == [True] * 3
    assert (await stands(till, payment)).refunded == 1_000
    assert not await till.provider.refund(payment, new_id("refund"), 3_201)
    assert (await stands(till, payment)).refunded == 1_000
    assert await till.provider.refund(payment, new_id("refund"), 3_200)
    assert not await till.provider.refund(payment, new_id("refund"), 1)
    assert await till.provider.refund(payment, refund, 1_000)
    standing = await stands(till, payment)
    assert (standing.state, standing.amount, standing.refunded) == ("captured", 4_200, 4_200)


async def test_recent_charges_in_every_state(till: Till) -> None:
    began_ms = now_ms() // 1000 * 1000
    payments = [await start(till, a_payment()) for _ in range(5)]
    for payment in payments[1:]:
        await till.approve(payment)
    await till.provider.capture(payments[2])
    await till.provider.void(payments[3])
    await till.provider.capture(payments[4])
    await till.provider.refund(payments[4], new_id("refund"), 700)
    ids = {payment.id for payment in payments}
    found = [each for each in await till.provider.recent(began_ms) if each.payment_id in ids]
    assert [(each.payment_id, each.state, each.refunded) for each in found] == [
        (payments[0].id, "open", 0),
        (payments[1].id, "authorised", 0),
        (payments[2].id, "captured", 0),
        (payments[3].id, "voided", 0),
        (payments[4].id, "captured", 700),
    ]
    for payment, standing in zip(payments, found, strict=True):
        assert standing == await stands(till, payment)
    later = await till.provider.recent(now_ms() + 5_000)
    assert not ids & {each.payment_id for each in later}


async def test_nobody_else_is_believed(till: Till) -> None:
    payment = await start(till, a_payment())
    await till.approve(payment)
    body = (await till.told(payment))[0]
    body, headers = till.signed(body)
    assert await till.provider.read_webhook(body, headers)
    ((name, good),) = headers.items()
    forged = {
        "by a stranger": till.signed(body, stranger=True),
        "long ago": till.signed(body, age_s=3_600),
        "another body": (body + b" ", headers),
        "cut short": (body[:-1], headers),
        "signature cut short": (body, {name: good[:-1]}),
        "no signature": (body, {}),
        "empty signature": (body, {name: ""}),
        "not ascii": (body, {name: "\u00e9" + good}),
        "something else": (body, {name: "t=soon,v1=,,=="}),
        "no text": (b"\xff" + body, headers),
    }
    for how, call in forged.items():
        try:
            said = await till.provider.read_webhook(*call)
        except Unauthenticated:
            continue
        raise AssertionError(f"{how}: {said}")


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[" * 20_000, b"null", b"7", b'{"id": 1}', b'{"id": "evt_1", "data": {}}'],
    ids=["empty", "half", "deep", "null", "number", "other types", "incomplete"],
)
async def test_signed_nonsense(till: Till, body: bytes) -> None:
    with pytest.raises(Malformed):
        await till.provider.read_webhook(*till.signed(body))


async def test_webhooks_in_any_order_as_often_as_they_like(till: Till) -> None:
    payment = await start(till, a_payment())
    await till.approve(payment)
    calls = await till.told(payment) * 3
    random.Random(7).shuffle(calls)
    said = [await till.provider.read_webhook(*till.signed(body)) for body in calls]
    ids: dict[bytes, set[str]] = {}
    for body, told in zip(calls, said, strict=True):
        ids.setdefault(body, set()).update(message.message_id for message in told)
    assert all(len(of_one) <= 1 for of_one in ids.values())
    assert {message.kind for told in said for message in told} == {"authorised"}
    assert {message.amount for told in said for message in told} == {payment.amount}


@pytest.mark.parametrize(
    ("amount", "currency"),
    [
        (4_200, "EUR"),
        (500, "JPY"),
        (700, "ISK"),
        (900, "UGX"),
        (50_000, "HUF"),
        (80_000, "TWD"),
        (5_100, "KWD"),
        (1_300, "RSD"),
        (100_000_000, "USD"),
    ],
    ids=["EUR", "JPY", "ISK", "UGX", "HUF", "TWD", "KWD", "RSD", "USD"],
)
async def test_an_amount_comes_back_as_it_went(till: Till, amount: int, currency: str) -> None:
    payment = await start(till, a_payment(amount, currency))
    assert (await stands(till, payment)).amount == amount
    await till.approve(payment)
    assert {(m.amount, m.currency) for m in await messages(till, payment)} == {(amount, currency)}
    assert await till.provider.capture(payment)
    assert await till.provider.refund(payment, new_id("refund"), amount // 10)
    standing = await stands(till, payment)
    assert (standing.amount, standing.currency) == (amount, currency)
    assert standing.refunded == amount // 10


async def test_a_capture_whose_answer_is_lost(till: Till) -> None:
    till.lose_capture()
    payment = await start(till, a_payment())
    await till.approve(payment)
    with pytest.raises(Unavailable):
        await till.provider.capture(payment)
    assert (await stands(till, payment)).state == "captured"
    assert await till.provider.capture(payment)
    assert not await till.provider.void(payment)
