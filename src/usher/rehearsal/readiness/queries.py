"""What PostgreSQL tells of itself."""

from typing import Any, Final

from usher.plumbing.postgres import Database

_SETTINGS: Final = (
    *("synchronous_commit", "fsync", "full_page_writes", "max_connections"),
    *("superuser_reserved_connections", "reserved_connections", "server_version_num"),
    "data_directory",  # told to superusers and members of pg_read_all_settings alone
)


async def facts(database: Database) -> dict[str, Any]:
    """Its settings, whether it is a replica, and the connections that are not usher's."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            "SELECT name, setting FROM pg_settings WHERE name = ANY($1::text[])", list(_SETTINGS)
        )
        row = await connection.fetchrow(
            "SELECT pg_is_in_recovery() AS replica, (SELECT count(*) FROM pg_stat_activity"
            " WHERE backend_type = 'client backend' AND application_name <> 'usher') AS others"
        )
        # A role or a database may be set otherwise than the server.
        commit = await connection.fetchval("SHOW synchronous_commit")
    assert row is not None  # a SELECT of two values has one row
    settings = {each["name"]: each["setting"] for each in rows}
    return {
        "settings": settings | {"synchronous_commit": commit},
        "replica": row["replica"],
        "others": row["others"],
    }


async def ran(database: Database) -> set[str]:
    """The names of the migrations that have run; none where the schema is not there at all."""
    async with database.connection() as connection:
        if await connection.fetchval("SELECT to_regclass('migration')") is None:
            return set()
        rows = await connection.fetch("SELECT name FROM migration WHERE app_name = 'usher'")
    return {row["name"] for row in rows}


async def clock_ms(database: Database) -> int:
    """PostgreSQL's clock, in milliseconds since 1970."""
    async with database.connection() as connection:
        return int(await connection.fetchval("SELECT extract(epoch FROM clock_timestamp()) * 1000"))


async def outages(database: Database, since_s: int) -> list[str]:
    """Payment providers that were seen to be away in the last `since_s` seconds."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            "SELECT provider FROM payment_outage"
            " WHERE seen_at > now() - make_interval(secs => $1) ORDER BY provider",
            float(since_s),
        )
    return [row["provider"] for row in rows]
