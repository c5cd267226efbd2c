"""The seats of an event as one would write them in a single thread: lists, and no hurry.

Answers are tuples: the word a script replies, and what it says but for times.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from tests.lua.best_reference import best
from usher.venue.model import Segment

Answer = tuple[Any, ...]


@dataclass
class Hold:
    """`state` is h, c, s or f; `lapsed` says that its due has passed unnoticed."""

    state: str
    owner: str
    digest: str
    seats: list[int]
    claim_digest: str = "-"
    lapsed: bool = False
    forgettable: bool = False


@dataclass
class Model:
    segments: list[Segment]
    seats: list[str]
    seats_max: int
    holds: dict[str, Hold] = field(default_factory=dict)
    fans: Counter[str] = field(default_factory=Counter)
    standing: dict[str, str] = field(default_factory=dict)  # place -> a, g
    state: str = "open"
    instant: bool = False  # whether holds made now lapse at once

    # --- asking

    def sale_state(self) -> str:
        if self.state == "open" and not set(self.seats) & set(".hc"):
            return "sold_out"
        return self.state

    def listed(self) -> set[int]:
        """Seats of live holds, whatever became of them since."""
        return {s for hold in self.holds.values() if hold.state in "hc" for s in hold.seats}

    def _free(self, seat: int) -> bool:
        return 0 <= seat < len(self.seats) and self.seats[seat] == "."

    def _mark(self, seats: list[int], state: str) -> None:
        for seat in seats:
            if 0 <= seat < len(self.seats):
                self.seats[seat] = state

    # --- holding

    def _refusal(self, name: str, place: str, digest: str, count: int) -> Answer | None:
        hold = self.holds.get(name)
        if hold is not None:
            if (hold.owner, hold.digest) != (place, digest):
                return ("mismatch",)
            if hold.state == "f" or (hold.state == "h" and hold.lapsed):
                return ("gone",)
            return ("held", hold.seats)
        if self.sale_state() != "open":
            return ("closed", self.sale_state())
        if self.standing.get(place) != "a":
            return ("lapsed",)
        if self.fans[place] + count > self.seats_max:
            return ("over_limit", self.fans[place], self.seats_max)
        return None

    def _take(self, name: str, place: str, digest: str, seats: list[int]) -> Answer:
        self._mark(seats, "h")
        self.holds[name] = Hold("h", place, digest, seats, lapsed=self.instant)
        self.fans[place] += len(seats)
        return ("held", seats)

    def hold(self, name: str, place: str, digest: str, seats: list[int]) -> Answer:
        wanted = list(dict.fromkeys(seats))
        if (refusal := self._refusal(name, place, digest, len(wanted))) is not None:
            return refusal
        taken = [seat for seat in wanted if not self._free(seat)]
        if taken or not wanted:
            return ("taken", taken)
        return self._take(name, place, digest, wanted)

    def best(self, name: str, place: str, digest: str, want: int, apart: bool) -> Answer:
        if (refusal := self._refusal(name, place, digest, want)) is not None:
            return refusal
        found = best("".join(self.seats), self.segments, want, apart)
        if isinstance(found, int):
            return ("few", found)
        return self._take(name, place, digest, found)

    def _let_go(self, hold: Hold) -> None:
        self._mark([s for s in hold.seats if self.seats[s] == hold.state], ".")
        hold.state = "f"
        self.fans[hold.owner] -= len(hold.seats)

    def extend(self, name: str, place: str) -> Answer:
        hold = self.holds.get(name)
        if hold is None or hold.owner != place or hold.state == "f":
            return ("gone",)
        if hold.state != "h":
            return ("claimed",)
        return ("gone",) if hold.lapsed else ("held", hold.seats)

    def free(self, name: str, place: str) -> Answer:
        hold = self.holds.get(name)
        if hold is None or hold.owner != place:
            return ("gone",)
        if hold.state in "cs":
            return ("claimed",)
        if hold.state == "h":
            self._let_go(hold)
        return ("freed",)

    def sweep(self) -> Answer:
        freed = forgotten = 0
        for name, hold in list(self.holds.items()):
            if hold.state == "h" and hold.lapsed:
                self._let_go(hold)
                freed += 1
            elif hold.state in "fs" and hold.forgettable:
                del self.holds[name]
                forgotten += 1
        return ("swept", freed, forgotten)

    def read(self, name: str) -> Answer:
        hold = self.holds.get(name)
        if hold is None or hold.state == "f" or (hold.state == "h" and hold.lapsed):
            return ("gone",)
        return ("hold", hold.state, hold.owner, hold.seats)

    # --- booking

    def claim(self, name: str, place: str, digest: str) -> Answer:
        hold = self.holds.get(name)
        if hold is None or hold.owner != place or hold.state == "f":
            return ("gone",)
        if hold.state in "cs":
            return ("claimed", hold.seats) if hold.claim_digest == digest else ("mismatch",)
        if hold.lapsed or any(self.seats[seat] != "h" for seat in hold.seats):
            return ("gone",)
        self._mark(hold.seats, "c")
        hold.state, hold.claim_digest = "c", digest
        return ("claimed", hold.seats)

    def settle(self, name: str, place: str, outcome: str, seats: list[int]) -> Answer:
        hold = self.holds.get(name)
        if outcome == "s":
            if hold is not None and hold.state == "s":
                return ("settled", 0)
            self._mark(seats, "s")
            if hold is not None:
                if hold.state == "f":
                    self.fans[hold.owner] += len(hold.seats)
                hold.state, hold.forgettable = "s", False
                if self.standing.get(place) == "a":
                    self.standing[place] = "g"
            return ("settled", 1)
        if hold is not None and hold.state == "c":
            self._let_go(hold)
            return ("settled", 1)
        return ("settled", 0)

    def retake(self, name: str, place: str, digest: str, seats: list[int]) -> Answer:
        hold = self.holds.get(name)
        if hold is not None and hold.state in "cs":
            return ("retaken",)
        taken = [seat for seat in seats if not self._free(seat)]
        if taken:
            return ("taken", taken)
        self._mark(seats, "c")
        self.holds[name] = Hold("c", place, hold.digest if hold else "-", seats, digest)
        self.fans[place] += len(seats)
        return ("retaken",)

    def amend(self, pairs: dict[int, str]) -> Answer:
        for seat, state in pairs.items():
            self._mark([seat], state)
        return ("amended",)
