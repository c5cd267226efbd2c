"""The files that browsers are sent, as far as they can be judged without one."""

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
