"""What has been seen of a drawing: marks that are seats, areas, and everything else."""

import math
from collections.abc import Mapping
from typing import Final, NamedTuple

from usher import limits
from usher.errors import BadPlan
from usher.venue.affine import numbers
from usher.venue.label import Label
from usher.venue.outline import Point

_OTHERS_MAX: Final = 5_000
_POINTS_MAX: Final = 500
# What stands in a row is a seat, even where nothing says its number.
_ROUND: Final = frozenset({"circle", "ellipse", "use", "rect"})


class Mark(NamedTuple):
    """One drawn element, at its place in the drawing; `said` by data-*, `named` by its names."""

    tag: str
    at: Point
    points: list[Point]
    said: Label
    named: Label
    said_by: int
    named_by: int
    category: str
    colour: str
    own: str
    title: str
    text: str
    accessible: bool
    capacity: str


class Sketch:
    """The marks of a drawing, in its order. Seats are bounded as in any plan, the rest too."""

    def __init__(self) -> None:
        self.title = ""
        self.width = self.height = 0.0
        self.said: list[Mark] = []
        self.named: list[Mark] = []
        self.areas: list[Mark] = []
        self.others: list[Mark] = []
        self.left_out = 0
        self.scripts = 0
        self._seen: set[tuple[str, int]] = set()

    def frame(self, attributes: Mapping[str, str]) -> None:
        """Notes the size of the drawing."""
        box = numbers(attributes.get("viewBox", ""))
        if len(box) == 4:
            self.width, self.height = box[2:]
            return
        sides = [numbers(attributes.get(name, "")) for name in ("width", "height")]
        self.width, self.height = (side[0] if side else 0.0 for side in sides)

    @property
    def seats(self) -> list[Mark]:
        """The seats: those that are said, else those whose names say so."""
        return self.said or self.named

    def add(self, mark: Mark, *, whole: bool, seatlike: bool) -> None:
        """Notes an element; BadPlan where it is out of this world, or one too many."""
        if not all(math.isfinite(value) and abs(value) < 1e9 for value in mark.at):
            what = "has an element that is nowhere, or too far away"
            raise BadPlan(
                f"The drawing {what}", errors=[{"where": mark.own or mark.tag, "what": what}]
            )
        if mark.capacity and whole:
            self.areas.append(mark)
        elif mark.said.seat and whole:
            self._seat(self.said, mark, ("said", mark.said_by))
        elif seatlike and (mark.named.seat or (mark.named.row and mark.tag in _ROUND)):
            self._seat(self.named, mark, ("named", mark.named_by))
        elif len(self.others) < _OTHERS_MAX and len(mark.points) <= _POINTS_MAX:
            self.others.append(mark)
        else:
            self.left_out += 1

    def _seat(self, seats: list[Mark], mark: Mark, key: tuple[str, int]) -> None:
        if key in self._seen:
            return
        self._seen.add(key)
        seats.append(mark._replace(points=[]))
        if max(len(self.said), len(self.named)) > limits.plan_seats_max:
            what = f"has more than {limits.plan_seats_max:,} seats, which is the most"
            raise BadPlan(f"The drawing {what}", errors=[{"where": "svg", "what": what}])
