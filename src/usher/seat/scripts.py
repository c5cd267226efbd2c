"""The stubs of lua/seat. Seats are indices; times are milliseconds on Redis TIME."""

from usher.plumbing.lua import Scripts, script
from usher.plumbing.script import Reply


class Built(Reply, frozen=True, tag="built"):
    pass


class Known(Reply, frozen=True, tag="known"):
    pass


class Recalled(Reply, frozen=True, tag="recalled"):
    count: int


class Held(Reply, frozen=True, tag="held"):
    due_ms: int
    left_ms: int
    cap_ms: int
    seats: list[int]


class Taken(Reply, frozen=True, tag="taken"):
    seats: list[int]


class Few(Reply, frozen=True, tag="few"):
    """Not so many together; `most` is the largest number that could be had."""

    most: int


class OverLimit(Reply, frozen=True, tag="over_limit"):
    has: int
    most: int


class Lapsed(Reply, frozen=True, tag="lapsed"):
    pass


class Closed(Reply, frozen=True, tag="closed"):
    state: str


class Gone(Reply, frozen=True, tag="gone"):
    pass


class Mismatch(Reply, frozen=True, tag="mismatch"):
    pass


class Hold(Reply, frozen=True, tag="hold"):
    """`state` is h held, c claimed, s sold."""

    state: str
    owner: str
    due_ms: int
    left_ms: int
    cap_ms: int
    seats: list[int]


class AlreadyClaimed(Reply, frozen=True, tag="claimed"):
    pass


class Freed(Reply, frozen=True, tag="freed"):
    pass


class Swept(Reply, frozen=True, tag="swept"):
    freed: int
    forgotten: int


class Claimed(Reply, frozen=True, tag="claimed"):
    due_ms: int
    left_ms: int
    seats: list[int]


class Full(Reply, frozen=True, tag="full"):
    pass


class Settled(Reply, frozen=True, tag="settled"):
    changed: int


class Unsold(Reply, frozen=True, tag="unsold"):
    count: int


class Retaken(Reply, frozen=True, tag="retaken"):
    pass


class Amended(Reply, frozen=True, tag="amended"):
    pass


class Blocked(Reply, frozen=True, tag="blocked"):
    changed: int


class Unbuilt(Reply, frozen=True, tag="unbuilt"):
    pass


class SeatScripts(Scripts):
    @script("seat/build")
    async def build(self, event: str, states: str, *category_run: str | bytes) -> Built | Known: ...

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

    @script("seat/offer")
    async def offer(
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
        offer_s: int,
    ) -> Held | Few | OverLimit | Closed | Gone | Mismatch: ...

    @script("seat/read")
    async def read(self, event: str, hold_id: str) -> Hold | Gone: ...

    @script("seat/extend")
    async def extend(
        self, event: str, hold_id: str, place_id: str
    ) -> Held | Gone | AlreadyClaimed: ...

    @script("seat/free")
    async def free(
        self, event: str, hold_id: str, place_id: str
    ) -> Freed | Gone | AlreadyClaimed: ...

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

    @script("seat/unsell")
    async def unsell(
        self,
        event: str,
        hold_id: str,
        booking_id: str,
        booking_state: str,
        place_id: str,
        *index: int,
    ) -> Unsold: ...

    @script("seat/retake")
    async def retake(
        self, event: str, hold_id: str, place_id: str, digest: str, due_ms: int, *index: int
    ) -> Retaken | Taken: ...

    @script("seat/amend")
    async def amend(self, event: str, *pair: str | int) -> Amended: ...

    @script("seat/block")
    async def block(
        self, event: str, partly: int, blocks: int, *index: int
    ) -> Blocked | Taken | Unbuilt: ...
