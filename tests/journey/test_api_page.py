"""The API's description as a page: all of it from this site."""

import pytest
from playwright.async_api import expect

from tests.journey.conftest import Visitor

pytestmark = pytest.mark.anyio


async def test_the_api_is_described_without_another_host(visitor: Visitor) -> None:
    async with visitor() as visit:
        page = await visit.page("/api")
        await expect(page.get_by_role("heading", name="usher")).to_be_visible()
        await page.locator(".opblock-summary", has_text="/holds").first.click()
        await expect(page.get_by_text("Hold named seats, or the best available")).to_be_visible()
