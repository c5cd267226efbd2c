"""All SQL of the catalogue: productions, venues, halls, plans, events, their seats."""

from datetime import datetime
from typing import Any, Final

import msgspec

from usher.event.model import EventRow, NewEvent
from usher.ids import derived_id, new_id
from usher.plumbing.postgres import Connection, Database
from usher.sale.model import SaleSettings
from usher.venue.model import Layout

_ROW: Final = """
SELECT event.id, event.title, production.title AS production, production.kind,
       production.description, venue.name AS venue, venue.city, hall.name AS hall,
       venue.timezone, event.plan_id, event.currency, event.starts_at, event.state,
       event.built_at IS NOT NULL AS built, sale.mode, sale.state AS sale_state, sale.lobby_at,
       sale.opens_at, sale.closes_at, sale.hold_s, sale.payment_s, sale.seats_max,
       sale.access, sale.waitlist, sale.offer_s, plan.seats, event.organiser_id,
       event.cancel_before_s, event.shadow
  FROM event
  JOIN production ON production.id = event.production_id
  JOIN hall ON hall.id = event.hall_id
  JOIN venue ON venue.id = hall.venue_id
  JOIN plan ON plan.id = event.plan_id
  JOIN sale ON sale.event_id = event.id
"""


def _row(record: Any) -> EventRow:
    return msgspec.convert(dict(record), EventRow)


async def find(database: Database, event: str) -> EventRow | None:
    async with database.connection() as connection:
        record = await connection.fetchrow(f"{_ROW} WHERE event.id = $1", event)
    return _row(record) if record else None


async def search(
    database: Database,
    *,
    city: str,
    production: str,
    day: datetime | None,
    text: str,
    after: tuple[datetime, str] | None,
    most: int,
    drafts: bool,
) -> list[EventRow]:
    """Events by start, from `after` (a start and an id) on; empty filters filter nothing."""
    async with database.connection() as connection:
        records = await connection.fetch(
            f"{_ROW} WHERE NOT event.shadow AND ($1 = '' OR lower(venue.city) = lower($1))"
            " AND ($2 = '' OR production.id = $2 OR lower(production.title) = lower($2))"
            " AND ($3::timestamptz IS NULL OR (event.starts_at >= $3"
            "      AND event.starts_at < $3 + interval '1 day'))"
            " AND ($4 = '' OR strpos(lower(event.title || ' ' || production.title || ' '"
            "      || venue.name || ' ' || venue.city), lower($4)) > 0)"
            " AND ($5::timestamptz IS NULL OR (event.starts_at, event.id) > ($5, $6))"
            " AND ($7 OR event.state = 'published')"
            " ORDER BY event.starts_at, event.id LIMIT $8",
            city,
            production,
            day,
            text,
            after[0] if after else None,
            after[1] if after else "",
            drafts,
            most,
        )
    return [_row(record) for record in records]


async def filters(database: Database) -> tuple[list[str], list[str]]:
    """The cities and the productions of published events, some hundreds at most."""
    async with database.connection() as connection:
        row = await connection.fetchrow(
            "SELECT array(SELECT DISTINCT venue.city FROM event"
            "   JOIN hall ON hall.id = event.hall_id JOIN venue ON venue.id = hall.venue_id"
            "   WHERE event.state = 'published' AND NOT event.shadow AND venue.city <> ''"
            "   ORDER BY 1 LIMIT 300)"
            "  AS cities,"
            " array(SELECT DISTINCT production.title FROM event"
            "   JOIN production ON production.id = event.production_id"
            "   WHERE event.state = 'published' AND NOT event.shadow ORDER BY 1 LIMIT 300)"
            "  AS productions"
        )
    assert row is not None  # a SELECT of two arrays has one row
    return row["cities"], row["productions"]


async def prices(database: Database, event: str) -> list[tuple[int, str, str, int]]:
    """(rank, name, color, price) of each category, in rank order."""
    async with database.connection() as connection:
        records = await connection.fetch(
            "SELECT rank, name, color, price FROM category WHERE event_id = $1 ORDER BY rank",
            event,
        )
    return [(r["rank"], r["name"], r["color"], r["price"]) for r in records]


async def plan_document(database: Database, plan_id: str) -> bytes:
    """The canonical JSON of a stored plan."""
    async with database.connection() as connection:
        return bytes(await connection.fetchval("SELECT document FROM plan WHERE id = $1", plan_id))


def ids_of(new: NewEvent) -> tuple[str, str, str]:
    """The ids of the venue, the hall and the production that an event names. The same names are
    the same ones; but an organiser's productions are their own, to describe as they like."""
    zone = [] if new.timezone == "UTC" else [new.timezone]
    venue_id = derived_id("venue", new.venue, new.city, *zone)
    owner = [new.organiser_id] if new.organiser_id else []
    return (
        venue_id,
        derived_id("hall", venue_id, new.hall),
        derived_id("production", new.production or new.title, new.kind, *owner),
    )


async def stands_on(
    connection: Connection, new: NewEvent, *, describe: bool = False
) -> tuple[str, str]:
    """The ids of the production and the hall that an event names, which are there from now on.
    `describe` writes its description over the one that the production has."""
    venue_id, hall_id, production_id = ids_of(new)
    await connection.execute(
        "INSERT INTO venue (id, name, city, timezone) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT DO NOTHING",
        venue_id,
        new.venue,
        new.city,
        new.timezone,
    )
    await connection.execute(
        "INSERT INTO hall (id, venue_id, name) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        hall_id,
        venue_id,
        new.hall,
    )
    await connection.execute(
        "INSERT INTO production (id, title, kind, description) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (id) DO UPDATE SET description = EXCLUDED.description WHERE $5",
        production_id,
        new.production or new.title,
        new.kind,
        new.description,
        describe,
    )
    return production_id, hall_id


async def create(
    database: Database,
    event: str,
    new: NewEvent,
    layout: Layout,
    sale: SaleSettings,
    key: bytes,
    report: bytes = b"{}",
) -> None:
    """Writes an event with everything it stands on, or nothing. A venue, a hall and a
    production of the same name are used again; asyncpg.UniqueViolationError where the event is
    there. `report` is JSON: what the import of the plan found."""
    plan_id = new_id("plan")
    async with database.transaction() as connection:
        production_id, hall_id = await stands_on(connection, new)
        await connection.execute(
            "INSERT INTO plan (id, hall_id, name, digest, seats, document, report)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7)",
            plan_id,
            hall_id,
            layout.plan.name,
            layout.digest(),
            len(layout),
            layout.plan.to_json(),
            report.decode(),
        )
        await connection.execute(
            "INSERT INTO event (id, production_id, hall_id, plan_id, title, currency, starts_at,"
            " organiser_id, cancel_before_s) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            event,
            production_id,
            hall_id,
            plan_id,
            new.title,
            new.currency,
            new.starts_at,
            new.organiser_id,
            new.cancel_before_s,
        )
        await connection.executemany(
            "INSERT INTO category (event_id, rank, name, color, price) VALUES ($1, $2, $3, $4, $5)",
            [
                (event, rank, each.name, each.color, new.prices[each.name])
                for rank, each in enumerate(layout.categories)
            ],
        )
        fields = sale.__struct_fields__
        names = ", ".join(fields)
        slots = ", ".join(f"${i + 3}" for i in range(len(fields)))
        await connection.execute(
            f"INSERT INTO sale (event_id, draw_key, {names}) VALUES ($1, $2, {slots})",
            event,
            key,
            *(getattr(sale, name) for name in fields),
        )


async def publish(database: Database, event: str) -> bool:
    """Whether the event is (now, or was already) published; False where there is none such."""
    async with database.connection() as connection:
        row = await connection.fetchval(
            "UPDATE event SET state = 'published' WHERE id = $1 AND state IN ('draft', 'published')"
            " RETURNING id",
            event,
        )
    return row is not None


async def lay_seats(
    database: Database, event: str, plan_id: str, layout: Layout, *, built: bool = True
) -> bool:
    """Writes the seats of an event; again is harmless. False where it stands on another plan than
    `plan_id` by now. `built` says that Redis is to have them."""
    async with database.transaction() as connection:
        # Held until COMMIT: a draft's plan may be replaced at this moment.
        stands_on = await connection.fetchval(
            "SELECT plan_id FROM event WHERE id = $1 FOR SHARE", event
        )
        if stands_on != plan_id:
            return False
        await connection.execute(
            "INSERT INTO seat (event_id, index, guid, category)"
            " SELECT $1, index - 1, guid, category"
            " FROM unnest($2::text[], $3::smallint[]) WITH ORDINALITY AS t (guid, category, index)"
            " ON CONFLICT ON CONSTRAINT seat_pkey DO NOTHING",
            event,
            list(layout.guid),
            list(layout.category),
            timeout=120,
        )
        if built:
            await connection.execute(
                "UPDATE event SET built_at = coalesce(built_at, now()) WHERE id = $1", event
            )
    return True
