"""The organiser's pages of a sale: its console and every change; sales.py has the bookings."""

import asyncio
from datetime import timedelta
from typing import Any, Final
from urllib.parse import quote

from litestar import Request, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from usher import limits
from usher.account.guards import actor_of, own_event, page_for
from usher.account.model import Actor
from usher.errors import BadInput, Conflict
from usher.event.service import EventService
from usher.feed.scripts import FeedScripts, Noticed
from usher.insight import queries
from usher.insight.forecast import forecast
from usher.insight.pulse import Pulse, Pulses
from usher.plumbing.answer import Money
from usher.plumbing.form import Form, read_form
from usher.plumbing.language import Language
from usher.plumbing.page import Pages, see_other
from usher.plumbing.postgres import Database
from usher.sale.model import TRANSITIONS, GateChange, SaleChange
from usher.sale.service import SaleService

AnyRequest = Request[Any, Any, Any]
PATH: Final = "/organiser/events/{event:str}"
MAY_TURN: Final = [page_for("organiser", "admin"), own_event]
MAY_LOOK: Final = [page_for("staff", "organiser", "admin"), own_event]
_ROWS: Final = 100
_SAME_DAY_S: Final = 12 * 3600
_DONE: Final = ("sale", "gate", "notice")
# What cannot be taken back, or lets a whole line in at once: asked for twice.
_GRAVE: Final = ("closed", "draft", "simple")


def console_pages(
    pages: Pages,
    database: Database,
    events: EventService,
    sales: SaleService,
    feed: FeedScripts,
    pulses: Pulses,
) -> list[HTTPRouteHandler]:
    """The pages, bound to the services they ask."""

    async def show(
        request: AnyRequest, event: str, form: Form, status: int = 200, refused: str = ""
    ) -> ASGIResponse:
        showing, pulse = await asyncio.gather(events.showing(event), pulses.of(event, fresh=True))
        done = request.query_params.get("done", "")
        return pages.show(
            request,
            "console.html",
            status,
            script="console/console.js",
            event=showing.event,
            pulse=pulse,
            minute=_this_minute(pulse),
            outlooked=_outlook(pulse, pages.language(request), showing.event.timezone),
            form=form,
            refused=refused,
            done=done if done in _DONE else "",
            limits=limits,
            tab="console",
        )

    @get(PATH + "/console", guards=MAY_TURN)
    async def show_console(event: FromPath[str], request: AnyRequest) -> ASGIResponse:
        """The console of a sale."""
        return await show(request, event, Form())

    async def posted(request: AnyRequest, event: str) -> tuple[Actor, Form]:
        actor = actor_of(request)
        await events.showing(event)
        return actor, await read_form(request)

    @post(PATH + "/console/sale", guards=MAY_TURN)
    async def post_sale(event: FromPath[str], request: AnyRequest) -> ASGIResponse:
        """Moves the sale on, or switches its mode; what is grave is asked for again first."""
        actor, form = await posted(request, event)
        wanted = form["state"] or form["mode"]
        if wanted in _GRAVE and not form["sure"]:
            return pages.show(
                request,
                "console_sure.html",
                event=(await events.showing(event)).event,
                pulse=await pulses.of(event),
                name="state" if form["state"] else "mode",
                wanted=wanted,
                tab="console",
            )
        try:
            await sales.change(event, actor.account_id, _sale_change(form))
        except Conflict as refusal:
            return await show(request, event, form, 409, refusal.detail)
        return see_other(_console(event, "sale"))

    @post(PATH + "/console/gate", guards=MAY_TURN)
    async def post_gate(event: FromPath[str], request: AnyRequest) -> ASGIResponse:
        """Turns the gate."""
        actor, form = await posted(request, event)
        say = pages.language(request)
        change = GateChange()
        if form["state"] in ("open", "paused"):
            change = GateChange(state="open" if form["state"] == "open" else "paused")
        else:
            most = limits.rate_per_min_max
            fault = say.gettext("The rate must be a whole number of 1 to %s.") % say.number(most)
            rate = form.number("rate_per_min", 1, most, fault)
            most = limits.capacity_max
            fault = say.gettext("The capacity must be a whole number of 1 to %s.") % say.number(
                most
            )
            capacity = form.number("capacity", 1, most, fault)
            if not form.good:
                return await show(request, event, form, 422)
            change = GateChange(rate_per_min=rate, capacity=capacity)
        await sales.change(event, actor.account_id, change)
        return see_other(_console(event, "gate"))

    @post(PATH + "/console/notice", guards=MAY_TURN)
    async def post_notice_form(event: FromPath[str], request: AnyRequest) -> ASGIResponse:
        """Tells everybody who waits or looks; an empty text takes the notice down."""
        actor, form = await posted(request, event)
        # Forms send line ends as CR LF, and count for two what the page's limit counts for one.
        text = "" if form["down"] else form["notice"].replace("\r\n", "\n")
        if len(text) > limits.notice_chars_max or any(c < " " and c != "\n" for c in text):
            most = limits.notice_chars_max
            say = pages.language(request)
            form.fault("notice", say.gettext("A notice has at most %s letters.") % most)
            return await show(request, event, form, 422)
        if not isinstance(await feed.notice(event, text), Noticed):
            say = pages.language(request)
            form.fault("notice", say.gettext("Nobody can wait yet: publish the event first."))
            return await show(request, event, form, 409)
        await sales.record_notice(event, actor.account_id, text)
        return see_other(_console(event, "notice"))

    @get(PATH + "/changes", guards=MAY_LOOK)
    async def show_changes(event: FromPath[str], request: AnyRequest) -> ASGIResponse:
        """Every change of the sale: who, when, what, from, to."""
        showing = await events.showing(event)
        before = str(request.query_params.get("before", ""))
        number = int(before) if before.isascii() and before.isdigit() and len(before) < 19 else None
        rows = await queries.changes(database, event, number, _ROWS + 1)
        return pages.show(
            request,
            "changes.html",
            event=showing.event,
            changes=rows[:_ROWS],
            more=rows[_ROWS - 1]["id"] if len(rows) > _ROWS else None,
            tab="changes",
        )

    return [show_console, post_sale, post_gate, post_notice_form, show_changes]


def _console(event: str, done: str = "") -> str:
    # Whatever the address held: nothing of it may end a header's line.
    return f"/organiser/events/{quote(event, safe='')}/console" + (f"?done={done}" if done else "")


def _sale_change(form: Form) -> SaleChange:
    state: Any = form["state"]
    mode: Any = form["mode"]
    if state in TRANSITIONS and state != "sold_out":
        return SaleChange(state=state)
    if mode in ("simple", "queued"):
        return SaleChange(mode=mode)
    raise BadInput("this is nothing a sale can become")


def _this_minute(pulse: Pulse) -> tuple[int, Money]:
    """Bookings and revenue of the minute that has begun."""
    began = pulse.at.replace(second=0, microsecond=0)
    found = next((each for each in pulse.minutes if each.at == began), None)
    bookings, revenue = (found.bookings, found.revenue) if found else (0, 0)
    return bookings, Money(revenue, pulse.revenue.currency)


def _outlook(pulse: Pulse, language: Language, timezone: str) -> dict[str, Any]:
    """The what-if line at the settings as they are, its moments as times of the event's place."""
    found = forecast(pulse.waiting, pulse.free, pulse.rate_per_min, pulse.capacity, pulse.pace)

    def moment(seconds: int | None) -> str:
        if seconds is None:
            return ""
        form = "time" if seconds < _SAME_DAY_S else "short"
        return language.when(pulse.at + timedelta(seconds=seconds), timezone, form)

    return {
        "forecast": found,
        "line_at": moment(found.line_s),
        "seats_at": moment(found.seats_s),
    }
