"""What is said of the way from fans to the API."""

from typing import Any

import pytest
from msgspec.structs import replace

from usher.rehearsal.readiness.fetching import is_loopback
from usher.rehearsal.readiness.front import (
    ColdFact,
    FrontFacts,
    HeaderFact,
    StreamFacts,
    TlsFacts,
    judge_front,
)
from usher.rehearsal.readiness.model import Item

URL = "https://tickets.example.org"
STREAM = StreamFacts(
    content_type="text/event-stream; charset=utf-8",
    cache="no-store",
    delays_s=[0.05, 0.2],
    silence_s=15.1,
    watched_s=35.0,
)
NO_STORE = HeaderFact(
    route="event page", header="cache-control", wanted="no-store", got="no-store", private=True
)
ZIPPED = HeaderFact(route="plan", header="content-encoding", wanted="gzip", got="gzip")
GOOD = FrontFacts(
    url=URL,
    loopback=False,
    status=200,
    ours=True,
    configured=[URL],
    tls=TlsFacts(version="TLSv1.3", days=60, h2=True),
    stream=STREAM,
    headers=[NO_STORE, ZIPPED],
    cold=[ColdFact(route="plan", first_ms=80, later_ms=2)],
)


def only(facts: FrontFacts, name: str) -> Item:
    """The item of that name; all others must be good."""
    items = judge_front(facts)
    (found,) = [each for each in items if each.name == name]
    assert [each.name for each in items if each.state != "good" and each is not found] == []
    return found


def test_a_way_as_it_should_be_is_good() -> None:
    items = judge_front(GOOD)
    assert {each.state for each in items} == {"good"}
    assert len(items) == 9


@pytest.mark.parametrize(
    ("change", "name", "state", "told"),
    [
        ({"fault": "refused"}, "reached", "bad", "up"),
        ({"moved_to": "https://www.example.org/"}, "reached", "bad", "USHER_PUBLIC_URL"),
        ({"status": 503}, "reached", "bad", "see"),
        ({"ours": False}, "right", "bad", "installation"),
        ({"ours": None}, "right", "look", "installation"),
        ({"configured": ["http://127.0.0.1:8000"]}, "right", "look", "USHER_PUBLIC_URL"),
        ({"configured": [URL + "/"]}, "right", "good", ""),
        ({"tls": None}, "TLS", "bad", "https://"),
        ({"tls": TlsFacts(fault="expired")}, "TLS", "bad", "renew"),
        ({"tls": TlsFacts(version="TLSv1.3", days=0, h2=True)}, "TLS", "bad", "now"),
        ({"tls": TlsFacts(version="TLSv1.3", days=9, h2=True)}, "TLS", "look", "renewed"),
        ({"tls": TlsFacts(version="TLSv1.3", days=60, h2=False)}, "TLS", "look", "HTTP/2"),
        (
            {"headers": [replace(NO_STORE, got="public, max-age=60")]},
            "private answers",
            "bad",
            "no-store",
        ),
        ({"headers": [replace(NO_STORE, got="")]}, "private answers", "bad", "no-store"),
        ({"headers": [replace(ZIPPED, got="")]}, "caching and compression", "look", "encoding"),
        (
            {"cold": [ColdFact(route="plan", first_ms=1_500, later_ms=2)]},
            "first requests",
            "look",
            "once",
        ),
    ],
)
def test_a_way_otherwise(change: dict[str, Any], name: str, state: str, told: str) -> None:
    item = only(replace(GOOD, **change), name)
    assert item.state == state
    assert told in item.do


@pytest.mark.parametrize(
    ("change", "name", "state", "told"),
    [
        ({"fault": "the stream is answered 502"}, "opened", "bad", "proxy"),
        ({"delays_s": [0.1, 2.0]}, "buffering", "look", "buffering"),
        ({"delays_s": [0.1, 5.0]}, "buffering", "bad", "buffering"),
        ({"delays_s": [0.1, None]}, "buffering", "bad", "buffering"),
        ({"delays_s": [None, None]}, "buffering", "bad", "buffering"),
        ({"content_type": "text/html"}, "headers", "bad", "headers"),
        ({"encoding": "gzip"}, "headers", "bad", "compress"),
        ({"cache": "public"}, "headers", "look", "cache-control"),
        ({"cut_s": 30.0}, "idle streams", "bad", "proxy_read_timeout"),
        ({"silence_s": 35.0}, "idle streams", "bad", "holds"),
        ({"silence_s": 25.0}, "idle streams", "look", "buffers"),
    ],
)
def test_a_stream_otherwise(change: dict[str, Any], name: str, state: str, told: str) -> None:
    item = only(replace(GOOD, stream=replace(STREAM, **change)), name)
    assert item.state == state
    assert told in item.do


def test_of_silence_nothing_is_said_before_a_beat_was_due() -> None:
    short = replace(STREAM, watched_s=5.0, silence_s=5.0)
    assert "idle streams" not in [each.name for each in judge_front(replace(GOOD, stream=short))]


def test_on_one_machine_there_is_no_tls_to_be_had() -> None:
    own = replace(GOOD, url="http://127.0.0.1:8000", loopback=True, configured=[], tls=None)
    states = {each.name: each.state for each in judge_front(own)}
    assert (states["right"], states["TLS"]) == ("look", "look")


@pytest.mark.parametrize(
    ("url", "loopback"),
    [
        ("http://127.0.0.1:8000", True),
        ("http://[::1]:8000", True),
        ("http://localhost", True),
        ("http://192.168.1.2", False),
        ("https://tickets.example.org", False),
    ],
)
def test_what_only_this_machine_reaches(url: str, loopback: bool) -> None:
    assert is_loopback(url) is loopback
