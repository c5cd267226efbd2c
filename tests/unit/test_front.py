"""The files that browsers are sent, as far as they can be judged without one."""

import re

from usher.currency import MINOR_DIGITS
from usher.plumbing.shipped import shipped


def test_every_rule_of_the_stylesheet_is_closed() -> None:
    """A brace too few, and all that follows belongs to a phone's or a printer's rules."""
    depth = 0
    text = (shipped("front") / "static" / "app.css").read_text()
    for number, line in enumerate(text.splitlines(), 1):
        outermost = line.startswith(("@media", "/* ---"))
        assert not (outermost and depth), f"line {number} stands within another rule"
        depth += line.count("{") - line.count("}")
        assert depth >= 0, f"line {number} closes what is not open"
    assert depth == 0


def test_scripts_divide_a_currency_as_the_server_does() -> None:
    """Or what stands on the map is a hundred times what is charged."""
    script = (shipped("front") / "static" / "lib" / "currency.js").read_text()
    table = script[script.index("{") : script.index("};")]
    found: dict[str, int] = {}
    for digits, codes in re.findall(r"^  (\d): (.*?)(?=^  \d:|\Z)", table, re.M | re.S):
        found |= dict.fromkeys(re.findall(r"[A-Z]{3}", codes), int(digits))
    assert found == MINOR_DIGITS
