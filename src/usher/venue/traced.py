"""From the marks of a drawing to a plan: rows and zones by label, numbers where there are none,
a scale at which seats are as far apart as in every other plan."""

import math
import re
from collections.abc import Iterable
from itertools import pairwise
from typing import Final

from usher import limits
from usher.errors import BadPlan
from usher.venue.check import check_plan
from usher.venue.decoration import safe_color
from usher.venue.generate import PALETTE, SEAT_PITCH
from usher.venue.guids import AreaGuids, Claim, Repair, repair_guids
from usher.venue.label import Label
from usher.venue.model import Area, Category, Plan, Row, Seat, Shape, Zone, plan_unit
from usher.venue.report import REPAIRS_SHOWN, Found, Report
from usher.venue.sketch import Mark, Sketch

_MARGIN: Final = 20.0
_NORMAL: Final = "Normal"
_STAGE: Final = re.compile(
    r"stage|b[üu]hne|sc[eè]ne|escenario|scena|pitch|spielfeld", re.IGNORECASE
)
_NO_SEATS: Final = (
    "has no seats that could be told: give them data-seat (and data-row, data-section), "
    'or names like "Row B" on a group and "Seat 7" on a shape'
)


def plan_of(sketch: Sketch, name: str = "") -> Found:
    """The plan of a drawing; BadPlan where it cannot be sold, or holds no seat at all."""
    if not sketch.seats and not sketch.areas:
        raise BadPlan(f"The drawing {_NO_SEATS}", errors=[{"where": "svg", "what": _NO_SEATS}])
    tracing = _Tracing(sketch)
    plan = tracing.plan((sketch.title or name or "Hall")[: limits.name_chars_max])
    check_plan(plan)
    return Found(plan, tracing.report())


class _Tracing:
    def __init__(self, sketch: Sketch) -> None:
        self.sketch = sketch
        self.labels = [_label(mark, bool(sketch.said)) for mark in sketch.seats]
        self.factor = _factor(list(zip(self.labels, sketch.seats, strict=True)))
        self.stacked = self.unnumbered = 0
        self.alike: dict[Label, int] = {}
        self.colours: dict[str, str] = {}
        self.repairs: list[Repair] = []
        self.shapes: list[Shape] = []
        self.left_out = sketch.left_out

    def plan(self, name: str) -> Plan:
        zones = self._zones()
        focal: tuple[float, float] | None = None
        for mark in self.sketch.others:
            if focal is None and any(
                _STAGE.search(text) for text in (mark.own, mark.title, mark.text)
            ):
                focal = self._at(mark.at)
            shape = self._shape(mark)
            if shape is not None:
                self.shapes.append(shape)
            else:
                self.left_out += mark.tag not in ("line", "text")
        seats = [seat for zone in zones for row in zone.rows for seat in row.seats]
        areas = [area for zone in zones for area in zone.areas]
        xs = [s.x for s in seats] + [v for a in areas for v in (a.x, a.x + a.width)]
        ys = [s.y for s in seats] + [v for a in areas for v in (a.y, a.y + a.height)]
        focal = focal or ((min(xs) + max(xs)) / 2, min(ys))
        width, height = self.sketch.width * self.factor, self.sketch.height * self.factor
        return Plan(
            name=name,
            width=plan_unit(width if width > 0 else max(xs) - min(xs) + _MARGIN),
            height=plan_unit(height if height > 0 else max(ys) - min(ys) + _MARGIN),
            focal_x=plan_unit(focal[0]),
            focal_y=plan_unit(focal[1]),
            categories=tuple(
                Category(each, colour or PALETTE[c % len(PALETTE)])
                for c, (each, colour) in enumerate(self.colours.items())
            ),
            zones=tuple(zones),
            shapes=tuple(self.shapes),
        )

    def report(self) -> Report:
        return Report(
            "svg",
            tuple(self.repairs[:REPAIRS_SHOWN]),
            len(self.repairs),
            left_out=self.left_out,
            alike=sum(count for count in self.alike.values() if count > 1),
            unnumbered=self.unnumbered,
            stacked=self.stacked,
            scripts=self.sketch.scripts,
            scaled=round(self.factor, 6),
        )

    def _at(self, spot: tuple[float, float]) -> tuple[float, float]:
        return plan_unit(spot[0] * self.factor), plan_unit(spot[1] * self.factor)

    def _category(self, mark: Mark) -> str:
        name = mark.category or _NORMAL
        self.colours[name] = self.colours.get(name) or safe_color(mark.colour)
        return name

    def _zones(self) -> list[Zone]:
        rows = self._rows()
        claims, drafts = [], []
        for (section, row), marks in rows.items():
            taken = {label.seat for label, _ in marks}
            following = 1
            for label, mark in marks:
                number = label.seat
                if not number:
                    while str(following) in taken:
                        following += 1
                    number = str(following)
                    taken.add(number)
                    self.unnumbered += 1
                full = Label(section, row, number)
                self.alike[full] = self.alike.get(full, 0) + 1
                own = mark.own or "-".join(part for part in full if part)
                claims.append(Claim(mark.own or mark.tag, own, section, row, number))
                drafts.append((section, row, number, mark))
        guids, self.repairs = repair_guids(claims)
        zones: dict[str, dict[str, list[Seat]]] = {}
        for guid, (section, row, number, mark) in zip(guids, drafts, strict=True):
            seat = Seat(guid, number, self._category(mark), *self._at(mark.at), mark.accessible)
            zones.setdefault(section, {}).setdefault(row, []).append(seat)
        areas = self._areas(guids)
        return [
            Zone(
                section,
                *_corner(
                    [(s.x, s.y) for seats in rows_of.values() for s in seats]
                    + [(a.x, a.y) for a in areas.get(section, ())]
                ),
                tuple(
                    Row(row, seats[0].x, seats[0].y, tuple(seats)) for row, seats in rows_of.items()
                ),
                tuple(areas.get(section, ())),
            )
            for section, rows_of in (
                (name, zones.get(name, {}))
                for name in [*zones, *(name for name in areas if name not in zones)]
            )
        ]

    def _rows(self) -> dict[tuple[str, str], list[tuple[Label, Mark]]]:
        """Seats by section and row, in the order of the drawing; one of those on the same spot."""
        spots: set[tuple[float, float]] = set()
        rows: dict[tuple[str, str], list[tuple[Label, Mark]]] = {}
        for label, mark in zip(self.labels, self.sketch.seats, strict=True):
            x, y = self._at(mark.at)
            spot = (round(x, 1), round(y, 1))
            if spot in spots:
                self.stacked += 1
                continue
            spots.add(spot)
            rows.setdefault((label.section, label.row), []).append((label, mark))
        return rows

    def _areas(self, seat_guids: Iterable[str]) -> dict[str, list[Area]]:
        guids = AreaGuids(seat_guids)
        areas: dict[str, list[Area]] = {}
        for n, mark in enumerate(self.sketch.areas):
            if not (mark.capacity.isascii() and mark.capacity.isdigit() and len(mark.capacity) < 7):
                what = f"data-capacity must be a whole number, not {mark.capacity[:40]!r}"
                raise BadPlan(
                    f"The drawing has an area whose {what}",
                    errors=[{"where": mark.own or "area", "what": what}],
                )
            name = mark.title or mark.own or mark.said.section or f"Area {n + 1}"
            corners = [self._at(point) for point in mark.points]
            x, y = _corner(corners)
            area = Area(
                guids.take((mark.own or name)[:80]),
                name[: limits.name_chars_max],
                self._category(mark),
                int(mark.capacity),
                x,
                y,
                plan_unit(max(cx for cx, _ in corners) - x),
                plan_unit(max(cy for _, cy in corners) - y),
            )
            section = mark.said.section or mark.named.section or name
            areas.setdefault(section[: limits.name_chars_max], []).append(area)
        return areas

    def _shape(self, mark: Mark) -> Shape | None:
        colour = safe_color(mark.colour)
        x, y = self._at(mark.at)
        if mark.tag == "text":
            text = mark.text[: limits.name_chars_max]
            return Shape("text", x, y, text=text, text_color=colour) if text else None
        corners = [self._at(point) for point in mark.points]
        if len(corners) < 3 or not all(math.isfinite(v) for each in corners for v in each):
            return None
        if mark.tag in ("circle", "ellipse"):
            left, top = _corner(corners)
            width, height = 2 * (x - left), 2 * (y - top)
            return Shape(
                "ellipse", x, y, width=plan_unit(width), height=plan_unit(height), color=colour
            )
        if mark.tag in ("rect", "polygon"):
            points = tuple((plan_unit(px - x), plan_unit(py - y)) for px, py in corners)
            return Shape("polygon", x, y, points=points, color=colour)
        return None


def _label(mark: Mark, by_data: bool) -> Label:
    """What a seat is called: said first; its number is said where any is."""
    return Label(
        (mark.said.section or mark.named.section)[: limits.name_chars_max],
        (mark.said.row or mark.named.row)[: limits.name_chars_max],
        mark.said.seat if by_data else mark.named.seat,
    )


def _corner(points: list[tuple[float, float]]) -> tuple[float, float]:
    return min(x for x, _ in points), min(y for _, y in points)


def _factor(seats: list[tuple[Label, Mark]]) -> float:
    """By how much to enlarge so that neighbours are about SEAT_PITCH apart: plans are rounded to
    a tenth for drawing, and drawings come in millimetres as well as in pixels."""
    gaps = sorted(
        gap
        for (one, a), (two, b) in pairwise(seats)
        if one[:2] == two[:2] and (gap := math.dist(a.at, b.at)) > 0
    )
    usual = gaps[len(gaps) // 4] if gaps else SEAT_PITCH
    return 1.0 if SEAT_PITCH / 2.5 <= usual <= SEAT_PITCH * 4 else SEAT_PITCH / usual
