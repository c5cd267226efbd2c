"""Asking real servers how they stand: faults that are there are seen."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from usher.embedded import Embedded
from usher.plumbing.lua import Runner
from usher.plumbing.postgres import Database
from usher.plumbing.signing import new_secret
from usher.rehearsal.readiness import asking
from usher.rehearsal.readiness.fetching import look_at_tls
from usher.rehearsal.readiness.model import Item
from usher.rehearsal.readiness.setting import judge_settings
from usher.rehearsal.readiness.stores import judge_migrations, judge_postgres, judge_redis
from usher.settings import Settings

pytestmark = pytest.mark.anyio


def bad(items: list[Item]) -> set[str]:
    return {each.name for each in items if each.state == "bad"}


async def test_a_redis_that_would_evict(runner: Runner) -> None:
    facts = await asking.ask_redis(runner, "Redis")
    assert facts.product.startswith("Valkey 9")
    assert (facts.cluster, facts.nodes, facts.role, facts.aof) == (True, 1, "master", True)
    assert facts.fsync == "no"  # for the speed of the tests
    assert (facts.rewrite_min, facts.rewrite_pct) == (256 * 2**20, 100)
    assert facts.log > 0
    assert bad(judge_redis(facts, 1_000)) == set()
    await runner.command("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    try:
        assert bad(judge_redis(await asking.ask_redis(runner, "Redis"), 1_000)) == {
            "maxmemory-policy"
        }
    finally:
        await runner.command("CONFIG", "SET", "maxmemory-policy", "noeviction")


async def test_what_a_server_refuses_to_tell_is_not_known(runner: Runner) -> None:
    assert await runner.permitted("CONFIG", "NO-SUCH-WORD") is None


async def test_a_postgresql_without_fsync(database: Database, servers: Embedded) -> None:
    facts = await asking.ask_postgres(database, servers.database_url)
    assert facts.version // 10_000 >= 18
    assert (facts.missing, facts.unknown, facts.replica) == ([], [], False)
    # The servers of tests are fast, and forget on a crash: that is seen.
    assert "fsync" in bad(judge_postgres(facts, 10))
    assert bad(judge_postgres(facts, 10)) <= {"fsync", "synchronous_commit"}
    assert "max_connections" in bad(judge_postgres(facts, 10_000))


async def test_a_schema_that_is_behind(empty_url: str) -> None:
    database = Database(empty_url, connections=1)
    await database.open()
    try:
        missing, unknown = await asking.migrations(database)
        assert missing[0] == "m0001_foundation"
        assert "m0010_rehearsal" in missing
        assert judge_migrations(missing, unknown).state == "bad"
        await database.migrate()
        async with database.connection() as connection:
            await connection.execute(
                "INSERT INTO migration (name, app_name) VALUES ('of tomorrow', 'usher')"
            )
        assert await asking.migrations(database) == ([], ["of tomorrow"])
    finally:
        await database.close()


async def test_clocks_of_one_machine(runner: Runner, database: Database) -> None:
    here = await asking.ask_here(runner, database, "k1=abc")
    assert abs(here.skew_ms) < 1_000
    assert abs(here.database_skew_ms) < 1_000


async def test_a_mail_server_that_is_not_there(database: Database) -> None:
    settings = Settings(
        secrets=f"{new_secret()},old:{'00' * 32}",
        mail_url="smtp://ann:secret@127.0.0.1:9",
        mail_from="tickets@example.org",
    )
    facts = await asking.ask_settings(settings, database, keys_given=True)
    assert facts.mail_fault
    assert facts.mail_url == "smtp://127.0.0.1:9"
    assert facts.key_bytes[1] == 1
    assert bad(judge_settings(facts)) == {"mail", "USHER_SECRETS"}


@pytest.fixture
async def https(tmp_path: Path) -> AsyncIterator[tuple[str, Path]]:
    """A server that speaks TLS and nothing in it, and the file of who vouches for it."""
    authority = trustme.CA()
    trusted = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(trusted))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    context.set_alpn_protocols(["h2"])

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "localhost", 0, ssl=context)
    yield f"https://localhost:{server.sockets[0].getsockname()[1]}", trusted
    server.close()


async def test_a_certificate(https: tuple[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    url, trusted = https
    unknown: Any = await look_at_tls(url)
    assert "not good" in unknown.fault
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    good: Any = await look_at_tls(url)
    assert good.fault == ""
    assert good.h2
    assert good.version == "TLSv1.3"
    assert good.days > 0
    assert await look_at_tls("http://localhost") is None
    nobody: Any = await look_at_tls("https://127.0.0.1:9")
    assert "no handshake" in nobody.fault
