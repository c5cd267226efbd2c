"""From a sold-out event to tickets: by the waiting list, with and without a script."""

import asyncio

import pytest
from playwright.async_api import Page, expect

from tests.journey.browser import PHONE, Visit
from tests.journey.conftest import Visitor
from tests.journey.shopper import book, fill, pay
from tests.sale import put_on_sale
from usher.sale.model import SaleChange
from usher.venue.generate import rows_by_columns
from usher.wiring import House

pytestmark = pytest.mark.anyio


async def sold_out(house: House) -> str:
    """An event of four seats, none of them for sale."""
    event = await put_on_sale(house, rows_by_columns(1, 4), state="draft", mode="simple")
    await house.seat_scripts.block(event, 0, 4, *range(4))
    await house.sales.change(event, "test", SaleChange(state="open"))
    for _ in range(200):
        if (await house.sales.find(event)).state == "sold_out":
            return event
        await asyncio.sleep(0.05)
    raise AssertionError("never sold out")


async def join(visit: Visit, event: str, email: str, seats: int = 2) -> Page:
    """A tab of somebody who has found the list on the event's page, and joined it."""
    page = await visit.page(f"/events/{event}")
    link = page.get_by_role("link", name="To the waiting list")
    for _ in range(20):
        if await link.count():
            break
        await asyncio.sleep(0.5)  # the process that shows it knows a second later; no script asks
        await page.reload()
    await link.click()
    await page.get_by_label("Email").fill(email)
    await page.get_by_label("Seats").fill(str(seats))
    await page.get_by_role("button", name="Join the waiting list").click()
    await expect(page.get_by_role("heading", name="You are on the waiting list")).to_be_visible()
    return page


async def link_of(house: House, event: str, email: str) -> str:
    """The link in the message that this person is sent, without the site."""
    for _ in range(200):
        view, _more = await house.waitlist.listing(event, "offered", None, 10)
        for row in view["entries"]:
            facts = await house.waitlist.offer_facts(f"{row['entry_id']}.1")
            if facts is not None and facts.email == email:
                return facts.link.removeprefix(house.settings.public_url)
        await asyncio.sleep(0.1)
    raise AssertionError(f"{email} was never offered anything")


async def test_from_the_list_to_tickets_in_another_browser(house: House, visitor: Visitor) -> None:
    event = await sold_out(house)
    async with visitor() as at_home, visitor(size=PHONE) as on_the_way:
        home = await join(at_home, event, "ann@example.org")
        await expect(home.get_by_text("You are the first on the list")).to_be_visible()
        await house.seat_scripts.block(event, 0, 0, 1, 2)
        page = await on_the_way.page(await link_of(house, event, "ann@example.org"))
        await expect(page.get_by_role("timer")).to_contain_text("3:59:")
        await expect(page.get_by_text("row A · seat 2")).to_be_visible()
        await page.get_by_role("button", name="Book these seats").click()
        await expect(page.get_by_text("This is all the time there is")).to_be_visible()
        await book(page)
        await pay(page)
        await expect(page.get_by_role("heading", name="It is yours")).to_be_visible()
        await home.reload()
        told = home.get_by_role("heading", name="You have booked the seats you were offered")
        await expect(told).to_be_visible()


async def test_without_a_script_no_is_said_and_the_next_one_books(
    house: House, visitor: Visitor
) -> None:
    event = await sold_out(house)
    async with visitor(script=False) as ann, visitor(script=False) as ben:
        first = await join(ann, event, "ann@example.org", 1)
        second = await join(ben, event, "ben@example.org", 1)
        await expect(second.get_by_text("person is ahead of you")).to_be_visible()
        await house.seat_scripts.block(event, 0, 0, 0)
        link = await link_of(house, event, "ann@example.org")
        await first.reload()
        await first.get_by_role("link", name="See my seats").click()
        await expect(first).to_have_url(ann.url + link)
        await first.get_by_text("No, thank you", exact=True).click()
        await first.get_by_role("button", name="Say no to these seats").click()
        await expect(
            first.get_by_role("heading", name="You said no to these seats")
        ).to_be_visible()
        await second.goto(ben.url + await link_of(house, event, "ben@example.org"))
        await second.get_by_role("button", name="Book these seats").click()
        await fill(second)
        await second.get_by_role("button", name="Book and go on to payment").click()
        await expect(second.get_by_role("heading", name="One step is left: pay")).to_be_visible()
        # Come back to the link: it says so, and leads to the booking.
        await second.goto(ben.url + await _again(house, event))
        await expect(second.get_by_role("heading", name="These seats are booked")).to_be_visible()
        await second.get_by_role("link", name="To the booking").click()
        await expect(second.get_by_role("heading", name="One step is left: pay")).to_be_visible()


async def _again(house: House, event: str) -> str:
    """The link of the offer that was booked."""
    for _ in range(100):
        view, _more = await house.waitlist.listing(event, "booked", None, 1)
        if view["entries"]:
            token = house.waitlist.offer_token(
                await house.waitlist.entry(view["entries"][0]["entry_id"])
            )
            return f"/offers/{token}"
        await asyncio.sleep(0.1)
    raise AssertionError("never booked")


async def test_a_link_leaves_the_list(house: House, visitor: Visitor) -> None:
    event = await sold_out(house)
    async with visitor() as ann, visitor(language="de") as elsewhere:
        await join(ann, event, "ann@example.org")
        view, _ = await house.waitlist.listing(event, "waiting", None, 1)
        entry = await house.waitlist.entry(view["entries"][0]["entry_id"])
        page = await elsewhere.page(f"/waitlist/{house.waitlist.entry_token(entry)}")
        await page.get_by_text("Die Liste verlassen", exact=True).click()
        await page.get_by_role("button", name="Von der Liste streichen").click()
        told = page.get_by_role("heading", name="Sie haben die Liste verlassen")
        await expect(told).to_be_visible()
