"""The catalogue in a browser: found, filtered, read in another language; faults as pages."""

import re

import pytest
from playwright.async_api import expect

from tests.journey.browser import PHONE
from tests.journey.conftest import Visitor
from tests.sale import put_on_sale
from usher.plumbing.language import Languages
from usher.plumbing.shipped import shipped
from usher.wiring import House

pytestmark = pytest.mark.anyio


async def test_an_event_is_found_and_read(house: House, visitor: Visitor) -> None:
    event = await put_on_sale(house, title="Nacht der Geigen", city="Graz")
    async with visitor(size=PHONE) as visit:
        page = await visit.page("/")
        await page.get_by_text("City, production, date").click()
        city = page.get_by_label("City")
        for _ in range(20):  # cities are read anew every two seconds
            if await city.locator("option", has_text="Graz").count():
                break
            await page.wait_for_timeout(250)
            await page.reload()
            await page.get_by_text("City, production, date").click()
        await city.select_option("Graz")
        await page.get_by_role("searchbox", name="Search").fill("geigen")
        await page.get_by_role("button", name="Search").click()
        await page.get_by_role("link", name="Nacht der Geigen").first.click()
        await expect(page).to_have_url(f"{visit.url}/events/{event}")
        await expect(page.get_by_role("heading", name="Nacht der Geigen")).to_be_visible()
        await expect(page.get_by_role("status")).to_contain_text("50 seats left")
        await expect(page.get_by_role("button", name="Join the line")).to_be_visible()


async def test_nothing_found_says_so(visitor: Visitor) -> None:
    async with visitor() as visit:
        page = await visit.page("/?q=no+such+thing&date=not-a-day")
        await expect(page.get_by_role("heading", name="Nothing found")).to_be_visible()


@pytest.mark.parametrize("path", ["/events/evt_00000000000000000000", "/events/x", "/nowhere"])
async def test_what_is_not_there_is_a_page_too(visitor: Visitor, path: str) -> None:
    async with visitor() as visit:
        page = await visit.page()
        answer = await page.goto(visit.url + path)
        assert answer is not None
        assert answer.status == 404
        await expect(page.get_by_role("heading", name="There is nothing here")).to_be_visible()


async def test_scripts_write_money_as_the_server_does(house: House, visitor: Visitor) -> None:
    """Browsers disagree with the server, and each other, on the digits of a forint."""
    event = await put_on_sale(house)
    english = Languages(shipped("front") / "locale").known["en"]
    prices = [(450_000, code) for code in ("EUR", "HUF", "JPY", "KWD", "COP", "RSD", "CLF")]
    async with visitor() as visit:
        page = await visit.page(f"/events/{event}")
        written = await page.evaluate(
            """async (prices) => {
              const words = document.querySelector('link[href$="/lib/words.js"]').href;
              const { money } = await import(words);
              return prices.map(([amount, currency]) => money({ amount, currency }));
            }""",
            prices,
        )
        visit.check()
    figures = [re.sub(r"[^0-9.,]", "", each) for each in written]
    assert figures == [re.sub(r"[^0-9.,]", "", english.money(*price)) for price in prices]
