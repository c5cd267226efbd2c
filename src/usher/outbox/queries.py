"""All SQL of the outbox."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from usher.outbox.model import ATTEMPTS_MAX, HEARD_BY, Fact, Letter, retry_after_s
from usher.plumbing.postgres import Connection, Database


async def post(connection: Connection, kind: str, subjects: Sequence[str]) -> None:
    """Puts work on the outbox, once per kind and subject, in the caller's transaction."""
    if subjects:
        await connection.execute(
            "INSERT INTO outbox (kind, subject) SELECT $1, unnest($2::text[])"
            " ON CONFLICT ON CONSTRAINT outbox_subject_once DO NOTHING",
            kind,
            list(subjects),
        )


async def revive(connection: Connection, kind: str, subjects: Sequence[str]) -> None:
    """Puts letters on the outbox that are to be carried now, whatever became of them before."""
    await connection.execute(
        "INSERT INTO outbox (kind, subject) SELECT $1, unnest($2::text[])"
        " ON CONFLICT ON CONSTRAINT outbox_subject_once DO UPDATE"
        " SET state = 'pending', attempts = 0, due = now() WHERE outbox.state <> 'pending'",
        kind,
        list(subjects),
    )


async def tell(connection: Connection, fact: Fact, subjects: Sequence[str]) -> None:
    """Has all who hear of `fact` told of it, once per subject, in the transaction that makes it
    one. A letter to hooks is written only where some hook listens: most sales have none, and pay
    for it with one look at a small table per statement."""
    if subjects:
        await connection.execute(
            "INSERT INTO outbox (kind, subject)"
            " SELECT kind, $2 || ' ' || subject FROM unnest($1::text[]) AS kind,"
            " unnest($3::text[]) AS subject"
            " WHERE kind <> 'hook' OR EXISTS (SELECT FROM hook WHERE state = 'active'"
            "  AND (kinds = '{}' OR $2 = ANY(kinds)))"
            " ON CONFLICT ON CONSTRAINT outbox_subject_once DO NOTHING",
            HEARD_BY[fact],
            fact,
            list(subjects),
        )


async def told_at(
    connection: Connection, kind: str, subjects: Sequence[str]
) -> dict[str, datetime]:
    """When each of these letters was written, which is when its fact became one."""
    rows = await connection.fetch(
        "SELECT subject, created_at FROM outbox WHERE kind = $1 AND subject = ANY($2::text[])",
        kind,
        list(subjects),
    )
    return {row["subject"]: row["created_at"] for row in rows}


async def due_kinds(database: Database, kinds: Sequence[str]) -> list[str]:
    """Those of `kinds` of which a letter is due."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            "SELECT kind FROM unnest($1::text[]) AS kind WHERE EXISTS (SELECT 1 FROM outbox"
            " WHERE outbox.kind = kind.kind AND state = 'pending' AND due <= now())",
            list(kinds),
        )
    return [row["kind"] for row in rows]


async def take(database: Database, kind: str, most: int, lease_s: float) -> list[Letter]:
    """Letters of a kind that are due, leased to the caller for `lease_s`; two carriers never take
    one."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            "UPDATE outbox SET attempts = attempts + 1, due = now() + make_interval(secs => $3)"
            " WHERE id IN (SELECT id FROM outbox WHERE kind = $1 AND state = 'pending'"
            "              AND due <= now() ORDER BY due LIMIT $2 FOR UPDATE SKIP LOCKED)"
            " RETURNING id, kind, subject, attempts",
            kind,
            most,
            lease_s,
        )
    return [msgspec.convert(dict(row), Letter) for row in sorted(rows, key=lambda row: row["id"])]


async def report(database: Database, letters: Mapping[Letter, str]) -> None:
    """Writes down how letters fared: "" is done, anything else a fault to be tried again."""
    done = [letter.id for letter, fault in letters.items() if not fault]
    failed = [(letter, fault) for letter, fault in letters.items() if fault]
    async with database.transaction() as connection:
        if done:
            await connection.execute(
                "UPDATE outbox SET state = 'done', done_at = now(), fault = ''"
                " WHERE id = ANY($1::bigint[])",
                done,
            )
        if failed:
            await connection.executemany(
                "UPDATE outbox SET fault = $2, due = now() + make_interval(secs => $3),"
                " state = CASE WHEN attempts >= $4 THEN 'dead' ELSE state END"
                # A slow carrier's fault is no news where a colleague has been through since.
                " WHERE id = $1 AND state = 'pending'",
                [
                    (letter.id, fault[:500], retry_after_s(letter.attempts), ATTEMPTS_MAX)
                    for letter, fault in failed
                ],
            )


async def counts(database: Database) -> dict[str, int]:
    """How many letters are in each state."""
    async with database.connection() as connection:
        rows = await connection.fetch("SELECT state, count(*) AS n FROM outbox GROUP BY state")
    return {row["state"]: row["n"] for row in rows}
