"""The doors of usher as a test wants them: other scripts, faults, a death at a chosen moment.

Run as a program by tests/race/process.py; what differs stands in the environment, LAUNCH_*.
"""

import os
import select
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from usher import limits
from usher.booking.jobs import Ledger, Settler
from usher.booking.service import BookingService
from usher.outbox import service as outbox
from usher.payment.sandbox import queries as bank
from usher.plumbing import shipped, stream
from usher.settings import read_settings

# Where a worker may be told to die: it has read a batch, it has committed it, it has made all its
# effects on Redis and is about to acknowledge it. An API process: it has made a booking, and is
# about to say so.
MOMENTS: Final[dict[str, tuple[type, str]]] = {
    "read": (Ledger, "handle"),
    "committed": (Settler, "settle"),
    "settled": (stream.Consumer, "_done"),
    "booked": (BookingService, "create"),
}
AFTERWARDS: Final = frozenset({"booked"})


def other_scripts(folder: str) -> None:
    """This process's lua/ is `folder`. To be called before anything asks for the real one."""
    real = shipped.shipped

    def given(name: str) -> Path:
        return Path(folder) if name == "lua" else real(name)

    shipped.shipped = given


def die_when(moment: str, nth: int) -> None:
    """SIGKILL to this process the `nth` time that it comes to `moment`."""
    owner, name = MOMENTS[moment]
    real: Callable[..., Any] = getattr(owner, name)
    seen = 0

    async def counted(*args: Any) -> Any:
        nonlocal seen
        reply = await real(*args) if moment in AFTERWARDS else None
        seen += 1
        if seen == nth:
            os.kill(os.getpid(), signal.SIGKILL)
        return reply if moment in AFTERWARDS else await real(*args)

    setattr(owner, name, counted)


def acknowledge_early() -> None:
    """A fault for controls: at most once instead of at least once."""
    handle, done = stream.Consumer._process, stream.Consumer._done

    async def process(self: stream.Consumer, batch: list[stream.Entry]) -> None:
        await done(self, [entry.id for entry in batch])
        await handle(self, batch)

    vars(stream)["Consumer"]._process = process


def make_haste() -> None:
    """Colleagues take over from the dead after a second, so that they meet more often."""
    vars(stream)["IDLE_MS"] = 1_000
    vars(outbox)["LEASE_S"] = 1
    vars(limits)["message_lease_s"] = 3.0
    vars(bank)["_LEASE_S"] = 1.0


def lives(work: Callable[[], None]) -> None:
    """A worker, and when it dies the next one at once, forked from here where everything has been
    imported. Each letter k on stdin kills it; the end of stdin ends it in order.

    Says "ready" on stdout, then "died" for each death. LAUNCH_DEATHS of them come to the moment
    of LAUNCH_DEATH.
    """
    moment, _, nth = os.environ.get("LAUNCH_DEATH", "").partition(" ")
    doomed = int(os.environ.get("LAUNCH_DEATHS", "1")) if moment else 0
    child = 0
    os.write(1, b"ready\n")
    while True:
        if not child:
            child = os.fork()
            if not child:
                os.dup2(2, 1)
                if doomed:
                    die_when(moment, int(nth))
                work()
                os._exit(0)
        if select.select([0], [], [], 0.01)[0]:
            said = os.read(0, 1)
            os.kill(child, signal.SIGKILL if said else signal.SIGTERM)
            if not said:
                os.waitpid(child, 0)
                return
            # Wait for it: a second letter shall be for the next one.
            dead, _ = os.waitpid(child, 0)
        else:
            dead, _ = os.waitpid(child, os.WNOHANG)
        if dead:
            child, doomed = 0, max(0, doomed - 1)
            os.write(1, b"died\n")


def main(door: str) -> None:
    """Goes through the door "serve" or "worker" and stays until told to stop."""
    if folder := os.environ.get("LAUNCH_LUA"):
        other_scripts(folder)
    if os.environ.get("LAUNCH_HASTE"):
        make_haste()
    if os.environ.get("LAUNCH_EARLY"):
        acknowledge_early()
    if door == "serve":
        from usher.web import serve

        if death := os.environ.get("LAUNCH_DEATH"):
            moment, _, nth = death.partition(" ")
            die_when(moment, int(nth))
        serve(read_settings())
    else:
        from usher.worker import work

        lives(lambda: work(read_settings()))


if __name__ == "__main__":
    main(sys.argv[1])
