"""Giving back in a browser: a fan one ticket, an organiser the rest, and then the whole event."""

import pytest
from playwright.async_api import expect

from tests.journey.cast import Cast
from tests.journey.conftest import Visitor
from usher.wiring import House

pytestmark = pytest.mark.anyio


async def test_a_fan_gives_one_of_two_tickets_back(house: House, visitor: Visitor) -> None:
    async with visitor() as visit:
        cast = Cast(house, visit)
        event = await cast.event(mode="simple", cancel_before_s=3_600)
        page, booking = await cast.paid(event)
        await cast.go(page, f"/bookings/{booking}")
        await expect(page.locator(".ticket")).to_have_count(2)
        await page.get_by_text("You cannot come?").click()
        # Nothing ticked is nothing meant: the browser asks, and nothing goes back.
        await page.get_by_role("button", name="Give these tickets back").click()
        await expect(page.locator(".ticket")).to_have_count(2)
        await page.locator("input[name=tickets]").first.check()
        await page.get_by_role("button", name="Give these tickets back").click()
        await expect(page.locator(".ticket")).to_have_count(1)
        await expect(page.get_by_role("heading", name="Given back")).to_be_visible()
        await expect(page.locator(".refund")).to_have_count(1)
        for _ in range(50):
            await page.reload()
            if await page.get_by_text("Paid back").count():
                break
            await page.wait_for_timeout(100)
        await expect(page.get_by_text("Paid back")).to_be_visible()


async def test_an_organiser_gives_back_and_calls_off(house: House, visitor: Visitor) -> None:
    async with visitor() as fan, visitor() as desk:
        cast = Cast(house, fan)
        event = await cast.event(mode="simple")
        page, booking = await cast.paid(event)
        await cast.go(page, f"/bookings/{booking}")
        await expect(page.get_by_text("You cannot come?")).to_have_count(0)
        office = await Cast(house, desk).organiser()
        await office.goto(f"{desk.url}/organiser/events/{event}/sales")
        await office.get_by_role("link", name=booking).click()
        await office.locator("input[name=tickets]").first.check()
        await office.get_by_label("Reason").fill("The balcony is closed")
        await office.get_by_role("button", name="Give these tickets back").click()
        await expect(office.locator(".refund")).to_contain_text("The balcony is closed")
        await office.get_by_role("link", name="Cancel the event").click()
        await expect(office.get_by_text("1 booking will be given back")).to_be_visible()
        await office.get_by_role("button", name="Cancel the event").click()
        await expect(
            office.locator("form")
            .get_by_text("cannot be undone")
            .or_(office.get_by_role("alert"))
            .first
        ).to_be_visible()
        await office.get_by_label("does not take place").check()
        await office.get_by_label("What fans are told").fill("The singer is ill")
        await office.get_by_role("button", name="Cancel the event").click()
        await expect(office.get_by_role("heading", name="The event is cancelled")).to_be_visible()
        await cast.until(page, booking, "refunded")
        await page.reload()
        await expect(page.get_by_role("heading", name="The booking was refunded")).to_be_visible()
        await expect(page.get_by_text("The singer is ill")).to_be_visible()
