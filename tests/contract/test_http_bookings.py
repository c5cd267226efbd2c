"""Bookings: from a hold to a ticket; cancelled, free of charge, read by their fan alone."""

import asyncio

import httpx
import pytest

from tests.contract.fan import PERSON, TIME, Fan, a_deadline, bearer, private, refused
from tests.sale import put_on_sale
from usher.clock import utc_now
from usher.event.model import NewEvent
from usher.ids import new_id
from usher.sale.model import SaleChange, SaleSettings
from usher.venue.generate import rows_by_columns
from usher.wiring import House

pytestmark = pytest.mark.anyio


async def test_a_hold_is_booked(fan: Fan, row: list[str]) -> None:
    hold = await fan.held(*row[:2])
    answer = await fan.book(hold["hold_id"])
    booked = private(answer, 202)
    assert answer.headers["location"] == f"/api/v1/bookings/{booked['booking_id']}"
    assert {"booking_id", "state", "total", "due", "expires_in_s"} <= booked.keys()
    assert booked["state"] == "pending"  # nothing more may be said before the commit
    assert booked["total"] == hold["total"]
    a_deadline(booked, 900)
    booking = await fan.booking_until(booked["booking_id"], "awaiting_payment")
    a_deadline(booking, 900)
    assert TIME.fullmatch(booking["created_at"])
    assert (booking["name"], booking["email"]) == (PERSON["name"], PERSON["email"])
    assert booking["seats"] == hold["seats"]
    assert booking["total"] == hold["total"]
    assert booking["tickets"] == []  # nobody comes in unpaid
    read = private(await fan.ask("GET", f"/holds/{hold['hold_id']}"), 200)
    assert read["state"] == "claimed"
    refused(await fan.ask("DELETE", f"/holds/{hold['hold_id']}"), 409, "booking_state")
    refused(
        await fan.ask("PATCH", f"/holds/{hold['hold_id']}", json={"extend": True}),
        409,
        "booking_state",
    )


async def test_booking_again_is_the_same_booking(fan: Fan, row: list[str]) -> None:
    hold = await fan.held(row[0])
    first = private(await fan.book(hold["hold_id"]), 202)
    for _ in range(2):
        again = private(await fan.book(hold["hold_id"]), 202)
        assert (again["booking_id"], again["due"]) == (first["booking_id"], first["due"])
        await fan.booking_until(first["booking_id"], "awaiting_payment")
    refused(await fan.book(hold["hold_id"], name="Bo"), 422, "idempotency_mismatch")
    assert (await fan.booking(first["booking_id"]))["name"] == PERSON["name"]


async def test_paying_confirms_and_gives_tickets(
    fan: Fan, other: Fan, row: list[str], http: httpx.AsyncClient
) -> None:
    booking = await fan.booked(*row[:2])
    started = private(await fan.ask("POST", f"/api/v1/bookings/{booking}/payment"), 201)
    assert {"payment_id", "provider", "url"} <= started.keys()
    assert started["provider"] == "sandbox"
    again = private(await fan.ask("POST", f"/api/v1/bookings/{booking}/payment"), 201)
    assert again["payment_id"] == started["payment_id"]
    charge = await fan.decide(started["payment_id"], "approve")
    assert charge["state"] == "authorised"
    confirmed = await fan.booking_until(booking, "confirmed")
    assert [ticket["guid"] for ticket in confirmed["tickets"]] == row[:2]
    assert "reason" not in confirmed
    refused(await fan.ask("POST", f"/api/v1/bookings/{booking}/payment"), 409, "booking_state")
    path = f"/api/v1/tickets/{confirmed['tickets'][0]['ticket_id']}"
    ticket = private(await fan.ask("GET", path), 200)
    assert ticket["holder"] == PERSON["name"]
    assert (ticket["guid"], ticket["booking_id"]) == (row[0], booking)
    assert ticket["price"] == confirmed["seats"][0]["price"]
    assert TIME.fullmatch(ticket["starts_at"])
    refused(await other.ask("GET", path), 403, "forbidden")
    refused(await http.get(path), 401, "unauthenticated")
    code = await fan.ask("GET", f"{path}.svg")
    assert (code.status_code, code.headers["content-type"]) == (200, "image/svg+xml")
    assert code.headers["cache-control"] == "no-store"
    assert b"<svg" in code.content
    refused(await other.ask("GET", f"{path}.svg"), 403, "forbidden")
    refused(await fan.ask("GET", f"{path}.png"), 404, "not_found")
    # Captured, not only authorised: what was promised after the commit has been done.
    for _ in range(200):
        told = (await http.get(f"/api/v1/payments/sandbox/{started['payment_id']}")).json()
        if told["state"] == "captured":
            break
        await asyncio.sleep(0.05)
    assert told["state"] == "captured"


async def test_a_payment_begun_at_once_waits_for_the_commit(fan: Fan, row: list[str]) -> None:
    hold = await fan.held(row[0])
    booked = private(await fan.book(hold["hold_id"]), 202)
    private(await fan.ask("POST", f"/api/v1/bookings/{booked['booking_id']}/payment"), 201)


async def test_free_seats_need_no_payment(house: House, http: httpx.AsyncClient) -> None:
    plan = rows_by_columns(1, 4)
    new = NewEvent(title="Open house", starts_at=utc_now(), prices={"Normal": 0})
    event = await house.events.create(new, plan, SaleSettings(mode="simple"))
    await house.events.publish(event)
    await house.inventory.build(event)
    await house.sales.change(event, "test", SaleChange(state="open"))
    fan = await Fan(http, event).come_in()
    booking = await fan.booked("A-1", "A-2")
    confirmed = await fan.booking_until(booking, "confirmed")
    assert confirmed["total"] == {"amount": 0, "currency": "EUR"}
    assert len(confirmed["tickets"]) == 2
    refused(await fan.ask("POST", f"/api/v1/bookings/{booking}/payment"), 409, "booking_state")


async def test_an_unpaid_booking_is_cancelled(fan: Fan, other: Fan, row: list[str]) -> None:
    booking = await fan.booked(row[0])
    payment = private(await fan.ask("POST", f"/api/v1/bookings/{booking}/payment"), 201)
    path = f"/api/v1/bookings/{booking}/cancellation"
    refused(await other.ask("POST", path), 403, "forbidden")
    for _ in range(2):
        cancelled = private(await fan.ask("POST", path), 200)
        assert cancelled["state"] == "cancelled"
        assert cancelled["expires_in_s"] == 0
    refused(await fan.ask("POST", f"/api/v1/bookings/{booking}/payment"), 409, "booking_state")
    for _ in range(200):
        if (answer := await other.hold(row[0])).status_code == 201:
            break
        await asyncio.sleep(0.05)
    private(answer, 201)
    # Money that comes for it now goes back.
    await fan.decide(payment["payment_id"], "approve")
    for _ in range(200):
        charge = (await fan.http.get(f"/api/v1/payments/sandbox/{payment['payment_id']}")).json()
        if charge["state"] == "voided":
            break
        await asyncio.sleep(0.05)
    assert charge["state"] == "voided"
    assert (await fan.booking(booking))["state"] == "cancelled"


async def test_a_lost_answer_is_had_again_however_late(fan: Fan, row: list[str]) -> None:
    """The hold is long gone; the booking it became is still the answer."""
    hold = await fan.held(row[0])
    booked = private(await fan.book(hold["hold_id"]), 202)["booking_id"]
    await fan.booking_until(booked, "awaiting_payment")
    await fan.ask("POST", f"/api/v1/bookings/{booked}/cancellation")
    for _ in range(200):
        if (await fan.ask("GET", f"/holds/{hold['hold_id']}")).status_code == 410:
            break
        await asyncio.sleep(0.05)
    again = await fan.book(hold["hold_id"])
    assert again.headers["location"] == f"/api/v1/bookings/{booked}"
    assert private(again, 202)["state"] == "cancelled"
    refused(await fan.book(hold["hold_id"], name="Bo"), 422, "idempotency_mismatch")


async def test_bookings_are_listed_newest_first(house: House, http: httpx.AsyncClient) -> None:
    event = await put_on_sale(house, rows_by_columns(1, 9), mode="simple")
    fan = await Fan(http, event).come_in()
    booked = [await fan.booked(f"A-{seat}") for seat in (1, 3, 5)]
    seen, cursor = [], None
    for _ in range(4):
        query = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
        answer = await fan.ask("GET", "/api/v1/bookings", params=query)
        page = private(answer, 200)
        seen.append([each["booking_id"] for each in page["bookings"]])
        cursor = page["cursor"]
        if cursor is None:
            break
    assert seen == [booked[:0:-1], booked[:1]]
    # The fan's own token serves as well as the admission, and for longer.
    mine = private(await fan.ask("GET", "/api/v1/bookings", token=fan.identity), 200)
    assert len(mine["bookings"]) == 3
    stranger = await Fan(http, event).come_in()
    empty = private(await stranger.ask("GET", "/api/v1/bookings"), 200)
    assert empty == {"bookings": [], "cursor": None}


async def test_a_booking_is_its_fans_alone(
    fan: Fan, other: Fan, row: list[str], http: httpx.AsyncClient
) -> None:
    booking = await fan.booked(row[0])
    path = f"/api/v1/bookings/{booking}"
    for method, part in (("GET", ""), ("POST", "/payment"), ("GET", "/stream")):
        refused(await other.ask(method, path + part), 403, "forbidden")
        refused(await http.request(method, path + part), 401, "unauthenticated")
    assert (await fan.booking(booking))["state"] == "awaiting_payment"


async def test_a_booking_that_is_none(fan: Fan) -> None:
    for booking in (new_id("booking"), new_id("hold"), "nonsense"):
        path = f"/api/v1/bookings/{booking}"
        refused(await fan.ask("GET", path), 404, "not_found")
        refused(await fan.ask("POST", f"{path}/payment"), 404, "not_found")
        refused(await fan.ask("POST", f"{path}/cancellation"), 404, "not_found")
        refused(await fan.ask("GET", f"{path}/stream"), 404, "not_found")
        refused(await fan.ask("GET", f"/api/v1/tickets/{booking}"), 404, "not_found")


NOBODY: list[dict[str, str | None]] = [
    {"name": ""},
    {"name": "   "},
    {"name": "Ann\nLee"},
    {"name": "Ann\n"},
    {"name": "Ann\x00"},
    {"name": "A" * 121},
    {"name": None},
    {"email": "ann"},
    {"email": "ann@example"},
    {"email": "ann@example.org\n"},
    {"email": "ann@example.org\nBcc: all@example.org"},
    {"email": "a\x00nn@example.org"},
    {"email": f"{'a' * 250}@example.org"},
    {"hold_id": ""},
    {"hold_id": "x" * 65},
    {"phone": "123"},
]


async def test_who_cannot_book(fan: Fan, row: list[str]) -> None:
    hold = await fan.held(row[0])
    for person in NOBODY:
        body = {"hold_id": hold["hold_id"], **PERSON, **person}
        problem = refused(await fan.ask("POST", "/api/v1/bookings", json=body), 422, "bad_input")
        assert next(iter(person)) in problem["detail"], person
        assert problem["errors"][0]["where"] in (*person, "body")
    read = private(await fan.ask("GET", f"/holds/{hold['hold_id']}"), 200)
    assert read["state"] == "held"


async def test_a_booking_needs_a_live_hold(fan: Fan, row: list[str]) -> None:
    refused(await fan.book(new_id("hold")), 410, "hold_lapsed")
    refused(await fan.book("nonsense"), 410, "hold_lapsed")
    hold = await fan.held(row[0])
    await fan.ask("DELETE", f"/holds/{hold['hold_id']}")
    refused(await fan.book(hold["hold_id"]), 410, "hold_lapsed")
    body = {"hold_id": hold["hold_id"], **PERSON}
    for token in ("", fan.place):
        answer = await fan.http.post(
            "/api/v1/bookings", json=body, headers=bearer(token) if token else {}
        )
        refused(answer, 401, "unauthenticated")
