"""Stories of money: each brings a stage to the point where a worker has something to do, and says
what must be true in the end, whatever happens to that worker.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from tests.race.buyers import Purchase, book, decide, enter, hold, start_payment
from tests.race.stage import Stage
from usher.account.model import Reader
from usher.booking.refunding.model import CancellationRequest
from usher.payment.sandbox import queries as bank
from usher.payment.sandbox.model import Webhook

Story = Callable[[Stage], Awaitable[Callable[[], Awaitable[None]]]]


async def in_time(stage: Stage) -> Callable[[], Awaitable[None]]:
    """Authorised before the due, told five times over."""
    mine, payment = await stage.paying()
    await stage.says(payment, "duplicate", copies=5)

    async def after() -> None:
        assert await stage.state(mine) == "confirmed"
        assert await stage.payments(mine) == {payment: "captured"}
        assert await stage.states(*mine.seats) == "ss"

    return after


async def declined(stage: Stage) -> Callable[[], Awaitable[None]]:
    """Declined five times over: the booking waits for another attempt."""
    mine, payment = await stage.paying()
    await stage.says(payment, "decline", copies=5)

    async def after() -> None:
        assert await stage.state(mine) == "awaiting_payment"
        assert await stage.payments(mine) == {payment: "declined"}
        assert await stage.states(*mine.seats) == "cc"

    return after


def _late(*, settled: bool) -> Story:
    async def story(stage: Stage) -> Callable[[], Awaitable[None]]:
        mine, payment = await stage.paying()
        await stage.lapse(mine, settled=settled)
        await stage.says(payment, "duplicate", copies=2)

        async def after() -> None:
            assert await stage.state(mine) == "confirmed"
            assert await stage.payments(mine) == {payment: "captured"}
            assert await stage.states(*mine.seats) == "ss"

        return after

    return story


async def late_and_sold(stage: Stage) -> Callable[[], Awaitable[None]]:
    """Authorised after the due; one of the seats is another fan's by then, and paid for."""
    mine, payment = await stage.paying()
    await stage.lapse(mine)
    other, theirs = await stage.paying(mine.seats[0])
    await stage.says(payment, "approve")
    await stage.says(theirs, "approve")

    async def after() -> None:
        assert await stage.state(mine) == "expired"
        assert await stage.state(other) == "confirmed"
        assert await stage.payments(mine, other) == {payment: "voided", theirs: "captured"}
        assert await stage.states(*mine.seats) == "s."

    return after


async def late_and_held(stage: Stage) -> Callable[[], Awaitable[None]]:
    """Authorised after the due; another fan is just thinking about one of the seats."""
    mine, payment = await stage.paying()
    await stage.lapse(mine)
    await hold(stage.house, await enter(stage.house, stage.event), mine.seats[1])
    await stage.says(payment, "approve")

    async def after() -> None:
        assert await stage.state(mine) == "expired"
        assert await stage.payments(mine) == {payment: "voided"}
        assert await stage.states(*mine.seats) == ".h"

    return after


async def late_and_sold_unknown_to_redis(stage: Stage) -> Callable[[], Awaitable[None]]:
    """As above, but Redis has it wrong: only PostgreSQL knows that a seat is another's."""
    mine, payment = await stage.paying()
    await stage.lapse(mine)
    other, theirs = await stage.paying(mine.seats[0])
    await stage.house.seat_scripts.amend(stage.event, mine.seats[0], ".")
    await stage.says(payment, "approve")

    async def after() -> None:
        assert await stage.state(mine) == "expired"
        assert await stage.state(other) == "awaiting_payment"
        assert await stage.payments(mine, other) == {payment: "voided", theirs: "started"}
        assert await stage.states(*mine.seats) == "c."

    return after


async def conflict(stage: Stage) -> Callable[[], Awaitable[None]]:
    """Redis sold a seat again that PostgreSQL knows as another's."""
    first, payment = await stage.paying()
    await stage.house.seat_scripts.amend(stage.event, first.seats[0], ".")
    seats = (first.seats[0], *stage.seats(1))
    second = await book(stage.house, stage.event, *seats)
    await stage.says(payment, "approve")

    async def after() -> None:
        assert await stage.state(first) == "confirmed"
        assert await stage.state(second) == "conflict"
        assert await stage.payments(first, second) == {payment: "captured"}
        assert await stage.states(*first.seats, *seats) == "sss."

    return after


async def second_attempt(stage: Stage) -> Callable[[], Awaitable[None]]:
    """Both attempts are authorised, though the first was said to be declined."""
    mine, first = await stage.paying()
    await _say_declined(stage, mine, first)
    await stage.shift.commit()
    second = await start_payment(stage.house, mine)
    assert second != first
    await stage.says(second, "approve")
    await stage.says(first, "approve")

    async def after() -> None:
        assert await stage.state(mine) == "confirmed"
        assert sorted((await stage.payments(mine)).values()) == ["captured", "voided"]
        assert await stage.states(*mine.seats) == "ss"

    return after


async def two_late_attempts(stage: Stage) -> Callable[[], Awaitable[None]]:
    """Both attempts are authorised when the booking has lapsed: one of them is captured."""
    mine, first = await stage.paying()
    await _say_declined(stage, mine, first)
    await stage.shift.commit()
    second = await start_payment(stage.house, mine)
    await stage.lapse(mine)
    await stage.says(second, "approve")
    await stage.says(first, "approve")

    async def after() -> None:
        assert await stage.state(mine) == "confirmed"
        assert sorted((await stage.payments(mine)).values()) == ["captured", "voided"]
        assert await stage.states(*mine.seats) == "ss"

    return after


async def declined_then_authorised(stage: Stage) -> Callable[[], Awaitable[None]]:
    """One attempt, a card that fails and one that does not; heard of in either order."""
    mine, payment = await stage.paying()
    await _say_declined(stage, mine, payment)
    await stage.says(payment, "approve", copies=2)
    await _say_declined(stage, mine, payment)

    async def after() -> None:
        assert await stage.state(mine) == "confirmed"
        assert await stage.payments(mine) == {payment: "captured"}
        assert await stage.states(*mine.seats) == "ss"

    return after


async def cancelled(stage: Stage) -> Callable[[], Awaitable[None]]:
    """The fan cancels while the bank authorises."""
    mine, payment = await stage.paying()
    await stage.house.refunds.cancel(
        mine.booking_id, CancellationRequest(), Reader(mine.admission.fan_id)
    )
    await stage.says(payment, "approve")

    async def after() -> None:
        assert await stage.state(mine) == "cancelled"
        assert await stage.payments(mine) == {payment: "voided"}
        assert await stage.states(*mine.seats) == ".."

    return after


async def due_now(stage: Stage) -> Callable[[], Awaitable[None]]:
    """Authorised at the very moment of the due: whoever is first, the fan who paid has the seats,
    for nobody else has asked for them."""
    mine, payment = await stage.paying()
    await stage.sql("UPDATE booking SET due = now() WHERE id = $1", mine.booking_id)
    await stage.says(payment, "approve", copies=2)

    async def after() -> None:
        assert await stage.state(mine) == "confirmed"
        assert await stage.payments(mine) == {payment: "captured"}
        assert await stage.states(*mine.seats) == "ss"

    return after


async def wrong_amount(stage: Stage) -> Callable[[], Awaitable[None]]:
    """Another amount than was asked for is given back."""
    mine, payment = await stage.paying()
    await decide(stage.house, payment, "approve")
    (webhook,) = await bank.due_webhooks(stage.house.database, 500)
    await bank.sent(stage.house.database, [webhook.id])
    fields = {name: getattr(webhook, name) for name in webhook.__struct_fields__}
    await stage.deliver([Webhook(**{**fields, "amount": 1})])

    async def after() -> None:
        assert await stage.state(mine) == "awaiting_payment"
        assert await stage.payments(mine) == {payment: "voided"}

    return after


async def _say_declined(stage: Stage, mine: Purchase, payment: str) -> None:
    metadata = {"event": stage.event, "booking": mine.booking_id}
    words: dict[str, Any] = {"payment_id": payment, "amount": 0, "currency": "EUR"}
    said = Webhook(
        id=f"{payment}-no", message_id=f"{payment}-no", kind="declined", metadata=metadata, **words
    )
    await stage.deliver([said])


STORIES: Final[dict[str, Story]] = {
    "in time": in_time,
    "declined": declined,
    "late": _late(settled=True),
    "late, seats not given back yet": _late(settled=False),
    "late and sold": late_and_sold,
    "late and held": late_and_held,
    "late and sold, unknown to Redis": late_and_sold_unknown_to_redis,
    "conflict": conflict,
    "second attempt": second_attempt,
    "two late attempts": two_late_attempts,
    "declined, then authorised": declined_then_authorised,
    "cancelled": cancelled,
    "due now": due_now,
    "wrong amount": wrong_amount,
}
