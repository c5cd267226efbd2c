"""The catalogue over HTTP."""

import base64
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Final

from litestar import Request, Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, QueryParameter

from usher import limits
from usher.clock import iso
from usher.errors import BadInput
from usher.event.model import EventRow, PriceClass
from usher.event.service import EventService

# Printable text only: a %00 would otherwise travel as far as PostgreSQL.
_TEXT: Final = r"^[^\x00-\x1f\x7f]*$"
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
        "sale": {
            "mode": row.mode,
            "state": row.sale_state,
            "lobby_at": iso(row.lobby_at) if row.lobby_at else None,
            "opens_at": iso(row.opens_at) if row.opens_at else None,
            "closes_at": iso(row.closes_at) if row.closes_at else None,
            "seats_max": row.seats_max,
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


def _cursor(row: EventRow) -> str:
    text = f"{row.starts_at.astimezone(UTC).isoformat()} {row.id}"
    return base64.urlsafe_b64encode(text.encode()).decode()


def _after(cursor: str) -> tuple[datetime, str]:
    try:
        moment, _, event = base64.urlsafe_b64decode(cursor).decode("ascii").partition(" ")
        start = datetime.fromisoformat(moment)
        if start.tzinfo is None or (not event.isalnum() and "_" not in event):
            raise ValueError
        # Offsets and years at the very edge overflow inside PostgreSQL.
        if not datetime(1990, 1, 1, tzinfo=UTC) < start < datetime(2990, 1, 1, tzinfo=UTC):
            raise ValueError
    except (ValueError, OverflowError):
        raise BadInput("cursor is not one this list gave") from None
    return start.astimezone(UTC) + timedelta(0), event


def event_handlers(events: EventService) -> list[HTTPRouteHandler]:
    """The routes, bound to their services."""

    @get("/api/v1/events")
    async def list_events(
        city: Text = "",
        production: Text = "",
        day: Annotated[date | None, QueryParameter(name="date")] = None,
        q: Text = "",
        limit: Annotated[int, QueryParameter(ge=1, le=limits.page_rows_max)] = 50,
        cursor: Annotated[str, QueryParameter(max_length=200, pattern=r"^[A-Za-z0-9_=-]*$")] = "",
    ) -> dict[str, Any]:
        """Published events by start; `date` is a day in UTC."""
        rows = await events.search(
            city=city,
            production=production,
            day=datetime(day.year, day.month, day.day, tzinfo=UTC) if day else None,
            text=q,
            after=_after(cursor) if cursor else None,
            most=limit + 1,
        )
        more = len(rows) > limit
        rows = rows[:limit]
        return {
            "events": [event_view(row) for row in rows],
            "cursor": _cursor(rows[-1]) if more else None,
        }

    @get("/api/v1/events/{event:str}")
    async def show_event(event: FromPath[str]) -> dict[str, Any]:
        """An event, its sale and its prices."""
        showing = await events.showing(event)
        view = event_view(showing.event)
        view["description"] = showing.event.description
        view["categories"] = [
            category_view(each, showing.event.currency) for each in showing.categories
        ]
        return view

    @get("/api/v1/events/{event:str}/plan")
    async def show_plan(
        event: FromPath[str],
        request: Request[Any, Any, Any],
    ) -> Response[bytes]:
        """The geometry of the plan; it never changes for an event."""
        showing = await events.showing(event)
        headers = {"etag": showing.etag, "cache-control": "public, max-age=31536000, immutable"}
        if request.headers.get("if-none-match") == showing.etag:
            return Response(content=b"", status_code=304, headers=headers)
        return Response(content=showing.geometry, media_type="application/json", headers=headers)

    return [list_events, show_event, show_plan]
