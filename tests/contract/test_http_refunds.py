"""Tickets given back, one by one or all, by their fan or for their organiser; events cancelled."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest

from tests.contract.fan import Fan, private, refused
from tests.contract.test_own_events import someone
from tests.sale import QUICK
from usher.account.model import Reader, Role
from usher.booking.refunding.model import CancellationRequest
from usher.clock import utc_now
from usher.errors import NotCancellable
from usher.event.model import NewEvent
from usher.sale.model import SaleChange, SaleSettings
from usher.venue.generate import rows_by_columns
from usher.venue.price import default_prices
from usher.wiring import House

pytestmark = pytest.mark.anyio

HALL = rows_by_columns(2, 8)


async def on_sale(house: House, cancel_before_s: int | None, owner: str | None = None) -> str:
    """An open event, and until how long before it fans may give tickets back."""
    new = NewEvent(
        title="An evening",
        starts_at=utc_now() + timedelta(days=3),
        prices=default_prices(HALL),
        organiser_id=owner,
        cancel_before_s=cancel_before_s,
    )
    event = await house.events.create(new, HALL, SaleSettings(**QUICK, mode="simple"))
    await house.events.publish(event)
    await house.inventory.build(event)
    await house.sales.change(event, "test", SaleChange(state="open"))
    return event


async def bought(fan: Fan, *guids: str) -> dict[str, Any]:
    """A confirmed booking."""
    booking = await fan.booked(*guids)
    await fan.pay(booking)
    return await fan.booking_until(booking, "confirmed")


async def cancel(fan: Fan, booking: str, **asked: Any) -> httpx.Response:
    return await fan.ask("POST", f"/api/v1/bookings/{booking}/cancellation", json=asked)


async def refunded(fan: Fan, booking: str, most: int = 400) -> dict[str, Any]:
    """The booking, once every refund of it has been made."""
    for _ in range(most):
        view = await fan.booking(booking)
        if all(each["state"] == "done" for each in view["refunds"]):
            return view
        await asyncio.sleep(0.05)
    raise AssertionError(f"never paid back: {view}")


async def sound(house: House, event: str) -> None:
    verdict = await house.auditor.audit(event)
    assert verdict.holds, [check for check in verdict.checks if not check.holds]


async def free(fan: Fan, index: int) -> None:
    """Returns once the seat is on sale again."""
    for _ in range(200):
        states = (await fan.http.get(f"/api/v1/events/{fan.event}/seats")).json()["states"]
        if states[index] == ".":
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"never free: {states}")


async def test_a_fan_gives_one_ticket_back_and_then_the_rest(
    house: House, http: httpx.AsyncClient
) -> None:
    fan = await Fan(http, await on_sale(house, 3_600)).come_in()
    booking = await bought(fan, "A-1", "A-2", "A-3")
    name, total = booking["booking_id"], booking["total"]["amount"]
    assert booking["cancellable_until"] > booking["due"]
    one = booking["tickets"][1]["ticket_id"]
    for _ in range(3):  # asked again it has been done
        left = private(await cancel(fan, name, tickets=[one]), 200)
        assert left["state"] == "confirmed"
        assert [ticket["guid"] for ticket in left["tickets"]] == ["A-1", "A-3"]
        assert [each["seats"] for each in left["refunds"]] == [[1]]
    after = await refunded(fan, name)
    assert after["refunds"][0]["amount"]["amount"] == total // 3
    await free(fan, 1)
    assert private(await fan.ask("GET", f"/api/v1/tickets/{one}"), 200)["state"] == "cancelled"
    refused(await fan.ask("GET", f"/api/v1/tickets/{one}.svg"), 410, "gone")
    stranger = await Fan(http, fan.event).come_in()
    again = await bought(stranger, "A-2")
    # A late second press takes nothing from who has the seat now.
    private(await cancel(fan, name, tickets=[one]), 200)
    whole = private(await cancel(fan, name), 200)
    assert (whole["state"], whole["tickets"]) == ("refunded", [])
    paid_back = await refunded(fan, name)
    assert sum(each["amount"]["amount"] for each in paid_back["refunds"]) == total
    for index in (0, 2):
        await free(fan, index)
    assert (await stranger.booking(again["booking_id"]))["state"] == "confirmed"
    late = await Fan(http, fan.event).come_in()
    refused(await late.hold("A-2"), 409, "seat_taken")
    private(await cancel(fan, name), 200)
    await sound(house, fan.event)


async def test_no_fan_gives_back_what_the_organiser_does_not_take(
    house: House, http: httpx.AsyncClient
) -> None:
    for policy in (None, 30 * 24 * 3_600):  # never; until thirty days before, and it is in three
        fan = await Fan(http, await on_sale(house, policy)).come_in()
        booking = await bought(fan, "A-1")
        refused(await cancel(fan, booking["booking_id"]), 409, "not_cancellable")
        assert (await fan.booking(booking["booking_id"]))["tickets"] == booking["tickets"]


async def test_what_has_gone_back_has_gone_back_after_the_deadline_too(
    house: House, http: httpx.AsyncClient
) -> None:
    fan = await Fan(http, await on_sale(house, 3_600)).come_in()
    booking = await bought(fan, "A-1", "A-2")
    name, (one, two) = booking["booking_id"], (each["ticket_id"] for each in booking["tickets"])
    first = private(await cancel(fan, name, tickets=[one]), 200)
    async with house.database.connection() as connection:
        await connection.execute("UPDATE event SET cancel_before_s = NULL WHERE id = $1", fan.event)
        whose = await connection.fetchval("SELECT fan_id FROM booking WHERE id = $1", name)
    house.events.forget(fan.event)

    async def asked(*tickets: str) -> dict[str, Any]:
        return await house.refunds.cancel(name, CancellationRequest([*tickets]), Reader(whose))

    assert (await asked(one))["tickets"] == first["tickets"]
    for tickets in ((), (two,), (one, two)):
        with pytest.raises(NotCancellable):
            await asked(*tickets)


async def test_what_was_handed_on_only_the_organiser_gives_back(
    house: House, http: httpx.AsyncClient
) -> None:
    owner, organiser = await someone(house, http, Role.ORGANISER)
    fan = await Fan(http, await on_sale(house, 3_600, owner)).come_in()
    booking = await bought(fan, "A-1", "A-2")
    first, second = (each["ticket_id"] for each in booking["tickets"])
    to = {"name": "Bo", "email": "bo@example.org"}
    private(await fan.ask("POST", f"/api/v1/tickets/{first}/transfer", json=to), 200)
    name = booking["booking_id"]
    for wish in ({}, {"tickets": [first]}, {"tickets": [first, second]}):
        problem = refused(await cancel(fan, name, **wish), 409, "not_cancellable")
        assert problem["seats"] == [0]
    left = private(await cancel(fan, name, tickets=[second]), 200)
    assert [each["ticket_id"] for each in left["tickets"]] == [first]
    path = f"/api/v1/bookings/{name}/cancellation"
    told = private(await http.post(path, headers={"cookie": "", **organiser}), 200)
    assert told["state"] == "refunded"
    theirs = {"t": house.tickets.link(first, 1).partition("?t=")[2]}
    shown = private(await http.get(f"/api/v1/tickets/{first}", params=theirs), 200)
    assert shown["state"] == "cancelled"
    await sound(house, fan.event)


async def test_nobody_gives_back_what_is_not_theirs(house: House, http: httpx.AsyncClient) -> None:
    owner, organiser = await someone(house, http, Role.ORGANISER)
    _, stranger = await someone(house, http, Role.ORGANISER)
    _, staff = await someone(house, http, Role.STAFF)
    fan = await Fan(http, await on_sale(house, 3_600, owner)).come_in()
    other = await Fan(http, fan.event).come_in()
    booking = (await bought(fan, "A-1", "A-2"))["booking_id"]
    theirs = (await bought(other, "B-1"))["tickets"][0]["ticket_id"]
    refused(await cancel(other, booking), 403, "forbidden")
    path = f"/api/v1/bookings/{booking}/cancellation"
    for head in (stranger, staff):
        refused(await http.post(path, headers={"cookie": "", **head}), 403, "forbidden")
    refused(await http.post(path, headers={"cookie": ""}), 401, "unauthenticated")
    for tickets in ([theirs], ["nonsense"], [f"tkt_{booking[4:]}_7"], [""]):
        answer = await cancel(fan, booking, tickets=tickets)
        assert answer.status_code in (404, 422), answer.text
    answer = await cancel(fan, booking, reason="a\nb")
    assert answer.status_code == 422
    assert len((await fan.booking(booking))["tickets"]) == 2
    told = private(
        await http.post(path, json={"reason": "sorry"}, headers={"cookie": "", **organiser}), 200
    )
    assert (told["state"], told["refunds"][0]["reason"]) == ("refunded", "sorry")
    await sound(house, fan.event)


async def test_what_was_handed_on_or_used_is_not_given_back_by_who_bought_it(
    house: House, http: httpx.AsyncClient
) -> None:
    owner, organiser = await someone(house, http, Role.ORGANISER)
    fan = await Fan(http, await on_sale(house, 3_600, owner)).come_in()
    booking = await bought(fan, "A-1", "A-2", "A-3")
    name = booking["booking_id"]
    used, passed, left = (ticket["ticket_id"] for ticket in booking["tickets"])
    heir = {"name": "Bo Baker", "email": "bo@example.org"}
    private(await fan.ask("POST", f"/api/v1/tickets/{passed}/transfer", json=heir), 200)
    answer = await http.post(
        f"/api/v1/events/{fan.event}/checkins",
        json={"code": used, "typed": True, "nonce": "0" * 32},
        headers={"cookie": "", **organiser},
    )
    assert answer.status_code == 200, answer.text
    for tickets in ([used], [passed], [used, left], []):
        refused(await cancel(fan, name, tickets=tickets), 409, "not_cancellable")
    assert len(private(await cancel(fan, name, tickets=[left]), 200)["refunds"]) == 1
    # The organiser may, whatever became of them.
    path = f"/api/v1/bookings/{name}/cancellation"
    told = private(await http.post(path, headers={"cookie": "", **organiser}), 200)
    assert told["state"] == "refunded"
    await sound(house, fan.event)


async def test_a_capture_that_fails_undoes_the_booking(
    house: House, http: httpx.AsyncClient
) -> None:
    fan = await Fan(http, await on_sale(house, 3_600)).come_in()
    booking = await fan.booked("A-1", "A-2")
    await fan.pay(booking, "capture_fails")
    told = await fan.booking_until(booking, "cancelled")
    assert told["reason"] == "the payment could not be collected"
    assert told["payment"]["state"] == "failed"
    for index in (0, 1):
        await free(fan, index)
    await bought(await Fan(http, fan.event).come_in(), "A-1")
    await sound(house, fan.event)


async def test_a_bank_that_captures_and_does_not_say_so(
    house: House, http: httpx.AsyncClient
) -> None:
    fan = await Fan(http, await on_sale(house, 3_600)).come_in()
    booking = await fan.booked("A-1")
    await fan.pay(booking, "timeout_on_capture")
    await fan.booking_until(booking, "confirmed")
    for _ in range(400):
        if (view := await fan.booking(booking))["payment"]["state"] == "captured":
            break
        await asyncio.sleep(0.05)
    assert view["payment"]["state"] == "captured"
    await sound(house, fan.event)


async def test_words_in_the_wrong_order(house: House, http: httpx.AsyncClient) -> None:
    fan = await Fan(http, await on_sale(house, 3_600)).come_in()
    booking = await fan.booked("A-1")
    await fan.pay(booking, "out_of_order")
    await fan.booking_until(booking, "confirmed")
    await asyncio.sleep(1)  # the word that was overtaken arrives
    assert (await fan.booking(booking))["state"] == "confirmed"
    await sound(house, fan.event)


async def test_an_event_that_is_cancelled_gives_everything_back(
    house: House, http: httpx.AsyncClient
) -> None:
    owner, organiser = await someone(house, http, Role.ORGANISER)
    _, stranger = await someone(house, http, Role.ORGANISER)
    fan = await Fan(http, await on_sale(house, None, owner)).come_in()
    other = await Fan(http, fan.event).come_in()
    paid = (await bought(fan, "A-1", "A-2"))["booking_id"]
    partly = await bought(other, "B-1", "B-2")
    path = f"/api/v1/bookings/{partly['booking_id']}/cancellation"
    one = {"tickets": [partly["tickets"][0]["ticket_id"]]}
    private(await http.post(path, json=one, headers={"cookie": "", **organiser}), 200)
    third = await Fan(http, fan.event).come_in()
    held = await third.held("B-7")
    unpaid = await third.booked("A-5")
    payment = private(await third.ask("POST", f"/api/v1/bookings/{unpaid}/payment"), 201)
    path = f"/api/v1/events/{fan.event}/cancellation"
    refused(await http.post(path, headers={"cookie": "", **stranger}), 403, "forbidden")
    for reason in ("The singer is ill", "Another reason"):
        answer = await http.post(path, json={"reason": reason}, headers={"cookie": "", **organiser})
        assert private(answer, 202)["state"] == "cancelled"
    told = await fan.booking_until(paid, "refunded")
    assert told["refunds"][0]["reason"] == "The singer is ill"
    await refunded(fan, paid)
    await other.booking_until(partly["booking_id"], "refunded")
    await refunded(other, partly["booking_id"])
    assert (await third.booking_until(unpaid, "cancelled"))["reason"] == "The singer is ill"
    await third.decide(payment["payment_id"], "approve")  # the attempt was closed at the bank
    refused(await third.hold("A-8"), 409, "not_open")
    answer = await third.book(held["hold_id"])
    assert answer.status_code == 409, answer.text
    answer = await http.get(path, headers={"cookie": "", **organiser})
    assert private(answer, 200)["bookings_left"] == 0
    await sound(house, fan.event)
