"""One fan's requests, each timed from the moment it was meant to be sent."""

import random
import time
from typing import Any, Final, TypeVar

import gevent
import msgspec

from loadtests.client.http import NoAnswer, Stream
from loadtests.crowd.names import BARE_503, LAG
from loadtests.crowd.session import Session
from usher.rehearsal.answers import Nothing, Refusal

T = TypeVar("T")

_TRIES: Final = 12
_BACK_OFF_S: Final = 0.25
_BACK_OFF_MAX_S: Final = 8.0
_NOTHING: Final = Nothing()
_decoders: dict[type, msgspec.json.Decoder[Any]] = {}


class GaveUp(Exception):
    """The fan has had enough: no answer that counts, or time is up."""


def decode(body: bytes, kind: type[T]) -> T:
    """JSON as a struct, by a decoder that is made once."""
    decoder = _decoders.get(kind)
    if decoder is None:
        decoder = _decoders[kind] = msgspec.json.Decoder(kind)
    value: T = decoder.decode(body)
    return value


class Asker:
    """The clock and the connection of one fan. `due` is the moment of monotonic time at which the
    next request is meant to be sent: pauses move it on, and whoever wakes late is late."""

    def __init__(self, session: Session, number: int, dice: random.Random, due: float) -> None:
        self.session = session
        self.dice = dice
        self.due = due
        self._address = session.address(number)
        self._pace = session.plan.pace

    def think(self, least_s: float, most_s: float) -> None:
        """A person's pause."""
        self.pause(self.dice.uniform(least_s, most_s) * self._pace)

    def pause(self, seconds: float) -> None:
        """Sleeps until `seconds` after the last answer; GaveUp where time is up."""
        self.due += seconds
        ahead_s = self.due - time.monotonic()
        if ahead_s > 0:
            gevent.sleep(ahead_s)
        if self.session.over:
            raise GaveUp("time is up")

    def ask(
        self,
        name: str,
        method: str,
        path: str,
        kind: type[T],
        token: str = "",
        body: Any = None,
        *,
        key: str = "",
    ) -> T | Refusal:
        """The answer, after as many tries as are fair; GaveUp. Sending again is safe by the API's
        own promise that every mutation is repeatable."""
        data = msgspec.json.encode(body) if body is not None else b""
        more = f"Idempotency-Key: {key}\r\n" if key else ""
        request = self._address.request(method, path, token, data, more)
        said = ""
        for attempt in range(_TRIES):
            status, answer, retry_after_s = self.once(name, request)
            if 200 <= status < 300:
                return decode(answer, kind) if answer else _NOTHING  # type: ignore[return-value]
            said = str(status or "no answer")
            if status in (429, 503):
                wait_s = max(0.1, min(30.0, retry_after_s or 1.0))
                self.pause(wait_s * self.dice.uniform(1, 1.5))
            elif status == 0 or status >= 500:
                wait_s = min(_BACK_OFF_MAX_S, _BACK_OFF_S * 2**attempt)
                self.pause(wait_s * self.dice.uniform(0.5, 1))
            else:
                return _refusal(status, answer)
        raise GaveUp(f"{method} {path}: {said}")

    def once(self, name: str, request: bytes) -> tuple[int, bytes, float | None]:
        """(status, body, Retry-After) of one try; status 0 where no answer came."""
        session = self.session
        session.mark(LAG, time.monotonic() - self.due)
        try:
            status, body, retry_after_s = self._address.ask(request)
            fault = ""
        except NoAnswer as none:
            status, body, retry_after_s, fault = 0, b"", None, str(none)
        now = time.monotonic()
        session.note(name, status, now - self.due, fault)
        if status == 503 and retry_after_s is None:
            session.count(BARE_503)
        self.due = now
        return status, body, retry_after_s

    def open(self, name: str, path: str, token: str = "", last_id: str = "") -> Stream | Refusal:
        """An open stream, for which an answer's head counts as the answer; Refusal with a
        `retry_after_s` where there is none to be had now."""
        session = self.session
        more = f"Last-Event-ID: {last_id}\r\n" if last_id else ""
        try:
            stream = self._address.stream(self._address.request("GET", path, token, b"", more))
        except NoAnswer as fault:
            now = time.monotonic()
            session.note(name, 0, now - self.due, str(fault))
            self.due = now
            return Refusal(code="no_answer", retry_after_s=1.0)
        now = time.monotonic()
        session.note(name, stream.status, now - self.due)
        if stream.status == 503 and stream.retry_after_s is None:
            session.count(BARE_503)
        self.due = now
        if stream.status == 200:
            return stream
        with stream:
            return Refusal(
                code="refused", status=stream.status, retry_after_s=stream.retry_after_s or 1.0
            )


def _refusal(status: int, body: bytes) -> Refusal:
    try:
        refusal = decode(body, Refusal)
    except msgspec.MsgspecError:
        return Refusal(code="unreadable", status=status, detail=body[:200].decode("latin-1"))
    return msgspec.structs.replace(refusal, status=status)
