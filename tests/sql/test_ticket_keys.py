"""Keys of tickets in PostgreSQL: written down once, trusted after a rotation, until retired."""

import asyncio

import asyncpg
import pytest

from tests.sql.book import opened_book
from usher.errors import BadInput, NotFound, Unauthenticated
from usher.plumbing.postgres import Database
from usher.plumbing.signing import KeyRing, new_secret
from usher.ticket import keybook
from usher.ticket.code import Code
from usher.ticket.keybook import KeyBook
from usher.ticket.signing import TicketKeys

pytestmark = pytest.mark.anyio

CODE = Code(
    event_id="evt_" + "0a" * 10,
    booking_id="bkg_" + "1b" * 10,
    seat=1,
    serial=0,
    label="A/1",
    kid="",
)


def book_of(database: Database, secrets: str) -> tuple[KeyBook, TicketKeys]:
    """A process that has this ring, and its keys."""
    keys = TicketKeys(KeyRing(secrets))
    return KeyBook(database, keys), keys


async def test_a_code_outlives_the_ring_that_signed_it(database: Database) -> None:
    old, new = new_secret(), new_secret()
    signing, keys = book_of(database, old)
    text = await signing.write(CODE)
    for ring in (f"{new},{old}", new):
        book, _ = book_of(database, ring)
        assert (await book.read(text)).kid == keys.newest
        assert (await book.write(CODE)) != text
    stranger, _ = book_of(database, new_secret())
    assert (await stranger.read(text)).seat == 1  # whoever shares the database trusts its keys


async def test_a_ring_that_was_rotated_elsewhere_a_moment_ago(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = new_secret(), new_secret()
    door, _ = book_of(database, old)
    await door.trusted()
    signing, keys = book_of(database, f"{new},{old}")
    text = await signing.write(CODE)
    with pytest.raises(Unauthenticated):  # keys are not read anew for every forged code
        await door.read(text)
    monkeypatch.setattr(keybook, "AGAIN_S", 0.0)
    assert (await door.read(text)).kid == keys.newest


async def test_many_processes_begin_at_once(database: Database) -> None:
    ring = f"{new_secret()},{new_secret()}"
    books = [book_of(database, ring)[0] for _ in range(8)]
    texts = await asyncio.gather(*(book.write(CODE) for book in books))
    assert len(set(texts)) == 1
    trusted = await books[0].trusted()
    assert set(TicketKeys(KeyRing(ring)).public) <= set(trusted)


async def test_a_retired_key_opens_nothing(database: Database) -> None:
    old, new = new_secret(), new_secret()
    before, keys = book_of(database, old)
    text = await before.write(CODE)
    with pytest.raises(BadInput, match="signs tickets now"):
        await before.retire(keys.newest)
    after, _ = book_of(database, f"{new},{old}")
    await after.trusted()
    for _ in range(2):
        await after.retire(keys.newest)
    with pytest.raises(Unauthenticated, match="not known here"):
        await after.read(text)
    good = await after.write(CODE)
    assert (await after.read(good)).kid != keys.newest
    with pytest.raises(NotFound):
        await after.retire("00000000")
    # A process that starts with the old ring in it brings no key back.
    again, _ = book_of(database, f"{new},{old}")
    assert keys.newest not in await again.trusted()


@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        ("INSERT INTO ticket_key (kid, public) VALUES ('x', '\\x00')", "ticket_key_is_ed25519"),
        ("UPDATE ticket SET serial = -1", "ticket_serial_possible"),
        ("UPDATE ticket SET holder = 'Bo', serial = 1", "ticket_holder_reachable"),
        ("UPDATE ticket SET holder = 'Bo', holder_email = 'b@c.org'", "ticket_holder_has_serial"),
        (
            "INSERT INTO ticket_transfer (booking_id, seat, serial, holder, holder_email)"
            " VALUES ('bkg_none', 1, 1, 'Bo', 'b@c.org')",
            "ticket_transfer_ticket_exists",
        ),
        (
            "INSERT INTO ticket_transfer (booking_id, seat, serial, holder, holder_email)"
            " SELECT booking_id, seat, 0, 'Bo', 'b@c.org' FROM ticket LIMIT 1",
            "ticket_transfer_serial_possible",
        ),
    ],
    ids=["short key", "serial", "no address", "no new serial", "no ticket", "first serial"],
)
async def test_what_must_not_be_written_is_not(
    database: Database, statement: str, constraint: str
) -> None:
    async with opened_book(database) as book:
        (claim,) = (await book.commit([book.claim(0)])).values()
    mine = f" WHERE booking_id = '{claim.id}'" if "ticket SET" in statement else ""
    with pytest.raises(asyncpg.IntegrityConstraintViolationError) as refused:
        async with database.transaction() as connection:
            await connection.execute(statement + mine)
    assert refused.value.constraint_name == constraint
