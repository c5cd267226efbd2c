"""One ticket at two doors at the same moment: somebody comes in, once.

The control takes the condition out of the statement that decides, and sees doubles.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from tests.sql.book import SEATS, Book, opened_book
from usher.booking.model import ticket_id
from usher.checkin import queries
from usher.checkin.model import CheckIn, OfflineScan, OfflineScans, Scan
from usher.clock import utc_now
from usher.errors import TicketUsed
from usher.ids import new_id
from usher.plumbing.postgres import Connection
from usher.wiring import House

pytestmark = pytest.mark.anyio
TICKETS = 50


class Doors:
    """Two doors of some events, and tickets for which staff vouch."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.tickets: list[tuple[str, str]] = []  # (event, ticket)

    async def sell(self, book: Book) -> None:
        claim = book.claim(*range(SEATS))
        await book.commit([claim])
        async with book.database.connection() as connection:
            await connection.execute(
                "UPDATE booking SET state = 'confirmed' WHERE id = $1", claim.id
            )
        self.tickets += [(book.event, ticket_id(claim.id, seat)) for seat in range(SEATS)]

    async def show(self, event: str, ticket: str, entrance: str, nonce: str = "") -> str:
        shown = CheckIn(code=ticket, nonce=nonce or new_id("hold"), entrance=entrance, typed=True)
        try:
            return (await self.house.door.check_in(event, "acc_" + "0" * 20, shown)).outcome
        except TicketUsed as refusal:
            return refusal.code

    async def race(self) -> Counter[tuple[str, ...]]:
        """Each ticket at both doors at once: how often what was said."""
        told: Counter[tuple[str, ...]] = Counter()
        for event, ticket in self.tickets[:TICKETS]:
            said = await asyncio.gather(
                self.show(event, ticket, "North"), self.show(event, ticket, "South")
            )
            told[tuple(sorted(said))] += 1
        return told

    async def sql(self, statement: str) -> list[Any]:
        async with self.house.database.connection() as connection:
            events = sorted({event for event, _ in self.tickets})
            return list(await connection.fetch(statement, events))

    async def admissions(self) -> Counter[int]:
        """How many tickets were let in how often, by the door's book."""
        rows = await self.sql(
            "SELECT count(*) AS times FROM scan WHERE event_id = ANY($1::text[])"
            " AND outcome = 'admitted' GROUP BY booking_id, seat"
        )
        return Counter(row["times"] for row in rows)


@pytest.fixture
async def doors(lone: House) -> Doors:
    doors = Doors(lone)
    while len(doors.tickets) < TICKETS:
        async with opened_book(lone.database) as book:
            await doors.sell(book)
    return doors


def without_condition(monkeypatch: pytest.MonkeyPatch) -> None:
    """The statement that decides no longer asks whether the ticket was used."""
    careful = queries.use

    class Careless:
        def __init__(self, connection: Connection) -> None:
            self.connection = connection

        async def fetch(self, statement: str, *values: Any) -> Any:
            assert " AND t.used_at IS NULL" in statement
            careless = statement.replace(" AND t.used_at IS NULL", "")
            return await self.connection.fetch(careless, *values)

    async def use(connection: Any, event: str, scans: Sequence[Scan]) -> set[str]:
        return await careful(Careless(connection), event, scans)  # type: ignore[arg-type]

    monkeypatch.setattr(queries, "use", use)


async def test_two_doors_scan_one_ticket_at_the_same_moment(doors: Doors) -> None:
    assert await doors.race() == {("admitted", "already_used"): TICKETS}
    assert await doors.admissions() == {1: TICKETS}


async def test_control_without_its_condition_a_ticket_opens_two_doors(
    doors: Doors, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_condition(monkeypatch)
    (index,) = await doors.sql(
        "SELECT indexdef FROM pg_indexes WHERE indexname = 'scan_admits_once'"
        " AND $1::text[] IS NOT NULL"
    )
    async with doors.house.database.connection() as connection:
        await connection.execute("DROP INDEX scan_admits_once")
        try:
            assert (await doors.race())["admitted", "admitted"] > 0
            assert (await doors.admissions())[2] > 0
        finally:
            await connection.execute("DELETE FROM scan")
            await connection.execute(index["indexdef"])


async def test_without_the_condition_the_book_itself_refuses_a_second_admission(
    doors: Doors, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_condition(monkeypatch)
    event, ticket = doors.tickets[0]
    assert await doors.show(event, ticket, "North") == "admitted"
    with pytest.raises(asyncpg.UniqueViolationError, match="scan_admits_once"):
        await doors.show(event, ticket, "South")
    assert await doors.admissions() == {1: 1}


async def test_one_scan_sent_twice_at_the_same_moment_is_one(doors: Doors) -> None:
    for event, ticket in doors.tickets[:20]:
        nonce = new_id("hold")
        told = await asyncio.gather(*(doors.show(event, ticket, "North", nonce) for _ in range(3)))
        assert told == ["admitted"] * 3
    rows = await doors.sql("SELECT 1 FROM scan WHERE event_id = ANY($1::text[])")
    assert len(rows) == 20


async def test_devices_that_hand_in_the_same_tickets_at_once(doors: Doors) -> None:
    """In opposite orders, while a door that is online scans them as well."""
    event = doors.tickets[0][0]
    mine = [ticket for of, ticket in doors.tickets if of == event]
    began = utc_now() - timedelta(hours=1)

    def scans(device: str, tickets: Sequence[str]) -> OfflineScans:
        return OfflineScans(
            scans=[
                OfflineScan(
                    code=ticket,
                    nonce=new_id("hold"),
                    entrance=device,
                    typed=True,
                    at=began + timedelta(seconds=at),
                )
                for at, ticket in enumerate(tickets)
            ]
        )

    devices = [scans("East", mine), scans("West", mine[::-1]), scans("South", mine)]
    reports, _ = await asyncio.gather(
        asyncio.gather(*(doors.house.door.upload(event, "acc", each) for each in devices)),
        asyncio.gather(*(doors.show(event, ticket, "North") for ticket in mine)),
    )
    told = Counter(each.outcome for report in reports for each in report.scans)
    assert set(told) <= {"admitted", "double"}
    rows = await doors.sql(
        "SELECT c.outcome, count(*) AS scans, bool_and(t.used_at <= c.scanned_at) AS first,"
        " bool_and((t.used_by = c.id) = (c.outcome = 'admitted')) AS stands"
        " FROM scan AS c JOIN ticket AS t ON t.booking_id = c.booking_id AND t.seat = c.seat"
        " WHERE c.event_id = ANY($1::text[]) AND c.let_in GROUP BY c.outcome"
    )
    found = {row["outcome"]: row["scans"] for row in rows}
    assert all(row["first"] and row["stands"] for row in rows), rows
    assert found["admitted"] == len(mine)
    assert found["double"] >= 2 * len(mine)
