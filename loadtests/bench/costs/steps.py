"""Every request of a fan's way, one kind at a time: what it takes of the API process and of Redis.

Each kind is sent a few hundred to a few thousand times over 32 connections, so that calls to Redis
travel together as they do under load.
"""

import asyncio
from typing import Any, Final

import msgspec

from loadtests.bench.costs.meter import Meter, Spent
from loadtests.bench.costs.wires import Site, paced, static_paths
from loadtests.bench.http import event_on_sale
from loadtests.bench.wire import drive, request
from usher.account.guards import FAN_COOKIE, admission_cookie, place_cookie
from usher.account.model import Fan
from usher.ids import derived_id, new_id, sibling_id
from usher.sale.model import SaleChange
from usher.up import Up
from usher.wiring import House

Values = dict[str, float]
CONNECTIONS: Final = 32
PAGES: Final = 400
REQUESTS: Final = 3_000
HTML: Final = {"accept": "text/html", "accept-encoding": "gzip"}
APART_S: Final = 0.01
SETTLE_S: Final = 40.0
COMMITTED: Final = "SELECT count(*) FROM booking WHERE id = ANY($1)"
CAPTURED: Final = "SELECT count(*) FROM payment WHERE state = 'captured' AND booking_id = ANY($1)"


class Steps:
    """Measures kinds of requests into `values`."""

    def __init__(self, site: Up, meter: Meter, idle: Spent) -> None:
        self.house: House = site.house
        self.site = Site(site.url)
        self.meter = meter
        self.idle = idle
        self.values: Values = {}

    async def step(self, name: str, requests: list[bytes], status: int) -> None:
        """One kind of request: its costs, and the bytes of its first answer."""
        size = await self.site.size(requests[0])
        await drive(self.site.host, self.site.port, requests[1:33], CONNECTIONS)
        rest = requests[33:]
        watch = self.meter.start()
        run = await drive(self.site.host, self.site.port, rest, CONNECTIONS)
        spent = watch.stop().less(self.idle)
        if set(run.statuses) != {status}:
            raise RuntimeError(f"{name}: wanted only {status}, got {run.statuses}")
        self.values[f"api.{name}"] = spent.api / len(rest)
        self.values[f"redis.{name}"] = spent.redis / len(rest)
        self.values[f"postgres.{name}"] = spent.postgres / len(rest)
        self.values[f"wire.{name}"] = size

    async def line(self) -> None:
        """The way to a place and the waiting there."""
        event = await event_on_sale(self.house, 40, 50, rate_per_min=1)
        page, api = f"/events/{event}", f"/api/v1/events/{event}/queue"
        await self.step("page_event", [request("GET", page, headers=HTML)] * PAGES, 200)
        form = {**HTML, "content-type": "application/x-www-form-urlencoded"}
        joins = [request("POST", f"{page}/join", headers=form)] * PAGES
        await self.step("page_join", joins, 303)
        joins = [request("POST", api, b"{}")] * REQUESTS
        await self.step("join", joins, 202)
        await self._alone(joins[:PAGES])
        fans = [new_id("fan") for _ in range(PAGES)]
        joined = await asyncio.gather(*(self.house.queue.join(event, fan) for fan in fans))
        tokens = [each.place_token for each in joined]
        name = place_cookie(event)
        rooms = [
            request("GET", f"{page}/queue", headers={**HTML, "cookie": f"{name}={token}"})
            for token in tokens
        ]
        await self.step("page_room", rooms, 200)
        places = [
            request("GET", f"{api}/place", headers={"authorization": f"Bearer {token}"})
            for token in tokens
        ]
        await self.step("place", [places[i % PAGES] for i in range(REQUESTS)], 200)
        plain = await self.site.answer(rooms[0].replace(b"accept-encoding: gzip\r\n", b""))
        await self._static(static_paths(plain))
        await self.house.sales.change(event, "bench", SaleChange(state="closed"))

    async def _alone(self, joins: list[bytes]) -> None:
        """The same requests so far apart that nothing travels together with anything."""
        watch = self.meter.start()
        await paced(self.site, joins, APART_S)
        spent = watch.stop().less(self.idle)
        for part, each in (("api", spent.api), ("redis", spent.redis)):
            self.values[f"{part}.alone"] = each / len(joins) / self.values[f"{part}.join"]

    async def _static(self, paths: list[str]) -> None:
        asks = [request("GET", path, headers={"accept-encoding": "gzip"}) for path in paths]
        sizes = [await self.site.size(ask) for ask in asks]
        await self.step("static", [asks[i % len(asks)] for i in range(REQUESTS)], 200)
        self.values["wire.static"] = sum(sizes) / len(sizes)
        self.values["wire.room_files"], self.values["wire.room_static"] = len(sizes), sum(sizes)
        self._room_paths = set(paths)

    async def shop(self, buyers: int, *, pages: bool = True) -> str:
        """The way of `buyers` from a call to the hold; gives the event."""
        event = await event_on_sale(self.house, 100, 100, capacity=20_000)
        fans = [new_id("fan") for _ in range(buyers)]
        joined = await asyncio.gather(*(self.house.queue.join(event, fan) for fan in fans))
        await self._called(event)
        bearers = [{"authorization": f"Bearer {each.place_token}"} for each in joined]
        path = f"/api/v1/events/{event}/queue/place/claim"
        await self.step("claim", [request("POST", path, headers=each) for each in bearers], 200)
        places = [self.house.queue.place_of(event, each.place_token) for each in joined]
        admitted = [await self.house.queue.claim(place) for place in places]
        self.tokens = [str(each["admission_token"]) for each in admitted]
        self.places = [place.place_id for place in places]
        self.fans = fans
        if pages:
            await self._pages(event)
        await self._holds(event)
        if pages:
            await self._checkout_page(event)
        return event

    async def _called(self, event: str) -> None:
        """Returns when nobody waits any more."""
        async with asyncio.timeout(SETTLE_S):
            while True:
                known = await self.house.curves.of(event, fresh_s=0.1)
                if known is not None and not known.curve.waiting:
                    return
                await asyncio.sleep(0.2)

    async def _checkout_page(self, event: str) -> None:
        name = admission_cookie(event)
        asks = [
            request(
                "GET",
                f"/events/{event}/checkout/{hold}",
                headers={**HTML, "cookie": f"{name}={token}"},
            )
            for hold, token in zip(self.hold_ids[:PAGES], self.tokens, strict=False)
        ]
        await self.step("page_checkout", asks, 200)

    async def _pages(self, event: str) -> None:
        """What a browser loads before it can show the seats."""
        await self._seats_page(event)
        plan = request("GET", f"/api/v1/events/{event}/plan", headers={"accept-encoding": "gzip"})
        await self.step("plan", [plan] * PAGES, 200)
        self.values["wire.plan_seat"] = self.values["wire.plan"] / 10_000

    async def _seats_page(self, event: str) -> None:
        name = admission_cookie(event)
        asks = [
            request("GET", f"/events/{event}/seats", headers={**HTML, "cookie": f"{name}={token}"})
            for token in self.tokens[:PAGES]
        ]
        await self.step("page_seats", asks, 200)
        plain = await self.site.answer(asks[0].replace(b"accept-encoding: gzip\r\n", b""))
        more = [path for path in static_paths(plain) if path not in self._room_paths]
        sizes = [
            await self.site.size(request("GET", path, headers={"accept-encoding": "gzip"}))
            for path in more
        ]
        self.values["wire.seats_files"], self.values["wire.seats_static"] = len(more), sum(sizes)

    async def _holds(self, event: str) -> None:
        """Two named seats for each fan; their holds' ids are known beforehand (see ids.py)."""
        guid = (await self.house.events.showing(event)).layout.guid
        path = f"/api/v1/events/{event}/holds"
        asks, self.hold_ids = [], []
        for i, (token, place) in enumerate(zip(self.tokens, self.places, strict=True)):
            headers = {"authorization": f"Bearer {token}", "idempotency-key": f"bench-{i}"}
            seats = msgspec.json.encode({"seats": [guid[2 * i], guid[2 * i + 1]]})
            asks.append(request("POST", path, seats, headers))
            self.hold_ids.append(derived_id("hold", place, f"bench-{i}"))
        await self.step("hold", asks, 201)

    async def buy(self) -> list[str]:
        """Books and pays what is held, till the last booking is captured; gives their ids."""
        books, pays, told, bookings = self._purchases()
        await self.step("book", books, 202)
        await self.until(COMMITTED, bookings)
        await self.step("pay", pays, 201)
        watch = self.meter.start()
        await self.step("told", told, 200)
        await self.until(CAPTURED, bookings)
        # The webhooks come after the answers: the whole of it is what the bank's word takes.
        self.values["api.told"] = watch.stop().less(self.idle).api / len(bookings)
        return bookings

    async def buy_apart(self, pause_s: float) -> list[str]:
        """The same at so slow a pace that no two of them travel together."""
        books, pays, told, bookings = self._purchases()
        for requests, until in ((books, COMMITTED), (pays, COMMITTED), (told, CAPTURED)):
            await paced(self.site, requests, pause_s)
            await self.until(until, bookings)
        return bookings

    def _purchases(self) -> tuple[list[bytes], list[bytes], list[bytes], list[str]]:
        """Requests to book, to pay, to tell the bank, and the ids of what they book."""
        bearers = [{"authorization": f"Bearer {token}"} for token in self.tokens]
        bookings = [sibling_id("booking", hold) for hold in self.hold_ids]
        books = [
            request("POST", "/api/v1/bookings", msgspec.json.encode(_who(hold)), bearer)
            for hold, bearer in zip(self.hold_ids, bearers, strict=True)
        ]
        pays = [
            request("POST", f"/api/v1/bookings/{booking}/payment", b"{}", bearer)
            for booking, bearer in zip(bookings, bearers, strict=True)
        ]
        approve = msgspec.json.encode({"outcome": "approve"})
        path = "/api/v1/payments/sandbox/"
        told = [
            request("POST", path + derived_id("payment", each, "1"), approve) for each in bookings
        ]
        return books, pays, told, bookings

    async def read(self, bookings: list[str]) -> None:
        """Looking at a booking that is paid."""
        reads = [
            request(
                "GET", f"/api/v1/bookings/{booking}", headers={"authorization": f"Bearer {token}"}
            )
            for booking, token in zip(bookings, self.tokens, strict=True)
        ]
        await self.step("booking", reads, 200)
        tokens = [self.house.accounts.fan_token(Fan(fan, None)) for fan in self.fans[:PAGES]]
        pages = [
            request(
                "GET", f"/bookings/{booking}", headers={**HTML, "cookie": f"{FAN_COOKIE}={token}"}
            )
            for booking, token in zip(bookings, tokens, strict=False)
        ]
        await self.step("page_booking", pages, 200)

    async def until(self, counting: str, bookings: list[str]) -> None:
        """Returns when the query, given the bookings' ids, counts as many."""
        async with asyncio.timeout(SETTLE_S), self.house.database.connection() as connection:
            while True:
                if await connection.fetchval(counting, bookings) >= len(bookings):
                    return
                await asyncio.sleep(0.1)


def _who(hold: str) -> dict[str, Any]:
    return {"hold_id": hold, "name": "A fan of the house", "email": "fan@example.org"}
