"""What was typed into a form, read strictly."""

import pytest

from usher.plumbing.form import Form


@pytest.mark.parametrize(
    "text",
    ["", "-", "--5", "---", "-5-", "5-", "1.0", "1e3", "\u0665", "\u00b2", " 5", "9" * 5_000],
)
def test_what_is_no_whole_number_is_a_fault_beside_its_field(text: str) -> None:
    form = Form({"n": text})
    assert form.number("n", 1, 10, "a number, please") == 1
    assert form.faults == {"n": "a number, please"}


@pytest.mark.parametrize(("text", "value"), [("1", 1), ("007", 7), ("-3", -3)])
def test_whole_numbers_are_read(text: str, value: int) -> None:
    form = Form({"n": text})
    assert (form.number("n", -10, 10, "a number, please"), form.good) == (value, True)
