"""Snapshots as they are sent: made once for all who ask while nothing changes."""

import asyncio
from collections import OrderedDict
from typing import Final, NamedTuple

from usher.errors import Unavailable
from usher.feed.scripts import FeedScripts, Lost, Snapshot

# Of this many events a snapshot is kept, the one asked for last; of 80,000 seats it is 80 kB.
_KEPT_MAX: Final = 256


class Shot(NamedTuple):
    """The JSON of a snapshot, and what tells it from any other of its event (an ETag)."""

    body: bytes
    etag: str
    feed_id: str


_NONE: Final = Shot(b"", "", "")


class Snapshots:
    """Nobody is shown a state that had changed before they asked: those who ask in one turn of the
    event loop share one look at Redis, and it begins after the last of them has come. What has not
    changed since the last look is not sent again."""

    def __init__(self, scripts: FeedScripts) -> None:
        self._scripts = scripts
        self._shots: OrderedDict[str, Shot] = OrderedDict()
        self._asking: dict[str, asyncio.Task[Shot]] = {}

    async def of(self, event: str) -> Shot:
        """The snapshot of `event` as it is now; Unavailable where it is not laid out."""
        asking = self._asking.get(event)
        if asking is None:
            asking = self._asking[event] = asyncio.create_task(self._look(event))
            # The task runs first, and what it asks goes out later than that.
            asyncio.get_running_loop().call_soon(self._asking.pop, event, None)
        return await asyncio.shield(asking)

    async def _look(self, event: str) -> Shot:
        shot = self._shots.get(event, _NONE)
        reply = await self._scripts.newer(event, shot.feed_id)
        if isinstance(reply, Lost):
            self._shots.pop(event, None)
            raise Unavailable("the event is being prepared", retry_after_s=2)
        if isinstance(reply, Snapshot):
            # Written by hand: states hold no character that JSON escapes, and 80 kB need no scan.
            body = f'{{"feed_id":"{reply.feed_id}","states":"{reply.states}"}}'.encode()
            # The beginning of a feed is no state in particular.
            at = reply.feed_id if reply.feed_id != "0-0" else ""
            shot = Shot(body, f'"{at}"' if at else "", at)
            if shot.feed_id:
                self._shots[event] = shot
                self._shots.move_to_end(event)
                while len(self._shots) > _KEPT_MAX:
                    self._shots.popitem(last=False)
        return shot
