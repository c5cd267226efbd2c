"""All SQL of the outbox."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from usher import limits
from usher.outbox.model import (
    ATTEMPTS_MAX,
    HEARD_BY,
    Count,
    Fact,
    Letter,
    Posted,
    retry_after_s,
)
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
                    (
                        letter.id,
                        _writable(fault)[:500],
                        retry_after_s(letter.attempts),
                        ATTEMPTS_MAX,
                    )
                    for letter, fault in failed
                ],
            )


def _writable(text: str) -> str:
    """Words of others as PostgreSQL can keep them: one fault that cannot be written down would have
    its whole batch carried again for ever."""
    return text.encode("utf-8", "replace").decode().replace("\x00", "?")


async def counts(database: Database) -> dict[str, int]:
    """How many letters are in each state."""
    async with database.connection() as connection:
        rows = await connection.fetch("SELECT state, count(*) AS n FROM outbox GROUP BY state")
    return {row["state"]: row["n"] for row in rows}


async def waiting(database: Database) -> dict[tuple[str, str], int]:
    """How many letters wait or were given up, by kind and state. What is done is left out: it is
    most of the table, and these two are found by small indexes."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            "SELECT kind, 'pending' AS state, count(*) AS n FROM outbox WHERE state = 'pending'"
            " GROUP BY kind UNION ALL"
            " SELECT kind, 'dead', count(*) FROM outbox WHERE state = 'dead' GROUP BY kind"
        )
    return {(row["kind"], row["state"]): row["n"] for row in rows}


async def by_kind(database: Database) -> list[Count]:
    """How many letters there are of each kind in each state; reads all of them."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            "SELECT kind, state, count(*) AS letters, min(created_at) AS oldest FROM outbox"
            " GROUP BY kind, state ORDER BY kind, state"
        )
    return [msgspec.convert(dict(row), Count) for row in rows]


async def page(database: Database, state: str, kind: str, after: int, most: int) -> list[Posted]:
    """Letters from the newest down, those before the id `after` unless it is 0; "" filters
    nothing."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            f"SELECT {', '.join(Posted.__struct_fields__)} FROM outbox"
            " WHERE ($1 = '' OR state = $1) AND ($2 = '' OR kind = $2) AND ($3 = 0 OR id < $3)"
            " ORDER BY id DESC LIMIT $4",
            state,
            kind,
            after,
            most,
        )
    return [msgspec.convert(dict(row), Posted) for row in rows]


async def retry(database: Database, ids: Sequence[int]) -> list[int]:
    """Has letters carried anew that were given up, or wait for their next attempt; those that
    are. What is done stays done. One that a carrier has at this moment may be carried twice, as
    any may."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            "UPDATE outbox SET state = 'pending', attempts = 0, due = now()"
            " WHERE id = ANY($1::bigint[]) AND state <> 'done' RETURNING id",
            list(ids),
        )
    return sorted(row["id"] for row in rows)


async def retry_dead(database: Database, kind: str) -> int:
    """Has every letter carried anew that was given up, of one kind unless it is ""; how many."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            "UPDATE outbox SET state = 'pending', attempts = 0, due = now()"
            " WHERE state = 'dead' AND ($1 = '' OR kind = $1) RETURNING id",
            kind,
        )
    return len(rows)


async def sweep(database: Database) -> int:
    """Forgets letters that were done long ago, some at a time; how many. Dead ones stay: somebody
    has to look at them.

    While a letter is there, outbox_subject_once keeps the same work from being posted twice. After
    limits.letters_kept_s nothing would post it again: a letter is posted in the transaction that
    moves its subject from one state to another, which happens once; only the replay of such a
    transaction finds the subject moved and posts all the same, and what can be replayed is days
    old at most - ledger entries until they are acknowledged, providers' webhooks for three days.
    """
    async with database.connection() as connection:
        rows = await connection.fetch(
            "DELETE FROM outbox WHERE id IN (SELECT id FROM outbox WHERE state = 'done'"
            "  AND done_at < now() - make_interval(secs => $1) ORDER BY done_at LIMIT $2"
            "  FOR UPDATE SKIP LOCKED) RETURNING id",
            float(limits.letters_kept_s),
            limits.sweep_rows_max,
        )
    return len(rows)
