"""From seats that are held to tickets, in a browser: every way it can go."""

import asyncio
from pathlib import Path

import icalendar
import pytest
from playwright.async_api import Page, expect

from tests.journey.browser import PHONE
from tests.journey.conftest import Visitor
from tests.journey.shopper import book, check_out, come_in, fill, hold, pay
from tests.sale import put_on_sale
from usher.wiring import House

pytestmark = pytest.mark.anyio

BOOK = "Book and go on to payment"
PATIENCE_MS = 20_000  # for what takes the shortest window a sale may have, and then some


async def test_a_fan_buys(house: House, visitor: Visitor) -> None:
    event = await put_on_sale(house, mode="simple", title="Nacht der Celli, Teil 2")
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
        await _calendar(page, booking)
        await page.get_by_role("link", name="Open the ticket").first.click()
        await expect(page.get_by_role("img", name="QR code of this ticket")).to_be_visible()
        await expect(page.get_by_text("Ann Anders")).to_be_visible()


async def _calendar(page: Page, booking: str) -> None:
    async with page.expect_download() as waiting:
        await page.get_by_role("link", name="Add to my calendar").click()
    download = await waiting.value
    assert download.suggested_filename == f"{booking}.ics"
    text = await asyncio.to_thread(Path(await download.path()).read_text)
    (entry,) = icalendar.Calendar.from_ical(text).walk("VEVENT")
    assert entry["SUMMARY"] == "Nacht der Celli, Teil 2"
    assert booking in str(entry["UID"])


async def test_declined_is_told_and_tried_again(house: House, visitor: Visitor) -> None:
    event = await put_on_sale(house, mode="simple")
    async with visitor() as visit:
        page = await check_out(visit, event)
        await book(page)
        await pay(page, "Decline")
        await expect(page.get_by_role("heading", name="The bank has declined")).to_be_visible()
        await expect(page.get_by_text("Nothing was charged")).to_be_visible()
        await pay(page, "Approve", "Try again")
        await expect(page.get_by_role("heading", name="It is yours")).to_be_visible()


async def test_a_slow_bank_is_waited_for(house: House, visitor: Visitor) -> None:
    event = await put_on_sale(house, mode="simple")
    async with visitor(size=PHONE) as visit:
        page = await check_out(visit, event)
        await page.clock.install()
        booking = await book(page)
        await page.get_by_role("button", name="Pay €").click()
        await page.get_by_role("link", name="Back to the booking").click()
        await expect(page.get_by_role("heading", name="Waiting for the bank")).to_be_visible()
        slow = page.locator("[data-slow]")
        await expect(slow).to_be_hidden()
        await page.clock.fast_forward(6_000)
        await expect(slow).to_contain_text("The bank is slow. Keep this page open")
        await expect(page.get_by_role("status")).to_contain_text("The bank is slow")
        # Somewhere else the bank makes up its mind, a moment later: this page hears of it.
        other = await visit.page(f"/bookings/{booking}")
        await other.get_by_role("button", name="Back to the bank").click()
        await other.get_by_text("More ways to answer").click()
        await other.get_by_label("How slow").fill("1")
        await other.get_by_role("button", name="Be slow, then approve").click()
        await expect(page.get_by_role("heading", name="It is yours")).to_be_visible()
        width = await page.evaluate("document.documentElement.scrollWidth")
        assert width <= PHONE["width"], "the page is wider than the phone"


async def test_a_hold_lapses_on_the_checkout(house: House, visitor: Visitor) -> None:
    event = await put_on_sale(house, mode="simple", hold_s=5)
    async with visitor() as visit:
        page = await check_out(visit, event)
        await fill(page)
        await expect(page.get_by_role("status")).to_contain_text("Less than two minutes left")
        await expect(page.locator("[data-soon]")).to_be_visible()
        gone = page.get_by_role("heading", name="These seats are on sale again")
        await expect(gone).to_be_visible(timeout=PATIENCE_MS)
        again = page.get_by_role("link", name="Choose seats again")
        await expect(again).to_have_attribute("href", f"/events/{event}/seats")
        # What was typed is there again for the next seats.
        held = await hold(page, event)
        await page.goto(f"{visit.url}/events/{event}/checkout/{held['hold_id']}")
        await expect(page.get_by_label("Your name")).to_have_value("Ann Anders")


@pytest.mark.parametrize("script", [True, False])
async def test_more_time_in_one_press(house: House, visitor: Visitor, script: bool) -> None:
    event = await put_on_sale(house, mode="simple", hold_s=60, hold_cap_s=61)
    async with visitor(script=script) as visit:
        page = await check_out(visit, event)
        await fill(page, email="still typing")
        await page.wait_for_timeout(1_100)  # then the cap is less than a whole hold away
        await page.get_by_role("button", name="More time").click()
        await expect(page.get_by_text("This is all the time there is")).to_be_visible()
        await expect(page.get_by_role("button", name="More time")).to_have_count(0)
        await expect(page.get_by_label("Email")).to_have_value("still typing")
        if script:
            await expect(page.get_by_role("status")).to_contain_text("The seats are held for")


async def test_seats_are_given_back(house: House, visitor: Visitor) -> None:
    event = await put_on_sale(house, mode="simple")
    async with visitor() as visit:
        page = await check_out(visit, event)
        await page.get_by_text("Not these seats?").click()
        await page.get_by_role("button", name="Give the seats back").click()
        await expect(page).to_have_url(f"{visit.url}/events/{event}/seats")
        seats = await page.request.get(f"{visit.url}/api/v1/events/{event}/seats")
        assert set((await seats.json())["states"]) == {"."}


async def test_twice_is_once(house: House, visitor: Visitor) -> None:
    event = await put_on_sale(house, mode="simple")
    async with visitor() as visit:
        page = await check_out(visit, event)
        here = page.url
        send = """async ([path, fields]) => {
          const post = () => fetch(path, { method: "POST", body: new URLSearchParams(fields) });
          return (await Promise.all([post(), post(), post()])).map((answer) => answer.url);
        }"""
        details = {"name": "Ann", "email": "ann@example.org"}
        booked = set(await page.evaluate(send, [here, details]))
        # Said differently, late: what was said first stands, and its booking is shown.
        booked |= set(await page.evaluate(send, [here, {**details, "name": "Bea"}]))
        (booking,) = booked
        banks = set(await page.evaluate(send, [f"{booking}/pay", {}]))
        (bank,) = banks
        assert "/pay/sandbox/" in bank
        await page.evaluate(send, [bank, {"outcome": "approve"}])
        await page.evaluate(send, [bank, {"outcome": "decline"}])
        await page.goto(booking)
        await expect(page.get_by_role("heading", name="It is yours")).to_be_visible()
        await expect(page.get_by_text("Ann", exact=True)).to_be_visible()
        assert set(await page.evaluate(send, [f"{booking}/pay", {}])) == {booking}
    async with house.database.connection() as connection:
        for table in ("booking", "payment"):
            count = f"SELECT count(*) FROM {table} WHERE event_id = $1"
            assert await connection.fetchval(count, event) == 1, table


async def test_faults_stand_beside_their_field(house: House, visitor: Visitor) -> None:
    event = await put_on_sale(house, mode="simple")
    async with visitor(size=PHONE) as visit:
        page = await check_out(visit, event)
        await fill(page, "<b>Ann & co</b>", "ann@nowhere")
        await page.get_by_role("button", name=BOOK).click()
        await expect(page.locator("#e-email")).to_contain_text("This is no email address")
        await expect(page.locator("#e-name")).to_have_count(0)
        await expect(page.get_by_label("Your name")).to_have_value("<b>Ann & co</b>")
        await expect(page.get_by_label("Email")).to_have_value("ann@nowhere")
        await fill(page, "   ", "ann@example.org")
        await page.get_by_role("button", name=BOOK).click()
        await expect(page.locator("#e-name")).to_contain_text("Please tell us your name")
        await fill(page, "<b>Ann & co</b>")
        await page.get_by_label("Email").press("Enter")
        await expect(page.get_by_role("heading", name="One step is left")).to_be_visible()
        await expect(page.get_by_text("<b>Ann & co</b>")).to_be_visible()


async def test_without_a_script(house: House, visitor: Visitor) -> None:
    event = await put_on_sale(house, mode="simple")
    async with visitor(script=False, size=PHONE) as visit:
        page = await check_out(visit, event)
        await book(page)
        await pay(page, "Decline")
        for name, step in (
            ("The bank has declined", ""),
            ("It is yours", "Try again"),
        ):
            if step:
                await pay(page, "Approve", step)
            heading = page.get_by_role("heading", name=name)
            for _ in range(50):  # the bank's word is on its way: the fan looks again
                again = page.get_by_role("link", name="Look again")
                if await heading.count() or not await again.count():
                    break
                await again.click()
            await expect(heading).to_be_visible()
        await expect(page.get_by_role("img", name="QR code")).to_have_count(2)
        await page.goto(f"{visit.url}/bookings")
        await expect(page.get_by_text("Confirmed")).to_be_visible()


async def test_a_hold_outlasts_the_admission(house: House, visitor: Visitor) -> None:
    """The time to shop is over while the seats are still held: they can be bought all the same."""
    event = await put_on_sale(house, mode="simple")
    async with visitor() as visit:
        page = await check_out(visit, event)
        await visit.context.clear_cookies(name=f"__Host-admission-{event}")
        await page.reload()
        await page.get_by_role("button", name="More time").click()
        await expect(page.get_by_role("status")).to_contain_text("The seats are held for")
        await book(page)


async def test_my_bookings(house: House, visitor: Visitor) -> None:
    first = await put_on_sale(house, mode="simple", title="The first one")
    second = await put_on_sale(house, mode="simple", title="The second one")
    async with visitor() as visit:
        page = await visit.page("/bookings")
        await expect(page.get_by_role("heading", name="Nothing booked yet")).to_be_visible()
        page = await check_out(visit, first)
        await book(page)
        await page.get_by_text("Changed your mind?").click()
        await page.get_by_role("button", name="Cancel the booking").click()
        await expect(page.get_by_role("heading", name="The booking is cancelled")).to_be_visible()
        await expect(page.get_by_text("Nothing was taken from you")).to_be_visible()
        page = await check_out(visit, second)
        await book(page)
        await page.get_by_role("link", name="All my bookings").click()
        cards = page.locator(".card")
        await expect(cards).to_have_count(2)
        await expect(cards.nth(0)).to_contain_text("The second one")
        await expect(cards.nth(0)).to_contain_text("To be paid")
        await expect(cards.nth(1)).to_contain_text("Cancelled")
        await page.get_by_role("link", name="The second one").click()
        await expect(page.get_by_role("button", name="Pay €")).to_be_visible()


async def test_somebody_elses(house: House, visitor: Visitor) -> None:
    event = await put_on_sale(house, mode="simple")
    async with visitor() as visit:
        page = await check_out(visit, event)
        checkout = page.url
        booking = await book(page)
    async with visitor() as other:
        page = await come_in(other, event)
        for path, status in (
            (f"/bookings/{booking}", 403),
            (f"/bookings/{booking}/calendar.ics", 403),
            (f"/bookings/bkg_{'0' * 20}", 404),
            ("/bookings/x", 404),
            (f"/tickets/tkt_{booking[4:]}_0", 404),
            (f"/pay/sandbox/pay_{'0' * 20}", 404),
            (checkout.removeprefix(other.url), 410),
        ):
            answer = await page.goto(other.url + path)
            assert answer is not None
            assert answer.status == status, path
            assert "ann@example.org" not in await page.content()
    async with visitor() as stranger:
        page = await stranger.page()
        for url in (f"{stranger.url}/bookings/{booking}", checkout):
            answer = await page.goto(url)
            assert answer is not None
            assert answer.status == 401, url
            assert "ann@example.org" not in await page.content()
        await page.goto(f"{stranger.url}/bookings/{booking}")
        login = page.get_by_role("main").get_by_role("link", name="Log in")
        await expect(login).to_have_attribute("href", f"/login?next=%2Fbookings%2F{booking}")


async def test_not_paid_in_time(house: House, visitor: Visitor) -> None:
    event = await put_on_sale(house, mode="simple", payment_s=5)
    async with visitor() as visit:
        page = await check_out(visit, event)
        await book(page)
        await expect(page.get_by_text("Less than two minutes left").last).to_be_visible()
        over = page.get_by_role("heading", name="The time to pay is over")
        await expect(over).to_be_visible(timeout=PATIENCE_MS)
        await expect(page.get_by_text("Nothing was taken from you")).to_be_visible()


async def test_every_end_says_what_became_of_the_money(house: House, visitor: Visitor) -> None:
    """The rarer ends, as PostgreSQL would have them."""
    event = await put_on_sale(house, mode="simple")
    async with visitor() as visit:
        page = await check_out(visit, event)
        booking = await book(page)
        await page.get_by_role("button", name="Pay €").click()
        await expect(page.get_by_text("This is not a real bank")).to_be_visible()
        for state, paid, heading, money in (
            ("conflict", "started", "Somebody else has these seats", "Nothing was taken"),
            ("conflict", "voided", "Somebody else has these seats", "has given it back"),
            ("expired", "started", "The time to pay is over", "the seats if they are free"),
            ("expired", "voiding", "The time to pay is over", "giving it back now"),
            ("refunded", "captured", "The booking was refunded", "goes back to you"),
            ("awaiting_payment", "voided", "The payment was given back", "pay again"),
        ):
            async with house.database.connection() as connection:
                await connection.execute(
                    "UPDATE booking SET state = $2 WHERE id = $1", booking, state
                )
                await connection.execute(
                    "UPDATE payment SET state = $2 WHERE booking_id = $1", booking, paid
                )
            await page.goto(f"{visit.url}/bookings/{booking}")
            await expect(page.get_by_role("heading", name=heading)).to_be_visible()
            await expect(page.locator(".note:visible")).to_contain_text(money)
