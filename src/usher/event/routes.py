"""The catalogue over HTTP."""

from datetime import UTC, date, datetime
from typing import Annotated, Any, Final

from litestar import Request, Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, QueryParameter
from litestar.response.base import ASGIResponse

from usher import limits
from usher.clock import iso
from usher.event.model import EventDetails, EventPage, EventRow, PriceClass
from usher.event.service import EventService
from usher.plumbing.answer import PUBLIC_SECOND, answer, shaped
from usher.plumbing.cursor import Cursor, cursor_after, read_cursor
from usher.plumbing.etag import if_none_match, known

# Printable text only: a %00 would otherwise travel as far as PostgreSQL.
# `$` alone would let a last line break pass.
_TEXT: Final = r"^[^\x00-\x1f\x7f]*$(?!\n)"
Text = Annotated[str, QueryParameter(max_length=limits.name_chars_max, pattern=_TEXT)]


def event_view(row: EventRow) -> dict[str, Any]:
    """An event in a list."""
    return {
        "id": row.id,
        "title": row.title,
        "production": row.production,
        "kind": row.kind,
        "venue": row.venue,
        "city": row.city,
        "hall": row.hall,
        "timezone": row.timezone,
        "starts_at": iso(row.starts_at),
        "currency": row.currency,
        "seats": row.seats,
        "cancel_before_s": row.cancel_before_s,
        "sale": {
            "mode": row.mode,
            "state": row.sale_state,
            "lobby_at": iso(row.lobby_at) if row.lobby_at else None,
            "opens_at": iso(row.opens_at) if row.opens_at else None,
            "closes_at": iso(row.closes_at) if row.closes_at else None,
            "seats_max": row.seats_max,
            "access": row.access,
            "waitlist": row.waitlist,
        },
    }


def category_view(category: PriceClass, currency: str) -> dict[str, Any]:
    """A category with its price."""
    return {
        "name": category.name,
        "color": category.color,
        "price": {"amount": category.price, "currency": currency},
        "seats": category.count,
    }


def event_handlers(events: EventService) -> list[HTTPRouteHandler]:
    """The routes, bound to their services."""

    @get("/api/v1/events", responses=shaped(EventPage))
    async def list_events(
        city: Text = "",
        production: Text = "",
        day: Annotated[date | None, QueryParameter(name="date")] = None,
        q: Text = "",
        limit: Annotated[int, QueryParameter(ge=1, le=limits.page_rows_max)] = 50,
        cursor: Cursor = "",
    ) -> ASGIResponse:
        """Published events by start; `date` is a day in UTC."""
        rows = await events.search(
            city=city,
            production=production,
            day=datetime(day.year, day.month, day.day, tzinfo=UTC) if day else None,
            text=q,
            after=read_cursor(cursor, "event"),
            most=limit + 1,
        )
        last = rows[limit - 1] if len(rows) > limit else None
        body = {
            "events": [event_view(row) for row in rows[:limit]],
            "cursor": cursor_after(last.starts_at, last.id) if last else None,
        }
        return answer(body, cache=PUBLIC_SECOND)

    @get("/api/v1/events/{event:str}", responses=shaped(EventDetails))
    async def show_event(event: FromPath[str]) -> ASGIResponse:
        """An event, its sale and its prices."""
        showing = await events.shown(event)
        view = event_view(showing.event)
        view["description"] = showing.event.description
        view["categories"] = [
            category_view(each, showing.event.currency) for each in showing.categories
        ]
        return answer(view, cache=PUBLIC_SECOND)

    @get(
        "/api/v1/events/{event:str}/plan",
        responses=shaped(dict[str, Any]) | shaped(None, 304, "As you have it."),
    )
    async def show_plan(
        event: FromPath[str],
        request: Request[Any, Any, Any],
    ) -> Response[bytes]:
        """The geometry of the plan; it never changes for an event. Compressed where gzip is
        accepted."""
        showing = await events.shown(event)
        zips = "gzip" in request.headers.get("accept-encoding", "")
        # Other bytes, other tag; either says that the plan is known.
        etag, zipped_etag = f'"{showing.etag}"', f'"{showing.etag}-gzip"'
        headers = {
            "etag": zipped_etag if zips else etag,
            "cache-control": "public, max-age=31536000, immutable",
            "vary": "accept-encoding",
        }
        if known(if_none_match(request.scope), etag, zipped_etag):
            return Response(content=b"", status_code=304, headers=headers)
        body = showing.zipped if zips else showing.geometry
        if zips:
            headers["content-encoding"] = "gzip"
        return Response(content=body, media_type="application/json", headers=headers)

    return [list_events, show_event, show_plan]
