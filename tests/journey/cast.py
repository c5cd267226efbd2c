"""Who plays the scenes: a visitor's browser, brought to where a scene begins."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

from msgspec.structs import replace
from playwright.async_api import Page

from tests.journey.browser import Visit
from tests.sale import put_on_sale
from tests.sql.book import Book
from usher.account.model import Role
from usher.ids import new_id
from usher.sale.model import GateChange, SaleChange
from usher.ticket.code import Code
from usher.venue.generate import rows_by_columns
from usher.wiring import House

PASSWORD: Final = "correct horse battery"
PERSON: Final = {"name": "Ann Archer", "email": "ann@example.org"}


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

    async def organiser(self, role: Role = Role.ORGANISER) -> Page:
        """An organiser, or somebody else, logged in."""
        email = f"{new_id('account')}@example.org"
        await self.house.accounts.add(email, PASSWORD, "Olga Organiser", role)
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

    async def sold(self, event: str, *seats: int) -> list[str]:
        """What the QR codes of tickets say that were sold just now, in PostgreSQL alone."""
        book = Book(self.house.database, event)
        claim = book.claim(*seats)
        await book.commit([claim])
        async with self.house.database.connection() as connection:
            await connection.execute(
                "UPDATE booking SET state = 'confirmed', name = $2 WHERE id = $1",
                claim.id,
                PERSON["name"],
            )
        made = Code(event_id=event, booking_id=claim.id, seat=0, serial=0, label="A/1", kid="")
        return [await self.house.ticket_keys.write(replace(made, seat=seat)) for seat in seats]

    async def at_the_door(self) -> tuple[Page, str, list[str]]:
        """Staff at the door of an event, its id, and the codes of two tickets."""
        event = await self.event(mode="simple")
        codes = await self.sold(event, 28, 29)
        page = await self.organiser(Role.STAFF)
        await self.go(page, f"/events/{event}/door")
        await page.locator("#door[data-listed]").wait_for()
        await page.get_by_label("Entrance").fill("North")
        return page, event, codes

    async def show(self, page: Page, text: str, says: str) -> None:
        """A scanner that types, and what the door says."""
        await page.get_by_label("Code, or").fill(text)
        await page.get_by_label("Code, or").press("Enter")
        await page.get_by_role("heading", name=says).wait_for()

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
