"""The reader's language: asked for by the browser, chosen on any page, kept; right to left too."""

import pytest
from playwright.async_api import expect

from tests.journey.browser import PHONE
from tests.journey.conftest import Visitor
from tests.sale import put_on_sale
from usher.wiring import House

pytestmark = pytest.mark.anyio


async def test_the_browser_says_which_language_it_wants(house: House, visitor: Visitor) -> None:
    event = await put_on_sale(house)
    async with visitor(language="de-AT") as visit:
        page = await visit.page(f"/events/{event}")
        await expect(page.locator("html")).to_have_attribute("lang", "de")
        await expect(page.get_by_role("button", name="Anstellen")).to_be_visible()
        await expect(page.get_by_role("status")).to_contain_text("50 Plätze frei")
        await expect(page.get_by_text("45,00 €")).to_be_visible()


async def test_a_language_is_chosen_on_any_page_and_kept(house: House, visitor: Visitor) -> None:
    event = await put_on_sale(house)
    async with visitor(size=PHONE) as visit:
        page = await visit.page(f"/events/{event}")
        await page.get_by_role("button", name="العربية").click()
        await expect(page).to_have_url(f"{visit.url}/events/{event}")
        await expect(page.locator("html")).to_have_attribute("dir", "rtl")
        assert not await page.evaluate(
            "document.documentElement.scrollWidth > document.documentElement.clientWidth"
        )
        start = await page.get_by_role("heading").first.bounding_box()
        assert start is not None
        await page.goto(visit.url + "/")
        await expect(page.locator("html")).to_have_attribute("lang", "ar")
        await page.get_by_role("button", name="English").click()
        await expect(page.locator("html")).to_have_attribute("dir", "ltr")
