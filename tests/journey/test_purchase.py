"""A fan buys, by the API alone."""

import asyncio

import httpx
import pytest

from tests.sale import admitted, put_on_sale
from usher.wiring import House


@pytest.mark.anyio
async def test_a_fan_buys_two_seats(house: House, http: httpx.AsyncClient) -> None:
    event = await put_on_sale(house)
    fan = await admitted(http, event)
    held = await http.post(
        f"/api/v1/events/{event}/holds", headers=fan, json={"category": "VIP", "quantity": 2}
    )
    assert held.status_code == 201, held.text
    booked = await http.post(
        "/api/v1/bookings",
        headers=fan,
        json={"hold_id": held.json()["hold_id"], "name": "Ann", "email": "ann@example.org"},
    )
    assert booked.status_code == 202, booked.text
    path = booked.headers["location"]
    payment = await http.post(f"{path}/payment", headers=fan)
    assert payment.status_code == 201, payment.text
    approved = await http.post(
        f"/api/v1/payments/sandbox/{payment.json()['payment_id']}", json={"outcome": "approve"}
    )
    assert approved.json()["state"] == "authorised"
    for _ in range(200):
        booking = (await http.get(path, headers=fan)).json()
        if booking["state"] == "confirmed":
            break
        await asyncio.sleep(0.05)
    assert booking["state"] == "confirmed"
    assert [t["guid"] for t in booking["tickets"]] == [s["guid"] for s in held.json()["seats"]]
    ticket = await http.get(f"/api/v1/tickets/{booking['tickets'][0]['ticket_id']}", headers=fan)
    assert ticket.json()["holder"] == "Ann"
