"""All SQL of making deliveries."""

from collections.abc import Mapping

import msgspec

from usher import limits
from usher.hook.model import (
    LEASE_S,
    PROBE_S_MAX,
    SOUND_FAILURES,
    TRIED,
    Taken,
    Told,
    pause_s,
)
from usher.hook.queries import HEARS
from usher.plumbing.postgres import Connection, Database


async def take(
    database: Database, busy: Mapping[str, int], each_max: int, most: int, lease_s: float = LEASE_S
) -> list[Taken]:
    """Deliveries that are due, leased to the caller; two callers never take one. Of no hook more
    than `each_max` together with those it is `busy` with; one of a hook that fails."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            "WITH busy AS (SELECT * FROM unnest($1::text[], $2::integer[]) AS t (hook_id, n)),"
            " picked AS ("
            "  SELECT due.id FROM hook LEFT JOIN busy ON busy.hook_id = hook.id"
            "  CROSS JOIN LATERAL (SELECT d.id, d.due FROM hook_delivery AS d"
            "   WHERE d.hook_id = hook.id AND d.state = 'pending' AND d.due <= now()"
            "   ORDER BY d.due LIMIT greatest(0, CASE WHEN hook.failures > 0 THEN 1 ELSE $3 END"
            "    - coalesce(busy.n, 0)) FOR UPDATE SKIP LOCKED) AS due"
            f"  WHERE hook.state = 'active' AND hook.probe_at <= now() AND {HEARS}"
            "  ORDER BY due.due LIMIT $4)"
            " UPDATE hook_delivery AS d SET attempts = attempts + 1, tried_at = now(),"
            "  due = now() + make_interval(secs => $5)"
            " FROM picked, hook WHERE d.id = picked.id AND hook.id = d.hook_id"
            " RETURNING d.id, d.hook_id, d.fact, d.body, d.attempts, hook.url,"
            "  hook.kid, hook.salt,"
            "  CASE WHEN hook.old_until > now() THEN hook.old_kid ELSE '' END AS old_kid,"
            "  hook.old_salt",
            list(busy),
            list(busy.values()),
            each_max,
            most,
            lease_s,
        )
    return [msgspec.convert(dict(row), Taken) for row in rows]


async def report(database: Database, taken: Taken, told: Told) -> None:
    """Writes down what became of an attempt, and what it says of the hook."""
    async with database.transaction() as connection:
        if not told.fault:
            await _took(connection, taken, told)
        else:
            await _failed(connection, taken, told, gone=told.status == 410)


async def _took(connection: Connection, taken: Taken, told: Told) -> None:
    await connection.execute(
        "UPDATE hook_delivery SET state = 'done', done_at = now(), status = $2, answer = $3,"
        " fault = '' WHERE id = $1 AND state <> 'done'",
        taken.id,
        told.status,
        told.answer,
    )
    await connection.execute(
        "UPDATE hook SET failures = 0, failing_since = NULL, probe_at = now()"
        " WHERE id = $1 AND failures > 0",
        taken.hook_id,
    )


async def _failed(connection: Connection, taken: Taken, told: Told, *, gone: bool) -> None:
    await connection.execute(
        "UPDATE hook_delivery SET status = $3, answer = $4, fault = $5,"
        " due = now() + make_interval(secs => $6),"
        " state = CASE WHEN $7 OR until <= now() THEN 'dead' ELSE state END,"
        " done_at = CASE WHEN $7 OR until <= now() THEN now() END"
        # Of a slow attempt it is no news where a colleague has been through since.
        " WHERE id = $1 AND state = 'pending' AND attempts = $2",
        taken.id,
        taken.attempts,
        told.status,
        told.answer,
        told.fault[:500],
        max(told.wait_s, pause_s(taken.attempts)),
        gone,
    )
    await connection.execute(
        "UPDATE hook SET failures = failures + 1, failing_since = coalesce(failing_since, now()),"
        " probe_at = now() + make_interval(secs => CASE WHEN failures < $2 THEN 0"
        "  ELSE least($5, power(2, least(20, failures + 1 - $2))) END),"
        " state = CASE WHEN $3 OR failing_since <= now() - $4::interval"
        "  THEN 'broken' ELSE state END,"
        " reason = CASE WHEN $3 THEN 'gone'"
        "  WHEN failing_since <= now() - $4::interval THEN 'failing' ELSE reason END"
        " WHERE id = $1 AND state = 'active'",
        taken.hook_id,
        SOUND_FAILURES,
        gone,
        TRIED,
        PROBE_S_MAX,
    )


async def bury(database: Database) -> int:
    """Gives up what was not taken in time, of hooks that wait too; how many."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            "UPDATE hook_delivery SET state = 'dead', done_at = now(),"
            " fault = CASE WHEN fault = '' THEN 'not tried in time' ELSE fault END"
            " WHERE id IN (SELECT id FROM hook_delivery WHERE state = 'pending'"
            "  AND until < now() AND due < now() ORDER BY until LIMIT $1 FOR UPDATE SKIP LOCKED)"
            " RETURNING id",
            limits.sweep_rows_max,
        )
    return len(rows)


async def sweep(database: Database) -> int:
    """Forgets deliveries that were over long ago; how many."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            "DELETE FROM hook_delivery WHERE id IN (SELECT id FROM hook_delivery"
            "  WHERE state <> 'pending' AND done_at < now() - make_interval(secs => $1)"
            "  ORDER BY done_at LIMIT $2 FOR UPDATE SKIP LOCKED) RETURNING id",
            float(limits.letters_kept_s),
            limits.sweep_rows_max,
        )
    return len(rows)
