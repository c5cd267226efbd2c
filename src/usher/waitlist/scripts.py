"""The stubs of lua/waitlist. `listed` says to whom free seats are sold: see lua/waitlist/set."""

from usher.plumbing.lua import Scripts, script
from usher.plumbing.script import Reply


class Look(Reply, frozen=True, tag="look"):
    """`state` is the gate's own: "sold_out" is none of it."""

    now_ms: int
    state: str
    free: int
    held: int
    listed: str
    seq: int


class Lost(Reply, frozen=True, tag="lost"):
    pass


class Called(Reply, frozen=True, tag="called"):
    listed: str


class Unbuilt(Reply, frozen=True, tag="unbuilt"):
    pass


class Set(Reply, frozen=True, tag="set"):
    pass


class Moved(Reply, frozen=True, tag="moved"):
    """Seats have come back, or somebody has joined, since that was read."""

    seq: int


class WaitlistScripts(Scripts):
    @script("waitlist/look")
    async def look(self, event: str) -> Look | Lost: ...

    @script("waitlist/call")
    async def call(self, event: str) -> Called | Unbuilt: ...

    @script("waitlist/set")
    async def set(self, event: str, listed: str, seq: int) -> Set | Moved: ...
