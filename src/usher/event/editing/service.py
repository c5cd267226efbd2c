"""Making and changing events. Whose they are: an organiser's own, or nobody's; an admin's, all."""

import asyncio
import hashlib

import msgspec
import structlog

from usher import limits
from usher.account.model import Actor, Role
from usher.clock import utc_now
from usher.errors import BadInput, Conflict, Forbidden, IdempotencyMismatch, NotFound
from usher.event.editing import queries
from usher.event.editing.model import TEXTS, EventChange, EventRequest, Facts, MyEvent
from usher.event.model import NewEvent
from usher.event.service import EventService, check_new
from usher.ids import derived_id, is_id, new_id
from usher.plumbing.postgres import Database
from usher.sale.model import SaleSettings
from usher.venue.layout import compile_layout
from usher.venue.price import default_prices
from usher.venue.report import Found

log = structlog.get_logger("usher.event")


class Editor:
    def __init__(self, database: Database, events: EventService) -> None:
        self._database = database
        self._events = events

    async def mine(self, actor: Actor) -> list[MyEvent]:
        """The events that this organiser may change, newest first."""
        who = None if actor.role.covers(Role.ADMIN) else actor.account_id
        return await queries.mine(self._database, who, limits.page_rows_max)

    async def productions(self, actor: Actor) -> list[str]:
        """Titles of productions to choose from."""
        return await queries.productions(self._database, actor.account_id)

    async def facts(self, actor: Actor, event: str) -> Facts:
        """The event; NotFound, and Forbidden where it is another organiser's."""
        found = await queries.facts(self._database, event) if is_id("event", event) else None
        if found is None:
            raise NotFound(f"there is no event {event[:40]!r}")
        owner = found.organiser_id
        if owner not in (None, actor.account_id) and not actor.role.covers(Role.ADMIN):
            raise Forbidden("this event is another organiser's")
        return found

    async def create(self, actor: Actor, key: str | None, new: NewEvent, found: Found) -> str:
        """The id of a new draft; the same organiser's same key again is the same event.
        BadInput and BadPlan leave nothing behind."""
        event = derived_id("event", actor.account_id, key) if key else new_id("event")
        new = msgspec.structs.replace(
            new,
            organiser_id=actor.account_id,
            prices=default_prices(found.plan, new.prices),
        )
        return await self._events.create(
            new, found.plan, SaleSettings(), event=event, report=found.report
        )

    async def request(self, actor: Actor, key: str | None, asked: EventRequest) -> str:
        """`create`, as the API asks for it."""
        found = await asyncio.to_thread(asked.plan.read)
        if unknown := asked.prices.keys() - {each.name for each in found.plan.categories}:
            what = f"names {sorted(unknown)[0]!r}, which the plan lacks"
            raise BadInput(f"prices {what}", errors=[{"where": "prices", "what": what}])
        texts = {name: getattr(asked, name) for name in TEXTS}
        digest = hashlib.blake2b(msgspec.json.encode(asked), digest_size=8).hexdigest()
        report = msgspec.structs.replace(found.report, asked=digest)
        found = Found(found.plan, report)
        event = await self.create(actor, key, NewEvent(prices=asked.prices, **texts), found)
        if (await self.facts(actor, event)).report.asked != digest:
            raise IdempotencyMismatch("this Idempotency-Key made another event")
        return event

    async def change(self, actor: Actor, event: str, change: EventChange) -> Facts:
        """Changes what is given and records it; BadInput, Conflict. Prices and currency stand
        once fans shop: what somebody was shown is what they pay."""
        before = await self.facts(actor, event)
        given = {n: v for n in TEXTS if (v := getattr(change, n)) is not msgspec.UNSET}
        prices = {each.name: each.price for each in before.categories}
        if change.prices is not msgspec.UNSET:
            given["prices"] = prices | change.prices
        colors = {} if change.colors is msgspec.UNSET else change.colors
        if unknown := sorted(colors.keys() - prices.keys()):
            what = f"names {unknown[0]!r}, which the plan lacks"
            raise BadInput(f"colors {what}", errors=[{"where": "colors", "what": what}])
        after = before.as_new(**given)
        showing = await self._events.standing_on(before.plan_id, event)
        check_new(after, showing.layout)
        if await queries.change(self._database, event, actor.account_id, after, colors) is None:
            raise Conflict("prices and currency stay as they are once fans can buy")
        self._events.forget(event)
        return await self.facts(actor, event)

    async def replace_plan(self, actor: Actor, event: str, found: Found) -> None:
        """Gives a draft another plan; categories of the same name keep their price, blocked seats
        are free again. Conflict once it is published, BadPlan."""
        before = await self.facts(actor, event)
        layout = await asyncio.to_thread(compile_layout, found.plan)
        known = {each.name: each.price for each in before.categories}
        prices = default_prices(found.plan, known)
        report = msgspec.json.encode(
            msgspec.structs.replace(found.report, asked=before.report.asked)
        )
        if not await queries.replace_plan(
            self._database, event, actor.account_id, layout, prices, report
        ):
            raise Conflict("the plan stays as it is once an event is published")
        self._events.forget(event)

    async def publish(self, actor: Actor, event: str) -> Facts:
        """From now on fans see it. Again is harmless; BadInput where it is over already."""
        before = await self.facts(actor, event)
        if before.state != "published":
            if before.starts_at <= utc_now():
                what = "lies in the past"
                raise BadInput(f"starts_at {what}", errors=[{"where": "starts_at", "what": what}])
            await self._events.publish(event)
            await queries.record(
                self._database, event, actor.account_id, "event", before.state, "published"
            )
            self._events.forget(event)
            log.info("event published", event_id=event, actor=actor.account_id)
        return await self.facts(actor, event)
