"""Tickets that change hands: once, to one person, and the code before is good no more."""

import asyncio
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.contract.fan import PERSON, Fan, private, refused
from tests.contract.test_http_tickets import a_ticket, cancelled, keys_of, paid, path_of
from tests.sale import put_on_sale
from usher.ticket.code import read_code
from usher.venue.generate import rows_by_columns
from usher.wiring import House

pytestmark = pytest.mark.anyio

BO = {"name": "Bo Ek", "email": "bo@example.org"}
CY = {"name": "Cy Yu", "email": "cy@example.org"}


async def give(fan: Fan, ticket: dict[str, Any], to: dict[str, str]) -> httpx.Response:
    return await fan.ask("POST", path_of(ticket["ticket_id"]) + "/transfer", json=to)


async def told(house: House, ticket: dict[str, Any]) -> list[str]:
    """What its holders are told of a ticket, one letter a fact."""
    async with house.database.connection() as connection:
        rows = await connection.fetch(
            "SELECT subject FROM outbox WHERE kind = 'notice' AND strpos(subject, $1) > 0"
            " ORDER BY id",
            ticket["ticket_id"],
        )
    return [row["subject"] for row in rows]


def token_of(house: House, ticket: dict[str, Any], serial: int) -> dict[str, str]:
    """The query of the link that the holder with this serial was sent."""
    url = urlsplit(house.tickets.link(ticket["ticket_id"], serial))
    assert url.path == f"/tickets/{ticket['ticket_id']}"
    return {"t": url.query.removeprefix("t=")}


async def test_a_ticket_changes_hands(
    fan: Fan, row: list[str], house: House, http: httpx.AsyncClient
) -> None:
    ticket = await a_ticket(fan, *row[:2])
    path = path_of(ticket["ticket_id"])
    given = private(await give(fan, ticket, BO), 200)
    assert (given["state"], given["transferred_to"]) == ("transferred", "Bo Ek")
    assert not {"code", "serial"} & given.keys()
    assert private(await fan.ask("GET", path), 200) == given
    for form in (".svg", ".pdf"):
        problem = refused(await fan.ask("GET", path + form), 403, "transferred")
        assert "Bo Ek" in problem["detail"]
    assert await told(house, ticket) == [f"ticket.transferred {ticket['ticket_id']}.1"]

    theirs = private(await http.get(path, params=token_of(house, ticket, 1)), 200)
    assert (theirs["state"], theirs["holder"], theirs["serial"]) == ("live", "Bo Ek", 1)
    code = read_code(theirs["code"], await keys_of(http))
    assert (code.booking_id, code.seat, code.serial) == (ticket["booking_id"], ticket["index"], 1)
    for form, media in ((".svg", "image/svg+xml"), (".pdf", "application/pdf")):
        file = await http.get(path + form, params=token_of(house, ticket, 1))
        assert (file.status_code, file.headers["content-type"]) == (200, media)

    booking = await fan.booking(ticket["booking_id"])
    handed = [each.get("transferred_to") for each in booking["tickets"]]
    assert handed == ["Bo Ek", None]


async def test_the_same_again_is_the_same_answer(
    fan: Fan, row: list[str], house: House, http: httpx.AsyncClient
) -> None:
    ticket = await a_ticket(fan, row[0])
    first = private(await give(fan, ticket, BO), 200)
    assert private(await give(fan, ticket, BO), 200) == first
    refused(await give(fan, ticket, CY), 403, "transferred")
    refused(await give(fan, ticket, BO | {"email": "other@example.org"}), 403, "transferred")
    # Bo hands it on: what Ann asked for before is still what came of it, and all she may know.
    bo = token_of(house, ticket, 1)
    answer = await http.post(path_of(ticket["ticket_id"]) + "/transfer", params=bo, json=CY)
    assert private(answer, 200)["transferred_to"] == "Cy Yu"
    assert private(await give(fan, ticket, BO), 200) == first
    assert len(await told(house, ticket)) == 2


async def test_it_may_go_on_and_come_back(
    fan: Fan, row: list[str], house: House, http: httpx.AsyncClient
) -> None:
    ticket = await a_ticket(fan, row[0])
    path = path_of(ticket["ticket_id"])
    private(await give(fan, ticket, BO), 200)
    bo, ann = token_of(house, ticket, 1), token_of(house, ticket, 2)
    private(await http.post(path + "/transfer", params=bo, json=PERSON), 200)
    assert private(await http.get(path, params=ann), 200)["state"] == "live"
    theirs = private(await http.get(path, params=bo), 200)
    assert (theirs["state"], theirs["holder"]) == ("transferred", "Bo Ek")
    refused(await http.get(path + ".svg", params=bo), 403, "transferred")
    # As the booking's fan she has given it away, whoever has it now.
    assert private(await fan.ask("GET", path), 200)["transferred_to"] == "Bo Ek"


async def test_two_at_once_are_one(fan: Fan, row: list[str], house: House) -> None:
    ticket = await a_ticket(fan, row[0])
    wishes = [BO, CY] * 4
    answers = await asyncio.gather(*(give(fan, ticket, wish) for wish in wishes))
    good = [wish["name"] for wish, each in zip(wishes, answers, strict=True) if each.is_success]
    assert len(good) == 4
    assert len(set(good)) == 1
    for each in answers:
        if not each.is_success:
            refused(each, 403, "transferred")
    assert len(await told(house, ticket)) == 1
    async with house.database.connection() as connection:
        serial = await connection.fetchval(
            "SELECT serial FROM ticket WHERE booking_id = $1", ticket["booking_id"]
        )
    assert serial == 1


async def test_only_its_holder_hands_it_on(
    fan: Fan, other: Fan, row: list[str], house: House, http: httpx.AsyncClient
) -> None:
    ticket, another = await paid(fan, *row[:2])
    path = path_of(ticket["ticket_id"]) + "/transfer"
    refused(await give(other, ticket, BO), 403, "forbidden")
    refused(await http.post(path, json=BO), 401, "unauthenticated")
    for token in ("x", fan.identity, fan.admission):
        refused(await http.post(path, params={"t": token}, json=BO), 401, "unauthenticated")
    wrong = token_of(house, another, 0)
    refused(await http.post(path, params=wrong, json=BO), 403, "forbidden")
    never = token_of(house, ticket, 7)
    refused(await http.post(path, params=never, json=BO), 403, "forbidden")
    refused(await http.get(path_of(ticket["ticket_id"]), params=never), 403, "forbidden")
    assert private(await fan.ask("GET", path_of(ticket["ticket_id"])), 200)["serial"] == 0


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": "Bo"},
        BO | {"name": " "},
        BO | {"name": "B\x00"},
        BO | {"name": "x" * 121},
        BO | {"email": "bo"},
        BO | {"email": "bo@example.org\n"},
        BO | {"email": "x" * 250 + "@a.org"},
        BO | {"serial": 3},
        BO | {"name": 7},
    ],
    ids=[
        *("empty", "no email", "blank", "zero byte", "long name", "no address", "line break"),
        *("long address", "unknown field", "number"),
    ],
)
async def test_who_is_to_have_it_must_be_told(fan: Fan, scene: Any, body: dict[str, Any]) -> None:
    path = path_of("tkt_" + "0" * 20 + "_1") + "/transfer"
    refused(await fan.ask("POST", path, json=body), 422, "bad_input")


@pytest.mark.parametrize(
    ("change", "obstacle"),
    [
        ("UPDATE event SET starts_at = now() WHERE id = $1", "begun"),
        ("UPDATE event SET state = 'cancelled' WHERE id = $1", "not_published"),
    ],
    ids=["begun", "event cancelled"],
)
async def test_when_it_is_too_late(
    house: House, http: httpx.AsyncClient, change: str, obstacle: str
) -> None:
    event = await put_on_sale(house, rows_by_columns(1, 2), mode="simple")
    fan = await Fan(http, event).come_in()
    ticket, other = await paid(fan, "A-1", "A-2")
    first = private(await give(fan, other, BO), 200)
    async with house.database.connection() as connection:
        await connection.execute(change, event)
    problem = refused(await give(fan, ticket, BO), 409, "conflict")
    assert problem["obstacle"] == obstacle
    shown = private(await fan.ask("GET", path_of(ticket["ticket_id"])), 200)
    assert (shown["state"], shown["transferable"]) == ("live", False)
    again = private(await give(fan, other, BO), 200)
    assert again == first | {"starts_at": again["starts_at"]}


async def test_a_cancelled_ticket_is_not_handed_on_by_anybody(
    fan: Fan, row: list[str], house: House, http: httpx.AsyncClient
) -> None:
    ticket = await a_ticket(fan, row[0])
    private(await give(fan, ticket, BO), 200)
    await cancelled(house, ticket)
    path, bo = path_of(ticket["ticket_id"]), token_of(house, ticket, 1)
    assert private(await http.get(path, params=bo), 200)["state"] == "cancelled"
    refused(await http.post(path + "/transfer", params=bo, json=CY), 410, "gone")
    refused(await http.get(path + ".pdf", params=bo), 410, "gone")
