"""A shadow is its event over again, shown nowhere and told to nobody; erased, nothing is left."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from tests.sql.book import Book, opened_book
from usher.booking.jobs import commit_messages
from usher.booking.model import ticket_id
from usher.clock import utc_now
from usher.errors import Conflict, NotFound
from usher.event import queries as event_queries
from usher.event.editing import queries as editing_queries
from usher.event.service import EventService
from usher.hook import queries as hook_queries
from usher.hook.queries import Heard
from usher.ids import derived_id, new_id
from usher.keys import KEYS, Keys
from usher.notice import queries as notice_queries
from usher.outbox import queries as outbox
from usher.payment import queries as payment_queries
from usher.payment.model import REHEARSAL, Message, Payment
from usher.payment.sandbox.model import Decision
from usher.payment.sandbox.service import Bank
from usher.plumbing.lua import Runner
from usher.plumbing.postgres import Database
from usher.rehearsal.shadow import queries
from usher.rehearsal.shadow.model import Windows
from usher.rehearsal.shadow.service import Shadows
from usher.venue.generate import rows_by_columns
from usher.venue.layout import compile_layout
from usher.venue.price import default_prices

pytestmark = pytest.mark.anyio

WINDOWS = Windows(claim_s=6, shop_s=20, hold_s=5, payment_s=5)


@pytest.fixture
async def book(database: Database) -> AsyncIterator[Book]:
    async with opened_book(database) as book:
        yield book


@pytest.fixture
async def shadow(database: Database, book: Book) -> AsyncIterator[str]:
    """A shadow of the book's event, erased afterwards."""
    shadow = new_id("event")
    assert await queries.copy(database, book.event, shadow, WINDOWS, b"k" * 32) == "queued"
    yield shadow
    await queries.erase(database, shadow)
    await queries.forget(database, shadow)


async def run(database: Database, *statements: str, **given: Any) -> None:
    async with database.connection() as connection:
        for statement in statements:
            await connection.execute(statement, *given.values())


async def row(database: Database, statement: str, *arguments: Any) -> dict[str, Any]:
    async with database.connection() as connection:
        found = await connection.fetchrow(statement, *arguments)
    assert found is not None
    return dict(found)


async def counts(database: Database) -> dict[str, int]:
    """How many rows each table has."""
    async with database.connection() as connection:
        tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname='public'")
        return {
            each["tablename"]: await connection.fetchval(
                f"SELECT count(*) FROM {each['tablename']}"
            )
            for each in tables
        }


async def test_every_table_that_names_an_event_is_looked_at(database: Database) -> None:
    async with database.connection() as connection:
        rows = await connection.fetch(
            "SELECT table_name FROM information_schema.columns"
            " WHERE table_schema = 'public' AND column_name = 'event_id'"
        )
    assert {each["table_name"] for each in rows} - {"rehearsal"} == set(queries.NAMING_AN_EVENT)


async def test_a_shadow_has_what_its_event_has(database: Database, book: Book) -> None:
    await run(
        database, "UPDATE seat SET blocked = true WHERE event_id = $1 AND index < 3", of=book.event
    )
    await run(
        database,
        "UPDATE sale SET rate_per_min = 77, capacity = 9, claim_s = 5, access = 'login',"
        " opens_at = now() + interval '1 day' WHERE event_id = $1",
        of=book.event,
    )
    shadow = new_id("event")
    await queries.copy(database, book.event, shadow, WINDOWS, b"k" * 32)
    try:
        events = EventService(database)
        await events.lay_seats(shadow)
        real, copy = await events.showing(book.event), await events.showing(shadow)
        assert copy.event.shadow
        assert not real.event.shadow
        assert (copy.event.plan_id, copy.etag) == (real.event.plan_id, real.etag)
        assert copy.categories == real.categories
        assert (copy.event.state, copy.event.sale_state) == ("published", "draft")
        assert copy.event.opens_at is None
        assert copy.event.access == "guest"
        of = "SELECT * FROM sale WHERE event_id = $1"
        was, sale = await row(database, of, book.event), await row(database, of, shadow)
        same = ("mode", "rate_per_min", "capacity", "seats_max", "waitlist", "offer_s", "claim_s")
        assert {name: sale[name] for name in same} == {name: was[name] for name in same}
        assert (sale["shop_s"], sale["hold_s"], sale["hold_cap_s"]) == (20, 5, 10)
        assert sale["draw_key"] != was["draw_key"]
        of = "SELECT count(*) AS n, count(*) FILTER (WHERE blocked) AS x FROM seat"
        assert await row(database, f"{of} WHERE event_id = $1", shadow) == {"n": 12, "x": 3}
    finally:
        await queries.erase(database, shadow)
        await queries.forget(database, shadow)


async def test_a_shadow_is_on_no_list(database: Database, book: Book, shadow: str) -> None:
    await run(database, "UPDATE event SET state = 'published' WHERE id = $1", of=book.event)
    found = await event_queries.search(
        database, city="", production="", day=None, text="", after=None, most=200, drafts=True
    )
    assert book.event in {each.id for each in found}
    assert shadow not in {each.id for each in found}
    mine = {each.id for each in await editing_queries.mine(database, None, 500)}
    assert book.event in mine
    assert shadow not in mine


async def test_nobody_hears_of_a_shadow(database: Database, book: Book, shadow: str) -> None:
    hook = new_id("hook")
    await run(
        database,
        "INSERT INTO hook (id, url, digest, kid, salt, created_at)"
        " VALUES ($1, 'http://x', 'd', 'k', 's', now() - interval '1 hour')",
        of=hook,
    )
    for event in (book.event, shadow):
        await run(
            database,
            "UPDATE event SET state = 'published', starts_at = now() + interval '1 hour'"
            " WHERE id = $1",
            of=event,
        )
    claims = {event: Book(database, event).claim(1) for event in (book.event, shadow)}
    await book.commit(list(claims.values()))
    bought_at = utc_now() - timedelta(days=3)
    async with database.transaction() as connection:
        await connection.execute(
            "UPDATE booking SET state = 'confirmed', confirmed_at = $2 WHERE id = ANY($1::text[])",
            [each.id for each in claims.values()],
            bought_at,
        )
        heard = [Heard(0, "booking.confirmed", book.event, utc_now())]
        assert (0, hook) in await hook_queries.listeners(connection, heard)
        heard = [Heard(0, "booking.confirmed", shadow, utc_now())]
        assert await hook_queries.listeners(connection, heard) == []
        reminded = await notice_queries.due_reminders(connection, 24 * 3600, 500)
    assert claims[book.event].id in reminded
    assert claims[shadow].id not in reminded
    events = [book.event, shadow, new_id("event")]
    assert await notice_queries.real_events(database, events) == {book.event}
    await run(database, "DELETE FROM hook WHERE id = $1", of=hook)


async def test_all_that_comes_of_a_shadow_is_erased(database: Database, book: Book) -> None:
    real = book.claim(0)
    await book.commit([real])
    before = await counts(database)
    shadow = new_id("event")
    await queries.copy(database, book.event, shadow, WINDOWS, b"k" * 32)
    await EventService(database).lay_seats(shadow)
    theirs = Book(database, shadow)
    paid, unpaid = theirs.claim(0, 1), theirs.claim(2)
    await theirs.commit([paid, unpaid])
    await everything_happens(database, shadow, paid.id, unpaid.id)
    grown = {name for name, count in (await counts(database)).items() if count > before[name]}
    # Otherwise this test would not see them left behind.
    assert grown >= {*queries.NAMING_AN_EVENT, "event", "outbox", "payment_message", "reminder"}
    assert grown >= {"sandbox_charge", "sandbox_webhook", "sandbox_refund", "ticket_transfer"}
    assert await queries.left(database, shadow) > 0
    assert await queries.erase(database, shadow)
    assert await queries.left(database, shadow) == 0
    await queries.forget(database, shadow)
    assert await counts(database) == before
    assert real.id in await book.states()
    assert await queries.erase(database, shadow)  # again is harmless
    assert await counts(database) == before


async def everything_happens(database: Database, shadow: str, paid: str, unpaid: str) -> None:
    """A row of every table that a sale can grow, and letters of every kind."""
    payment = Payment(
        id=derived_id("payment", paid, "1"),
        booking_id=paid,
        event_id=shadow,
        provider=REHEARSAL,
        amount=9_000,
        currency="EUR",
        attempt=1,
        state="started",
    )
    await payment_queries.insert_many(database, [payment])
    bank = Bank(database, REHEARSAL)
    metadata = f'{{"event": "{shadow}", "booking": "{paid}"}}'
    await run(
        database,
        "INSERT INTO sandbox_charge (id, amount, currency, metadata, bank)"
        f" VALUES ('{payment.id}', 9000, 'EUR', '{metadata}', 'rehearsal')",
    )
    await bank.decide(payment.id, Decision(outcome="duplicate"))
    assert await bank.capture(payment.id)
    assert await bank.refund(payment.id, new_id("refund"), 100)
    said = Message(
        provider=REHEARSAL,
        message_id="msg_1",
        kind="authorised",
        payment_id=payment.id,
        booking_id=paid,
        event_id=shadow,
        amount=9_000,
        currency="EUR",
    )
    refund, scan, entry = new_id("refund"), new_id("scan"), new_id("entry")
    await run(
        database,
        f"INSERT INTO refund (id, booking_id, event_id, payment_id, seats, amount, currency, actor)"
        f" VALUES ('{refund}', '{paid}', '{shadow}', '{payment.id}', '{{0}}', 1, 'EUR', 'x')",
        f"INSERT INTO ticket_transfer (booking_id, seat, serial, holder, holder_email)"
        f" VALUES ('{paid}', 0, 1, 'Bea', 'bea@example.invalid')",
        f"INSERT INTO reminder (booking_id) VALUES ('{paid}')",
        f"INSERT INTO message (id, channel, fact, letter, booking_id, event_id, recipient)"
        f" VALUES ('{new_id('message')}', 'email', 'f', 'l', '{paid}', '{shadow}', 'x@x.invalid')",
        f"INSERT INTO scan (id, event_id, digest, actor, scanned_at, outcome, let_in)"
        f" VALUES ('{scan}', '{shadow}', 'd', 'x', now(), 'forged', false)",
        f"INSERT INTO waitlist (id, event_id, fan_id, email, quantity)"
        f" VALUES ('{entry}', '{shadow}', 'fan_1', 'x@x.invalid', 1)",
        f"INSERT INTO dead_letter (event_id, entry_id, fields, fault)"
        f" VALUES ('{shadow}', '1-0', '{{}}', 'x')",
        f"INSERT INTO payment_finding (provider, payment_id, event_id, what)"
        f" VALUES ('{REHEARSAL}', '{payment.id}', '{shadow}', 'x')",
        f"INSERT INTO sale_change (event_id, actor, field, before, after)"
        f" VALUES ('{shadow}', 'x', 'state', 'draft', 'open')",
        "INSERT INTO hook (id, url, digest, kid, salt) VALUES ('hok_s', 'http://x', 'd', 'k', 's')"
        " ON CONFLICT DO NOTHING",
        f"INSERT INTO hook_delivery (id, hook_id, fact, subject, event_id, body, until)"
        f" VALUES ('{new_id('delivery')}', 'hok_s', 'f', 's', '{shadow}', '', now())",
    )
    async with database.transaction() as connection:
        await commit_messages(connection, [said])
        await outbox.post(connection, "void", [payment.id])
        await outbox.post(connection, "refund", [refund])
        await outbox.post(connection, "settle", [f"{unpaid} expired"])
        await outbox.tell(connection, "booking.expired", [unpaid])
        await outbox.tell(connection, "booking.refunded", [refund])
        await outbox.tell(connection, "ticket.transferred", [f"{ticket_id(paid, 0)}.1"])
        await outbox.tell(connection, "ticket.used", [scan])
        await outbox.tell(connection, "event.cancelled", [shadow])
        await outbox.tell(connection, "offer.made", [f"{entry}.1"])
        await outbox.tell(connection, "event.reminder", [paid])
        kinds = await connection.fetchval("SELECT count(DISTINCT kind) FROM outbox")
        assert kinds >= 6
    # It is nobody's in particular: it goes with the test, not with the shadow.
    await run(database, "UPDATE hook SET state = 'paused' WHERE id = 'hok_s'")


@pytest.fixture(autouse=True)
async def hook_of_everybody(database: Database) -> AsyncIterator[None]:
    """A hook that listens, there before anything is counted."""
    await run(
        database,
        "INSERT INTO hook (id, url, digest, kid, salt) VALUES ('hok_s', 'http://x', 'd', 'k', 's')",
    )
    yield
    await run(database, "DELETE FROM hook WHERE id = 'hok_s'")


async def test_a_plan_that_only_the_shadow_stands_on_goes_with_it(
    database: Database, book: Book, shadow: str
) -> None:
    plan = rows_by_columns(2, 3)
    before = (await counts(database))["plan"]
    layout, prices = compile_layout(plan), default_prices(plan)
    assert await editing_queries.replace_plan(database, book.event, "x", layout, prices, b"{}")
    assert (await counts(database))["plan"] == before + 1  # the old one is the shadow's
    await queries.erase(database, shadow)
    assert (await counts(database))["plan"] == before


async def test_an_event_is_never_erased(database: Database, book: Book, runner: Runner) -> None:
    claim = book.claim(1)
    await book.commit([claim])
    (gate,) = Keys(book.event).named(("gate",))
    await runner.command("HSET", gate, "state", "open")
    before = await counts(database)
    assert not await queries.erase(database, book.event)
    with pytest.raises(Conflict, match="no shadow"):
        await Shadows(database, runner).clear(book.event)
    assert await counts(database) == before
    assert await runner.command("EXISTS", gate) == 1
    assert (await row(database, "SELECT state FROM event WHERE id = $1", book.event)) == {
        "state": "draft"
    }
    await runner.command("UNLINK", gate)


async def test_clearing_takes_the_keys_too(database: Database, shadow: str, runner: Runner) -> None:
    keys = Keys(shadow).named(tuple(KEYS))
    for key in keys:
        await runner.command("SET", key, "x")
    assert await Shadows(database, runner).clear(shadow)
    assert await runner.command("EXISTS", *keys) == 0
    assert await Shadows(database, runner).going_on() == []


async def test_what_cannot_be_rehearsed(
    database: Database, book: Book, shadow: str, runner: Runner
) -> None:
    shadows = Shadows(database, runner)
    with pytest.raises(NotFound):
        await shadows.make("evt_1", WINDOWS)
    with pytest.raises(Conflict):
        await shadows.make(new_id("event"), WINDOWS)
    with pytest.raises(Conflict):
        await shadows.make(shadow, WINDOWS)
    await run(database, "UPDATE event SET state = 'cancelled' WHERE id = $1", of=book.event)
    with pytest.raises(Conflict):
        await shadows.make(book.event, WINDOWS)


async def test_only_who_is_silent_is_swept(database: Database, shadow: str, runner: Runner) -> None:
    shadows = Shadows(database, runner)
    assert await shadows.sweep() == []
    assert [each for each, _ in await shadows.going_on()] == [shadow]
    await run(
        database,
        "UPDATE rehearsal SET seen_at = now() - interval '1 minute' WHERE event_id = $1",
        of=shadow,
    )
    assert await shadows.going_on() == []
    assert await shadows.sweep() == [shadow]
    assert await shadows.silent() == []
