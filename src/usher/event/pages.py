"""The catalogue as pages: the list of events, and an event."""

import secrets
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime
from typing import Any, Final
from urllib.parse import urlencode

from litestar import Request, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from usher import limits
from usher.clock import utc_now
from usher.event.model import Showing
from usher.event.routes import category_view
from usher.event.service import EventService
from usher.plumbing.cursor import cursor_after, read_cursor
from usher.plumbing.page import Pages

AnyRequest = Request[Any, Any, Any]
# How many seats of an event are free, None where nobody knows yet. The line's room knows.
Left = Callable[[str], Awaitable[int | None]]

_PAGE_EVENTS: Final = 24


def event_pages(pages: Pages, events: EventService, left: Left) -> list[HTTPRouteHandler]:
    """The pages, bound to what they show."""

    @get("/", include_in_schema=False)
    async def show_events(request: AnyRequest) -> ASGIResponse:
        """Published events, by start, filtered as the form on the page says."""
        asked = {name: _asked(request, name) for name in ("q", "city", "production", "date")}
        cursor = request.query_params.get("cursor", "")
        rows = await events.search(
            city=asked["city"],
            production=asked["production"],
            day=_day(asked["date"]),
            text=asked["q"],
            after=read_cursor(cursor, "event"),
            most=_PAGE_EVENTS + 1,
        )
        more = ""
        if len(rows) > _PAGE_EVENTS:
            last = rows[_PAGE_EVENTS - 1]
            given = {name: value for name, value in asked.items() if value}
            more = "/?" + urlencode(given | {"cursor": cursor_after(last.starts_at, last.id)})
        cities, productions = await events.filters()
        return pages.show(
            request,
            "events.html",
            events=rows[:_PAGE_EVENTS],
            asked=asked,
            filtered=any(asked.values()),
            cities=cities,
            productions=productions,
            more=more,
        )

    @get("/events/{event:str}", include_in_schema=False)
    async def show_event_page(event: FromPath[str], request: AnyRequest) -> ASGIResponse:
        """An event: what, where, when, for how much, and the way in."""
        showing = await events.shown(event)
        return pages.show(
            request,
            "event.html",
            script="event.js",
            left=await left(event),
            until=_until(showing),
            key=secrets.token_urlsafe(18),
            **event_context(showing),
        )

    return [show_events, show_event_page]


def event_context(showing: Showing) -> dict[str, Any]:
    """What templates about an event know of it: the row and its categories with prices."""
    event = showing.event
    return {
        "event": event,
        "categories": [category_view(each, event.currency) for each in showing.categories],
    }


def _until(showing: Showing) -> dict[str, int]:
    now = utc_now()

    def seconds(moment: datetime | None) -> int:
        return max(0, round((moment - now).total_seconds())) if moment else 0

    return {"lobby": seconds(showing.event.lobby_at), "opens": seconds(showing.event.opens_at)}


def _asked(request: AnyRequest, name: str) -> str:
    text = str(request.query_params.get(name, ""))[: limits.name_chars_max]
    return "".join(c for c in text if c.isprintable()).strip()


def _day(text: str) -> datetime | None:
    """A day as a form sends it; whatever else came filters nothing."""
    try:
        day = date.fromisoformat(text)
        return datetime(day.year, day.month, day.day, tzinfo=UTC)
    except ValueError:
        return None
