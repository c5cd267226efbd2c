"""CSV as spreadsheets read it: every cell comes back, and none is a formula."""

import csv
import io

import pytest

from usher.insight.spreadsheet import BOM, csv_lines, safe_cell


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+49 123", "-2", "@SUM(A1)", "\t=1", "\r=1", '=HYPERLINK("http://x")', "  =1"],
)
def test_a_formula_is_shown_not_run(text: str) -> None:
    assert safe_cell(text) == f"'{text}"
    assert next(csv.reader(io.StringIO(csv_lines([[text]]).decode(), newline=""))) == [f"'{text}"]


@pytest.mark.parametrize("text", ["", "Ann", "a=b", "1-2", "ann@example.org", "'already", "−5"])  # noqa: RUF001
def test_other_words_stay_as_they_are(text: str) -> None:
    assert safe_cell(text) == text


def test_lines_are_those_of_rfc_4180() -> None:
    rows: list[list[object]] = [["a", "b,c", 'say "x"'], ["two\nlines", None, -5]]
    assert csv_lines(rows) == b'a,"b,c","say ""x"""\r\n"two\nlines",,-5\r\n'


def test_every_letter_survives() -> None:
    text = "Żółć, 北京, \U0001f3bb"
    assert csv_lines([[text]]).decode() == f'"{text}"\r\n'
    assert BOM.decode("utf-8-sig") == ""
