"""The stubs of lua/feed."""

from usher.plumbing.lua import Scripts, script
from usher.plumbing.script import Reply

# A stream entry as the server gives it: its id, and names and values in turn.
RawEntry = tuple[str, list[str]]


class Snapshot(Reply, frozen=True, tag="snapshot"):
    feed_id: str
    states: str


class Same(Reply, frozen=True, tag="same"):
    """Nothing has changed since."""


class Lost(Reply, frozen=True, tag="lost"):
    pass


class Noticed(Reply, frozen=True, tag="noticed"):
    feed_id: str


class Pulled(Reply, frozen=True, tag="pulled"):
    feed_entries: list[RawEntry]
    signal_entries: list[RawEntry]


class FeedScripts(Scripts):
    @script("feed/snapshot")
    async def snapshot(self, event: str) -> Snapshot | Lost: ...

    @script("feed/newer")
    async def newer(self, event: str, known: str) -> Snapshot | Same | Lost: ...

    @script("feed/notice")
    async def notice(self, event: str, text: str) -> Noticed | Lost: ...

    @script("feed/pull")
    async def pull(self, event: str, feed_id: str, signal_id: str, most: int) -> Pulled: ...
