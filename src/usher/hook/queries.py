"""All SQL of hooks and their deliveries."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

import msgspec

from usher import limits
from usher.hook.model import LEASE_S, OVERLAP, TRIED, Delivery, Hook
from usher.plumbing.postgres import Connection, Database

_HOOK: Final = ", ".join(Hook.__struct_fields__)
_DELIVERY: Final = ", ".join(Delivery.__struct_fields__)
# An organiser who is one no more hears nothing more.
HEARS: Final = (
    "(hook.account_id IS NULL OR EXISTS (SELECT FROM account WHERE account.id = hook.account_id"
    " AND account.state = 'active' AND account.role IN ('organiser', 'admin')))"
)


class Heard(NamedTuple):
    """A fact of an event, when it became one, and its place in the batch."""

    number: int
    fact: str
    event_id: str
    at: datetime


class NewDelivery(NamedTuple):
    """A delivery to be written."""

    id: str
    hook_id: str
    fact: str
    subject: str
    event_id: str | None
    body: str


def _hook(row: Any) -> Hook:
    return msgspec.convert(dict(row), Hook)


def _delivery(row: Any) -> Delivery:
    return msgspec.convert(dict(row), Delivery)


class Scan(NamedTuple):
    """A ticket that was used, as it is told of."""

    id: str
    booking_id: str
    event_id: str
    seat: int
    entrance: str
    used_at: datetime


async def scans(database: Database, ids: Sequence[str]) -> list[Scan]:
    """Those of these scans that used a ticket."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            "SELECT id, booking_id, event_id, seat, entrance, scanned_at FROM scan"
            " WHERE id = ANY($1::text[]) AND booking_id IS NOT NULL AND seat IS NOT NULL",
            list(ids),
        )
    return [Scan(*row) for row in rows]


# --- hooks


async def insert(database: Database, hook: Hook) -> Hook | None:
    """Writes a hook that is not there yet and gives it as it is there; None where its organiser
    has as many as may be."""
    async with database.transaction() as connection:
        # One after the other: two at once would both find room.
        await connection.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended('hook ' || coalesce($1, ''), 0))",
            hook.account_id,
        )
        await connection.execute(
            "INSERT INTO hook (id, account_id, url, kinds, digest, kid, salt)"
            " SELECT $1, $2, $3, $4, $5, $6, $7 WHERE $8 >"
            "  (SELECT count(*) FROM hook WHERE account_id IS NOT DISTINCT FROM $2)"
            " ON CONFLICT (id) DO NOTHING",
            hook.id,
            hook.account_id,
            hook.url,
            hook.kinds,
            hook.digest,
            hook.kid,
            hook.salt,
            limits.hooks_max,
        )
        row = await connection.fetchrow(f"SELECT {_HOOK} FROM hook WHERE id = $1", hook.id)
    return _hook(row) if row else None


async def find(database: Database, hook_id: str) -> Hook | None:
    async with database.connection() as connection:
        row = await connection.fetchrow(f"SELECT {_HOOK} FROM hook WHERE id = $1", hook_id)
    return _hook(row) if row else None


async def of_account(
    database: Database, account_id: str | None, after: tuple[datetime, str] | None, most: int
) -> list[Hook]:
    """The hooks of an account, of all for None; newest first, from `after` on."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            f"SELECT {_HOOK} FROM hook WHERE ($1::text IS NULL OR account_id = $1)"
            " AND ($2::timestamptz IS NULL OR (created_at, id) < ($2, $3))"
            " ORDER BY created_at DESC, id DESC LIMIT $4",
            account_id,
            after[0] if after else None,
            after[1] if after else "",
            most,
        )
    return [_hook(row) for row in rows]


async def change(
    database: Database, hook_id: str, url: str | None, kinds: list[str] | None, state: str | None
) -> Hook | None:
    """Changes what is given. What is made active is tried at once, whatever it was before."""
    async with database.connection() as connection:
        row = await connection.fetchrow(
            "UPDATE hook SET url = coalesce($2, url), kinds = coalesce($3, kinds),"
            " state = coalesce($4, state),"
            " reason = CASE WHEN $4 IS NULL THEN reason ELSE '' END,"
            " failures = CASE WHEN $4 = 'active' OR $2 <> url THEN 0 ELSE failures END,"
            " failing_since ="
            "  CASE WHEN $4 = 'active' OR $2 <> url THEN NULL ELSE failing_since END,"
            " probe_at = CASE WHEN $4 = 'active' OR $2 <> url THEN now() ELSE probe_at END"
            f" WHERE id = $1 RETURNING {_HOOK}",
            hook_id,
            url,
            kinds,
            state,
        )
    return _hook(row) if row else None


async def rotate(database: Database, hook_id: str, kid: str, salt: str) -> Hook | None:
    """Gives a hook another secret, and the one before some more hours; the same again changes
    nothing."""
    async with database.transaction() as connection:
        await connection.execute(
            "UPDATE hook SET old_kid = kid, old_salt = salt, old_until = now() + $4::interval,"
            " kid = $2, salt = $3 WHERE id = $1 AND $3 NOT IN (salt, old_salt)",
            hook_id,
            kid,
            salt,
            OVERLAP,
        )
        row = await connection.fetchrow(f"SELECT {_HOOK} FROM hook WHERE id = $1", hook_id)
    return _hook(row) if row else None


async def remove(database: Database, hook_id: str) -> None:
    """Forgets a hook and its deliveries."""
    async with database.connection() as connection:
        await connection.execute("DELETE FROM hook WHERE id = $1", hook_id)


# --- deliveries


async def listeners(connection: Connection, heard: Sequence[Heard]) -> list[tuple[int, str]]:
    """Who wants to hear of facts: pairs of a fact's number and a hook's id. A hook hears of what
    came after it."""
    rows = await connection.fetch(
        "SELECT told.number, hook.id FROM unnest($1::integer[], $2::text[], $3::text[],"
        " $4::timestamptz[]) AS told (number, fact, event_id, at)"
        " JOIN event ON event.id = told.event_id AND NOT event.shadow"
        " JOIN hook ON hook.state = 'active' AND hook.created_at <= told.at"
        "  AND (hook.account_id IS NULL OR hook.account_id = event.organiser_id)"
        f"  AND (hook.kinds = '{{}}' OR told.fact = ANY(hook.kinds)) AND {HEARS}",
        *([each[place] for each in heard] for place in range(len(Heard._fields))),
    )
    return [(row["number"], row["id"]) for row in rows]


async def post(connection: Connection, deliveries: Sequence[NewDelivery]) -> None:
    """Writes deliveries that are not there yet, to be made at once. A hook that was removed
    meanwhile has none."""
    ordered = sorted(deliveries)  # two workers with the same never wait in a circle
    await connection.execute(
        "INSERT INTO hook_delivery (id, hook_id, fact, subject, event_id, body, until)"
        " SELECT new.*, now() + $7::interval"
        " FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[])"
        " AS new (id, hook_id, fact, subject, event_id, body)"
        " WHERE EXISTS (SELECT FROM hook WHERE hook.id = new.hook_id FOR KEY SHARE)"
        " ON CONFLICT (id) DO NOTHING",
        *([each[place] for each in ordered] for place in range(len(NewDelivery._fields))),
        TRIED,
    )


async def deliveries(
    database: Database,
    hook_id: str,
    state: str,
    after: tuple[datetime, str] | None,
    most: int,
) -> list[Delivery]:
    """The deliveries of a hook, newest first, from `after` on; of one state unless it is ""."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            f"SELECT {_DELIVERY} FROM hook_delivery WHERE hook_id = $1"
            " AND ($2 = '' OR state = $2)"
            " AND ($3::timestamptz IS NULL OR (created_at, id) < ($3, $4))"
            " ORDER BY created_at DESC, id DESC LIMIT $5",
            hook_id,
            state,
            after[0] if after else None,
            after[1] if after else "",
            most,
        )
    return [_delivery(row) for row in rows]


async def delivery(database: Database, hook_id: str, delivery_id: str) -> Delivery | None:
    async with database.connection() as connection:
        row = await connection.fetchrow(
            f"SELECT {_DELIVERY} FROM hook_delivery WHERE id = $1 AND hook_id = $2",
            delivery_id,
            hook_id,
        )
    return _delivery(row) if row else None


async def replay(database: Database, hook_id: str, ids: Sequence[str] | None) -> list[str]:
    """Has deliveries of an active hook made again, from now on for as long as new ones: these, or
    for None all that are dead. What is under way is left to whoever has it."""
    async with database.transaction() as connection:
        active = await connection.fetchval(
            "UPDATE hook SET probe_at = now() WHERE id = $1 AND state = 'active' RETURNING true",
            hook_id,
        )
        if not active:
            return []
        rows = await connection.fetch(
            "UPDATE hook_delivery SET state = 'pending', attempts = 0, due = now(),"
            " until = now() + $3::interval, done_at = NULL"
            " WHERE hook_id = $1 AND CASE WHEN $2::text[] IS NULL THEN state = 'dead'"
            "  ELSE id = ANY($2) END"
            " AND (state <> 'pending' OR tried_at < now() - make_interval(secs => $4))"
            " RETURNING id",
            hook_id,
            ids if ids is None else list(ids),
            TRIED,
            LEASE_S,
        )
    return [row["id"] for row in rows]
