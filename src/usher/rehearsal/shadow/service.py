"""A shadow's life: made, kept alive by who rehearses, ended, erased.

It leaves no trace however the rehearsal ends: a row of `rehearsal` stands from before anything
else is written until nothing else is left, and whoever finds one whose rehearser has died - the
next rehearsal, `usher rehearse --clean`, any worker - clears it.
"""

import asyncio
import secrets
import time
from typing import Final

import structlog

from usher.errors import Conflict, NotFound, UsherError
from usher.ids import is_id, new_id
from usher.keys import KEYS, Keys
from usher.plumbing.lua import Runner
from usher.plumbing.postgres import Database
from usher.plumbing.stream import readers
from usher.rehearsal.shadow import queries
from usher.rehearsal.shadow.model import Windows

log = structlog.get_logger("usher.rehearsal")

BEAT_S: Final = 3.0
# Workers look for their events once a second, and finish what they have in hand.
_LET_GO_S: Final = 20.0
_LOOK_S: Final = 0.25
# Letters and webhooks that were on their way when all was erased have arrived after that.
_SETTLE_S: Final = 1.0
_TRIES: Final = 5


class Shadows:
    def __init__(self, database: Database, runner: Runner) -> None:
        self._database = database
        self._runner = runner

    async def make(self, source: str, windows: Windows) -> tuple[str, str]:
        """The id of a new shadow of `source`, and the mode of its sale; NotFound, Conflict. Its
        seats are laid out by a worker. Who made it keeps it alive by `keep`."""
        if not is_id("event", source):
            raise NotFound(f"there is no event {source[:40]!r}")
        shadow = new_id("event")
        mode = await queries.copy(self._database, source, shadow, windows, secrets.token_bytes(32))
        if mode is None:
            raise Conflict(f"{source} cannot be rehearsed: there is no such event, or it is over")
        return shadow, mode

    async def keep(self, shadow: str) -> None:
        """Says again and again, until cancelled, that a shadow is in use."""
        while True:
            try:
                await queries.beat(self._database, shadow)
            except UsherError as fault:
                log.warning("rehearsal not kept alive", event_id=shadow, fault=fault.detail)
            await asyncio.sleep(BEAT_S)

    async def clear(self, shadow: str) -> bool:
        """Ends a shadow and erases it everywhere; whether nothing is left."""
        await queries.end(self._database, shadow)
        ledger = Keys(shadow).named(("ledger",))[0]
        late = time.monotonic() + _LET_GO_S
        # A worker that still reads the ledger would make it anew.
        while time.monotonic() < late and await readers(self._runner, ledger):  # noqa: ASYNC110
            await asyncio.sleep(_LOOK_S)
        keys = Keys(shadow).named(tuple(KEYS))
        for _ in range(_TRIES):
            if not await queries.erase(self._database, shadow):
                raise Conflict(f"{shadow} is no shadow: nothing of it is erased")
            await self._runner.command("UNLINK", *keys)
            await asyncio.sleep(_SETTLE_S)
            rows = await queries.left(self._database, shadow)
            if not rows and not await self._runner.command("EXISTS", *keys):
                await queries.forget(self._database, shadow)
                log.info("rehearsal erased", event_id=shadow)
                return True
        log.warning("rehearsal not erased yet", event_id=shadow)
        return False

    async def sweep(self) -> list[str]:
        """Clears the shadows whose rehearsers have died; those that are gone."""
        gone = []
        for shadow, _ in await queries.silent(self._database):
            if await self.clear(shadow):
                gone.append(shadow)
        return gone

    async def going_on(self) -> list[tuple[str, str]]:
        """(shadow, source) of the rehearsals that go on now."""
        return await queries.alive(self._database)

    async def silent(self) -> list[tuple[str, str]]:
        """(shadow, source) of those of which something may be left."""
        return await queries.silent(self._database)
