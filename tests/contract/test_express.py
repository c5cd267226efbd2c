"""The short way to a handler answers as Litestar's own way does, word for word."""

import re
from collections.abc import AsyncIterator
from typing import Any, cast

import httpx
import pytest
from litestar import Litestar, Request, get, post
from litestar.params import FromPath, FromQuery
from litestar.types import ASGIApp

from tests.conftest import Site
from tests.contract.fan import Fan, bearer
from usher.errors import SetupError
from usher.ids import new_id
from usher.pages import make_pages
from usher.plumbing.express import EXPRESS, Express
from usher.web import build_app
from usher.wiring import House, opened

KEY = {"idempotency-key": "4f1d6a52-59d6-4a4b-9b7e-6a2f2c2f0a10"}
JSON = {"content-type": "application/json"}
PAGE = {"accept": "text/html"}
FOREIGN = {"sec-fetch-site": "cross-site"}
# What differs between two answers to the same question: tokens bear the second they were made in.
TOKEN = re.compile(r"ey[\w-]+\.[\w-]+\.[\w-]+")
LEFT = re.compile(r'"(expires_in_s|due|next_at)":("[^"]*"|\d+)')


class Ways:
    """Both ways to the same handlers; `usual` counts the requests that Litestar's took."""

    def __init__(self, house: House) -> None:
        app = build_app(house)
        self.house = house
        self.usual = 0
        self.express = self._client(Express(cast(Any, self._counting(app))))
        self.plain = self._client(app)

    def _counting(self, app: Litestar) -> Any:
        ways = self

        class Counting:
            def __getattr__(self, name: str) -> Any:
                return getattr(app, name)

            async def __call__(self, *asgi: Any) -> None:
                ways.usual += 1
                await cast(Any, app)(*asgi)

        return Counting()

    def _client(self, app: Any) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(app=app), base_url="http://usher.example"
        )


@pytest.fixture(scope="module")
async def both_ways(site: Site, anyio_backend: str) -> AsyncIterator[Ways]:
    """One application for all tests: to build it takes half a second."""
    async with opened(site.settings) as house:
        ways = Ways(house)
        async with ways.express, ways.plain:
            yield ways


@pytest.fixture
def ways(both_ways: Ways) -> Ways:
    both_ways.usual = 0
    return both_ways


def told(answer: httpx.Response) -> tuple[int, list[tuple[str, str]], str]:
    """All of an answer that does not tell the time."""

    def same(text: str) -> str:
        return LEFT.sub("", TOKEN.sub("a token", text))

    text = same(answer.text)
    length = [("content-length", "")]  # of what tells the time as well
    heads = [(k, same(v)) for k, v in answer.headers.multi_items() if k != "content-length"]
    return answer.status_code, sorted(heads + length), text


async def both(ways: Ways, method: str, path: str, **options: Any) -> httpx.Response:
    """What the short way says, having made sure that it is what the usual one says."""
    usual = await ways.plain.request(method, path, **options)
    short = await ways.express.request(method, path, **options)
    assert told(short) == told(usual)
    return short


@pytest.mark.parametrize(
    ("method", "tail", "headers", "status"),
    [
        ("GET", "/queue", {}, 200),
        ("POST", "/queue", KEY, 202),
        ("POST", "/queue", KEY | {"origin": "http://usher.example"}, 202),
        ("POST", "/queue", KEY | FOREIGN, 403),
        ("POST", "/queue", KEY | bearer("no.such.token"), 401),
        ("POST", "/queue", KEY | FOREIGN | PAGE, 403),
        ("GET", "/queue/place", {}, 401),
        ("GET", "/queue/place", {"cookie": "__Host-fan=x; y"}, 401),
        ("POST", "/queue/place/claim", bearer("x"), 401),
        ("POST", "/holds", JSON, 400),
        ("POST", "/holds", PAGE, 400),
    ],
)
async def test_both_ways_say_the_same(
    ways: Ways, paused_event: str, method: str, tail: str, headers: dict[str, str], status: int
) -> None:
    answer = await both(ways, method, f"/api/v1/events/{paused_event}{tail}", headers=headers)
    assert answer.status_code == status, answer.text
    assert ways.usual == 0


@pytest.mark.parametrize(
    ("method", "tail", "headers", "status"),
    [
        ("HEAD", "/queue", {}, 405),
        ("PUT", "/queue", {}, 405),
        ("OPTIONS", "/queue", {}, 204),
        ("GET", "/queue/", {}, 200),
        ("DELETE", "/queue/place", {}, 401),
        ("POST", "/queue", {"idempotency-key": "with a blank"}, 422),
        ("POST", "/queue", {"idempotency-key": "x" * 300}, 422),
        ("POST", "/queue", {"idempotency-key": ""}, 422),
        ("POST", "/queue", [("idempotency-key", "a" * 20), ("idempotency-key", "b" * 20)], 202),
        ("GET", "/queue", {"host": "not a host"}, 400),
    ],
)
async def test_what_is_not_plain_goes_the_usual_way(
    ways: Ways, paused_event: str, method: str, tail: str, headers: Any, status: int
) -> None:
    answer = await both(ways, method, f"/api/v1/events/{paused_event}{tail}", headers=headers)
    assert answer.status_code == status, answer.text
    assert ways.usual == 1


@pytest.mark.parametrize("event", ["", "evt_", "evt_1", "EVT_" + "0" * 20, "evt_" + "g" * 20])
async def test_what_is_no_id_goes_the_usual_way(ways: Ways, event: str) -> None:
    assert (await both(ways, "POST", f"/api/v1/events/{event}/queue")).status_code in (404, 405)
    assert ways.usual == 1


@pytest.mark.parametrize("encoding", ["gzip, br", "", "identity"])
@pytest.mark.parametrize("name", ["app.css", "queue.js", "no-such.js", "lib/no-such.js"])
@pytest.mark.parametrize("digest", ["0" * 16, "current"])
async def test_files_both_ways(ways: Ways, digest: str, name: str, encoding: str) -> None:
    if digest == "current":
        digest = make_pages(ways.house).assets.digest
    headers = {"accept-encoding": encoding}
    answer = await both(ways, "GET", f"/static/{digest}/{name}", headers=headers)
    assert answer.status_code == (404 if "no-such" in name else 200)
    assert ways.usual == 0


@pytest.mark.parametrize(
    "path",
    [
        "/static/0/a%00b.js",
        "/static/0/%2e%2e/web.py",
        "/static/0//app.css",
        "/static/0/app.css/",
        "/static/0/",
        "/static/0",
        "/static/0/.app.css",
    ],
)
async def test_files_whose_address_is_not_plain(ways: Ways, path: str) -> None:
    await both(ways, "GET", path)
    assert ways.usual == 1


async def test_what_does_not_exist(ways: Ways) -> None:
    event, booking = new_id("event"), new_id("booking")
    for method, path in (
        ("POST", f"/api/v1/events/{event}/queue"),
        ("GET", f"/api/v1/events/{event}/queue"),
        ("POST", f"/api/v1/events/{booking}/queue"),
        ("GET", f"/api/v1/bookings/{booking}"),
        ("POST", f"/api/v1/bookings/{event}/payment"),
    ):
        assert (await both(ways, method, path)).status_code in (401, 404)
    assert ways.usual == 0


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"", JSON, 400),
        (b"{", JSON, 400),
        (b"\xff", JSON, 400),
        (b'{"seats":' + b"[" * 9_000, JSON, 422),
        (b"[]", JSON, 422),
        (b'{"seats":"A"}', JSON, 422),
        (b'{"seats":[1]}', JSON, 422),
        (b"{}", JSON, 422),
        (b'{"seats":["nowhere"]}', JSON, 422),
        (b'{"seats":["nowhere"]}', JSON | PAGE, 422),
        (b'{"category":"none","quantity":2}', JSON, 422),
        (b'{"seats":["nowhere"]}', {"content-type": "text/plain"}, 415),
        (b"", {"content-type": "text/plain"}, 400),
        (b" " * 2_000_000, JSON, 413),
    ],
)
async def test_bad_bodies_are_told_the_same(
    ways: Ways, fan: Fan, body: bytes, headers: dict[str, str], status: int
) -> None:
    head = headers | bearer(fan.admission)
    answer = await both(ways, "POST", f"{fan.path}/holds", content=body, headers=head)
    assert answer.status_code == status, answer.text
    assert ways.usual == 0


async def test_a_purchase_both_ways(ways: Ways, fan: Fan, row: list[str]) -> None:
    """With keys the same request again is the same hold, the same booking, the same payment."""
    head = KEY | bearer(fan.admission)
    asked = {"seats": row[:2]}
    held = (await both(ways, "POST", f"{fan.path}/holds", json=asked, headers=head)).json()
    body = {"hold_id": held["hold_id"], "name": "Ann", "email": "ann@example.org"}
    booked = await both(ways, "POST", "/api/v1/bookings", json=body, headers=head)
    assert booked.status_code == 202
    path = f"/api/v1/bookings/{booked.json()['booking_id']}"
    await fan.booking_until(booked.json()["booking_id"], "awaiting_payment")
    assert (await both(ways, "POST", f"{path}/payment", headers=head)).status_code == 201
    assert (await both(ways, "GET", path, headers=head)).json()["state"] == "awaiting_payment"
    other = await both(ways, "POST", f"{fan.path}/holds", json={"seats": row[2:4]}, headers=head)
    assert other.json()["code"] == "idempotency_mismatch"
    assert ways.usual == 0


async def test_a_fault_of_ours_is_told_the_same(
    ways: Ways, paused_event: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(_: str) -> bytes:
        raise ZeroDivisionError

    monkeypatch.setattr(ways.house.queue, "state", broken)
    answer = await both(ways, "GET", f"/api/v1/events/{paused_event}/queue")
    assert (answer.status_code, answer.json()["code"]) == (500, "fault")


def _as_it_is(app: ASGIApp) -> ASGIApp:
    return app


@pytest.mark.parametrize("more", [{"middleware": [_as_it_is]}, {"cache": 5}])
def test_a_handler_with_layers_of_its_own_is_refused_at_the_start(more: dict[str, Any]) -> None:
    @get("/api/v1/things", opt=EXPRESS, **more)
    async def show(request: Request[Any, Any, Any]) -> None: ...

    with pytest.raises(SetupError, match="takes more than the short way gives"):
        Express(Litestar([show], openapi_config=None))


def test_a_handler_that_takes_more_is_refused_at_the_start() -> None:
    @post("/api/v1/things/{thing:str}", opt=EXPRESS)
    async def change(
        thing: FromPath[str], request: Request[Any, Any, Any], most: FromQuery[int]
    ) -> None: ...

    with pytest.raises(SetupError, match="takes more than the short way gives"):
        Express(Litestar([change], openapi_config=None))
