"""A chart as numbers: lines over time, axes with round ticks, the paths to draw.

Drawn by ourselves as plain SVG: what is needed is lines, two axes and a legend that shows each
line's dash and marker. Of the libraries, pygal puts its labels over each other on a log axis and
tells lines apart by colour alone; bokeh and plotly add 1.3 and 4.8 MB of script to each page;
matplotlib takes 130 MB to install and fixes its colours, so that dark pages need others.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

WIDTH: Final = 640
HEIGHT: Final = 260
LEFT: Final = 64
RIGHT: Final = 14
TOP: Final = 10
BOTTOM: Final = 44
_MARKS: Final = 9  # markers on a line, about
STYLES: Final = 8
_LEAST: Final = 1e-6  # what is smaller is drawn as nothing
_TIMES: Final = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400)


class Point(NamedTuple):
    """A value at a time in seconds since the start; None is a gap."""

    t: float
    value: float | None


@dataclass(frozen=True)
class Line:
    """One line; its `style` (0 to 7) is a colour, a dash and a marker."""

    label: str
    points: Sequence[Point]
    style: int = 0

    @property
    def values(self) -> list[float]:
        return [point.value for point in self.points if point.value is not None]


@dataclass(frozen=True)
class Chart:
    """What is drawn into one frame; `unit` is what the vertical axis counts. `limits` are level
    lines, (label, value)."""

    key: str
    section: str
    title: str
    unit: str
    lines: Sequence[Line]
    log: bool = False
    limits: Sequence[tuple[str, float]] = ()
    note: str = ""

    @property
    def values(self) -> list[float]:
        """All that must be in sight."""
        found = [value for line in self.lines for value in line.values]
        return found + [value for _, value in self.limits] if found else []


class Tick(NamedTuple):
    """Where on its axis, in units of the drawing, and what stands there."""

    at: float
    label: str


@dataclass
class Axis:
    """From values to places: `low` lies at `start`, `high` at `end`."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False
    ticks: list[Tick] = field(default_factory=list)

    def at(self, value: float) -> float:
        low, high = self.low, self.high
        if self.log:
            low, high, value = math.log10(low), math.log10(high), math.log10(max(value, self.low))
        return round(self.start + (value - low) / (high - low) * (self.end - self.start), 1)


def time_axis(seconds: float) -> Axis:
    """The horizontal axis of a run of so many seconds."""
    seconds = max(1.0, seconds)
    axis = Axis(0.0, seconds, LEFT, WIDTH - RIGHT)
    step = next((each for each in _TIMES if seconds / each <= 8), _TIMES[-1])
    axis.ticks = [Tick(axis.at(t), clock(t)) for t in range(0, int(seconds) + 1, step)]
    return axis


def value_axis(values: Iterable[float], log: bool = False) -> Axis:
    """The vertical axis on which all `values` can be seen."""
    values = list(values)
    return _log_axis(values) if log else _linear_axis(max(values, default=1.0))


def _linear_axis(most: float) -> Axis:
    most = max(most, _LEAST) if most > 0 else 1.0
    step = 10.0 ** math.floor(math.log10(most / 4))
    step *= next(each for each in (1, 2, 2.5, 5, 10) if most / (step * each) <= 4.5)
    count = math.ceil(round(most / step, 9))
    axis = Axis(0.0, count * step, HEIGHT - BOTTOM, TOP)
    axis.ticks = [Tick(axis.at(n * step), figure(n * step)) for n in range(count + 1)]
    return axis


def _log_axis(values: Sequence[float]) -> Axis:
    positive = [value for value in values if value > 0] or [1.0]
    # From a round number to a round number: 1, 2 or 5 of some power of ten.
    rounds = [m * 10.0**p for p in range(-6, 10) for m in (1, 2, 5)]
    low = max((each for each in rounds if each <= min(positive)), default=rounds[0])
    high = min((each for each in rounds if each >= max(positive)), default=rounds[-1])
    if low >= high:
        high = low * 10
    axis = Axis(low, high, HEIGHT - BOTTOM, TOP, log=True)
    within = [each for each in rounds if low <= each <= high]
    if len(within) > 7:
        within = [each for each in within if math.log10(each) % 1 < 1e-6]
    axis.ticks = [Tick(axis.at(each), figure(each)) for each in within]
    return axis


def figure(value: float) -> str:
    """A number as people write it."""
    if abs(value) >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.3g}"


def clock(seconds: float) -> str:
    """Minutes and seconds, with hours where there are any."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def path(line: Line, x: Axis, y: Axis) -> str:
    """The line as an SVG path; after a gap it starts anew."""
    words: list[str] = []
    pen = "M"
    for point in line.points:
        if point.value is None:
            pen = "M"
            continue
        words.append(f"{pen}{x.at(point.t):g} {y.at(point.value):g}")
        # A point alone between two gaps is a dot: a line of no length with round ends.
        if pen == "M":
            words.append("h0")
        pen = "L"
    return "".join(words)


def marks(line: Line, x: Axis, y: Axis) -> list[tuple[float, float]]:
    """Where the line's marker is drawn: at points that stand alone, and here and there, elsewhere
    for each style, so that lines above each other show theirs beside each other."""
    points = line.points
    known = [i for i, point in enumerate(points) if point.value is not None]
    step = max(1, len(known) // _MARKS)
    shown = set(known[line.style % STYLES * step // STYLES :: step])
    shown |= set(known) - {i + 1 for i in known} - {i - 1 for i in known}
    return [(x.at(t), y.at(v)) for i in sorted(shown) for t, v in [points[i]] if v is not None]
