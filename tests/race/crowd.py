"""Fans who book at the same time, each with an intention; and what each of them was promised."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from tests.race.buyers import Purchase, claim, decide, enter, hold
from tests.race.stage import Stage
from usher.account.model import Reader
from usher.booking.refunding.model import CancellationRequest
from usher.errors import NotFound, SeatTaken, Unavailable
from usher.payment.sandbox.model import Outcome
from usher.seat.service import Admission

# What a fan wants, and what becomes of a booking by it.
WISHES: Final[dict[str, str]] = {
    "approve": "confirmed",
    "duplicate": "confirmed",
    "decline": "awaiting_payment",
    "free": "confirmed",
    "cancel": "cancelled",
}
OUTCOMES: Final[dict[str, Outcome]] = {
    "approve": "approve",
    "duplicate": "duplicate",
    "decline": "decline",
}
PATIENCE_S: Final = 60.0


class Crowd:
    """Prices of 0 make seats free of charge: those are for who wants that."""

    def __init__(self, stage: Stage, seed: int, wishes: Sequence[str] = tuple(WISHES)) -> None:
        self.stage = stage
        self.wishes = wishes
        self.chance = random.Random(seed)
        self.promised: dict[str, tuple[Purchase, str]] = {}
        self.refused = 0

    async def come(self, fans: int, within_s: float) -> None:
        """So many fans, spread over `within_s`; returns when each has what it wants."""
        async with asyncio.TaskGroup() as group:
            for _ in range(fans):
                group.create_task(self._fan(self.chance.random() * within_s))

    async def _fan(self, after_s: float) -> None:
        stage, chance = self.stage, self.chance
        await asyncio.sleep(after_s)
        wish = chance.choice(self.wishes)
        showing = await patiently(lambda: stage.house.events.showing(stage.event))
        seats = [
            i for i in range(len(showing.layout)) if (wish == "free") == (not showing.price_of(i))
        ]
        first = chance.randrange(len(seats))
        wanted = seats[first : first + chance.randint(1, 3)]
        # Step by step, each of which may be asked for again when its answer was lost.
        fan: Admission = await patiently(lambda: enter(stage.house, stage.event))
        key = f"{chance.random()}"
        try:
            held = await patiently(lambda: hold(stage.house, fan, *wanted, key=key))
        except SeatTaken:
            self.refused += 1
            return
        purchase = await patiently(lambda: claim(stage.house, fan, held, *wanted))
        self.promised[purchase.booking_id] = (purchase, wish)
        fan_id = purchase.admission.fan_id
        if wish == "cancel":
            await patiently(
                lambda: stage.house.refunds.cancel(
                    purchase.booking_id, CancellationRequest(), Reader(fan_id)
                )
            )
        elif wish != "free":
            paying = await patiently(
                lambda: stage.house.bookings.pay(purchase.booking_id, Reader(fan_id))
            )
            await patiently(lambda: decide(stage.house, paying["payment_id"], OUTCOMES[wish]))

    async def check(self) -> None:
        """Everybody has got what they were promised, once, and the money says the same."""
        stage = self.stage
        lost = await stage.house.auditor.lost(self.promised)
        assert not lost, "lost"
        rows = await stage.sql("SELECT id, state FROM booking WHERE event_id = $1", stage.event)
        became = {row["id"]: row["state"] for row in rows}
        wrong = {
            booking: (wish, became.get(booking))
            for booking, (_, wish) in self.promised.items()
            if became.get(booking) != WISHES[wish]
        }
        assert not wrong
        assert became.keys() == self.promised.keys(), "bookings nobody asked for"
        (sums,) = await stage.sql(
            "SELECT (SELECT coalesce(sum(t.price), 0) FROM ticket AS t JOIN booking AS b"
            "  ON b.id = t.booking_id WHERE t.event_id = $1 AND b.state = 'confirmed') AS tickets,"
            " (SELECT coalesce(sum(amount), 0) FROM payment"
            "  WHERE event_id = $1 AND state = 'captured') AS captured,"
            " (SELECT coalesce(sum(amount), 0) FROM sandbox_charge"
            "  WHERE metadata ->> 'event' = $1 AND state = 'captured') AS bank",
            stage.event,
        )
        assert sums["tickets"] == sums["captured"] == sums["bank"]
        await stage.check()
        wishes = {wish for _, wish in self.promised.values()}
        assert wishes == set(self.wishes), "too small a crowd"


async def patiently(call: Callable[[], Awaitable[Any]]) -> Any:
    """What a fan's page does: it asks again while the answer is "not yet" or "not now"."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                return await call()
            except (NotFound, Unavailable):
                await asyncio.sleep(0.1)
