"""Making, publishing and showing events."""

import asyncio
import gzip
import secrets
import time
from collections import OrderedDict
from datetime import datetime
from typing import Final, NamedTuple

import asyncpg
import msgspec
import structlog

from usher import limits
from usher.clock import is_timezone, wrong_time
from usher.errors import BadInput, Conflict, NotFound, Unavailable
from usher.event import queries
from usher.event.model import EventRow, NewEvent, PriceClass, Showing
from usher.ids import is_id, new_id
from usher.plumbing.postgres import Database
from usher.sale.model import SaleSettings, check
from usher.venue.check import CONTROL
from usher.venue.layout import compile_layout
from usher.venue.model import Layout, Plan
from usher.venue.report import Report

log = structlog.get_logger("usher.event")

# A plan never changes; the rest of an event (prices, times, state) may, and is read again.
FRESH_S: Final = 2.0
FILTERS_S: Final = 2.0
PATIENCE_S: Final = 0.5
KEPT_S: Final = 600.0  # what is not fresh is shown only while PostgreSQL is away
_LINES: Final = str.maketrans({"\n": " ", "\r": " ", "\t": " "})
# Layouts are kept up to as many seats as these largest halls have: a hundred small events are
# cheaper to keep than to compile anew every FRESH_S.
_LAYOUT_SEATS_MAX: Final = 16 * limits.plan_seats_max
_LAYOUTS_MAX: Final = 1_000


class _Laid(NamedTuple):
    """What is made of a plan once: a bowl of 80,000 seats is 3.2 MB of geometry, 0.6 MB
    zipped."""

    layout: Layout
    geometry: bytes
    zipped: bytes
    etag: str


class EventService:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._layouts: OrderedDict[str, _Laid] = OrderedDict()
        self._showings: dict[str, tuple[float, Showing]] = {}
        self._filters: tuple[list[str], list[str]] = ([], [])
        self._filters_at = -FILTERS_S
        self._loading: dict[str, tuple[asyncio.Task[Showing], float]] = {}

    async def create(
        self,
        new: NewEvent,
        plan: Plan,
        sale: SaleSettings,
        *,
        event: str | None = None,
        report: Report | None = None,
    ) -> str:
        """The id of a new draft. BadPlan and BadInput leave nothing behind. Made again under the
        same id it is the same event, as it was made first."""
        layout = await asyncio.to_thread(compile_layout, plan)
        check(sale)
        check_new(new, layout)
        event = event or new_id("event")
        told = msgspec.json.encode(report) if report else b"{}"
        try:
            await queries.create(
                self._database, event, new, layout, sale, secrets.token_bytes(32), told
            )
        except asyncpg.UniqueViolationError as violation:
            if violation.constraint_name != "event_pkey":
                raise
            return event
        log.info("event created", event_id=event, seats=len(layout))
        return event

    async def publish(self, event: str) -> None:
        """From now on fans see it; the worker lays out its seats. Again is harmless."""
        if not await queries.publish(self._database, event):
            raise await self._missing(event)

    async def _missing(self, event: str) -> NotFound | Conflict:
        row = await queries.find(self._database, event)
        if row is None:
            return NotFound(f"there is no event {event}")
        return Conflict(f"the event is {row.state} and cannot be published")

    async def lay_seats(self, event: str) -> Layout:
        """Writes the event's seats to PostgreSQL, and gives their layout."""
        return await self._lay(event, built=True)

    async def lay_draft(self, event: str) -> None:
        """Writes the seats of an event that is not on sale yet, to PostgreSQL only."""
        await self._lay(event, built=False)

    async def _lay(self, event: str, *, built: bool) -> Layout:
        for _ in range(2):  # what is known here may be older than the plan
            showing = await self.showing(event)
            plan_id, layout = showing.event.plan_id, showing.layout
            if await queries.lay_seats(self._database, event, plan_id, layout, built=built):
                return layout
            self.forget(event)
        raise Unavailable("the plan is being replaced", retry_after_s=1)

    def forget(self, event: str) -> None:
        """Reads the event anew next time: something of it has just been changed here."""
        self._showings.pop(event, None)

    async def search(
        self,
        *,
        city: str = "",
        production: str = "",
        day: datetime | None = None,
        text: str = "",
        after: tuple[datetime, str] | None = None,
        most: int = limits.page_rows_max,
        drafts: bool = False,
    ) -> list[EventRow]:
        """Events in the order of their start; empty filters filter nothing."""
        return await queries.search(
            self._database,
            city=city,
            production=production,
            day=day,
            text=text,
            after=after,
            most=most,
            drafts=drafts,
        )

    async def filters(self) -> tuple[list[str], list[str]]:
        """Cities and productions of the events on show, for who searches; FILTERS_S old at most:
        a crowd on the first page asks the database no more often."""
        if time.monotonic() - self._filters_at >= FILTERS_S:
            self._filters = await queries.filters(self._database)
            self._filters_at = time.monotonic()
        return self._filters

    async def showing(self, event: str) -> Showing:
        """All about an event, at most FRESH_S old; NotFound. Costs a dictionary look-up. What was
        known last will do while PostgreSQL is away, or lets us wait for longer than PATIENCE_S:
        fans who wait and choose need nothing of it."""
        known = self._showings.get(event)
        if known and time.monotonic() - known[0] < FRESH_S:
            return known[1]
        if not is_id("event", event):
            raise NotFound(f"there is no event {event[:40]!r}")
        if event not in self._loading:
            loading = asyncio.create_task(self._load(event))
            self._loading[event] = (loading, time.monotonic() + PATIENCE_S)
            loading.add_done_callback(lambda task: self._loaded(event, task))
        loading, late = self._loading[event]
        # Shielded: the first caller going away must not fail the others.
        try:
            async with asyncio.timeout(max(0.0, late - time.monotonic()) if known else None):
                return await asyncio.shield(loading)
        except (Unavailable, TimeoutError):
            if known is None:
                raise
            return known[1]

    def _loaded(self, event: str, task: "asyncio.Task[Showing]") -> None:
        self._loading.pop(event, None)
        if not task.cancelled():
            task.exception()  # whoever waited has heard of it; perhaps nobody did any more

    async def standing_on(self, plan_id: str, event: str) -> Showing:
        """As `showing`, read anew where it stands on another plan than that one: another process
        may have replaced a draft's plan a moment ago."""
        showing = await self.showing(event)
        if showing.event.plan_id != plan_id:
            self.forget(event)
            showing = await self.showing(event)
        return showing

    async def access(self, event: str) -> str:
        """Who may join, "guest" or "login"; NotFound."""
        return (await self.showing(event)).event.access

    async def shown(self, event: str) -> Showing:
        """As `showing`, for fans: a draft is nobody's business yet."""
        showing = await self.showing(event)
        if showing.event.state == "draft":
            raise NotFound(f"there is no event {event}")
        return showing

    async def _load(self, event: str) -> Showing:
        row = await queries.find(self._database, event)
        if row is None:
            self._showings.pop(event, None)
            raise NotFound(f"there is no event {event}")
        laid_out = await self._layout(row.plan_id)
        categories = tuple(
            PriceClass(rank, name, color, price, laid.first, laid.count, laid.auto_count)
            for (rank, name, color, price), laid in zip(
                await queries.prices(self._database, event), laid_out.layout.categories, strict=True
            )
        )
        showing = Showing(event=row, categories=categories, **laid_out._asdict())
        now = time.monotonic()
        # Kept for good, they would keep their layouts for good.
        self._showings = {e: each for e, each in self._showings.items() if now - each[0] < KEPT_S}
        self._showings[event] = (now, showing)
        return showing

    async def _layout(self, plan_id: str) -> _Laid:
        known = self._layouts.get(plan_id)
        if known is None:
            document = await queries.plan_document(self._database, plan_id)

            def compiled() -> _Laid:
                layout = compile_layout(Plan.from_json(document))
                geometry = layout.geometry_json()
                zipped = gzip.compress(geometry, 6, mtime=0)
                return _Laid(layout, geometry, zipped, layout.digest())

            known = await asyncio.to_thread(compiled)
            self._layouts[plan_id] = known
            seats = sum(len(each.layout) for each in self._layouts.values())
            while len(self._layouts) > _LAYOUTS_MAX or seats > _LAYOUT_SEATS_MAX:
                seats -= len(self._layouts.popitem(last=False)[1].layout)
        self._layouts.move_to_end(plan_id)
        return known


def check_new(new: NewEvent, layout: Layout) -> None:
    """BadInput naming every impossible fact of an event."""
    errors = []
    for name in ("title", "production", "kind", "venue", "city", "hall"):
        value = getattr(new, name)
        if len(value) > limits.name_chars_max or CONTROL.search(value):
            errors.append({"where": name, "what": "is too long or holds control characters"})
    text = new.description.translate(_LINES)
    if len(text) > limits.description_chars_max or CONTROL.search(text):
        what = "is too long or holds control characters"
        errors.append({"where": "description", "what": what})
    if not is_timezone(new.timezone):
        errors.append({"where": "timezone", "what": "is none of the tz database"})
    if not new.title.strip():
        errors.append({"where": "title", "what": "is empty"})
    if len(new.currency) != 3 or not (new.currency.isascii() and new.currency.isupper()):
        errors.append({"where": "currency", "what": "must be three capitals (ISO 4217)"})
    if what := wrong_time(new.starts_at):
        errors.append({"where": "starts_at", "what": what})
    names = {each.name for each in layout.categories}
    for name in sorted(names - set(new.prices)):
        errors.append({"where": "prices", "what": f"has none for category {name!r}"})
    for name, price in new.prices.items():
        if name not in names:
            errors.append({"where": "prices", "what": f"names {name!r}, which the plan lacks"})
        elif not 0 <= price <= limits.price_max:
            errors.append({"where": "prices", "what": f"{name!r}: must be 0 to {limits.price_max}"})
    if errors:
        raise BadInput("; ".join(f"{e['where']} {e['what']}" for e in errors), errors=errors)
