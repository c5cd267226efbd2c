"""What a crowd counts while it runs, and the arithmetic of latencies."""

import math
from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from usher.rehearsal.hall import Board

Phase = Literal["arriving", "lobby", "on sale", "sold out", "over"]


class Meter:
    """Latency and status of every answer, by route; answers that never came."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, array[float]] = defaultdict(lambda: array("d"))
        self.statuses: Counter[tuple[str, int]] = Counter()
        self.transport_errors = 0
        self.told_to_wait = 0

    def note(self, route: str, status: int, seconds: float) -> None:
        """One answer. The time is that of this request alone, from sending to the last byte."""
        self.seconds[route].append(seconds)
        self.statuses[route, status] += 1

    @property
    def requests(self) -> int:
        """Answers of any kind."""
        return self.statuses.total()

    def answers(self, route: str, status: int) -> int:
        """How often `route` answered `status`."""
        return self.statuses[route, status]

    def faults(self) -> int:
        """Every answer from 500 on but 503: that asks to come back later, as a process does that is
        asked too much (docs/overload.md), and is counted in `told_to_wait`."""
        return sum(
            count for (_, status), count in self.statuses.items() if status >= 500 and status != 503
        )

    def conflicts(self) -> int:
        """409: somebody else was faster, the normal thing in a crowd."""
        return sum(count for (_, status), count in self.statuses.items() if status == 409)

    def percentile_ms(self, route: str, share: float) -> float:
        """That percentile of a route's latencies in milliseconds; 0 where it was never asked."""
        return round(percentile(self.seconds[route], share) * 1000, 1)


def percentile(values: Sequence[float], share: float) -> float:
    """The nearest-rank percentile: the least value that `share` of all do not exceed."""
    if not values:
        return 0.0
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


@dataclass(slots=True)
class Confirmed:
    """A booking whose fan was told "confirmed": what it takes to ask for it again."""

    token: str
    tickets: tuple[str, ...]


@dataclass(slots=True)
class Tally:
    """One crowd's counts, all as its fans saw them over HTTP."""

    fans: int
    lobby_fans: int = 0
    phase: Phase = "arriving"
    meter: Meter = field(default_factory=Meter)
    # --- the line
    joined: int = 0
    admitted: int = 0
    lapsed: int = 0
    rejoined: int = 0
    told_over: int = 0
    # --- shopping
    bookings: dict[str, str] = field(default_factory=dict)  # accepted with 202; id -> fan token
    confirmed: dict[str, Confirmed] = field(default_factory=dict)
    declined: int = 0
    late: int = 0
    late_confirmed: int = 0
    walked_away: int = 0
    holds_lapsed: int = 0
    bookings_expired: int = 0
    went_home: int = 0  # through with it, with tickets or without
    gave_up: int = 0  # the API could not be reached
    unfinished: int = 0  # were still at it when time was up
    replays: int = 0  # requests sent twice at once and answered twice
    replays_differ: int = 0
    # --- the hall as the public page shows it
    waiting: int = 0
    shopping: int = 0
    board: Board = field(default_factory=Board)
    feed_wrong: int = 0  # seats that the feed left other than a fresh snapshot has them
    # --- times of the event loop's clock
    began_at: float = 0.0
    opened_at: float = 0.0
    confirmed_at: float = 0.0
    ended_at: float = 0.0
    cpu_s: float = 0.0

    @property
    def seats(self) -> int:
        """Seats for sale."""
        return len(self.board.states) - self.board.states.count(b"x")

    def seats_in(self, state: str) -> int:
        """Seats whose state is `state`, when last looked at."""
        return self.board.states.count(state.encode())

    @property
    def checkouts_per_s(self) -> float:
        """Bookings confirmed per second, from the opening to the last of them."""
        spent = self.confirmed_at - self.opened_at
        return round(len(self.confirmed) / spent, 1) if spent > 0 else 0.0


Progress = Callable[[Tally], None]
