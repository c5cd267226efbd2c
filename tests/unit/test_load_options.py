"""What a load test is told, and what it refuses before anything is started."""

from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from loadtests.__main__ import NOT_RUN, main
from loadtests.calibrate import STEPS, carried, steps
from loadtests.crowd.plan import Plan, read_plan
from loadtests.options import KINDS, OVERLOAD, Options, kind_of, plan_of, sale_of, spike
from loadtests.record import Recorder, RecordError, Records, read_records
from loadtests.site import hall_of
from usher.errors import BadInput
from usher.sale.model import check


@pytest.mark.parametrize("scenario", list(KINDS))
def test_every_scenario_is_possible(scenario: str, tmp_path: Path) -> None:
    options = Options(scenario=scenario)
    kind = kind_of(options)
    check(sale_of(kind))
    assert hall_of(kind.seats).seat_count >= kind.seats
    plan = plan_of(options, kind, "evt_1", ["http://a"], tmp_path)
    assert read_plan(plan.to_json()) == plan
    assert plan.deadline_s >= sum(phase.seconds for phase in plan.phases)
    assert (Path(__file__).parents[2] / "loadtests" / "scenarios" / f"{scenario}.py").exists()


def test_wishes_stand_over_the_scenario(tmp_path: Path) -> None:
    options = Options(scenario="stampede", fans=100, seats=30, processes=3, seed=7, minutes=2)
    kind = kind_of(options)
    plan = plan_of(options, kind, "evt_1", ["http://a", "http://b"], tmp_path)
    assert (plan.fans, plan.processes, plan.seed, plan.deadline_s) == (100, 3, 7, 120)
    assert plan.urls == ["http://a", "http://b"]
    assert kind.seats == 30


@pytest.mark.parametrize(
    ("seats", "made"),
    [(1, 1), (7, 7), (11, 11), (50, 50), (41, 42), (53, 54), (1_000, 1_000), (1_234, 1_235)],
)
def test_the_hall_has_the_seats_that_were_asked_for(seats: int, made: int) -> None:
    """Where that can be in whole rows; snipers on 50 seats are not to find 80."""
    assert hall_of(seats).seat_count == made


def test_the_spike_is_five_times_what_is_carried() -> None:
    phases = {each.name: each for each in spike(kind_of(Options(scenario="overload", rate=40)))}
    assert phases["overload"].from_per_s == phases["overload"].to_per_s == 40 * OVERLOAD == 200
    assert phases["overload"].seconds == 180
    assert phases["recovery"].to_per_s < 40


def test_a_token_is_not_part_of_what_a_crowd_is_told() -> None:
    assert "token" not in Plan.__struct_fields__


@pytest.mark.parametrize(
    "options",
    [
        Options(scenario="flood"),
        Options(scenario="steady", host=("http://127.0.0.1:9",)),
        Options(scenario="steady", event="evt_1"),
        Options(scenario="steady", rate=-1.0),
        Options(scenario="overload", host=("http://127.0.0.1:9",), event="evt_1"),
    ],
)
def test_what_cannot_be_is_refused(options: Options) -> None:
    with pytest.raises(BadInput):
        kind_of(options)


def test_what_cannot_be_run_says_why_and_exits_2(tmp_path: Path) -> None:
    full = tmp_path / "full"
    full.mkdir()
    (full / "run.json").write_text("{}")
    nobody = ["--host", "http://127.0.0.1:9", "--event", "evt_00000000000000000000"]
    for words, out, why in (
        (["steady", *nobody], tmp_path / "a", "does not answer"),
        (["steady", "--host", "http://127.0.0.1:9"], tmp_path / "b", "go together"),
        (["stampede"], full, "not empty"),
        (["steady", "--budgets", str(tmp_path / "none.toml")], tmp_path / "c", "none.toml"),
        (["flood"], tmp_path / "d", "flood"),
    ):
        ended = CliRunner().invoke(main, [*words, "--out", str(out)])
        assert ended.exit_code == NOT_RUN, ended.output
        assert why in ended.output


@pytest.mark.parametrize("fault", [httpx.ReadTimeout(""), RecordError("requests-1.jsonl, line 3")])
def test_a_site_or_a_record_that_breaks_off_is_no_verdict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    async def broken(*_: object) -> None:
        raise fault

    monkeypatch.setattr("loadtests.__main__.run", broken)
    ended = CliRunner().invoke(main, ["steady", "--out", str(tmp_path / "a")])
    assert ended.exit_code == NOT_RUN, ended.output
    assert (str(fault) or "ReadTimeout") in ended.output


GOOD, SLOW, REFUSED = (202, 0.01), (202, 0.9), (503, 0.001)
FAILED, UNANSWERED = (500, 0.001), (0, 0.001)


@pytest.mark.parametrize(
    ("seen", "last", "why"),
    [
        ([SLOW], None, "join took"),
        ([SLOW, SLOW, GOOD], None, "join took"),
        ([GOOD, GOOD, GOOD, SLOW, SLOW], 2, "join took"),
        ([GOOD, GOOD, GOOD, REFUSED, SLOW], 2, "told to come again"),
        ([GOOD, GOOD, GOOD, FAILED, UNANSWERED], 2, "failed"),
        ([GOOD, GOOD, GOOD, UNANSWERED, SLOW], 2, "failed"),
        ([GOOD, SLOW, GOOD, GOOD], 3, "the steps ended"),
        ([GOOD, GOOD, SLOW], 1, "join took"),
        ([GOOD] * STEPS, STEPS - 1, "all steps were carried"),
    ],
)
def test_what_is_carried_is_the_last_step_before_two_that_are_not(
    tmp_path: Path, seen: list[tuple[int, float]], last: int | None, why: str
) -> None:
    now = 0.0
    recorder = Recorder(tmp_path, clock=lambda: now)
    phases, windows = steps(), {}
    for number, (status, seconds) in enumerate(seen):
        begin = 1_000.0 + 10 * number
        windows[phases[number].name] = (begin, begin + 10)
        now = begin + 5
        for _ in range(50):
            recorder.note("join", status, seconds)
    recorder.close()
    found, said = carried(read_records(tmp_path), Records(), phases, windows)
    assert found == (0 if last is None else phases[last].from_per_s)
    assert why in said


def test_a_client_that_is_late_carries_nothing(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, clock=lambda: 1_005.0)
    for _ in range(50):
        recorder.note("join", 202, 0.01)
        recorder.note("client lag", 200, 0.5)
    recorder.close()
    phases = steps()
    seen, windows = read_records(tmp_path), {phases[0].name: (1_000.0, 1_010.0)}
    rate, why = carried(seen, seen, phases, windows)
    assert rate == 0
    assert "client" in why
