"""Handing tickets on, in PostgreSQL alone: at once, against refunds, cut short, after the door."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from tests.sql.book import Book, opened_book
from usher.account.model import Reader
from usher.account.service import AccountService
from usher.booking.model import Booking, ticket_id
from usher.booking.refunding.queries import lock
from usher.booking.refunding.service import give_back
from usher.errors import Conflict, Gone, NotCancellable, NotFound, Transferred, UsherError
from usher.event.service import EventService
from usher.outbox import queries as outbox
from usher.plumbing.language import Languages
from usher.plumbing.postgres import Connection, Database
from usher.plumbing.shipped import shipped
from usher.plumbing.signing import KeyRing, Signer, new_secret
from usher.ticket import queries
from usher.ticket.keybook import KeyBook
from usher.ticket.model import Grant, Transfer, TransferRequest
from usher.ticket.service import TicketService
from usher.ticket.signing import TicketKeys

pytestmark = pytest.mark.anyio

LANGUAGES = Languages(shipped("front") / "locale")
BO, CY = (TransferRequest(f"{name}", f"{name}@example.org") for name in ("bo", "cy"))


@pytest.fixture
async def book(database: Database) -> AsyncIterator[Book]:
    async with opened_book(database) as book:
        yield book


def service(database: Database) -> TicketService:
    ring = KeyRing(new_secret())
    signer = Signer(ring)
    return TicketService(
        database,
        EventService(database),
        AccountService(database, signer),
        KeyBook(database, TicketKeys(ring)),
        signer,
        LANGUAGES,
        "https://usher.example",
    )


async def confirmed(book: Book, *seats: int, language: str = "en") -> Booking:
    """A booking of these seats as it is once it is paid, of a published event."""
    free = {"total": 0, "prices": [0] * len(seats)}
    claim = msgspec.structs.replace(book.claim(*seats), **free)
    await book.commit([claim])
    async with book.database.transaction() as connection:
        await connection.execute(
            "UPDATE booking SET state = 'confirmed', confirmed_at = now(), language = $2"
            " WHERE id = $1",
            claim.id,
            language,
        )
        await connection.execute(
            "UPDATE event SET state = 'published' WHERE id = $1", claim.event_id
        )
    return claim


async def refund(database: Database, booking: str, *, strict: bool = False) -> bool:
    """Gives the tickets back, as their organiser does, or (`strict`) as their fan does; whether
    they were."""
    async with database.transaction() as connection:
        now = await lock(connection, booking)
        assert now is not None
        try:
            return bool(await give_back(connection, now, None, "test", "", strict=strict))
        except NotCancellable:
            return False


async def written(database: Database, booking: str) -> tuple[int, int, int]:
    """What is written of the handing on of a booking's only ticket: its serial, how many times it
    changed hands, how many notices tell of it."""
    async with database.connection() as connection:
        row = await connection.fetchrow(
            "SELECT (SELECT serial FROM ticket WHERE booking_id = $1),"
            " (SELECT count(*) FROM ticket_transfer WHERE booking_id = $1),"
            " (SELECT count(*) FROM outbox WHERE kind = 'notice'"
            "  AND subject LIKE 'ticket.%' || $2 || '%')",
            booking,
            booking.removeprefix("bkg_"),
        )
    assert row is not None
    return row[0], row[1], row[2]


async def at_once(book: Book) -> list[TransferRequest]:
    """Eight want to have one ticket, by eight processes; those that were told it is theirs."""
    booking = await confirmed(book, 0)
    ticket, reader = ticket_id(booking.id, 0), Reader(booking.fan_id)
    wishes = [TransferRequest(f"heir {n}", f"heir{n}@example.org") for n in range(8)]

    async def one(wish: TransferRequest) -> bool:
        try:
            await service(book.database).transfer(ticket, reader, wish)
        except Transferred:
            return False
        return True

    told = await asyncio.gather(*(one(wish) for wish in wishes))
    await refund(book.database, booking.id)
    return [wish for wish, good in zip(wishes, told, strict=True) if good]


async def test_of_many_at_once_one_has_it(book: Book) -> None:
    for _ in range(5):
        assert len(await at_once(book)) == 1


async def test_control_without_the_serial_many_do(
    book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def careless(
        connection: Connection, booking: str, seat: int, _: int, name: str, email: str
    ) -> Transfer | None:
        row = await connection.fetchrow(
            "WITH handed AS (UPDATE ticket SET serial = serial + 1, holder = $3, holder_email = $4"
            " WHERE booking_id = $1 AND seat = $2 RETURNING *)"
            " INSERT INTO ticket_transfer SELECT booking_id, seat, serial, holder, holder_email"
            " FROM handed RETURNING serial, holder, holder_email",
            *(booking, seat, name, email),
        )
        return Transfer(**dict(row)) if row else None

    monkeypatch.setattr(queries, "hand_on", careless)
    handed: list[int] = []
    for _ in range(5):
        await at_once(book)
        async with book.database.connection() as connection:
            handed.append(
                await connection.fetchval(
                    "SELECT max(serial) FROM ticket WHERE event_id = $1", book.event
                )
            )
    assert max(handed) > 1


@pytest.mark.parametrize("strict", [True, False], ids=["by the fan", "by the organiser"])
async def test_a_refund_at_the_same_moment(book: Book, strict: bool) -> None:
    database = book.database
    for _ in range(10):
        booking = await confirmed(book, 1)
        ticket, reader = ticket_id(booking.id, 1), Reader(booking.fan_id)

        async def hand_on(ticket: str = ticket, reader: Reader = reader) -> bool:
            try:
                await service(database).transfer(ticket, reader, BO)
            except (Gone, Conflict):
                return False
            return True

        handed, back = await asyncio.gather(hand_on(), refund(database, booking.id, strict=strict))
        assert (handed, back) in ((True, False), (False, True), (True, not strict))
        assert await written(database, booking.id) == (handed, handed, handed)
        view = await service(database).read(ticket, Grant(ticket, 1 if handed else 0))
        assert (view["state"], "code" in view) == (("cancelled", False) if back else ("live", True))
        await refund(database, booking.id)
        with pytest.raises(NotFound):
            await service(database).paper(ticket, 1 if handed else 0)


async def test_cut_short_it_never_began(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    booking = await confirmed(book, 2)
    ticket, reader = ticket_id(booking.id, 2), Reader(booking.fan_id)

    async def killed(*_: Any) -> None:
        raise ConnectionResetError

    with monkeypatch.context() as patch:
        patch.setattr(outbox, "tell", killed)
        with pytest.raises(UsherError):
            await service(book.database).transfer(ticket, reader, BO)
    assert await written(book.database, booking.id) == (0, 0, 0)
    view = await service(book.database).transfer(ticket, reader, BO)
    assert view["transferred_to"] == "bo"
    assert await written(book.database, booking.id) == (1, 1, 1)


async def test_papers_are_of_those_at_hand(book: Book) -> None:
    booking = await confirmed(book, 3, 4, language="de-AT,en;q=0.5")
    tickets = service(book.database)
    ids = [ticket_id(booking.id, seat) for seat in (3, 4)]
    both = await tickets.papers(booking.id)
    assert both == await tickets.papers(booking.id)
    assert b"/Lang(de)" in both or b"/Lang (de)" in both
    await tickets.transfer(ids[0], Reader(booking.fan_id), BO)
    one = await tickets.papers(booking.id)
    assert one == await tickets.paper(ids[1], 0)
    assert await tickets.paper(ids[0], 1) != one  # the new holder's own
    for other in (0, 2):  # as it was issued once, or never was
        with pytest.raises(NotFound):
            await tickets.paper(ids[0], other)
    await tickets.transfer(ids[1], Reader(booking.fan_id), CY)
    with pytest.raises(NotFound):
        await tickets.papers(booking.id)
    await refund(book.database, booking.id)
    for nothing in (
        tickets.paper(ids[0], 1),
        tickets.papers(booking.id),
        tickets.paper("tkt_x", 0),
    ):
        with pytest.raises(NotFound):
            await nothing


async def test_a_ticket_that_was_used_stays(book: Book) -> None:
    booking = await confirmed(book, 5)
    async with book.database.connection() as connection:
        await connection.execute(
            "UPDATE ticket SET used_at = now(), used_by = 'scn_1' WHERE booking_id = $1", booking.id
        )
    ticket, reader = ticket_id(booking.id, 5), Reader(booking.fan_id)
    with pytest.raises(Conflict, match="come in with this ticket"):
        await service(book.database).transfer(ticket, reader, BO)
    async with book.database.transaction() as connection:
        wish = ("bo", "bo@example.org")
        assert await queries.hand_on(connection, booking.id, 5, 0, *wish) is None
    assert (await service(book.database).read(ticket, reader))["transferable"] is False
    assert await refund(book.database, booking.id, strict=True) is False
    assert await refund(book.database, booking.id) is True
