"""The stubs of lua/queue."""

from usher.plumbing.lua import Scripts, script
from usher.plumbing.script import Reply


class InLobby(Reply, frozen=True, tag="lobby"):
    index: int


class Waiting(Reply, frozen=True, tag="waiting"):
    number: int
    ahead: int


class StillWaiting(Reply, frozen=True, tag="waiting"):
    number: int


class Called(Reply, frozen=True, tag="called"):
    number: int
    due_ms: int
    left_ms: int


class Admitted(Reply, frozen=True, tag="admitted"):
    number: int
    due_ms: int
    left_ms: int


class Lapsed(Reply, frozen=True, tag="lapsed"):
    number: int


class Left(Reply, frozen=True, tag="left"):
    number: int


class Gone(Reply, frozen=True, tag="left"):
    pass


class Unknown(Reply, frozen=True, tag="unknown"):
    pass


class Shut(Reply, frozen=True, tag="shut"):
    """`state` is the sale's, or "lost" where Redis knows nothing of the event."""

    state: str


class Restored(Reply, frozen=True, tag="restored"):
    pass


class Known(Reply, frozen=True, tag="known"):
    pass


class Released(Reply, frozen=True, tag="released"):
    count: int
    shopping: int
    waiting: int
    places: list[str]


class Idle(Reply, frozen=True, tag="idle"):
    reason: str
    shopping: int
    waiting: int


class Drawn(Reply, frozen=True, tag="drawn"):
    next: int


class Moved(Reply, frozen=True, tag="moved"):
    """Somebody else drew up to `next`."""

    next: int


class Ready(Reply, frozen=True, tag="ready"):
    pass


class Paced(Reply, frozen=True, tag="paced"):
    pass


class Overtaken(Reply, frozen=True, tag="moved"):
    """A colleague has changed the pace meanwhile."""


class Reported(Reply, frozen=True, tag="reported"):
    pass


class Curve(Reply, frozen=True, tag="curve"):
    """A sale at one moment. `points` are (number, ahead), ascending; counts are of fans or seats.

    `lobby_n` and `drawn` are 0 until the lobby has closed; `opens_ms` is 0 where not set.
    `rate_now` is calls a minute as the gate is paced: `pace` is in thousandths of the rate, since
    `pace_ms` and because of `pace_why` (see pacing.py); `slow_ms` is since when it has been below
    the rate, 0 where it is not. `ledger_n` entries wait for their commit, for `lag_ms`; answers
    take `delay_ms` in the slowest API process, -1 where none has reported lately.
    """

    now_ms: int
    state: str
    mode: str
    gate_state: str
    rate: int
    capacity: int
    seats: int
    free: int
    held: int
    claimed: int
    sold: int
    waiting: int
    in_lobby: int
    shopping: int
    joined: int
    called: int
    admitted: int
    lapsed: int
    ended: int
    left: int
    next: int
    lobby_next: int
    lobby_n: int
    drawn: int
    draw_next: int
    opens_ms: int
    notice: str
    shopping_max: int
    over_capacity: int
    over_rate: int
    version: int
    claim_s: int
    listed: str  # '' no waiting list, else as lua/waitlist/set has it
    throttle: str
    floor_pct: int
    rate_now: int
    pace: int
    pace_ms: int
    pace_why: str
    slow_ms: int
    ledger_n: int
    lag_ms: int
    delay_ms: int
    points: list[tuple[int, int]]


class Lost(Reply, frozen=True, tag="lost"):
    pass


class QueueScripts(Scripts):
    @script("queue/join")
    async def join(
        self, event: str, place_id: str
    ) -> InLobby | Waiting | Called | Admitted | Shut: ...

    @script("queue/restore")
    async def restore(
        self, event: str, place_id: str, index: int, number: int
    ) -> Restored | Known | Shut: ...

    @script("queue/place")
    async def place(
        self, event: str, place_id: str
    ) -> InLobby | StillWaiting | Called | Admitted | Lapsed | Left | Unknown | Shut: ...

    @script("queue/claim")
    async def claim(
        self, event: str, place_id: str
    ) -> Admitted | StillWaiting | Lapsed | Left | Unknown | Shut: ...

    @script("queue/leave")
    async def leave(self, event: str, place_id: str) -> Gone | Shut: ...

    @script("queue/release")
    async def release(self, event: str, batch_max: int, expire_max: int) -> Released | Idle: ...

    @script("queue/draw")
    async def draw(self, event: str, start: int, *number: int) -> Drawn | Moved | Ready: ...

    @script("queue/curve")
    async def curve(self, event: str) -> Curve | Lost: ...

    @script("queue/pace")
    async def pace(self, event: str, seen_ms: int, pace: int, why: str) -> Paced | Overtaken: ...

    @script("queue/report")
    async def report(self, event: str, process: str, delay_ms: int, kept_ms: int) -> Reported: ...
