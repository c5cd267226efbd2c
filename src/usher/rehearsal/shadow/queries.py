"""All SQL of shadows: copying an event, and erasing the copy with all that has come of it."""

from typing import Final

from usher.errors import Conflict
from usher.payment.model import REHEARSAL
from usher.plumbing.postgres import Connection, Database
from usher.rehearsal.shadow.model import Windows
from usher.seat.queries import take_turn

# Who rehearses says so every few seconds; silent for so long they have died, and whoever sees it
# cleans up.
SILENT_S: Final = 20
_ERASE_S: Final = 120.0
# The name of an advisory lock: of two who begin at one moment the second sees the first.
_BEGINNING: Final = "rehearsal begins"

_BOOKINGS: Final = "SELECT id FROM booking WHERE event_id = $1"
_PAYMENTS: Final = "SELECT id FROM payment WHERE event_id = $1"
_REFUNDS: Final = "SELECT id FROM refund WHERE event_id = $1"
_CHARGES: Final = (
    f"SELECT id FROM sandbox_charge WHERE bank = '{REHEARSAL}' AND metadata ->> 'event' = $1"
)
# What a letter is about is a payment, a refund, or the second word (of "settle" the first) of its
# subject: a booking, a refund, a ticket or an entry with a number behind a dot, a scan, the event.
_ABOUT: Final = f"""{_BOOKINGS} UNION ALL {_REFUNDS} UNION ALL SELECT $1
UNION ALL SELECT id FROM scan WHERE event_id = $1
UNION ALL SELECT id FROM waitlist WHERE event_id = $1
UNION ALL SELECT 'tkt_' || substr(booking_id, 5) || '_' || seat FROM ticket WHERE event_id = $1"""

# In this order: nothing is deleted while something that stands refers to it.
_ERASE: Final = (
    f"DELETE FROM sandbox_webhook WHERE charge_id IN ({_CHARGES})",
    f"DELETE FROM sandbox_refund WHERE charge_id IN ({_CHARGES})",
    f"DELETE FROM sandbox_charge WHERE id IN ({_CHARGES})",
    f"DELETE FROM outbox WHERE kind IN ('capture', 'void') AND subject IN ({_PAYMENTS})",
    f"DELETE FROM outbox WHERE kind = 'refund' AND subject IN ({_REFUNDS})",
    f"DELETE FROM outbox WHERE kind = 'settle' AND split_part(subject, ' ', 1) IN ({_BOOKINGS})",
    "DELETE FROM outbox WHERE kind IN ('notice', 'hook')"
    f" AND split_part(split_part(subject, ' ', 2), '.', 1) IN ({_ABOUT})",
    f"DELETE FROM payment_message WHERE payment_id IN ({_PAYMENTS})",
    "DELETE FROM payment_finding WHERE event_id = $1",
    "DELETE FROM hook_delivery WHERE event_id = $1",
    "DELETE FROM message WHERE event_id = $1",
    f"DELETE FROM reminder WHERE booking_id IN ({_BOOKINGS})",
    f"DELETE FROM ticket_transfer WHERE booking_id IN ({_BOOKINGS})",
    "DELETE FROM scan WHERE event_id = $1",
    "DELETE FROM ticket WHERE event_id = $1",
    "DELETE FROM refund WHERE event_id = $1",
    "DELETE FROM payment WHERE event_id = $1",
    "DELETE FROM booking WHERE event_id = $1",
    "DELETE FROM waitlist WHERE event_id = $1",
    "DELETE FROM dead_letter WHERE event_id = $1",
    "DELETE FROM sale_change WHERE event_id = $1",
    "DELETE FROM sale WHERE event_id = $1",
    "DELETE FROM seat WHERE event_id = $1",
    "DELETE FROM category WHERE event_id = $1",
)

# Every table that names an event; tests/sql/test_shadow.py compares it with the schema.
NAMING_AN_EVENT: Final = (
    *("booking", "category", "dead_letter", "hook_delivery", "message", "payment"),
    *("payment_finding", "refund", "sale", "sale_change", "scan", "seat", "ticket", "waitlist"),
)
_LEFT: Final = " UNION ALL ".join(
    (
        *(f"SELECT 1 FROM {table} WHERE event_id = $1" for table in NAMING_AN_EVENT),
        "SELECT 1 FROM event WHERE id = $1",
        f"SELECT 1 FROM ({_CHARGES}) AS charge",
    )
)


async def copy(
    database: Database, source: str, shadow: str, windows: Windows, key: bytes
) -> str | None:
    """Writes a shadow of `source`, published, its sale a draft, and that it is rehearsed; the mode
    of its sale, None where there is no such event, or it is a shadow itself or cancelled.

    Production, hall and plan are the source's own. It may be joined without an account, has no
    times, and lets nobody wait longer than `windows`. Conflict where another is rehearsed now.
    """
    async with database.transaction() as connection:
        await connection.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", _BEGINNING
        )
        if going_on := await _alive(connection):
            raise Conflict(f"{going_on[0][1]} is being rehearsed now: one at a time")
        made = await connection.fetchval(
            "INSERT INTO event (id, production_id, hall_id, plan_id, title, currency, starts_at,"
            " state, organiser_id, cancel_before_s, shadow)"
            " SELECT $2, production_id, hall_id, plan_id, title, currency,"
            # of what was over a month ago no worker knows
            " greatest(starts_at, now() + interval '7 days'), 'published', organiser_id,"
            " cancel_before_s, true"
            " FROM event WHERE id = $1 AND NOT shadow AND state <> 'cancelled' RETURNING id",
            source,
            shadow,
        )
        if made is None:
            return None
        await connection.execute(
            "INSERT INTO rehearsal (event_id, source_id) VALUES ($1, $2)", shadow, source
        )
        await connection.execute(
            "INSERT INTO category (event_id, rank, name, color, price)"
            " SELECT $2, rank, name, color, price FROM category WHERE event_id = $1",
            source,
            shadow,
        )
        await connection.execute(
            "INSERT INTO seat (event_id, index, guid, category, blocked)"
            " SELECT $2, index, guid, category, true FROM seat WHERE event_id = $1 AND blocked",
            source,
            shadow,
        )
        return str(
            await connection.fetchval(
                "INSERT INTO sale (event_id, mode, rate_per_min, capacity, claim_s, shop_s, hold_s,"
                " hold_cap_s, payment_s, seats_max, draw_key, waitlist, offer_s, throttle,"
                " rate_floor_pct)"
                " SELECT $2, mode, rate_per_min, capacity, least(claim_s, $3::integer),"
                " least(shop_s, $4::integer), least(hold_s, $5::integer),"
                " least(hold_cap_s, 2 * $5::integer), least(payment_s, $6::integer), seats_max, $7,"
                " waitlist, offer_s, throttle, rate_floor_pct FROM sale"
                " WHERE event_id = $1 RETURNING mode",
                source,
                shadow,
                windows.claim_s,
                windows.shop_s,
                windows.hold_s,
                windows.payment_s,
                key,
            )
        )


async def beat(database: Database, shadow: str) -> None:
    """Says that it is being rehearsed."""
    async with database.connection() as connection:
        await connection.execute("UPDATE rehearsal SET seen_at = now() WHERE event_id = $1", shadow)


async def end(database: Database, shadow: str) -> None:
    """Takes a shadow out of sight: workers let go of it, nobody is shown it."""
    async with database.transaction() as connection:
        await connection.execute(
            "UPDATE event SET state = 'draft' WHERE id = $1 AND shadow", shadow
        )
        await connection.execute(
            "UPDATE rehearsal SET ended_at = coalesce(ended_at, now()) WHERE event_id = $1", shadow
        )


async def silent(database: Database) -> list[tuple[str, str]]:
    """(shadow, source) of rehearsals whose rehearser has died, oldest first."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            "SELECT event_id, source_id FROM rehearsal"
            " WHERE seen_at < now() - make_interval(secs => $1) ORDER BY began_at, event_id",
            float(SILENT_S),
        )
    return [(row["event_id"], row["source_id"]) for row in rows]


async def alive(database: Database) -> list[tuple[str, str]]:
    """(shadow, source) of the rehearsals that go on."""
    async with database.connection() as connection:
        return await _alive(connection)


async def _alive(connection: Connection) -> list[tuple[str, str]]:
    rows = await connection.fetch(
        "SELECT event_id, source_id FROM rehearsal"
        " WHERE seen_at >= now() - make_interval(secs => $1) ORDER BY began_at, event_id",
        float(SILENT_S),
    )
    return [(row["event_id"], row["source_id"]) for row in rows]


async def erase(database: Database, shadow: str) -> bool:
    """Deletes a shadow and all that has come of it; False, and nothing is touched, where it is an
    event and no shadow."""
    async with database.transaction() as connection:
        # A worker that is laying out its seats ends that first: its keys are then there to be
        # unlinked, and the next one finds no such event.
        await take_turn(connection, shadow)
        # Locked first: who is about to write something of it waits, and then finds no such event.
        plan = await connection.fetchval(
            "SELECT plan_id FROM event WHERE id = $1 AND shadow FOR UPDATE", shadow
        )
        if plan is None and await _is_event(connection, shadow):
            return False
        for statement in _ERASE:
            await connection.execute(statement, shadow, timeout=_ERASE_S)
        await connection.execute("DELETE FROM event WHERE id = $1 AND shadow", shadow)
        if plan is not None:
            # Its source may have been given another plan meanwhile, and left it to the shadow.
            await connection.execute(
                "DELETE FROM plan WHERE id = $1"
                " AND NOT EXISTS (SELECT FROM event WHERE event.plan_id = plan.id)",
                plan,
            )
    return True


async def _is_event(connection: Connection, event: str) -> bool:
    return bool(await connection.fetchval("SELECT EXISTS (SELECT FROM event WHERE id = $1)", event))


async def left(database: Database, shadow: str) -> int:
    """How many rows are still there of a shadow."""
    async with database.connection() as connection:
        return int(await connection.fetchval(f"SELECT count(*) FROM ({_LEFT}) AS anything", shadow))


async def forget(database: Database, shadow: str) -> None:
    """Nothing is left: that there was a rehearsal is forgotten, too."""
    async with database.connection() as connection:
        await connection.execute("DELETE FROM rehearsal WHERE event_id = $1", shadow)
