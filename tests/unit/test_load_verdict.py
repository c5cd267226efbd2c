"""The verdict on a load test, each way in which it may be bad."""

from pathlib import Path

import msgspec
import pytest

from loadtests.options import KINDS
from loadtests.record import Recorder, Records, read_records
from loadtests.verdict import BUDGETS, BudgetError, Budgets, Verdict, judge, read_budgets
from usher.insight.model import Check, must_be_zero
from usher.insight.model import Verdict as Audit

TOML = """
[all]
answers = [200, 409, 429, 503]
wrong_share = 0.01
[rush]
sold_share = 0.9
more_answers = { "bot " = [401] }
[rush.ms]
join = { p50 = 10, p99 = 100 }
[rush.phase.after]
join = { p50 = 5 }
"""


@pytest.fixture
def budgets(tmp_path: Path) -> Budgets:
    path = tmp_path / "budgets.toml"
    path.write_text(TOML)
    return read_budgets("rush", path)


class Seen:
    """Records as a process of a crowd would have written them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.now = 1_000.0
        self._recorder = Recorder(folder, clock=lambda: self.now)

    def note(self, name: str, status: int, ms: float, times: int = 1) -> "Seen":
        for _ in range(times):
            self._recorder.note(name, status, ms / 1000)
        return self

    def read(self) -> Records:
        self._recorder.close()
        return read_records(self._folder)


@pytest.fixture
def seen(tmp_path: Path) -> Seen:
    return Seen(tmp_path / "out")


def _audit(*checks: Check, sold: int = 95) -> Audit:
    found = [must_be_zero("double_sold", "no seat twice", 0), *checks]
    return Audit(
        event_id="evt_1",
        at="",
        holds=all(check.holds for check in found),
        checks=found,
        facts={"sold": sold, "seats": 100},
    )


def _bad(verdict: Verdict) -> list[str]:
    lines = [f"{line.name} p{line.percentile:g}" for line in verdict.budgets if not line.ok]
    return lines + [check.name for check in verdict.checks if not check.ok]


def test_all_within_budget_is_good(budgets: Budgets, seen: Seen) -> None:
    records = seen.note("join", 200, 5, 98).note("join", 200, 90, 2).read()
    verdict = judge(budgets, records, _audit(), lost=0)
    assert verdict.ok, _bad(verdict)
    assert [line.seen_ms for line in verdict.budgets] == pytest.approx([5, 90], rel=0.02)
    assert verdict.statuses == {"200": 100}
    assert verdict.statuses_by_name == {"join": {"200": 100}}


def test_one_percentile_above_its_limit_is_bad(budgets: Budgets, seen: Seen) -> None:
    records = seen.note("join", 200, 5, 97).note("join", 200, 150, 3).read()
    verdict = judge(budgets, records, _audit(), lost=0)
    assert not verdict.ok
    assert _bad(verdict) == ["join p99"]


def test_refusals_do_not_make_it_look_quicker(budgets: Budgets, seen: Seen) -> None:
    records = seen.note("join", 200, 50, 10).note("join", 429, 1, 1_000).read()
    assert _bad(judge(budgets, records, _audit(), lost=0)) == ["join p50"]


def test_what_was_never_seen_keeps_no_budget(budgets: Budgets, seen: Seen) -> None:
    records = seen.note("hold", 200, 5).read()
    assert _bad(judge(budgets, records, _audit(), lost=0)) == ["join p50", "join p99"]


def test_no_answers_at_all_are_bad(budgets: Budgets, seen: Seen) -> None:
    assert "answers" in _bad(judge(budgets, seen.read(), _audit(), lost=0))


@pytest.mark.parametrize(("status", "name"), [(500, "join"), (0, "join"), (401, "join")])
def test_a_share_of_wrong_answers_is_bad(
    budgets: Budgets, seen: Seen, status: int, name: str
) -> None:
    records = seen.note("join", 200, 5, 98).note(name, status, 5, 2).read()
    verdict = judge(budgets, records, _audit(), lost=0)
    assert _bad(verdict) == ["answers"]
    assert "2 x" in verdict.checks[0].says


def test_bots_may_be_answered_otherwise(budgets: Budgets, seen: Seen) -> None:
    records = seen.note("join", 200, 5, 100).note("bot claim", 401, 5, 100).read()
    assert judge(budgets, records, _audit(), lost=0).ok


def test_what_is_no_request_may_have_a_budget_and_is_no_answer(
    budgets: Budgets, seen: Seen, tmp_path: Path
) -> None:
    records = seen.note("hold", 500, 5, 2).note("hold", 200, 5, 8).read()
    marks = Seen(tmp_path / "marks").note("join", 200, 150, 990).read()
    verdict = judge(budgets, records, _audit(), marks=marks)
    assert _bad(verdict) == ["join p50", "join p99", "answers"]
    assert verdict.statuses == {"200": 8, "500": 2}


@pytest.mark.parametrize(
    ("audit", "lost", "counts", "bad"),
    [
        (_audit(must_be_zero("over_rate", "never faster", 3)), 0, {}, "invariants"),
        (_audit(sold=80), 0, {}, "sold"),
        (_audit(), 1, {}, "lost"),
        (_audit(), 0, {"seat maps wrong": 1}, "seat maps wrong"),
        (_audit(), 0, {"503 without Retry-After": 2}, "503 without Retry-After"),
    ],
)
def test_each_other_promise_can_be_broken(
    budgets: Budgets, seen: Seen, audit: Audit, lost: int, counts: dict[str, int], bad: str
) -> None:
    records = seen.note("join", 200, 5, 100).read()
    assert _bad(judge(budgets, records, audit, lost=lost, counts=counts)) == [bad]


def test_a_phase_has_budgets_of_its_own(budgets: Budgets, seen: Seen) -> None:
    seen.note("join", 200, 8, 100)
    seen.now = 1_060.0
    records = seen.note("join", 200, 3, 10).read()
    after = judge(budgets, records, _audit(), phases={"after": (1_050.0, 1_100.0)})
    assert after.ok, _bad(after)
    assert [(line.phase, line.ok) for line in after.budgets] == [
        ("", True),
        ("", True),
        ("after", True),
    ]
    before = judge(budgets, records, _audit(), phases={"after": (1_000.0, 1_050.0)})
    assert _bad(before) == ["join p50"]


@pytest.mark.parametrize(
    "text",
    [
        "[all]\nanswers = [200]",
        "[all]\nanswers = [200]\nwrong_share = 0\n[rush.ms]\njoin = { p101 = 5 }",
        "[all]\nanswers = [200]\nwrong_share = 0\n[rush.ms]\njoin = { q50 = 5 }",
        "[all]\nanswers = [200]\nwrong_share = 0\n[rush]\nwhatever = 1",
        "not toml",
    ],
)
def test_a_wrong_file_of_budgets_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "budgets.toml"
    path.write_text(text)
    with pytest.raises(BudgetError):
        read_budgets("rush", path)


def test_every_scenario_has_budgets() -> None:
    for name in KINDS:
        own = read_budgets(name, BUDGETS)
        assert own.latency or own.phases, name


def test_a_verdict_is_json(budgets: Budgets, seen: Seen) -> None:
    verdict = judge(budgets, seen.note("join", 200, 5).read(), _audit())
    assert msgspec.json.decode(msgspec.json.encode(verdict), type=Verdict) == verdict
