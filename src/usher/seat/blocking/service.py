"""Blocking seats: PostgreSQL remembers, Redis decides whether a fan was faster.

Both are written inside one transaction of PostgreSQL, Redis last before its COMMIT. Killed in
between, Redis may know of a block that PostgreSQL does not: such a seat is sold to nobody, and the
request may be repeated. It takes the turn of who lays out seats, so that a layout under way, or
one after a loss of Redis, never misses a block.
"""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

import structlog

from usher.account.model import Actor
from usher.errors import BadInput, Conflict, SeatTaken
from usher.event.editing.service import Editor
from usher.event.model import Showing
from usher.event.service import EventService
from usher.plumbing.postgres import Database
from usher.seat import queries as seat_queries
from usher.seat.blocking import queries
from usher.seat.scripts import SeatScripts, Taken

log = structlog.get_logger("usher.seat")

# The states of an event's seats as Redis has them, None before they are laid out.
States = Callable[[str], Awaitable[str | None]]


class Outcome(NamedTuple):
    """What came of it: how many seats are blocked now."""

    blocked: int


class Blocking:
    def __init__(
        self,
        database: Database,
        scripts: SeatScripts,
        events: EventService,
        editor: Editor,
        states: States,
    ) -> None:
        self._database = database
        self._scripts = scripts
        self._events = events
        self._editor = editor
        self._states = states

    async def change(
        self, actor: Actor, event: str, block: list[str], unblock: list[str]
    ) -> Outcome:
        """Blocks and unblocks seats by guid, all or none: SeatTaken where a fan has one that is to
        be blocked, BadInput, Forbidden, NotFound. The same again changes nothing."""
        facts = await self._editor.facts(actor, event)
        showing = await self._events.standing_on(facts.plan_id, event)
        shut, freed = _indices(showing, "block", block), _indices(showing, "unblock", unblock)
        if both := shut & freed:
            what = f"{showing.layout.guid[min(both)]!r} is to be blocked and unblocked"
            raise BadInput(what, errors=[{"where": "unblock", "what": what}])
        if not await queries.laid(self._database, event):
            await self._events.lay_draft(event)
        async with self._database.transaction() as connection:
            await seat_queries.take_turn(connection, event)
            if not await queries.stands_on(connection, event, showing.event.plan_id):
                raise Conflict("the plan was replaced a moment ago")
            if sold := await queries.sold_among(connection, event, sorted(shut)):
                raise _taken(showing, sold)
            blocked = await queries.mark(
                connection, event, actor.account_id, sorted(shut), sorted(freed)
            )
            reply = await self._scripts.block(event, 0, len(shut), *sorted(shut), *sorted(freed))
            if isinstance(reply, Taken):
                raise _taken(showing, reply.seats)
        log.info(
            "seats blocked",
            event_id=event,
            actor=actor.account_id,
            blocked=len(shut),
            unblocked=len(freed),
        )
        return Outcome(blocked)

    async def states(self, actor: Actor, event: str) -> tuple[Showing, str]:
        """The event, and one character per seat as in a snapshot. What PostgreSQL has blocked and
        Redis has free (a second of it was lost, say) is blocked again on the way."""
        facts = await self._editor.facts(actor, event)
        showing = await self._events.standing_on(facts.plan_id, event)
        blocked = await seat_queries.blocked(self._database, event)
        states = await self._states(event)
        if states and any(states[index : index + 1] == "." for index in blocked):
            # Lost, or being put back right now: only in its turn, and by what stands then.
            async with self._database.transaction() as connection:
                await seat_queries.take_turn(connection, event)
                blocked = await queries.blocked(connection, event)
                await self._scripts.block(event, 1, len(blocked), *blocked)
            states = await self._states(event)
        if states is None or len(states) != len(showing.layout):
            marks = ["."] * len(showing.layout)
            for index in blocked:
                marks[index] = "x"
            states = "".join(marks)
        return showing, states


def _taken(showing: Showing, seats: list[int]) -> SeatTaken:
    taken = [showing.layout.guid[index] for index in seats]
    told = ", ".join(taken[:10]) + (" ..." if len(taken) > 10 else "")
    return SeatTaken(f"held or sold: {told}", taken=taken[:1_000])


def _indices(showing: Showing, where: str, guids: list[str]) -> set[int]:
    index_of = showing.layout.index_of
    unknown = [guid for guid in guids if guid not in index_of]
    if unknown:
        what = f"there is no seat {unknown[0][:60]!r}"
        raise BadInput(what, errors=[{"where": where, "what": what}], unknown=unknown[:100])
    return {index_of[guid] for guid in guids}
