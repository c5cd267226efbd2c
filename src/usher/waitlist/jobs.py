"""The worker's side of waiting lists: seats that come back are offered in turn.

One turn may be taken by any number of workers at once, as often as they like: the hold of an offer
is named after its entry and attempt, so that two workers, or one that was killed between the hold
and COMMIT, make the same offer; and every move of an entry is a conditional UPDATE.
"""

from collections.abc import Sequence
from typing import Any, Final

import structlog

from usher import limits
from usher.clock import to_ms
from usher.event.model import PriceClass, Showing
from usher.event.service import EventService
from usher.keys import Keys
from usher.outbox import queries as outbox
from usher.plumbing.postgres import Database
from usher.seat import scripts as seat
from usher.waitlist import queries
from usher.waitlist.model import Entry, State, hold_of, offer_s, place_of
from usher.waitlist.scripts import Look, WaitlistScripts

log = structlog.get_logger("usher.waitlist")

DIGEST: Final = "offer"  # what a replay of the script must say: an offer's id says it all


class Offers:
    def __init__(
        self,
        database: Database,
        scripts: WaitlistScripts,
        seats: seat.SeatScripts,
        events: EventService,
    ) -> None:
        self.database = database
        self.scripts = scripts
        self._seats = seats
        self._events = events

    async def prepare(self, event: str) -> None:
        """Keeps an event's seats for who waits, before its sale goes on after a loss of Redis."""
        if any(await queries.alive(self.database, event)):
            await self.scripts.call(event)

    async def wanted(self) -> set[str]:
        """The events whose list is to be given a turn, but for those whose gate says so."""
        return await queries.with_somebody(self.database)

    async def turn(self, event: str, listed: str) -> None:
        """What has become of offers, new ones, and to whom free seats are sold until the next turn.
        `listed` is what the gate says of that; where nobody waits, this is one statement."""
        waits, offers = await queries.alive(self.database, event)
        if not (waits or offers or listed):
            return
        look = await self.scripts.look(event)
        if not isinstance(look, Look):
            return
        showing = await self._events.showing(event)
        kept = await self._follow(showing, look) if offers else 0
        # While all may buy ("0") many hold seats, and there is nothing to finish: offers are made
        # before that is said, and where something has come back meanwhile it is not said.
        if look.held > kept and look.listed != "0":
            await self._finish(showing, event)
        waits, offers = await queries.alive(self.database, event)
        stands_s = offer_s(showing, look.now_ms)
        waits = waits and stands_s > 0
        free, on_sale = look.free, look.state == "open"
        # "0" says that it was looked through, and nothing has come back since.
        if on_sale and waits and free and look.listed != "0":
            on_sale = await _Pass(self, showing, stands_s).run()
            waits, offers = await queries.alive(self.database, event)
            now = await self.scripts.look(event)
            free = now.free if isinstance(now, Look) else 0
        serves = ""
        if waits or offers:
            # An offer that stands keeps the list open for who joins behind it.
            serves = look.listed if not on_sale else "0" if free else "1"
        if serves != look.listed:
            # What has come back meanwhile has moved `seq`: then nothing is set.
            await self.scripts.set(event, serves, look.seq)

    # --- offers that stand

    async def _follow(self, showing: Showing, look: Look) -> int:
        """Moves on the offers that were booked, declined or let lapse, and makes again what a loss
        of Redis has taken. Gives how many seats are held by the others."""
        event, kept = showing.event.id, 0
        found = await queries.offered(self.database, event)
        records = await self._records(event, [entry.hold_id for entry, _ in found])
        for (entry, booking), record in zip(found, records, strict=True):
            state = (record or "").partition(" ")[0]
            over = entry.due is not None and to_ms(entry.due) <= look.now_ms
            if booking:
                await self._move(entry, "waiting" if booking == "conflict" else "booked")
            elif state == "h":
                kept += entry.quantity
            elif state == "f" or (not state and over):
                await self._move(entry, "lapsed" if over else "declined")
            elif not state:
                await self._make_again(showing, entry, look)
        return kept

    async def _records(self, event: str, holds: Sequence[str]) -> list[str | None]:
        if not holds:
            return []
        key = Keys(event).named(("hold",))[0]
        return list(await self._seats.runner.command("HMGET", key, *holds))

    async def _move(self, entry: Entry, after: State) -> None:
        if await queries.move(self.database, entry.id, entry.attempt, "offered", after):
            log.info("offer ended", event_id=entry.event_id, entry=entry.id, state=after)
            if after == "waiting":  # may fit what nobody else on the list did
                await self.scripts.call(entry.event_id)

    async def _make_again(self, showing: Showing, entry: Entry, look: Look) -> None:
        assert entry.due is not None  # waitlist_offer_whole
        if look.state != "open":
            return
        left_s = max(1, (to_ms(entry.due) - look.now_ms) // 1000)
        for category in wanted(showing, entry):
            reply = await self.hold(entry, entry.attempt, category, left_s)
            if isinstance(reply, seat.Held):
                await queries.offer_anew(
                    self.database, entry.id, entry.attempt, reply.seats, reply.due_ms
                )
                return
        await self._move(entry, "waiting")

    # --- new ones

    async def _finish(self, showing: Showing, event: str) -> None:
        """More is held than by the offers that are known: one may have been made and not written
        down."""
        after = 0
        while rows := await queries.attempts(self.database, event, after, 1_000):
            holds = [hold_of(row["id"], row["attempt"] + 1) for row in rows]
            for row, record in zip(rows, await self._records(event, holds), strict=True):
                entry = record and await queries.find(self.database, row["id"])
                if record and entry and record[0] == "h":
                    await self.offer(entry, showing.categories[0], 1)
            after = rows[-1]["turn"]

    async def hold(self, entry: Entry, attempt: int, category: PriceClass, stands_s: int) -> Any:
        """The script's reply: the hold of an offer, made or found."""
        return await self._seats.offer(
            entry.event_id,
            hold_of(entry.id, attempt),
            place_of(entry.id, attempt),
            DIGEST,
            category.rank,
            category.first,
            category.auto_count,
            entry.quantity,
            0,
            stands_s,
        )

    async def offer(self, entry: Entry, category: PriceClass, stands_s: int) -> Any:
        """The next offer to an entry, held and written down; else the script's refusal."""
        attempt = entry.attempt + 1
        reply = await self.hold(entry, attempt, category, stands_s)
        if not isinstance(reply, seat.Held):
            return reply
        hold_id = hold_of(entry.id, attempt)
        async with self.database.transaction() as connection:
            made = await queries.offer(
                connection, entry.id, attempt, hold_id, reply.seats, reply.due_ms
            )
            if made:
                await outbox.tell(connection, "offer.made", [f"{entry.id}.{attempt}"])
        if made:
            log.info("offer made", event_id=entry.event_id, entry=entry.id, attempt=attempt)
        else:
            await self._let_go_of_stray(entry, attempt)
        return reply

    async def _let_go_of_stray(self, entry: Entry, attempt: int) -> None:
        """A colleague has written this very offer down; or its fan has left meanwhile, and nobody
        will come for the seats."""
        now = await queries.find(self.database, entry.id)
        if now is None or now.attempt < attempt or now.state == "left":
            await self._seats.free(
                entry.event_id, hold_of(entry.id, attempt), place_of(entry.id, attempt)
            )

    async def skip(self, entry: Entry) -> Entry | None:
        """The entry at its next attempt: this one's hold has come and gone without being written
        down. None where a colleague has moved the entry on."""
        if not await queries.skip(self.database, entry.id, entry.attempt + 1):
            return None
        return await queries.find(self.database, entry.id)


class _Pass:
    """One look through a list: everybody who fits is offered seats, in turn; who does not is passed
    over and keeps their turn. It asks Redis once per offer, and once per category and party that
    does not fit."""

    def __init__(self, offers: Offers, showing: Showing, stands_s: int) -> None:
        self._offers = offers
        self._showing = showing
        self._stands_s = stands_s
        # The largest party that may still fit, by category.
        self._most = {each.name: limits.hold_seats_max for each in showing.categories}

    async def run(self) -> bool:
        """Serves everybody who can be; False where the sale was stopped meanwhile."""
        event, after = self._showing.event.id, 0
        while batch := await queries.waiting(
            self._offers.database,
            event,
            after,
            limits.waitlist_batch_max,
            self._most,
            max(self._most.values(), default=0),
        ):
            for entry in batch:
                after = entry.turn
                if not await self._serve(entry):
                    return False
        return True

    async def _serve(self, entry: Entry) -> bool:
        """Offers seats where they fit; False where nothing is sold any more."""
        again: Entry | None = entry
        while again is not None:
            reply = await self._best(again)
            if isinstance(reply, seat.Closed):
                return False
            again = await self._offers.skip(again) if isinstance(reply, seat.Gone) else None
        return True

    async def _best(self, entry: Entry) -> Any:
        reply: Any = None
        for category in wanted(self._showing, entry):
            if entry.quantity > self._most[category.name]:
                continue
            reply = await self._offers.offer(entry, category, self._stands_s)
            if not isinstance(reply, seat.Few):
                break
            self._most[category.name] = reply.most
        return reply


def wanted(showing: Showing, entry: Entry) -> list[PriceClass]:
    """The categories an entry would take, the best first."""
    return [
        each for each in showing.categories if not entry.categories or each.name in entry.categories
    ]
