"""What is said of settings, of the crowd, and of all together."""

from typing import Any

import pytest
from msgspec.structs import replace
from rich.console import Console

from usher.errors import BadInput
from usher.rehearsal.readiness.audience import judge_crowd
from usher.rehearsal.readiness.crowd import CrowdFacts
from usher.rehearsal.readiness.model import Item, Report, bad, good, is_ready, look
from usher.rehearsal.readiness.options import RehearsalOptions, check
from usher.rehearsal.readiness.setting import SettingFacts, judge_settings
from usher.rehearsal.readiness.telling import tell

SETTINGS = SettingFacts(
    key_bytes=[30],
    keys_given=True,
    public_url="https://tickets.example.org",
    providers=["stripe"],
    stripe_test=False,
    outages=[],
    mail_url="smtp://mail.example.org:587",
    mail_fault="",
    hooks_open=[],
)
CROWD = CrowdFacts(
    fans=100,
    joined=100,
    admitted=60,
    confirmed=40,
    sold=80,
    seats=80,
    told_over=40,
    gave_up=0,
    unfinished=0,
    http_5xx=0,
    transport_errors=0,
    told_to_wait=0,
    feed_wrong=0,
    replays_differ=0,
    lost=0,
    broken=[],
    checkouts_per_s=3.0,
    duration_s=30.0,
    needed_s=10.0,
    client_cpu_s=4.0,
    p99_ms={"join": 40.0, "hold": 90.0, "booking": 0.0},
)


def only(items: list[Item], name: str) -> Item:
    (found,) = [each for each in items if each.name == name]
    assert [each.name for each in items if each.state != "good" and each is not found] == []
    return found


def test_settings_as_they_should_be_are_good() -> None:
    assert {each.state for each in judge_settings(SETTINGS)} == {"good"}


@pytest.mark.parametrize(
    ("change", "name", "state", "told"),
    [
        ({"key_bytes": []}, "USHER_SECRETS", "bad", "usher secret"),
        ({"key_bytes": [30, 1]}, "USHER_SECRETS", "bad", "usher secret"),
        ({"keys_given": False}, "USHER_SECRETS", "look", "USHER_SECRETS"),
        ({"providers": ["sandbox"]}, "provider", "look", "USHER_PAYMENTS"),
        ({"stripe_test": True}, "provider", "look", "live"),
        ({"outages": ["stripe"]}, "provider", "bad", "status"),
        ({"mail_url": ""}, "mail", "look", "USHER_MAIL_URL"),
        ({"mail_url": "maildir:///mail"}, "mail", "look", "smtp://"),
        ({"mail_fault": "535 no"}, "mail", "bad", "USHER_MAIL_URL"),
        ({"hooks_open": ["USHER_HOOKS_HTTP"]}, "webhooks", "look", "away"),
    ],
)
def test_settings_otherwise(change: dict[str, Any], name: str, state: str, told: str) -> None:
    item = only(judge_settings(replace(SETTINGS, **change)), name)
    assert item.state == state
    assert told in item.do


def test_the_test_bank_will_do_where_nobody_else_comes() -> None:
    own = replace(SETTINGS, public_url="http://127.0.0.1:8000", providers=["sandbox"])
    assert {each.state for each in judge_settings(own)} == {"good"}


def test_a_crowd_that_was_served_is_good() -> None:
    assert {each.state for each in judge_crowd(CROWD)} == {"good"}


@pytest.mark.parametrize(
    ("change", "name", "state", "told"),
    [
        ({"broken": ["double_sold"]}, "promises", "bad", "do not sell"),
        ({"lost": 1}, "promises", "bad", "do not sell"),
        ({"feed_wrong": 2}, "promises", "bad", "do not sell"),
        ({"gave_up": 3}, "answers", "bad", "proxy"),
        ({"http_5xx": 1}, "answers", "look", "proxy"),
        ({"transport_errors": 1}, "answers", "look", "proxy"),
        ({"joined": 0, "admitted": 0, "confirmed": 0}, "served", "bad", "join"),
        ({"confirmed": 0}, "served", "bad", "payments"),
        ({"unfinished": 9}, "served", "bad", "latency"),
        ({"unfinished": 9, "needed_s": 60.0}, "served", "look", "--for"),
        ({"p99_ms": {"join": 1_500.0}}, "latency", "look", "API processes"),
        ({"p99_ms": {"join": 9_000.0}}, "latency", "bad", "API processes"),
        ({"p99_ms": {"join": 9_000.0}, "client_cpu_s": 29.0}, "latency", "look", "larger"),
    ],
)
def test_a_crowd_otherwise(change: dict[str, Any], name: str, state: str, told: str) -> None:
    item = only(judge_crowd(replace(CROWD, **change)), name)
    assert item.state == state
    assert told in item.do


def test_only_what_is_bad_keeps_a_sale_from_being_ready() -> None:
    items = [good("a", "b", "c"), look("a", "b", "c", "d")]
    assert is_ready(items)
    assert not is_ready([*items, bad("a", "b", "c", "d")])


def test_what_has_to_be_done_is_told_first(capsys: pytest.CaptureFixture[str]) -> None:
    items = [good("Redis", "memory", "much"), bad("Redis", "version", "6.2", "a newer one [bold]")]
    report = Report(
        event_id="evt_1",
        url="http://x",
        fans=0,
        expected=10,
        ready=False,
        took_s=1.0,
        erased=True,
        items=items,
    )
    tell(report, Console(width=100))
    out = capsys.readouterr().out
    assert out.index("version") < out.index("memory")
    assert "-> a newer one [bold]" in out
    assert "NOT READY: 1 good, 0 to look at, 1 bad" in out


@pytest.mark.parametrize(
    ("wish", "named"),
    [
        ({"fans": 0}, "--fans"),
        ({"expect": -1}, "--expect"),
        ({"for_s": 0}, "--for"),
        ({"listen_s": 1e9}, "--listen"),
        ({"url": "tickets.example.org"}, "--url"),
    ],
)
def test_impossible_wishes_are_refused_by_name(wish: dict[str, Any], named: str) -> None:
    with pytest.raises(BadInput, match=named):
        check(RehearsalOptions(event="evt_1", **wish))


def test_limits_are_judged_for_those_who_are_expected() -> None:
    assert RehearsalOptions(event="evt_1", fans=10).expected == 10
    assert RehearsalOptions(event="evt_1", fans=10, expect=5_000).expected == 5_000
