"""Blocking seats while somebody else does, in another process: what one of them has read is old."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from tests.conftest import Site
from tests.sale import put_on_sale
from usher.account.model import Actor, Role
from usher.clock import utc_now
from usher.event.model import NewEvent
from usher.seat import queries as seat_queries
from usher.seat.blocking import queries
from usher.venue.generate import rows_by_columns
from usher.venue.report import Found, Report
from usher.wiring import House, opened

pytestmark = pytest.mark.anyio


@pytest.fixture
async def other(site: Site) -> AsyncIterator[House]:
    """Another process of the same site."""
    async with opened(site.settings) as house:
        yield house


async def admin_of(house: House) -> Actor:
    account = await house.accounts.add(
        f"{utc_now().timestamp()}@example.org", "correct horse battery", "Olga", Role.ADMIN
    )
    return Actor(account.account_id, Role.ADMIN)


async def test_a_look_does_not_undo_what_is_being_put_back(house: House, other: House) -> None:
    event = await put_on_sale(house, rows_by_columns(1, 4))
    actor = await admin_of(house)
    await house.blocking.change(actor, event, ["A-1"], [])
    async with house.database.transaction() as connection:
        await seat_queries.take_turn(connection, event)
        await queries.mark(connection, event, actor.account_id, [], [0])
        await house.seat_scripts.block(event, 0, 0, 0)
        looking = asyncio.create_task(other.blocking.states(actor, event))
        await asyncio.wait([looking], timeout=0.3)
    assert (await looking)[1] == "...."
    assert await house.seat_states(event) == "...."


async def test_what_redis_forgot_is_blocked_again_by_a_look(house: House) -> None:
    event = await put_on_sale(house, rows_by_columns(1, 4))
    actor = await admin_of(house)
    await house.blocking.change(actor, event, ["A-1", "A-2"], [])
    await house.seat_scripts.block(event, 0, 0, 0)
    assert (await house.blocking.states(actor, event))[1] == "xx.."
    assert await house.seat_states(event) == "xx.."


async def test_a_plan_that_was_replaced_elsewhere_is_the_one_that_counts(
    house: House, other: House
) -> None:
    actor = await admin_of(house)
    new = NewEvent(title="A draft", starts_at=utc_now() + timedelta(days=9), prices={})
    event = await house.editor.create(
        actor, None, new, Found(rows_by_columns(2, 3), Report("rows"))
    )
    await other.blocking.states(actor, event)  # knows the first plan from here on
    await house.editor.replace_plan(actor, event, Found(rows_by_columns(3, 30), Report("rows")))
    await other.blocking.change(actor, event, ["C-30"], [])
    showing, states = await other.blocking.states(actor, event)
    assert len(states) == len(showing.layout) == 90
    assert states.index("x") == showing.layout.index_of["C-30"]
    async with house.database.connection() as connection:
        laid = await connection.fetchval("SELECT count(*) FROM seat WHERE event_id = $1", event)
    assert laid == 90
