"""The line: joining, standing, coming in, leaving; by bearer token and by cookie."""

from http.cookies import SimpleCookie

import httpx
import pytest

from tests.contract.fan import Fan, a_deadline, bearer, private, refused
from tests.sale import put_on_sale
from usher.venue.generate import rows_by_columns
from usher.wiring import House

pytestmark = pytest.mark.anyio

PLACE = {"state", "number", "ahead", "wait_s", "poll_after_s"}


async def test_joining_gives_a_place(paused_event: str, http: httpx.AsyncClient) -> None:
    answer = await http.post(f"/api/v1/events/{paused_event}/queue")
    body = private(answer, 202)
    assert body.keys() == {"place_token", "place", "fan_token"}
    assert body["place"].keys() >= PLACE
    assert body["place"]["state"] == "waiting"
    fan = Fan(http, paused_event)
    fan.place = body["place_token"]
    place = await fan.where()
    assert place.keys() >= PLACE
    assert place["number"] == body["place"]["number"]
    assert place["ahead"] == place["number"]
    assert place["poll_after_s"] > 0
    assert place["paused"] is True
    assert place["wait_s"] is None  # nobody can say while the gate is shut


async def test_a_wait_is_told_as_a_range(house: House, http: httpx.AsyncClient) -> None:
    event = await put_on_sale(house, rows_by_columns(1, 3), rate_per_min=1, capacity=1)
    places = [await Fan(http, event).join() for _ in range(3)]
    wait = places[-1]["place"]["wait_s"]
    assert wait.keys() == {"p50", "p90"}
    assert 0 < wait["p50"] < wait["p90"]
    assert places[1]["place"]["wait_s"]["p50"] < wait["p50"]


async def test_joining_twice_is_one_place(paused_event: str, http: httpx.AsyncClient) -> None:
    fan = Fan(http, paused_event)
    first = await fan.join()
    again = await fan.join()
    assert again["place"]["number"] == first["place"]["number"]
    assert "fan_token" not in again  # the fan is known
    other = await Fan(http, paused_event).join()
    assert other["place"]["number"] == first["place"]["number"] + 1


async def test_a_join_whose_answer_was_lost_is_repeated(
    paused_event: str, http: httpx.AsyncClient
) -> None:
    """A new fan has no token yet that would tell the second attempt from a second fan."""
    path = f"/api/v1/events/{paused_event}/queue"
    key = {"idempotency-key": "a1e0c7a6-6c1c-4f7b-9a57-0c5d2a2f3d10"}
    first = private(await http.post(path, headers=key), 202)
    again = private(await http.post(path, headers=key), 202)
    assert again["place"]["number"] == first["place"]["number"]
    other = {"idempotency-key": "b1e0c7a6-6c1c-4f7b-9a57-0c5d2a2f3d10"}
    assert private(await http.post(path, headers=other), 202)["place"] != first["place"]
    # The key stands for the fan here: one that others may choose as well must not.
    short = {"idempotency-key": "1"}
    one, two = [private(await http.post(path, headers=short), 202) for _ in range(2)]
    assert one["place"]["number"] != two["place"]["number"]


async def test_a_place_needs_its_token(
    paused_event: str, simple_event: str, http: httpx.AsyncClient
) -> None:
    fan = Fan(http, paused_event)
    await fan.join()
    for method, path in (
        ("GET", "/queue/place"),
        ("POST", "/queue/place/claim"),
        ("DELETE", "/queue/place"),
        ("GET", "/queue/stream"),
    ):
        answer = await fan.ask(method, path, token="")
        refused(answer, 401, "unauthenticated")
        assert answer.headers["www-authenticate"] == "Bearer"
        refused(await fan.ask(method, path, token=fan.identity), 401, "unauthenticated")
        elsewhere = Fan(http, simple_event)
        refused(await elsewhere.ask(method, path, token=fan.place), 401, "unauthenticated")
    assert (await fan.where())["state"] == "waiting"


async def test_a_claim_before_the_call_waits(paused_event: str, http: httpx.AsyncClient) -> None:
    fan = Fan(http, paused_event)
    await fan.join()
    problem = refused(await fan.claim(), 409, "conflict")
    assert problem["state"] == "waiting"
    assert problem["retry_after_s"] > 0


async def test_a_called_fan_comes_in_once(queued_event: str, http: httpx.AsyncClient) -> None:
    fan = Fan(http, queued_event)
    await fan.join()
    called = await fan.until("called")
    a_deadline(called, 120)
    assert called["ahead"] is None
    first = private(await fan.claim(), 200)
    assert first.keys() == {"admission_token", "due", "expires_in_s"}
    a_deadline(first, 600)
    again = private(await fan.claim(), 200)
    assert again["due"] == first["due"]
    place = await fan.where()
    assert place["state"] == "admitted"
    assert place["due"] == first["due"]
    joined = await fan.join()  # the page was loaded anew
    assert joined["place"]["state"] == "admitted"
    assert joined["due"] == first["due"]
    assert "admission_token" in joined


async def test_a_simple_sale_lets_in_at_once(simple_event: str, http: httpx.AsyncClient) -> None:
    body = private(await http.post(f"/api/v1/events/{simple_event}/queue"), 200)
    assert {"place_token", "place", "fan_token", "admission_token", "due"} <= body.keys()
    a_deadline(body, 600)
    assert body["place"]["state"] == "admitted"


async def test_leaving_gives_the_place_up(paused_event: str, http: httpx.AsyncClient) -> None:
    fan = Fan(http, paused_event)
    number = (await fan.join())["place"]["number"]
    for _ in range(2):
        answer = await fan.ask("DELETE", "/queue/place", token=fan.place)
        assert (answer.status_code, answer.content) == (204, b"")
        assert answer.headers["cache-control"] == "no-store"
    assert (await fan.where())["state"] == "left"
    assert refused(await fan.claim(), 403, "not_admitted")["state"] == "left"
    assert (await fan.join())["place"]["number"] > number  # behind all who stayed


async def test_who_leaves_the_shop_lets_the_next_in(house: House, http: httpx.AsyncClient) -> None:
    event = await put_on_sale(house, rows_by_columns(1, 3), capacity=1)
    first = await Fan(http, event).come_in()
    second = Fan(http, event)
    await second.join()
    refused(await second.claim(), 409, "conflict")
    left = await first.ask("DELETE", "/queue/place", token=first.place)
    assert left.status_code == 204
    await second.come_in()
    refused(await first.hold(category="Normal", quantity=1), 403, "not_admitted")


# --- cookies


def cookies_of(answer: httpx.Response) -> SimpleCookie:
    jar = SimpleCookie()
    for text in answer.headers.get_list("set-cookie"):
        jar.load(text)
    return jar


def sent_back(*jars: SimpleCookie) -> dict[str, str]:
    """What a browser sends after these answers."""
    kept = {name: morsel.value for jar in jars for name, morsel in jar.items()}
    return {"cookie": "; ".join(f"{name}={value}" for name, value in kept.items() if value)}


async def test_a_browser_shops_by_cookies_alone(
    simple_event: str, row: list[str], http: httpx.AsyncClient
) -> None:
    path = f"/api/v1/events/{simple_event}"
    joined = await http.post(f"{path}/queue")
    jar = cookies_of(joined)
    assert jar.keys() == {
        "__Host-fan",
        f"__Host-place-{simple_event}",
        f"__Host-admission-{simple_event}",
    }
    for morsel in jar.values():  # what __Host- demands, and what keeps scripts and others out
        assert (morsel["path"], morsel["domain"]) == ("/", "")
        assert morsel["secure"]
        assert morsel["httponly"]
        assert morsel["samesite"] == "Lax"
        assert int(morsel["max-age"]) > 0
    headers = sent_back(jar)
    again = private(await http.post(f"{path}/queue", headers=headers), 200)
    assert again["place"]["number"] == joined.json()["place"]["number"]
    place = private(await http.get(f"{path}/queue/place", headers=headers), 200)
    assert place["state"] == "admitted"
    held = await http.post(f"{path}/holds", headers=headers, json={"seats": row[:1]})
    hold = private(held, 201)["hold_id"]
    person = {"hold_id": hold, "name": "Bo", "email": "bo@example.org"}
    booked = private(await http.post("/api/v1/bookings", headers=headers, json=person), 202)
    booking = private(await http.get(booked_path(booked), headers=headers), 200)
    assert booking["booking_id"] == booked["booking_id"]
    # Another browser has no part in any of this.
    refused(await http.get(booked_path(booked)), 401, "unauthenticated")
    other = sent_back(cookies_of(await http.post(f"{path}/queue")))
    answer = await http.get(booked_path(booked), headers=other)
    assert answer.status_code in (403, 404)


def booked_path(booked: dict[str, str]) -> str:
    return f"/api/v1/bookings/{booked['booking_id']}"


async def test_leaving_takes_the_cookies_away(simple_event: str, http: httpx.AsyncClient) -> None:
    path = f"/api/v1/events/{simple_event}/queue"
    jar = cookies_of(await http.post(path))
    gone = cookies_of(await http.delete(f"{path}/place", headers=sent_back(jar)))
    assert gone.keys() == jar.keys() - {"__Host-fan"}
    for morsel in gone.values():  # a browser drops a __Host- cookie only on the same terms
        assert (morsel.value, morsel["max-age"]) == ("", "0")
        assert morsel["path"] == "/"
        assert morsel["secure"]


async def test_a_stale_cookie_is_no_hindrance(paused_event: str, http: httpx.AsyncClient) -> None:
    """A browser that comes back after years is simply new; a program is told."""
    path = f"/api/v1/events/{paused_event}/queue"
    answer = await http.post(path, headers={"cookie": "__Host-fan=long.gone.token"})
    assert "fan_token" in private(answer, 202)
    refused(await http.post(path, headers=bearer("long.gone.token")), 401, "unauthenticated")


async def test_a_place_of_a_lobby(house: House, http: httpx.AsyncClient) -> None:
    event = await put_on_sale(house, rows_by_columns(1, 3), state="lobby")
    fan = Fan(http, event)
    body = await fan.join()
    assert body["place"]["state"] == "lobby"
    assert body["place"]["number"] is None  # the lot has not been drawn
    problem = refused(await fan.claim(), 409, "conflict")
    assert problem["state"] == "lobby"
    public = (await http.get(f"{fan.path}/queue")).json()
    assert (public["state"], public["waiting"]) == ("lobby", 1)
