"""Carrying letters: leased, handed to whoever does such work, reported on."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

import structlog

from usher.outbox import queries
from usher.outbox.model import Letter
from usher.plumbing.metric import Metrics
from usher.plumbing.postgres import Database

log = structlog.get_logger("usher.outbox")

# A carrier is given subjects and says which failed, and why. It may be given one again.
Carrier = Callable[[Sequence[str]], Awaitable[Mapping[str, str]]]
BATCH_MAX: Final = 500


class Outbox:
    def __init__(
        self, database: Database, carriers: Mapping[str, Carrier], metrics: Metrics
    ) -> None:
        self._database = database
        self._carriers = carriers
        self._metrics = metrics

    async def relay(self) -> int:
        """Carries what is due, batch by batch, until nothing is; how many letters it carried."""
        carried = 0
        while letters := await queries.take(self._database, BATCH_MAX):
            by_kind: dict[str, list[Letter]] = defaultdict(list)
            for letter in letters:
                by_kind[letter.kind].append(letter)
            faults = await asyncio.gather(*(self._carry(k, v) for k, v in by_kind.items()))
            await queries.report(
                self._database,
                {
                    letter: told.get(letter.subject, "")
                    for batch, told in zip(by_kind.values(), faults, strict=True)
                    for letter in batch
                },
            )
            carried += len(letters)
        return carried

    async def _carry(self, kind: str, letters: Sequence[Letter]) -> Mapping[str, str]:
        carrier = self._carriers.get(kind)
        subjects = [letter.subject for letter in letters]
        if carrier is None:
            return dict.fromkeys(subjects, f"nobody carries letters of kind {kind!r}")
        try:
            told = await carrier(subjects)
        except Exception as fault:
            log.exception("letters failed", kind=kind, letters=len(letters))
            return dict.fromkeys(subjects, f"{type(fault).__name__}: {fault}")
        self._metrics.outbox_done.labels(kind).inc(len(subjects) - len(told))
        return told

    async def counts(self) -> dict[str, int]:
        """How many letters are pending, done, dead."""
        return await queries.counts(self._database)
