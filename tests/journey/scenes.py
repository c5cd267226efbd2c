"""Every page in every state, reached for real: looked at by axe, and by people on screenshots."""

from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from playwright.async_api import Page

from tests.journey.cast import Cast, scene
from usher.clock import utc_now
from usher.ids import new_id

HEIR: Final = {"name": "Bo Baker", "email": "bo@example.org"}

# --- the catalogue


@scene
async def events(cast: Cast) -> Page:
    await cast.event()
    return await cast.at("/")


@scene
async def events_none_found(cast: Cast) -> Page:
    return await cast.at("/?q=nothing+like+this")


@scene
async def event_on_sale(cast: Cast) -> Page:
    return await cast.at(f"/events/{await cast.event()}")


@scene
async def event_before(cast: Cast) -> Page:
    now = utc_now()
    times: dict[str, Any] = {
        "lobby_at": now + timedelta(hours=1),
        "opens_at": now + timedelta(hours=2),
    }
    return await cast.at(f"/events/{await cast.event(state='draft', **times)}")


@scene
async def not_found(cast: Cast) -> Page:
    return await cast.at("/nowhere")


# --- the line


@scene
async def line_lobby(cast: Cast) -> Page:
    opens_at = utc_now() + timedelta(minutes=9)
    return await cast.joined(await cast.event(state="lobby", opens_at=opens_at))


@scene
async def line_waiting(cast: Cast) -> Page:
    event = await cast.event(rate_per_min=1, capacity=1)
    for _ in range(30):
        await cast.house.queue.join(event, new_id("fan"))
    return await cast.joined(event)


@scene
async def line_called(cast: Cast) -> Page:
    page = await cast.joined(await cast.event(claim_s=600))
    await page.get_by_role("button", name="Go in").wait_for()
    return page


@scene
async def line_admitted(cast: Cast) -> Page:
    event = await cast.event(mode="simple")
    page, _ = await cast.held(event)
    return await cast.go(page, f"/events/{event}/queue")


@scene
async def line_left(cast: Cast) -> Page:
    event = await cast.event(gate_state="paused")
    page = await cast.joined(event)
    await page.get_by_text("Leave the line", exact=True).click()
    await page.get_by_role("button", name="Give up my place").click()
    await page.get_by_role("button", name="Join again").wait_for()
    return page


@scene
async def line_without_a_place(cast: Cast) -> Page:
    return await cast.at(f"/events/{await cast.event(gate_state='paused')}/queue")


@scene
async def line_paused(cast: Cast) -> Page:
    event = await cast.event(gate_state="paused")
    await cast.house.queue.join(event, new_id("fan"))
    page = await cast.joined(event)
    await cast.house.feed_scripts.notice(event, "The gate is closed for ten minutes.")
    return page


@scene
async def line_closed(cast: Cast) -> Page:
    event = await cast.event(gate_state="paused")
    page = await cast.joined(event)
    await cast.sale(event, state="closed")
    return await cast.go(page, f"/events/{event}/queue")


# --- seats, checkout, bookings


@scene
async def seats(cast: Cast) -> Page:
    event = await cast.event(mode="simple")
    page, _ = await cast.held(event)
    return await cast.go(page, f"/events/{event}/seats")


@scene
async def seats_picked(cast: Cast) -> Page:
    event = await cast.event(mode="simple")
    taken, _ = await cast.held(event, quantity=4)
    await taken.context.clear_cookies()
    page, _ = await cast.held(event)
    await cast.go(page, f"/events/{event}/seats")
    await page.locator("#map[data-drawn]").wait_for()
    await page.locator("summary", has_text="Row F").click()
    for name in ("Seat 9, ", "Seat 10, "):
        await page.get_by_role("button", name=name).click()
    return page


@scene
async def seats_not_in(cast: Cast) -> Page:
    return await cast.at(f"/events/{await cast.event()}/seats")


@scene
async def checkout(cast: Cast) -> Page:
    event = await cast.event(mode="simple")
    page, hold = await cast.held(event)
    return await cast.go(page, f"/events/{event}/checkout/{hold}")


@scene
async def checkout_faults(cast: Cast) -> Page:
    page = await checkout(cast)
    await page.get_by_label("Email").fill("ann@nowhere")
    await page.get_by_role("button", name="Book and go on").click()
    await page.locator("#e-email").wait_for()
    return page


@scene
async def checkout_lapsed(cast: Cast) -> Page:
    event = await cast.event(mode="simple")
    page, hold = await cast.held(event)
    await cast.ask(page, "DELETE", f"/api/v1/events/{event}/holds/{hold}")
    return await cast.go(page, f"/events/{event}/checkout/{hold}")


@scene
async def booking_to_pay(cast: Cast) -> Page:
    page, booking = await cast.booked(await cast.event(mode="simple"))
    return await cast.go(page, f"/bookings/{booking}")


@scene
async def bank(cast: Cast) -> Page:
    page, _, payment = await cast.paying(await cast.event(mode="simple"))
    return await cast.go(page, f"/pay/sandbox/{payment}")


@scene
async def booking_at_the_bank(cast: Cast) -> Page:
    page, booking, _ = await cast.paying(await cast.event(mode="simple"))
    await cast.go(page, f"/bookings/{booking}")
    await page.locator("[data-slow]").wait_for()
    return page


@scene
async def booking_declined(cast: Cast) -> Page:
    page, booking, payment = await cast.paying(await cast.event(mode="simple"))
    await cast.ask(page, "POST", f"/api/v1/payments/sandbox/{payment}", {"outcome": "decline"})
    await cast.go(page, f"/bookings/{booking}")
    await page.get_by_role("heading", name="declined").wait_for()
    return page


@scene
async def booking_cancelled(cast: Cast) -> Page:
    page, booking = await cast.booked(await cast.event(mode="simple"))
    await cast.ask(page, "POST", f"/api/v1/bookings/{booking}/cancellation")
    return await cast.go(page, f"/bookings/{booking}")


@scene
async def booking_expired(cast: Cast) -> Page:
    page, booking = await cast.booked(await cast.event(mode="simple", payment_s=5))
    await cast.until(page, booking, "expired")
    return await cast.go(page, f"/bookings/{booking}")


@scene
async def booking_of_another(cast: Cast) -> Page:
    page, booking = await cast.booked(await cast.event(mode="simple"))
    await cast.visit.context.clear_cookies()
    return await cast.go(page, f"/bookings/{booking}")


@scene
async def booking_confirmed(cast: Cast) -> Page:
    page, booking = await cast.paid(await cast.event(mode="simple"))
    return await cast.go(page, f"/bookings/{booking}")


@scene
async def bookings(cast: Cast) -> Page:
    page, _ = await cast.paid(await cast.event(mode="simple"))
    return await cast.go(page, "/bookings")


@scene
async def bookings_none(cast: Cast) -> Page:
    return await cast.at("/bookings")


async def _first_ticket(cast: Cast) -> tuple[Page, str, str]:
    """A fan with tickets: page, booking, the first ticket's id."""
    page, booking = await cast.paid(await cast.event(mode="simple"))
    found = await cast.ask(page, "GET", f"/api/v1/bookings/{booking}")
    return page, booking, str(found["tickets"][0]["ticket_id"])


@scene
async def ticket(cast: Cast) -> Page:
    page, _, first = await _first_ticket(cast)
    return await cast.go(page, f"/tickets/{first}")


@scene
async def ticket_to_hand_on(cast: Cast) -> Page:
    page = await ticket(cast)
    await page.locator("summary").click()
    await page.get_by_label("Their email").fill("bo@nowhere")
    await page.get_by_role("button", name="Hand the ticket on").click()
    await page.locator("#e-email").wait_for()
    return page


@scene
async def ticket_handed_on(cast: Cast) -> Page:
    page, _, first = await _first_ticket(cast)
    await cast.ask(page, "POST", f"/api/v1/tickets/{first}/transfer", HEIR)
    return await cast.go(page, f"/tickets/{first}")


@scene
async def booking_with_a_ticket_handed_on(cast: Cast) -> Page:
    page, booking, first = await _first_ticket(cast)
    await cast.ask(page, "POST", f"/api/v1/tickets/{first}/transfer", HEIR)
    return await cast.go(page, f"/bookings/{booking}")


@scene
async def ticket_by_its_link(cast: Cast) -> Page:
    page, _, first = await _first_ticket(cast)
    await cast.ask(page, "POST", f"/api/v1/tickets/{first}/transfer", HEIR)
    await cast.visit.context.clear_cookies()
    link = urlsplit(cast.house.tickets.link(first, 1))
    return await cast.go(page, f"{link.path}?{link.query}")


@scene
async def ticket_of_a_broken_link(cast: Cast) -> Page:
    return await cast.at("/tickets/tkt_00000000000000000000_1?t=cut.short")


@scene
async def ticket_cancelled(cast: Cast) -> Page:
    page, booking, first = await _first_ticket(cast)
    async with cast.house.database.connection() as connection:
        await connection.execute(
            "UPDATE ticket SET state = 'cancelled' WHERE booking_id = $1", booking
        )
    return await cast.go(page, f"/tickets/{first}")


# --- accounts


@scene
async def login(cast: Cast) -> Page:
    return await cast.at("/login?next=/bookings")


@scene
async def register(cast: Cast) -> Page:
    return await cast.at("/register")


@scene
async def login_wrong(cast: Cast) -> Page:
    page = await cast.at("/login?next=/bookings")
    await page.get_by_label("Email").fill("ada@example.org")
    await page.get_by_label("Password").fill("not the password")
    await page.get_by_role("button", name="Log in").click()
    await page.locator("#e-password").wait_for()
    return page


@scene
async def register_faults(cast: Cast) -> Page:
    page = await cast.at("/register")
    await page.get_by_label("Email").fill("ada")
    await page.get_by_role("button", name="Make the account").click()
    await page.locator("#e-email").wait_for()
    return page


@scene
async def account(cast: Cast) -> Page:
    return await cast.go(await cast.organiser(), "/account")


@scene
async def event_for_logins(cast: Cast) -> Page:
    return await cast.at(f"/events/{await cast.event(access='login')}")
