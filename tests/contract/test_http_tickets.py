"""Tickets: their codes, what is published to check them, and paper."""

import asyncio
import io
from typing import Any

import httpx
import jwt
import pypdf
import pytest
import zxingcpp
from PIL import Image

from tests.contract.fan import PERSON, Fan, private, refused
from usher.ticket.code import read_code
from usher.ticket.revocation import Revoked, read_revoked
from usher.ticket.signing import Keys, read_jwks
from usher.wiring import House

pytestmark = pytest.mark.anyio

KEYS = "/.well-known/usher-ticket-keys.json"


async def paid(fan: Fan, *guids: str) -> list[dict[str, Any]]:
    """The tickets of a new, paid booking of these seats, as its fan reads them."""
    booking = await fan.booked(*guids)
    await fan.pay(booking)
    confirmed = await fan.booking_until(booking, "confirmed")
    ids = [each["ticket_id"] for each in confirmed["tickets"]]
    return [private(await fan.ask("GET", path_of(each)), 200) for each in ids]


async def a_ticket(fan: Fan, *guids: str) -> dict[str, Any]:
    """The first of them."""
    return (await paid(fan, *guids))[0]


def path_of(ticket: str) -> str:
    return f"/api/v1/tickets/{ticket}"


async def keys_of(http: httpx.AsyncClient) -> Keys:
    return read_jwks((await http.get(KEYS)).content)


async def revoked(http: httpx.AsyncClient, event: str) -> Revoked:
    """The list as it is now: past what a process still has of it."""
    answer = await http.get(f"/api/v1/events/{event}/tickets/revoked")
    return read_revoked(answer.text, await keys_of(http))


async def cancelled(house: House, ticket: dict[str, Any]) -> None:
    """The ticket as a refund of it leaves it, and its booking where it was the last one."""
    async with house.database.transaction() as connection:
        await connection.execute(
            "UPDATE ticket SET state = 'cancelled' WHERE booking_id = $1 AND seat = $2",
            ticket["booking_id"],
            ticket["index"],
        )
        await connection.execute(
            "UPDATE booking SET state = 'refunded' WHERE id = $1 AND NOT EXISTS"
            " (SELECT 1 FROM ticket WHERE booking_id = $1 AND state = 'live')",
            ticket["booking_id"],
        )


async def test_a_code_says_which_ticket_it_is(fan: Fan, row: list[str]) -> None:
    ticket = await a_ticket(fan, row[0])
    code = read_code(ticket["code"], await keys_of(fan.http))
    assert (code.event_id, code.booking_id) == (fan.event, ticket["booking_id"])
    assert (code.seat, code.serial) == (ticket["index"], 0)
    assert code.label == "/".join(p for p in (ticket["zone"], ticket["row"], ticket["number"]) if p)
    assert (ticket["state"], ticket["serial"], ticket["transferable"]) == ("live", 0, True)


async def test_a_scanner_reads_the_code_from_paper(fan: Fan, row: list[str]) -> None:
    ticket = await a_ticket(fan, row[0])
    paper = await fan.ask("GET", path_of(ticket["ticket_id"]) + ".pdf")
    assert (paper.status_code, paper.headers["content-type"]) == (200, "application/pdf")
    assert paper.headers["cache-control"] == "no-store"
    page = pypdf.PdfReader(io.BytesIO(paper.content)).pages[0]
    (image,) = page.images
    (found,) = zxingcpp.read_barcodes(Image.open(io.BytesIO(image.data)))
    assert found.text == ticket["code"]
    text = page.extract_text()
    for told in (PERSON["name"], "A test evening", ticket["booking_id"], ticket["ticket_id"]):
        assert told in text
    again = await fan.ask("GET", path_of(ticket["ticket_id"]) + ".pdf")
    assert again.content == paper.content


async def test_a_booking_is_printed_as_one(fan: Fan, other: Fan, row: list[str]) -> None:
    ticket = await a_ticket(fan, *row[:3])
    path = f"/api/v1/bookings/{ticket['booking_id']}/tickets.pdf"
    paper = await fan.ask("GET", path, headers={"accept-language": "de"})
    pages = pypdf.PdfReader(io.BytesIO(paper.content)).pages
    assert [ticket["booking_id"] in page.extract_text() for page in pages] == [True] * 3
    assert "Preis" in pages[0].extract_text()
    refused(await other.ask("GET", path), 403, "forbidden")
    refused(await fan.http.get(path), 401, "unauthenticated")
    for nothing in ("bkg_" + "0" * 20, "bkg_x", "tkt_1"):
        answer = await fan.ask("GET", f"/api/v1/bookings/{nothing}/tickets.pdf")
        refused(answer, 404, "not_found")


async def test_an_unpaid_booking_has_no_tickets(fan: Fan, row: list[str]) -> None:
    booking = await fan.booked(row[0])
    refused(await fan.ask("GET", f"/api/v1/bookings/{booking}/tickets.pdf"), 404, "not_found")
    ticket = f"tkt_{booking[4:]}_{(await fan.booking(booking))['seats'][0]['index']}"
    for form in ("", ".svg", ".pdf"):
        refused(await fan.ask("GET", path_of(ticket) + form), 404, "not_found")
    refused(await fan.ask("POST", path_of(ticket) + "/transfer", json=PERSON), 404, "not_found")


async def test_the_keys_are_there_for_everybody(http: httpx.AsyncClient) -> None:
    answer = await http.get(KEYS, headers={"origin": "https://door.example"})
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["cache-control"] == "public, max-age=300"
    key = jwt.PyJWKSet.from_json(answer.text).keys[0]
    assert (key.key_type, key.algorithm_name) == ("OKP", "EdDSA")
    assert set(answer.json()["keys"][0]) == {"kid", "kty", "crv", "x", "use", "alg"}


async def test_a_refunded_ticket_is_good_no_more(
    fan: Fan, other: Fan, row: list[str], house: House
) -> None:
    ticket = await a_ticket(fan, row[0])
    path = path_of(ticket["ticket_id"])
    await cancelled(house, ticket)
    told = private(await fan.ask("GET", path), 200)
    assert (told["state"], told["transferable"]) == ("cancelled", False)
    assert not {"code", "serial"} & told.keys()
    for form in (".svg", ".pdf"):
        refused(await fan.ask("GET", path + form), 410, "gone")
    refused(await fan.ask("POST", path + "/transfer", json=PERSON), 410, "gone")
    refused(await other.ask("GET", path), 403, "forbidden")
    answer = await fan.ask("GET", f"/api/v1/bookings/{ticket['booking_id']}/tickets.pdf")
    refused(answer, 404, "not_found")


async def test_what_is_good_no_more_is_listed(
    http: httpx.AsyncClient, fan: Fan, row: list[str], house: House
) -> None:
    tickets = await paid(fan, *row[:3])
    codes = [read_code(each["code"], await keys_of(http)) for each in tickets]
    path = f"/api/v1/events/{fan.event}/tickets/revoked"
    before = await http.get(path)
    assert before.headers["content-type"] == "application/jose"
    assert before.headers["access-control-allow-origin"] == "*"
    assert before.headers["cache-control"] == "public, max-age=5"
    told = await revoked(http, fan.event)
    assert not any(told.revokes(code) for code in codes)
    several = await asyncio.gather(*(house.revocations.of(fan.event) for _ in range(5)))
    assert all(each is several[0] for each in several)  # anybody may ask: it is made once

    await cancelled(house, tickets[0])
    answer = await fan.ask("POST", path_of(tickets[1]["ticket_id"]) + "/transfer", json=PERSON)
    private(answer, 200)
    for _ in range(100):  # what the process has of the list is seconds old
        told = await revoked(http, fan.event)
        if told.revokes(codes[0]) and told.revokes(codes[1]):
            break
        await asyncio.sleep(0.1)
    assert [told.revokes(code) for code in codes] == [True, True, False]
    assert told.event == fan.event
    listed = told.bookings[codes[0].booking_id.removeprefix("bkg_")]
    assert listed == {str(codes[0].seat): None, str(codes[1].seat): 1}

    after = await http.get(path)
    assert after.headers["etag"] != before.headers["etag"]
    same = await http.get(path, headers={"if-none-match": after.headers["etag"]})
    assert (same.status_code, same.content) == (304, b"")
    refused(await http.get(f"/api/v1/events/evt_{'0' * 20}/tickets/revoked"), 404, "not_found")


async def test_a_forged_list_is_not_believed(http: httpx.AsyncClient, fan: Fan) -> None:
    text = (await http.get(f"/api/v1/events/{fan.event}/tickets/revoked")).text
    head, claims, signature = text.split(".")
    assert jwt.get_unverified_header(text)["alg"] == "EdDSA"
    assert read_revoked(text, await keys_of(http)).event == fan.event
    forged = jwt.encode(
        {"event": fan.event, "iat": 0, "bookings": {}},
        "k" * 32,
        headers={"kid": jwt.get_unverified_header(text)["kid"], "typ": "usher-revoked+jwt"},
    )
    for wrong in (forged, f"{head}.{claims}.", f"{head}.{claims}A.{signature}", claims, ""):
        with pytest.raises(Exception, match="revocation list"):
            read_revoked(wrong, await keys_of(http))
