"""Child processes that end with their parent, however it ends.

The child's stdin is a pipe that the parent holds open and never writes to: when the parent is
gone, for whatever reason, the pipe ends, and the child sends itself SIGTERM. Works alike on Linux
and macOS, and has none of the thread traps of a parent-death signal.
"""

import asyncio
import contextlib
import os
import signal
import sys
import threading
from collections.abc import Mapping, Sequence
from typing import Final

import structlog

log = structlog.get_logger("usher.child")

STOP_S: Final = 25.0
_RESTART_S: Final = (0.2, 0.5, 1.0, 2.0, 5.0)


def stop_with_parent() -> None:
    """Call in the child: SIGTERM to this process when stdin ends."""

    def watch() -> None:
        with contextlib.suppress(OSError):
            while os.read(0, 64):
                pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="parent", daemon=True).start()


class Child:
    """One supervised `usher` process: restarted when it dies, until `stop`."""

    def __init__(self, name: str, verb: Sequence[str], environ: Mapping[str, str]) -> None:
        self.name = name
        self._verb = list(verb)
        self._environ = dict(environ)
        self._process: asyncio.subprocess.Process | None = None
        self._task: asyncio.Task[None] | None = None
        self.restarts = 0
        self.stopping = False

    @property
    def pid(self) -> int | None:
        """The pid of the process that runs now."""
        return self._process.pid if self._process else None

    async def start(self) -> None:
        await self._spawn()
        self._task = asyncio.create_task(self._supervise(), name=f"child {self.name}")

    async def _spawn(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "usher",
            *self._verb,
            "--with-parent",
            stdin=asyncio.subprocess.PIPE,
            env=self._environ,
            start_new_session=True,  # Ctrl-C is for the parent, which stops us in order
        )

    async def _supervise(self) -> None:
        while True:
            assert self._process is not None
            code = await self._process.wait()
            if self.stopping:
                return
            pause_s = _RESTART_S[min(self.restarts, len(_RESTART_S) - 1)]
            self.restarts += 1
            log.warning("process died; starting it again", name=self.name, code=code)
            await asyncio.sleep(pause_s)
            await self._spawn()

    def kill(self) -> None:
        """SIGKILL, as a crash would; it is started again."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    async def stop(self) -> None:
        """SIGTERM, then SIGKILL after STOP_S; returns when the process is gone."""
        self.stopping = True
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        try:
            await asyncio.wait_for(self._process.wait(), STOP_S)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()
        if self._task is not None:
            self._task.cancel()
