"""Unit costs: the shipped sheet, and files that somebody else has written."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from loadtests.bench.figure import Figure
from usher.capacity.costs import NAMES, Costs, read_costs, shipped_costs
from usher.errors import BadInput


def written(path: Path, content: Any) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else msgspec.json.encode(content))
    return path


def changed(name: str, **changes: Any) -> dict[str, Any]:
    """The shipped sheet with one cost changed; a `value` of None takes it out."""
    sheet: dict[str, Any] = msgspec.to_builtins(shipped_costs())
    sheet["costs"][name] |= changes
    if changes.get("value", 0) is None:
        del sheet["costs"][name]
    return sheet


def figure(**costs: float) -> Figure:
    named = {name.replace("__", "."): value for name, value in costs.items()}
    return Figure(
        name="join, one API process",
        value=1,
        unit="",
        baseline="",
        goal=1,
        more_is_better=True,
        costs=named,
    )


def test_the_shipped_sheet_says_what_each_cost_is_and_whence() -> None:
    sheet = shipped_costs()
    assert list(sheet.costs) == list(NAMES)
    assert "core" in sheet.machine
    for name, cost in sheet.costs.items():
        assert (cost.unit, cost.what) == NAMES[name]
        assert (Path(__file__).parents[2] / cost.measured_by).exists(), name


def test_a_sheet_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    sheet = shipped_costs()
    assert read_costs(written(tmp_path / "costs.json", sheet)) == sheet


@pytest.mark.parametrize("wrapped", [True, False])
def test_figures_of_the_benchmarks_replace_what_they_give(tmp_path: Path, wrapped: bool) -> None:
    figures = [figure(api__join=77.0, api__unheard_of=1.0), figure()]
    found = read_costs(written(tmp_path / "b.json", {"figures": figures} if wrapped else figures))
    shipped = shipped_costs()
    assert found["api.join"] == 77.0
    assert found.costs["api.join"].measured_by == "join, one API process"
    assert found["api.place"] == shipped["api.place"]
    assert found.machine.startswith(f"1 of {len(NAMES)} costs")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "neither"),
        (b"\xff\xfe", "neither"),
        (b"[" * 100_000, "neither"),
        (b"7", "neither"),
        ({"machine": "mine"}, "neither"),
        ({"costs": 3}, "neither"),
        ([{"name": "join", "costs": {"api.join": "much"}}], "neither"),
        ([], "none of its figures"),
        ([{"name": "join", "value": 3}], "none of its figures"),
        ([{"name": "join", "costs": {"api.join": -1}}], "api.join cannot be -1"),
        ([{"name": "join", "costs": {"api.join": 1e300}}], "api.join cannot be"),
        (changed("api.join", value=None), "lacks api.join"),
        (changed("api.join", unit="s"), "api.join is in us, not in s"),
    ],
)
def test_a_file_that_is_none_is_refused(tmp_path: Path, content: Any, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        read_costs(written(tmp_path / "costs.json", content))


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"nowhere\.json: cannot be read \(No such file"):
        read_costs(tmp_path / "nowhere.json")
    with pytest.raises(BadInput, match="larger than"):
        read_costs(written(tmp_path / "large.json", b" " * (4 * 1024 * 1024 + 1)))


def test_a_sheet_is_a_mapping_of_values() -> None:
    sheet: Costs = shipped_costs()
    assert sheet["api.join"] == sheet.costs["api.join"].value > 0
