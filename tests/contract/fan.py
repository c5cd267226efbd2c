"""A fan who knows the HTTP contract and nothing else."""

import asyncio
import re
from typing import Any, Self

import httpx

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z")
PERSON = {"name": "Ann Lee", "email": "ann@example.org"}


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def refused(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The body of a refusal: a whole problem (RFC 9457), kept by no cache."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    body: dict[str, Any] = answer.json()
    assert (body["status"], body["code"]) == (status, code), body
    assert body["type"]
    assert body["title"]
    assert body["detail"]
    if "retry_after_s" in body or status in (429, 503):
        assert int(answer.headers["retry-after"]) >= 1
    return body


def private(answer: httpx.Response, status: int) -> dict[str, Any]:
    """The body of an answer that is this visitor's alone."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    body: dict[str, Any] = answer.json()
    return body


def a_deadline(body: dict[str, Any], most_s: int) -> None:
    """A deadline is told twice: as a moment, and as seconds from now for wrong clocks."""
    assert TIME.fullmatch(body["due"]), body["due"]
    assert 0 <= body["expires_in_s"] <= most_s


class Fan:
    """One fan at one event, as a program: a bearer token per purpose."""

    def __init__(self, http: httpx.AsyncClient, event: str) -> None:
        self.http = http
        self.event = event
        self.path = f"/api/v1/events/{event}"
        self.identity = ""
        self.place = ""
        self.admission = ""

    async def ask(
        self, method: str, path: str, *, token: str | None = None, **options: Any
    ) -> httpx.Response:
        """A request with `token`, or else the admission; `path` may begin at the event."""
        held = token if token is not None else self.admission
        headers = (bearer(held) if held else {}) | options.pop("headers", {})
        whole = path if path.startswith("/api") else f"{self.path}{path}"
        return await self.http.request(method, whole, headers=headers, **options)

    async def join(self) -> dict[str, Any]:
        """Takes a place, or asks where the one it has stands."""
        answer = await self.ask("POST", "/queue", token=self.identity)
        assert answer.status_code in (200, 202), answer.text
        body: dict[str, Any] = answer.json()
        self.identity = body.get("fan_token", self.identity)
        self.place = body["place_token"]
        self.admission = body.get("admission_token", self.admission)
        return body

    async def come_in(self) -> Self:
        """Through the line, until the shop lets in."""
        if not self.place:
            await self.join()
        for _ in range(300):
            if self.admission:
                return self
            answer = await self.claim()
            if answer.status_code == 200:
                self.admission = answer.json()["admission_token"]
            else:
                await asyncio.sleep(0.05)
        raise AssertionError(f"never called: {answer.text}")

    async def claim(self) -> httpx.Response:
        return await self.ask("POST", "/queue/place/claim", token=self.place)

    async def where(self) -> dict[str, Any]:
        """Where the place stands now."""
        return private(await self.ask("GET", "/queue/place", token=self.place), 200)

    async def until(self, state: str) -> dict[str, Any]:
        """Where the place stands, once it is in `state`."""
        for _ in range(400):
            view = await self.where()
            if view["state"] == state:
                return view
            await asyncio.sleep(0.05)
        raise AssertionError(f"never {state}: {view}")

    async def hold(self, *guids: str, key: str = "", **asked: Any) -> httpx.Response:
        """Named seats, or what is `asked` by category and quantity."""
        headers = {"idempotency-key": key} if key else {}
        body = {"seats": list(guids)} if guids else asked
        return await self.ask("POST", "/holds", json=body, headers=headers)

    async def held(self, *guids: str, **asked: Any) -> dict[str, Any]:
        return private(await self.hold(*guids, **asked), 201)

    async def book(self, hold_id: str, **person: Any) -> httpx.Response:
        body = {"hold_id": hold_id, **PERSON, **person}
        return await self.ask("POST", "/api/v1/bookings", json=body)

    async def booked(self, *guids: str, **asked: Any) -> str:
        """The id of a booking of these seats, durable."""
        hold = await self.held(*guids, **asked)
        answer = await self.book(hold["hold_id"])
        booking: str = private(answer, 202)["booking_id"]
        for _ in range(400):
            if (await self.booking(booking))["state"] != "pending":
                return booking
            await asyncio.sleep(0.02)
        raise AssertionError("never committed")

    async def booking(self, booking: str) -> dict[str, Any]:
        return private(await self.ask("GET", f"/api/v1/bookings/{booking}"), 200)

    async def booking_until(self, booking: str, state: str) -> dict[str, Any]:
        """A booking, once it is in `state`."""
        for _ in range(400):
            view = await self.booking(booking)
            if view["state"] == state:
                return view
            await asyncio.sleep(0.05)
        raise AssertionError(f"never {state}: {view}")

    async def pay(self, booking: str, outcome: str = "approve", **more: Any) -> str:
        """Begins to pay and has the bank decide; the payment's id."""
        answer = await self.ask("POST", f"/api/v1/bookings/{booking}/payment")
        payment: str = private(answer, 201)["payment_id"]
        await self.decide(payment, outcome, **more)
        return payment

    async def decide(self, payment: str, outcome: str, **more: Any) -> dict[str, Any]:
        """Has the sandbox decide on a charge, as the bank would."""
        answer = await self.http.post(
            f"/api/v1/payments/sandbox/{payment}", json={"outcome": outcome, **more}
        )
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body
