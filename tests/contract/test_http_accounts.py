"""Accounts over HTTP: tokens of a program, cookies of a browser, refresh tokens that are bad."""

import asyncio
import time
from http.cookies import SimpleCookie
from typing import Any

import httpx
import jwt
import pytest

from tests.contract.fan import Fan, bearer, private, refused
from tests.contract.test_bad_tokens import forgeries
from tests.sale import put_on_sale
from usher import limits
from usher.account.guards import (
    ACCESS_COOKIE,
    FAN_COOKIE,
    REFRESH_COOKIE,
    admission_cookie,
    place_cookie,
)
from usher.ids import new_id
from usher.plumbing.signing import KeyRing
from usher.sale.model import SaleChange
from usher.venue.generate import rows_by_columns
from usher.wiring import House

pytestmark = pytest.mark.anyio

PASSWORD = "correct horse battery"
REFRESH = "/api/v1/auth/refresh"
Json = dict[str, Any]


def set_cookies(answer: httpx.Response) -> dict[str, Any]:
    """The cookies an answer sets, by name."""
    jar: SimpleCookie = SimpleCookie()
    for value in answer.headers.get_list("set-cookie"):
        jar.load(value)
    return dict(jar)


@pytest.fixture
async def account(http: httpx.AsyncClient) -> Json:
    """Credentials of a new account."""
    body = {"email": f"{new_id('account')}@example.org", "password": PASSWORD}
    answer = await http.post("/api/v1/auth/register", json=body)
    assert answer.status_code == 201, answer.text
    return body


async def log_in(http: httpx.AsyncClient, account: Json, **options: Any) -> Json:
    answer = await http.post("/api/v1/auth/login", json=account, **options)
    http.cookies.clear()
    return private(answer, 200)


async def refresh(http: httpx.AsyncClient, token: str) -> httpx.Response:
    return await http.post(REFRESH, json={"refresh_token": token})


async def test_a_program_refreshes_by_its_body(http: httpx.AsyncClient, account: Json) -> None:
    first = await log_in(http, account)
    assert first["refresh_expires_in_s"] in range(
        limits.refresh_token_s - 60, limits.refresh_token_s + 1
    )
    answer = await refresh(http, first["refresh_token"])
    after = private(answer, 200)
    assert "set-cookie" not in answer.headers
    assert after["refresh_token"] != first["refresh_token"]
    assert (after["token_type"], after["expires_in_s"]) == ("Bearer", limits.access_token_s)
    me = await http.get("/api/v1/auth/me", headers=bearer(after["access_token"]))
    assert private(me, 200) == first["account"] == after["account"]
    by_header = private(
        await http.post(REFRESH, json={}, headers=bearer(after["refresh_token"])), 200
    )
    assert by_header["refresh_token"] not in (first["refresh_token"], after["refresh_token"])


async def test_a_browser_refreshes_by_its_cookie(http: httpx.AsyncClient, account: Json) -> None:
    first = await log_in(http, account)
    cookie = f"{REFRESH_COOKIE}={first['refresh_token']}"
    answer = await http.post(REFRESH, json={}, headers={"cookie": cookie})
    body = private(answer, 200)
    assert "refresh_token" not in body  # for no script to read
    told = set_cookies(answer)
    assert told.keys() == {ACCESS_COOKIE, REFRESH_COOKIE}
    for morsel in told.values():
        assert morsel["secure"]
        assert morsel["httponly"]
        assert (morsel["path"], morsel["samesite"]) == ("/", "Lax")
    assert int(told[REFRESH_COOKIE]["max-age"]) <= limits.refresh_token_s
    assert told[REFRESH_COOKIE].value != first["refresh_token"]


async def test_only_a_refresh_token_refreshes(
    house: House, http: httpx.AsyncClient, account: Json
) -> None:
    """Forged, expired, of another purpose, none at all: by body, by header and by cookie."""
    login = await log_in(http, account)
    webhook = house.signer.sign("webhook", {"sub": "x"}, expires_s=2**31)
    bad = forgeries(house.settings.secrets, login["refresh_token"])
    bad.pop("too long")  # refused before it is looked at
    bad |= {"access": login["access_token"], "fan": login["fan_token"], "webhook": webhook}
    for name, token in bad.items():
        problem = refused(await refresh(http, token), 401, "unauthenticated")
        assert "token" in problem["detail"], name
        for headers in (
            [(b"authorization", b"Bearer " + token.encode())],
            [(b"cookie", f"{REFRESH_COOKIE}={token}".encode())],
        ):
            if ";" not in token:
                answer = await http.post(REFRESH, json={}, headers=headers)
                refused(answer, 401, "unauthenticated")
    for headers in ([], [(b"cookie", FAN_COOKIE.encode() + b"=x")]):
        refused(await http.post(REFRESH, json={}, headers=headers), 401, "unauthenticated")
    long = await refresh(http, "x" * (limits.token_chars_max + 1))
    refused(long, 422, "bad_input")
    # None of that has cost the login.
    private(await refresh(http, login["refresh_token"]), 200)


async def test_a_refresh_token_opens_no_other_door(http: httpx.AsyncClient, account: Json) -> None:
    token = (await log_in(http, account))["refresh_token"]
    for path in ("/api/v1/auth/me", "/api/v1/bookings"):
        refused(await http.get(path, headers=bearer(token)), 401, "unauthenticated")
    cookie = {"cookie": f"{ACCESS_COOKIE}={token}; {FAN_COOKIE}={token}"}
    for path in ("/api/v1/auth/me", "/api/v1/bookings"):
        refused(await http.get(path, headers=cookie), 401, "unauthenticated")


async def test_a_family_of_nobody(house: House, http: httpx.AsyncClient) -> None:
    """Signed by us, and yet no login of this database."""
    ring = KeyRing(house.settings.secrets)
    claims = {"sub": new_id("family"), "n": 1, "aud": "usher:refresh", "exp": int(time.time()) + 60}
    kid = {"kid": f"refresh.{ring.newest}"}
    token = jwt.encode(claims, ring.derive("refresh")[ring.newest], headers=kid)
    refused(await refresh(http, token), 401, "unauthenticated")


async def test_logging_out_ends_the_refresh_token(http: httpx.AsyncClient, account: Json) -> None:
    by_header, by_cookie, other = [await log_in(http, account) for _ in range(3)]
    answer = await http.post("/api/v1/auth/logout", headers=bearer(by_header["refresh_token"]))
    assert (answer.status_code, answer.content) == (204, b"")
    cookie = f"{REFRESH_COOKIE}={by_cookie['refresh_token']}; {FAN_COOKIE}={by_cookie['fan_token']}"
    answer = await http.post("/api/v1/auth/logout", headers={"cookie": cookie})
    gone = set_cookies(answer)
    assert gone.keys() == {ACCESS_COOKIE, REFRESH_COOKIE, FAN_COOKIE}
    assert {morsel["max-age"] for morsel in gone.values()} == {"0"}
    for login in (by_header, by_cookie):
        refused(await refresh(http, login["refresh_token"]), 401, "unauthenticated")
    private(await refresh(http, other["refresh_token"]), 200)


async def test_a_guest_who_logs_out_stays_a_guest(
    http: httpx.AsyncClient, paused_event: str
) -> None:
    guest = Fan(http, paused_event)
    await guest.join()
    http.cookies.clear()
    cookie = {"cookie": f"{FAN_COOKIE}={guest.identity}"}
    answer = await http.post("/api/v1/auth/logout", headers=cookie)
    assert set_cookies(answer).keys() == {ACCESS_COOKIE, REFRESH_COOKIE}


def shopping_at(event: str) -> tuple[set[str], str]:
    """The names of all a browser keeps of an event, and its cookies."""
    names = {place_cookie(event), admission_cookie(event), f"__Host-hold-{event}"}
    return names, "; ".join(f"{name}=x" for name in sorted(names))


async def test_who_sits_down_next_does_not_shop_as_who_logged_out(
    http: httpx.AsyncClient, account: Json
) -> None:
    """What they booked would be the other's, and they could not even see it."""
    login = await log_in(http, account)
    names, cookies = shopping_at(new_id("event"))
    cookie = f"{FAN_COOKIE}={login['fan_token']}; {cookies}; __Host-place-\u00e4=x"
    sent = {b"cookie": cookie.encode()}
    for path in ("/api/v1/auth/logout", "/logout"):
        gone = set_cookies(await http.post(path, headers=sent))
        assert gone.keys() == {ACCESS_COOKIE, REFRESH_COOKIE, FAN_COOKIE} | names
        assert {morsel["max-age"] for morsel in gone.values()} == {"0"}


async def test_who_logs_in_after_somebody_else_shops_as_nobody_before(
    http: httpx.AsyncClient, account: Json
) -> None:
    before = await log_in(http, account)
    other = {"email": f"{new_id('account')}@example.org", "password": PASSWORD}
    assert (await http.post("/api/v1/auth/register", json=other)).status_code == 201
    names, cookies = shopping_at(new_id("event"))
    sent = {"cookie": f"{FAN_COOKIE}={before['fan_token']}; {cookies}"}
    stays = set_cookies(await http.post("/login", data=account, headers=sent))
    assert stays.keys() == {ACCESS_COOKIE, REFRESH_COOKIE, FAN_COOKIE}
    changes = set_cookies(await http.post("/login", data=other, headers=sent))
    assert changes.keys() == {ACCESS_COOKIE, REFRESH_COOKIE, FAN_COOKIE} | names
    assert {changes[name]["max-age"] for name in names} == {"0"}


async def test_logging_out_everywhere(http: httpx.AsyncClient, account: Json) -> None:
    logins = [await log_in(http, account) for _ in range(3)]
    answer = await http.post(
        "/api/v1/auth/logout/everywhere", headers=bearer(logins[0]["access_token"])
    )
    assert (answer.status_code, answer.content) == (204, b"")
    for login in logins:
        refused(await refresh(http, login["refresh_token"]), 401, "unauthenticated")


async def test_an_account_reads_what_its_fans_have_booked(
    house: House, http: httpx.AsyncClient, account: Json
) -> None:
    """Booked by a guest, claimed by a login that sends the fan's token; then read by the account's
    token alone. Who has only the fan's token sees no more than before."""
    event = await put_on_sale(house, rows_by_columns(2, 5), mode="simple")
    guest = await Fan(http, event).come_in()
    first = await guest.booked("A-1")
    login = await log_in(http, account, headers=bearer(guest.identity))
    own = Fan(http, event)
    own.identity = (await log_in(http, account))["fan_token"]
    await own.come_in()
    second = await own.booked("A-3")

    async def listed(token: str) -> list[str]:
        body = private(await http.get("/api/v1/bookings", headers=bearer(token)), 200)
        return [each["booking_id"] for each in body["bookings"]]

    access = bearer(login["access_token"])
    assert await listed(login["access_token"]) == [second, first]
    assert await listed(login["fan_token"]) == [first]
    assert await listed(own.identity) == [second]
    for booking in (first, second):
        path = f"/api/v1/bookings/{booking}"
        private(await http.get(path, headers=access), 200)
        private(await http.post(f"{path}/payment", headers=access), 201)
        private(await http.post(f"{path}/cancellation", headers=access), 200)
    path = f"/api/v1/bookings/{second}"
    refused(await http.get(path, headers=bearer(login["fan_token"])), 403, "forbidden")
    stranger = {"email": f"x.{account['email']}", "password": PASSWORD}
    await http.post("/api/v1/auth/register", json=stranger)
    other = await log_in(http, stranger, headers=bearer(guest.identity))
    assert await listed(other["access_token"]) == []
    refused(await http.get(path, headers=bearer(other["access_token"])), 403, "forbidden")


async def test_who_stands_already_keeps_the_place_when_guests_are_shut_out(
    house: House, http: httpx.AsyncClient, account: Json
) -> None:
    event = await put_on_sale(house, rows_by_columns(1, 5), gate_state="paused")
    path = f"/api/v1/events/{event}"
    guest = Fan(http, event)
    number = (await guest.join())["place"]["number"]
    await Fan(http, event).join()
    await house.sales.change(event, "test", SaleChange(access="login"))
    for _ in range(100):
        if (await http.get(path)).json()["sale"]["access"] == "login":
            break
        await asyncio.sleep(0.1)
    http.cookies.clear()
    names = {"place": f"__Host-place-{event}", "fan": FAN_COOKIE, "access": ACCESS_COOKIE}
    cookies = f"{names['place']}={guest.place}; {names['fan']}={guest.identity}"
    answer = await http.post(f"{path}/queue", headers={"cookie": cookies})
    assert refused(answer, 401, "unauthenticated")["login"] is True
    private(await guest.ask("GET", "/queue/place", token=guest.place), 200)  # it stands, though
    login = await log_in(http, account, headers={"cookie": cookies})
    cookies = (
        f"{names['place']}={guest.place}; {names['fan']}={login['fan_token']};"
        f" {names['access']}={login['access_token']}"
    )
    joined = await http.post(f"{path}/queue", headers={"cookie": cookies})
    assert private(joined, 202)["place"]["number"] == number


async def test_a_form_of_who_must_log_in_leads_back_to_its_page(
    house: House, http: httpx.AsyncClient
) -> None:
    """And an address with a query comes back whole; a page of another site is none."""
    event = await put_on_sale(house, rows_by_columns(1, 5), gate_state="paused", access="login")
    page = f"/events/{event}"
    browser = {"accept": "text/html", "sec-fetch-site": "same-origin"}
    for referer, where in (
        (f"{http.base_url}{page}?from=mail", f"{page}%3Ffrom%3Dmail"),
        ("https://example.com/elsewhere", "/"),
        ("", "/"),
    ):
        answer = await http.post(f"{page}/join", headers=browser | {"referer": referer})
        assert answer.status_code == 303, answer.text
        assert answer.headers["location"] == f"/login?next={where}"


async def test_access_is_a_setting_like_others(
    house: House, http: httpx.AsyncClient, organiser: dict[str, str]
) -> None:
    event = await put_on_sale(house, rows_by_columns(1, 5), gate_state="paused")
    path = f"/api/v1/events/{event}"
    answer = await http.patch(f"{path}/sale", json={"access": "login"}, headers=organiser)
    assert private(answer, 200)["access"] == "login"
    changes = (await http.get(f"{path}/sale/changes", headers=organiser)).json()["changes"]
    newest = changes[0]
    assert (newest["field"], newest["before"], newest["after"]) == ("access", "guest", "login")
    for wrong in ("everybody", None, 1):
        answer = await http.patch(f"{path}/sale", json={"access": wrong}, headers=organiser)
        refused(answer, 422, "bad_input")
