"""The hall as a fan sees it: the public plan, and seats picked off a snapshot."""

import msgspec


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


class Hall:
    """A plan made ready for picking. Seats are indices; `states` is one character for each."""

    def __init__(self, plan: PlanView) -> None:
        self.guid = plan.seats.guid
        self.categories = [each.name for each in plan.categories]
        self._range = {each.name: (each.first, each.count) for each in plan.categories}
        # Two seats are neighbours where their indices follow and their runs are one.
        self._run = [0] * len(self.guid)
        rows = [row for zone in plan.zones for row in zone.rows] + plan.areas
        for number, (first, count) in enumerate(run for row in rows for run in row.seats):
            self._run[first : first + count] = [number] * count

    def free(self, states: str, category: str) -> int:
        """Free seats of a category."""
        first, count = self._range[category]
        return states.count(".", first, first + count)

    def together(self, states: str, category: str, quantity: int, skip: int) -> list[str]:
        """Guids of `quantity` free neighbours near the front of a category: those that come
        after `skip` others, or the last there are; none where there are none."""
        first, count = self._range[category]
        want, at, found = "." * quantity, first, -1
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

    def anything(self, states: str, quantity: int, skip: int) -> list[str]:
        """Guids of up to `quantity` free seats anywhere, apart if need be, after `skip` others."""
        found = [index for index, state in enumerate(states) if state == "."]
        skip = min(skip, max(0, len(found) - quantity))
        return [self.guid[index] for index in found[skip : skip + quantity]]
