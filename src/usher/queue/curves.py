"""The curves a process knows: one script a second per event, whatever the number of fans."""

import asyncio
import os
import secrets
import socket
import time
from collections.abc import Callable
from typing import Final

import msgspec

from usher import limits
from usher.ids import is_id
from usher.queue.model import Sample, Speed, Trail
from usher.queue.scripts import Curve, QueueScripts

FRESH_S: Final = 1.0
_LATELY_S: Final = 60.0


class KnownCurve(msgspec.Struct):
    """A curve, the speed of its line, and the public JSON made of both."""

    curve: Curve
    per_min: float | None
    public: bytes


class Curves:
    def __init__(self, scripts: QueueScripts) -> None:
        self._scripts = scripts
        self._known: dict[str, tuple[float, KnownCurve]] = {}
        self._speeds: dict[str, Speed] = {}
        self._trails: dict[str, Trail] = {}
        self._asking: dict[str, asyncio.Task[KnownCurve | None]] = {}
        self._delay_ms: Callable[[], int] | None = None
        self._process = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"

    def report(self, delay_ms: Callable[[], int]) -> None:
        """From now on, with every curve asked for goes how long answers take in this process: in
        the same flight, so once a second and event, however many fans ask."""
        self._delay_ms = delay_ms

    async def of(self, event: str, *, fresh_s: float = FRESH_S) -> KnownCurve | None:
        """The curve of `event`, at most `fresh_s` old; None where Redis knows no such event."""
        if not is_id("event", event):  # a client may ask for anything
            return None
        known = self._known.get(event)
        if known and time.monotonic() - known[0] < fresh_s:
            return known[1]
        asking = self._asking.get(event)
        if asking is None:
            asking = asyncio.create_task(self._ask(event))
            self._asking[event] = asking
            asking.add_done_callback(lambda _: self._asking.pop(event, None))
        return await asyncio.shield(asking)

    def trail(self, event: str) -> list[Sample]:
        """The last ten minutes of `event` as far as this process has watched it, oldest first."""
        trail = self._trails.get(event)
        return trail.samples if trail else []

    def paces(self) -> list[float]:
        """Of each line that somebody has asked for in the last minute, the share of its rate that
        its gate calls."""
        now = time.monotonic()
        lines = [known.curve for at, known in self._known.values() if now - at < _LATELY_S]
        return [curve.rate_now / curve.rate for curve in lines if curve.rate]

    async def _ask(self, event: str) -> KnownCurve | None:
        if self._delay_ms is None:
            reply = await self._scripts.curve(event)
        else:
            told = (self._process, self._delay_ms(), limits.strain_kept_ms)
            _, reply = await asyncio.gather(
                self._scripts.report(event, *told), self._scripts.curve(event)
            )
        if not isinstance(reply, Curve):
            self._known.pop(event, None)
            return None
        speed = self._speeds.setdefault(event, Speed())
        speed.note(reply)
        self._trails.setdefault(event, Trail()).note(reply)
        known = KnownCurve(reply, speed.per_min(), public_state(reply, speed.per_min()))
        self._known[event] = (time.monotonic(), known)
        return known


def public_state(curve: Curve, per_min: float | None) -> bytes:
    """What `GET .../queue` tells everybody; the same bytes for all, so a CDN may serve them."""
    return msgspec.json.encode(
        {
            "state": curve.state,
            "mode": curve.mode,
            "waiting": curve.waiting + curve.in_lobby,
            "admitted_per_minute": round(per_min) if per_min is not None else None,
            "shopping": curve.shopping,
            # What is free may be kept for the waiting list.
            "left": 0 if curve.state == "sold_out" else curve.free,
            "paused": curve.state == "paused" or curve.gate_state == "paused",
            "notice": curve.notice or None,
            "curve": curve.points,
        }
    )
