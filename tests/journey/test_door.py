"""Staff at the door, in a real browser: scanners that type, no network, no script, a camera."""

from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.journey.browser import PHONE
from tests.journey.cast import PASSWORD, Cast
from tests.journey.conftest import Visitor
from usher.account.model import Role
from usher.booking.model import ticket_id
from usher.ids import new_id
from usher.plumbing.signing import KeyRing, new_secret
from usher.ticket.code import Code, read_code, write_code
from usher.ticket.signing import TicketKeys
from usher.wiring import House

pytestmark = pytest.mark.anyio

# A camera that sees what a test says, for machines without one.
CAMERA = """
  window.BarcodeDetector = class {
    static getSupportedFormats() { return Promise.resolve(["qr_code"]); }
    detect() { return Promise.resolve(window.seen ? [{ rawValue: window.seen }] : []); }
  };
  const film = async () => document.createElement("canvas").captureStream();
  if (navigator.mediaDevices) navigator.mediaDevices.getUserMedia = film;
  HTMLMediaElement.prototype.play = async () => {};
"""
READ = """async (text) => {
  const links = [...document.querySelectorAll("link[rel=modulepreload]")].map((each) => each.href);
  const { readCode, isSigned } = await import(links.find((each) => each.endsWith("door/code.js")));
  const { keys } = await (await fetch("/.well-known/usher-ticket-keys.json")).json();
  const code = readCode(text);
  if (!code) return null;
  const { event, booking, seat, serial, label, kid } = code;
  return [event, `bkg_${booking}`, seat, serial, label, kid, await isSigned(code, keys)];
}"""


async def scans(house: House, event: str) -> list[tuple[str, str]]:
    """(outcome, entrance) of every scan on record."""
    async with house.database.connection() as connection:
        rows = await connection.fetch(
            "SELECT outcome, entrance FROM scan WHERE event_id = $1 ORDER BY scanned_at", event
        )
    return [(row["outcome"], row["entrance"]) for row in rows]


async def says(page: Page, *texts: str) -> None:
    for text in texts:
        await expect(page.locator("#verdict")).to_contain_text(text)


async def test_a_scanner_that_types(house: House, visitor: Visitor) -> None:
    async with visitor(size=PHONE) as visit:
        cast = Cast(house, visit)
        page, event, codes = await cast.at_the_door()
        await cast.show(page, codes[0], "Let in")
        await says(page, "Ann Archer", "row B", "seat 9")
        await expect(page.locator("#n-entered")).to_have_text("1")
        await cast.show(page, codes[0], "Already used")
        await says(page, "First used at", "North")
        await cast.show(page, codes[0][:-4], "No ticket")
        await cast.show(page, "https://example.org", "No ticket")

        found = read_code(codes[1], await house.ticket_keys.trusted())
        await cast.show(page, ticket_id(found.booking_id, found.seat), "Only a number")
        await page.get_by_role("button", name="I have seen the name").click()
        await says(page, "Let in")
        await expect(page.locator("#n-entered")).to_have_text("2")
        await expect(page.locator("#latest li").first).to_contain_text("Let in")
        await page.reload()
        await expect(page.get_by_label("Entrance")).to_have_value("North")
        told = [outcome for outcome, _ in await scans(house, event)]
        assert told == [
            "admitted",
            "already_used",
            "no_ticket",
            "no_ticket",
            "unsigned",
            "admitted",
        ]


async def test_without_network_the_door_goes_on(house: House, visitor: Visitor) -> None:
    async with visitor(size=PHONE) as visit:
        cast = Cast(house, visit)
        page, event, codes = await cast.at_the_door()
        stranger = TicketKeys(KeyRing(new_secret()))
        real = read_code(codes[0], await house.ticket_keys.trusted())
        fake = Code(
            event_id=event, booking_id=real.booking_id, seat=29, serial=0, label="A", kid=real.kid
        )
        forged = write_code(fake, stranger.private[stranger.newest])
        other = await cast.event(mode="simple")
        (elsewhere,) = await cast.sold(other, 3)
        await page.evaluate("navigator.serviceWorker.ready")
        await page.wait_for_function(
            "async () => Boolean(await caches.match(location.pathname, { ignoreVary: true }))"
        )

        await visit.context.set_offline(True)
        # A page that is loaded anew has the network for a moment, whatever was set before.
        await visit.context.route("**/api/v1/**", lambda route: route.abort())
        await expect(page.get_by_text("Offline", exact=True)).to_be_visible()
        await cast.show(page, codes[0], "Let in")
        await says(page, "A/1")
        await cast.show(page, codes[0], "Already used")
        await says(page, "North")
        await cast.show(page, forged, "Forged")
        await cast.show(page, elsewhere, "Another event")
        await expect(page.locator("#away")).to_contain_text("4 scans are kept here")

        # A phone that was dropped: the page comes back, and knows all it did.
        await page.reload()
        await expect(page.locator("#away")).to_contain_text("4 scans are kept here")
        await cast.show(page, codes[0], "Already used")
        assert await scans(house, event) == []
        # Meanwhile another door, which has network, lets in what this one will let in as well.
        async with visitor() as second:
            door = Cast(house, second)
            there = await door.organiser(Role.STAFF)
            await door.go(there, f"/events/{event}/door")
            await door.show(there, codes[1], "Let in")
        await cast.show(page, codes[1], "Let in")

        await visit.context.unroute("**/api/v1/**")
        await visit.context.set_offline(False)
        await expect(page.get_by_text("Live", exact=True)).to_be_visible()
        await expect(page.locator("#away")).to_be_hidden()
        await expect(page.locator("#contested li")).to_have_count(1)
        await expect(page.locator("#contested")).to_contain_text("Let in twice")
        await expect(page.locator("#n-entered")).to_have_text("2")
        assert sorted(await scans(house, event)) == [
            ("admitted", ""),
            ("admitted", "North"),
            ("already_used", "North"),
            ("already_used", "North"),
            ("double", "North"),
            ("forged", "North"),
            ("wrong_event", "North"),
        ]


async def test_a_server_that_hangs_keeps_nobody_waiting(house: House, visitor: Visitor) -> None:
    """Its answer never comes: the device decides, and what the server did meanwhile is the same."""
    async with visitor() as visit:
        cast = Cast(house, visit)
        page, event, codes = await cast.at_the_door()

        async def swallow(route: Any) -> None:
            await route.fetch()  # it arrives; the answer is lost
            await route.abort()

        await page.route("**/checkins", swallow)
        await cast.show(page, codes[0], "Let in")
        await page.unroute("**/checkins")
        await expect(page.locator("#away")).to_be_hidden()
        await cast.show(page, codes[0], "Already used")
        assert [outcome for outcome, _ in await scans(house, event)] == ["admitted", "already_used"]


async def test_a_scan_that_cannot_be_kept_lets_nobody_in(house: House, visitor: Visitor) -> None:
    """And keeps no other back."""
    async with visitor() as visit:
        cast = Cast(house, visit)
        page, _, codes = await cast.at_the_door()
        await visit.context.set_offline(True)
        await expect(page.get_by_text("Offline", exact=True)).to_be_visible()
        await page.evaluate(
            """() => {
              const { put } = IDBObjectStore.prototype;
              IDBObjectStore.prototype.put = function () {
                IDBObjectStore.prototype.put = put;
                throw new DOMException("full", "QuotaExceededError");
              };
            }"""
        )
        await cast.show(page, codes[0], "Not done")
        await cast.show(page, codes[0], "Let in")
        assert [("full" in fault) for fault in visit.faults] == [True]
        visit.faults.clear()


async def test_the_camera(house: House, visitor: Visitor) -> None:
    async with visitor(size=PHONE) as visit:
        await visit.context.add_init_script(CAMERA)
        cast = Cast(house, visit)
        page, event, codes = await cast.at_the_door()
        await page.get_by_role("button", name="Scan with the camera").click()
        await page.evaluate("(code) => { window.seen = code; }", codes[0])
        await says(page, "Let in")
        await page.evaluate("(code) => { window.seen = code; }", codes[1])
        await expect(page.locator("#n-entered")).to_have_text("2")
        await page.get_by_role("button", name="Stop the camera").click()
        await expect(page.locator("#lens")).to_be_hidden()
        # One that stays in sight is one scan.
        assert [outcome for outcome, _ in await scans(house, event)] == ["admitted", "admitted"]


async def test_the_door_works_without_script(house: House, visitor: Visitor) -> None:
    email = f"{new_id('account')}@example.org"
    await house.accounts.add(email, PASSWORD, "Stan", Role.STAFF)
    async with visitor(script=False, size=PHONE) as visit:
        cast = Cast(house, visit)
        event = await cast.event(mode="simple")
        codes = await cast.sold(event, 28, 29)
        page = await visit.page()
        await page.request.post(
            f"{visit.url}/api/v1/auth/login", data={"email": email, "password": PASSWORD}
        )
        await page.goto(f"{visit.url}/events/{event}")
        await page.get_by_role("link", name="To the door").click()
        await page.get_by_role("button", name="Check").click()
        await expect(page.get_by_role("alert")).to_contain_text("Scan a code")
        await page.get_by_label("Entrance").fill("South")
        await cast.show(page, codes[0], "Let in")
        await says(page, "Ann Archer", "seat 9")
        await expect(page.get_by_label("Entrance")).to_have_value("South")
        await page.reload()  # asks nothing again
        await cast.show(page, codes[0], "Already used")
        await says(page, "First used at", "South")
        found = read_code(codes[1], await house.ticket_keys.trusted())
        await cast.show(page, ticket_id(found.booking_id, found.seat), "Only a number")
        await page.get_by_role("button", name="I have seen the name").click()
        await says(page, "Let in")
        told = [outcome for outcome, _ in await scans(house, event)]
        assert told == ["admitted", "already_used", "unsigned", "admitted"]


async def test_the_browser_reads_codes_as_the_server_writes_them(
    house: House, visitor: Visitor
) -> None:
    async with visitor() as visit:
        page, event, _ = await Cast(house, visit).at_the_door()
        for seat, serial, label in (
            (0, 0, ""),
            (127, 128, "A/1"),
            (200, 255, "Größe 9/ش/12"),
            (79_999, 70_000, "x" * 48),
        ):
            code = Code(
                event_id=event,
                booking_id=new_id("booking"),
                seat=seat,
                serial=serial,
                label=label,
                kid="",
            )
            text = await house.ticket_keys.write(code)
            found = await page.evaluate(READ, text)
            assert found[:5] == [event, code.booking_id, seat, serial, label]
            assert found[6] is True
            altered = await page.evaluate(READ, text[:-30] + "000" + text[-27:])
            assert altered is None or altered[6] is False
            assert await page.evaluate(READ, text[:-1]) is None
