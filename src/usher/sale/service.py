"""Changing a sale: PostgreSQL first, then the gate in Redis, never an older version over a newer.

Killed between the two, the worker's tick (`sync`) brings Redis up to date within a second.
"""

from typing import Any

import structlog

from usher import limits
from usher.errors import Conflict, NotFound, Unavailable
from usher.ids import is_id
from usher.plumbing.postgres import Database
from usher.sale import queries
from usher.sale.model import (
    GateChange,
    Sale,
    SaleChange,
    changed,
    due_state,
    gate_fields,
    given,
)
from usher.sale.scripts import SaleScripts, Set, Unbuilt

log = structlog.get_logger("usher.sale")

# Two operators may turn knobs at once: each change is retried over the other's, so both count.
_TRIES = 5


class SaleService:
    def __init__(self, database: Database, scripts: SaleScripts) -> None:
        self._database = database
        self._scripts = scripts

    async def find(self, event: str) -> Sale:
        """The sale of `event`; NotFound."""
        sale = await queries.find(self._database, event) if is_id("event", event) else None
        if sale is None:
            raise NotFound(f"there is no event {event[:40]!r}")
        return sale

    async def published(self) -> list[tuple[Sale, bool]]:
        """Every sale of a published event, and whether its inventory has been built."""
        return await queries.published(self._database)

    async def change(self, event: str, actor: str, change: SaleChange | GateChange) -> Sale:
        """Applies what `change` gives; BadInput and Conflict leave everything as it was.

        The same change again changes nothing and answers the same.
        """
        return await self._apply(event, actor, given(change))

    async def resume(self, event: str, actor: str) -> Sale:
        """Opens a paused sale; Conflict where it is not paused, so that nobody opens one early."""
        sale = await self.find(event)
        if sale.state not in ("paused", "open"):
            raise Conflict(
                f"the sale is {sale.state}, not paused: `open` opens it", state=sale.state
            )
        return await self._apply(event, actor, {"state": "open"})

    async def _apply(self, event: str, actor: str, wanted: dict[str, Any]) -> Sale:
        for _ in range(_TRIES):
            sale = await self.find(event)
            fields = {n: v for n, v in wanted.items() if getattr(sale, n) != v}
            if not fields:
                await self.push(sale)
                return sale
            changed(sale, fields)
            if fields.get("state") in ("lobby", "open") and not await queries.is_published(
                self._database, event
            ):
                raise Conflict("the event is not published yet: publish it first")
            after = await queries.change(
                self._database, event, sale.version, fields, actor, before=sale
            )
            if after is not None:
                log.info(
                    "sale changed",
                    event_id=event,
                    actor=actor,
                    **{n: str(fields[n]) for n in fields},
                )
                return await self.push(after)
        raise Conflict("the sale is being changed by others: try again", retry_after_s=1)

    async def push(self, sale: Sale) -> Sale:
        """Brings the gate to `sale`, and the lobby's closing size back to PostgreSQL.

        A sale whose seats are not laid out yet is pushed by whoever lays them out.
        """
        size = -1 if sale.lobby_size is None else sale.lobby_size
        reply = await self._scripts.set(
            sale.event_id, sale.version, sale.number_high, size, *gate_fields(sale)
        )
        if isinstance(reply, Set) and reply.lobby_n >= 0 and sale.lobby_size is None:
            await queries.close_lobby(self._database, sale.event_id, reply.lobby_n)
            return await self.find(sale.event_id)
        return sale

    async def sync(self, sale: Sale, gate_version: int, gate_state: str, now_ms: int) -> Sale:
        """One tick: what time brings, what the seats bring, and a gate that is behind.

        `gate_state` is the state as the gate sees it ("sold_out" is its to say).
        """
        wanted: dict[str, Any] = {}
        if state := due_state(sale, now_ms):
            wanted["state"] = state
        elif sale.state == "open" and gate_state == "sold_out":
            wanted["state"] = "sold_out"
        elif sale.state == "sold_out" and gate_state == "open":
            wanted["state"] = "open"
        if wanted:
            after = await queries.change(
                self._database, sale.event_id, sale.version, wanted, "clock", before=sale
            )
            if after is None:  # a colleague was faster
                return await self.find(sale.event_id)
            log.info("sale moved on", event_id=sale.event_id, state=wanted["state"])
            return await self.push(after)
        if gate_version < sale.version or sale.lobby_size is None:
            return await self.push(sale)
        return sale

    async def restore(self, event: str) -> None:
        """After a loss of Redis, once the seats are back: the gate, with numbers beyond any
        that may have been given since `number_high` was last written."""
        sale = await self.find(event)
        if sale.number_high:
            beyond = sale.number_high + limits.number_gap
            await queries.raise_number_high(self._database, event, beyond)
            if sale.lobby_size is None and sale.state not in ("draft", "lobby"):
                # Redis was lost after it had closed the lobby and before we heard how large it
                # was. Nothing can have been drawn without that, so any size will do that has
                # room for every index given.
                await queries.close_lobby(self._database, event, beyond)
            sale = await self.find(event)
        if isinstance(
            await self._scripts.set(
                event,
                sale.version,
                sale.number_high,
                -1 if sale.lobby_size is None else sale.lobby_size,
                *gate_fields(sale),
            ),
            Unbuilt,
        ):
            raise Unavailable(f"the seats of {event} are not laid out yet", retry_after_s=2)

    async def note_number(self, sale: Sale, next_number: int) -> None:
        """Remembers how far numbers have been given, when they have moved."""
        if next_number > sale.number_high:
            await queries.raise_number_high(self._database, sale.event_id, next_number)

    async def changes(self, event: str, most: int = limits.page_rows_max) -> list[dict[str, Any]]:
        """Who changed what, newest first; NotFound."""
        await self.find(event)
        return await queries.changes(self._database, event, most)

    async def record_notice(self, event: str, actor: str, text: str) -> None:
        """Writes down who told everybody what; the same again is not written again."""
        await queries.record_notice(self._database, event, actor, text)
