"""The schema that the migrations make: migrations/schema.sql, to read and to compare with.

After changing a migration: uv run python tests/sql/golden.py
"""

import asyncio
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from usher.embedded import delete_data, postgres_binary, start_embedded
from usher.plumbing.postgres import Database
from usher.plumbing.shipped import shipped

GOLDEN: Final = shipped("migrations") / "schema.sql"
# What differs between two dumps of one schema.
_VOLATILE: Final = ("-- Dumped ", "\\restrict ", "\\unrestrict ")


async def schema_of(url: str) -> str:
    """The schema of a migrated database as pg_dump tells it, less what varies."""
    command = [str(postgres_binary("pg_dump")), "--schema-only", "--no-owner", "--no-privileges"]
    told = await asyncio.to_thread(
        subprocess.run, [*command, f"--dbname={url}"], capture_output=True, text=True, check=False
    )
    if told.returncode != 0:
        raise RuntimeError(told.stderr)
    lines = [line for line in told.stdout.splitlines() if not line.startswith(_VOLATILE)]
    kept: list[str] = []
    for line in lines:
        if line or (kept and kept[-1]):  # one empty line is as good as three
            kept.append(line)
    return "\n".join(kept).strip() + "\n"


async def _main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        data_dir = Path(folder) / "servers"
        async with start_embedded(data_dir, fast=True) as servers:
            database = Database(servers.database_url, connections=1)
            await database.open()
            await database.migrate()
            await database.close()
            schema = await schema_of(servers.database_url)
        delete_data(data_dir)
    changed = not GOLDEN.exists() or GOLDEN.read_text() != schema
    GOLDEN.write_text(schema)
    sys.stdout.write(f"{GOLDEN}: {'written' if changed else 'as it was'}\n")


if __name__ == "__main__":
    asyncio.run(_main())
