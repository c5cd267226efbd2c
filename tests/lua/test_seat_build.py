import pytest

from tests.lua.hall import Hall, row
from usher import limits
from usher.seat.scripts import Built, Known

pytestmark = pytest.mark.anyio


async def test_seats_runs_and_counters_appear_together(nowhere: Hall) -> None:
    hall = nowhere
    reply = await hall.seat.build(
        hall.event, "..xsc.", "0", row(0, 3).packed(), "1", row(3, 3).packed()
    )
    assert reply == Built()
    hall.built_as = "..xsc."
    assert await hall.states() == "..xsc."
    told = {name: await hall.count(name) for name in ("free", "blocked", "sold", "claimed")}
    assert told == {"free": 3, "blocked": 1, "sold": 1, "claimed": 1}
    runs = await hall.raw.hgetall(hall.keys.segment)
    assert runs == {b"0": row(0, 3).packed(), b"1": row(3, 3).packed()}
    assert await hall.entries("feed") == [{"reset": "1"}]
    await hall.check()


async def test_a_hall_is_built_once(hall: Hall) -> None:
    await hall.open(4)
    await hall.admit("plc_a")
    await hall.hold("plc_a", 1)
    assert await hall.refused(hall.seat.build(hall.event, "....")) == Known()
    assert await hall.refused(hall.seat.build(hall.event, "xx", "7", b"")) == Known()


async def test_a_hall_whose_builder_was_killed_is_built_anew(hall: Hall) -> None:
    await hall.build("cc.s")
    await hall.seat.recall(hall.event, "hld_c", "plc_a", "c", 1, "paper", "0,1")
    await hall.build("...s")
    assert await hall.states() == "...s"
    assert await hall.fan("plc_a") == 0
    assert await hall.command("EXISTS", hall.keys.hold, hall.keys.hold_due) == 0


async def test_nothing_is_left_of_the_rows_of_a_plan_that_was_replaced(hall: Hall) -> None:
    await hall.build("......", row(0, 2), row(2, 2), row(4, 2), stretch=2)
    await hall.build("......", row(0, 6))
    assert await hall.raw.hgetall(hall.keys.segment) == {b"0": row(0, 6).packed()}


async def test_a_hall_without_seats_is_a_hall(hall: Hall) -> None:
    await hall.build("")
    await hall.set()
    assert await hall.refused(hall.seat.build(hall.event, "")) == Known()
    assert await hall.count("free") == 0


async def test_categories_may_be_missing(nowhere: Hall) -> None:
    assert await nowhere.seat.build(nowhere.event, "..") == Built()
    nowhere.built_as = ".."
    await nowhere.check()


async def test_the_largest_hall_with_the_most_categories(hall: Hall) -> None:
    each = limits.plan_seats_max // limits.categories_max
    runs = [
        word
        for rank in range(limits.categories_max)
        for word in (str(rank), row(rank * each, each).packed())
    ]
    states = "." * limits.plan_seats_max
    assert await hall.seat.build(hall.event, states, *runs) == Built()
    hall.built_as = states
