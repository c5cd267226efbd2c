"""What happens when time is up: calls, holds and payments lapse; money that comes too late.

All the clocks of this file run at once, in one fixture: five seconds is the shortest they may be.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import NamedTuple

import httpx
import pytest

from tests.conftest import Site
from tests.contract.fan import Fan, private, refused
from tests.sale import put_on_sale
from usher.venue.generate import rows_by_columns
from usher.wiring import House, opened

pytestmark = pytest.mark.anyio


class Unpaid(NamedTuple):
    """A booking that nobody paid in time, with the attempt to pay that was begun."""

    fan: Fan
    booking: str
    payment: str
    seat: str


class Late(NamedTuple):
    """Everything after its time was up."""

    missed: Fan
    waiting: list[Fan]
    holder: Fan
    hold: str
    unpaid: list[Unpaid]
    event: str


async def _called_and_gone(house: House, http: httpx.AsyncClient) -> tuple[Fan, list[Fan]]:
    """A fan who is called and does not come; those who wait behind."""
    event = await put_on_sale(house, rows_by_columns(1, 3), claim_s=5, capacity=1)
    missed = Fan(http, event)
    await missed.join()
    await missed.until("called")
    waiting = [Fan(http, event) for _ in range(3)]
    for fan in waiting:
        await fan.join()
    await missed.until("lapsed")
    return missed, waiting


async def _shopping(house: House, http: httpx.AsyncClient) -> tuple[Fan, str, list[Unpaid], str]:
    """A hold that lapses, and bookings that are not paid."""
    event = await put_on_sale(
        house, rows_by_columns(1, 9), mode="simple", hold_s=5, hold_cap_s=5, payment_s=5
    )
    unpaid = []
    for seat in ("A-1", "A-3", "A-5"):
        fan = await Fan(http, event).come_in()
        booking = await fan.booked(seat)
        started = private(await fan.ask("POST", f"/api/v1/bookings/{booking}/payment"), 201)
        unpaid.append(Unpaid(fan, booking, started["payment_id"], seat))
    holder = await Fan(http, event).come_in()
    hold = (await holder.held("A-7"))["hold_id"]
    for each in unpaid:
        told = await each.fan.booking_until(each.booking, "expired")
        assert told["expires_in_s"] == 0
    for _ in range(200):
        seats = (await http.get(f"{holder.path}/seats")).json()["states"]
        if seats == "." * 9:
            return holder, hold, unpaid, event
        await asyncio.sleep(0.05)
    raise AssertionError(f"seats do not come back: {seats}")


@pytest.fixture(scope="module")
async def late(site: Site, anyio_backend: str) -> AsyncIterator[Late]:
    async with (
        opened(site.settings) as house,
        httpx.AsyncClient(base_url=site.url, trust_env=False, timeout=30) as http,
    ):
        (missed, waiting), (holder, hold, unpaid, event) = await asyncio.gather(
            _called_and_gone(house, http), _shopping(house, http)
        )
        yield Late(missed, waiting, holder, hold, unpaid, event)


async def test_a_missed_call_goes_back_to_the_front(late: Late) -> None:
    place = await late.missed.where()
    assert place["state"] == "lapsed"
    refused(await late.missed.claim(), 403, "not_admitted")
    behind = [(await fan.where())["number"] for fan in late.waiting]
    again = (await late.missed.join())["place"]
    assert again["number"] == place["number"] < min(behind)
    assert again["ahead"] == 0


async def test_a_lapsed_hold_is_gone(late: Late) -> None:
    holder, path = late.holder, f"/holds/{late.hold}"
    refused(await holder.ask("GET", path), 410, "hold_lapsed")
    refused(await holder.ask("PATCH", path, json={"extend": True}), 410, "hold_lapsed")
    refused(await holder.book(late.hold), 410, "hold_lapsed")
    private(await holder.hold("A-7"), 201)


async def test_an_expired_booking_is_past_paying(late: Late) -> None:
    fan, booking = late.unpaid[0].fan, late.unpaid[0].booking
    told = await fan.booking(booking)
    assert told["reason"] == "not paid in time"
    refused(await fan.ask("POST", f"/api/v1/bookings/{booking}/payment"), 409, "booking_state")
    refused(await fan.ask("POST", f"/api/v1/bookings/{booking}/cancellation"), 409, "booking_state")


async def test_late_money_takes_its_seats_where_they_are_free(late: Late) -> None:
    fan, booking, payment, seat = late.unpaid[1]
    await fan.decide(payment, "approve")
    told = await fan.booking_until(booking, "confirmed")
    assert [ticket["guid"] for ticket in told["tickets"]] == [seat]
    assert told["reason"] == "paid late"
    stranger = await Fan(fan.http, late.event).come_in()
    refused(await stranger.hold(seat), 409, "seat_taken")


async def test_late_money_goes_back_where_they_are_sold(late: Late) -> None:
    fan, booking, payment, seat = late.unpaid[2]
    faster = await Fan(fan.http, late.event).come_in()
    theirs = await faster.booked(seat)
    await faster.pay(theirs)
    await faster.booking_until(theirs, "confirmed")
    await fan.decide(payment, "approve")
    for _ in range(300):
        told = await fan.booking(booking)
        if told["payment"]["state"] == "voided":
            break
        await asyncio.sleep(0.05)
    assert told["state"] == "expired"
    assert told["tickets"] == []
    assert told["payment"] == {
        "payment_id": payment,
        "state": "voided",
        "reason": "paid late; the seats were sold meanwhile",
    }
    charge = (await fan.http.get(f"/api/v1/payments/sandbox/{payment}")).json()
    assert charge["state"] == "voided"
    assert (await faster.booking(theirs))["state"] == "confirmed"
