"""Every page in every state, reached for real: looked at by axe, and by people on screenshots."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from playwright.async_api import Page

from tests.journey.browser import Visit
from tests.race import buyers
from tests.sale import put_on_sale
from usher.account.model import Role
from usher.clock import utc_now
from usher.errors import NotFound
from usher.ids import new_id
from usher.notice.model import message_id
from usher.sale.model import GateChange, SaleChange
from usher.venue.generate import rows_by_columns
from usher.wiring import House

PASSWORD: Final = "correct horse battery"
PERSON: Final = {"name": "Ann Archer", "email": "ann@example.org"}
HEIR: Final = {"name": "Bo Baker", "email": "bo@example.org"}


class Cast:
    """Who a scene is played with: a visitor's browser, and the house behind the site."""

    def __init__(self, house: House, visit: Visit) -> None:
        self.house = house
        self.visit = visit

    async def at(self, path: str) -> Page:
        """A page of the site, settled."""
        page = await self.visit.page(path)
        await page.wait_for_load_state("load")
        return page

    async def ask(self, page: Page, method: str, path: str, body: Any = None) -> Any:
        """What the API answers this browser, with its cookies."""
        return await page.evaluate(
            """async ([method, path, body]) => {
              const headers = body ? { "content-type": "application/json" } : {};
              const sent = body ? JSON.stringify(body) : undefined;
              const answer = await fetch(path, { method, headers, body: sent });
              const text = await answer.text();
              return text ? JSON.parse(text) : null;
            }""",
            [method, path, body],
        )

    async def event(self, rows: int = 10, columns: int = 20, **settings: Any) -> str:
        """A published event, open unless `state` says otherwise."""
        plan = rows_by_columns(rows, columns, name="Great hall")
        given = {"title": "Night of strings", "city": "Hamburg", **settings}
        return await put_on_sale(self.house, plan, **given)

    async def gate(self, event: str, **change: Any) -> None:
        await self.house.sales.change(event, "test", GateChange(**change))

    async def sale(self, event: str, **change: Any) -> None:
        await self.house.sales.change(event, "test", SaleChange(**change))

    async def organiser(self) -> Page:
        """An organiser, logged in."""
        email = f"{new_id('account')}@example.org"
        await self.house.accounts.add(email, PASSWORD, "Olga Organiser", Role.ORGANISER)
        page = await self.at("/")
        await self.ask(page, "POST", "/api/v1/auth/login", {"email": email, "password": PASSWORD})
        return page

    async def joined(self, event: str) -> Page:
        """A fan who has pressed the button on the event's page."""
        page = await self.at(f"/events/{event}")
        await self.ask(page, "POST", f"/api/v1/events/{event}/queue")
        await page.goto(f"{self.visit.url}/events/{event}/queue")
        return page

    async def held(self, event: str, quantity: int = 2) -> tuple[Page, str]:
        """A fan of a simple sale who holds seats; the page and the hold."""
        page = await self.at(f"/events/{event}")
        await self.ask(page, "POST", f"/api/v1/events/{event}/queue")
        wish = {"category": "VIP", "quantity": quantity}
        held = await self.ask(page, "POST", f"/api/v1/events/{event}/holds", wish)
        return page, str(held["hold_id"])

    async def booked(self, event: str) -> tuple[Page, str]:
        """A fan who has booked; the booking is committed and waits to be paid."""
        page, hold = await self.held(event)
        booked = await self.ask(page, "POST", "/api/v1/bookings", {"hold_id": hold, **PERSON})
        await self.until(page, booked["booking_id"], "awaiting_payment")
        return page, str(booked["booking_id"])

    async def paying(self, event: str) -> tuple[Page, str, str]:
        """A fan before the bank: page, booking, payment."""
        page, booking = await self.booked(event)
        started = await self.ask(page, "POST", f"/api/v1/bookings/{booking}/payment")
        return page, booking, str(started["payment_id"])

    async def paid(self, event: str) -> tuple[Page, str]:
        """A fan with tickets."""
        page, booking, payment = await self.paying(event)
        await self.ask(page, "POST", f"/api/v1/payments/sandbox/{payment}", {"outcome": "approve"})
        await self.until(page, booking, "confirmed")
        return page, booking

    async def until(self, page: Page, booking: str, state: str) -> None:
        """Returns when the booking is in `state`."""
        for _ in range(300):
            found = await self.ask(page, "GET", f"/api/v1/bookings/{booking}")
            if found.get("state") == state:
                return
            await asyncio.sleep(0.05)
        raise AssertionError(f"never {state}: {found}")

    async def go(self, page: Page, path: str) -> Page:
        """The page after it has gone to `path`."""
        await page.goto(self.visit.url + path)
        await page.wait_for_load_state("load")
        return page


Scene = Callable[[Cast], Awaitable[Page]]
SCENES: dict[str, Scene] = {}


def scene(play: Scene) -> Scene:
    """Registers a scene under its function's name."""
    SCENES[play.__name__.replace("_", "-")] = play
    return play


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


# --- messages


async def _message(cast: Cast) -> str:
    """The address behind the link at the foot of a mail."""
    _, booking = await cast.paid(await cast.event(mode="simple"))
    letter = f"event.reminder {booking}"
    await cast.house.messenger.carry([letter])
    message = {"sub": message_id(letter, "email")}
    return f"/messages/{cast.house.signer.sign('opt_out', message, expires_s=2**40)}"


@scene
async def messages(cast: Cast) -> Page:
    return await cast.at(await _message(cast))


@scene
async def messages_unknown(cast: Cast) -> Page:
    return await cast.at("/messages/nothing")


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


# --- the organiser's desk


@scene
async def organiser_events(cast: Cast) -> Page:
    await cast.event()
    return await cast.go(await cast.organiser(), "/organiser")


@scene
async def organiser_new_event(cast: Cast) -> Page:
    return await cast.go(await cast.organiser(), "/organiser/events/new")


@scene
async def organiser_event(cast: Cast) -> Page:
    event = await cast.event()
    return await cast.go(await cast.organiser(), f"/organiser/events/{event}")


@scene
async def organiser_console(cast: Cast) -> Page:
    """In the middle of a sale: tickets sold, seats held, a line that waits."""
    event = await cast.event(mode="simple", rate_per_min=60, capacity=20)
    for first in range(0, 60, 5):
        purchase = await buyers.book(cast.house, event, *range(first, first + 3))
        for _ in range(100):
            try:
                payment = await buyers.start_payment(cast.house, purchase)
                break
            except NotFound:  # not committed yet
                await asyncio.sleep(0.05)
        await buyers.decide(cast.house, payment, "approve")
    for first in range(100, 130, 6):
        await buyers.hold(cast.house, await buyers.enter(cast.house, event), first, first + 1)
    await cast.sale(event, mode="queued")
    for _ in range(40):
        await cast.house.queue.join(event, new_id("fan"))
    return await cast.go(await cast.organiser(), f"/organiser/events/{event}/console")


@scene
async def organiser_sales(cast: Cast) -> Page:
    event = await cast.event(mode="simple")
    page, _ = await cast.paid(event)
    await page.close()
    return await cast.go(await cast.organiser(), f"/organiser/events/{event}/sales")


@scene
async def organiser_changes(cast: Cast) -> Page:
    event = await cast.event()
    await cast.gate(event, rate_per_min=120)
    return await cast.go(await cast.organiser(), f"/organiser/events/{event}/changes")


# --- webhooks


@scene
async def organiser_hooks(cast: Cast) -> Page:
    """One that hears of everything, one that fails."""
    page = await cast.organiser()
    await cast.ask(page, "POST", "/api/v1/hooks", {"url": "http://example.com/usher"})
    wish = {"url": f"http://example.org/{'long-' * 20}", "kinds": ["booking.confirmed"]}
    hook = (await cast.ask(page, "POST", "/api/v1/hooks", wish))["hook_id"]
    async with cast.house.database.connection() as connection:
        await connection.execute("UPDATE hook SET failing_since = now() WHERE id = $1", hook)
    return await cast.go(page, "/organiser/hooks")


@scene
async def organiser_hooks_refused(cast: Cast) -> Page:
    page = await cast.go(await cast.organiser(), "/organiser/hooks")
    await page.locator("#f-url").fill("https://me:secret@example.org/")
    await page.locator("input[value='ticket.used']").check()
    await page.locator("#new button").click()
    await page.locator("[role=alert]").wait_for()
    return page


@scene
async def organiser_hook_new(cast: Cast) -> Page:
    """Its secret is shown, this once."""
    page = await cast.go(await cast.organiser(), "/organiser/hooks")
    await page.locator("#f-url").fill("http://example.org/usher")
    await page.locator("#new button").click()
    await page.locator("#secret").wait_for()
    return page


async def _fared(cast: Cast) -> tuple[Page, str]:
    """A hook that was switched off, with deliveries in every state."""
    page = await cast.organiser()
    made = await cast.ask(page, "POST", "/api/v1/hooks", {"url": "http://example.org/usher"})
    hook = str(made["hook_id"])
    async with cast.house.database.connection() as connection:
        await connection.execute(
            "UPDATE hook SET state = 'broken', reason = 'failing',"
            " failing_since = now() - interval '3 days' WHERE id = $1",
            hook,
        )
        for state, fact, status, fault in (
            ("done", "booking.confirmed", 200, ""),
            ("dead", "booking.refunded", 500, "answered 500"),
            ("pending", "ticket.used", None, "no answer within 10 s"),
            ("pending", "event.cancelled", None, ""),
        ):
            await connection.execute(
                "INSERT INTO hook_delivery (id, hook_id, fact, subject, body, state, attempts,"
                " status, answer, fault, until, tried_at)"
                " VALUES ($1, $2, $3, '', $4, $5, 3, $6, $7, $8, now() + interval '1 day', now())",
                new_id("delivery"),
                hook,
                fact,
                '{"type":"' + fact + '","data":{"booking_id":"' + "0" * 200 + '"}}',
                state,
                status,
                "<h1>Server error</h1>" if status == 500 else "",
                fault,
            )
    return page, hook


@scene
async def organiser_hook(cast: Cast) -> Page:
    page, hook = await _fared(cast)
    return await cast.go(page, f"/organiser/hooks/{hook}")


@scene
async def organiser_hook_delivery(cast: Cast) -> Page:
    page, hook = await _fared(cast)
    await cast.go(page, f"/organiser/hooks/{hook}?state=dead")
    await page.locator("#deliveries td a").click()
    await page.locator("pre").first.wait_for()
    return page
