"""Who is refused first, and what they are told."""

import json
from typing import Any

import pytest

from usher.overload import TIERS, _refuser, kind_of
from usher.plumbing.language import Languages
from usher.plumbing.shipped import shipped

API = "/api/v1/events/evt_1"


@pytest.mark.parametrize(
    ("method", "path", "tier"),
    [
        ("POST", f"{API}/queue", "newcomers"),
        ("GET", "/", "newcomers"),
        ("GET", "/api/v1/events", "newcomers"),
        ("GET", API, "newcomers"),
        ("GET", "/events/evt_1", "newcomers"),
        ("POST", "/events/evt_1/join", "newcomers"),
        ("GET", f"{API}/queue", "waiting"),
        ("GET", "/events/evt_1/queue", "waiting"),
        ("GET", f"{API}/queue/place", "waiting"),
        ("GET", f"{API}/queue/stream", "waiting"),
        ("GET", f"{API}/seats", "looking"),
        ("GET", f"{API}/plan", "looking"),
        ("GET", f"{API}/feed", "looking"),
        ("GET", "/events/evt_1/seats", "looking"),
        ("GET", "/static/abc/page.css", "looking"),
        ("POST", f"{API}/queue/place/claim", "shopping"),
        ("DELETE", f"{API}/queue/place", "shopping"),
        ("POST", f"{API}/holds", "shopping"),
        ("PATCH", f"{API}/holds/hld_1", "shopping"),
        ("POST", "/api/v1/bookings", "shopping"),
        ("GET", "/api/v1/bookings/bkg_1", "shopping"),
        ("GET", "/api/v1/bookings/bkg_1/stream", "shopping"),
        ("POST", "/api/v1/payments/webhooks/stripe", "shopping"),
        ("GET", "/events/evt_1/checkout/hld_1", "shopping"),
        ("PATCH", f"{API}/gate", "shopping"),
        ("GET", f"{API}/pulse", "shopping"),
        ("POST", f"{API}/checkins", "shopping"),
        ("GET", "/healthz", None),
        ("GET", "/readyz", None),
        ("GET", "/metrics", None),
    ],
)
def test_who_shops_goes_last(method: str, path: str, tier: str | None) -> None:
    kind = kind_of(method, path)
    assert (TIERS[kind.tier] if kind else None) == tier


@pytest.mark.parametrize(
    ("path", "stream"),
    [(f"{API}/queue/stream", True), (f"{API}/feed", True), (f"{API}/queue/place", False)],
)
def test_streams_are_not_under_way(path: str, stream: bool) -> None:
    kind = kind_of("GET", path)
    assert kind is not None
    assert kind.stream == stream


def asked(path: str, method: str = "GET", **headers: str) -> Any:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return {"type": "http", "method": method, "path": path, "headers": raw}


@pytest.fixture(scope="module")
def refuse() -> Any:
    return _refuser(Languages(shipped("front") / "locale"))


@pytest.mark.parametrize("tier", range(len(TIERS)))
def test_programs_hear_a_problem_and_when_to_come_back(refuse: Any, tier: int) -> None:
    spread = set()
    for _ in range(12):
        answer = refuse(asked(f"{API}/queue", "POST"), tier)
        assert answer.start["status"] == 503
        headers = dict(answer.start["headers"])
        assert headers[b"content-type"] == b"application/problem+json"
        assert headers[b"cache-control"] == b"no-store"
        body = json.loads(answer.body["body"])
        assert (body["code"], body["status"]) == ("unavailable", 503)
        assert int(headers[b"retry-after"]) == body["retry_after_s"] >= 1
        spread.add(body["retry_after_s"])
        head, _, raw = answer.raw.partition(b"\r\n\r\n")
        assert raw == answer.body["body"]
        assert head.split(b"\r\n")[0] == b"HTTP/1.1 503 Service Unavailable"
        assert b"content-length: %d" % len(raw) in head.split(b"\r\n")
    assert len(spread) > 1, "who is refused together does not come back together"


def test_readers_see_a_page_in_their_language_that_tries_again(refuse: Any) -> None:
    german = refuse(asked("/events/evt_1", accept="text/html", accept_language="de-AT,en;q=0.5"), 0)
    text = german.body["body"].decode()
    assert '<html lang="de" dir="ltr">' in text
    assert '<meta http-equiv="refresh"' in text
    assert dict(german.start["headers"])[b"retry-after"].isdigit()
    arabic = refuse(asked("/", accept="text/html", accept_language="ar"), 0)
    assert 'dir="rtl"' in arabic.body["body"].decode()
    form = refuse(asked("/events/evt_1/join", "POST", accept="text/html"), 0)
    assert b"refresh" not in form.body["body"], "a form is not sent again by itself"
    assert "html" not in str(refuse(asked("/", accept="*/*"), 0).start["headers"])
