"""Carrying letters: leased, handed to whoever does such work, reported on."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, NamedTuple

import structlog

from usher.errors import UsherError
from usher.outbox import queries
from usher.outbox.model import Count, Letter, Posted
from usher.plumbing.metric import Metrics
from usher.plumbing.postgres import Database

log = structlog.get_logger("usher.outbox")

WATCH_S: Final = 5.0  # how old the gauges of letters may be
LEASE_S: Final = 30.0  # a carrier that was given letters and has said nothing so long has died


class Carrier(NamedTuple):
    """Who does one kind of work: `carry` is given subjects and says which failed, and why. It may
    be given one again: a letter taken and not reported on within `lease_s` (LEASE_S where 0) is
    taken once more, for its carrier has died. A batch must be through long before that."""

    carry: Callable[[Sequence[str]], Awaitable[Mapping[str, str]]]
    batch_max: int = 500
    lease_s: float = 0.0


class Outbox:
    def __init__(
        self, database: Database, carriers: Mapping[str, Carrier], metrics: Metrics
    ) -> None:
        self._database = database
        self._carriers = carriers
        self._metrics = metrics
        self._busy: set[str] = set()  # kinds this process is carrying now
        self._watched = -WATCH_S

    async def relay(self) -> int:
        """Carries what is due, kind beside kind, until nothing is; how many letters it carried.

        A kind that this process is carrying already is left to whoever began: a mail server that
        hangs keeps one relay waiting, and no capture.
        """
        free = [kind for kind in self._carriers if kind not in self._busy]
        due = await queries.due_kinds(self._database, free)
        return sum(await asyncio.gather(*(self._relay(kind) for kind in due)))

    async def _relay(self, kind: str) -> int:
        if kind in self._busy:
            return 0
        self._busy.add(kind)
        try:
            carrier, carried = self._carriers[kind], 0
            while letters := await queries.take(
                self._database, kind, carrier.batch_max, carrier.lease_s or LEASE_S
            ):
                told = await self._carry(carrier, kind, letters)
                await queries.report(
                    self._database, {letter: told.get(letter.subject, "") for letter in letters}
                )
                carried += len(letters)
            return carried
        finally:
            self._busy.discard(kind)

    async def _carry(
        self, carrier: Carrier, kind: str, letters: Sequence[Letter]
    ) -> Mapping[str, str]:
        subjects = [letter.subject for letter in letters]
        try:
            told = await carrier.carry(subjects)
        except Exception as fault:
            log.exception("letters failed", kind=kind, letters=len(letters))
            return dict.fromkeys(subjects, f"{type(fault).__name__}: {fault}")
        self._metrics.outbox_done.labels(kind).inc(len(subjects) - len(told))
        return told

    async def counts(self) -> dict[str, int]:
        """How many letters are pending, done, dead."""
        return await queries.counts(self._database)

    async def by_kind(self) -> list[Count]:
        """How many letters of each kind are pending, done, dead."""
        return await queries.by_kind(self._database)

    async def page(self, state: str, kind: str, after: int, most: int) -> list[Posted]:
        """Letters, newest first, those before `after` unless it is 0; "" filters nothing."""
        return await queries.page(self._database, state, kind, after, most)

    async def retry(self, ids: Sequence[int]) -> list[int]:
        """Has these letters carried anew, unless they are done; those that are."""
        return await queries.retry(self._database, ids)

    async def retry_dead(self, kind: str = "") -> int:
        """Has all letters carried anew that were given up; how many."""
        return await queries.retry_dead(self._database, kind)

    async def watch(self) -> None:
        """Brings the gauges of letters that wait or were given up to date, unless they are a few
        seconds old at most. While PostgreSQL is away there are none, rather than old ones."""
        if time.monotonic() - self._watched < WATCH_S:
            return
        self._watched = time.monotonic()
        try:
            found = await queries.waiting(self._database)
        except UsherError as fault:
            log.warning("letters not counted", fault=fault.detail)
            self._metrics.letters.clear()
            return
        for kind in {*self._carriers, *(kind for kind, _ in found)}:
            for state in ("pending", "dead"):
                self._metrics.letters.labels(kind, state).set(found.get((kind, state), 0))

    async def sweep(self) -> int:
        """Forgets letters that were done long ago; how many."""
        swept = 0
        while some := await queries.sweep(self._database):
            swept += some
        return swept
