"""All SQL of the door."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from usher.checkin.model import Scan, Standing
from usher.plumbing.postgres import Connection, Database

Ticket = tuple[str, int]

_SCAN: Final = (
    "id, event_id, booking_id, seat, serial, digest, typed, entrance, actor, scanned_at, outcome,"
    " let_in"
)
_HOLDER: Final = "CASE WHEN t.holder <> '' THEN t.holder ELSE b.name END AS holder"


async def now(connection: Connection) -> datetime:
    """When this transaction began."""
    moment: datetime = await connection.fetchval("SELECT now()")
    return moment


async def use(connection: Connection, event: str, scans: Sequence[Scan]) -> set[str]:
    """Uses up the tickets of `scans`, at most one scan each, where they are good and unused: the
    one statement by which a ticket opens a door. The ids of the scans that did."""
    rows = await connection.fetch(
        "UPDATE ticket AS t SET used_at = s.at, used_where = s.entrance, used_by = s.id"
        " FROM unnest($2::text[], $3::text[], $4::integer[], $5::integer[], $6::timestamptz[],"
        "  $7::text[]) AS s (id, booking_id, seat, serial, at, entrance), booking AS b"
        " WHERE t.booking_id = s.booking_id AND t.seat = s.seat AND t.event_id = $1"
        " AND t.state = 'live' AND t.serial = coalesce(s.serial, t.serial)"
        " AND b.id = t.booking_id AND b.state = 'confirmed'"
        # Evaluated anew after waiting for another door that has the ticket in its hands.
        " AND t.used_at IS NULL RETURNING s.id",
        event,
        [scan.id for scan in scans],
        [scan.booking_id for scan in scans],
        [scan.seat for scan in scans],
        [scan.serial for scan in scans],
        [scan.scanned_at for scan in scans],
        [scan.entrance for scan in scans],
    )
    return {row["id"] for row in rows}


async def overtake(connection: Connection, scans: Sequence[Scan]) -> set[str]:
    """Of tickets that are used: an offline scan that turns out to be the earlier one stands as
    the first use, and the one that did so until now becomes a double. Lock the tickets first. The
    ids of the scans that stand now."""
    rows = await connection.fetch(
        "WITH s AS (SELECT * FROM unnest($1::text[], $2::text[], $3::integer[],"
        "   $4::timestamptz[], $5::text[]) AS s (id, booking_id, seat, at, entrance)),"
        # Every part sees what was there before the statement.
        " former AS (UPDATE scan AS f SET outcome = 'double' FROM s, ticket AS t"
        "   WHERE t.booking_id = s.booking_id AND t.seat = s.seat AND t.used_at > s.at"
        "   AND f.id = t.used_by AND f.outcome = 'admitted' RETURNING f.id)"
        " UPDATE ticket AS t SET used_at = s.at, used_where = s.entrance, used_by = s.id FROM s"
        " WHERE t.booking_id = s.booking_id AND t.seat = s.seat AND t.used_at > s.at"
        " RETURNING s.id",
        [scan.id for scan in scans],
        [scan.booking_id for scan in scans],
        [scan.seat for scan in scans],
        [scan.scanned_at for scan in scans],
        [scan.entrance for scan in scans],
    )
    return {row["id"] for row in rows}


async def standings(
    connection: Connection, tickets: Iterable[Ticket], *, lock: bool = False
) -> dict[Ticket, Standing]:
    """Tickets as they stand, those that there are; `lock` keeps them so until COMMIT, taking them
    in one order, so that no two batches wait for each other."""
    named = sorted(set(tickets))
    if not named:
        return {}
    rows = await connection.fetch(
        "SELECT t.booking_id, t.seat, t.event_id, t.state, b.state AS booking_state, t.serial,"
        f" {_HOLDER}, t.used_at, t.used_where, t.used_by"
        " FROM unnest($1::text[], $2::integer[]) AS s (booking_id, seat)"
        " JOIN ticket AS t ON t.booking_id = s.booking_id AND t.seat = s.seat"
        " JOIN booking AS b ON b.id = t.booking_id ORDER BY t.booking_id, t.seat"
        + (" FOR UPDATE OF t" if lock else ""),
        [booking for booking, _ in named],
        [seat for _, seat in named],
    )
    return {(row["booking_id"], row["seat"]): msgspec.convert(dict(row), Standing) for row in rows}


async def known(connection: Connection, ids: Sequence[str]) -> dict[str, Scan]:
    """Those of the scans `ids` that are on record."""
    rows = await connection.fetch(f"SELECT {_SCAN} FROM scan WHERE id = ANY($1::text[])", ids)
    return {row["id"]: msgspec.convert(dict(row), Scan) for row in rows}


async def record(connection: Connection, scans: Sequence[Scan]) -> int:
    """Puts scans on record; how many of them were new."""
    names = _SCAN.split(", ")
    rows = await connection.fetch(
        f"INSERT INTO scan ({_SCAN}) SELECT * FROM unnest($1::text[], $2::text[], $3::text[],"
        " $4::integer[], $5::integer[], $6::text[], $7::boolean[], $8::text[], $9::text[],"
        " $10::timestamptz[], $11::text[], $12::boolean[])"
        " ON CONFLICT ON CONSTRAINT scan_pkey DO NOTHING RETURNING id",
        *([getattr(scan, name) for scan in scans] for name in names),
    )
    return len(rows)


async def let_in(connection: Connection, ids: Sequence[str]) -> None:
    """Scans that were refused here, whose answer was lost, and whom the device then let in."""
    await connection.execute(
        "UPDATE scan SET let_in = true, outcome = CASE outcome WHEN 'already_used' THEN 'double'"
        " ELSE outcome END WHERE id = ANY($1::text[]) AND NOT let_in",
        ids,
    )


# --- counting and listing


async def counts(database: Database, event: str) -> dict[str, Any]:
    """Tickets sold and used, by category; uses by entrance and by minute of the last hour; scans
    by outcome. All of one moment."""
    async with (
        database.connection() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        categories = await connection.fetch(
            "SELECT s.category, count(*) FILTER (WHERE t.state = 'live'"
            " AND b.state = 'confirmed') AS sold, count(t.used_at) AS entered"
            " FROM ticket AS t JOIN booking AS b ON b.id = t.booking_id"
            " JOIN seat AS s ON s.event_id = t.event_id AND s.index = t.seat"
            " WHERE t.event_id = $1 GROUP BY s.category",
            event,
        )
        entrances = await connection.fetch(
            "SELECT used_where, count(*) AS entered FROM ticket"
            " WHERE event_id = $1 AND used_at IS NOT NULL GROUP BY used_where"
            " ORDER BY count(*) DESC, used_where LIMIT 100",
            event,
        )
        minutes = await connection.fetch(
            "SELECT date_trunc('minute', used_at) AS at, count(*) AS entered FROM ticket"
            " WHERE event_id = $1 AND used_at >= date_trunc('minute', now())"
            " - interval '59 minutes' GROUP BY 1 ORDER BY 1",
            event,
        )
        scans = await connection.fetch(
            "SELECT outcome, let_in, count(*) AS scans FROM scan WHERE event_id = $1"
            " GROUP BY outcome, let_in",
            event,
        )
    return {
        "categories": {row["category"]: (row["sold"], row["entered"]) for row in categories},
        "entrances": [dict(row) for row in entrances],
        "minutes": [dict(row) for row in minutes],
        "scans": [(row["outcome"], row["let_in"], row["scans"]) for row in scans],
    }


async def scans_of(
    database: Database,
    event: str,
    *,
    contested: bool,
    after: tuple[datetime, str] | None,
    most: int,
) -> list[dict[str, Any]]:
    """Scans, newest first, from `after` (scanned_at, id) on, each with the name of who made it and
    its ticket as it stands; `contested` ones only: let in and perhaps wrongly so."""
    chosen = " AND c.let_in AND c.outcome <> 'admitted'" if contested else ""
    async with database.connection() as connection:
        rows = await connection.fetch(
            "SELECT c.id, c.outcome, c.let_in, c.typed, c.entrance, c.scanned_at, c.uploaded_at,"
            " coalesce(a.name, '') AS staff, t.booking_id, t.seat, t.used_at, t.used_where,"
            f" {_HOLDER} FROM scan AS c LEFT JOIN account AS a ON a.id = c.actor"
            # Of another event's tickets nothing is told.
            " LEFT JOIN ticket AS t ON t.booking_id = c.booking_id AND t.seat = c.seat"
            "  AND t.event_id = c.event_id"
            " LEFT JOIN booking AS b ON b.id = t.booking_id"
            f" WHERE c.event_id = $1{chosen}"
            " AND ($2::timestamptz IS NULL OR (c.scanned_at, c.id) < ($2, $3))"
            " ORDER BY c.scanned_at DESC, c.id DESC LIMIT $4",
            event,
            after[0] if after else None,
            after[1] if after else "",
            most,
        )
    return [dict(row) for row in rows]


async def good_tickets(database: Database, event: str) -> list[Any]:
    """(booking, seat, serial, used_at in ms or 0) of every ticket that is paid for."""
    async with database.connection() as connection:
        return list(
            await connection.fetch(
                "SELECT t.booking_id, t.seat, t.serial,"
                " coalesce((extract(epoch FROM t.used_at) * 1000)::bigint, 0) AS used_ms"
                " FROM ticket AS t JOIN booking AS b ON b.id = t.booking_id"
                " WHERE t.event_id = $1 AND t.state = 'live' AND b.state = 'confirmed'"
                " ORDER BY t.booking_id, t.seat",
                event,
            )
        )
