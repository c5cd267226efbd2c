"""Default prices: every category has one, in falling order."""

import msgspec
import pytest

from usher import limits
from usher.venue.generate import rows_by_columns
from usher.venue.model import Category, Plan
from usher.venue.price import default_prices


def plan(*names: str) -> Plan:
    categories = tuple(Category(name) for name in names)
    return msgspec.structs.replace(rows_by_columns(1, 1), categories=categories)


def test_usher_own_categories_have_their_prices() -> None:
    assert default_prices(rows_by_columns(3, 1)) == {"VVIP": 12_000, "VIP": 8_000, "Normal": 4_500}


def test_imported_categories_stand_on_a_ladder() -> None:
    assert default_prices(plan("I", "II", "III", "IV", "V")) == {
        "I": 9_000,
        "II": 7_000,
        "III": 5_500,
        "IV": 3_500,
        "V": 2_000,
    }
    assert default_prices(plan("Only")) == {"Only": 9_000}


def test_a_given_price_wins_even_when_it_is_nothing() -> None:
    given = {"VIP": 0, "Gone": 7}
    assert default_prices(plan("VIP", "I"), given) == {"VIP": 0, "I": 2_000}


@pytest.mark.parametrize("count", [1, 2, 15, limits.categories_max])
def test_the_ladder_never_rises_nor_gives_away(count: int) -> None:
    prices = list(default_prices(plan(*(str(n) for n in range(count)))).values())
    assert len(prices) == count
    assert prices == sorted(prices, reverse=True)
    assert min(prices) >= 2_000
