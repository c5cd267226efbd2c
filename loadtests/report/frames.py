"""The charts of one run, or of two beside each other, as the template draws them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec

from loadtests.report.chart import STYLES, Axis, Chart, marks, path, time_axis, value_axis
from loadtests.report.plots import charts
from loadtests.report.reading import Run


def sections(runs: Sequence[Run]) -> list[tuple[str, list[list[dict[str, Any] | None]]]]:
    """The charts by section: a row per chart and a column per run, None where a run has it not.
    What is the same chart is on the same axes, and so are the latencies of all requests."""
    found = _alike([{chart.key: chart for chart in charts(run)} for run in runs])
    # In the order of the first run, then what only the second has.
    keys = list(dict.fromkeys(key for each in found for key in each))
    together: dict[str, list[float]] = {}
    for each in found:
        for key, chart in each.items():
            together.setdefault(_scale(key), []).extend(chart.values)
    x = time_axis(max(run.seconds for run in runs))

    def cell(of: dict[str, Chart], key: str, run: Run, letter: str) -> dict[str, Any] | None:
        if key not in of:
            return None
        y = value_axis(together[_scale(key)], of[key].log)
        # Names may hold anything; ids hold no spaces.
        name = f"chart-{letter}{keys.index(key)}"
        return _drawn(of[key], name, x, y) | {"phases": _phases(run, x)}

    by_title: dict[str, list[list[dict[str, Any] | None]]] = {}
    for key in keys:
        section = next(each[key].section for each in found if key in each)
        columns = zip(found, runs, "AB", strict=False)
        row = [cell(each, key, run, letter) for each, run, letter in columns]
        by_title.setdefault(section, []).append(row)
    return list(by_title.items())


def _alike(found: list[dict[str, Chart]]) -> list[dict[str, Chart]]:
    """The same charts with lines of the same name in the same style: where runs stand beside each
    other, the first has the say."""
    styles: dict[str, dict[str, int]] = {}
    for each in found:
        for key, chart in each.items():
            known = styles.setdefault(key, {})
            for line in chart.lines:
                used = set(known.values())
                wished = (line.style, *range(STYLES))
                free = next((style for style in wished if style not in used), line.style)
                known.setdefault(line.label, free)
    return [
        {
            key: replace(
                chart,
                lines=[replace(line, style=styles[key][line.label]) for line in chart.lines],
            )
            for key, chart in each.items()
        }
        for each in found
    ]


def _scale(key: str) -> str:
    """What a chart shares its vertical axis with: requests each other, other times each other."""
    kind, _, name = key.partition("-")
    return kind if name and kind in ("latency", "time") else key


def _phases(run: Run, x: Axis) -> list[tuple[str, float, float]]:
    """The run's phases, (name, from, to) on the horizontal axis."""
    return [
        (name, x.at(max(0.0, begin - run.began)), x.at(min(run.seconds, end - run.began)))
        for name, (begin, end) in run.verdict.phases.items()
    ]


def _drawn(chart: Chart, name: str, x: Axis, y: Axis) -> dict[str, Any]:
    """A chart as the template draws it, under the id `name`; `data` is what the
    pointer reads off."""
    data = {
        "t": [round(point.t, 1) for point in chart.lines[0].points],
        "lines": [
            [None if point.value is None else float(f"{point.value:.4g}") for point in line.points]
            for line in chart.lines
        ],
        "end": x.high,
    }
    return {
        "chart": chart,
        "id": name,
        "x": x.ticks,
        "y": y.ticks,
        "limits": [(label, value, y.at(value)) for label, value in chart.limits],
        "lines": [
            {
                "label": line.label,
                "style": line.style,
                "path": path(line, x, y),
                "marks": marks(line, x, y),
                "most": max(line.values, default=None),
                "least": min(line.values, default=None),
            }
            for line in chart.lines
        ],
        "data": msgspec.json.encode(data).decode(),
    }
