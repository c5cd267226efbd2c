"""The database as every room uses it: constraints by name, absence, gathering."""

import asyncio
from collections.abc import Sequence

import asyncpg
import pytest

from usher.embedded import Embedded
from usher.embedded.place import choose_ports
from usher.errors import Conflict, SetupError, Unavailable
from usher.ids import new_id
from usher.plumbing.postgres import Database, Gather, told
from usher.venue.tables import Venue

pytestmark = pytest.mark.anyio

ADD_VENUE = "INSERT INTO venue (id, name) VALUES ($1, 'Hall')"


async def test_a_named_constraint_is_its_own_error(database: Database) -> None:
    venue = new_id("venue")
    async with database.connection() as connection:
        await connection.execute(ADD_VENUE, venue)
        with (
            pytest.raises(Conflict, match="twice"),
            told({"venue_pkey": lambda: Conflict("twice")}),
        ):
            await connection.execute(ADD_VENUE, venue)


async def test_a_constraint_nobody_named_is_a_fault_of_ours(database: Database) -> None:
    venue = new_id("venue")
    async with database.connection() as connection:
        await connection.execute(ADD_VENUE, venue)
        with pytest.raises(asyncpg.UniqueViolationError), told({"other": lambda: Conflict("no")}):
            await connection.execute(ADD_VENUE, venue)


async def test_a_value_of_the_wrong_type_is_not_taken_for_absence(database: Database) -> None:
    async with database.connection() as connection:
        with pytest.raises(asyncpg.DataError), told():
            await connection.execute("SELECT $1::integer", "seven")


async def test_a_transaction_is_all_or_nothing(database: Database) -> None:
    venue = new_id("venue")

    async def refuse() -> None:
        async with database.transaction() as connection:
            await connection.execute(ADD_VENUE, venue)
            raise Conflict("no")

    with pytest.raises(Conflict):
        await refuse()
    async with database.connection() as connection:
        assert not await connection.fetchval("SELECT true FROM venue WHERE id = $1", venue)


async def test_a_cut_connection_is_unavailable_and_the_next_one_works(database: Database) -> None:
    async def be_cut() -> None:
        async with database.connection() as connection, database.connection() as other:
            pid = await connection.fetchval("SELECT pg_backend_pid()")
            await other.execute("SELECT pg_terminate_backend($1)", pid)
            await connection.fetchval("SELECT 1")

    with pytest.raises(Unavailable):
        await be_cut()
    async with database.connection() as connection:
        assert await connection.fetchval("SELECT 1") == 1


async def test_a_replica_is_unavailable(database: Database) -> None:
    with pytest.raises(Unavailable, match="ReadOnly"):
        async with database.connection() as connection, connection.transaction(readonly=True):
            await connection.execute(ADD_VENUE, new_id("venue"))


async def test_a_pool_that_is_not_open_is_unavailable(database: Database) -> None:
    away = Database("postgresql://127.0.0.1:1/usher", 1)
    with pytest.raises(Unavailable):
        async with away.connection():
            pass
    await away.close()


async def test_a_server_that_is_away_is_a_setup_error_on_opening() -> None:
    port = choose_ports({})["database"]
    away = Database(f"postgresql://nobody@127.0.0.1:{port}/usher", 1)
    with pytest.raises(SetupError, match="cannot be reached"):
        await away.open()


async def test_closing_twice_is_harmless(servers: Embedded) -> None:
    database = Database(servers.database_url, 1)
    await database.open()
    await database.close()
    await database.close()
    with pytest.raises(Unavailable):
        async with database.connection():
            pass


async def test_piccolo_goes_back_to_the_database_that_is_still_open(
    database: Database, servers: Embedded
) -> None:
    other = Database(servers.database_url, 1)
    await other.open()
    await other.migrate()
    assert await Venue.count() >= 0
    await other.close()
    async with database.transaction() as connection:
        venue = new_id("venue")
        await connection.execute(ADD_VENUE, venue)
    assert await Venue.exists().where(Venue.id == venue)


class Batches:
    """Something to gather for: doubles numbers, on command only, and remembers its batches."""

    def __init__(self) -> None:
        self.seen: list[list[int]] = []
        self.begun = asyncio.Event()
        self.go = asyncio.Event()

    async def __call__(self, keys: Sequence[int]) -> list[int]:
        self.seen.append(list(keys))
        self.begun.set()
        await self.go.wait()
        if -1 in keys:
            raise Conflict("not that one")
        return [key * 2 for key in keys]


async def test_calls_of_one_turn_and_those_made_meanwhile_travel_together() -> None:
    batches = Batches()
    gather = Gather(batches, batch_max=4)
    first = [asyncio.ensure_future(gather(key)) for key in range(3)]
    await batches.begun.wait()
    later = [asyncio.ensure_future(gather(key)) for key in range(3, 9)]
    await asyncio.sleep(0)
    batches.go.set()
    assert await asyncio.gather(*first, *later) == [key * 2 for key in range(9)]
    assert batches.seen == [[0, 1, 2], [3, 4, 5, 6], [7, 8]]


async def test_a_fault_reaches_every_caller_of_its_batch_and_no_other() -> None:
    batches = Batches()
    gather = Gather(batches, batch_max=2)
    batches.go.set()
    answers = await asyncio.gather(*(gather(key) for key in (1, -1, 3)), return_exceptions=True)
    assert [type(answer) for answer in answers] == [Conflict, Conflict, int]
    assert await gather(5) == 10


async def test_a_caller_who_gives_up_takes_nobody_along() -> None:
    batches = Batches()
    gather = Gather(batches)
    one, two = (asyncio.ensure_future(gather(key)) for key in (1, 2))
    await batches.begun.wait()
    one.cancel()
    batches.go.set()
    assert await two == 4
    with pytest.raises(asyncio.CancelledError):
        await one
    assert await gather(3) == 6


async def test_a_run_that_answers_too_little_is_a_fault_for_who_waits() -> None:
    async def short(keys: Sequence[int]) -> list[int]:
        return []

    with pytest.raises(ValueError, match="zip"):
        await Gather(short)(1)
