"""The hall as a fan sees it: the public plan, and seats picked off a snapshot."""

from typing import Final

import msgspec

_FREE: Final = ord(".")


class _Category(msgspec.Struct, frozen=True):
    name: str
    first: int
    count: int


class _Row(msgspec.Struct, frozen=True):
    seats: list[tuple[int, int]]


class _Zone(msgspec.Struct, frozen=True):
    rows: list[_Row]


class _Seats(msgspec.Struct, frozen=True):
    guid: list[str]


class PlanView(msgspec.Struct, frozen=True):
    """What a fan needs of GET .../plan."""

    categories: list[_Category]
    zones: list[_Zone]
    areas: list[_Row]
    seats: _Seats


class Board:
    """The seats' states as a page on the feed has them: one byte a seat, always the latest."""

    def __init__(self) -> None:
        self.states = bytearray()

    def reset(self, states: str) -> None:
        """All states anew."""
        self.states = bytearray(states.encode())

    def change(self, seats: list[tuple[int, str]]) -> None:
        """Some seats' states; those that the plan does not have are passed over."""
        for index, state in seats:
            if 0 <= index < len(self.states):
                self.states[index] = ord(state)

    def differs(self, states: str) -> int:
        """How many seats are not as in `states`."""
        pairs = zip(self.states, states.encode(), strict=False)
        return abs(len(self.states) - len(states)) + sum(own != other for own, other in pairs)


class Hall:
    """A plan made ready for picking. Seats are indices; `states` is one byte for each."""

    def __init__(self, plan: PlanView) -> None:
        self.guid = plan.seats.guid
        self.categories = [each.name for each in plan.categories]
        self._range = {each.name: (each.first, each.count) for each in plan.categories}
        # Two seats are neighbours where their indices follow and their runs are one.
        self._run = [0] * len(self.guid)
        rows = [row for zone in plan.zones for row in zone.rows] + plan.areas
        for number, (first, count) in enumerate(run for row in rows for run in row.seats):
            self._run[first : first + count] = [number] * count

    def free(self, states: bytearray, category: str) -> int:
        """Free seats of a category."""
        first, count = self._range[category]
        return states.count(b".", first, first + count)

    def together(self, states: bytearray, category: str, quantity: int, skip: int) -> list[str]:
        """Guids of `quantity` free neighbours near the front of a category: those that come
        after `skip` others, or the last there are; none where there are none."""
        first, count = self._range[category]
        want, at, found = b"." * quantity, first, -1
        while (at := states.find(want, at, first + count)) >= 0:
            if self._run[at] != self._run[at + quantity - 1]:
                at += 1
                continue
            found = at
            if skip == 0:
                break
            skip -= 1
            at += quantity
        return self.guid[found : found + quantity] if found >= 0 else []

    def anything(self, states: bytearray, quantity: int, skip: int) -> list[str]:
        """Guids of up to `quantity` free seats anywhere, apart if need be, after `skip` others."""
        found = [index for index, state in enumerate(states) if state == _FREE]
        skip = min(skip, max(0, len(found) - quantity))
        return [self.guid[index] for index in found[skip : skip + quantity]]
