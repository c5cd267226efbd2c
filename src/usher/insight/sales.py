"""The pages of what has been sold: totals, bookings with search, and both for a spreadsheet."""

from collections.abc import AsyncIterator, Mapping
from typing import Any, Final
from urllib.parse import urlencode
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from litestar import Request, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response import Stream
from litestar.response.base import ASGIResponse

from usher import limits
from usher.account.guards import actor_of
from usher.account.model import Role
from usher.clock import iso
from usher.currency import plain_money
from usher.event.model import Showing
from usher.event.service import EventService
from usher.insight import queries
from usher.insight.pages import MAY_LOOK, MAY_TURN, PATH
from usher.insight.spreadsheet import BOM, csv_lines
from usher.notice.service import MessageService
from usher.plumbing.answer import PRIVATE
from usher.plumbing.cursor import cursor_after, read_cursor
from usher.plumbing.page import Pages
from usher.plumbing.postgres import Database
from usher.venue.model import Layout
from usher.waitlist.service import WaitlistService

AnyRequest = Request[Any, Any, Any]
STATES: Final = ("confirmed", "awaiting_payment", "expired", "cancelled", "refunded", "conflict")
_ROWS: Final = 50
_SHEET_ROWS: Final = 1_000
_WAITING: Final = 10
_MESSAGES: Final = 6  # shown of each booking, the newest
_HEAD: Final = (
    *("booking", "state", "booked_at", "confirmed_at", "name", "email", "seats", "where"),
    *("categories", "total", "currency", "reason"),
)


def sales_pages(
    pages: Pages,
    database: Database,
    events: EventService,
    waitlist: WaitlistService,
    messages: MessageService,
) -> list[HTTPRouteHandler]:
    """The pages, bound to the services they ask. Staff may look; who takes a list of people away
    must be an organiser."""

    @get(PATH + "/sales", guards=MAY_LOOK)
    async def show_sales(event: FromPath[str], request: AnyRequest) -> ASGIResponse:
        """Totals by category and by day; bookings, searched."""
        actor = actor_of(request)
        showing = await events.showing(event)
        asked = _asked(request)
        rows = await queries.bookings_of(
            database,
            event,
            text=asked["q"],
            state=asked["state"],
            after=read_cursor(str(request.query_params.get("cursor", ""))[:200], "booking"),
            most=_ROWS + 1,
        )
        told = await messages.of_bookings([row["id"] for row in rows[:_ROWS]], _MESSAGES)
        filters = {name: value for name, value in asked.items() if value}
        more = ""
        if len(rows) > _ROWS:
            last = rows[_ROWS - 1]
            more = urlencode(filters | {"cursor": cursor_after(last["created_at"], last["id"])})
        return pages.show(
            request,
            "sales.html",
            event=showing.event,
            categories=await queries.sold_by_category(database, event),
            days=await queries.sold_by_day(database, event, _timezone(showing)),
            takings=(await queries.takings(database, event))["states"],
            bookings=[
                row | {"where": rows_of(showing.layout, row["seats"]), "messages": told[row["id"]]}
                for row in rows[:_ROWS]
            ],
            waitlist=(await waitlist.listing(event, "waiting", None, _WAITING))[0],
            asked=asked,
            states=STATES,
            filtered=bool(filters),
            more=f"?{more}#bookings" if more else "",
            export=f"?{urlencode(filters)}" if filters else "",
            may_export=actor.role.covers(Role.ORGANISER),
            tab="sales",
        )

    @get(PATH + "/sales.csv", guards=MAY_TURN)
    async def export_sales(event: FromPath[str], request: AnyRequest) -> Stream:
        """Every booking that is asked for as CSV, streamed: it may be 80,000."""
        showing = await events.showing(event)
        return Stream(
            _sheet(database, showing, _asked(request)),
            media_type="text/csv",
            headers={
                "content-disposition": f'attachment; filename="sales-{showing.event.id}.csv"',
                "cache-control": PRIVATE,
                "x-content-type-options": "nosniff",
            },
        )

    return [show_sales, export_sales]


async def _sheet(
    database: Database, showing: Showing, asked: dict[str, str]
) -> AsyncIterator[bytes]:
    """The lines of the export, a page of the database at a time: a reader on a slow line keeps no
    connection busy."""
    yield BOM + csv_lines([_HEAD])
    after = None
    while True:
        rows = await queries.bookings_of(
            database,
            showing.event.id,
            text=asked["q"],
            state=asked["state"],
            after=after,
            most=_SHEET_ROWS,
        )
        if rows:
            yield csv_lines(sheet_row(row, showing.layout) for row in rows)
        if len(rows) < _SHEET_ROWS:
            return
        after = rows[-1]["created_at"], rows[-1]["id"]


def sheet_row(row: Mapping[str, Any], layout: Layout) -> list[object]:
    """A booking as a line of the export; money in major units with a dot, times in UTC."""
    seats = [layout.seat(index) for index in row["seats"]]
    return [
        row["id"],
        row["state"],
        iso(row["created_at"]),
        iso(row["confirmed_at"]) if row["confirmed_at"] else None,
        row["name"],
        row["email"],
        len(seats),
        "; ".join(where(layout, row["seats"])),
        "; ".join(dict.fromkeys(seat.category for seat in seats)),
        plain_money(row["total"], row["currency"]),
        row["currency"],
        row["reason"],
    ]


def where(layout: Layout, seats: list[int]) -> list[str]:
    """Seats as people find them: zone, row, number."""
    found = (layout.seat(index) for index in seats)
    return [" ".join(word for word in (s.zone, s.row, s.number) if word) for s in found]


def rows_of(layout: Layout, seats: list[int]) -> list[str]:
    """Seats shorter, row by row: "Stalls G 12, 13"."""
    rows: dict[tuple[str, str], list[str]] = {}
    for seat in (layout.seat(index) for index in seats):
        rows.setdefault((seat.zone, seat.row), []).append(seat.number)
    return [
        " ".join(word for word in (*row, ", ".join(filter(None, numbers))) if word)
        for row, numbers in rows.items()
    ]


def _asked(request: AnyRequest) -> dict[str, str]:
    """The filters of an address; what cannot be one filters nothing."""
    text = str(request.query_params.get("q", ""))[: limits.name_chars_max]
    state = str(request.query_params.get("state", ""))
    return {
        "q": "".join(c for c in text if c.isprintable()).strip(),
        "state": state if state in STATES else "",
    }


def _timezone(showing: Showing) -> str:
    """The zone of the event's place, UTC where nobody knows the one it names."""
    try:
        return ZoneInfo(showing.event.timezone).key
    except (ZoneInfoNotFoundError, ValueError):
        return "UTC"
