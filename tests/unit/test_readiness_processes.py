"""What is said of the processes that run, of clocks and of keys."""

import pytest
from msgspec.structs import replace

from usher import limits
from usher.plumbing.presence import Presence
from usher.rehearsal.readiness.model import Item
from usher.rehearsal.readiness.processes import (
    HereFacts,
    judge_clocks,
    judge_here,
    judge_processes,
    judge_rings,
)

API = Presence(
    name="api a 1",
    kind="api",
    host="a",
    pid=1,
    files_max=65_536,
    backlog=4_096,
    connections=10,
    skew_ms=3,
    ring="k1=abc",
    url="https://tickets.example.org",
    at_ms=0,
)
WORKER = replace(API, name="worker b 2", kind="worker", host="b", files_max=1_024)
HERE = HereFacts(
    files_max=65_536, streams_max=26_214, skew_ms=-5, database_skew_ms=2, ring="k1=abc"
)


def named(items: list[Item], name: str) -> Item:
    (found,) = [each for each in items if each.name == name]
    return found


def test_an_api_and_a_worker_are_good() -> None:
    assert {each.state for each in judge_processes([API, WORKER], 10_000)} == {"good"}
    assert named(judge_processes([API, API, WORKER], 1), "API processes").seen == "2 on a"


@pytest.mark.parametrize(
    ("roll", "name", "told"),
    [([API], "workers", "usher worker"), ([WORKER], "API processes", "usher serve")],
)
def test_without_one_of_them_nothing_is_sold(roll: list[Presence], name: str, told: str) -> None:
    item = named(judge_processes(roll, 10), name)
    assert item.state == "bad"
    assert told in item.do


@pytest.mark.parametrize(
    ("files", "processes", "fans", "state"),
    [
        (65_536, 1, 30_000, "good"),
        (65_536, 1, 45_000, "look"),
        (1_024, 1, 1_000, "bad"),
        (1_024, 2, 1_000, "good"),
        # a process takes no more streams than this, however many files it may open
        (1_000_000, 1, limits.sse_streams_max + 1, "bad"),
    ],
)
def test_each_fan_is_an_open_file(files: int, processes: int, fans: int, state: str) -> None:
    roll = [replace(API, files_max=files)] * processes
    assert named(judge_processes(roll, fans), "open files of the API").state == state


@pytest.mark.parametrize(
    ("backlog", "state"), [(128, "bad"), (1_024, "look"), (4_096, "good"), (None, "look")]
)
def test_the_shortest_backlog_counts(backlog: int | None, state: str) -> None:
    roll = [API, replace(API, backlog=backlog)] if backlog else [replace(API, backlog=None)]
    item = named(judge_processes(roll, 10), "listen backlog")
    assert item.state == state
    assert ("somaxconn" in item.do) is (state != "good")


@pytest.mark.parametrize(
    ("skew_ms", "state"), [(0, "good"), (-400, "good"), (900, "look"), (-6_000, "bad")]
)
def test_clocks(skew_ms: int, state: str) -> None:
    of_process = judge_clocks([API, replace(WORKER, skew_ms=skew_ms)], HERE)
    assert named(of_process, "clocks of 2 processes").state == state
    here = judge_clocks([], replace(HERE, skew_ms=skew_ms))
    assert named(here, "this machine's clock").state == state
    database = judge_clocks([], replace(HERE, database_skew_ms=skew_ms))
    assert named(database, "PostgreSQL's clock").state == state
    assert ("behind" in named(here, "this machine's clock").seen) is (skew_ms < 0)


def test_all_sign_with_one_key() -> None:
    assert judge_rings([API, WORKER], HERE).state == "good"
    item = judge_rings([API, replace(WORKER, ring="k2=abc")], HERE)
    assert item.state == "bad"
    assert "worker on b" in item.seen


def test_a_crowd_larger_than_this_machine_can_listen_for() -> None:
    assert judge_here(HERE, 20_000)[0].state == "good"
    assert judge_here(HERE, 50_000)[0].state == "look"
