"""Accounts in a browser: in, out, back to where one was, silently refreshed, stolen, claimed."""

import json
import re
from datetime import timedelta
from typing import Any

import httpx
import pytest
from playwright.async_api import Page, expect

from tests.journey.browser import PHONE, Visit
from tests.journey.conftest import Visitor
from tests.sale import put_on_sale
from usher import limits
from usher.account.guards import ACCESS_COOKIE, FAN_COOKIE, REFRESH_COOKIE
from usher.account.model import Role
from usher.ids import new_id
from usher.sale.model import SaleChange
from usher.wiring import House

pytestmark = pytest.mark.anyio

PASSWORD = "correct horse battery"


@pytest.fixture
def email() -> str:
    return f"{new_id('account')}@example.org"


async def log_in(page: Page, email: str, password: str = PASSWORD) -> None:
    await page.get_by_label("Email").fill(email)
    await page.get_by_label("Password").fill(password)
    await page.get_by_role("button", name="Log in").click()


async def cookies(visit: Visit) -> dict[str, str]:
    return {each["name"]: each["value"] for each in await visit.context.cookies()}


async def asked(
    page: Page, path: str, method: str = "GET", body: Any = None
) -> tuple[int, dict[str, Any]]:
    """Status and body of a call by the page's own cookies."""
    status, told = await page.evaluate(
        "async ([path, method, body]) => {"
        " const headers = body ? { 'content-type': 'application/json' } : {};"
        " const answer = await fetch(path, { method, headers, body });"
        " return [answer.status, await answer.json()]; }",
        [path, method, None if body is None else json.dumps(body)],
    )
    return status, told


async def book_as_guest(page: Page, event: str, *seats: str) -> str:
    """The id of a booking, durable."""
    api = f"/api/v1/events/{event}"
    assert (await asked(page, f"{api}/queue", "POST"))[0] == 200
    status, hold = await asked(page, f"{api}/holds", "POST", {"seats": seats})
    assert status == 201
    person = {"hold_id": hold["hold_id"], "name": "Ann", "email": "ann@example.org"}
    status, booked = await asked(page, "/api/v1/bookings", "POST", person)
    assert status == 202
    booking: str = booked["booking_id"]
    while (await asked(page, f"/api/v1/bookings/{booking}"))[1]["state"] == "pending":
        await page.wait_for_timeout(20)
    return booking


async def later(house: House, email: str, seconds: float) -> None:
    """As if so many seconds had passed for the logins of an account."""
    async with house.database.connection() as connection:
        await connection.execute(
            "UPDATE refresh_family SET rotated_at = rotated_at - $2::interval"
            " WHERE account_id = (SELECT id FROM account WHERE email = $1)",
            email,
            timedelta(seconds=seconds),
        )


@pytest.mark.parametrize("script", [True, False])
async def test_register_leave_and_come_back(visitor: Visitor, email: str, script: bool) -> None:
    async with visitor(size=PHONE, script=script) as visit:
        page = await visit.page("/account?from=mail")
        await expect(page).to_have_url(f"{visit.url}/login?next=/account%3Ffrom%3Dmail")
        await page.get_by_role("link", name="Make one").click()
        await page.get_by_label("Name").fill("Ada <b>L</b>")
        await page.get_by_label("Email").fill("ada")
        await page.get_by_label("Password").fill("short")
        await page.get_by_role("button", name="Make the account").click()
        # Both faults beside their field; what was typed is there, but for the password.
        await expect(page.locator("#e-email")).to_contain_text("name@example.com")
        await expect(page.locator("#e-password")).to_contain_text("at least 10 characters")
        await expect(page.get_by_label("Name")).to_have_value("Ada <b>L</b>")
        await expect(page.get_by_label("Email")).to_have_value("ada")
        await expect(page.get_by_label("Password")).to_have_value("")
        await page.get_by_label("Email").fill(email)
        await page.get_by_label("Password").fill(PASSWORD)
        await page.get_by_role("button", name="Make the account").click()
        await expect(page).to_have_url(f"{visit.url}/account?from=mail")
        await expect(page.get_by_role("heading", name="Ada <b>L</b>")).to_be_visible()
        await expect(page.get_by_text(email)).to_be_visible()

        await page.get_by_role("button", name="Log out", exact=True).click()
        await expect(page).to_have_url(f"{visit.url}/")
        assert not {ACCESS_COOKIE, REFRESH_COOKIE, FAN_COOKIE} & (await cookies(visit)).keys()
        await page.get_by_role("link", name="Log in").click()
        await log_in(page, email, "not the password")
        await expect(page.locator("#e-password")).to_have_text(
            "The email or the password is wrong."
        )
        await expect(page.get_by_label("Email")).to_have_value(email)
        await log_in(page, email)
        await expect(page.get_by_role("link", name="Ada <b>L</b>")).to_be_visible()


async def test_an_email_is_taken_once(visitor: Visitor, house: House, email: str) -> None:
    await house.accounts.register(email, PASSWORD)
    async with visitor() as visit:
        page = await visit.page("/register")
        await page.get_by_label("Email").fill(email.upper())
        await page.get_by_label("Password").fill(PASSWORD)
        await page.get_by_role("button", name="Make the account").click()
        await expect(page.locator("#e-email")).to_have_text("This email has an account already.")


async def test_next_leads_nowhere_else(visitor: Visitor, house: House, email: str) -> None:
    await house.accounts.register(email, PASSWORD)
    async with visitor() as visit:
        page = await visit.page("/login?next=https://example.com/")
        await log_in(page, email)
        await expect(page).to_have_url(f"{visit.url}/")


async def test_an_access_token_that_has_run_out_is_refreshed_unnoticed(
    visitor: Visitor, house: House, email: str
) -> None:
    await house.accounts.register(email, PASSWORD)
    async with visitor() as visit:
        page = await visit.page("/login?next=/account")
        await log_in(page, email)
        await expect(page).to_have_url(f"{visit.url}/account")
        before = await cookies(visit)
        await visit.context.clear_cookies(name=ACCESS_COOKIE)
        await page.reload()
        await expect(page.get_by_text(email)).to_be_visible()
        after = await cookies(visit)
        assert after[REFRESH_COOKIE] != before[REFRESH_COOKIE]
        assert after[ACCESS_COOKIE]
        # And again, for a form that was open for long: it is done, not lost.
        await visit.context.clear_cookies(name=ACCESS_COOKIE)
        await page.get_by_label("Password now").fill(PASSWORD)
        await page.get_by_label("New password").fill("a better password")
        await page.get_by_role("button", name="Change it").click()
        await expect(page.get_by_role("status")).to_contain_text("Your password is changed")
        await house.accounts.login(email, "a better password")


async def test_a_page_that_is_open_refreshes_by_itself(
    visitor: Visitor, house: House, email: str
) -> None:
    """Two tabs, their token about to run out: one of them refreshes, for both."""
    await house.accounts.register(email, PASSWORD)
    async with visitor() as visit:
        page = await visit.page("/login?next=/account")
        await log_in(page, email)
        await expect(page).to_have_url(f"{visit.url}/account")
        seen: list[str] = []
        visit.context.on(
            "request", lambda r: seen.append(r.url) if r.url.endswith("/auth/refresh") else None
        )

        async def nearly_over(route: Any) -> None:
            answer = await route.fetch()
            body = re.sub(r'data-access="\d+"', 'data-access="5"', await answer.text())
            await route.fulfill(response=answer, body=body)

        await visit.context.route("**/account", nearly_over)
        await page.evaluate("localStorage.clear()")
        first = (await cookies(visit))[REFRESH_COOKIE]
        async with page.expect_response("**/api/v1/auth/refresh") as refreshed:
            await page.reload()
        answer = await refreshed.value
        assert "refresh_token" not in await answer.json()  # no script needs it
        assert (await cookies(visit))[REFRESH_COOKIE] != first
        second = await visit.page("/account")
        await expect(second.get_by_text(email)).to_be_visible()
        assert await second.evaluate("navigator.locks.request('usher-refresh', () => 1)") == 1
        assert len(seen) == 1
        # A call whose token has run out meanwhile is repeated with a new one.
        await visit.context.clear_cookies(name=ACCESS_COOKIE)
        script = await page.locator("script[src*='lib/session.js']").get_attribute("src")
        assert script
        me = await page.evaluate(
            "async (path) => (await (await import(path)).call('GET', '/api/v1/auth/me')).email",
            script.replace("session.js", "http.js"),
        )
        assert me == email
        assert len(seen) == 2


async def test_a_stolen_old_token_ends_what_owner_and_thief_have(
    visitor: Visitor, house: House, http: httpx.AsyncClient, email: str
) -> None:
    await house.accounts.register(email, PASSWORD)
    async with visitor() as visit:
        page = await visit.page("/login?next=/account")
        await log_in(page, email)
        await expect(page).to_have_url(f"{visit.url}/account")
        stolen = (await cookies(visit))[REFRESH_COOKIE]
        await visit.context.clear_cookies(name=ACCESS_COOKIE)
        await page.reload()
        await later(house, email, limits.refresh_grace_s + 1)
        answer = await http.get(
            "/account", headers={"accept": "text/html", "cookie": f"{REFRESH_COOKIE}={stolen}"}
        )
        assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=/account")
        assert f"{REFRESH_COOKIE}=; " in answer.headers["set-cookie"]
        await visit.context.clear_cookies(name=ACCESS_COOKIE)
        await page.reload()
        await expect(page).to_have_url(f"{visit.url}/login?next=/account")
        assert REFRESH_COOKIE not in await cookies(visit)
        await log_in(page, email)
        await expect(page).to_have_url(f"{visit.url}/account")


async def test_logging_out_everywhere_reaches_the_other_browser(
    visitor: Visitor, house: House, email: str
) -> None:
    await house.accounts.register(email, PASSWORD)
    async with visitor() as here, visitor(size=PHONE) as there:
        for visit in (here, there):
            page = await visit.page("/login?next=/account")
            await log_in(page, email)
            await expect(page).to_have_url(f"{visit.url}/account")
        await page.reload()
        await expect(page.get_by_text("You are logged in at 2 places.")).to_be_visible()
        await page.get_by_role("button", name="Log out everywhere").click()
        await expect(page).to_have_url(f"{visit.url}/")
        await here.context.clear_cookies(name=ACCESS_COOKIE)
        page = await here.page("/account")
        await expect(page).to_have_url(f"{here.url}/login?next=/account")


async def test_a_guest_claims_bookings_by_logging_in(
    visitor: Visitor, house: House, email: str
) -> None:
    """Booked as a guest in one browser, seen in another, and by nobody else."""
    event = await put_on_sale(house, mode="simple")
    await house.accounts.register(email, PASSWORD)
    async with visitor() as here, visitor() as there:
        booking = await book_as_guest(await here.page("/"), event, "A-1", "A-2")
        for visit in (here, there):
            page = await visit.page("/login?next=/account")
            await log_in(page, email)
            await expect(page).to_have_url(f"{visit.url}/account")
            _, mine = await asked(page, "/api/v1/bookings")
            assert [each["booking_id"] for each in mine["bookings"]] == [booking]
            assert (await asked(page, f"/api/v1/bookings/{booking}"))[0] == 200
        # A second account in the first browser is another fan, and claims nothing.
        other = f"other.{email}"
        await house.accounts.register(other, PASSWORD)
        page = await here.page("/login?next=/account")
        await log_in(page, other)
        await expect(page).to_have_url(f"{here.url}/account")
        assert (await asked(page, "/api/v1/bookings"))[1]["bookings"] == []
        assert (await asked(page, f"/api/v1/bookings/{booking}"))[0] == 403


async def test_a_sale_for_who_is_logged_in(
    visitor: Visitor, house: House, http: httpx.AsyncClient, email: str
) -> None:
    """Guests are asked to log in; an account has one place, whatever browsers it comes from."""
    event = await put_on_sale(house, gate_state="paused", access="login")
    path = f"/api/v1/events/{event}/queue"
    assert (await http.get(f"/api/v1/events/{event}")).json()["sale"]["access"] == "login"
    refusal = await http.post(path)
    assert (refusal.status_code, refusal.json()["login"]) == (401, True)
    await house.accounts.register(email, PASSWORD)
    numbers = []
    for _ in range(2):
        async with visitor() as visit:
            page = await visit.page(f"/events/{event}")
            assert (await asked(page, path, "POST"))[0] == 401
            await page.get_by_role("link", name="Log in to join").click()
            await log_in(page, email)
            await expect(page.get_by_role("button", name="Join the line")).to_be_visible()
            status, joined = await asked(page, path, "POST")
            assert status == 202
            numbers.append(joined["place"]["number"])
    tokens = (
        await http.post("/api/v1/auth/login", json={"email": email, "password": PASSWORD})
    ).json()
    for name in ("fan_token", "access_token"):
        bearer = {"authorization": f"Bearer {tokens[name]}"}
        numbers.append((await http.post(path, headers=bearer)).json()["place"]["number"])
    assert len(set(numbers)) == 1
    await house.sales.change(event, "test", SaleChange(access="guest"))


async def test_a_disabled_account_is_told_so(visitor: Visitor, house: House, email: str) -> None:
    await house.accounts.add(email, PASSWORD, "", Role.FAN)
    async with house.database.connection() as connection:
        await connection.execute("UPDATE account SET state = 'disabled' WHERE email = $1", email)
    async with visitor() as visit:
        page = await visit.page("/login")
        await log_in(page, email)
        await expect(page.locator("#e-email")).to_contain_text("disabled")
