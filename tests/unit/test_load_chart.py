"""Charts as numbers: rates of what was sampled, gaps, axes that hold all their values."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.report.chart import BOTTOM, HEIGHT, LEFT, TOP, WIDTH, time_axis, value_axis
from loadtests.report.plots import charts
from loadtests.report.reading import Run, read_run

BEGAN = 1_800_000_000


def sampled(folder: Path, samples: Sequence[Mapping[str, Any]]) -> Run:
    (folder / "series.jsonl").write_text("".join(json.dumps(each) + "\n" for each in samples))
    (folder / "run.json").write_text('{"scenario": "steady", "ok": true}')
    return read_run(folder)


def test_rates_have_gaps_where_a_process_was_started_anew(tmp_path: Path) -> None:
    spent = [1.0, 1.5, 0.2, 0.4]
    samples = [{"t": BEGAN + n, "server_cpu_s": {"api": s}} for n, s in enumerate(spent)]
    run = sampled(tmp_path, samples)
    [cpu] = [chart for chart in charts(run) if chart.key == "cpu"]
    [api] = cpu.lines
    assert [point.value for point in api.points] == [None, 0.5, None, pytest.approx(0.2)]


def test_an_answer_that_is_told_twice_is_no_standstill(tmp_path: Path) -> None:
    told = [(0.0, 0), (1.0, 30), (1.0, 30), (3.0, 90)]
    samples = [
        {"t": BEGAN + n, "at": BEGAN + at, "called": called} for n, (at, called) in enumerate(told)
    ]
    run = sampled(tmp_path, samples)
    [rate] = [chart for chart in charts(run) if chart.key == "admission-rate"]
    assert [point.value for point in rate.lines[0].points] == [None, 30, 30, 30]


def test_nothing_is_drawn_across_missing_samples(tmp_path: Path) -> None:
    samples = [{"t": BEGAN + t, "waiting": 7} for t in (0, 1, 8, 9)]
    run = sampled(tmp_path, samples)
    [line] = [chart for chart in charts(run) if chart.key == "line"]
    assert [point.value for point in line.lines[0].points] == [7, 7, None, 7, 7]


@given(st.lists(st.floats(0, 1e8), min_size=1), st.booleans())
def test_all_values_are_within_the_frame_and_ticks_are_few(values: list[float], log: bool) -> None:
    axis = value_axis(values, log)
    assert all(TOP - 0.1 <= axis.at(value) <= HEIGHT - BOTTOM + 0.1 for value in values)
    places = [tick.at for tick in axis.ticks]
    assert 2 <= len(places) <= 17
    assert places == sorted(places, reverse=True)
    assert len({tick.label for tick in axis.ticks}) == len(places)


@given(st.floats(0, 864_000))
def test_times_are_within_the_frame_and_apart(seconds: float) -> None:
    ticks = time_axis(seconds).ticks
    assert 1 <= len(ticks) <= 11
    assert LEFT <= ticks[0].at <= ticks[-1].at <= WIDTH
    assert len({tick.label for tick in ticks}) == len(ticks)
