"""From seats that are held to tickets, in a browser: every way it can go."""

import pytest
from playwright.async_api import expect

from tests.journey.conftest import Visitor
from tests.journey.shopper import book, check_out, pay
from tests.sale import put_on_sale
from usher.wiring import House

pytestmark = pytest.mark.anyio


async def test_a_fan_buys(house: House, visitor: Visitor) -> None:
    event = await put_on_sale(house, mode="simple", title="Nacht der Celli")
    async with visitor() as visit:
        page = await check_out(visit, event)
        await expect(page.get_by_role("timer")).to_contain_text("9:")
        await expect(page.get_by_role("heading", name="Nacht der Celli")).to_be_visible()
        booking = await book(page)
        await pay(page)
        await expect(page).to_have_url(f"{visit.url}/bookings/{booking}")
        await expect(page.get_by_role("heading", name="It is yours")).to_be_visible()
        codes = page.get_by_role("img", name="QR code of the ticket for")
        await expect(codes).to_have_count(2)
        for code in await codes.all():
            await expect(code).to_have_js_property("complete", True)
            assert await code.evaluate("image => image.naturalWidth") > 0
