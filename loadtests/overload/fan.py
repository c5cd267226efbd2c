"""A fan who has stood in line and shops while the flood is on."""

import asyncio
import random
from typing import Any, Final

import msgspec

from loadtests.bench.wire import request
from loadtests.overload.tally import Tally
from loadtests.overload.wire import Reply, Wire

SEATS: Final = 2
_THINK_S: Final = (0.2, 1.0)


class Fan:
    """One who waits, comes in, holds two seats, books them and pays. Told to come back later they
    do; `bookings` is added to once one was accepted."""

    def __init__(
        self, wire: Wire, event: str, token: str, tally: Tally, bookings: list[str], seed: str
    ) -> None:
        self._wire = wire
        self._api = f"/api/v1/events/{event}"
        self._token = token
        self._tally = tally
        self._bookings = bookings
        self._dice = random.Random(seed)

    async def shop(self) -> str:
        """How far they came."""
        while True:
            place = await self._ask("fan: place", "GET", f"{self._api}/queue/place")
            told = _json(place)
            if told.get("state") in ("called", "admitted"):
                break
            if told.get("state") not in ("waiting", "lobby"):
                return str(told.get("state") or told.get("code"))
            await asyncio.sleep(told.get("poll_after_s", 2) * self._dice.uniform(0.8, 1.2))
        claim = await self._ask("claim", "POST", f"{self._api}/queue/place/claim")
        if claim.status != 200:
            return "not admitted"
        self._token = _json(claim)["admission_token"]
        await self._think()
        wish = {"category": self._dice.choice(("VVIP", "VIP", "Normal")), "quantity": SEATS}
        hold = await self._ask("hold", "POST", f"{self._api}/holds", wish)
        if hold.status != 201:
            return "no seats"
        await self._think()
        wanted = {"hold_id": _json(hold)["hold_id"], "name": "Ann", "email": "ann@example.org"}
        booked = await self._ask("book", "POST", "/api/v1/bookings", wanted)
        if booked.status != 202:
            return "not booked"
        booking = _json(booked)["booking_id"]
        self._bookings.append(booking)
        while True:
            started = await self._ask("pay", "POST", f"/api/v1/bookings/{booking}/payment", {})
            if started.status != 409:  # not committed yet
                break
            await asyncio.sleep(0.5)
        if started.status != 201:
            return "not paid"
        payment = _json(started)["payment_id"]
        path = f"/api/v1/payments/sandbox/{payment}"
        await self._ask("bank", "POST", path, {"outcome": "approve"})
        return "paid"

    async def _think(self) -> None:
        await asyncio.sleep(self._dice.uniform(*_THINK_S))

    async def _ask(self, kind: str, method: str, path: str, body: Any = None) -> Reply:
        """An answer that is none of "later"; each of those is counted as well."""
        headers = {"authorization": f"Bearer {self._token}"}
        sent = b"" if body is None else msgspec.json.encode(body)
        while True:
            reply = await self._wire.ask(request(method, path, sent, headers))
            self._tally.note(kind, reply)
            if reply.status > 0 and reply.status not in (429, 503):
                return reply
            await asyncio.sleep((reply.retry_s or 1) * self._dice.uniform(1, 1.3))


def _json(reply: Reply) -> dict[str, Any]:
    try:
        told = msgspec.json.decode(reply.body)
    except msgspec.DecodeError:
        return {}
    return told if isinstance(told, dict) else {}
