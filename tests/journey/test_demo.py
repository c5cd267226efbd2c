"""`usher demo` from outside: a small hall is sold out to a crowd, and the books are right."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

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
    "replays_differ",
    "gave_up",
    "unfinished",
]


def start(*words: str) -> subprocess.Popen[str]:
    # The demo brings up servers of its own, whatever the surroundings say.
    environ = {name: value for name, value in os.environ.items() if not name.startswith("USHER_")}
    return subprocess.Popen(
        [sys.executable, "-m", "usher", "demo", *words],
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


class Ended(NamedTuple):
    """A demo that has ended: its exit code and what it said."""

    code: int
    out: str
    err: str


def end(process: subprocess.Popen[str]) -> Ended:
    try:
        out, err = process.communicate(timeout=150)
    except subprocess.TimeoutExpired:
        process.terminate()
        out, err = process.communicate()
        pytest.fail(f"the demo does not end: {err}")
    return Ended(process.returncode, out, err)


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    path = tmp_path_factory.mktemp("demo") / "data"
    yield path
    delete_data(path)


@pytest.fixture(scope="module")
def verdict_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("verdict") / "verdict.json"


@pytest.fixture(scope="module")
def both(data_dir: Path, verdict_file: Path) -> tuple[Ended, Ended]:
    """A queued and a simple sale, side by side: most of a small demo is waiting for windows."""
    hall = ("--rows", "6", "--columns", "10", "--fans", "150", "--exit")
    queued = start(*hall, "--json", "-")
    simple = start(
        *hall, "--mode", "simple", "--json", str(verdict_file), "--data-dir", str(data_dir)
    )
    return end(queued), end(simple)


def check_verdict(verdict: dict[str, Any], run: Ended) -> None:
    assert run.code == 0, run.err
    assert list(verdict) == list(Verdict.__struct_fields__)
    assert {name: verdict[name] for name in ZERO} == dict.fromkeys(ZERO, 0)
    assert verdict["invariants_hold"] is True
    assert verdict["exit"] == 0
    assert verdict["sold"] == verdict["seats"] == 60
    assert 0 < verdict["bookings_confirmed"] <= 60
    assert verdict["admitted"] <= verdict["joined"] <= verdict["fans"] == 150


def test_a_queued_sale_sells_out_and_keeps_every_promise(both: tuple[Ended, Ended]) -> None:
    run, _ = both
    verdict = json.loads(run.out)
    check_verdict(verdict, run)
    assert verdict["mode"] == "queued"
    assert verdict["joined"] == 150
    assert 0 < verdict["shopping_max"] <= verdict["capacity"] == 20
    # The crowd is not only made of those who buy.
    assert verdict["walked_away"]
    assert verdict["told_over"]
    assert "SOLD OUT" in run.err


def test_a_simple_sale_sells_out_and_keeps_every_promise(
    both: tuple[Ended, Ended], verdict_file: Path, data_dir: Path
) -> None:
    _, run = both
    verdict = json.loads(verdict_file.read_text())
    check_verdict(verdict, run)
    assert verdict["mode"] == "simple"
    assert "SOLD OUT" in run.out
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
    run = end(start(*words, "--exit"))
    assert run.code == 1
    assert named in run.err
    assert run.out == ""
