"""The page: a verdict, tables, charts; or two runs side by side."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jinja2

from loadtests.histogram import PERCENTILES
from loadtests.record import Records
from loadtests.report import chart as drawing
from loadtests.report.chart import clock, figure
from loadtests.report.frames import sections
from loadtests.report.plots import absent, failed, few, in_order, word
from loadtests.report.reading import Run, read_run

_HERE = Path(__file__).parent


def render(out_dir: Path) -> Path:
    """Writes `out_dir/report.html` from what the run left there; RecordError where that cannot
    be read."""
    return _write(out_dir / "report.html", [read_run(out_dir)])


def compare(out_dir: Path, other: Path) -> Path:
    """Writes `out_dir/comparison.html`: this run and another, each chart on the same axes."""
    return _write(out_dir / "comparison.html", [read_run(out_dir), read_run(other)])


def _write(target: Path, runs: Sequence[Run]) -> Path:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters |= {"figure": figure, "ms": _ms, "clock": clock}
    views = [_view(run, letter) for run, letter in zip(runs, "AB", strict=False)]
    page = environment.get_template("page.html").render(
        runs=views,
        together=_together(views),
        sections=sections(runs),
        size=drawing,
        percentiles=list(PERCENTILES),
        style=(_HERE / "page.css").read_text(),
        script=(_HERE / "page.js").read_text(),
    )
    target.write_text(page, encoding="utf-8")
    return target


def _ms(milliseconds: float | None) -> str:
    """Milliseconds to three digits: more are not known."""
    if milliseconds is None:
        return "-"
    return f"{milliseconds:,.0f}" if milliseconds >= 100 else f"{milliseconds:.3g}"


def _view(run: Run, letter: str) -> dict[str, Any]:
    """All that stands above the charts."""
    overall = run.requests.overall()
    statuses = overall.statuses
    return {
        "letter": letter,
        "folder": run.folder.resolve().name,
        "verdict": run.verdict,
        "facts": _facts(run),
        "seconds": run.seconds,
        "step_s": run.requests.step_s,
        "count": overall.count,
        "statuses": {word(status): statuses[status] for status in in_order(statuses)},
        "failed": sum(count for status, count in statuses.items() if failed(status)),
        "names": _names(run, run.requests),
        "measured": _names(run, run.measured),
        "few": few(run),
        "absent": absent(run),
    }


def _names(run: Run, records: Records) -> list[dict[str, Any]]:
    """A row of the table of latencies for each name."""
    return [
        {
            "name": name,
            "count": tally.count,
            "per_s": tally.count / max(1.0, run.seconds),
            "ms": tally.latency.summary_ms(),
            "refused": tally.refused.count,
            "statuses": {word(s): tally.statuses[s] for s in in_order(tally.statuses)},
        }
        for name, tally in records.totals().items()
    ]


def _together(views: Sequence[dict[str, Any]]) -> list[tuple[str, list[dict[str, Any] | None]]]:
    """Each name's row of the table of each run; None where a run has none."""
    found = [{each["name"]: each for each in view["names"] + view["measured"]} for view in views]
    names = sorted({name for each in found for name in each})
    return [(name, [each.get(name) for each in found]) for name in names]


def _facts(run: Run) -> dict[str, str]:
    """What was run, where and when; without what is not known."""
    verdict = run.verdict
    client = ""
    if verdict.client_cpu_s is not None:
        client = f"{figure(verdict.client_cpu_s)} s of CPU"
        if run.seconds:
            client += f", {figure(verdict.client_cpu_s / run.seconds)} cores"
    found = {
        "began": datetime.fromtimestamp(run.began, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        if run.began
        else "",
        "took": f"{clock(run.seconds)} min",
        "against": verdict.base_url,
        "event": verdict.event,
        "machine": _plain(verdict.machine),
        "client": client,
    }
    found |= {name: _plain(value) for name, value in verdict.options.items()} | verdict.notes
    found["the crowd"] = _plain(verdict.counts)
    return {name: text for name, text in found.items() if text}


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_plain(each)}" for key, each in value.items())
    if isinstance(value, list):
        return ", ".join(map(_plain, value))
    if isinstance(value, float) or (isinstance(value, int) and value > 9_999):
        return figure(value)
    return str(value)
