import pytest

from tests.lua.hall import Hall
from usher.waitlist.scripts import Called, Moved, Set, Unbuilt

pytestmark = pytest.mark.anyio


async def test_an_event_that_was_lost_has_no_list(nowhere: Hall) -> None:
    assert await nowhere.refused(nowhere.waitlist.call(nowhere.event)) == Unbuilt()


async def test_before_the_sale_goes_on_again_the_list_is_called(hall: Hall) -> None:
    await hall.build("...")
    assert await hall.waitlist.call(hall.event) == Called("1")


async def test_again_it_is_only_counted(hall: Hall) -> None:
    await hall.open()
    for seq in (1, 2):
        assert await hall.waitlist.call(hall.event) == Called("1")
        assert await hall.count("list_seq") == seq


async def test_seats_on_public_sale_are_held_back(hall: Hall) -> None:
    await hall.open()
    assert await hall.waitlist.set(hall.event, "0", 0) == Set()
    for _ in range(2):
        assert await hall.waitlist.call(hall.event) == Called("2")


async def test_who_has_just_found_nobody_must_look_again(hall: Hall) -> None:
    await hall.open()
    await hall.waitlist.call(hall.event)
    for listed in ("", "0"):
        assert await hall.refused(hall.waitlist.set(hall.event, listed, 0)) == Moved(1)
