"""What the docs draw is what the code has."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import pytest

from loadtests.bench.costs import page
from usher.booking import model as booking
from usher.payment import model as payment

DOCS: Final = Path(__file__).parents[2] / "docs"
TABLES: Final[dict[str, Mapping[str, Sequence[str]]]] = {
    "booking": booking.TRANSITIONS,  # type: ignore[dict-item]
    "payment": payment.TRANSITIONS,  # type: ignore[dict-item]
    "refund": payment.REFUND_TRANSITIONS,  # type: ignore[dict-item]
}


@pytest.mark.parametrize("name", TABLES)
def test_the_drawn_transitions_are_the_real_ones(name: str) -> None:
    text = (DOCS / "saga.md").read_text()
    drawn = text.partition(f"<!-- {name} -->")[2].partition("```mermaid")[2].partition("```")[0]
    found = set(re.findall(r"(\w+) --> (\w+)", drawn))
    assert found == {(a, b) for a, after in TABLES[name].items() for b in after}


@pytest.mark.parametrize("name", ["plans", "costs"])
def test_the_tables_of_the_capacity_page_are_what_the_command_says(name: str) -> None:
    """`just costs` measures anew and draws them; `python -m loadtests.bench.costs.page` draws."""
    assert page.drawn(page.PAGE.read_text(), name) == f"\n{page.tables()[name]}\n"
