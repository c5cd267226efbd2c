import pytest

from tests.lua.hall import Hall
from usher.waitlist.scripts import Moved, Set

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("listed", ["1", "0", ""], ids=["kept", "public", "none"])
async def test_to_whom_seats_are_sold(hall: Hall, listed: str) -> None:
    await hall.open()
    await hall.waitlist.call(hall.event)
    assert await hall.twice(lambda: hall.waitlist.set(hall.event, listed, 1)) == Set()
    assert (await hall.gate("listed") or "") == listed


async def test_not_over_what_has_happened_since(hall: Hall) -> None:
    await hall.open()
    await hall.admit("plc_a")
    held = await hall.hold("plc_a", 0)
    await hall.waitlist.call(hall.event)
    await hall.seat.free(hall.event, held, "plc_a")
    assert await hall.refused(hall.waitlist.set(hall.event, "0", 1)) == Moved(2)
    assert await hall.waitlist.set(hall.event, "0", 2) == Set()
