import pytest

from tests.lua.hall import Hall
from usher.waitlist.scripts import Look, Lost

pytestmark = pytest.mark.anyio


async def test_a_sale_that_was_lost_says_so(nowhere: Hall) -> None:
    assert await nowhere.refused(nowhere.waitlist.look(nowhere.event)) == Lost()


async def test_a_hall_that_is_laid_out_has_no_sale_yet(hall: Hall) -> None:
    await hall.build("...")
    await hall.waitlist.call(hall.event)
    assert await hall.refused(hall.waitlist.look(hall.event)) == Lost()


async def test_what_is_free_and_what_is_held(hall: Hall) -> None:
    await hall.open(4)
    await hall.admit("plc_a")
    await hall.hold("plc_a", 0)
    before = await hall.runner.time_ms()
    look = await hall.refused(hall.waitlist.look(hall.event))
    assert isinstance(look, Look)
    assert before <= look.now_ms <= await hall.runner.time_ms()
    assert (look.state, look.free, look.held, look.listed, look.seq) == ("open", 3, 1, "", 0)
    await hall.waitlist.call(hall.event)
    await hall.set(state="paused")
    look = await hall.refused(hall.waitlist.look(hall.event))
    assert isinstance(look, Look)
    assert (look.state, look.listed, look.seq) == ("paused", "1", 1)
