"""The verdict: its order, its exit codes, its sentences."""

import json
from typing import Any

import msgspec
import pytest

from usher.insight.model import Check
from usher.insight.model import Verdict as Audit
from usher.rehearsal.hall import Board
from usher.rehearsal.model import CrowdOptions, DemoOptions, hall_of
from usher.rehearsal.report import closing_lines
from usher.rehearsal.tally import Confirmed, Tally
from usher.rehearsal.verdict import (
    Verdict,
    broken,
    exit_code,
    shortfall,
    tickets_told_twice,
    verdict,
)

FIRST = [
    "fans",
    "joined",
    "admitted",
    "over_admitted",
    "seats",
    "sold",
    "double_sold",
    "holds_orphaned",
    "bookings_confirmed",
    "bookings_lost",
    "captured_without_ticket",
    "tickets_without_payment",
    "http_5xx",
    "duration_s",
    "checkouts_per_s",
    "join_p99_ms",
    "hold_p99_ms",
]
CHECKS = [
    "double_sold",
    "holds_orphaned",
    "over_rate",
    "over_capacity",
    "captured_without_ticket",
    "tickets_without_payment",
    "ledger_pending",
]


def audit(*, holds: bool = True, **figures: int) -> Audit:
    checks = [
        Check(name=name, promise="", figure=figures.get(name, 0), holds=not figures.get(name, 0))
        for name in CHECKS
    ]
    facts = {"seats": 4, "tickets_sold": 4, "bookings_confirmed": 2, "shopping_max": 3}
    facts |= {"revenue": 100, "payments_voided": 0}
    return Audit(event_id="evt", at="", holds=holds, checks=checks, facts=facts)


def found(tally: Tally | None = None, *, lost: int = 0, **figures: Any) -> Verdict:
    options = DemoOptions(rows=2, columns=2, fans=5)
    return verdict(
        options,
        hall_of(options),
        CrowdOptions(fans=5),
        "sold_out",
        tally or Tally(fans=5, joined=5, admitted=3),
        audit(**figures),
        lost=lost,
        drain_s=0.1,
        total_s=2.0,
    )


def changed(**members: Any) -> Verdict:
    return msgspec.structs.replace(found(), **members)


def test_the_figures_stand_in_the_promised_order() -> None:
    assert list(json.loads(found().to_json()))[: len(FIRST)] == FIRST


def test_the_document_is_flat() -> None:
    assert not any(
        isinstance(value, list | dict) for value in json.loads(found().to_json()).values()
    )


def test_a_good_run_ends_with_0() -> None:
    assert found().exit == 0
    assert closing_lines(found())[-1].startswith("SOLD OUT")


@pytest.mark.parametrize(
    "name",
    [
        "over_admitted",
        "double_sold",
        "holds_orphaned",
        "bookings_lost",
        "captured_without_ticket",
        "tickets_without_payment",
        "feed_wrong",
        "replays_differ",
    ],
)
def test_a_broken_promise_ends_with_4(name: str) -> None:
    it = changed(**{name: 1})
    assert broken(it) == [name]
    assert exit_code(it) == 4
    assert name in closing_lines(it)[-1]


def test_an_invariant_that_has_no_figure_of_its_own_ends_with_4() -> None:
    assert found(holds=False).exit == 4


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"sold": 3}, "1 of 4 seats"),
        ({"http_5xx": 2}, "5xx"),
        ({"gave_up": 1}, "gave up"),
        ({"unfinished": 1}, "time was up"),
    ],
)
def test_a_run_that_fell_short_ends_with_1_and_says_why(members: dict[str, int], said: str) -> None:
    it = changed(**members)
    assert said in shortfall(it)
    assert exit_code(it) == 1
    assert said in closing_lines(it)[-1]


def test_where_the_hall_was_never_to_sell_out_unsold_seats_are_fine() -> None:
    it = changed(sold=3, goal="everyone_served")
    assert exit_code(it) == 0
    assert closing_lines(it)[-1].startswith("DONE")


def test_over_admission_is_of_rate_and_capacity() -> None:
    assert found(over_rate=2, over_capacity=3, holds=False).over_admitted == 5


def test_two_fans_told_of_one_seat_are_a_double_sale_whatever_the_servers_say() -> None:
    tally = Tally(fans=5, board=Board())
    tally.confirmed = {"b1": Confirmed("", ("A-1", "A-2")), "b2": Confirmed("", ("A-2",))}
    assert tickets_told_twice(tally) == 1
    assert found(tally).double_sold == 1
    assert found(tally).exit == 4


def test_lost_bookings_are_counted() -> None:
    assert found(lost=2).bookings_lost == 2
    assert found(lost=2).exit == 4
