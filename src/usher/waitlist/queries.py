"""All SQL of waiting lists."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

import msgspec

from usher.clock import from_ms
from usher.plumbing.postgres import Connection, Database
from usher.waitlist.model import Entry, State

_COLUMNS: Final = ", ".join(Entry.__struct_fields__)
_ALIVE: Final = "state IN ('waiting', 'offered')"


class Alive(NamedTuple):
    """Whether anybody waits, and whether an offer stands."""

    waits: bool
    offers: bool


class Offered(NamedTuple):
    """An offer that stands, and the state of the booking made of it ("" without one)."""

    entry: Entry
    booking: str


def _entry(row: Any) -> Entry:
    return msgspec.convert(dict(row), Entry)


async def insert(database: Database, entry: Entry, most: int) -> bool:
    """Puts an entry on its list; False where it is there, or another of the same fan or address
    is, or `most` are."""
    async with database.connection() as connection:
        row = await connection.fetchrow(
            "INSERT INTO waitlist (id, event_id, fan_id, name, email, language, quantity,"
            " categories) SELECT $1, $2, $3, $4, $5, $6, $7, $8::text[]"
            f" WHERE (SELECT count(*) FROM waitlist WHERE event_id = $2 AND {_ALIVE}) < $9"
            " ON CONFLICT DO NOTHING RETURNING 1",
            entry.id,
            entry.event_id,
            entry.fan_id,
            entry.name,
            entry.email,
            entry.language,
            entry.quantity,
            entry.categories,
            most,
        )
    return row is not None


async def find(database: Database, entry_id: str) -> Entry | None:
    async with database.connection() as connection:
        row = await connection.fetchrow(f"SELECT {_COLUMNS} FROM waitlist WHERE id = $1", entry_id)
    return _entry(row) if row else None


async def of_fan(database: Database, event: str, fan: str) -> Entry | None:
    """The last entry of a fan: the one alive, if any is."""
    async with database.connection() as connection:
        row = await connection.fetchrow(
            f"SELECT {_COLUMNS} FROM waitlist WHERE event_id = $1 AND fan_id = $2"
            " ORDER BY turn DESC LIMIT 1",
            event,
            fan,
        )
    return _entry(row) if row else None


async def email_waits(database: Database, event: str, email: str) -> bool:
    """Whether somebody with this address is on the list."""
    async with database.connection() as connection:
        row = await connection.fetchrow(
            f"SELECT 1 FROM waitlist WHERE event_id = $1 AND lower(email) = lower($2) AND {_ALIVE}",
            event,
            email,
        )
    return row is not None


async def ahead(database: Database, entry: Entry) -> int:
    """How many wait before this entry."""
    async with database.connection() as connection:
        return int(
            await connection.fetchval(
                "SELECT count(*) FROM waitlist WHERE event_id = $1 AND state = 'waiting'"
                " AND turn < $2",
                entry.event_id,
                entry.turn,
            )
        )


async def with_somebody(database: Database) -> set[str]:
    """The events on whose list somebody waits, or has an offer: asked by a worker every second,
    for all its events at once."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            "SELECT DISTINCT event_id FROM waitlist WHERE state = 'waiting'"
            " UNION SELECT event_id FROM waitlist WHERE state = 'offered'"
        )
    return {row["event_id"] for row in rows}


async def alive(database: Database, event: str) -> Alive:
    """Whether somebody waits, and whether an offer stands: two looks into an index."""
    async with database.connection() as connection:
        row = await connection.fetchrow(
            "SELECT EXISTS (SELECT 1 FROM waitlist WHERE event_id = $1 AND state = 'waiting'),"
            " EXISTS (SELECT 1 FROM waitlist WHERE event_id = $1 AND state = 'offered')",
            event,
        )
    assert row is not None  # a SELECT without FROM has one row
    return Alive(row[0], row[1])


async def offered(database: Database, event: str) -> list[Offered]:
    """The offers that stand, with what became of them in PostgreSQL."""
    columns = ", ".join(f"w.{name}" for name in Entry.__struct_fields__)
    async with database.connection() as connection:
        rows = await connection.fetch(
            f"SELECT {columns}, coalesce(b.state, '') AS booking FROM waitlist AS w"
            " LEFT JOIN booking AS b ON b.id = 'bkg_' || substr(w.hold_id, 5)"
            " WHERE w.event_id = $1 AND w.state = 'offered' ORDER BY w.turn",
            event,
        )
    return [
        Offered(_entry({n: row[n] for n in Entry.__struct_fields__}), row["booking"])
        for row in rows
    ]


async def waiting(
    database: Database, event: str, after: int, most: int, fits: Mapping[str, int], any_fits: int
) -> list[Entry]:
    """Who waits from `after` on, in turn, for no more seats than may fit: `fits` says how many of
    each category, `any_fits` how many of the best of them."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            f"SELECT {_COLUMNS} FROM waitlist WHERE event_id = $1 AND state = 'waiting'"
            " AND turn > $2 AND CASE WHEN categories = '{}' THEN quantity <= $5"
            "  ELSE EXISTS (SELECT 1 FROM unnest($3::text[], $4::integer[]) AS k (name, most)"
            "   WHERE k.name = ANY (categories) AND quantity <= k.most) END"
            " ORDER BY turn LIMIT $6",
            event,
            after,
            list(fits),
            list(fits.values()),
            any_fits,
            most,
        )
    return [_entry(row) for row in rows]


async def attempts(database: Database, event: str, after: int, most: int) -> list[Any]:
    """(turn, id, attempt) of who waits, from `after` on."""
    async with database.connection() as connection:
        return list(
            await connection.fetch(
                "SELECT turn, id, attempt FROM waitlist WHERE event_id = $1"
                " AND state = 'waiting' AND turn > $2 ORDER BY turn LIMIT $3",
                event,
                after,
                most,
            )
        )


async def offer(
    connection: Connection, entry_id: str, attempt: int, hold_id: str, seats: list[int], due_ms: int
) -> bool:
    """Writes an offer down; False where the entry does not wait for this one any more."""
    row = await connection.fetchrow(
        "UPDATE waitlist SET state = 'offered', attempt = $2, hold_id = $3, seats = $4,"
        " due = $5, offered_at = now()"
        " WHERE id = $1 AND state = 'waiting' AND attempt = $2 - 1 RETURNING 1",
        entry_id,
        attempt,
        hold_id,
        seats,
        from_ms(due_ms),
    )
    return row is not None


async def offer_anew(
    database: Database, entry_id: str, attempt: int, seats: list[int], due_ms: int
) -> None:
    """The seats and the due of an offer that was made again after a loss of Redis."""
    async with database.connection() as connection:
        await connection.execute(
            "UPDATE waitlist SET seats = $3, due = $4"
            " WHERE id = $1 AND state = 'offered' AND attempt = $2",
            entry_id,
            attempt,
            seats,
            from_ms(due_ms),
        )


async def skip(database: Database, entry_id: str, attempt: int) -> bool:
    """Counts an offer that came to nothing before it was written down."""
    async with database.connection() as connection:
        row = await connection.fetchrow(
            "UPDATE waitlist SET attempt = $2"
            " WHERE id = $1 AND state = 'waiting' AND attempt = $2 - 1 RETURNING 1",
            entry_id,
            attempt,
        )
    return row is not None


async def move(
    database: Database, entry_id: str, attempt: int, before: State, after: State
) -> bool:
    """Moves an entry that is in `before` at its `attempt`; whether it did."""
    async with database.connection() as connection:
        row = await connection.fetchrow(
            "UPDATE waitlist SET state = $4 WHERE id = $1 AND attempt = $2 AND state = $3"
            " RETURNING 1",
            entry_id,
            attempt,
            before,
            after,
        )
    return row is not None


async def counts(database: Database, event: str) -> dict[str, tuple[int, int]]:
    """Per state: how many entries, and how many seats they ask for."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            "SELECT state, count(*) AS n, sum(quantity) AS seats FROM waitlist"
            " WHERE event_id = $1 GROUP BY state",
            event,
        )
    return {row["state"]: (row["n"], int(row["seats"])) for row in rows}


async def page(
    database: Database, event: str, state: str, after: tuple[datetime, str] | None, most: int
) -> list[Entry]:
    """Entries in the order they were made, of one state where it is given."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            f"SELECT {_COLUMNS} FROM waitlist WHERE event_id = $1 AND ($2 = '' OR state = $2)"
            " AND ($3::timestamptz IS NULL OR (created_at, id) > ($3, $4))"
            " ORDER BY created_at, id LIMIT $5",
            event,
            state,
            after[0] if after else None,
            after[1] if after else "",
            most,
        )
    return [_entry(row) for row in rows]


async def first(database: Database, event: str, states: Sequence[str], most: int) -> list[Entry]:
    """The first entries in turn of some states."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            f"SELECT {_COLUMNS} FROM waitlist WHERE event_id = $1 AND state = ANY($2::text[])"
            " ORDER BY turn LIMIT $3",
            event,
            list(states),
            most,
        )
    return [_entry(row) for row in rows]
