import pytest

from tests.lua.hall import Hall
from usher.seat.scripts import Gone, Hold

pytestmark = pytest.mark.anyio


async def test_a_hold_through_its_states(hall: Hall) -> None:
    await hall.open()
    await hall.admit("plc_a")
    held = await hall.hold("plc_a", 2, 1)
    for state in ("h", "c", "s"):
        hold = await hall.refused(hall.seat.read(hall.event, held))
        assert isinstance(hold, Hold)
        assert (hold.state, hold.owner, hold.seats) == (state, "plc_a", [2, 1])
        if state == "h":
            await hall.claim(held, "plc_a")
        else:
            await hall.settle(held, "plc_a", "s", 1, 2)


async def test_gone_is_unknown_freed_or_lapsed(hall: Hall) -> None:
    await hall.open()
    await hall.admit("plc_a")
    assert await hall.refused(hall.seat.read(hall.event, "hld_unknown")) == Gone()
    held = await hall.hold("plc_a", 1)
    await hall.seat.free(hall.event, held, "plc_a")
    assert await hall.refused(hall.seat.read(hall.event, held)) == Gone()
    await hall.set(hold_s=0)
    lapsed = await hall.hold("plc_a", 2)
    assert await hall.refused(hall.seat.read(hall.event, lapsed)) == Gone()
