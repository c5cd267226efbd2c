"""What every plan must satisfy, whoever made it; and the faults found when it does not."""

import re
from collections.abc import Iterable
from typing import Final

from usher import limits
from usher.errors import BadPlan
from usher.venue.model import SHAPE_KINDS, Area, Plan, Row, Seat

# Far beyond any hall; squares of such distances are still exact integers.
COORDINATE_MAX: Final = 10_000_000.0
# Two seats this close in x and in y are one spot.
SPOT_MILLI: Final = 10

CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def quoted(value: object) -> str:
    """`value` for a sentence: one short line, whatever was in it."""
    text = ascii(value) if isinstance(value, str) and CONTROL.search(value) else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def milli(value: float) -> int:
    """A coordinate in thousandths: exact, so that every host orders seats alike."""
    return round(value * 1000)


class Faults:
    """Faults of one document, each with the place it is at; the twentieth ends the search."""

    def __init__(self, subject: str = "plan") -> None:
        self._subject = subject
        self._found: list[dict[str, str]] = []

    def __bool__(self) -> bool:
        return bool(self._found)

    def add(self, where: str, what: str) -> None:
        """Note a fault; raises BadPlan once limits.plan_errors_max are known."""
        self._found.append({"where": where, "what": what})
        if len(self._found) >= limits.plan_errors_max:
            self.settle()

    def settle(self) -> None:
        """Raise BadPlan with all that was found; nothing found, nothing raised."""
        if not self._found:
            return
        first, count = self._found[0], len(self._found)
        where = "" if first["where"] == self._subject else f"{first['where']} "
        detail = f"{where}{first['what']}"
        if count > 1:
            least = "at least " if count >= limits.plan_errors_max else ""
            detail = f"has {least}{count} faults, first: {detail}"
        elif where:
            detail = f"has a fault: {detail}"
        raise BadPlan(f"The {self._subject} {detail}", errors=list(self._found))

    def text(self, where: str, text: str, *, most: int, empty: bool = True) -> None:
        """Check a text that people or programs will read."""
        if not text.isprintable() and CONTROL.search(text):
            self.add(where, "has control characters")
        if len(text) > most:
            self.add(where, f"has {len(text):,} characters; {most} is the most")
        if not empty and not text.strip():
            self.add(where, "is empty")

    def coordinate(self, where: str, value: float) -> None:
        """Check a finite coordinate within the bounds; NaN fails too."""
        if not -COORDINATE_MAX <= value <= COORDINATE_MAX:
            self.add(where, f"{value!r} is no coordinate between -10,000,000 and 10,000,000")


def check_plan(plan: Plan) -> None:
    """Raise BadPlan, naming up to limits.plan_errors_max places, unless `plan` can be sold.

    Checked: counts, names, categories, guids (present, unique, areas' included), coordinates
    and that no two seats are on one spot.
    """
    faults = Faults()
    count = plan.seat_count
    if count > limits.plan_seats_max:
        faults.add("plan", f"has {count:,} seats; {limits.plan_seats_max:,} is the most")
        faults.settle()
    if not count:
        faults.add("plan", "has no seats")
    rows = sum(len(zone.rows) for zone in plan.zones)
    for what, number in (("zones", len(plan.zones)), ("rows", rows)):
        if number > limits.plan_seats_max:
            faults.add("plan", f"has {number:,} {what}; {limits.plan_seats_max:,} is the most")
    faults.text("name", plan.name, most=limits.name_chars_max, empty=False)
    for where, value in (
        ("size.width", plan.width),
        ("size.height", plan.height),
        ("focal.x", plan.focal_x),
        ("focal.y", plan.focal_y),
    ):
        faults.coordinate(where, value)
    _check_shapes(plan, faults)
    categories = _check_categories(plan, faults)
    guids: dict[str, str] = {}
    for z, zone in enumerate(plan.zones):
        at = f"zones[{z}]"
        faults.text(f"{at}.name", zone.name, most=limits.name_chars_max)
        for r, row in enumerate(zone.rows):
            _check_row(row, f"{at}.rows[{r}]", categories, guids, faults)
    # After all seats: an area's guids are many and made by us, so the area is the one to blame.
    for z, zone in enumerate(plan.zones):
        for a, area in enumerate(zone.areas):
            _check_area(area, f"zones[{z}].areas[{a}]", categories, guids, faults)
    faults.settle()
    _check_spots(plan, faults)
    faults.settle()


def _check_shapes(plan: Plan, faults: Faults) -> None:
    for n, shape in enumerate(plan.shapes):
        at = f"shapes[{n}]"
        if shape.kind not in SHAPE_KINDS:
            faults.add(f"{at}.kind", f"{quoted(shape.kind)} is none of {', '.join(SHAPE_KINDS)}")
        for name in ("x", "y", "width", "height", "rotation", "text_x", "text_y"):
            faults.coordinate(f"{at}.{name}", getattr(shape, name))
        for point in shape.points:
            for value in point:
                faults.coordinate(f"{at}.points", value)
        for name in ("text", "color", "border_color", "text_color"):
            faults.text(f"{at}.{name}", getattr(shape, name), most=limits.name_chars_max)


def _check_categories(plan: Plan, faults: Faults) -> frozenset[str]:
    if len(plan.categories) > limits.categories_max:
        faults.add(
            "categories", f"are {len(plan.categories):,}; {limits.categories_max} is the most"
        )
    seen: dict[str, int] = {}
    for c, category in enumerate(plan.categories):
        where = f"categories[{c}].name"
        faults.text(where, category.name, most=limits.name_chars_max, empty=False)
        if category.name in seen:
            faults.add(where, f"{quoted(category.name)} is categories[{seen[category.name]}] too")
        seen.setdefault(category.name, c)
    return frozenset(seen)


def _check_row(
    row: Row, at: str, categories: frozenset[str], guids: dict[str, str], faults: Faults
) -> None:
    most, bound = limits.name_chars_max, COORDINATE_MAX
    faults.text(f"{at}.row_number", row.number, most=most)
    for s, seat in enumerate(row.seats):
        guid, number = seat.guid, seat.number
        # one comparison chain per seat where all is well; the words only where it is not
        if (
            seat.category in categories
            and guid not in guids
            and guid.isprintable()
            and number.isprintable()
            and 0 < len(guid) <= limits.guid_chars_max
            and len(number) <= most
            and -bound <= seat.x <= bound
            and -bound <= seat.y <= bound
        ):
            guids[guid] = f"{at}.seats[{s}]"
            continue
        _check_seat(seat, f"{at}.seats[{s}]", categories, guids, faults)


def _check_seat(
    seat: Seat, where: str, categories: frozenset[str], guids: dict[str, str], faults: Faults
) -> None:
    if seat.category not in categories:
        faults.add(where, f"names the unknown category {quoted(seat.category)}")
    faults.text(f"{where}.seat_guid", seat.guid, most=limits.guid_chars_max, empty=False)
    if seat.guid in guids:
        faults.add(where, f"has the guid {quoted(seat.guid)} of {guids[seat.guid]}")
    faults.text(f"{where}.seat_number", seat.number, most=limits.name_chars_max)
    faults.coordinate(f"{where}.position.x", seat.x)
    faults.coordinate(f"{where}.position.y", seat.y)
    guids.setdefault(seat.guid, where)


def _check_area(
    area: Area, where: str, categories: frozenset[str], guids: dict[str, str], faults: Faults
) -> None:
    if area.category not in categories:
        faults.add(where, f"names the unknown category {quoted(area.category)}")
    if area.capacity < 1:
        faults.add(f"{where}.capacity", f"is {area.capacity}; 1 is the least")
        return
    faults.text(f"{where}.name", area.name, most=limits.name_chars_max, empty=False)
    longest = f"{area.guid}-{area.capacity}"
    faults.text(f"{where}.guid", longest, most=limits.guid_chars_max, empty=False)
    for name in ("x", "y"):
        faults.coordinate(f"{where}.{name}", getattr(area, name))
    for name in ("width", "height"):
        faults.coordinate(f"{where}.{name}", getattr(area, name))
        if getattr(area, name) < 0:
            faults.add(f"{where}.{name}", "is negative")
    for guid in area_guids(area):
        if guid in guids:
            faults.add(where, f"has the guid {quoted(guid)} of {guids[guid]}")
            break
        guids[guid] = where


def area_guids(area: Area) -> Iterable[str]:
    """The guids of an area's seats, in seat order."""
    return (f"{area.guid}-{n}" for n in range(1, area.capacity + 1))


def _check_spots(plan: Plan, faults: Faults) -> None:
    # A grid of cells one spot wide: two seats of one cell are always on one spot, so a cell
    # needs to remember only its first seat and hostile files cost no more than honest ones.
    cells: dict[tuple[int, int], tuple[int, int, int, int, int]] = {}
    for z, zone in enumerate(plan.zones):
        for r, row in enumerate(zone.rows):
            for s, seat in enumerate(row.seats):
                x, y = milli(seat.x), milli(seat.y)
                cell = (x // SPOT_MILLI, y // SPOT_MILLI)
                other = cells.setdefault(cell, (x, y, z, r, s))
                if other[2:] != (z, r, s):
                    _one_spot(plan, other[2:], (z, r, s), faults)
    for (cx, cy), here in cells.items():
        for near in ((cx + 1, cy - 1), (cx + 1, cy), (cx + 1, cy + 1), (cx, cy + 1)):
            there = cells.get(near)
            if (
                there is not None
                and abs(there[0] - here[0]) <= SPOT_MILLI
                and abs(there[1] - here[1]) <= SPOT_MILLI
            ):
                first, second = sorted((here[2:], there[2:]))
                _one_spot(plan, first, second, faults)


def _one_spot(
    plan: Plan, first: tuple[int, int, int], second: tuple[int, int, int], faults: Faults
) -> None:
    (z1, r1, s1), (z2, r2, s2) = first, second
    one = plan.zones[z1].rows[r1].seats[s1]
    two = plan.zones[z2].rows[r2].seats[s2]
    faults.add(
        f"zones[{z2}].rows[{r2}].seats[{s2}]",
        f"{quoted(two.guid)} is on the spot of {quoted(one.guid)} "
        f"(zones[{z1}].rows[{r1}].seats[{s1}]), x {two.x:g}, y {two.y:g}",
    )
