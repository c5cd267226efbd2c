"""What all fans of one process share, and what they have seen."""

import gc
import os
import random
import resource
import sys
import time
from pathlib import Path
from typing import Any, BinaryIO, Final

import gevent
import msgspec

from loadtests.client.http import Address
from loadtests.crowd.names import BARE_503, CLIENT_FAULTS, MARKS
from loadtests.crowd.plan import Plan
from loadtests.record import Recorder
from usher.rehearsal.persona import Persona, dice, persona

_GOOD: Final = frozenset({200, 201, 202, 204, 304, 409, 429, 503})


class Session:
    """One process of a crowd: its part of the plan, its connections, its records.

    `report` is told of every request as Locust's `events.request.fire` is.
    """

    def __init__(self, plan: Plan, part: int, report: Any) -> None:
        self.plan = plan
        self.part = part
        self.addresses = [Address(url) for url in plan.urls]
        self._report = report
        self._out = Path(plan.out)
        self._recorder = Recorder(self._out)
        self._marks = Recorder(self._out / MARKS)
        self._bookings: BinaryIO | None = None
        self._ticking: Any = None
        self._began_at = time.monotonic()
        self.counts: dict[str, int] = {BARE_503: 0, CLIENT_FAULTS: 0}
        self.fault = ""  # why this process could not play its part
        self.phases: dict[str, tuple[float, float]] = {}
        self.began = time.time()

    def start(self) -> None:
        """Once, in the process itself, after any fork."""
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 20, 50)
        self._ticking = gevent.spawn(self._tick)

    @property
    def played_s(self) -> float:
        """Since the beginning."""
        return time.monotonic() - self._began_at

    @property
    def over(self) -> bool:
        """Nobody plays on: time is up."""
        return self.played_s > self.plan.deadline_s

    def address(self, number: int) -> Address:
        """The API process that fan `number` talks to."""
        return self.addresses[number % len(self.addresses)]

    def person(self, number: int) -> tuple[Persona, random.Random]:
        """Fan `number`, and dice past those that made it: the same for the same seed."""
        plan = self.plan
        who = persona(
            number,
            dice(plan.seed, number),
            lobby_share=plan.lobby_share,
            stream_share=plan.stream_share,
        )
        return who, dice(plan.seed, -1 - number)

    def note(self, name: str, status: int, latency_s: float, fault: str = "") -> None:
        """One request that has ended, `latency_s` after it was due; status 0 is no answer."""
        self._recorder.note(name, status, latency_s)
        wrong: Exception | None = None
        if fault:
            wrong = RuntimeError(fault)
        elif status not in _GOOD:
            wrong = RuntimeError(f"answered {status}")
        self._report(
            request_type="",
            name=name,
            response_time=latency_s * 1000,
            response_length=0,
            exception=wrong,
            context={},
        )

    def mark(self, name: str, seconds: float) -> None:
        """A time that is no request's: see crowd/names.py. Locust is not told."""
        self._marks.note(name, 200, max(0.0, seconds))

    def begin_phases(self) -> None:
        """Notes when each phase of the plan begins and ends, the first one now."""
        at = time.time()
        for phase in self.plan.phases:
            self.phases[phase.name] = (at, at + phase.seconds)
            at += phase.seconds

    def count(self, what: str, more: int = 1) -> None:
        """Something that fans went through, for the summary."""
        self.counts[what] = self.counts.get(what, 0) + more

    def note_booking(self, what: str, booking: str, fan_token: str) -> None:
        """A booking that was accepted ("booked"), or that a fan was told is "confirmed": it must be
        found again afterwards."""
        if self._bookings is None:
            self._bookings = (self._out / f"bookings-{os.getpid()}.txt").open("ab")
        self._bookings.write(f"{what} {booking} {fan_token}\n".encode())
        self.count(what)

    def close(self) -> None:
        """Writes down what is left to be written."""
        if self._ticking is not None:
            self._ticking.kill()
        self._recorder.close()
        self._marks.close()
        if self._bookings is not None:
            self._bookings.close()
        self._write()
        for address in self.addresses:
            address.close()

    def _tick(self) -> None:
        while True:
            gevent.sleep(1)
            self._recorder.flush()
            self._marks.flush()
            self._write()

    def _write(self) -> None:
        """The process's own cost, whole each time: the last one written stands."""
        used = resource.getrusage(resource.RUSAGE_SELF)
        body = {
            "pid": os.getpid(),
            "part": self.part,
            "began": self.began,
            "until": time.time(),
            "cpu_s": round(used.ru_utime + used.ru_stime, 3),
            "memory_peak_mb": round(_memory_peak_kb(used.ru_maxrss) / 1024, 1),
            "connections": sum(address.opened for address in self.addresses),
            "fault": self.fault,
            "counts": self.counts,
            "phases": self.phases,
        }
        path = self._out / f"client-{os.getpid()}.json"
        path.with_suffix(".new").write_bytes(msgspec.json.encode(body))
        path.with_suffix(".new").rename(path)


def _memory_peak_kb(known: int) -> int:
    """The most memory this process had. What getrusage tells (`known`) may be that of the process
    which started it, before it became this one; and macOS tells bytes."""
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1])
    except OSError:
        pass
    return known // 1024 if sys.platform == "darwin" else known
