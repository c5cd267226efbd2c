"""All SQL of sales."""

from typing import Any, Final

import msgspec

from usher.clock import iso
from usher.plumbing.postgres import Database
from usher.sale.model import Sale

_COLUMNS: Final = ", ".join(Sale.__struct_fields__)

_CHANGEABLE: Final = frozenset(
    (
        *("mode", "state", "gate_state", "lobby_at", "opens_at", "closes_at", "rate_per_min"),
        *("capacity", "claim_s", "shop_s", "hold_s", "hold_cap_s", "payment_s", "seats_max"),
        *("access", "waitlist", "offer_s", "throttle", "rate_floor_pct"),
    )
)


def _sale(row: Any) -> Sale:
    return msgspec.convert(dict(row), Sale)


async def find(database: Database, event: str) -> Sale | None:
    """The sale of an event."""
    async with database.connection() as connection:
        row = await connection.fetchrow(f"SELECT {_COLUMNS} FROM sale WHERE event_id = $1", event)
    return _sale(row) if row else None


async def is_published(database: Database, event: str) -> bool:
    """Whether fans can see the event."""
    async with database.connection() as connection:
        state = await connection.fetchval("SELECT state FROM event WHERE id = $1", event)
    return bool(state == "published")


async def published(database: Database) -> list[tuple[Sale, bool]]:
    """Every sale of an event that is, or was, published (a cancelled one's ledger is to be emptied
    and its money given back), and whether its inventory has been built. One that was over
    a month ago has nothing left to be done: nobody pays that late. A shadow whose rehearsal is over
    is a draft again, and so none of these."""
    columns = ", ".join(f"sale.{name}" for name in Sale.__struct_fields__)
    async with database.connection() as connection:
        rows = await connection.fetch(
            f"SELECT {columns}, event.built_at IS NOT NULL AS built FROM sale"
            " JOIN event ON event.id = sale.event_id"
            " WHERE event.state IN ('published', 'cancelled')"
            " AND event.starts_at > now() - interval '30 days'"
            " ORDER BY sale.event_id"
        )
    return [(_sale({n: row[n] for n in Sale.__struct_fields__}), row["built"]) for row in rows]


async def change(
    database: Database, event: str, version: int, fields: dict[str, Any], actor: str, before: Sale
) -> Sale | None:
    """Writes `fields` over `version` and records who did it; None where it is not the newest."""
    names = sorted(fields)
    assert set(names) <= _CHANGEABLE
    sets = ", ".join(f"{name} = ${i + 3}" for i, name in enumerate(names))
    async with database.transaction() as connection:
        row = await connection.fetchrow(
            f"UPDATE sale SET {sets}, version = version + 1"
            f" WHERE event_id = $1 AND version = $2 RETURNING {_COLUMNS}",
            event,
            version,
            *(fields[name] for name in names),
        )
        if row is None:
            return None
        await connection.executemany(
            "INSERT INTO sale_change (event_id, actor, field, before, after)"
            " VALUES ($1, $2, $3, $4, $5)",
            [
                (event, actor, name, _word(getattr(before, name)), _word(fields[name]))
                for name in names
            ],
        )
    return _sale(row)


def _word(value: Any) -> str:
    return "" if value is None else iso(value) if hasattr(value, "tzinfo") else str(value)


async def close_lobby(database: Database, event: str, size: int) -> int:
    """Fixes the lobby's size, once; gives the size that stands."""
    async with database.connection() as connection:
        await connection.execute(
            "UPDATE sale SET lobby_size = $2 WHERE event_id = $1 AND lobby_size IS NULL",
            event,
            size,
        )
        return int(
            await connection.fetchval("SELECT lobby_size FROM sale WHERE event_id = $1", event)
        )


async def raise_number_high(database: Database, event: str, number: int) -> None:
    """Remembers the highest number given, for the day Redis is lost."""
    async with database.connection() as connection:
        await connection.execute(
            "UPDATE sale SET number_high = $2 WHERE event_id = $1 AND number_high < $2",
            event,
            number,
        )


async def changes(database: Database, event: str, most: int) -> list[dict[str, Any]]:
    """The newest changes of a sale: who, when, what, from, to."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            "SELECT at, actor, field, before, after FROM sale_change WHERE event_id = $1"
            " ORDER BY id DESC LIMIT $2",
            event,
            most,
        )
    return [dict(row) for row in rows]


async def record_notice(database: Database, event: str, actor: str, text: str) -> None:
    """Records the organiser's notice where it is not the one recorded last."""
    async with database.connection() as connection:
        await connection.execute(
            "INSERT INTO sale_change (event_id, actor, field, before, after)"
            " SELECT $1, $2, 'notice', coalesce(said.after, ''), $3"
            " FROM (SELECT (SELECT after FROM sale_change WHERE event_id = $1"
            "  AND field = 'notice' ORDER BY id DESC LIMIT 1) AS after) AS said"
            " WHERE coalesce(said.after, '') <> $3",
            event,
            actor,
            text,
        )
