"""Minor units are ISO 4217's, whatever a library's table says of them today."""

import re

import pytest
from babel.core import get_global

from usher.currency import MINOR_DIGITS, minor_digits
from usher.plumbing.language import Languages
from usher.plumbing.shipped import shipped

LANGUAGES = Languages(shipped("front") / "locale").known


@pytest.mark.parametrize(
    ("currency", "digits"),
    [("EUR", 2), ("HUF", 2), ("RSD", 2), ("COP", 2), ("JPY", 0), ("IQD", 3), ("CLF", 4)],
)
def test_digits(currency: str, digits: int) -> None:
    assert minor_digits(currency) == digits


def test_every_code_is_a_currencys() -> None:
    assert set(MINOR_DIGITS) <= set(get_global("all_currencies"))


def test_a_code_does_not_touch_the_number() -> None:
    english = LANGUAGES["en"]
    assert english.money(4_500, "CHF") == "CHF\xa045.00"
    assert english.money(4_500, "EUR") == "€45.00"


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize("currency", ["EUR", "HUF", "RSD", "JPY", "KWD", "CLF"])
def test_an_amount_is_written_with_all_its_digits(code: str, currency: str) -> None:
    """Not one of them is rounded away, however a language writes the currency."""
    written = LANGUAGES[code].money(1_234_567, currency)
    assert re.sub(r"\D", "", written) == "1234567"
    digits = minor_digits(currency)
    point = re.search(r"\d([.,])(\d+)\D*$", written)
    assert point is not None
    assert len(point[2]) == (digits or 3), "without a point the last mark is that of thousands"
