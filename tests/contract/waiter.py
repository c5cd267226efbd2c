"""A hall that is sold out, and fans who wait for seats there, as programs."""

import asyncio
from typing import Any

import httpx

from tests.contract.fan import PERSON, Fan, bearer, private
from tests.sale import put_on_sale
from usher.sale.model import SaleChange
from usher.venue.generate import rows_by_columns
from usher.wiring import House


class SoldOut:
    """An event of one row of which no seat is for sale; seats come back when they are unblocked."""

    def __init__(self, house: House, http: httpx.AsyncClient, event: str) -> None:
        self.house = house
        self.http = http
        self.event = event

    @classmethod
    async def set_up(
        cls, house: House, http: httpx.AsyncClient, seats: int = 4, **settings: Any
    ) -> "SoldOut":
        given = {"mode": "simple", "seats_max": 4, **settings}
        event = await put_on_sale(house, rows_by_columns(1, seats), state="draft", **given)
        await house.seat_scripts.block(event, 0, seats, *range(seats))
        await house.sales.change(event, "test", SaleChange(state="open"))
        return cls(house, http, event)

    async def give_back(self, *seats: int) -> None:
        await self.house.seat_scripts.block(self.event, 0, 0, *seats)

    async def take_away(self, *seats: int) -> None:
        """Blocks seats that are free."""
        await self.house.seat_scripts.block(self.event, 1, len(seats), *seats)

    async def line(self) -> dict[str, Any]:
        answer = await self.http.get(f"/api/v1/events/{self.event}/queue")
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told

    async def until(self, state: str) -> None:
        """Returns when everybody is told that the sale is in `state`."""
        for _ in range(200):
            if (told := await self.line())["state"] == state:
                return
            await asyncio.sleep(0.05)
        raise AssertionError(f"never {state}: {told}")

    async def waiter(self, who: str, quantity: int = 1, **asked: Any) -> "Waiter":
        """Somebody on the list."""
        waiter = Waiter(self, who)
        await waiter.joined(quantity, **asked)
        return waiter


class Waiter:
    """Somebody who waits."""

    def __init__(self, hall: SoldOut, name: str) -> None:
        self.hall = hall
        self.http = hall.http
        self.email = f"{name}@example.org"
        self.path = f"/api/v1/events/{hall.event}/waitlist"
        self.fan = ""
        self.token = ""

    async def join(self, quantity: int = 1, key: str = "", **asked: Any) -> httpx.Response:
        headers = bearer(self.fan) if self.fan else {}
        if key:
            headers |= {"idempotency-key": key}
        body = {"email": self.email, "quantity": quantity, **asked}
        return await self.http.post(self.path, json=body, headers=headers)

    async def joined(self, quantity: int = 1, **asked: Any) -> dict[str, Any]:
        body = private(await self.join(quantity, **asked), 201)
        self.fan = body.get("fan_token", self.fan)
        self.token = body["entry_token"]
        return body

    async def entry(self) -> dict[str, Any]:
        return private(await self.http.get(self.path, headers=bearer(self.fan)), 200)

    async def until(self, state: str) -> dict[str, Any]:
        """The entry once it is in `state`."""
        for _ in range(400):
            if (entry := await self.entry())["state"] == state:
                return entry
            await asyncio.sleep(0.05)
        raise AssertionError(f"never {state}: {entry}")

    async def leave(self, token: str = "") -> httpx.Response:
        return await self.http.delete(self.path, headers=bearer(token or self.fan))

    async def offered(self) -> str:
        """The path of the offer, once there is one."""
        return f"/api/v1/offers/{(await self.until('offered'))['offer_token']}"

    async def accepted(self, offer: str) -> Fan:
        """A fan who may book what is offered, and knows the hold."""
        body = private(await self.http.post(f"{offer}/acceptance"), 200)
        fan = Fan(self.http, self.hall.event)
        fan.admission, fan.identity = body["admission_token"], body["fan_token"]
        return fan

    async def booked(self, offer: str) -> tuple[Fan, str]:
        """The seats of the offer, booked and unpaid; who did, and the booking."""
        fan = await self.accepted(offer)
        hold = private(await self.http.get(offer), 200)["hold_id"]
        body = {"hold_id": hold, **PERSON}
        answer = await fan.ask("POST", "/api/v1/bookings", json=body)
        booking: str = private(answer, 202)["booking_id"]
        await fan.booking_until(booking, "awaiting_payment")
        return fan, booking
