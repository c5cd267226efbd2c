"""One supervised program: started, watched, stopped, never left behind."""

import asyncio
import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Final, Protocol

import msgspec

from usher.errors import SetupError

LOG_LINES: Final = 12  # shown of a log when a server does not start
LOG_BYTES_MAX: Final = 8 * 1024 * 1024  # a larger log is set aside at the next start
READY_S: Final = 120.0  # replaying a long log after a crash takes its time
GONE_S: Final = 45.0  # the orderly stop of an earlier run takes at most about 40 s

# The variables of our own environment hold secrets, and PG* ones would change what initdb does.
ENVIRONMENT: Final = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


class Program(msgspec.Struct, frozen=True, kw_only=True):
    """What to run and how to end it.

    `stop` is a list of (signal, seconds to wait after it), `death` the signal sent to the
    program when its guard is killed, `user` the (uid, gid) to become, if not our own.
    """

    command: list[str]
    stop: list[tuple[int, float]]
    death: int
    cwd: str = "/"
    user: tuple[int, int] | None = None


class Server(Protocol):
    """What differs between Valkey and PostgreSQL."""

    name: str
    folder: Path
    port: int

    async def prepare(self) -> Program:
        """Write what the program needs and say how to run it."""
        ...

    async def probe(self, *, owner: bool) -> bool:
        """Whether it answers and is usable; the owner also finishes a first start."""
        ...


class Guarded:
    """A program under guard.py. It ends when this process does, however that ends."""

    def __init__(self, program: Program, folder: Path) -> None:
        self.log = folder / "server.log"
        _set_aside(self.log)
        order = {
            **msgspec.to_builtins(program),
            "env": ENVIRONMENT,
            "lock": str(folder / "server.lock"),
            "parent": os.getpid(),
        }
        self._patience = sum(seconds for _, seconds in program.stop) + 10.0
        mode = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        log = os.open(self.log, mode, 0o600)
        try:
            self._log_start = os.fstat(log).st_size
            guard = Path(__file__).with_name("guard.py")
            # json, not msgspec: ASCII, so that any path survives any locale.
            # -I -S: nothing of the user's environment or site packages, and a quick start.
            self._guard = subprocess.Popen(  # noqa: S603
                [sys.executable, "-I", "-S", str(guard), json.dumps(order)],
                bufsize=0,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                cwd="/",
                start_new_session=True,  # Ctrl-C in the terminal is not for the servers
            )
        finally:
            os.close(log)

    @property
    def pid(self) -> int:
        """The guard's own pid."""
        return self._guard.pid

    def exit_code(self) -> int | None:
        """The program's exit code once it and its guard are gone."""
        return self._guard.poll()

    def said(self) -> str:
        """The last lines it wrote since its start."""
        with self.log.open("rb") as file:
            file.seek(self._log_start)
            lines = file.read().decode(errors="replace").splitlines()
        return "\n".join(f"  {line}" for line in lines[-LOG_LINES:])

    async def wait(self) -> int:
        """The exit code; a cancelled wait ends the program first."""
        try:
            while (code := self._guard.poll()) is None:  # noqa: ASYNC110 - no event to wait for
                await asyncio.sleep(0.01)
        except BaseException:
            await self.stop()
            raise
        return code

    def release(self) -> None:
        """Begin the orderly stop; it goes on even if nobody waits for it."""
        if self._guard.stdin is not None:
            self._guard.stdin.close()

    async def stop(self) -> None:
        """Stop in order and return once it is gone; killed when it does not obey in time."""
        self.release()
        late = time.monotonic() + self._patience
        while self._guard.poll() is None:
            if time.monotonic() > late:
                self._guard.kill()  # the program's death signal follows
            await asyncio.sleep(0.01)

    async def kill(self) -> None:
        """SIGKILL to the program; returns once it is gone."""
        if self._guard.stdin is not None and self._guard.poll() is None:
            with contextlib.suppress(BrokenPipeError):  # it is just ending by itself
                self._guard.stdin.write(b"k")
        await self.wait()
        self.release()


class Supervised:
    """A server with its guard, which can be started again and again on one port."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self._guarded: Guarded | None = None

    def alive(self) -> bool:
        return self._guarded is not None and self._guarded.exit_code() is None

    def pids(self) -> list[int]:
        """The guard and the server's main process; none when it is not running."""
        if self._guarded is None or not self.alive():
            return []
        noted = (self.server.folder / "server.lock").read_text().strip()
        return [self._guarded.pid, *([int(noted)] if noted else [])]

    async def start(self) -> None:
        """Return once it is ready. SetupError with its last words when it does not start."""
        await wait_gone(self.server.folder)
        program = await self.server.prepare()
        guarded = self._guarded = Guarded(program, self.server.folder)
        late = time.monotonic() + READY_S
        pause = 0.01
        while not await self.server.probe(owner=True):
            code = guarded.exit_code()
            if code is not None:
                guarded.release()
                raise _failed(self.server.name, f"ended with code {code}", guarded)
            if time.monotonic() > late:
                raise _failed(self.server.name, f"is not ready after {READY_S:.0f} s", guarded)
            await asyncio.sleep(pause)
            pause = min(pause * 1.3, 0.1)

    async def stop(self) -> None:
        if self._guarded is not None:
            await self._guarded.stop()

    async def kill(self) -> None:
        if self._guarded is not None:
            await self._guarded.kill()


class PortTakenError(SetupError):
    """Another program took the port between our choice and the server's start."""


async def wait_gone(folder: Path) -> None:
    """Wait until no process of an earlier run of this server is alive; SetupError if one stays.

    Without it a start could take a server that is just ending for its own.
    """
    try:
        lock = os.open(folder / "server.lock", os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return  # there was no earlier run
    late = time.monotonic() + GONE_S
    try:
        while not _is_free(lock):
            if time.monotonic() > late:
                pid = os.pread(lock, 32, 0).decode().strip()
                raise SetupError(
                    f"a server of an earlier run in {folder} is still alive after {GONE_S:.0f} s"
                    f" (pid {pid or 'unknown'}): end it and start again"
                )
            await asyncio.sleep(0.02)
    finally:
        os.close(lock)


def _is_free(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


async def run_guarded(program: Program, folder: Path, name: str) -> None:
    """Run a program to its end under guard; SetupError with its last words if it fails."""
    guarded = Guarded(program, folder)
    code = await guarded.wait()
    guarded.release()
    if code != 0:
        first = Path(program.command[0]).name
        raise _failed(name, f"could not be made: {first} ended with code {code}", guarded)


def _failed(name: str, how: str, guarded: Guarded) -> SetupError:
    said = guarded.said()
    kind = PortTakenError if "Address already in use" in said else SetupError
    return kind(f"the embedded {name} server {how}; the end of {guarded.log}:\n{said}")


def _set_aside(log: Path) -> None:
    if log.exists() and log.stat().st_size > LOG_BYTES_MAX:
        log.replace(log.with_suffix(".log.old"))


SIGKILL: Final = int(signal.SIGKILL)
SIGTERM: Final = int(signal.SIGTERM)
SIGINT: Final = int(signal.SIGINT)
SIGQUIT: Final = int(signal.SIGQUIT)
