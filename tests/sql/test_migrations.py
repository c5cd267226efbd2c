"""From nothing to the newest schema: the golden file, twice, at once, and cut short."""

import asyncio
import runpy
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import asyncpg
import pytest
from piccolo.columns import Column
from piccolo.table import Table

from usher import piccolo_app
from usher.errors import SetupError
from usher.piccolo_app import APP_CONFIG
from usher.plumbing.postgres import Database

pytestmark = pytest.mark.anyio

_GOLDEN: Final = runpy.run_path(str(Path(__file__).with_name("golden.py")))
schema_of: Final[Callable[[str], Awaitable[str]]] = _GOLDEN["schema_of"]
golden_file: Final[Path] = _GOLDEN["GOLDEN"]
ALL: Final = len(list(golden_file.parent.glob("m*.py")))

MIGRATE: Final = """
import asyncio, sys
from usher.plumbing.postgres import Database

async def main():
    database = Database(sys.argv[1], connections=1)
    await database.open()
    sys.stdin.readline()
    print(await database.migrate())
    await database.close()

asyncio.run(main())
"""
BROKEN: Final = """
from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.engine import engine_finder

ID = "{id}"
VERSION = "1.38.0"
DESCRIPTION = ""

async def forwards():
    manager = MigrationManager(migration_id=ID, app_name="usher", description="")

    async def run():
        transaction = engine_finder().current_transaction.get()
        await transaction.connection.execute({sql!r})

    manager.add_raw(run)
    return manager
"""


async def migrated(url: str) -> str:
    database = Database(url, connections=1)
    await database.open()
    try:
        return await database.migrate()
    finally:
        await database.close()


async def rows(url: str, statement: str, *arguments: Any) -> list[asyncpg.Record]:
    link = await asyncpg.connect(url)
    try:
        return list(await link.fetch(statement, *arguments))
    finally:
        await link.close()


async def test_from_nothing_to_the_golden_schema(empty_url: str) -> None:
    assert await migrated(empty_url) == f"migrations run: {ALL}"
    schema = await schema_of(empty_url)
    assert schema == golden_file.read_text(), (
        "the migrations make another schema than migrations/schema.sql:"
        " look, then run `uv run python tests/sql/golden.py`"
    )


async def test_migrating_again_does_nothing(empty_url: str) -> None:
    path = list(sys.path)
    await migrated(empty_url)
    before = await schema_of(empty_url)
    assert await migrated(empty_url) == "no migration to run"
    assert await schema_of(empty_url) == before
    assert sys.path == path


async def test_processes_migrating_at_once_take_turns(empty_url: str) -> None:
    processes = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", MIGRATE, empty_url),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        for _ in range(3)
    ]
    told = await asyncio.gather(*(process.communicate(b"go\n") for process in processes))
    assert [process.returncode for process in processes] == [0, 0, 0]
    counts = [out.decode().partition("migrations run: ")[2] for out, _ in told]
    assert sum(int(count or 0) for count in counts) == ALL


async def test_a_migration_cut_short_never_began(
    empty_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(name: str, sql: str) -> None:
        (tmp_path / f"{name}.py").write_text(BROKEN.format(id=name, sql=sql))

    write("t0001_good", "CREATE TABLE good (id int)")
    write("t0002_bad", "CREATE TABLE half (id int); SELECT 1 / 0")
    monkeypatch.setattr(piccolo_app.APP_CONFIG, "migrations_folder_path", str(tmp_path))
    with pytest.raises(SetupError, match="division by zero"):
        await migrated(empty_url)
    tables = await rows(
        empty_url, "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
    )
    assert [row["tablename"] for row in tables] == ["good", "migration"]
    assert [row["name"] for row in await rows(empty_url, "SELECT name FROM migration")] == [
        "t0001_good"
    ]
    write("t0002_bad", "CREATE TABLE whole (id int)")
    for name in ("t0001_good", "t0002_bad"):
        sys.modules.pop(name)
    assert await migrated(empty_url) == "migrations run: 1"


@pytest.mark.parametrize("table", APP_CONFIG.table_classes, ids=lambda table: table._meta.tablename)
async def test_tables_are_what_piccolo_takes_them_for(
    database: Database, table: type[Table]
) -> None:
    async with database.connection() as connection:
        found = await connection.fetch(
            "SELECT column_name, data_type, is_nullable FROM information_schema.columns"
            " WHERE table_schema = 'public' AND table_name = $1",
            table._meta.tablename,
        )
    real = {row["column_name"]: (row["data_type"], row["is_nullable"] == "YES") for row in found}
    assert {column._meta.db_column_name: kind_of(column) for column in table._meta.columns} == real


@pytest.mark.parametrize("table", APP_CONFIG.table_classes, ids=lambda table: table._meta.tablename)
async def test_piccolo_can_read_every_table(database: Database, table: type[Table]) -> None:
    assert isinstance(await table.select().limit(1), list)


def kind_of(column: Column) -> tuple[str, bool]:
    kind = column.column_type.lower()
    return {"timestamptz": "timestamp with time zone"}.get(kind, kind), column._meta.null
