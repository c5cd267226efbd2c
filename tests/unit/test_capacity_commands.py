"""`usher plan`: what it prints, and what it refuses."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from usher.capacity.costs import shipped_costs
from usher.capacity.report import about, number, size, span
from usher.cli import main


def usher(*words: str) -> Result:
    """A command where no server is set, and none is needed."""
    environ = {f"USHER_{name}": "" for name in ("REDIS_URL", "DATABASE_URL", "SECRETS")}
    return CliRunner().invoke(main, words, env=environ)


SALE = ("plan", "--fans", "50000", "--seats", "2000", "--minutes", "2")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--seats", "10"], 2, "Missing option '--fans'"),
        (["--fans", "10"], 2, "Missing option '--seats'"),
        (["--fans", "many", "--seats", "10"], 2, "'many' is not a valid integer"),
        (["--fans", "10", "--seats", "10", "--pages", "some"], 2, "--pages"),
        (["--fans", "10", "--seats", "10", "--audience", "3"], 2, "--audience"),
        (["--fans", "10", "--seats", "10", "--minutes", "soon"], 2, "--minutes"),
        (["--fans", "10", "--seats", "0"], 1, "--seats must be 1 to 80,000, not 0"),
        (["--fans", "0", "--seats", "10"], 1, "--fans must be 1 to"),
        (["--fans", "10", "--seats", "10", "--minutes", "nan"], 1, "--minutes must be"),
        (["--fans", "10", "--seats", "10", "--stream-share", "2"], 1, "--stream-share must be"),
        (["--fans", "10", "--seats", "10", "--costs", "nowhere.json"], 1, "nowhere.json: cannot"),
        (["--fans", "10", "--seats", "10", "--costs", "/"], 2, "is a directory"),
    ],
)
def test_what_cannot_be_is_refused(words: list[str], code: int, said: str) -> None:
    told = usher("plan", *words)
    assert told.exit_code == code, told.output
    assert said in told.stderr
    assert told.stdout == ""
    assert "Traceback" not in told.output


def test_it_says_all_that_a_planner_asks() -> None:
    told = usher(*SALE)
    assert told.exit_code == 0, told.output
    for word in (
        "50,000 fans for 2,000 seats", "within 2 minutes", shipped_costs().machine, "THE LINE",
        "called a minute", "arriving", "opening", "selling", "API processes", "workers", "Redis",
        "PostgreSQL", "Mbit/s out", "pushes/s", "open files", "compressed", "in all",
        "WHAT GIVES WAY FIRST", "gives way at", "WHAT WOULD HELP",
    ):  # fmt: skip
        assert word in told.stdout
    assert max(map(len, told.stdout.splitlines())) <= 160


def test_machines_are_told_the_same() -> None:
    told = usher(*SALE, "--json")
    assert told.exit_code == 0, told.output
    found = json.loads(told.stdout)
    assert found["wish"]["fans"] == 50_000
    assert f"{found['api_processes']:,}, each a core" in usher(*SALE).stdout
    assert [each["name"] for each in found["moments"]] == ["arriving", "opening", "selling"]
    assert {"name", "share", "moment", "gives_way_at_fans"} == found["parts"][0].keys()


def test_what_there_is_may_be_said_and_may_be_too_little() -> None:
    told = usher(*SALE, "--cores", "1", "--gbit-per-s", "0.01")
    assert "processors: 1 cores for everything" in told.stdout
    assert "network: 0.01 Gbit/s" in told.stdout
    assert "HAS GIVEN WAY" in told.stdout


def test_somebody_plans_with_what_their_machine_measured(tmp_path: Path) -> None:
    file = tmp_path / "bench.json"
    slow = 20 * shipped_costs()["api.join"]
    file.write_text(json.dumps([{"name": "join", "value": 1, "costs": {"api.join": slow}}]))
    api = ("--pages", "none", "--json")
    mine = json.loads(usher(*SALE, *api, "--costs", str(file)).stdout)
    shipped = json.loads(usher(*SALE, *api).stdout)
    assert mine["api_processes"] > shipped["api_processes"]
    assert "by the file" in mine["machine"]


@pytest.mark.parametrize("fans", [1, 10_000_000])
def test_one_fan_and_ten_million_are_planned(fans: int) -> None:
    told = usher("plan", "--fans", str(fans), "--seats", "1")
    assert told.exit_code == 0, told.output
    assert f"{fans:,} fan" in told.stdout


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (about(1_098_765), "about 1,000,000 fans"),
        (about(97), "about 97 fans"),
        (about(None), "no number of fans"),
        (size(0), "0 B"),
        (size(999), "999 B"),
        (size(1_000), "1 kB"),
        (size(98_765_432), "98.8 MB"),
        (size(1.62e11), "162 GB"),
        (size(4.2e15), "4,200 TB"),
        (span(0.034), "0.034 s"),
        (span(375), "6.25 min"),
        (span(7_200), "2 h"),
        (span(864_000), "10 days"),
        (number(0), "0"),
        (number(0.0123), "0.0123"),
        (number(1.666), "1.67"),
        (number(123_456.7), "123,457"),
    ],
)
def test_figures_are_easy_to_read(told: str, said: str) -> None:
    assert told == said
