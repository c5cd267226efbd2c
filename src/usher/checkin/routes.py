"""Checking in over HTTP, for staff and organisers."""

from typing import Annotated, Any, Final

from litestar import Request, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody, QueryParameter
from litestar.response.base import ASGIResponse

from usher import limits
from usher.account.guards import actor_of, own_event, require_role
from usher.checkin.counts import Counts, DoorCounts, TicketList
from usher.checkin.model import Admitted, CheckIn, OfflineScans, Report, ScanPage
from usher.checkin.service import CheckInService
from usher.plumbing.answer import Answer, answer, shaped
from usher.plumbing.cursor import Cursor, cursor_after, read_cursor

AnyRequest = Request[Any, Any, Any]
_PATH: Final = "/api/v1/events/{event:str}/checkins"
_LIST: Final = shaped(TicketList) | shaped(None, 304, "As you have it.")
_MAY: Final = [require_role("staff", "organiser", "admin"), own_event]


def checkin_handlers(door: CheckInService, counts: Counts) -> list[HTTPRouteHandler]:
    """The routes, bound to their services."""

    @post(_PATH, status_code=200, guards=_MAY, responses=shaped(Admitted))
    async def check_in(
        event: FromPath[str], data: JSONBody[CheckIn], request: AnyRequest
    ) -> ASGIResponse:
        """Let the holder of a ticket in, once. Refused: `already_used` (with when and where),
        `revoked`, `cancelled`, `not_confirmed`, `wrong_event`, `forged`, `no_ticket`, `unsigned`,
        `unknown_ticket`. The same nonce gives the same answer."""
        return answer(await door.check_in(event, actor_of(request).account_id, data))

    @post(
        _PATH + "/batch",
        status_code=200,
        guards=_MAY,
        responses=shaped(Report),
        request_max_body_size=limits.scan_batch_bytes_max,
    )
    async def upload_scans(
        event: FromPath[str], data: JSONBody[OfflineScans], request: AnyRequest
    ) -> ASGIResponse:
        """Hand in the scans a device made while it was offline, as often as it takes. Each gets
        its outcome; "double" was let in on a ticket that an earlier scan had used."""
        return answer(await door.upload(event, actor_of(request).account_id, data))

    @get(_PATH, guards=_MAY, responses=shaped(DoorCounts))
    async def count_checkins(event: FromPath[str]) -> ASGIResponse:
        """Who has come in: by category, by entrance, by minute; ask every 2 seconds."""
        return answer(await counts.of(event))

    @get(_PATH + "/scans", guards=_MAY, responses=shaped(ScanPage))
    async def list_scans(
        event: FromPath[str],
        limit: Annotated[int, QueryParameter(ge=1, le=limits.page_rows_max)] = 50,
        cursor: Cursor = "",
        contested: Annotated[
            bool, QueryParameter(description="Only who was let in, and perhaps wrongly so.")
        ] = False,
    ) -> ASGIResponse:
        """Every scan at the event's doors, newest first."""
        rows = await door.scans(
            event, contested=contested, after=read_cursor(cursor, "scan"), most=limit + 1
        )
        last = rows[limit - 1] if len(rows) > limit else None
        after = cursor_after(last.scanned_at, last.scan_id) if last else None
        return answer(ScanPage(rows[:limit], after))

    @get(_PATH + "/tickets", guards=_MAY, responses=_LIST)
    async def list_door_tickets(event: FromPath[str], request: AnyRequest) -> ASGIResponse:
        """All that a device needs to go on while it is offline; ask again with `If-None-Match`."""
        listed = await counts.tickets(event)
        head = [
            (b"cache-control", b"private, no-cache"),
            (b"etag", listed.etag.encode()),
            (b"vary", b"accept-encoding, authorization, cookie"),
        ]
        had = request.headers.get("if-none-match", "").split(",")
        if listed.etag in (each.strip() for each in had):
            return Answer(b"", 304, head)
        zips = "gzip" in request.headers.get("accept-encoding", "")
        body = listed.zipped if zips else listed.body
        head += [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        return Answer(body, 200, head + ([(b"content-encoding", b"gzip")] if zips else []))

    return [check_in, upload_scans, count_checkins, list_scans, list_door_tickets]
