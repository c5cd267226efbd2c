"""`usher event import` of what cannot be: exit code 1, a message of what and where, no event."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import click
import pytest
from click.testing import CliRunner

from tests.conftest import Site
from usher import limits
from usher.event.commands import event_commands
from usher.event.service import EventService
from usher.ids import new_id
from usher.settings import environ_of
from usher.wiring import opened

T = TypeVar("T")


class Shell:
    """The verbs of events on the site's database, for events of one title."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.title = f"Evening {new_id('event')}"

    def run(self, work: Callable[[EventService], Awaitable[T]]) -> T:
        async def call() -> T:
            async with opened(self.site.settings) as house:
                return await work(house.events)

        # A thread of its own: this one may hold the event loop of the session's fixtures.
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(asyncio.run, call()).result()

    def make(self, *words: str) -> tuple[int, str]:
        """`usher event import` with these words: its exit code, and what it said on stderr."""
        group: click.Group = event_commands(self.run)
        told = CliRunner().invoke(group, ["import", "--title", self.title, *words])
        assert told.exception is None or isinstance(told.exception, SystemExit), told.exception
        return told.exit_code, told.stderr

    def events(self) -> list[str]:
        return [row.id for row in self.run(lambda e: e.search(text=self.title, drafts=True))]


@pytest.fixture
def shell(site: Site) -> Shell:
    return Shell(site)


def plan(**changes: Any) -> dict[str, Any]:
    """A pretix plan of two seats, with some members changed."""
    seats = [
        {
            "seat_number": str(n),
            "seat_guid": f"A-{n}",
            "position": {"x": n, "y": 0},
            "category": "S",
        }
        for n in (1, 2)
    ]
    row = {"row_number": "A", "seats": seats, "position": {"x": 0, "y": 0}}
    zone = {"name": "Ground", "zone_id": "g", "position": {"x": 0, "y": 0}, "rows": [row]}
    return {
        "name": "Hall",
        "size": {"width": 100, "height": 100},
        "categories": [{"name": "S", "color": "#ff0000"}],
        "zones": [zone],
        **changes,
    }


def seat_with(**changes: Any) -> dict[str, Any]:
    changed = plan()
    changed["zones"][0]["rows"][0]["seats"][1].update(changes)
    return changed


BAD: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "JSON"),
    "cut short": (json.dumps(plan()).encode()[:-9], "JSON"),
    "not UTF-8": (b'{"name": "\xff"}', "UTF-8"),
    "a picture": (b"\x89PNG\r\n\x1a\n" + b"\x00" * 40, "JSON"),
    "a list": (b"[]", "object"),
    "deep": (b"[" * 50_000, "deep"),
    "no zones": (json.dumps(plan(zones=[])).encode(), "seat"),
    "zones of another type": (json.dumps(plan(zones={"a": 1})).encode(), "zones"),
    "rows of another type": (json.dumps(plan(zones=[{"rows": 5}])).encode(), "zones[0].rows"),
    "a category nobody has": (json.dumps(seat_with(category="X")).encode(), "'X'"),
    "a position that is none": (
        json.dumps(seat_with(position={"x": "left", "y": 0})).encode(),
        "zones[0].rows[0].seats[1].position",
    ),
    "a position beyond numbers": (
        json.dumps(seat_with(position={"x": 1e308, "y": 0})).encode(),
        "zones[0].rows[0].seats[1]",
    ),
    "a guid beyond length": (json.dumps(seat_with(seat_guid="g" * 5_000)).encode(), "seats[1]"),
    "a name with a zero byte": (json.dumps(plan(name="H\x00")).encode(), "name"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_plan_that_cannot_be_used(shell: Shell, tmp_path: Path, name: str) -> None:
    text, says = BAD[name]
    file = tmp_path / "plan.json"
    file.write_bytes(text)
    code, told = shell.make("--plan", str(file))
    assert code == 1, told
    assert told.startswith("usher: ")
    assert says in told, told
    assert "Traceback" not in told
    assert shell.events() == []


IMPOSSIBLE: list[tuple[list[str], str]] = [
    (["--rows", "0", "--columns", "5"], "rows"),
    (["--rows", "-1", "--columns", "5"], "rows"),
    (["--rows", "5"], "--columns"),
    (["--rows", "100000", "--columns", "100000"], f"{limits.plan_seats_max:,}"),
    (["--bowl", "0"], "seat"),
    (["--bowl", "100000000"], f"{limits.plan_seats_max:,}"),
    (["--rows", "2", "--columns", "2", "--bowl", "50"], "--plan"),
    ([], "--plan"),
    (["--rows", "2", "--columns", "2", "--capacity", "0"], "capacity"),
    (["--rows", "2", "--columns", "2", "--rate-per-min", "-1"], "rate_per_min"),
    (["--rows", "2", "--columns", "2", "--opens-at", "tomorrow"], "--opens-at"),
    (
        [
            *("--rows", "2", "--columns", "2"),
            *("--opens-at", "2031-05-02T00:00Z", "--closes-at", "2031-05-01T00:00Z"),
        ],
        "closes_at",
    ),
    (["--rows", "2", "--columns", "2", "--starts-at", "9999-12-31T23:59-12:00"], "starts_at"),
    (["--rows", "2", "--columns", "2", "--venue", "V\nW"], "venue"),
    (["--rows", "2", "--columns", "2", "--city", "c" * 201], "city"),
]


@pytest.mark.parametrize(("words", "says"), IMPOSSIBLE, ids=lambda value: str(value)[:40])
def test_numbers_that_cannot_be(shell: Shell, words: list[str], says: str) -> None:
    code, told = shell.make(*words)
    assert code == 1, told
    assert says in told, told
    assert shell.events() == []


def test_a_side_document_that_does_not_fit(shell: Shell, tmp_path: Path) -> None:
    good, side = tmp_path / "plan.json", tmp_path / "side.json"
    good.write_text(json.dumps(plan()))
    for text in ('{"prices": {"S": -1}}', '{"prices": {"Nobody": 5}}', '{"colour": 1}', "["):
        side.write_text(text)
        code, told = shell.make("--plan", str(good), "--side", str(side))
        assert code == 1, (text, told)
    assert shell.events() == []


def test_the_good_plan_is_good(shell: Shell, tmp_path: Path) -> None:
    """Else the refusals above might be of something else."""
    file = tmp_path / "plan.json"
    file.write_text(json.dumps(plan()))
    code, told = shell.make("--plan", str(file), "--draft")
    assert code == 0, told
    assert len(shell.events()) == 1


def test_the_command_line_itself(site: Site, tmp_path: Path) -> None:
    """In a process of its own: the code that a shell script sees, and nothing on stdout."""
    file = tmp_path / "plan.json"
    file.write_text("{")
    told = subprocess.run(
        [sys.executable, "-m", "usher", "event", "import", "--plan", str(file)],
        env=environ_of(site.settings),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (told.returncode, told.stdout) == (1, "")
    assert told.stderr.startswith("usher: ")
    assert "Traceback" not in told.stderr
