"""Processes of usher that a test starts, kills and starts again."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import httpx

from usher.settings import Settings, environ_of
from usher.up import free_port

_LAUNCH = Path(__file__).with_name("launch.py")


def _start(
    door: str, settings: Settings, given: dict[str, str], out: int
) -> subprocess.Popen[bytes]:
    environ = environ_of(settings) | {f"LAUNCH_{name.upper()}": v for name, v in given.items()}
    # -P: the folder of the launcher is not a place to import from.
    return subprocess.Popen(
        [sys.executable, "-P", str(_LAUNCH), door], env=environ, stdin=subprocess.PIPE, stdout=out
    )


class Api(NamedTuple):
    """A running API process."""

    url: str
    process: subprocess.Popen[bytes]

    def kill(self) -> None:
        """SIGKILL; it does not come back."""
        self.process.kill()
        self.process.wait()


@contextmanager
def api(settings: Settings, **given: str) -> Iterator[Api]:
    """An API process on settings.port, ready; `given` are the LAUNCH_ variables."""
    url = f"http://127.0.0.1:{settings.port}"
    with _start("serve", settings, given, 2) as process:
        try:
            await_ready(url)
            yield Api(url, process)
        finally:
            process.terminate()


def elsewhere(settings: Settings) -> Settings:
    """The same settings, for one more API process beside the first."""
    return settings.with_(port=free_port("127.0.0.1", 0))


def await_ready(url: str) -> None:
    """Returns once the API process answers that it can serve."""
    for _ in range(300):
        try:
            if httpx.get(f"{url}/readyz", trust_env=False).is_success:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.1)
    raise AssertionError("the API process did not get ready")


class Lives:
    """A worker process that is there again at once when it has died."""

    def __init__(self, process: subprocess.Popen[bytes], diary: Path) -> None:
        self._process = process
        self._diary = diary

    @property
    def ready(self) -> bool:
        return "ready" in self._diary.read_text()

    @property
    def deaths(self) -> int:
        return self._diary.read_text().count("died")

    def kill(self) -> None:
        """SIGKILL to the one that lives now."""
        assert self._process.stdin is not None
        self._process.stdin.write(b"k")
        self._process.stdin.flush()


@contextmanager
def worker(settings: Settings, diary: Path, **given: str) -> Iterator[Lives]:
    """A worker on `settings`; it writes its deaths into the file `diary`."""
    with diary.open("wb") as out, _start("worker", settings, given, out.fileno()) as process:
        lives = Lives(process, diary)
        try:
            while not lives.ready:
                assert process.poll() is None, "the worker does not start"
                time.sleep(0.05)
            yield lives
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.wait(30)
