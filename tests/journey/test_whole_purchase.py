"""From the event's page to the tickets: with a line, without a script, by the keyboard alone."""

import pytest
from playwright.async_api import Locator, Page, expect

from tests.journey.browser import DESKTOP, PHONE
from tests.journey.conftest import Visitor
from tests.sale import put_on_sale
from usher.wiring import House

pytestmark = pytest.mark.anyio


async def again_until(page: Page, wanted: Locator, again: str) -> None:
    """Follows the link `again`, as one does without a script, until `wanted` is there."""
    for _ in range(100):
        if await wanted.count():
            return
        await page.get_by_role("link", name=again).click()
        await page.wait_for_timeout(100)
    raise AssertionError(f"never came: {wanted}")


@pytest.mark.parametrize("script", [True, False], ids=["script", "plain"])
async def test_through_the_line_to_the_tickets(
    house: House, visitor: Visitor, script: bool
) -> None:
    event = await put_on_sale(house, title="Nacht der Bratschen")
    async with visitor(size=PHONE, script=script) as visit:
        page = await visit.page(f"/events/{event}")
        await page.get_by_role("button", name="Join the line").click()
        go_in = page.get_by_role("button", name="Go in")
        if not script:
            await again_until(page, go_in, "Check my place")
        await go_in.click()
        await expect(page).to_have_url(f"{visit.url}/events/{event}/seats")
        await page.get_by_label("Category").select_option(label="VIP · €80.00")
        await page.get_by_label("Seats", exact=True).fill("2")
        await page.get_by_role("button", name="Find and hold the best").click()
        await page.get_by_label("Your name").fill("Ann Archer")
        await page.get_by_label("Email").fill("ann@example.org")
        await page.get_by_role("button", name="Book and go on to payment").click()
        pay = page.get_by_role("button", name="Pay €160.00")
        if not script:
            await again_until(page, pay, "Look again")
        await pay.click()
        await page.get_by_role("button", name="Approve", exact=True).click()
        tickets = page.get_by_role("img", name="QR code of the ticket for")
        if not script:
            await again_until(page, tickets, "Look again")
        await expect(tickets).to_have_count(2)
        await page.goto(f"{visit.url}/bookings")
        await page.get_by_role("link", name="Nacht der Bratschen").click()
        await expect(page.get_by_role("heading", name="It is yours")).to_be_visible()


async def press(page: Page, role: str, name: str, key: str = "Enter") -> None:
    """Goes to a control with Tab, as who has no mouse does, and presses it."""
    wanted = page.get_by_role(role, name=name)  # type: ignore[arg-type]
    await expect(wanted.first).to_be_visible()
    for _ in range(150):
        if await wanted.first.evaluate("(each) => each === document.activeElement"):
            await page.keyboard.press(key)
            return
        await page.keyboard.press("Tab")
    raise AssertionError(f"Tab never comes to {role} {name!r}")


async def test_a_keyboard_buys(house: House, visitor: Visitor) -> None:
    event = await put_on_sale(house, mode="simple")
    async with visitor(size=DESKTOP) as visit:
        page = await visit.page(f"/events/{event}")
        await press(page, "button", "Choose seats")
        await expect(page.locator("#map")).to_have_attribute("data-drawn", "yes")
        await page.locator("summary", has_text="Row C").focus()
        await page.keyboard.press("Enter")
        await press(page, "button", "Seat 1, Normal", "Space")
        await page.keyboard.press("ArrowRight")
        await page.keyboard.press("Space")
        hold = page.get_by_role("button", name="Hold 2 seats")
        await expect(hold).to_be_enabled()
        await page.locator("body").press("Home")
        for _ in range(150):
            if await hold.evaluate("(each) => each === document.activeElement"):
                break
            await page.keyboard.press("Shift+Tab")
        await page.keyboard.press("Enter")
        await press(page, "textbox", "Your name", "A")
        await page.keyboard.type("nn Archer")
        await press(page, "textbox", "Email", "a")
        await page.keyboard.type("nn@example.org")
        await page.keyboard.press("Enter")
        await press(page, "button", "Pay €90.00")
        await press(page, "button", "Approve")
        await expect(page.get_by_role("heading", name="It is yours")).to_be_visible()
