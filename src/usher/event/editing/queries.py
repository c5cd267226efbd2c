"""All SQL of making and changing events."""

import datetime as dt
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from usher.clock import iso
from usher.event.editing.model import TEXTS, Facts, MyEvent
from usher.event.model import NewEvent
from usher.event.queries import stands_on
from usher.ids import new_id
from usher.plumbing.postgres import Connection, Database
from usher.venue.model import Layout

_FACTS: Final = """
SELECT event.id, event.title, event.starts_at, production.title AS production, production.kind,
       production.description, venue.name AS venue, venue.city, venue.timezone, hall.name AS hall,
       event.currency, event.organiser_id, event.cancel_before_s, event.state,
       sale.state AS sale_state, plan.seats,
       event.plan_id, plan.name AS plan_name, plan.report,
       EXISTS (SELECT FROM booking WHERE booking.event_id = event.id) AS booked
  FROM event
  JOIN production ON production.id = event.production_id
  JOIN hall ON hall.id = event.hall_id
  JOIN venue ON venue.id = hall.venue_id
  JOIN plan ON plan.id = event.plan_id
  JOIN sale ON sale.event_id = event.id
 WHERE event.id = $1
"""


async def _facts(connection: Connection, event: str, lock: str = "") -> Facts | None:
    row = await connection.fetchrow(_FACTS + lock, event)
    if row is None:
        return None
    categories = await connection.fetch(
        "SELECT rank, name, color, price FROM category WHERE event_id = $1 ORDER BY rank", event
    )
    told = dict(row) | {
        "report": msgspec.json.decode(row["report"]),
        "categories": [dict(each) for each in categories],
    }
    return msgspec.convert(told, Facts)


async def facts(database: Database, event: str) -> Facts | None:
    async with database.connection() as connection:
        return await _facts(connection, event)


async def mine(database: Database, organiser_id: str | None, most: int) -> list[MyEvent]:
    """The latest events of an organiser and those that are nobody's; of everybody for None."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            "SELECT event.id, event.title, event.state, event.starts_at, venue.timezone,"
            " venue.name AS venue, venue.city, sale.mode, sale.state AS sale_state, plan.seats,"
            " coalesce((SELECT sum(cardinality(booking.seats) - cardinality(booking.returned))"
            "   FROM booking WHERE booking.event_id = event.id AND booking.state = 'confirmed'), 0)"
            "   AS sold,"
            " (SELECT count(*) FROM seat WHERE seat.event_id = event.id AND seat.blocked)"
            "   AS blocked"
            " FROM event JOIN hall ON hall.id = event.hall_id"
            " JOIN venue ON venue.id = hall.venue_id JOIN plan ON plan.id = event.plan_id"
            " JOIN sale ON sale.event_id = event.id"
            " WHERE NOT event.shadow AND"
            " ($1::text IS NULL OR event.organiser_id = $1 OR event.organiser_id IS NULL)"
            " ORDER BY event.created_at DESC, event.id LIMIT $2",
            organiser_id,
            most,
        )
    return [msgspec.convert(dict(row), MyEvent) for row in rows]


async def productions(database: Database, organiser_id: str | None) -> list[str]:
    """Titles of productions to choose from: the organiser's own, and what is on show."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            "SELECT DISTINCT production.title FROM event"
            " JOIN production ON production.id = event.production_id"
            " WHERE NOT event.shadow AND"
            " (event.state = 'published' OR event.organiser_id IS NOT DISTINCT FROM $1)"
            " ORDER BY 1 LIMIT 200",
            organiser_id,
        )
    return [row["title"] for row in rows]


async def change(
    database: Database,
    event: str,
    actor: str,
    after: NewEvent,
    colors: Mapping[str, str],
) -> Facts | None:
    """Writes what differs and records it, or nothing; gives the event as it was, None where its
    prices or its currency would change and must not any more."""
    async with database.transaction() as connection:
        before = await _facts(connection, event, " FOR UPDATE OF event, sale")
        assert before is not None  # events are never deleted
        changes = _changes(before, after, colors)
        if before.prices_fixed and any(
            field == "currency" or field.startswith("price ") for field, _, _ in changes
        ):
            return None
        if not changes:
            return before
        production_id, hall_id = await stands_on(connection, after, describe=True)
        await connection.execute(
            "UPDATE event SET title = $2, starts_at = $3, currency = $4, production_id = $5,"
            " hall_id = $6, cancel_before_s = $7 WHERE id = $1",
            event,
            after.title,
            after.starts_at,
            after.currency,
            production_id,
            hall_id,
            after.cancel_before_s,
        )
        await connection.executemany(
            "UPDATE category SET price = $3, color = $4 WHERE event_id = $1 AND rank = $2",
            [
                (event, c.rank, after.prices[c.name], colors.get(c.name, c.color))
                for c in before.categories
            ],
        )
        await _record(connection, event, actor, changes)
    return before


def _changes(
    before: Facts, after: NewEvent, colors: Mapping[str, str]
) -> list[tuple[str, str, str]]:
    found: list[tuple[str, str, str]] = []
    for name in TEXTS:
        old, new = getattr(before, name), getattr(after, name)
        if name == "production":
            new = new or after.title
        if old != new:
            found.append((name, _word(old), _word(new)))
    for each in before.categories:
        if each.price != (price := after.prices[each.name]):
            found.append((f"price {each.name}", str(each.price), str(price)))
        if each.color != (color := colors.get(each.name, each.color)):
            found.append((f"color {each.name}", each.color, color))
    return found


def _word(value: Any) -> str:
    return iso(value) if isinstance(value, dt.datetime) else "" if value is None else str(value)


async def _record(
    connection: Connection, event: str, actor: str, changes: list[tuple[str, str, str]]
) -> None:
    await connection.executemany(
        "INSERT INTO sale_change (event_id, actor, field, before, after)"
        " VALUES ($1, $2, $3, $4, $5)",
        [(event, actor, *each) for each in changes],
    )


async def record(
    database: Database, event: str, actor: str, field: str, old: str, new: str
) -> None:
    """Notes one change, for the organiser to see."""
    async with database.connection() as connection:
        await _record(connection, event, actor, [(field, old, new)])


async def replace_plan(
    database: Database,
    event: str,
    actor: str,
    layout: Layout,
    prices: Mapping[str, int],
    report: bytes,
) -> bool:
    """Gives a draft another plan, seats and categories with it; False where it is none any more.
    The plan that was goes, if it was nobody else's."""
    async with database.transaction() as connection:
        row = await connection.fetchrow(
            "SELECT event.plan_id, event.hall_id, plan.name FROM event"
            " JOIN plan ON plan.id = event.plan_id"
            " WHERE event.id = $1 AND event.state = 'draft' FOR UPDATE OF event",
            event,
        )
        if row is None:
            return False
        plan_id = new_id("plan")
        await connection.execute(
            "INSERT INTO plan (id, hall_id, name, digest, seats, document, report)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7)",
            plan_id,
            row["hall_id"],
            layout.plan.name,
            layout.digest(),
            len(layout),
            layout.plan.to_json(),
            report.decode(),
        )
        await connection.execute("UPDATE event SET plan_id = $2 WHERE id = $1", event, plan_id)
        await connection.execute("DELETE FROM seat WHERE event_id = $1", event, timeout=120)
        await connection.execute("DELETE FROM category WHERE event_id = $1", event)
        await connection.executemany(
            "INSERT INTO category (event_id, rank, name, color, price) VALUES ($1, $2, $3, $4, $5)",
            [
                (event, rank, each.name, each.color, prices[each.name])
                for rank, each in enumerate(layout.categories)
            ],
        )
        await connection.execute(
            "DELETE FROM plan WHERE id = $1"
            " AND NOT EXISTS (SELECT FROM event WHERE event.plan_id = plan.id)",
            row["plan_id"],
        )
        await _record(connection, event, actor, [("plan", row["name"], layout.plan.name)])
    return True
