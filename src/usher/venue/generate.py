"""A plan from two numbers: straight rows in front of a stage."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from usher import limits
from usher.errors import BadInput
from usher.venue.model import Category, Plan, Row, Seat, Shape, Zone, plan_unit

# Front to back, the share of rows each category gets.
SHARES: Final[Mapping[str, float]] = MappingProxyType({"VVIP": 0.1, "VIP": 0.3, "Normal": 0.6})
COLORS: Final[Mapping[str, str]] = MappingProxyType(
    {"VVIP": "#B45309", "VIP": "#7C3AED", "Normal": "#2563EB"}
)
# For categories of other names, in turn; far apart in hue, dark enough for white digits.
PALETTE: Final = ("#2563EB", "#7C3AED", "#B45309", "#0F766E", "#BE123C", "#4D7C0F", "#0369A1")

SEAT_PITCH: Final = 25.0
ROW_PITCH: Final = 30.0
AISLE: Final = 40.0
BLOCK_SEATS_MAX: Final = 20  # a wider row gets aisles


def row_label(number: int) -> str:
    """Row 0 is A, 25 is Z, 26 is AA, as in a spreadsheet."""
    text, number = "", number + 1
    while number:
        number, letter = divmod(number - 1, 26)
        text = chr(65 + letter) + text
    return text


def rows_by_columns(
    rows: int,
    columns: int,
    *,
    name: str = "Hall",
    zone: str = "Stalls",
    shares: Mapping[str, float] = SHARES,
) -> Plan:
    """`rows` straight rows of `columns` seats before a stage; guids ``A-1``, ``A-2`` ...

    `shares` gives, front to back, each category's share of the rows; categories left without
    a row do not appear, and the last ones get theirs first. Rows of more than 20 seats are cut
    by aisles into blocks as even as can be. BadInput unless 1 <= rows * columns <=
    limits.plan_seats_max.
    """
    for what, value in (("rows", rows), ("columns", columns)):
        if value < 1:
            raise BadInput(f"{what} must be 1 or more")
        if value > limits.plan_seats_max:
            raise BadInput(f"{what} must be at most {limits.plan_seats_max:,}")
    if rows * columns > limits.plan_seats_max:
        raise BadInput(
            f"{rows:,} rows of {columns:,} are {rows * columns:,} seats; "
            f"a plan has at most {limits.plan_seats_max:,}"
        )
    categories = _category_by_row(rows, shares)
    across = _across(columns)
    top = 150.0
    laid = []
    for r, category in enumerate(categories):
        label, y = row_label(r), plan_unit(top + r * ROW_PITCH)
        seats = tuple(
            Seat(f"{label}-{c + 1}", str(c + 1), category, x, y) for c, x in enumerate(across)
        )
        laid.append(Row(label, across[0], y, seats))
    width = plan_unit(across[-1] + across[0])
    stage = max(100.0, plan_unit(width * 0.6))
    middle = width / 2
    return Plan(
        name=name,
        width=width,
        height=plan_unit(top + rows * ROW_PITCH + 20),
        focal_x=plan_unit(middle),
        focal_y=60.0,
        categories=tuple(_coloured(dict.fromkeys(categories))),
        zones=(Zone(zone, across[0], top, tuple(laid)),),
        shapes=(
            Shape(
                "rectangle",
                plan_unit(middle - stage / 2),
                20.0,
                width=stage,
                height=60.0,
                color="#E5E7EB",
                border_color="#9CA3AF",
                text="Stage",
                text_color="#374151",
                text_x=plan_unit(stage / 2),
                text_y=30.0,
            ),
        ),
    )


def _coloured(names: Mapping[str, None]) -> list[Category]:
    return [
        Category(name, COLORS.get(name, PALETTE[c % len(PALETTE)])) for c, name in enumerate(names)
    ]


def _category_by_row(rows: int, shares: Mapping[str, float]) -> list[str]:
    if not shares or any(not 0 < share <= 1 for share in shares.values()):
        raise BadInput("every category needs a share of the rows above 0 and up to 1")
    names = list(shares)[-rows:]
    total = sum(shares[name] for name in names)
    taken, reached, by_row = 0, 0.0, []
    for n, name in enumerate(names):
        reached += shares[name]
        after = len(names) - n - 1
        # at least one row each, and one left for each that follows
        end = (
            rows if not after else min(max(round(rows * reached / total), taken + 1), rows - after)
        )
        by_row += [name] * (end - taken)
        taken = end
    return by_row


def _across(columns: int) -> list[float]:
    """The x of every seat of a row, blocks and aisles from left to right."""
    blocks = -(-columns // BLOCK_SEATS_MAX)
    share, wider = divmod(columns, blocks)
    places, x = [], 40.0
    for block in range(blocks):
        for _ in range(share + (block < wider)):
            places.append(plan_unit(x))
            x += SEAT_PITCH
        x += AISLE
    return places
