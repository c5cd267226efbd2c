"""A shadow behind a running site: fans buy there, at a bank of its own, and nobody is told."""

import asyncio
from typing import Any

import httpx
import pytest

from tests.contract.fan import Fan, private, refused
from tests.sale import put_on_sale
from usher.errors import NotFound, Unavailable
from usher.keys import KEYS, Keys
from usher.rehearsal.shadow import queries
from usher.rehearsal.shadow.model import Windows
from usher.sale.model import SaleChange
from usher.venue.generate import rows_by_columns
from usher.venue.layout import compile_layout
from usher.wiring import House

pytestmark = pytest.mark.anyio

PLAN = rows_by_columns(2, 10)
WINDOWS = Windows(claim_s=6, shop_s=20, hold_s=60, payment_s=60)


async def laid_out(house: House, shadow: str) -> None:
    """Returns when a worker has laid out its seats."""
    for _ in range(200):
        try:
            await house.auditor.audit(shadow)
            return
        except (NotFound, Unavailable):
            await asyncio.sleep(0.05)
    raise AssertionError("never laid out")


async def fetch(house: House, statement: str, *arguments: Any) -> list[Any]:
    async with house.database.connection() as connection:
        return list(await connection.fetch(statement, *arguments))


async def test_a_purchase_on_a_shadow_leaves_nothing(house: House, http: httpx.AsyncClient) -> None:
    event = await put_on_sale(house, PLAN, state="draft", mode="simple", title="To be rehearsed")
    shadow, mode = await house.shadows.make(event, WINDOWS)
    assert mode == "simple"
    await laid_out(house, shadow)
    await house.sales.change(shadow, "test", SaleChange(state="open"))

    fan = await Fan(http, shadow).come_in()
    booking = await fan.booked(*compile_layout(PLAN).guid[:2])
    begun = private(await fan.ask("POST", f"/api/v1/bookings/{booking}/payment"), 201)
    assert begun["provider"] == "rehearsal"
    payment = begun["payment_id"]
    # The sandbox, which is this site's bank, knows nothing of it.
    refused(await http.get(f"/api/v1/payments/sandbox/{payment}"), 404, "not_found")
    told = await http.post(f"/api/v1/payments/rehearsal/{payment}", json={"outcome": "approve"})
    assert told.status_code == 200, told.text
    view = await fan.booking_until(booking, "confirmed")
    assert len(view["tickets"]) == 2

    listed = (await http.get("/api/v1/events", params={"q": "To be rehearsed"})).json()["events"]
    assert [each["id"] for each in listed] == [event]
    for _ in range(100):
        letters = await fetch(
            house, "SELECT state FROM outbox WHERE subject LIKE '%' || $1", booking
        )
        if letters and all(each["state"] == "done" for each in letters):
            break
        await asyncio.sleep(0.05)
    assert letters
    assert {each["state"] for each in letters} == {"done"}
    assert await fetch(house, "SELECT 1 FROM message WHERE event_id = $1", shadow) == []
    audit = await house.auditor.audit(shadow)
    assert [each.name for each in audit.checks if not each.holds] == []

    assert await house.shadows.clear(shadow)
    # A worker that still worked for it would by now have made its keys anew.
    await asyncio.sleep(1.5)
    assert await queries.left(house.database, shadow) == 0
    assert await house.runner.command("EXISTS", *Keys(shadow).named(tuple(KEYS))) == 0
    assert await fetch(house, "SELECT 1 FROM outbox WHERE subject LIKE '%' || $1", booking) == []
    refused(await http.get(f"/api/v1/events/{shadow}"), 404, "not_found")
    assert (await http.get(f"/api/v1/events/{event}")).status_code == 200
    await house.auditor.audit(event)


async def test_the_bank_of_shadows_is_closed_to_real_bookings(
    house: House, http: httpx.AsyncClient, fan: Fan, row: list[str]
) -> None:
    booking = await fan.booked(row[0])
    begun = private(await fan.ask("POST", f"/api/v1/bookings/{booking}/payment"), 201)
    assert begun["provider"] == "sandbox"
    path = f"/api/v1/payments/rehearsal/{begun['payment_id']}"
    refused(await http.post(path, json={"outcome": "approve"}), 404, "not_found")
    assert (await fan.booking(booking))["state"] == "awaiting_payment"
