"""When real fans would stand beside a rehearsal's crowd."""

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from usher.rehearsal.readiness.beside import in_use, judge_others
from usher.sale.model import Sale

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
SALE = Sale(event_id="evt_1", draw_key=b"k")


@pytest.mark.parametrize("state", ["lobby", "open", "paused"])
def test_a_sale_that_is_on_is_in_use(state: str) -> None:
    assert in_use(replace(SALE, state=state), NOW, 60) == f"is {state}"


@pytest.mark.parametrize("state", ["draft", "closed", "sold_out"])
def test_one_that_is_not_is_free(state: str) -> None:
    assert in_use(replace(SALE, state=state), NOW, 60) == ""


@pytest.mark.parametrize(
    ("lobby_min", "opens_min", "for_s", "said"),
    [
        (None, 2.0, 60, "begins at 2026-11-26T12:02"),
        (1.0, 30.0, 60, "begins at 2026-11-26T12:01"),
        (None, 30.0, 60, ""),
        (None, 30.0, 1_600, "begins at 2026-11-26T12:30"),  # the crowd would be there still
        (-10.0, -5.0, 60, ""),  # what was to begin then has been closed since
    ],
)
def test_one_that_begins_meanwhile_is_in_use(
    lobby_min: float | None, opens_min: float, for_s: float, said: str
) -> None:
    lobby_at = None if lobby_min is None else NOW + timedelta(minutes=lobby_min)
    sale = replace(SALE, lobby_at=lobby_at, opens_at=NOW + timedelta(minutes=opens_min))
    told = in_use(sale, NOW, for_s)
    assert told.startswith(said)
    assert bool(told) == bool(said)


def test_other_sales_are_for_a_person_to_judge() -> None:
    assert judge_others([]) == []
    (item,) = judge_others([f"evt_{n} is open" for n in range(5)])
    assert item.state == "look"
    assert item.seen == "evt_0 is open, evt_1 is open, evt_2 is open and 2 more"
