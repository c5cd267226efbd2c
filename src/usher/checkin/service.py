"""The door: codes are read, decided on, and answered.

A scan's id is made of the device's nonce, so that a reply that was lost is asked for again and is
the same: a fan is never called a cheat because a network was slow.
"""

from datetime import datetime
from typing import Any, Final, NamedTuple

import structlog

from usher.booking.model import read_ticket_id, ticket_id
from usher.checkin import queries
from usher.checkin.counts import Counts
from usher.checkin.deciding import Finding, decide, recall
from usher.checkin.model import (
    REFUSALS,
    Admitted,
    CheckIn,
    DoorTicket,
    OfflineScan,
    OfflineScans,
    Report,
    Reported,
    Scan,
    ScanView,
    digest_of,
    scan_id,
)
from usher.clock import LATEST, iso, wrong_time
from usher.errors import (
    BadInput,
    IdempotencyMismatch,
    Malformed,
    NotFound,
    Unauthenticated,
    UsherError,
)
from usher.event.model import Showing
from usher.event.service import EventService
from usher.plumbing.postgres import Database
from usher.seat.model import seat_view
from usher.ticket.keybook import KeyBook

log = structlog.get_logger("usher.door")

_SAYS: Final = {
    "already_used": "the ticket was used already",
    "revoked": "the ticket was handed on; its new holder has the code that is good",
    "cancelled": "the ticket was given back",
    "not_confirmed": "the ticket's booking is not paid",
    "wrong_event": "the ticket is for another event",
    "unknown_ticket": "there is no such ticket",
    "unsigned": "a ticket's number alone proves nothing: look who holds it, and vouch for them",
    "forged": "nobody here has signed this code",
    "no_ticket": "this is no ticket's code, or a damaged one",
}


class _Read(NamedTuple):
    """What a text says: which ticket it names, and the refusal that is plain from it alone."""

    booking_id: str | None = None
    seat: int | None = None
    serial: int | None = None
    typed: bool = False
    outcome: str = ""


class CheckInService:
    def __init__(
        self, database: Database, events: EventService, counts: Counts, keys: KeyBook
    ) -> None:
        self._database = database
        self._events = events
        self._counts = counts
        self._keys = keys

    async def check_in(self, event: str, actor: str, shown: CheckIn) -> Admitted:
        """Lets the holder of a ticket in, once; refusals say why not. With the same nonce it is
        the same scan, with the same answer."""
        showing = await self._events.showing(event)
        scan = await self._scan(event, actor, shown)
        findings, used = await decide(self._database, event, {scan.id: scan})
        self._counts.add(event, used)
        return await self._answer(showing, findings[scan.id])

    async def said(self, event: str, scan: str) -> Admitted:
        """What was said of a scan that was made before; NotFound where there was none."""
        showing = await self._events.showing(event)
        found = await recall(self._database, event, scan)
        if found is None:
            raise NotFound("there is no such scan")
        return await self._answer(showing, found)

    async def upload(self, event: str, actor: str, batch: OfflineScans) -> Report:
        """Takes the scans that a device made while it was offline: all, or none. Of a ticket that
        was let in more than once the earliest scan stands as its use."""
        showing = await self._events.showing(event)
        scans: dict[str, Scan] = {}
        sent: list[Scan] = []
        for index, each in enumerate(batch.scans):
            scan = await self._scan(event, actor, each, f"scans[{index}].at")
            scans.setdefault(scan.id, scan)
            sent.append(scan)
        now = _moment(batch.now, "now") if batch.now else None
        findings, used = await decide(self._database, event, scans, offline=True, sent=now)
        self._counts.add(event, used)
        told = [
            _reported(showing, each.nonce, findings[scan.id])
            if findings[scan.id].scan.digest == scan.digest
            else Reported(nonce=each.nonce, outcome=IdempotencyMismatch.code)
            for each, scan in zip(batch.scans, sent, strict=True)
        ]
        return Report(told, (await self._counts.of(event)).entered)

    async def scans(
        self, event: str, *, contested: bool, after: tuple[datetime, str] | None, most: int
    ) -> list[ScanView]:
        """The door's book, newest first; `contested`: let in, and perhaps wrongly so."""
        showing = await self._events.showing(event)
        rows = await queries.scans_of(
            self._database, event, contested=contested, after=after, most=most
        )
        return [_scan_view(showing, row) for row in rows]

    async def _scan(
        self, event: str, actor: str, shown: CheckIn | OfflineScan, where: str = "at"
    ) -> Scan:
        text = shown.code.strip()
        refused = shown.refused if isinstance(shown, OfflineScan) else None
        read = await self._read(event, text, typed=shown.typed)
        return Scan(
            id=scan_id(event, shown.nonce),
            event_id=event,
            booking_id=read.booking_id,
            seat=read.seat,
            serial=read.serial,
            digest=digest_of(text, typed=read.typed),
            typed=read.typed,
            entrance=shown.entrance.strip(),
            actor=actor,
            # A time to come is now.
            scanned_at=_moment(shown.at, where) if shown.at else LATEST,
            outcome=refused or read.outcome,
            let_in=isinstance(shown, OfflineScan) and refused is None,
        )

    async def _read(self, event: str, text: str, *, typed: bool) -> _Read:
        if by_number := read_ticket_id(text):
            return _Read(*by_number, typed=typed, outcome="" if typed else "unsigned")
        try:
            code = await self._keys.read(text)
        except Unauthenticated:
            log.warning("a code that nobody here has signed", event_id=event)
            return _Read(outcome="forged")
        except Malformed:
            return _Read(outcome="no_ticket")
        outcome = "" if code.event_id == event else "wrong_event"
        return _Read(code.booking_id, code.seat, code.serial, outcome=outcome)

    async def _answer(self, showing: Showing, found: Finding) -> Admitted:
        """What is said of a scan: who comes in, or the refusal."""
        scan, standing = found
        if not scan.let_in:
            raise await self._refusal(showing, found)
        # Let in offline, with a code that names nobody, or somebody of another event.
        if standing is None or standing.event_id != showing.event.id:
            raise NotFound("this scan names no ticket of this event")
        return Admitted(
            outcome="admitted",
            scan_id=scan.id,
            ticket=_ticket(showing, standing.booking_id, standing.seat, standing.holder),
            used_at=scan.scanned_at,
            used_where=scan.entrance,
            entered=(await self._counts.of(showing.event.id)).entered,
        )

    async def _refusal(self, showing: Showing, found: Finding) -> UsherError:
        scan, standing = found
        members: dict[str, Any] = {"scan_id": scan.id}
        if standing is not None and standing.event_id == showing.event.id:
            ticket = _ticket(showing, standing.booking_id, standing.seat, standing.holder)
            members["ticket"] = ticket
            if standing.used_at is not None:
                members |= {"used_at": iso(standing.used_at), "used_where": standing.used_where}
        elif standing is not None:
            other = (await self._events.showing(standing.event_id)).event
            if other.state != "draft":  # what is on show may be told at any door
                members["event"] = {"title": other.title, "starts_at": iso(other.starts_at)}
        return REFUSALS[scan.outcome](_SAYS[scan.outcome], **members)


def _moment(at: datetime, where: str) -> datetime:
    if what := wrong_time(at):
        raise BadInput(f"{where} {what}", errors=[{"where": where, "what": what}])
    return at


def _ticket(showing: Showing, booking: str, seat: int, holder: str) -> DoorTicket:
    words = seat_view(showing, seat)
    return DoorTicket(
        ticket_id=ticket_id(booking, seat),
        holder=holder,
        **{name: words[name] for name in ("zone", "row", "number", "category")},
    )


def _reported(showing: Showing, nonce: str, found: Finding) -> Reported:
    scan, standing = found
    if standing is None or standing.event_id != showing.event.id:
        return Reported(nonce=nonce, outcome=scan.outcome)
    elsewhere = standing.used_by != scan.id
    return Reported(
        nonce=nonce,
        outcome=scan.outcome,
        ticket=_ticket(showing, standing.booking_id, standing.seat, standing.holder),
        used_at=standing.used_at if elsewhere else None,
        used_where=standing.used_where if elsewhere else "",
    )


def _scan_view(showing: Showing, row: dict[str, Any]) -> ScanView:
    booking, seat = row["booking_id"], row["seat"]
    return ScanView(
        scan_id=row["id"],
        ticket=_ticket(showing, booking, seat, row["holder"]) if booking else None,
        **{
            name: row[name]
            for name in ("outcome", "let_in", "typed", "entrance", "scanned_at", "uploaded_at")
        },
        staff=row["staff"],
        used_at=row["used_at"],
        used_where=row["used_where"] or "",
    )
