"""Holds: named seats or the best available, all or none; what is refused, and what is repeated."""

import time
from typing import Any

import httpx
import jwt
import pytest

from tests.contract.fan import TIME, Fan, a_deadline, private, refused
from tests.sale import put_on_sale
from usher import limits
from usher.ids import new_id
from usher.venue.generate import rows_by_columns
from usher.wiring import House

pytestmark = pytest.mark.anyio


async def states(fan: Fan, seats: list[dict[str, Any]]) -> set[str]:
    """The states that everybody sees these seats in."""
    whole = (await fan.http.get(f"{fan.path}/seats")).json()["states"]
    return {whole[seat["index"]] for seat in seats}


async def test_named_seats_are_held(fan: Fan, row: list[str]) -> None:
    answer = await fan.hold(row[3], row[4])
    hold = private(answer, 201)
    assert answer.headers["location"] == f"{fan.path}/holds/{hold['hold_id']}"
    assert {"hold_id", "seats", "total", "due", "expires_in_s"} <= hold.keys()
    a_deadline(hold, 600)
    assert TIME.fullmatch(hold["extendable_until"])
    assert hold["seats"] == [
        {
            "guid": guid,
            "index": hold["seats"][0]["index"] + step,
            "zone": "Stalls",
            "row": guid.partition("-")[0],
            "number": guid.partition("-")[2],
            "category": hold["seats"][0]["category"],
            "price": hold["seats"][0]["price"],
        }
        for step, guid in enumerate((row[3], row[4]))
    ]
    price = hold["seats"][0]["price"]
    assert hold["total"] == {"amount": 2 * price["amount"], "currency": "EUR"}
    assert await states(fan, hold["seats"]) == {"h"}


async def test_the_best_seats_are_held(fan: Fan) -> None:
    hold = await fan.held(category="VVIP", quantity=3)
    assert {seat["category"] for seat in hold["seats"]} == {"VVIP"}
    assert {seat["row"] for seat in hold["seats"]} == {hold["seats"][0]["row"]}
    numbers = [int(seat["number"]) for seat in hold["seats"]]
    assert numbers == list(range(numbers[0], numbers[0] + 3))


async def test_seats_of_others_are_named(fan: Fan, other: Fan, row: list[str]) -> None:
    await other.held(row[2], row[5])
    problem = refused(await fan.hold(row[1], row[2], row[4], row[5]), 409, "seat_taken")
    assert sorted(problem["taken"]) == sorted([row[2], row[5]])
    # Nothing was held on the way to the refusal.
    await other.held(row[1], row[4])


async def test_no_seats_are_held_where_too_few_are_free(house: House, fan: Fan) -> None:
    event = await put_on_sale(house, rows_by_columns(1, 5), mode="simple")
    first = await Fan(fan.http, event).come_in()
    second = await Fan(fan.http, event).come_in()
    await first.held("A-3")
    problem = refused(await second.hold(category="Normal", quantity=3), 409, "not_enough_seats")
    assert problem["most"] == 2
    apart = await second.held(category="Normal", quantity=3, adjacent=False)
    assert "A-3" not in {seat["guid"] for seat in apart["seats"]}


async def test_a_limit_counts_all_of_a_fans_holds(fan: Fan, row: list[str]) -> None:
    await fan.held(*row[:4])
    problem = refused(await fan.hold(*row[4:7]), 422, "over_limit")
    assert (problem["has"], problem["most"]) == (4, 6)
    await fan.held(*row[4:6])


async def test_only_the_admitted_hold(
    fan: Fan, row: list[str], paused_event: str, http: httpx.AsyncClient
) -> None:
    refused(
        await fan.ask("POST", "/holds", token="", json={"seats": row[:1]}), 401, "unauthenticated"
    )
    left = await fan.ask("DELETE", "/queue/place", token=fan.place)
    assert left.status_code == 204
    refused(await fan.hold(row[0]), 403, "not_admitted")
    waiting = Fan(http, paused_event)
    await waiting.join()
    for token in (waiting.place, waiting.identity, fan.admission):
        answer = await waiting.ask("POST", "/holds", token=token, json={"seats": ["A-1"]})
        refused(answer, 401, "unauthenticated")


async def test_a_hold_is_read_extended_and_released(fan: Fan, row: list[str]) -> None:
    hold = await fan.held(row[0])
    path = f"/holds/{hold['hold_id']}"
    read = private(await fan.ask("GET", path), 200)
    assert read["state"] == "held"
    assert (read["hold_id"], read["seats"]) == (hold["hold_id"], hold["seats"])
    extended = private(await fan.ask("PATCH", path, json={"extend": True}), 200)
    assert extended["hold_id"] == hold["hold_id"]
    assert hold["due"] <= extended["due"] <= extended["extendable_until"]
    assert extended["extendable_until"] == hold["extendable_until"]
    refused(await fan.ask("PATCH", path, json={}), 422, "bad_input")
    for _ in range(2):
        released = await fan.ask("DELETE", path)
        assert (released.status_code, released.content) == (204, b"")
    refused(await fan.ask("GET", path), 410, "hold_lapsed")
    refused(await fan.ask("PATCH", path, json={"extend": True}), 410, "hold_lapsed")
    assert await states(fan, hold["seats"]) == {"."}


async def test_its_token_outlives_an_admission_by_what_a_hold_may_last(fan: Fan) -> None:
    """A hold of the last second may be extended to its cap, and booked."""
    claims = jwt.decode(fan.admission, options={"verify_signature": False})
    assert claims["exp"] - time.time() > limits.hold_s_max


async def test_a_hold_is_its_owners_alone(fan: Fan, other: Fan, row: list[str]) -> None:
    hold = await fan.held(row[0])
    path = f"/holds/{hold['hold_id']}"
    refused(await other.ask("GET", path), 410, "hold_lapsed")
    refused(await other.ask("PATCH", path, json={"extend": True}), 410, "hold_lapsed")
    refused(await other.ask("DELETE", path), 410, "hold_lapsed")
    refused(await other.book(hold["hold_id"]), 410, "hold_lapsed")
    assert await states(fan, hold["seats"]) == {"h"}


async def test_the_same_key_is_the_same_hold(fan: Fan, row: list[str]) -> None:
    first = private(await fan.hold(row[0], key="k-1"), 201)
    again = private(await fan.hold(row[0], key="k-1"), 201)
    assert (again["hold_id"], again["seats"]) == (first["hold_id"], first["seats"])
    assert again["due"] == first["due"]
    refused(await fan.hold(row[1], key="k-1"), 422, "idempotency_mismatch")
    refused(await fan.hold(key="k-1", category="VIP", quantity=1), 422, "idempotency_mismatch")
    assert private(await fan.hold(row[1], key="k-2"), 201)["hold_id"] != first["hold_id"]


async def test_a_key_is_its_owners_alone(fan: Fan, other: Fan, row: list[str]) -> None:
    mine = private(await fan.hold(row[0], key="order-1"), 201)
    theirs = private(await other.hold(row[1], key="order-1"), 201)
    assert mine["hold_id"] != theirs["hold_id"]


async def test_best_seats_are_repeatable_too(fan: Fan) -> None:
    first = private(await fan.hold(key="best", category="VVIP", quantity=1), 201)
    again = private(await fan.hold(key="best", category="VVIP", quantity=1), 201)
    assert (again["hold_id"], again["seats"]) == (first["hold_id"], first["seats"])


async def test_a_refusal_is_not_remembered(fan: Fan, other: Fan, row: list[str]) -> None:
    theirs = await other.held(row[0])
    refused(await fan.hold(row[0], key="again"), 409, "seat_taken")
    await other.ask("DELETE", f"/holds/{theirs['hold_id']}")
    private(await fan.hold(row[0], key="again"), 201)


async def test_a_released_hold_does_not_come_back(fan: Fan, row: list[str]) -> None:
    hold = private(await fan.hold(row[0], key="gone"), 201)
    await fan.ask("DELETE", f"/holds/{hold['hold_id']}")
    refused(await fan.hold(row[0], key="gone"), 410, "hold_lapsed")
    assert await states(fan, hold["seats"]) == {"."}


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"seats": []}, "seats"),
        ({"seats": ["Q-1", "Q-1"]}, "twice"),
        ({"seats": ["Q-1", "ZZ-99"]}, "such seats"),
        ({"seats": ["Q-1"] * 21}, "seats"),
        ({"seats": ["Q-1"], "category": "VIP"}, "both"),
        ({"category": "VIP"}, "quantity"),
        ({"quantity": 2}, "category"),
        ({"category": "Royal", "quantity": 1}, "Royal"),
        ({"category": "VIP", "quantity": 0}, "quantity"),
        ({"category": "VIP", "quantity": -3}, "quantity"),
        ({"category": "VIP", "quantity": 21}, "quantity"),
        ({"category": "VIP", "quantity": 10**30}, "quantity"),
        ({"category": "VIP", "quantity": 1.5}, "quantity"),
        ({"category": "VIP", "quantity": "2"}, "quantity"),
        ({"category": "VIP", "quantity": True}, "quantity"),
        ({"category": "VIP", "quantity": 1, "adjacent": 1}, "adjacent"),
        ({"seats": "Q-1"}, "seats"),
        ({"seats": [1]}, "seats[0]"),
        ({"seats": ["Q-1"], "colour": "red"}, "colour"),
        ({"seats": ["x" * 121]}, "seats"),
        ({}, "seats"),
    ],
    ids=str,
)
async def test_what_cannot_be_held(fan: Fan, asked: dict[str, Any], says: str) -> None:
    answer = await fan.ask("POST", "/holds", json=asked)
    assert says in refused(answer, 422, "bad_input")["detail"]


async def test_unknown_seats_are_named(fan: Fan, row: list[str]) -> None:
    problem = refused(await fan.hold(row[0], "ZZ-99"), 422, "bad_input")
    assert problem["unknown"] == ["ZZ-99"]


async def test_a_hold_that_never_was(fan: Fan) -> None:
    for hold in (new_id("hold"), new_id("booking"), "nonsense"):
        refused(await fan.ask("GET", f"/holds/{hold}"), 410, "hold_lapsed")
        refused(await fan.ask("DELETE", f"/holds/{hold}"), 410, "hold_lapsed")


@pytest.mark.parametrize("state", ["paused", "closed"])
async def test_seats_are_held_only_while_the_sale_is_open(
    house: House, http: httpx.AsyncClient, organiser: dict[str, str], state: str
) -> None:
    event = await put_on_sale(house, rows_by_columns(1, 5), mode="simple")
    fan = await Fan(http, event).come_in()
    hold = await fan.held("A-1")
    changed = await http.patch(f"{fan.path}/sale", headers=organiser, json={"state": state})
    assert changed.status_code == 200, changed.text
    assert refused(await fan.hold("A-2"), 409, "not_open")["state"] == state
    # What was held before is the fan's to book.
    private(await fan.book(hold["hold_id"]), 202)
