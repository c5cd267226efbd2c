"""Who comes in: one transaction that uses tickets up, records every scan, and tells of it.

A door that can ask is answered by one conditional UPDATE. A device that was offline has decided
already and cannot be told no any more: what it did is written down beside what should have been
done, and of a ticket that was let in twice the earliest scan stands as its use.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from msgspec.structs import replace

from usher.checkin import queries
from usher.checkin.model import Scan, Standing
from usher.clock import EARLIEST
from usher.errors import IdempotencyMismatch, Unavailable
from usher.outbox.queries import tell
from usher.plumbing.postgres import Connection, Database

_TRIES: Final = 5


class Finding(NamedTuple):
    """What became of a scan, and the ticket it named as it stands now."""

    scan: Scan
    standing: Standing | None


class _Again(Exception):
    """Somebody else has just done what this was about to do: look anew."""


async def decide(
    database: Database,
    event: str,
    scans: Mapping[str, Scan],
    *,
    offline: bool = False,
    sent: datetime | None = None,
) -> tuple[dict[str, Finding], int]:
    """What became of `scans` (by id) and how many tickets they used up. `sent` is what the clock
    of an `offline` device said when it sent them."""
    for _ in range(_TRIES):
        try:
            async with database.transaction() as connection:
                return await _decided(connection, event, scans, offline, sent)
        except _Again:  # rolled back
            continue
    raise Unavailable("the same scan is being sent twice", retry_after_s=1)


async def recall(database: Database, event: str, scan: str) -> Finding | None:
    """A scan of an event's doors that is on record."""
    async with database.connection() as connection:
        known = await queries.known(connection, [scan])
        found = (await _found(connection, known)).get(scan)
    return found if found and found.scan.event_id == event else None


async def _decided(
    connection: Connection,
    event: str,
    scans: Mapping[str, Scan],
    offline: bool,
    sent: datetime | None,
) -> tuple[dict[str, Finding], int]:
    known = await queries.known(connection, list(scans))
    if offline:
        await _went_in(connection, known, scans)
    elif any(before.digest != scans[name].digest for name, before in known.items()):
        raise IdempotencyMismatch("this nonce was used for another code")
    now = await queries.now(connection)
    skew = now - sent if sent else timedelta(0)
    fresh = [
        replace(scan, scanned_at=min(now, max(EARLIEST, scan.scanned_at + skew)))
        for name, scan in scans.items()
        if name not in known
    ]
    used: set[str] = set()
    if fresh:
        decided, used = await (_settle if offline else _open)(connection, event, fresh)
        if await queries.record(connection, decided) < len(decided):
            raise _Again
        await tell(connection, "ticket.used", sorted(used))
        known |= {scan.id: scan for scan in decided}
    return await _found(connection, known), len(used)


async def _open(
    connection: Connection, event: str, scans: Sequence[Scan]
) -> tuple[list[Scan], set[str]]:
    """Decides on one scan now."""
    (scan,) = scans
    used = set() if scan.outcome else await queries.use(connection, event, scans)
    if used:
        return [replace(scan, outcome="admitted", let_in=True)], used
    if scan.ticket is None:
        return [scan], used
    standing = (await queries.standings(connection, [scan.ticket])).get(scan.ticket)
    # That a ticket is used, say, is told before that its number proves nothing.
    outcome = (standing.refuses(scan) or scan.outcome) if standing else "unknown_ticket"
    if not outcome:  # paid for, say, between the two statements
        raise _Again
    return [replace(scan, outcome=outcome)], used


async def _settle(
    connection: Connection, event: str, scans: Sequence[Scan]
) -> tuple[list[Scan], set[str]]:
    """Finds what scans that devices have decided on should have been."""
    standings = await queries.standings(
        connection, (scan.ticket for scan in scans if scan.ticket), lock=True
    )

    def refusal(scan: Scan) -> str | None:
        standing = standings.get(scan.ticket) if scan.ticket else None
        return scan.outcome or (standing.refuses(scan) if standing else "unknown_ticket")

    first: dict[tuple[str, int], Scan] = {}
    for scan in sorted(scans, key=lambda each: (each.scanned_at, each.id)):
        if scan.ticket and refusal(scan) in (None, "already_used") and scan.let_in:
            first.setdefault(scan.ticket, scan)
    used = await queries.use(connection, event, list(first.values()))
    rest = [scan for scan in first.values() if scan.id not in used]
    stand = used | (await queries.overtake(connection, rest) if rest else set())

    def outcome(scan: Scan) -> str:
        if scan.id in stand:
            return "admitted"
        found = refusal(scan)
        return "double" if scan.let_in and found in (None, "already_used") else found or ""

    return [replace(scan, outcome=outcome(scan)) for scan in scans], used


async def _went_in(
    connection: Connection, known: dict[str, Scan], scans: Mapping[str, Scan]
) -> None:
    """Scans that were refused here before, whose answer never came, and whose device then decided
    by itself to let them in."""
    late = [
        name
        for name, before in known.items()
        if scans[name].let_in and not before.let_in and scans[name].digest == before.digest
    ]
    if late:
        await queries.let_in(connection, late)
        known |= await queries.known(connection, late)


async def _found(connection: Connection, scans: Mapping[str, Scan]) -> dict[str, Finding]:
    standings = await queries.standings(
        connection, (scan.ticket for scan in scans.values() if scan.ticket)
    )
    return {
        name: Finding(scan, standings.get(scan.ticket) if scan.ticket else None)
        for name, scan in scans.items()
    }
