"""Whether a run was good: its audit, its latencies against budgets, its answers, what was sold."""

import tomllib
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from loadtests.crowd.names import ZERO
from loadtests.record import Records, Tally
from usher.insight.model import Verdict as Audit

BUDGETS: Final = Path(__file__).parent / "budgets.toml"


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """What the requests of a name may take at most, in milliseconds by percentile."""

    name: str
    ms: dict[float, float]


class Budgets(msgspec.Struct, frozen=True, kw_only=True):
    """All that a scenario is held to. `answers` may come to any request, `more` also to those
    whose name begins so; `phases` has the budgets of single phases."""

    answers: frozenset[int]
    more: dict[str, frozenset[int]] = {}
    wrong_share: float
    sold_share: float = 0.0
    latency: list[Budget] = []
    phases: dict[str, list[Budget]] = {}


class BudgetError(Exception):
    """A file of budgets that cannot be used; the message says where."""


class _Table(msgspec.Struct, forbid_unknown_fields=True):
    answers: list[int] | None = None
    wrong_share: float | None = None
    sold_share: float | None = None
    more_answers: dict[str, list[int]] = {}
    ms: dict[str, dict[str, float]] = {}
    phase: dict[str, dict[str, dict[str, float]]] = {}


def read_budgets(scenario: str, path: Path = BUDGETS) -> Budgets:
    """Those of a scenario: its own table over that of `all`; BudgetError."""
    try:
        tables = msgspec.convert(tomllib.loads(path.read_text()), dict[str, _Table])
    except (OSError, tomllib.TOMLDecodeError, msgspec.ValidationError) as fault:
        raise BudgetError(f"{path}: {fault}") from fault
    common, own = tables.get("all", _Table()), tables.get(scenario, _Table())
    answers = own.answers if own.answers is not None else common.answers
    wrong = own.wrong_share if own.wrong_share is not None else common.wrong_share
    if answers is None or wrong is None:
        raise BudgetError(f"{path}: neither [all] nor [{scenario}] has answers and wrong_share")
    return Budgets(
        answers=frozenset(answers),
        more={begin: frozenset(statuses) for begin, statuses in own.more_answers.items()},
        wrong_share=wrong,
        sold_share=own.sold_share or 0.0,
        latency=_budgets({**common.ms, **own.ms}),
        phases={name: _budgets(table) for name, table in own.phase.items()},
    )


def _budgets(table: Mapping[str, dict[str, float]]) -> list[Budget]:
    return [
        Budget(name=name, ms={_percent(each, name): limit for each, limit in limits.items()})
        for name, limits in table.items()
    ]


def _percent(percentile: str, name: str) -> float:
    if percentile == "max":
        return 100.0
    try:
        percent = float(percentile.removeprefix("p"))
    except ValueError:
        percent = 0.0
    if not percentile.startswith("p") or not 0 < percent <= 100:
        raise BudgetError(f"{name}: {percentile!r} is no percentile, as p50, p99.9 or max are")
    return percent


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One budget and what was seen; `seen_ms` is None where no such request was answered, which
    keeps no budget. `phase` is "" for the whole run."""

    name: str
    percentile: float
    limit_ms: float
    seen_ms: float | None
    ok: bool
    phase: str = ""


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """Anything else that must hold, with what was seen."""

    name: str
    says: str
    ok: bool


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What a run comes to. `statuses` are counts by status code, of all requests and by name."""

    ok: bool
    budgets: list[Line]
    checks: list[Check]
    statuses: dict[str, int]
    statuses_by_name: dict[str, dict[str, int]]


def judge(
    budgets: Budgets,
    records: Records,
    audit: Audit | None,
    *,
    phases: Mapping[str, tuple[float, float]] | None = None,
    lost: int | None = None,
    counts: Mapping[str, int] | None = None,
    marks: Records | None = None,
) -> Verdict:
    """The verdict. `phases` are the unix seconds (from, to) of phases by name; `marks` are what
    was recorded besides requests, and may have budgets too."""

    def of(name: str) -> Records:
        return marks if marks is not None and name in marks.by_name else records

    lines = []
    for each in budgets.latency:
        lines += _lines(each, of(each.name).total(each.name))
    for phase, (begin, end) in (phases or {}).items():
        for each in budgets.phases.get(phase, []):
            lines += _lines(each, _within(of(each.name), each.name, begin, end), phase)
    totals = records.totals()
    checks = [_answers(budgets, totals)]
    if audit is not None:
        broken = [check.name for check in audit.checks if not check.holds]
        said = f"broken: {', '.join(broken)}" if broken else f"all {len(audit.checks)} hold"
        checks.append(Check(name="invariants", says=said, ok=audit.holds))
        if budgets.sold_share:
            sold, seats = audit.facts.get("sold", 0), audit.facts.get("seats", 0)
            checks.append(
                Check(
                    name="sold",
                    says=f"{sold:,} of {seats:,} seats, at least {budgets.sold_share:.0%} wanted",
                    ok=sold >= budgets.sold_share * seats,
                )
            )
    if lost is not None:
        checks.append(
            Check(name="lost", says=f"{lost:,} bookings not found again as told", ok=lost == 0)
        )
    for name in ZERO:
        if counts and name in counts:
            checks.append(Check(name=name, says=f"{counts[name]:,}", ok=counts[name] == 0))
    return Verdict(
        ok=all(line.ok for line in lines) and all(check.ok for check in checks),
        budgets=lines,
        checks=checks,
        statuses=_by_code(sum((tally.statuses for tally in totals.values()), Counter())),
        statuses_by_name={name: _by_code(tally.statuses) for name, tally in totals.items()},
    )


def _by_code(statuses: Mapping[int, int]) -> dict[str, int]:
    return {str(status): count for status, count in sorted(statuses.items())}


def _lines(budget: Budget, tally: Tally, phase: str = "") -> list[Line]:
    found = []
    for percentile, limit_ms in budget.ms.items():
        seen_ms = tally.latency.percentile_ms(percentile)
        found.append(
            Line(
                name=budget.name,
                percentile=percentile,
                limit_ms=limit_ms,
                seen_ms=round(seen_ms, 2) if seen_ms is not None else None,
                ok=seen_ms is not None and seen_ms <= limit_ms,
                phase=phase,
            )
        )
    return found


def _within(records: Records, name: str, begin: float, end: float) -> Tally:
    found = Tally()
    for t, tally in records.steps(name):
        if begin <= t < end:
            found.add(tally)
    return found


def _answers(budgets: Budgets, totals: Mapping[str, Tally]) -> Check:
    wrong: Counter[int] = Counter()
    asked = 0
    for name, tally in totals.items():
        asked += tally.count
        more = [each for begin, each in budgets.more.items() if name.startswith(begin)]
        right = budgets.answers.union(*more)
        wrong.update({code: n for code, n in tally.statuses.items() if code not in right})
    share = sum(wrong.values()) / asked if asked else 1.0
    told = ", ".join(f"{n:,} x {status or 'none'}" for status, n in sorted(wrong.items()))
    return Check(
        name="answers",
        says=f"{asked:,}, wrong {share:.3%} (at most {budgets.wrong_share:.3%})"
        + (f": {told}" if told else ""),
        ok=share <= budgets.wrong_share,
    )


def as_json(verdict: Verdict) -> dict[str, Any]:
    """For run.json."""
    found: dict[str, Any] = msgspec.to_builtins(verdict)
    return found
