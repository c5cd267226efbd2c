"""What is plotted of a run. A series that was not recorded is not plotted."""

from collections.abc import Callable, Iterable
from typing import Final

from loadtests.record import NO_ANSWER, REFUSALS, Records, Tally
from loadtests.report.chart import STYLES, Chart, Line, Point
from loadtests.report.reading import Run
from loadtests.report.sampled import machine, sale

_FEW: Final = 20  # requests of a name; of fewer there are no percentiles over time to speak of
_SHOWN: Final = {"p50": 50.0, "p95": 95.0, "p99": 99.0}


def charts(run: Run) -> list[Chart]:
    """All of a run's charts that have something to show, in the order of the page."""
    found = [*_requests(run), *_latencies(run), *sale(run), *machine(run)]
    return [chart for chart in found if chart.values]


def absent(run: Run) -> list[str]:
    """The titles of what was not recorded."""
    return [chart.title for chart in [*sale(run), *machine(run)] if not chart.values]


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


def _by_count(records: Records) -> list[str]:
    """The names, the most frequent first."""
    totals = records.totals()
    return sorted(totals, key=lambda name: (-totals[name].count, name))


def _latencies(run: Run) -> list[Chart]:
    found = []
    kinds = (("latency", "Latency of {}", run.requests), ("time", "{}", run.measured))
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
                    f"budget of {each.says}{f', {each.phase}' * bool(each.phase)}",
                    each.limit_ms,
                )
                for each in run.verdict.budgets
                if each.name == name
            ]
            found.append(
                Chart(
                    f"{kind}-{name}",
                    "Latency",
                    title.format(name),
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
    known = [t for steps in records.by_name.values() for t in steps]
    steps = records.by_name[name]
    return [
        (t + every / 2 - run.began, steps.get(t))
        for t in range(min(known), max(known) + every, every)
    ]
