"""One of everything that a request can be about, and whether any of it has changed."""

import re
from typing import Any

import httpx

from tests.contract.fan import PERSON, Fan, bearer, private
from tests.sale import put_on_sale
from usher.keys import Keys
from usher.venue.generate import rows_by_columns
from usher.wiring import House

Operation = tuple[str, str, dict[str, Any]]


class Scene:
    """An event in whose line nobody moves, a fan who shops there with a hold and an unpaid
    booking, an organiser; and every route of the API, filled in with them."""

    def __init__(self, house: House, fan: Fan, access: str) -> None:
        self.house = house
        self.http = fan.http
        self.fan = fan
        self.access = access
        self.hold = ""
        self.booking = ""
        self.payment = ""
        self.hook = ""
        self.delivery = ""
        self.operations: list[Operation] = []

    @classmethod
    async def set_up(cls, house: House, http: httpx.AsyncClient, access: str) -> "Scene":
        event = await put_on_sale(house, rows_by_columns(2, 5), mode="simple")
        scene = cls(house, await Fan(http, event).come_in(), access)
        scene.hold = (await scene.fan.held("A-1"))["hold_id"]
        scene.booking = await scene.fan.booked("A-3")
        path = f"/api/v1/bookings/{scene.booking}/payment"
        scene.payment = private(await scene.fan.ask("POST", path), 201)["payment_id"]
        await scene.add_hook()
        description = (await http.get("/api/schema/openapi.json")).json()
        scene.operations = [
            (method.upper(), path, operation)
            for path, item in description["paths"].items()
            for method, operation in item.items()
        ]
        return scene

    async def add_hook(self) -> None:
        """A webhook that nothing will ever be posted to: what is tried with it stays untried."""
        head = bearer(self.access)
        told = await self.http.post(
            "/api/v1/hooks", json={"url": "http://127.0.0.1:9/"}, headers=head
        )
        self.hook = private(told, 201)["hook_id"]
        path = f"/api/v1/hooks/{self.hook}"
        told = await self.http.post(f"{path}/test", headers=head)
        self.delivery = private(told, 202)["delivery_id"]
        private(await self.http.patch(path, json={"state": "paused"}, headers=head), 200)

    @property
    def guarded(self) -> list[tuple[Operation, set[str]]]:
        """The routes that need a token, and the purposes of those that will do."""
        return [
            (each, {name for scheme in schemes for name in scheme})
            for each in self.operations
            if (schemes := each[2].get("security"))
        ]

    @property
    def with_bodies(self) -> list[Operation]:
        """The routes that read a JSON body."""
        return [each for each in self.operations if "requestBody" in each[2]]

    def filled(self, path: str, **instead: str) -> str:
        """A route's path with this scene's ids, or what is given instead of them."""
        ids = {
            "event": self.fan.event,
            "hold": self.hold,
            "booking": self.booking,
            "payment": self.payment,
            "provider": "sandbox",
            "ticket": "tkt_" + "0" * 16,
            "hook": self.hook,
            "delivery": self.delivery,
            "token": "no.such.offer",
        }
        return re.sub(r"\{(\w+)\}", lambda name: (ids | instead)[name[1]], path)

    def token(self, operation: dict[str, Any]) -> str:
        """A token that opens the route; "" where it needs none."""
        tokens = {
            "access": self.access,
            "place": self.fan.place,
            "admission": self.fan.admission,
            "fan": self.fan.identity,
        }
        schemes = [name for scheme in operation.get("security", ()) for name in scheme]
        return tokens[schemes[0]] if schemes else ""

    def headers(self, operation: dict[str, Any]) -> dict[str, str]:
        token = self.token(operation)
        return bearer(token) if token else {}

    def body(self, path: str) -> dict[str, Any]:
        """A good body for a route, so that only the rest of a request can be wrong."""
        if path.endswith("/bookings"):
            return {"hold_id": self.hold, **PERSON}
        if path.endswith("/events"):
            plan = {"rows": 1, "columns": 1}
            return {"title": "Made", "starts_at": "2035-01-01T20:00:00Z", "plan": plan}
        if path.endswith("/hooks"):
            return {"url": "http://127.0.0.1:9/"}
        if path.endswith("/checkins"):
            return {"code": "no code at all", "nonce": "0" * 32}
        if path.endswith("/checkins/batch"):
            scan = {"code": "none", "nonce": "1" * 32, "at": "2026-01-01T20:00:00Z"}
            return {"scans": [scan]}
        if path.endswith("/waitlist"):
            return {"email": "ann@example.org", "quantity": 1}
        if path.endswith("/holds"):
            return {"category": "VIP", "quantity": 1}
        named: dict[str, Any] = {
            "notice": {"text": "hello"},
            "{hold}": {"extend": True},
            "transfer": PERSON,
        }
        known: dict[str, Any] = named.get(path.rpartition("/")[2], {})
        return {"outcome": "approve"} if "sandbox" in path else known

    async def ask(
        self,
        operation: Operation,
        headers: dict[str, str] | list[tuple[bytes, bytes]],
        **instead: str,
    ) -> httpx.Response:
        """The route asked with a good body; `instead` of ids of this scene, others."""
        method, path, told = operation
        body = self.body(path) if "requestBody" in told else None
        return await self.http.request(
            method, self.filled(path, **instead), headers=headers, json=body
        )

    async def state(self) -> dict[str, Any]:
        """Everything a request could have changed: seats, counters, places, holds, bookings,
        payments, settings."""
        keys = Keys(self.fan.event)
        names = ("gate", "seat", "hold", "place", "fan", "admission")
        commands = ("HGETALL", "GET", "HGETALL", "HGETALL", "HGETALL", "ZCARD")
        told: dict[str, Any] = {
            name: await self.house.runner.command(command, *keys.named((name,)))
            for name, command in zip(names, commands, strict=True)
        }
        for table in ("booking", "payment", "ticket", "sale", "sale_change", "waitlist"):
            async with self.house.database.connection() as connection:
                rows = await connection.fetch(
                    f"SELECT * FROM {table} WHERE event_id = $1 ORDER BY 1", self.fan.event
                )
            # The worker notes these on its own, some moment after the sale has begun.
            late = ("number_high", "lobby_size")
            told[table] = [{n: v for n, v in row.items() if n not in late} for row in rows]
        for table in ("account", "event", "sandbox_webhook", "hook", "hook_delivery"):
            async with self.house.database.connection() as connection:
                told[table] = await connection.fetchval(f"SELECT count(*) FROM {table}")
        return told
