"""The waiting room in a browser: every state reached for real, and no place lost on the way."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest
from playwright.async_api import Browser, Page, expect

from tests.conftest import Site
from tests.contract.fan import Fan
from tests.journey.browser import PHONE, Visit, visiting
from tests.journey.conftest import Visitor
from tests.journey.quiet import Quiet, quiet_site
from tests.sale import put_on_sale
from usher.clock import utc_now
from usher.embedded import Embedded
from usher.ids import new_id
from usher.sale.model import GateChange, SaleChange
from usher.settings import Settings
from usher.venue.generate import rows_by_columns
from usher.wiring import House

pytestmark = pytest.mark.anyio

PATIENCE_MS = 20_000


@pytest.fixture(scope="module")
async def quiet(
    servers: Embedded, settings: Settings, site: Site, anyio_backend: str
) -> AsyncIterator[Quiet]:
    async with quiet_site(servers, settings, "waiting") as quiet:
        yield quiet


async def gate(house: House, event: str, **change: object) -> None:
    await house.sales.change(event, "test", GateChange(**change))  # type: ignore[arg-type]


async def sale(house: House, event: str, state: str) -> None:
    await house.sales.change(event, "test", SaleChange(state=state))  # type: ignore[arg-type]


async def joined(visit: Visit, event: str) -> Page:
    """The page of a fan who has pressed the button on the event's page."""
    page = await visit.page(f"/events/{event}")
    await page.locator("form[action$='/join'] button").click()
    return page


async def stands(page: Page, state: str, heading: str) -> None:
    """The page shows that state, and only that one."""
    await expect(page.locator("#room")).to_have_attribute("data-state", state, timeout=PATIENCE_MS)
    await expect(page.get_by_role("heading", level=1)).to_have_text(heading)


async def number(page: Page) -> str:
    await expect(page.locator("[data-fig=number]")).to_have_text(re.compile(r"\d"))
    return await page.locator("[data-fig=number]").inner_text()


async def live(page: Page, how: str = "live") -> None:
    await expect(page.locator("#link")).to_have_attribute("data-link", how, timeout=PATIENCE_MS)


async def test_from_the_lobby_to_the_seats(quiet: Quiet, browser: Browser) -> None:
    house = quiet.house
    opens_at = utc_now() + timedelta(hours=2)
    event = await put_on_sale(house, state="lobby", opens_at=opens_at)
    for _ in range(3):
        await house.queue.join(event, new_id("fan"))
    with quiet.serving():
        async with visiting(browser, quiet.url, size=PHONE) as visit:
            page = await joined(visit, event)
            await expect(page).to_have_url(f"{visit.url}/events/{event}/queue")
            await stands(page, "lobby", "You are in the waiting room")
            await expect(page.locator("#opens-in")).to_have_text(re.compile(r"^1:59:\d\d$"))
            await expect(page.get_by_text("Everyone here has the same chance")).to_be_visible()
            draws = f"The draw is at {opens_at:%H:%M}."
            await expect(page.locator("#draw-at")).to_have_text(draws)
            here = page.locator("[data-fig=here]")
            await expect(here).to_have_text("4 fans are here.", timeout=PATIENCE_MS)
            await live(page)
            await page.reload()
            await stands(page, "lobby", "You are in the waiting room")
            await expect(here).to_have_text("4 fans are here.", timeout=PATIENCE_MS)

            await sale(house, event, "open")
            await stands(page, "drawing", "The sale is open. Numbers are being drawn")
            await page.reload()
            await stands(page, "drawing", "The sale is open. Numbers are being drawn")

            await quiet.draw(event)
            await stands(page, "waiting", "You are in line")
            drawn = await number(page)
            ahead = await page.locator("[data-fig=ahead]").inner_text()
            assert int(drawn) == int(ahead) + 1
            await expect(page.locator("[data-fig=left]")).to_have_text("about 50")
            await page.reload()
            await stands(page, "waiting", "You are in line")
            assert await number(page) == drawn
            other = await visit.page(f"/events/{event}/queue")
            assert await number(other) == drawn

            await live(page)
            await quiet.call(event)
            await stands(page, "called", "It is your turn")
            await expect(page).to_have_title(re.compile("^It is your turn"))
            await expect(page.locator("#call-left")).to_have_text(re.compile(r"^[12]:\d\d$"))
            await expect(page.locator("#say")).to_contain_text("It is your turn")
            await stands(other, "called", "It is your turn")
            await page.reload()
            await stands(page, "called", "It is your turn")
            await page.get_by_role("button", name="Go in").click()
            await expect(page).to_have_url(f"{visit.url}/events/{event}/seats")

            # The second tab has heard of it, and leads on, too.
            await stands(other, "admitted", "You are in")
            await expect(other.locator("#shop-left")).to_have_text(re.compile(r"^(10|9):\d\d$"))
            await other.get_by_role("button", name="Choose seats").click()
            await expect(other).to_have_url(f"{visit.url}/events/{event}/seats")


async def test_a_simple_sale_has_no_line(house: House, visitor: Visitor) -> None:
    event = await put_on_sale(house, mode="simple")
    async with visitor() as visit:
        page = await joined(visit, event)
        await expect(page).to_have_url(f"{visit.url}/events/{event}/seats")


async def test_a_pause_of_gate_or_sale_a_notice_and_the_end(house: House, visitor: Visitor) -> None:
    event = await put_on_sale(house, gate_state="paused")
    async with visitor() as visit:
        page = await joined(visit, event)
        await stands(page, "waiting", "You are in line")
        mine = await number(page)
        paused = page.get_by_text("The line is paused: nobody is called")
        await expect(paused).to_be_visible()
        await expect(page.locator("[data-fig=wait]")).to_have_text("paused")
        await expect(page.locator("[data-fig=ahead-label]")).to_have_text(
            "You are the next to be called"
        )
        await gate(house, event, capacity=1, state="paused", rate_per_min=1)
        await house.feed_scripts.notice(event, "Doors open later.\n<b>Sorry!</b>")
        said = page.locator("[data-fig=notice]")
        await expect(said).to_have_text("Doors open later.\n<b>Sorry!</b>")
        await expect(page.locator("#say")).to_contain_text("The organiser says: Doors open later.")
        await page.reload()
        await expect(said).to_have_text("Doors open later.\n<b>Sorry!</b>")
        await expect(paused).to_be_visible()
        assert await number(page) == mine
        await live(page)
        await house.feed_scripts.notice(event, "")
        await expect(page.locator("#notice")).to_be_hidden()

        await sale(house, event, "paused")
        await gate(house, event, state="open")
        await expect(paused).to_be_visible()
        await sale(house, event, "closed")
        await stands(page, "closed", "The sale is over")
        await expect(paused).to_be_hidden()
        await expect(page.locator("#leave")).to_be_hidden()
        await page.reload()
        await stands(page, "closed", "The sale is over")


async def test_who_missed_the_call_gets_back_to_the_front(house: House, visitor: Visitor) -> None:
    event = await put_on_sale(house, claim_s=5)
    async with visitor() as visit:
        page = await joined(visit, event)
        await stands(page, "called", "It is your turn")
        await gate(house, event, state="paused")
        await house.queue.join(event, new_id("fan"))
        await stands(page, "lapsed", "You missed your call")
        await page.reload()
        await stands(page, "lapsed", "You missed your call")
        await page.get_by_role("button", name="Back to the front").click()
        await stands(page, "waiting", "You are in line")
        assert await number(page) == "1"
        await expect(page.locator("[data-fig=ahead]")).to_have_text("0")


async def test_leaving_is_asked_twice_and_a_new_place_is_at_the_end(
    house: House, visitor: Visitor
) -> None:
    event = await put_on_sale(house, gate_state="paused")
    async with visitor() as visit:
        page = await joined(visit, event)
        assert await number(page) == "1"
        await house.queue.join(event, new_id("fan"))
        other = await visit.page(f"/events/{event}/queue")
        await live(other)
        await expect(page.get_by_role("button", name="Give up my place")).to_be_hidden()
        await page.get_by_text("Leave the line", exact=True).click()
        await page.get_by_role("button", name="Give up my place").click()
        await stands(page, "left", "You are not in the line any more")
        await stands(other, "left", "You are not in the line any more")
        await page.get_by_role("button", name="Join again").click()
        await stands(page, "waiting", "You are in line")
        assert await number(page) == "3"
        await expect(page.locator("[data-fig=ahead]")).to_have_text("1")


async def test_sold_out_while_waiting(house: House, visitor: Visitor, site: Site) -> None:
    prices = {"Normal": 0, "VIP": 0, "VVIP": 0}
    event = await put_on_sale(house, rows_by_columns(1, 2), prices=prices, capacity=1)
    async with (
        httpx.AsyncClient(base_url=site.url, trust_env=False) as http,
        visitor() as visit,
    ):
        buyer = await Fan(http, event).come_in()
        page = await joined(visit, event)
        await stands(page, "waiting", "You are in line")
        mine = await number(page)
        booking = await buyer.booked("A-1", "A-2")
        await buyer.booking_until(booking, "confirmed")
        await stands(page, "sold_out", "All seats are sold")
        await page.reload()
        await stands(page, "sold_out", "All seats are sold")
        assert mine == "2"


async def test_without_a_place_the_page_says_so(house: House, visitor: Visitor) -> None:
    now = utc_now()
    before = await put_on_sale(house, state="draft", lobby_at=now + timedelta(hours=1))
    event = await put_on_sale(house, gate_state="paused")
    async with visitor() as visit:
        page = await visit.page(f"/events/{before}/queue")
        await stands(page, "draft", "The waiting room is not open yet")
        await expect(page.get_by_role("timer")).to_have_text(re.compile(r"^59:\d\d$"))
        await page.goto(f"{visit.url}/events/{event}/queue")
        await stands(page, "none", "You have no place in this line")
        await page.get_by_role("button", name="Join the line").click()
        await stands(page, "waiting", "You are in line")


async def test_where_no_stream_gets_through_the_page_asks(house: House, visitor: Visitor) -> None:
    event = await put_on_sale(house, gate_state="paused")
    async with visitor() as visit:
        await visit.context.route("**/queue/stream", lambda route: route.abort())
        page = await joined(visit, event)
        await live(page, "polling")
        assert await number(page) == "1"
        await gate(house, event, state="open")
        await stands(page, "called", "It is your turn")


async def test_a_page_that_was_offline_comes_back(house: House, visitor: Visitor) -> None:
    event = await put_on_sale(house, gate_state="paused")
    async with visitor() as visit:
        page = await joined(visit, event)
        await live(page)
        await visit.context.set_offline(True)
        await live(page, "away")
        await expect(page.get_by_text("You are offline. Your place is kept.")).to_be_visible()
        assert await number(page) == "1"
        await visit.context.set_offline(False)
        await live(page)
        await gate(house, event, state="open")
        await stands(page, "called", "It is your turn")


async def test_a_server_that_died_and_came_back(quiet: Quiet, browser: Browser) -> None:
    event = await put_on_sale(quiet.house, gate_state="paused")
    await quiet.house.queue.join(event, new_id("fan"))
    async with visiting(browser, quiet.url) as visit:
        with quiet.serving() as first:
            page = await joined(visit, event)
            await live(page)
            assert await number(page) == "2"
            first.kill()
            await live(page, "away")
            await expect(page.get_by_text("The line cannot be reached")).to_be_visible()
            await stands(page, "waiting", "You are in line")
        with quiet.serving():
            await live(page)
            assert await number(page) == "2"
            await page.reload()
            assert await number(page) == "2"
            await live(page)
            await gate(quiet.house, event, state="open")
            await quiet.call(event)
            await stands(page, "called", "It is your turn")


async def test_the_whole_way_without_a_script(house: House, visitor: Visitor) -> None:
    event = await put_on_sale(house, gate_state="paused")
    for _ in range(2):
        await house.queue.join(event, new_id("fan"))
    async with visitor(size=PHONE, script=False) as visit:
        page = await joined(visit, event)
        await stands(page, "waiting", "You are in line")
        assert await number(page) == "3"
        await expect(page.get_by_text("The line is paused: nobody is called")).to_be_visible()
        await expect(page.locator("meta[http-equiv=refresh]")).to_have_count(0)
        await page.get_by_role("link", name="Load this page again by itself").click()
        await expect(page.locator("meta[http-equiv=refresh]")).to_have_attribute("content", "5")
        await page.get_by_role("link", name="Stop that").click()
        await expect(page.locator("meta[http-equiv=refresh]")).to_have_count(0)

        await page.get_by_text("Leave the line", exact=True).click()
        await page.get_by_role("button", name="Give up my place").click()
        await stands(page, "left", "You are not in the line any more")
        await page.get_by_role("button", name="Join again").click()
        assert await number(page) == "4"

        await gate(house, event, state="open")
        for _ in range(100):
            await page.get_by_role("link", name="Check my place").click()
            if await page.get_by_role("heading", name="It is your turn").is_visible():
                break
            await asyncio.sleep(0.1)
        await stands(page, "called", "It is your turn")
        await page.get_by_role("button", name="Go in").click()
        await expect(page).to_have_url(f"{visit.url}/events/{event}/seats")
        await page.goto(f"{visit.url}/events/{event}/queue")
        await stands(page, "admitted", "You are in")
        await page.get_by_role("button", name="Choose seats").click()
        await expect(page).to_have_url(f"{visit.url}/events/{event}/seats")


async def test_a_sound_is_chosen_and_remembered(house: House, visitor: Visitor) -> None:
    event = await put_on_sale(house, gate_state="paused")
    async with visitor() as visit:
        page = await joined(visit, event)
        sound = page.get_by_label("play a sound")
        await expect(sound).not_to_be_checked()
        await sound.check()
        await expect(page.locator("#alarm-hint")).to_have_text("It will sound like this.")
        await page.reload()
        await expect(sound).to_be_checked()
        await page.get_by_label("show a notification").click()
        await expect(page.locator("#alarm-hint")).to_have_text(
            "Your browser does not allow notifications here."
        )
        await expect(page.get_by_label("show a notification")).not_to_be_checked()
