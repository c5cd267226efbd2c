"""`usher demo` from outside: a small hall is sold out to a crowd, and the books are right."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from usher.embedded import delete_data
from usher.rehearsal.verdict import Verdict

ZERO: Final = [
    "over_admitted",
    "double_sold",
    "holds_orphaned",
    "bookings_lost",
    "captured_without_ticket",
    "tickets_without_payment",
    "http_5xx",
    "transport_errors",
    "feed_wrong",
    "gave_up",
    "unfinished",
]


def demo(*words: str) -> subprocess.CompletedProcess[str]:
    # The demo brings up servers of its own, whatever the surroundings say.
    environ = {name: value for name, value in os.environ.items() if not name.startswith("USHER_")}
    return subprocess.run(
        [sys.executable, "-m", "usher", "demo", *words],
        env=environ,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def check_verdict(verdict: dict[str, Any], run: subprocess.CompletedProcess[str]) -> None:
    assert run.returncode == 0, run.stderr
    assert list(verdict) == list(Verdict.__struct_fields__)
    assert {name: verdict[name] for name in ZERO} == dict.fromkeys(ZERO, 0)
    assert verdict["invariants_hold"] is True
    assert verdict["exit"] == 0
    assert verdict["sold"] == verdict["seats"] == 60
    assert 0 < verdict["bookings_confirmed"] <= 60
    assert verdict["admitted"] <= verdict["joined"] <= verdict["fans"] == 150


def test_a_queued_sale_sells_out_and_keeps_every_promise() -> None:
    run = demo("--rows", "6", "--columns", "10", "--fans", "150", "--exit", "--json", "-")
    verdict = json.loads(run.stdout)
    check_verdict(verdict, run)
    assert verdict["mode"] == "queued"
    assert verdict["joined"] == 150
    assert 0 < verdict["shopping_max"] <= verdict["capacity"] == 20
    # The crowd is not only made of those who buy.
    assert verdict["walked_away"]
    assert verdict["told_over"]
    assert "SOLD OUT" in run.stderr


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "data"
    delete_data(tmp_path / "data")


def test_a_simple_sale_sells_out_and_keeps_every_promise(tmp_path: Path, data_dir: Path) -> None:
    file = tmp_path / "verdict.json"
    words = ("--mode", "simple", "--rows", "6", "--columns", "10", "--fans", "150")
    run = demo(*words, "--exit", "--json", str(file), "--data-dir", str(data_dir))
    check_verdict(json.loads(file.read_text()), run)
    assert "SOLD OUT" in run.stdout
    assert data_dir.is_dir()


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--fans", "0"], "--fans"),
        (["--plan", "nowhere.json"], "nowhere.json"),
        (["--rows", "9999", "--columns", "9999"], "--rows"),
    ],
)
def test_what_cannot_be_is_refused_by_name(words: list[str], named: str) -> None:
    run = demo(*words, "--exit")
    assert run.returncode == 1
    assert named in run.stderr
    assert run.stdout == ""
