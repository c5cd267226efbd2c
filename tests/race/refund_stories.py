"""Stories of money that goes back, as `stories` are of money that comes."""

from collections.abc import Awaitable, Callable
from typing import Final

from tests.race.buyers import Purchase
from tests.race.stage import Stage
from tests.race.stories import Story
from usher.account.model import Reader
from usher.booking.model import ticket_id
from usher.booking.refunding.model import CancellationRequest
from usher.payment.sandbox.model import Outcome

ORGANISER: Final = "acc_organiser"


async def bought(stage: Stage, outcome: Outcome = "approve") -> tuple[Purchase, str]:
    """A purchase that is confirmed and whose money is still to be captured."""
    mine, payment = await stage.paying()
    await stage.says(payment, outcome)
    await stage.shift.commit()
    return mine, payment


async def give_back(stage: Stage, purchase: Purchase, *seats: int) -> None:
    """The organiser gives these seats of a booking back; all where none are named."""
    tickets = [ticket_id(purchase.booking_id, seat) for seat in seats]
    await stage.house.refunds.cancel(
        purchase.booking_id, CancellationRequest(tickets), Reader(), ORGANISER
    )


async def refunds(stage: Stage, purchase: Purchase) -> dict[str, int]:
    """How much of a booking's money is in refunds of each state, in seats' prices."""
    rows = await stage.sql(
        "SELECT r.state, sum(r.amount * 2 / b.total)::int AS seats FROM refund AS r"
        " JOIN booking AS b ON b.id = r.booking_id WHERE b.id = $1 GROUP BY r.state",
        purchase.booking_id,
    )
    return {row["state"]: row["seats"] for row in rows}


def _all_went_back(stage: Stage, mine: Purchase, payment: str) -> Callable[[], Awaitable[None]]:
    """Both tickets, their money and their seats, whatever was captured first."""

    async def after() -> None:
        assert await stage.state(mine) == "refunded"
        assert await stage.payments(mine) == {payment: "captured"}
        assert await refunds(stage, mine) == {"done": 2}
        assert await stage.states(*mine.seats) == ".."

    return after


async def before_the_capture(stage: Stage) -> Callable[[], Awaitable[None]]:
    """Given back before the money was captured: it is captured, and goes back."""
    mine, payment = await bought(stage)
    await give_back(stage, mine)

    return _all_went_back(stage, mine, payment)


async def after_the_capture(stage: Stage) -> Callable[[], Awaitable[None]]:
    """One ticket, then the other."""
    mine, payment = await bought(stage)
    await stage.shift.round()
    await give_back(stage, mine, mine.seats[0])
    await give_back(stage, mine, mine.seats[0])
    await give_back(stage, mine)

    return _all_went_back(stage, mine, payment)


async def in_part(stage: Stage) -> Callable[[], Awaitable[None]]:
    """One ticket of two, before any seat has heard that it is sold; told twice."""
    mine, payment = await stage.paying()
    await stage.says(payment, "approve", copies=2)
    entries = await stage.shift.entries()
    await stage.shift.commit()
    await give_back(stage, mine, mine.seats[1])
    await stage.shift.ledger.handle(entries)  # a colleague's late replay

    async def after() -> None:
        assert await stage.state(mine) == "confirmed"
        assert await stage.payments(mine) == {payment: "captured"}
        assert await refunds(stage, mine) == {"done": 1}
        assert await stage.states(*mine.seats) == "s."

    return after


async def sold_again(stage: Stage) -> Callable[[], Awaitable[None]]:
    """Given back and bought by another fan, while the letters of the first one come again."""
    mine, payment = await bought(stage)
    await give_back(stage, mine)
    await stage.shift.finish()
    other, theirs = await stage.paying(*mine.seats)
    await stage.says(theirs, "approve")
    await stage.sql(
        "UPDATE outbox SET state = 'pending', due = now(), attempts = 0"
        " WHERE subject = $1 OR subject LIKE $2 AND kind IN ('settle', 'refund', 'capture')",
        payment,
        f"{mine.booking_id} %",
    )

    async def after() -> None:
        assert await stage.state(mine) == "refunded"
        assert await stage.state(other) == "confirmed"
        assert await stage.payments(mine, other) == {payment: "captured", theirs: "captured"}
        assert await refunds(stage, mine) == {"done": 2}
        assert await stage.states(*mine.seats) == "ss"

    return after


async def nothing_to_capture(stage: Stage) -> Callable[[], Awaitable[None]]:
    """The bank had promised the money and does not have it."""
    mine, payment = await bought(stage, "capture_fails")

    async def after() -> None:
        assert await stage.state(mine) == "cancelled"
        assert await stage.payments(mine) == {payment: "failed"}
        assert await stage.states(*mine.seats) == ".."

    return after


async def nothing_to_give_back(stage: Stage) -> Callable[[], Awaitable[None]]:
    """One ticket is given back, and then there is nothing to be captured."""
    mine, payment = await bought(stage, "capture_fails")
    await give_back(stage, mine, mine.seats[0])

    async def after() -> None:
        assert await stage.state(mine) == "cancelled"
        assert await stage.payments(mine) == {payment: "failed"}
        assert await refunds(stage, mine) == {"dropped": 1}
        assert await stage.states(*mine.seats) == ".."

    return after


async def captured_in_silence(stage: Stage) -> Callable[[], Awaitable[None]]:
    """The bank captures and its answer is lost; meanwhile the booking is given back."""
    mine, payment = await bought(stage, "timeout_on_capture")
    await give_back(stage, mine)

    return _all_went_back(stage, mine, payment)


async def called_off(stage: Stage) -> Callable[[], Awaitable[None]]:
    """The event is cancelled: what is paid goes back, what is not is cancelled, what is authorised
    at that moment is given back."""
    mine, payment = await bought(stage)
    other, theirs = await stage.paying()
    idle, open_ = await stage.paying()
    await stage.says(theirs, "approve")
    await stage.sql("UPDATE event SET state = 'cancelled' WHERE id = $1", stage.event)

    async def after() -> None:
        # The test's next round is of an event that goes on.
        await stage.sql("UPDATE event SET state = 'published' WHERE id = $1", stage.event)
        stage.house.events.forget(stage.event)
        assert await stage.state(mine) == "refunded"
        assert await refunds(stage, mine) == {"done": 2}
        told = await stage.payments(mine, other, idle)
        assert (told[payment], told[open_]) == ("captured", "voided")
        assert await stage.state(idle) == "cancelled"
        # Whoever was first: the bank's word or the end of the event.
        first = await stage.state(other), told[theirs]
        assert first in (("refunded", "captured"), ("cancelled", "voided")), first
        assert await stage.states(*mine.seats, *other.seats, *idle.seats) == "......"

    return after


REFUND_STORIES: Final[dict[str, Story]] = {
    "given back before the capture": before_the_capture,
    "given back after the capture": after_the_capture,
    "given back in part": in_part,
    "given back and sold again": sold_again,
    "nothing to capture": nothing_to_capture,
    "nothing to capture, partly given back": nothing_to_give_back,
    "captured in silence": captured_in_silence,
    "called off": called_off,
}
