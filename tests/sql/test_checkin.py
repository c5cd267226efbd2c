"""The door on a real PostgreSQL: who comes in, who does not, what is on record of it."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from tests.sql.book import Book, opened_book
from usher.booking.model import ticket_id
from usher.checkin.counts import Counts
from usher.checkin.model import Admitted, CheckIn, OfflineScan, OfflineScans, Report, scan_id
from usher.checkin.service import CheckInService
from usher.clock import EARLIEST, LATEST, from_ms, utc_now
from usher.errors import (
    BadInput,
    ForgedTicket,
    IdempotencyMismatch,
    NotFound,
    NoTicket,
    OtherEvent,
    TicketCancelled,
    TicketRevoked,
    TicketUnpaid,
    TicketUsed,
    UnknownTicket,
    UnsignedTicket,
    UsherError,
)
from usher.event.service import EventService
from usher.ids import new_id
from usher.plumbing.cursor import cursor_after, read_cursor
from usher.plumbing.postgres import Database
from usher.plumbing.signing import KeyRing, new_secret
from usher.ticket.code import Code, write_code
from usher.ticket.keybook import KeyBook
from usher.ticket.signing import TicketKeys

pytestmark = pytest.mark.anyio
ACTOR = "acc_" + "0" * 20


def nonce() -> str:
    return new_id("hold")


class Door:
    """The doors of one event, and tickets to show there."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self.event = book.event
        self.keys = KeyBook(book.database, TicketKeys(KeyRing(new_secret())))
        self.counts = Counts(book.database, EventService(book.database), self.keys)
        self.service = CheckInService(
            book.database, EventService(book.database), self.counts, self.keys
        )

    async def sell(self, *seats: int, state: str = "confirmed") -> str:
        """The id of a booking of these seats."""
        claim = self.book.claim(*seats)
        await self.book.commit([claim])
        await self.sql("UPDATE booking SET state = $2 WHERE id = $1", claim.id, state)
        return claim.id

    async def code(self, booking: str, seat: int, **other: Any) -> str:
        """What a ticket's QR code says."""
        code = Code(
            event_id=self.event, booking_id=booking, seat=seat, serial=0, label="A/1", kid=""
        )
        return await self.keys.write(replace(code, **other))

    async def sold(self, seat: int) -> str:
        """The code of a ticket for this seat."""
        return await self.code(await self.sell(seat), seat)

    async def show(
        self, code: str, entrance: str = "North", key: str = "", **more: Any
    ) -> Admitted:
        shown = CheckIn(code=code, nonce=key or nonce(), entrance=entrance, **more)
        return await self.service.check_in(self.event, ACTOR, shown)

    async def refused(self, kind: type[UsherError], code: str, **more: Any) -> dict[str, Any]:
        """What is said besides the refusal."""
        with pytest.raises(kind) as refusal:
            await self.show(code, **more)
        return refusal.value.members

    async def upload(self, *scans: OfflineScan, **more: Any) -> Report:
        return await self.service.upload(self.event, ACTOR, OfflineScans(scans=list(scans), **more))

    async def sql(self, statement: str, *values: Any) -> list[Any]:
        async with self.book.database.connection() as connection:
            return list(await connection.fetch(statement, *values))

    async def scans(self) -> list[tuple[str, bool]]:
        """(outcome, let in) of every scan, in the order of their times."""
        rows = await self.sql(
            "SELECT outcome, let_in FROM scan WHERE event_id = $1 ORDER BY scanned_at, id",
            self.event,
        )
        return [(row["outcome"], row["let_in"]) for row in rows]

    async def told(self) -> list[str]:
        """The scans of which others are told that they used a ticket."""
        rows = await self.sql(
            "SELECT subject FROM outbox JOIN scan ON subject = 'ticket.used ' || scan.id"
            " WHERE event_id = $1 AND kind = 'hook' ORDER BY outbox.id",
            self.event,
        )
        return [row["subject"].partition(" ")[2] for row in rows]


@pytest.fixture
async def door(database: Database) -> AsyncIterator[Door]:
    """An event at whose door somebody's program listens as well."""
    hook = new_id("hook")
    async with opened_book(database) as book:
        async with database.connection() as connection:
            await connection.execute(
                "INSERT INTO hook (id, url, kinds, digest, kid, salt)"
                " VALUES ($1, 'http://127.0.0.1:9/', '{ticket.used}', '', '', '')",
                hook,
            )
        yield Door(book)
        async with database.connection() as connection:
            await connection.execute("DELETE FROM hook WHERE id = $1", hook)


def scan(code: str, minutes: float, **more: Any) -> OfflineScan:
    """What a device did that was offline, so many minutes ago."""
    given: dict[str, Any] = {
        "nonce": nonce(),
        "entrance": "South",
        "at": utc_now() - timedelta(minutes=minutes),
    }
    return OfflineScan(code=code, **(given | more))


async def test_a_ticket_opens_the_door_once(door: Door) -> None:
    code = await door.sold(3)
    first = await door.show(code)
    assert (first.outcome, first.ticket.holder, first.ticket.number) == ("admitted", "Ann", "4")
    assert first.entered == 1
    said = await door.refused(TicketUsed, code, entrance="South")
    assert (said["used_where"], said["ticket"]) == ("North", first.ticket)
    (row,) = await door.sql("SELECT * FROM ticket WHERE event_id = $1", door.event)
    assert (row["used_at"], row["used_by"]) == (first.used_at, first.scan_id)
    assert said["used_at"][:19] == first.used_at.isoformat()[:19]
    assert await door.scans() == [("admitted", True), ("already_used", False)]
    assert await door.told() == [first.scan_id]


async def test_a_reply_that_was_lost_is_given_again(door: Door) -> None:
    code, key = await door.sold(0), nonce()
    first = await door.show(code, key=key)
    assert await door.show(code, key=key) == first
    refusals = [await door.refused(TicketUsed, code, key="x" * 20) for _ in range(2)]
    assert refusals[0] == refusals[1]
    assert len(await door.scans()) == 2
    with pytest.raises(IdempotencyMismatch):
        await door.show(await door.sold(1), key=key)
    assert await door.service.said(door.event, first.scan_id) == first
    with pytest.raises(NotFound):
        await door.service.said(door.event, "scn_" + "0" * 20)


async def test_a_scan_of_another_event_is_not_recalled(door: Door, database: Database) -> None:
    first = await door.show(await door.sold(0))
    async with opened_book(database) as book:
        with pytest.raises(NotFound):
            await Door(book).service.said(book.event, first.scan_id)


async def test_what_no_door_opens_to(door: Door, database: Database) -> None:
    async with opened_book(database) as book:
        elsewhere = Door(book)
        elsewhere.keys = door.keys
        other = await elsewhere.sold(0)
        await door.refused(OtherEvent, other)
    booking = await door.sell(0, 1, 2)
    good = await door.code(booking, 0)
    stranger = TicketKeys(KeyRing(new_secret()))
    fake = Code(
        event_id=door.event, booking_id=booking, seat=0, serial=0, label="", kid=stranger.newest
    )
    await door.refused(ForgedTicket, write_code(fake, stranger.private[stranger.newest]))
    ours = next(iter((await door.keys.trusted()).keys()))
    named = replace(fake, kid=ours)  # says our key, and was signed with another
    await door.refused(ForgedTicket, write_code(named, stranger.private[stranger.newest]))
    changed = good[:40] + ("A" if good[40] != "A" else "B") + good[41:]
    with pytest.raises((ForgedTicket, NoTicket)):
        await door.show(changed)
    await door.refused(NoTicket, good[:-5])
    await door.refused(NoTicket, "https://example.org/ticket")
    await door.refused(UnknownTicket, await door.code("bkg_" + "0" * 20, 0))
    await door.refused(UnknownTicket, ticket_id("bkg_" + "0" * 20, 0), typed=True)

    await door.sql(
        "UPDATE ticket SET serial = 1, holder = 'Bob', holder_email = 'b@example.org'"
        " WHERE booking_id = $1 AND seat = 1",
        booking,
    )
    assert (await door.refused(TicketRevoked, await door.code(booking, 1)))["ticket"]
    assert (await door.show(await door.code(booking, 1, serial=1))).ticket.holder == "Bob"
    await door.refused(TicketRevoked, await door.code(booking, 1))
    await door.sql(
        "UPDATE ticket SET state = 'cancelled' WHERE booking_id = $1 AND seat = 2", booking
    )
    await door.refused(TicketCancelled, await door.code(booking, 2))
    assert (await door.show(good)).outcome == "admitted"
    for seat, state, refusal in (
        (3, "awaiting_payment", TicketUnpaid),
        (4, "expired", TicketUnpaid),
        (5, "cancelled", TicketCancelled),
        (6, "refunded", TicketCancelled),
    ):
        await door.refused(refusal, await door.code(await door.sell(seat, state=state), seat))
    assert [let_in for _, let_in in await door.scans()].count(True) == 2
    assert len(await door.told()) == 2


async def test_a_number_needs_somebody_who_vouches(door: Door) -> None:
    number = ticket_id(await door.sell(7), 7)
    said = await door.refused(UnsignedTicket, number)
    assert said["ticket"].holder == "Ann"
    let = await door.show(number, typed=True)
    assert let.ticket.ticket_id == number
    await door.refused(TicketUsed, number)
    assert await door.sql("SELECT typed FROM scan WHERE id = $1", let.scan_id) == [(True,)]


async def test_scans_made_offline_are_taken_as_often_as_they_come(door: Door) -> None:
    code, other = await door.sold(0), await door.sold(1)
    scans = [scan(code, 5), scan(other, 4), scan(code, 3, refused="already_used")]
    first = await door.upload(*scans)
    assert [each.outcome for each in first.scans] == ["admitted", "admitted", "already_used"]
    assert (first.entered, first.scans[2].used_where) == (2, "South")
    assert await door.upload(*scans) == first
    assert await door.upload(*scans[::-1], scans[0]) == Report(
        [*first.scans[::-1], first.scans[0]], 2
    )
    assert len(await door.scans()) == 3
    assert (await door.refused(TicketUsed, code))["used_where"] == "South"


async def test_of_two_devices_the_earlier_scan_stands(door: Door) -> None:
    code = await door.sold(0)
    (late,) = (await door.upload(scan(code, 10, entrance="East"))).scans
    assert late.outcome == "admitted"
    (double,) = (await door.upload(scan(code, 8, entrance="West"))).scans
    assert (double.outcome, double.used_where) == ("double", "East")
    (early,) = (await door.upload(scan(code, 20, entrance="North"))).scans
    assert early.outcome == "admitted"
    assert await door.scans() == [("admitted", True), ("double", True), ("double", True)]
    assert (await door.refused(TicketUsed, code))["used_where"] == "North"
    counts = await Counts(door.book.database, EventService(door.book.database), door.keys).of(
        door.event
    )
    assert (counts.entered, counts.doubles, counts.overruled) == (1, 2, 0)
    assert len(await door.told()) == 1
    contested = await door.service.scans(door.event, contested=True, after=None, most=10)
    assert [each.entrance for each in contested] == ["West", "East"]


async def test_within_one_upload_the_earlier_scan_stands_too(door: Door) -> None:
    code = await door.sold(0)
    report = await door.upload(scan(code, 1), scan(code, 9), scan(code, 5))
    assert [each.outcome for each in report.scans] == ["double", "admitted", "double"]


async def test_an_online_admission_is_answered_as_it_was(door: Door) -> None:
    """An earlier scan from a device that was offline does not make the fan at the door a cheat."""
    code, key = await door.sold(0), nonce()
    first = await door.show(code, key=key)
    await door.upload(scan(code, 5))
    again = await door.show(code, key=key)
    assert (again.outcome, again.used_at) == ("admitted", first.used_at)


async def test_what_a_device_let_in_and_should_not_have(door: Door) -> None:
    booking = await door.sell(0, 1)
    await door.sql("UPDATE ticket SET serial = 1 WHERE booking_id = $1 AND seat = 0", booking)
    await door.sql(
        "UPDATE ticket SET state = 'cancelled' WHERE booking_id = $1 AND seat = 1", booking
    )
    report = await door.upload(
        scan(await door.code(booking, 0), 3),
        scan(await door.code(booking, 1), 2),
        scan("no code", 1),
        scan(ticket_id(booking, 0), 1),
    )
    found = [each.outcome for each in report.scans]
    assert found == ["revoked", "cancelled", "no_ticket", "unsigned"]
    assert all(let_in for _, let_in in await door.scans())
    assert (await door.counts.of(door.event)).overruled == 4
    (ticket,) = (await door.upload(scan(await door.code(booking, 0, serial=1), 1))).scans
    assert ticket.outcome == "admitted"


async def test_of_another_events_ticket_nothing_is_told_whoever_let_it_in(
    door: Door, database: Database
) -> None:
    async with opened_book(database) as book:
        other = Door(book)
        number, key = ticket_id(await other.sell(0), 0), nonce()
        (found,) = (await door.upload(scan(number, 1, nonce=key, typed=True))).scans
        assert (found.outcome, found.ticket) == ("wrong_event", None)
        with pytest.raises(NotFound):
            await door.show(number, key=key, typed=True)
        with pytest.raises(NotFound):
            await door.service.said(door.event, scan_id(door.event, key))


async def test_a_refusal_that_never_arrived_and_was_overruled(door: Door) -> None:
    """The device asked, heard nothing, and let in: it is a double, not just a refusal."""
    code, key = await door.sold(0), nonce()
    await door.show(code)
    await door.refused(TicketUsed, code, key=key)
    (found,) = (await door.upload(scan(code, 0, nonce=key))).scans
    assert found.outcome == "double"
    assert await door.scans() == [("admitted", True), ("double", True)]


async def test_an_admission_whose_answer_never_arrived(door: Door) -> None:
    code, key = await door.sold(0), nonce()
    await door.show(code, key=key)
    (found,) = (await door.upload(scan(code, 0, nonce=key))).scans
    assert found.outcome == "admitted"
    assert await door.scans() == [("admitted", True)]


async def test_a_nonce_for_two_codes_in_one_upload(door: Door) -> None:
    key = nonce()
    one, two = scan(await door.sold(0), 2, nonce=key), scan(await door.sold(1), 1, nonce=key)
    report = await door.upload(one, two)
    assert [each.outcome for each in report.scans] == ["admitted", "idempotency_mismatch"]
    assert report.entered == 1


async def test_clocks_that_are_wrong_are_put_right(door: Door) -> None:
    slow = utc_now() - timedelta(hours=3)
    await door.upload(scan(await door.sold(0), 0, at=slow - timedelta(minutes=1)), now=slow)
    fast = utc_now() + timedelta(days=400)
    await door.upload(scan(await door.sold(1), 0, at=fast))
    rows = await door.sql(
        "SELECT extract(epoch FROM now() - used_at)::integer AS age FROM ticket"
        " WHERE event_id = $1 ORDER BY used_at",
        door.event,
    )
    assert 55 < rows[0]["age"] < 120
    assert rows[1]["age"] in range(10)
    wild = LATEST - timedelta(days=1)
    await door.upload(scan(await door.sold(3), 0, at=EARLIEST + timedelta(days=1)), now=wild)
    oldest = (await door.service.scans(door.event, contested=False, after=None, most=9))[-1]
    assert oldest.scanned_at == EARLIEST
    assert read_cursor(cursor_after(oldest.scanned_at, oldest.scan_id), "scan") is not None
    with pytest.raises(BadInput, match=r"scans\[0\].at"):
        await door.upload(scan(await door.sold(2), 0, at=from_ms(0)))


async def test_counts_and_the_list_for_devices(door: Door) -> None:
    booking = await door.sell(0, 1, 2)
    await door.sell(3, state="awaiting_payment")
    await door.show(await door.code(booking, 1), entrance="North")
    fresh = Counts(door.book.database, EventService(door.book.database), door.keys)
    counts = await fresh.of(door.event)
    assert (counts.sold, counts.entered, counts.refused) == (3, 1, 0)
    assert sum(each.sold for each in counts.categories) == 3
    assert sum(each.entered for each in counts.categories) == 1
    assert [(each.name, each.entered) for each in counts.entrances] == [("North", 1)]
    assert [each.entered for each in counts.minutes] == [1]
    listed = json.loads((await fresh.tickets(door.event)).body)
    assert [row[1:3] for row in listed["tickets"]] == [[0, 0], [1, 0], [2, 0]]
    assert {row[0] for row in listed["tickets"]} == {booking[4:]}
    assert [bool(row[3]) for row in listed["tickets"]] == [False, True, False]
    assert {key["kid"] for key in listed["keys"]} >= set((await door.keys.trusted()).keys())
