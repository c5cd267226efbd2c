"""What load tests record: the error of a bucket, many processes read as one, broken files."""

import json
import math
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.histogram import GROWTH, LEAST_US, PERCENTILES, Histogram, bucket_of, upper_us
from loadtests.record import Recorder, RecordError, Records, read_records

LATENCIES_S = st.floats(min_value=LEAST_US / 1e6, max_value=1_000.0)
NOTES = st.tuples(
    st.integers(0, 3),
    st.sampled_from(["join", "hold"]),
    st.sampled_from([0, 201, 429]),
    LATENCIES_S,
)


class Clock:
    def __init__(self) -> None:
        self.now = 1_800_000_000.25

    def __call__(self) -> float:
        return self.now


def record(out_dir: Path, notes: list[tuple[int, str, int, float]]) -> None:
    """Writes `notes` (second, name, status, latency in seconds) as one process would."""
    clock = Clock()
    recorder = Recorder(out_dir, clock)
    began = clock.now
    for second, name, status, latency_s in sorted(notes):
        clock.now = began + second
        recorder.note(name, status, latency_s)
    recorder.close()


def counts(records: Records) -> dict[tuple[str, int], tuple[object, object, object]]:
    return {
        (name, t): (tally.statuses, tally.latency.counts, tally.refused.counts)
        for name in records.by_name
        for t, tally in records.steps(name)
    }


@given(LATENCIES_S)
def test_a_bucket_ends_at_most_two_in_a_hundred_above_the_latency(seconds: float) -> None:
    end_us = upper_us(bucket_of(seconds * 1e6))
    assert seconds * 1e6 * (1 - 1e-9) <= end_us <= seconds * 1e6 * GROWTH * (1 + 1e-9)


@given(st.floats(min_value=0, max_value=LEAST_US))
def test_what_is_quicker_than_the_least_counts_as_the_least(microseconds: float) -> None:
    assert bucket_of(microseconds) == bucket_of(LEAST_US)


@given(st.lists(LATENCIES_S, min_size=1, max_size=300))
def test_percentiles_are_those_of_the_sorted_list(seconds: list[float]) -> None:
    histogram = Histogram()
    for each in seconds:
        histogram.note(each)
    ordered = sorted(seconds)
    for name, percent in PERCENTILES.items():
        # In whole tenths of a per cent, so that the rank here is free of binary fractions.
        rank = max(1, math.ceil(round(percent * 10) * len(ordered) / 1000))
        true_ms = ordered[rank - 1] * 1000
        seen_ms = histogram.summary_ms()[name]
        assert true_ms * (1 - 1e-9) <= seen_ms <= true_ms * GROWTH * (1 + 1e-9)


def test_the_thousandth_of_a_thousand_is_not_in_the_99_9th_percentile() -> None:
    histogram = Histogram({bucket_of(1_000): 999, bucket_of(1_000_000): 1})
    assert histogram.summary_ms()["p99.9"] == pytest.approx(1, rel=0.02)
    assert histogram.summary_ms()["max"] == pytest.approx(1_000, rel=0.02)


def test_of_nothing_there_is_no_percentile() -> None:
    assert Histogram().percentile_ms(50) is None
    assert Histogram().summary_ms() == {}


@given(st.dictionaries(st.integers(bucket_of(LEAST_US), bucket_of(1e9)), st.integers(1, 9)))
def test_a_histogram_outlives_being_written(found: dict[int, int]) -> None:
    wire = json.loads(json.dumps(Histogram(found).to_wire()))
    assert Histogram.from_wire({float(end): n for end, n in wire.items()}).counts == found


@given(st.lists(NOTES), st.lists(NOTES))
def test_the_files_of_two_processes_are_the_whole(
    tmp_path_factory: pytest.TempPathFactory,
    ours: list[tuple[int, str, int, float]],
    theirs: list[tuple[int, str, int, float]],
) -> None:
    apart, together = tmp_path_factory.mktemp("apart"), tmp_path_factory.mktemp("together")
    record(apart, ours)
    for path in list(apart.iterdir()):
        path.rename(apart / "requests-1.jsonl")
    record(apart, theirs)
    record(together, ours + theirs)
    assert counts(read_records(apart)) == counts(read_records(together))


def test_answers_are_counted_by_second_name_and_status(tmp_path: Path) -> None:
    record(tmp_path, [(0, "hold", 201, 0.01), (0, "hold", 409, 0.01), (2, "join", 0, 5.0)])
    found = read_records(tmp_path)
    assert [(t, tally.count) for t, tally in found.steps()] == [
        (1_800_000_000, 2),
        (1_800_000_002, 1),
    ]
    assert found.total("hold").statuses == {201: 1, 409: 1}
    assert found.overall().statuses == {201: 1, 409: 1, 0: 1}
    assert found.total("join").latency.percentile_ms(50) == pytest.approx(5_000, rel=0.02)
    assert found.total("nothing").count == 0


def test_refusals_do_not_make_a_server_look_fast(tmp_path: Path) -> None:
    record(tmp_path, [(0, "hold", 503, 0.001)] * 99 + [(0, "hold", 201, 2.0)])
    hold = read_records(tmp_path).total("hold")
    assert hold.latency.percentile_ms(50) == pytest.approx(2_000, rel=0.02)
    assert hold.refused.percentile_ms(50) == pytest.approx(1, rel=0.02)
    assert hold.statuses == Counter({503: 99, 201: 1})


def test_seconds_are_on_disk_as_soon_as_they_are_over(tmp_path: Path) -> None:
    clock = Clock()
    recorder = Recorder(tmp_path, clock)
    recorder.note("join", 202, 0.01)
    assert read_records(tmp_path).overall().count == 0
    clock.now += 1
    recorder.note("join", 202, 0.01)
    assert read_records(tmp_path).overall().count == 1
    recorder.close()
    assert read_records(tmp_path).overall().count == 2


def test_a_long_run_is_read_in_longer_steps(tmp_path: Path) -> None:
    record(tmp_path, [(second, "join", 202, 0.01) for second in range(0, 100, 2)])
    found = read_records(tmp_path, steps_max=10)
    assert found.step_s == 10
    assert [tally.count for _, tally in found.steps("join")] == [5] * 10


def test_a_line_cut_off_by_a_kill_is_left_out(tmp_path: Path) -> None:
    record(tmp_path, [(0, "join", 202, 0.01), (1, "join", 202, 0.01)])
    [path] = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:-5])
    assert read_records(tmp_path).overall().count == 1


@pytest.mark.parametrize(
    "line",
    [
        b"{",
        b"[]",
        b'{"t": "now"}',
        b'{"t": 1, "name": "join", "status": {"ok": 1}, "latency_us": {}}',
        b'{"t": 1, "name": "join", "status": {}, "latency_us": {"quick": 1}}',
        b'{"t": 1, "name": "join", "status": {}, "latency_us": {"inf": 1}}',
        b'{"t": 1, "name": "join", "status": {}, "latency_us": {"nan": 1}}',
        b'{"t": 1, "name": "join", "status": {}, "latency_us": {"-1": 1}}',
        b'{"t": 1, "name": "join", "status": {"202": -1}, "latency_us": {}}',
        b'{"t": 1, "name": "\xff", "status": {}, "latency_us": {}}',
    ],
)
def test_a_broken_line_is_named(tmp_path: Path, line: bytes) -> None:
    whole = b'{"t": 1, "name": "join", "status": {"202": 1}, "latency_us": {"100": 1}}\n'
    (tmp_path / "requests-1.jsonl").write_bytes(whole + line + b"\n")
    with pytest.raises(RecordError, match=r"requests-1\.jsonl, line 2: "):
        read_records(tmp_path)


def test_no_files_are_no_requests(tmp_path: Path) -> None:
    assert read_records(tmp_path).totals() == {}
