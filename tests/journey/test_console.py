"""The organiser at the sale console, in a real browser, while fans wait."""

import csv
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import Browser, Page, expect

from tests.contract.fan import Fan
from tests.contract.organiser import public
from tests.journey.browser import PHONE, Visit
from tests.journey.conftest import Visitor
from tests.sale import put_on_sale
from tests.unit.test_insight_forecast import CASES
from usher.account.model import Role
from usher.ids import new_id
from usher.plumbing.shipped import shipped
from usher.venue.generate import rows_by_columns
from usher.wiring import House

pytestmark = pytest.mark.anyio
PASSWORD = "correct horse battery"
FORECAST = (shipped("front") / "static" / "console" / "forecast.js").read_text()


@pytest.fixture
async def email(house: House) -> str:
    """An organiser's."""
    email = f"{new_id('account')}@example.org"
    await house.accounts.add(email, PASSWORD, "Olga", Role.ORGANISER)
    return email


@pytest.fixture
async def event(house: House) -> str:
    """A queued event before its sale."""
    plan = rows_by_columns(4, 10)
    return await put_on_sale(house, plan, state="draft", rate_per_min=60, capacity=20)


async def logged_in(visit: Visit, email: str) -> Page:
    page = await visit.page()
    answer = await page.request.post(
        f"{visit.url}/api/v1/auth/login", data={"email": email, "password": PASSWORD}
    )
    assert answer.ok
    return page


def console(visit: Visit, event: str, more: str = "console") -> str:
    return f"{visit.url}/organiser/events/{event}/{more}"


async def turn(page: Page, name: str, value: int) -> None:
    await page.get_by_role("spinbutton", name=name).fill(str(value))
    await page.get_by_role("spinbutton", name=name).press("Enter")


async def test_a_sale_is_run_from_the_console(
    house: House, http: httpx.AsyncClient, visitor: Visitor, email: str, event: str, tmp_path: Path
) -> None:
    async with visitor() as visit:
        page = await logged_in(visit, email)
        await page.goto(console(visit, event))
        state, outlook = page.locator("#state"), page.locator("#outlook")
        await expect(state).to_have_text("Not on sale yet")
        await expect(page.get_by_text("Live", exact=True)).to_be_visible()

        await page.get_by_role("button", name="Pause the gate").click()
        await expect(page.get_by_text("Gate paused")).to_be_visible()
        await page.get_by_role("button", name="Open the sale", exact=True).click()
        await expect(state).to_have_text("On sale")
        fans = [Fan(http, event) for _ in range(4)]
        for fan in fans:
            await fan.join()
        await expect(page.locator("#n-waiting")).to_have_text("4")
        await expect(page.locator('[data-chart="waiting"] svg')).to_have_attribute(
            "aria-label", "People waiting: now 4, at most 4 in the last 10 minutes"
        )
        await expect(outlook).to_contain_text("the last in line gets in at")
        await expect(outlook).to_contain_text("resumed now")

        # What comes of another rate is told before it is sent.
        before = await outlook.text_content()
        rate = page.get_by_role("spinbutton", name="Rate")
        await rate.fill("1")
        await expect(outlook).not_to_have_text(before or "")
        assert (await house.sales.find(event)).rate_per_min == 60
        await rate.fill("0")
        await rate.press("Enter")
        await expect(page.locator("#gate-said")).to_contain_text("Whole numbers only")
        assert (await house.sales.find(event)).rate_per_min == 60

        await turn(page, "Capacity", 2)
        await turn(page, "Rate", 6_000)
        await expect(page.locator("#gate-said")).to_contain_text("6,000 a minute, 2 shopping")
        await page.get_by_role("button", name="Resume the gate").click()
        for fan in fans[:2]:
            await fan.come_in()
        assert (await fans[2].where())["state"] == "waiting"  # the capacity holds
        await page.get_by_role("group", name="Capacity").get_by_text("Double").click()
        await expect(page.locator("#n-capacity")).to_have_text("of 4")
        for fan in fans[2:]:
            await fan.come_in()
        await expect(page.locator("#n-shopping")).to_have_text("4")

        text = "Doors open at <b>seven</b>"
        await page.get_by_label("What to say").fill(text)
        await page.get_by_role("button", name="Tell everyone").click()
        await expect(page.locator("#notice-text")).to_have_text(text)
        await public(http, event, notice=text)
        await page.get_by_role("button", name="Take it down").click()
        await expect(page.locator("#notice-up")).to_be_hidden()

        booking = await fans[0].booked("A-1", "A-2")
        await fans[0].pay(booking)
        await fans[0].booking_until(booking, "confirmed")
        latest = page.locator("#latest tbody tr")
        await expect(latest).to_have_count(1)
        await expect(latest).to_contain_text("Ann Lee")
        await expect(latest).to_contain_text("Confirmed")
        await expect(page.locator("#n-sold")).to_have_text("2")
        await expect(page.locator('[data-chart="conversion"] .value')).to_have_text("25 %")
        await page.locator('[data-chart="bookings"] summary').click()
        rows = page.locator('[data-chart="bookings"] tbody td.number')
        assert sum(int(each) for each in await rows.all_text_contents()) == 1
        assert await sold_dots(page) > 0

        await page.get_by_role("button", name="Pause the sale").click()
        await expect(state).to_have_text("Paused")
        await page.get_by_role("button", name="Resume the sale").click()
        await expect(state).to_have_text("On sale")
        await page.get_by_role("button", name="Simple").click()
        dialog = page.get_by_role("dialog")
        await dialog.get_by_role("button", name="Leave it as it is").click()
        assert (await house.sales.find(event)).mode == "queued"
        await page.get_by_role("button", name="Simple").click()
        await dialog.get_by_role("button", name="Let everyone in").click()
        await expect(outlook).to_contain_text("There is no line")
        await page.get_by_role("button", name="Close the sale").click()
        await page.keyboard.press("Escape")
        await expect(state).to_have_text("On sale")
        await page.get_by_role("button", name="Close the sale").click()
        await dialog.get_by_role("button", name="Close the sale").click()
        await expect(state).to_have_text("Sale over")

        await page.get_by_role("link", name="Sales", exact=True).click()
        await expect(page.get_by_role("row", name="Ann Lee")).to_contain_text(booking)
        await page.get_by_role("searchbox", name="Search").fill("ANN@")
        await page.get_by_role("button", name="Search").click()
        await expect(page.get_by_text(booking)).to_be_visible()
        async with page.expect_download() as download:
            await page.get_by_role("link", name="Download these as CSV").click()
        file = tmp_path / "sales.csv"
        await (await download.value).save_as(file)
        with file.open(encoding="utf-8-sig", newline="") as sheet:
            (row,) = csv.DictReader(sheet)
        assert (row["booking"], row["name"], row["seats"]) == (booking, "Ann Lee", "2")
        await page.get_by_role("searchbox", name="Search").fill("nobody")
        await page.get_by_role("button", name="Search").click()
        await expect(page.get_by_text("No booking is like this")).to_be_visible()

        await page.get_by_role("link", name="Changes").click()
        newest = page.locator("tbody tr").first
        await expect(newest).to_contain_text("Olga")
        await expect(newest).to_contain_text(email)
        told = await page.locator("tbody tr").all_inner_texts()
        for wanted in (
            ("Notice", "none", text),
            ("Notice", text, "none"),
            ("Sale", "On sale", "Sale over"),
            ("Sale", "Not on sale yet", "On sale"),
            ("Mode", "With a line", "Simple"),
            ("Gate", "Open", "Paused"),
            ("Rate, fans a minute", "60", "6000"),
            ("Capacity, fans shopping at once", "2", "4"),
        ):
            assert any("\t".join(wanted) in each for each in told), (wanted, told)


async def sold_dots(page: Page) -> int:
    """Pixels of the hall that are of the colour of sold seats."""
    found: Any = await page.evaluate(
        """() => {
            const canvas = document.getElementById("hall");
            const pen = canvas.getContext("2d");
            pen.fillStyle = getComputedStyle(document.documentElement).getPropertyValue("--good");
            const [, red, green, blue] = pen.fillStyle.match(/#(..)(..)(..)/);
            const wanted = [red, green, blue].map((each) => parseInt(each, 16));
            const { data } = pen.getImageData(0, 0, canvas.width, canvas.height);
            let count = 0;
            for (let i = 0; i < data.length; i += 4)
                if (wanted.every((each, at) => data[i + at] === each)) count += 1;
            return count;
        }"""
    )
    return int(found)


async def test_a_login_that_has_run_out_says_so_and_comes_back(
    visitor: Visitor, email: str, event: str
) -> None:
    async with visitor() as visit:
        page = await logged_in(visit, email)
        await page.goto(console(visit, event))
        await expect(page.get_by_text("Live", exact=True)).to_be_visible()
        await visit.context.clear_cookies()
        link = page.get_by_role("link", name="Log in again")
        path = f"/organiser/events/{event}/console".replace("/", "%2F")
        await expect(link).to_have_attribute("href", f"/login?next={path}")


async def test_the_basic_controls_work_without_script(
    house: House, visitor: Visitor, email: str, event: str
) -> None:
    async with visitor(script=False, size=PHONE) as visit:
        page = await logged_in(visit, email)
        await page.goto(console(visit, event))
        await page.get_by_role("button", name="Open the waiting room").click()
        await expect(page.locator("#state")).to_have_text("Waiting room open")
        await page.get_by_role("button", name="Open the sale", exact=True).click()
        await expect(page.locator("#state")).to_have_text("On sale")

        await page.get_by_role("spinbutton", name="Rate").fill("123")
        await page.get_by_role("spinbutton", name="Capacity").fill("0")
        await page.get_by_role("button", name="Set", exact=True).click()
        await expect(page.get_by_text("whole number of 1 to 1,000,000")).to_be_visible()
        await expect(page.get_by_role("spinbutton", name="Rate")).to_have_value("123")
        await page.get_by_role("spinbutton", name="Capacity").fill("45")
        await page.get_by_role("button", name="Set", exact=True).click()
        await expect(page.get_by_text("Done, and recorded")).to_be_visible()
        sale = await house.sales.find(event)
        assert (sale.rate_per_min, sale.capacity) == (123, 45)

        await page.get_by_role("button", name="Pause the gate").click()
        await expect(page.get_by_text("Gate paused")).to_be_visible()
        await page.get_by_label("What to say").fill("Soon\nvery soon")
        await page.get_by_role("button", name="Tell everyone").click()
        await expect(page.locator("#notice-text")).to_have_text("Soon very soon")
        await page.get_by_role("button", name="Take it down").click()
        await expect(page.locator("#notice-up")).to_be_hidden()

        await page.get_by_role("button", name="Close the sale").click()
        await expect(page.get_by_role("heading", name="Close the sale?")).to_be_visible()
        assert (await house.sales.find(event)).state == "open"
        await page.get_by_role("button", name="Close the sale").click()
        await expect(page.locator("#state")).to_have_text("Sale over")


async def test_a_phone_needs_no_sideways_scrolling(
    visitor: Visitor, email: str, event: str
) -> None:
    async with visitor(size=PHONE, dark=True) as visit:
        page = await logged_in(visit, email)
        for part in ("console", "sales", "changes"):
            await page.goto(console(visit, event, part))
            wide = await page.evaluate("document.documentElement.scrollWidth")
            assert wide <= PHONE["width"], part


@pytest.fixture
async def blank(browser: Browser) -> AsyncIterator[Page]:
    """A page of nobody's, to run a module in."""
    context = await browser.new_context()
    yield await context.new_page()
    await context.close()


async def test_the_browser_reckons_as_the_server_does(blank: Page) -> None:
    found: Any = await blank.evaluate(
        """async ([script, cases]) => {
            const module = await import("data:text/javascript," + encodeURIComponent(script));
            return cases.map(([waiting, free, rate, capacity, stay, perFan]) => {
                const told = module.forecast({ waiting, free, rate, capacity, stay, perFan });
                return [told.line, told.seats, told.left, told.vain, told.perMin];
            });
        }""",
        [FORECAST, [list(given) for given, _ in CASES]],
    )
    assert found == [list(wanted) for _, wanted in CASES]
