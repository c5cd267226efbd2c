"""The waiting list: who may join, in what order seats are offered, what becomes of an offer."""

import asyncio
from typing import Any

import httpx
import pytest

from tests.contract.fan import Fan, a_deadline, bearer, private, refused
from tests.contract.waiter import SoldOut, Waiter
from tests.sale import put_on_sale
from usher.account.model import Reader, Role
from usher.booking.refunding.model import CancellationRequest
from usher.venue.generate import rows_by_columns
from usher.wiring import House

pytestmark = pytest.mark.anyio


@pytest.fixture
async def hall(house: House, http: httpx.AsyncClient) -> SoldOut:
    return await SoldOut.set_up(house, http)


async def test_only_when_all_seats_are_sold(house: House, http: httpx.AsyncClient) -> None:
    hall = SoldOut(house, http, await put_on_sale(house, rows_by_columns(1, 4), mode="simple"))
    ann = Waiter(hall, "ann")
    assert refused(await ann.join(), 409, "not_open")["state"] == "open"
    await hall.take_away(0, 1, 2, 3)
    await hall.until("sold_out")
    assert (await ann.joined())["ahead"] == 0


async def test_a_fan_waits_once(hall: SoldOut) -> None:
    ann, ben = Waiter(hall, "ann"), Waiter(hall, "ben")
    first = await ann.joined(2, name="Ann", categories=["Normal"])
    assert first["state"] == "waiting"
    assert (first["quantity"], first["categories"], first["name"]) == (2, ["Normal"], "Ann")
    again = await ann.joined(2, name="Ann", categories=["Normal"])
    assert again["entry_id"] == first["entry_id"]
    other = refused(await ann.join(1), 409, "conflict")
    assert other["entry_id"] == first["entry_id"]
    assert (await ben.joined())["ahead"] == 1
    # The same person in another browser.
    stranger = Waiter(hall, "ANN")
    assert "email" in refused(await stranger.join(), 409, "conflict")["detail"]
    assert (await ann.leave()).status_code == 204
    assert (await ann.leave()).status_code == 204
    assert (await ann.entry())["state"] == "left"
    assert (await ben.entry())["ahead"] == 0
    anew = await ann.joined(1)
    assert anew["entry_id"] != first["entry_id"]
    assert anew["ahead"] == 1


async def test_a_lost_answer_is_asked_for_again(hall: SoldOut) -> None:
    key = "0123456789abcdef0123"
    ann = Waiter(hall, "ann")
    first = private(await ann.join(2, key=key), 201)
    again = private(await ann.join(2, key=key), 201)
    assert again["entry_id"] == first["entry_id"]
    refused(await ann.join(3, key=key), 422, "idempotency_mismatch")


async def test_by_the_token_of_the_entry_alone(hall: SoldOut, simple_event: str) -> None:
    ann = await hall.waiter("ann")
    by_entry = await hall.http.get(ann.path, headers=bearer(ann.token))
    assert private(by_entry, 200)["entry_id"] == (await ann.entry())["entry_id"]
    elsewhere = f"/api/v1/events/{simple_event}/waitlist"
    refused(await hall.http.get(elsewhere, headers=bearer(ann.token)), 401, "unauthenticated")
    refused(await hall.http.get(elsewhere, headers=bearer(ann.fan)), 404, "not_found")
    assert (await ann.leave(ann.token)).status_code == 204
    assert (await ann.entry())["state"] == "left"


WRONG: dict[str, dict[str, Any]] = {
    "no seats": {"quantity": 0},
    "too many": {"quantity": 21},
    "no category": {"categories": ["Nowhere"]},
    "empty category": {"categories": [""]},
    "no address": {"email": "ann"},
    "two lines": {"email": "ann@example.org\n"},
    "name with a bell": {"name": "\x07"},
    "language of signs": {"language": "é"},
    "unknown field": {"seats": 1},
}


async def test_wishes_that_cannot_be(hall: SoldOut) -> None:
    for name, wrong in WRONG.items():
        body = {"email": "ann@example.org", "quantity": 1} | wrong
        answer = await hall.http.post(f"/api/v1/events/{hall.event}/waitlist", json=body)
        assert refused(answer, 422, "bad_input"), name
    assert refused(await Waiter(hall, "ann").join(5), 422, "over_limit")["most"] == 4


async def test_returned_seats_are_offered_in_turn_and_booked(hall: SoldOut) -> None:
    ann, ben = await hall.waiter("ann", 2), await hall.waiter("ben", 2)
    await hall.give_back(1, 2)
    entry = await ann.until("offered")
    assert entry["ahead"] is None
    a_deadline(entry, 4 * 3600)
    offer = await ann.offered()
    told = private(await hall.http.get(offer), 200)
    assert [seat["guid"] for seat in told["seats"]] == ["A-2", "A-3"]
    assert told["total"]["amount"] == sum(seat["price"]["amount"] for seat in told["seats"])
    assert (told["state"], told["event_id"]) == ("offered", hall.event)
    a_deadline(told, 4 * 3600)
    assert (await ben.entry())["state"] == "waiting"
    # For everybody else it is sold out still.
    assert (await hall.line())["state"] == "sold_out"
    assert (await hall.line())["left"] == 0
    join = await hall.http.post(f"/api/v1/events/{hall.event}/queue")
    assert refused(join, 409, "not_open")["state"] == "sold_out"

    fan = await ann.accepted(offer)
    held = private(await fan.ask("GET", f"/holds/{told['hold_id']}"), 200)
    assert held["extendable_until"] == held["due"]
    more = await fan.ask("PATCH", f"/holds/{told['hold_id']}", json={"extend": True})
    assert private(more, 200)["due"] == held["due"]
    fan, booking = await ann.booked(offer)
    await ann.until("booked")
    assert private(await hall.http.get(offer), 200)["state"] == "booked"
    refused(await hall.http.post(f"{offer}/acceptance"), 409, "booking_state")
    refused(await hall.http.delete(offer), 409, "booking_state")
    await fan.pay(booking)
    await fan.booking_until(booking, "confirmed")
    assert (await ben.entry())["state"] == "waiting"
    verdict = await hall.house.auditor.audit(hall.event)
    assert verdict.holds, [check for check in verdict.checks if not check.holds]


async def test_a_booking_of_the_offer_that_comes_to_nothing_passes_on(hall: SoldOut) -> None:
    ann, ben = await hall.waiter("ann"), await hall.waiter("ben")
    await hall.give_back(0)
    fan, booking = await ann.booked(await ann.offered())
    await ann.until("booked")
    answer = await fan.ask("POST", f"/api/v1/bookings/{booking}/cancellation")
    assert private(answer, 200)["state"] == "cancelled"
    await ben.until("offered")
    assert (await ann.entry())["state"] == "booked", "they had their turn"


async def test_tickets_that_are_given_back_are_offered(
    house: House, http: httpx.AsyncClient
) -> None:
    event = await put_on_sale(
        house, rows_by_columns(1, 2), mode="simple", prices={"VVIP": 0, "VIP": 0, "Normal": 0}
    )
    hall = SoldOut(house, http, event)
    buyer = await Fan(http, event).come_in()
    booking = await buyer.booked("A-1", "A-2")
    await hall.until("sold_out")
    ann = await hall.waiter("ann", 2)
    await house.refunds.cancel(booking, CancellationRequest(), Reader(), "acc_organiser")
    offer = private(await http.get(await ann.offered()), 200)
    assert [seat["guid"] for seat in offer["seats"]] == ["A-1", "A-2"]
    assert (await hall.line())["state"] == "sold_out"


async def test_a_declined_offer_passes_on_at_once(hall: SoldOut) -> None:
    ann, ben = await hall.waiter("ann"), await hall.waiter("ben")
    await hall.give_back(0)
    offer = await ann.offered()
    for _ in range(2):
        assert (await hall.http.delete(offer)).status_code == 204
    assert private(await hall.http.get(offer), 200)["state"] == "declined"
    refused(await hall.http.post(f"{offer}/acceptance"), 410, "hold_lapsed")
    assert (await ann.entry())["state"] == "declined"
    await ben.until("offered")


async def test_who_leaves_lets_the_offer_go(hall: SoldOut) -> None:
    ann, ben = await hall.waiter("ann"), await hall.waiter("ben")
    await hall.give_back(0)
    await ann.offered()
    assert (await ann.leave()).status_code == 204
    assert (await ann.entry())["state"] == "declined"
    await ben.until("offered")


async def test_seats_given_back_at_the_checkout_are_a_no(hall: SoldOut) -> None:
    ann, ben = await hall.waiter("ann"), await hall.waiter("ben")
    await hall.give_back(0)
    offer = await ann.offered()
    fan = await ann.accepted(offer)
    hold = private(await hall.http.get(offer), 200)["hold_id"]
    assert (await fan.ask("DELETE", f"/holds/{hold}")).status_code == 204
    await ann.until("declined")
    await ben.until("offered")


async def test_an_offer_lapses_and_passes_on(house: House, http: httpx.AsyncClient) -> None:
    hall = await SoldOut.set_up(house, http, offer_s=5)
    ann, ben = await hall.waiter("ann"), await hall.waiter("ben")
    await hall.give_back(0)
    offer = await ann.offered()
    await ben.until("offered")
    assert (await ann.entry())["state"] == "lapsed"
    assert private(await http.get(offer), 200)["state"] == "lapsed"
    refused(await http.post(f"{offer}/acceptance"), 410, "hold_lapsed")
    assert (await http.delete(offer)).status_code == 204
    refused(await ann.join(1, email="ben@example.org"), 409, "conflict")
    assert (await ann.joined())["state"] == "waiting"


async def test_who_does_not_fit_is_passed_over_and_keeps_their_turn(hall: SoldOut) -> None:
    ann, ben = await hall.waiter("ann", 3), await hall.waiter("ben", 2)
    await hall.give_back(0, 1)
    await ben.until("offered")
    entry = await ann.entry()
    assert (entry["state"], entry["ahead"]) == ("waiting", 0)
    assert (await hall.http.delete(await ben.offered())).status_code == 204
    # Nobody who waits fits two seats: they are on public sale.
    await hall.until("open")
    fan = await Fan(hall.http, hall.event).come_in()
    held = await fan.held("A-1")
    # Ann is first for what comes back now, and for what the public lets go of.
    await hall.give_back(2)
    await hall.until("open")
    assert (await ann.entry())["state"] == "waiting"
    assert (await fan.ask("DELETE", f"/holds/{held['hold_id']}")).status_code == 204
    await ann.until("offered")
    await hall.until("sold_out")


async def test_only_the_categories_that_would_do(house: House, http: httpx.AsyncClient) -> None:
    plan = rows_by_columns(10, 2)
    event = await put_on_sale(house, plan, mode="simple")
    categories = (await house.events.showing(event)).categories
    await house.seat_scripts.block(event, 0, 20, *range(20))
    hall = SoldOut(house, http, event)
    await hall.until("sold_out")
    worst, best = categories[-1], categories[0]
    ann = await hall.waiter("ann", categories=[worst.name])
    ben = await hall.waiter("ben", categories=[best.name])
    cleo = await hall.waiter("cleo")
    await hall.give_back(best.first)
    await ben.until("offered")
    await hall.give_back(best.first + 1)
    await cleo.until("offered")
    assert (await ann.entry())["state"] == "waiting"
    await hall.give_back(worst.first)
    seat = private(await http.get(await ann.offered()), 200)["seats"][0]
    assert seat["category"] == worst.name


async def test_without_a_list_returned_seats_are_on_sale(
    house: House, http: httpx.AsyncClient
) -> None:
    hall = await SoldOut.set_up(house, http, waitlist="off")
    assert "no waiting list" in refused(await Waiter(hall, "ann").join(), 409, "not_open")["detail"]
    await hall.give_back(0)
    await hall.until("open")


async def test_the_last_who_leaves_ends_the_list(hall: SoldOut) -> None:
    ann = await hall.waiter("ann", 2)
    await hall.give_back(0)
    await hall.until("open")
    await hall.take_away(0)
    await hall.until("sold_out")
    await ann.leave()
    await hall.give_back(0)
    await hall.until("open")
    for _ in range(100):
        if not await hall.house.runner.command("HGET", f"{{{hall.event}}}:gate", "listed"):
            break
        await asyncio.sleep(0.05)
    refused(await Waiter(hall, "ben").join(), 409, "not_open")


async def test_a_sale_for_logins_has_a_list_for_logins(
    house: House, http: httpx.AsyncClient, tokens: dict[Role, str]
) -> None:
    hall = await SoldOut.set_up(house, http, access="login")
    ann = Waiter(hall, "ann")
    refused(await ann.join(), 401, "unauthenticated")
    cookies = {"cookie": f"__Host-access={tokens[Role.FAN]}"}
    body = {"email": ann.email, "quantity": 1}
    private(await http.post(ann.path, json=body, headers=cookies), 201)


async def test_no_offer_is_known_by_a_made_up_link(hall: SoldOut) -> None:
    ann = await hall.waiter("ann")
    await hall.give_back(0)
    offer = await ann.offered()
    for token in ("x", "a.b.c", ann.fan, ann.token, offer.rpartition("/")[2][:-3]):
        path = f"/api/v1/offers/{token}"
        refused(await hall.http.get(path), 404, "not_found")
        refused(await hall.http.delete(path), 404, "not_found")
        refused(await hall.http.post(f"{path}/acceptance"), 404, "not_found")
    assert (await ann.entry())["state"] == "offered"


async def test_what_a_message_about_an_offer_says(hall: SoldOut, house: House) -> None:
    ann = await hall.waiter("ann", 2, name="Ann", language="de")
    await hall.give_back(0, 1)
    entry = await ann.until("offered")
    async with house.database.connection() as connection:
        letters = await connection.fetch(
            "SELECT kind, subject FROM outbox WHERE subject LIKE $1", f"%{entry['entry_id']}%"
        )
    assert [tuple(row) for row in letters] == [("notice", f"offer.made {entry['entry_id']}.1")]
    facts = await house.waitlist.offer_facts(f"{entry['entry_id']}.1")
    assert facts is not None
    assert (facts.name, facts.email, facts.language) == ("Ann", "ann@example.org", "de")
    assert (facts.event_id, facts.seats, facts.currency) == (hall.event, [0, 1], "EUR")
    told = private(await hall.http.get(f"/api/v1{facts.link.removeprefix(hall_url(hall))}"), 200)
    assert (told["state"], told["total"]["amount"]) == ("offered", facts.total)
    for subject in (f"{entry['entry_id']}.2", f"{entry['entry_id']}", "wtl_x.1", ""):
        assert await house.waitlist.offer_facts(subject) is None
    async with house.database.connection() as connection:
        for state in ("cancelled", "published"):  # of an event that is off nothing is offered
            await connection.execute("UPDATE event SET state = $2 WHERE id = $1", hall.event, state)
            house.events.forget(hall.event)
            facts = await house.waitlist.offer_facts(f"{entry['entry_id']}.1")
            assert (facts is None) == (state == "cancelled")
    await hall.http.delete(await ann.offered())
    assert await house.waitlist.offer_facts(f"{entry['entry_id']}.1") is None


def hall_url(hall: SoldOut) -> str:
    return hall.house.settings.public_url


async def test_the_organiser_sees_the_list(
    hall: SoldOut, organiser: dict[str, str], tokens: dict[Role, str]
) -> None:
    for name, quantity in (("ann", 2), ("ben", 3), ("cleo", 1)):
        await hall.waiter(name, quantity)
    path = f"/api/v1/events/{hall.event}/waitlist/entries"
    told = private(await hall.http.get(path, headers=organiser), 200)
    assert (told["waiting"], told["seats"], told["offered"], told["cursor"]) == (3, 6, 0, None)
    assert [row["email"] for row in told["entries"]] == [
        "ann@example.org",
        "ben@example.org",
        "cleo@example.org",
    ]
    first = private(await hall.http.get(f"{path}?limit=2", headers=organiser), 200)
    rest = f"{path}?limit=2&cursor={first['cursor']}"
    assert (
        private(await hall.http.get(rest, headers=organiser), 200)["entries"]
        == (told["entries"][2:])
    )
    none = private(await hall.http.get(f"{path}?state=booked", headers=organiser), 200)
    assert none["entries"] == []
    refused(await hall.http.get(f"{path}?state=x", headers=organiser), 422, "bad_input")
    refused(await hall.http.get(path, headers=bearer(tokens[Role.STAFF])), 403, "forbidden")
