"""The stubs of lua/seat. Seats are indices; times are milliseconds on Redis TIME."""

from usher.plumbing.lua import Scripts, script
from usher.plumbing.script import Reply


class Built(Reply, tag="built"):
    pass


class Known(Reply, tag="known"):
    pass


class Recalled(Reply, tag="recalled"):
    count: int


class Held(Reply, tag="held"):
    due_ms: int
    left_ms: int
    cap_ms: int
    seats: list[int]


class Taken(Reply, tag="taken"):
    seats: list[int]


class Few(Reply, tag="few"):
    """Not so many together; `most` is the largest number that could be had."""

    most: int


class OverLimit(Reply, tag="over_limit"):
    has: int
    most: int


class Lapsed(Reply, tag="lapsed"):
    pass


class Closed(Reply, tag="closed"):
    state: str


class Gone(Reply, tag="gone"):
    pass


class Mismatch(Reply, tag="mismatch"):
    pass


class Hold(Reply, tag="hold"):
    """`state` is h held, c claimed, s sold."""

    state: str
    owner: str
    due_ms: int
    left_ms: int
    cap_ms: int
    seats: list[int]


class AlreadyClaimed(Reply, tag="claimed"):
    pass


class Freed(Reply, tag="freed"):
    pass


class Swept(Reply, tag="swept"):
    freed: int
    forgotten: int


class Claimed(Reply, tag="claimed"):
    due_ms: int
    left_ms: int
    seats: list[int]


class Full(Reply, tag="full"):
    pass


class Settled(Reply, tag="settled"):
    changed: int


class Retaken(Reply, tag="retaken"):
    pass


class Amended(Reply, tag="amended"):
    pass


class SeatScripts(Scripts):
    @script("seat/build")
    async def build(
        self, event: str, states: str, *category_run: str | bytes
    ) -> Built | Known: ...

    @script("seat/recall")
    async def recall(self, event: str, *row: str | int) -> Recalled: ...

    @script("seat/hold")
    async def hold(
        self, event: str, hold_id: str, place_id: str, digest: str, *index: int
    ) -> Held | Taken | OverLimit | Lapsed | Closed | Gone | Mismatch: ...

    @script("seat/best")
    async def best(
        self,
        event: str,
        hold_id: str,
        place_id: str,
        digest: str,
        category: int,
        first: int,
        count: int,
        quantity: int,
        apart: int,
    ) -> Held | Few | OverLimit | Lapsed | Closed | Gone | Mismatch: ...

    @script("seat/read")
    async def read(self, event: str, hold_id: str) -> Hold | Gone: ...

    @script("seat/extend")
    async def extend(
        self, event: str, hold_id: str, place_id: str
    ) -> Held | Gone | AlreadyClaimed: ...

    @script("seat/free")
    async def free(self, event: str, hold_id: str, place_id: str) -> Freed | Gone | AlreadyClaimed:
        ...

    @script("seat/sweep")
    async def sweep(self, event: str, most: int) -> Swept: ...

    @script("seat/claim")
    async def claim(
        self,
        event: str,
        hold_id: str,
        place_id: str,
        digest: str,
        booking_id: str,
        payment_s: int,
        entries_max: int,
        payload: str,
    ) -> Claimed | Gone | Mismatch | Full: ...

    @script("seat/settle")
    async def settle(
        self,
        event: str,
        hold_id: str,
        booking_id: str,
        booking_state: str,
        outcome: str,
        place_id: str,
        *index: int,
    ) -> Settled: ...

    @script("seat/retake")
    async def retake(
        self, event: str, hold_id: str, place_id: str, digest: str, due_ms: int, *index: int
    ) -> Retaken | Taken: ...

    @script("seat/amend")
    async def amend(self, event: str, *pair: str | int) -> Amended: ...
