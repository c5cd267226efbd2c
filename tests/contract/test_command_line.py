"""The command line on a running site: what operators type, what it says, how it exits."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.conftest import Site
from usher.cli import main
from usher.embedded import Embedded
from usher.settings import environ_of

Usher = Callable[..., Result]


@pytest.fixture
def usher(site: Site) -> Usher:
    """Runs a command on the site's servers."""
    environ = environ_of(site.settings)

    def run(*words: str, **other: str) -> Result:
        return CliRunner().invoke(main, words, env=environ | other)

    return run


def made(usher: Usher, *options: str) -> str:
    """A new event of twelve seats."""
    told = usher("event", "import", "--rows", "3", "--columns", "4", "--json", *options)
    assert told.exit_code == 0, told.output
    return str(json.loads(told.stdout)["event_id"])


def shown(usher: Usher, event: str) -> dict[str, Any]:
    """The sale as `sale show` has it."""
    found: dict[str, Any] = json.loads(usher("sale", "show", event, "--json").stdout)
    return found


def refused(told: Result, sentence: str, code: int = 1) -> None:
    assert told.exit_code == code, told.output
    assert sentence in told.stderr
    assert "Traceback" not in told.output


def test_only_a_paused_sale_is_resumed(usher: Usher) -> None:
    event = made(usher, "--opens-at", "2980-01-01T00:00Z")
    for verb, state in [("resume", "draft"), ("lobby", "lobby"), ("resume", "lobby")]:
        told = usher("sale", verb, event)
        assert told.exit_code == (verb == "resume"), told.output
        assert shown(usher, event)["state"] == state
    for verb, state in [("open", "open"), ("pause", "paused"), ("resume", "open")]:
        assert usher("sale", verb, event).exit_code == 0
        assert shown(usher, event)["state"] == state
    assert usher("sale", "close", event).exit_code == 0
    refused(usher("sale", "resume", event), "the sale is closed, not paused")


def test_a_draft_is_published_before_it_is_sold(usher: Usher) -> None:
    event = made(usher, "--draft")
    refused(usher("sale", "open", event), "publish it first")
    refused(usher("sale", "lobby", event), "publish it first")
    assert f"{event}  " not in usher("event", "list").stdout
    assert "(draft)" in usher("event", "show", event).stdout
    assert usher("event", "publish", event).exit_code == 0
    assert usher("sale", "open", event).exit_code == 0


def test_times_are_set_and_taken_away(usher: Usher) -> None:
    event = made(usher)
    told = usher("sale", "set", event, "--opens-at", "2980-01-01T10:00+01:00", "--hold-s", "60")
    assert told.exit_code == 0, told.output
    assert "opens 2980-01-01T09:00:00Z" in told.stdout
    refused(usher("sale", "set", event, "--closes-at", "2979-01-01"), "must come after opens_at")
    refused(usher("sale", "set", event, "--closes-at", "soon"), "like 2026-12-01T19:30Z")
    assert usher("sale", "set", event, "--opens-at", "none").exit_code == 0
    sale = shown(usher, event)
    assert (sale["opens_at"], sale["closes_at"], sale["hold_s"]) == (None, None, 60)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("gate", "rate", "{event}", "-1"), "rate_per_min must be 1 to"),
        (("gate", "rate", "{event}", "0"), "rate_per_min must be 1 to"),
        (("gate", "capacity", "{event}", "0"), "capacity must be 1 to"),
        (("sale", "pause", "evt_none"), "there is no event"),
        (("audit", "evt_none"), "no event"),
    ],
)
def test_what_cannot_be_is_said(usher: Usher, words: tuple[str, ...], sentence: str) -> None:
    event = made(usher)
    refused(usher(*(word.format(event=event) for word in words)), sentence)


def test_a_waiting_list_is_listed(usher: Usher) -> None:
    event = made(usher)
    for state in ((), ("--state", "waiting")):
        told = usher("waitlist", "list", event, *state)
        assert told.exit_code == 0, told.output
        assert told.stdout.startswith("0 waiting for 0 seats")
    refused(usher("waitlist", "list", event, "--state", "sleeping"), "is not one of", 2)


def test_a_server_that_is_away_has_an_exit_code_of_its_own(usher: Usher) -> None:
    away = {"USHER_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/usher"}
    refused(usher("event", "list", **away), "PostgreSQL cannot be reached", code=3)


def test_a_data_directory_has_one_site(servers: Embedded) -> None:
    environ = {f"USHER_{name}": "" for name in ("REDIS_URL", "DATABASE_URL", "SECRETS")}
    told = CliRunner().invoke(
        main, ["up", "--data-dir", str(servers.data_dir), "--port", "0"], env=environ
    )
    refused(told, "already runs the servers")
