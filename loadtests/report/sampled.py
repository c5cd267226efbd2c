"""Charts of what was sampled once a second: the sale and the machine."""

from collections.abc import Callable, Sequence

from loadtests.report.chart import STYLES, Chart, Line, Point
from loadtests.report.reading import Run
from loadtests.series import Sample


def sale(run: Run) -> list[Chart]:
    """The line, admissions, seats and bookings; a chart of what was not sampled has no lines."""

    def now(label: str, name: str, style: int = 0) -> Line:
        return Line(label, _values(run, name), style)

    def speed(label: str, name: str, style: int = 0) -> Line:
        return Line(label, _per_s(run, lambda sample: getattr(sample, name)), style)

    per_s = [
        Point(point.t, None if point.value is None else point.value / 60)
        for point in _values(run, "rate_per_min")
    ]
    return [
        Chart(
            "line", "The sale", "Length of the line", "fans waiting", [now("waiting", "waiting")]
        ),
        Chart(
            "shopping",
            "The sale",
            "Fans shopping",
            "fans",
            _some(now("shopping", "shopping"), now("the gate's capacity", "capacity", 1)),
        ),
        Chart(
            "admissions",
            "The sale",
            "Admissions so far",
            "fans",
            _some(
                now("joined", "joined"), now("called", "called", 1), now("admitted", "admitted", 2)
            ),
        ),
        Chart(
            "admission-rate",
            "The sale",
            "Admissions a second",
            "fans a second",
            _some(
                speed("called", "called", 1),
                speed("admitted", "admitted", 2),
                Line("the gate's rate", per_s, 3),
            ),
            note="A gate that could call nobody for a while may call a second's worth at once.",
        ),
        Chart(
            "seats",
            "The sale",
            "Seats",
            "seats",
            _some(
                now("free", "free"),
                now("held", "held", 1),
                now("claimed", "claimed", 2),
                now("sold", "sold", 3),
            ),
        ),
        Chart(
            "bookings",
            "The sale",
            "Bookings confirmed so far",
            "bookings",
            _some(now("confirmed", "confirmed")),
        ),
        Chart(
            "booking-rate",
            "The sale",
            "Bookings confirmed a second",
            "bookings a second, mean of 3 s",
            _some(Line("confirmed", _per_s(run, lambda sample: sample.confirmed, 2.5))),
        ),
    ]


def machine(run: Run) -> list[Chart]:
    """The gate's rate, the ledger, and who spent the CPU."""
    names = sorted({name for sample in run.samples for name in sample.server_cpu_s})
    cpu = [Line("client", _per_s(run, lambda sample: sample.client_cpu_s, sold=False), 0)]
    for style, name in enumerate(names, 1):
        cpu.append(Line(name, _per_s(run, _server(name), sold=False), style % STYLES))
    return [
        Chart(
            "rate",
            "Gate, ledger and machine",
            "Rate of the gate",
            "fans a minute",
            _some(_line(run, "rate_per_min")),
        ),
        Chart(
            "lag",
            "Gate, ledger and machine",
            "Commit lag",
            "seconds",
            _some(_line(run, "ledger_lag_s")),
            note="The age of the oldest entry of the ledger that is not committed.",
        ),
        Chart(
            "pending",
            "Gate, ledger and machine",
            "Ledger",
            "entries not committed",
            _some(_line(run, "ledger_pending")),
        ),
        Chart("cpu", "Gate, ledger and machine", "CPU", "cores in use", _some(*cpu)),
    ]


def _line(run: Run, name: str) -> Line:
    labels = {"rate_per_min": "rate", "ledger_lag_s": "lag", "ledger_pending": "entries"}
    return Line(labels[name], _values(run, name))


def _some(*lines: Line) -> Sequence[Line]:
    """Those that have anything to show."""
    return [line for line in lines if line.values]


def _values(run: Run, name: str) -> list[Point]:
    return [Point(each.t - run.began, getattr(each, name)) for each in run.samples]


def _server(name: str) -> Callable[[Sample], float | None]:
    return lambda sample: sample.server_cpu_s.get(name)


def _per_s(
    run: Run, read: Callable[[Sample], float | None], over_s: float = 0.0, sold: bool = True
) -> list[Point]:
    """How much a count grew a second, from a sample to the next one that is more than `over_s`
    later. Counts of the sale (`sold`) are as old as `at` says, so that a sample which repeats
    the one before is no standstill. Where a count shrank (a process was started anew) nothing is
    known of the time between."""
    found: list[Point] = []
    unknown: list[float] = []  # times of samples whose growth the next one tells
    before: tuple[float, float] | None = None
    for sample in run.samples:
        value = read(sample)
        if value is None:
            found.append(Point(sample.t - run.began, None))
            continue
        at = sample.at if sold and sample.at is not None else sample.t
        unknown.append(sample.t - run.began)
        if before is not None and at - before[0] <= over_s:
            continue
        grown = None if before is None else (value - before[1]) / (at - before[0])
        found += [Point(t, None if grown is None or grown < 0 else grown) for t in unknown]
        unknown, before = [], (at, value)
    found += [Point(t, None) for t in unknown]
    return sorted(found, key=lambda point: point.t)
