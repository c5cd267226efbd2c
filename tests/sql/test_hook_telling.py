"""Facts become deliveries: for whom, of what, once."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.places import database_of_its_own
from tests.sql.book import PRICE, Book, opened_book
from tests.sql.hooked import Office
from usher.account.model import Role
from usher.booking import queries as bookings
from usher.booking.model import Booking, ticket_id
from usher.embedded import Embedded
from usher.hook.model import Hook, HookChange
from usher.ids import new_id
from usher.plumbing.postgres import Database

pytestmark = pytest.mark.anyio

URL = "http://127.0.0.1:9/hook"


@pytest.fixture(scope="module")
async def own_database(servers: Embedded, anyio_backend: str) -> AsyncIterator[Database]:
    async with database_of_its_own(servers, "told_hooks") as url:
        database = Database(url, connections=8)
        await database.open()
        yield database
        await database.close()


@pytest.fixture
async def office(own_database: Database) -> AsyncIterator[Office]:
    office = Office(own_database)
    yield office
    await office.run("DELETE FROM hook")


@pytest.fixture
async def book(own_database: Database) -> AsyncIterator[Book]:
    async with opened_book(own_database) as book:
        yield book


async def confirmed(book: Book, *seats: int) -> Booking:
    claim = book.claim(*seats)
    await book.commit([claim])
    async with book.database.transaction() as connection:
        await bookings.move(connection, [claim.id], "awaiting_payment", "confirmed")
    return claim


async def told(office: Office, hook: Hook) -> list[dict[str, Any]]:
    return [json.loads(row["body"]) for row in await office.of(hook)]


async def test_a_booking_is_told_of_as_organisers_know_it(office: Office, book: Book) -> None:
    actor = await office.organiser()
    await office.own(book, actor)
    hook, _ = await office.hook(actor, URL)
    claim = await confirmed(book, 3, 4)
    await office.tell("booking.confirmed", claim.id)
    (message,) = await told(office, hook)
    assert message.keys() == {"type", "id", "timestamp", "data"}
    assert message["type"] == "booking.confirmed"
    data = message["data"]
    assert data["booking_id"] == claim.id
    assert data["event_id"] == book.event
    assert (data["state"], data["name"], data["email"]) == ("confirmed", claim.name, claim.email)
    assert data["total"] == {"amount": 2 * PRICE, "currency": "EUR"}
    assert [seat["ticket_id"] for seat in data["seats"]] == [
        ticket_id(claim.id, 3),
        ticket_id(claim.id, 4),
    ]
    assert data["seats"][0]["price"] == {"amount": PRICE, "currency": "EUR"}
    assert data["seats"][0].keys() >= {"guid", "zone", "row", "number", "category"}
    said = json.dumps(message)
    for private in (claim.fan_id, claim.place_id, claim.hold_id):
        assert private not in said


async def test_a_refund_names_its_tickets_and_its_money(office: Office, book: Book) -> None:
    actor = await office.organiser()
    await office.own(book, actor)
    hook, _ = await office.hook(actor, URL)
    claim = await confirmed(book, 5, 6)
    refund = new_id("refund")
    await office.run(
        "INSERT INTO payment (id, booking_id, event_id, provider, amount, currency, attempt)"
        " VALUES ($1, $2, $3, 'sandbox', 1, 'EUR', 1)",
        new_id("payment"),
        claim.id,
        book.event,
    )
    await office.run(
        "INSERT INTO refund (id, booking_id, event_id, payment_id, seats, amount, currency, actor)"
        " SELECT $1, booking_id, event_id, id, '{6}', $3, 'EUR', 'test' FROM payment"
        " WHERE booking_id = $2",
        refund,
        claim.id,
        PRICE,
    )
    await office.tell("booking.refunded", refund)
    (message,) = await told(office, hook)
    data = message["data"]
    assert (data["refund_id"], data["booking_id"]) == (refund, claim.id)
    assert data["amount"] == {"amount": PRICE, "currency": "EUR"}
    assert [ticket["ticket_id"] for ticket in data["tickets"]] == [ticket_id(claim.id, 6)]


async def test_a_ticket_given_on_and_an_event_called_off(office: Office, book: Book) -> None:
    actor = await office.organiser()
    await office.own(book, actor)
    hook, _ = await office.hook(actor, URL)
    claim = await confirmed(book, 7)
    await office.tell("ticket.transferred", f"{ticket_id(claim.id, 7)}.2")
    await office.tell("event.cancelled", book.event)
    given, off = sorted(await told(office, hook), key=lambda each: str(each["timestamp"]))
    assert (given["type"], off["type"]) == ("ticket.transferred", "event.cancelled")
    assert (given["data"]["ticket_id"], given["data"]["serial"]) == (ticket_id(claim.id, 7), 2)
    assert (off["data"]["event_id"], off["data"]["title"]) == (book.event, "An evening")


async def test_a_ticket_used_at_the_door(office: Office, book: Book) -> None:
    actor = await office.organiser()
    await office.own(book, actor)
    hook, _ = await office.hook(actor, URL)
    claim = await confirmed(book, 2)
    scan = new_id("scan")
    await office.run(
        "INSERT INTO scan (id, event_id, booking_id, seat, digest, entrance, actor, scanned_at,"
        " outcome, let_in) VALUES ($1, $2, $3, 2, 'the code', 'North', 'acc_x',"
        " '2035-01-01T19:30:00Z', 'admitted', true)",
        scan,
        book.event,
        claim.id,
    )
    await office.tell("ticket.used", scan)
    (message,) = await told(office, hook)
    data = message["data"]
    assert (data["scan_id"], data["ticket_id"]) == (scan, ticket_id(claim.id, 2))
    assert (data["booking_id"], data["event_id"]) == (claim.id, book.event)
    assert (data["entrance"], data["used_at"]) == ("North", "2035-01-01T19:30:00Z")
    assert "the code" not in json.dumps(message)


async def test_who_hears(office: Office, book: Book) -> None:
    """The event's organiser and administrators, of the facts they want, while they want them."""
    owner, other = await office.organiser(), await office.organiser()
    admin = await office.organiser(Role.ADMIN)
    await office.own(book, owner)
    made = {
        "all": await office.hook(owner, URL),
        "fitting": await office.hook(owner, URL, "event.cancelled", "ticket.used"),
        "another fact": await office.hook(owner, URL, "booking.expired"),
        "another organiser": await office.hook(other, URL),
        "administrator": await office.hook(admin, URL),
        "paused": await office.hook(owner, URL),
    }
    await office.service.change(owner, made["paused"][0].id, HookChange(state="paused"))
    await office.tell("event.cancelled", book.event)
    hears = {name for name, (hook, _) in made.items() if await office.of(hook)}
    assert hears == {"all", "fitting", "administrator"}


async def test_an_event_of_nobody_is_told_to_administrators(office: Office, book: Book) -> None:
    owner, admin = await office.organiser(), await office.organiser(Role.ADMIN)
    mine, _ = await office.hook(owner, URL)
    theirs, _ = await office.hook(admin, URL)
    await office.tell("event.cancelled", book.event)
    assert (len(await office.of(mine)), len(await office.of(theirs))) == (0, 1)


async def test_carried_twice_and_at_once_it_is_one_delivery(office: Office, book: Book) -> None:
    actor = await office.organiser()
    await office.own(book, actor)
    hook, _ = await office.hook(actor, URL)
    claims = [await confirmed(book, seat) for seat in (8, 9, 10)]
    letters = await office.tell("booking.confirmed", *(claim.id for claim in claims))
    before = await office.of(hook)
    assert len(before) == 3
    orders = (letters, letters[::-1], letters)
    for faults in await asyncio.gather(*(office.announcer.carry(each) for each in orders)):
        assert faults == {}
    assert await office.of(hook) == before


async def test_a_hook_hears_of_what_came_after_it(office: Office, book: Book) -> None:
    actor = await office.organiser()
    await office.own(book, actor)
    first, _ = await office.hook(actor, URL)
    letters = await office.tell("event.cancelled", book.event)
    later, _ = await office.hook(actor, URL)
    assert await office.announcer.carry(letters) == {}
    assert (len(await office.of(first)), len(await office.of(later))) == (1, 0)


async def test_what_is_not_there_is_a_fault_and_keeps_no_other_back(
    office: Office, book: Book
) -> None:
    actor = await office.organiser()
    await office.own(book, actor)
    hook, _ = await office.hook(actor, URL)
    claim = await confirmed(book, 11)
    good, bad = f"booking.confirmed {claim.id}", f"booking.confirmed {new_id('booking')}"
    await office.run(
        "INSERT INTO outbox (kind, subject) VALUES ('hook', $1), ('hook', $2)", good, bad
    )
    odd = "no.such.fact x"
    assert (await office.announcer.carry([bad, good, odd])).keys() == {bad, odd}
    assert len(await office.of(hook)) == 1


async def test_letters_are_written_only_where_somebody_listens(office: Office, book: Book) -> None:
    assert await office.tell("event.cancelled", book.event) == []
    actor = await office.organiser()
    hook, _ = await office.hook(actor, URL, "booking.confirmed")
    assert await office.tell("event.cancelled", book.event) == [], "not for this fact"
    claim = await confirmed(book, 0)
    assert await office.tell("booking.confirmed", claim.id) == [f"booking.confirmed {claim.id}"]
    await office.service.change(actor, hook.id, HookChange(state="paused"))
    another = await confirmed(book, 1)
    assert await office.tell("booking.confirmed", another.id) == []
    rows = await office.rows(
        "SELECT kind FROM outbox WHERE subject = $1", f"booking.confirmed {another.id}"
    )
    assert [row["kind"] for row in rows] == ["notice"], "who else hears of it is told"


async def test_a_removed_hook_leaves_nothing(office: Office, book: Book) -> None:
    actor = await office.organiser()
    await office.own(book, actor)
    hook, _ = await office.hook(actor, URL)
    await office.tell("event.cancelled", book.event)
    await office.service.remove(actor, hook.id)
    assert await office.of(hook) == []
