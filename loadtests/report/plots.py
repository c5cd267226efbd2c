"""What is plotted of a run. A series that was not recorded is not plotted."""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from loadtests.record import NO_ANSWER, REFUSALS, Records, Tally
from loadtests.report.chart import STYLES, Chart, Line, Point
from loadtests.report.reading import Run
from loadtests.series import Sample

_FEW: Final = 20  # requests of a name; of fewer there are no percentiles over time to speak of
_SHOWN: Final = {"p50": 50.0, "p95": 95.0, "p99": 99.0}


def charts(run: Run) -> list[Chart]:
    """All of a run's charts that have something to show, in the order of the page."""
    found = [*_requests(run), *_latencies(run), *_sale(run), *_machine(run)]
    return [chart for chart in found if chart.values]


def absent(run: Run) -> list[str]:
    """The titles of what was not recorded."""
    return [chart.title for chart in [*_sale(run), *_machine(run)] if not chart.values]


def few(run: Run) -> list[str]:
    """Names that came up too seldom for a plot of their latencies, and have no budget."""
    totals = run.requests.totals() | run.measured.totals()
    held_to = {budget.name for budget in run.verdict.budgets}
    return [name for name, all_ in totals.items() if all_.count < _FEW and name not in held_to]


def word(status: int) -> str:
    """A status code as it is named in legends and tables."""
    return "no answer" if status == NO_ANSWER else str(status)


def in_order(statuses: Iterable[int]) -> list[int]:
    """Status codes as they are listed: no answer at the end."""
    return sorted(statuses, key=lambda status: (status == NO_ANSWER, status))


def failed(status: int) -> bool:
    """Whether a status is one that the report counts among refusals and failures."""
    return status == NO_ANSWER or status in REFUSALS or status >= 500


# --- requests


def _by_count(records: Records) -> list[str]:
    """The names, the most frequent first."""
    totals = records.totals()
    return sorted(totals, key=lambda name: (-totals[name].count, name))


def _latencies(run: Run) -> list[Chart]:
    found = []
    kinds = (("latency", "Latency of", run.requests), ("time", "Time of", run.measured))
    for kind, title, records in kinds:
        for name in _by_count(records):
            if name in few(run):
                continue
            steps = _filled(run, records, name)
            lines = [
                Line(
                    label,
                    [
                        Point(t, tally.latency.percentile_ms(percent) if tally else None)
                        for t, tally in steps
                    ],
                    style,
                )
                for style, (label, percent) in enumerate(_SHOWN.items())
            ]
            limits = [
                (
                    f"budget of {each.percentile}{f', {each.phase}' * bool(each.phase)}",
                    each.limit_ms,
                )
                for each in run.verdict.budgets
                if each.name == name
            ]
            found.append(
                Chart(
                    f"{kind}-{name}",
                    "Latency",
                    f"{title} {name}",
                    "ms",
                    lines,
                    log=True,
                    limits=limits,
                )
            )
    return found


def _requests(run: Run) -> list[Chart]:
    names = _by_count(run.requests)
    steps = {name: _filled(run, run.requests, name) for name in names}
    by_name: list[tuple[str, list[str]]] = [(name, [name]) for name in names[:STYLES]]
    if len(names) > STYLES:
        rest = names[STYLES - 1 :]
        by_name[-1:] = [(f"{len(rest)} others", rest)]
    statuses = in_order(run.requests.overall().statuses)
    good = [status for status in statuses if not failed(status)]
    bad = [status for status in statuses if failed(status)]

    def rate(names: Iterable[str], count: Callable[[Tally], int]) -> list[Point]:
        return [
            Point(at[0][0], sum(count(tally) for _, tally in at if tally) / run.requests.step_s)
            for at in zip(*(steps[name] for name in names), strict=True)
        ]

    def of(status: int) -> list[Point]:
        return rate(names, lambda tally: tally.statuses[status])

    return [
        Chart(
            "requests",
            "Requests",
            "Requests",
            "requests a second, by name",
            [
                Line(label, rate(group, lambda tally: tally.count), style)
                for style, (label, group) in enumerate(by_name)
            ],
        ),
        Chart(
            "answers",
            "Requests",
            "Answers",
            "answers a second, by status",
            [Line(word(status), of(status), style % STYLES) for style, status in enumerate(good)],
        ),
        Chart(
            "failures",
            "Requests",
            "Refusals and failures",
            "requests a second, by status",
            [Line(word(status), of(status), style % STYLES) for style, status in enumerate(bad)],
            note="429 and 503 ask to come back later; anything else here went wrong.",
        ),
    ]


def _filled(run: Run, records: Records, name: str) -> list[tuple[float, Tally | None]]:
    """All steps of the run, those in which nothing ended too; times are of the steps' middles."""
    every = records.step_s
    known = [t for all_ in (run.requests, run.measured) for s in all_.by_name.values() for t in s]
    steps = records.by_name[name]
    return [
        (t + every / 2 - run.began, steps.get(t))
        for t in range(min(known), max(known) + every, every)
    ]


# --- the sale


def _sale(run: Run) -> list[Chart]:
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


def _machine(run: Run) -> list[Chart]:
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
