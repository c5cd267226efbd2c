import asyncio

import pytest

from tests.lua.hall import Hall, area, row
from usher.seat.scripts import Closed, Few, Gone, Held, Lapsed, Mismatch, OverLimit, Taken
from usher.venue.model import Segment

pytestmark = pytest.mark.anyio


async def _hall(hall: Hall, states: str, *segments: Segment, **settings: int) -> None:
    await hall.build(states, *segments)
    await hall.set(floor=0, lobby_size=-1, **{"seats_max": 20, **settings})
    await hall.admit("plc_a")


async def _best(
    hall: Hall, want: int, *, apart: int = 0, count: int = -1, name: str = "h"
) -> object:
    count = len(await hall.states()) if count < 0 else count
    return await hall.seat.best(hall.event, name, "plc_a", "print", 0, 0, count, want, apart)


async def _seats(hall: Hall, want: int, *, apart: int = 0, count: int = -1) -> list[int]:
    """Which seats would be given; they are free again afterwards."""
    reply = await hall.twice(lambda: _best(hall, want, apart=apart, count=count))
    assert isinstance(reply, Held), reply
    await hall.seat.free(hall.event, "h", "plc_a")
    await hall.command("HDEL", hall.keys.hold, "h")
    return reply.seats


async def test_neighbours_nearest_to_the_focus(hall: Hall) -> None:
    await _hall(hall, "." * 12, row(0, 12, focus=6))
    assert await _seats(hall, 3) == [5, 6, 7]
    assert await _seats(hall, 2) == [5, 6], "of two as near the first"
    assert await _seats(hall, 12) == list(range(12))


async def test_the_reply_and_what_it_writes_are_those_of_a_hold(hall: Hall) -> None:
    await _hall(hall, "....", row(0, 4))
    reply = await _best(hall, 2)
    assert isinstance(reply, Held)
    assert reply.cap_ms > reply.due_ms > reply.left_ms
    assert await hall.states() == "hh.."
    assert (await hall.entries("feed"))[-1] == {"h": "0,1"}
    assert await hall.fan("plc_a") == 2


async def test_no_party_sits_across_an_aisle(hall: Hall) -> None:
    await _hall(hall, "xxx......xx", row(0, 5), row(5, 6))
    assert await _seats(hall, 4) == [5, 6, 7, 8]
    await hall.seat.amend(hall.event, 6, "x")
    assert await hall.refused(_best(hall, 3)) == Few(2)


async def test_the_better_row_first(hall: Hall) -> None:
    await _hall(hall, "..xx....", row(0, 4), row(4, 4))
    assert await _seats(hall, 2) == [0, 1]
    assert await _seats(hall, 3) == [4, 5, 6], "leaving one over, as any place in that row would"


async def test_no_single_seat_is_left_where_it_can_be_helped(hall: Hall) -> None:
    await _hall(hall, "....." + "....", row(0, 5, focus=1), row(5, 4, focus=1))
    assert await _seats(hall, 2) == [0, 1], "1,2 is nearer to the focus, but orphans seat 0"
    assert await _seats(hall, 4) == [5, 6, 7, 8], "a worse row, but whole"


async def test_a_single_seat_is_left_where_it_cannot_be_helped(hall: Hall) -> None:
    await _hall(hall, "...", row(0, 3, focus=2))
    assert await _seats(hall, 2) == [1, 2]
    await hall.seat.amend(hall.event, 1, "x")
    assert await _seats(hall, 1) == [2]


async def test_whole_rows_are_looked_for_behind_many_that_are_not(hall: Hall) -> None:
    rows = [row(3 * n, 3) for n in range(63)]
    await _hall(hall, "..." * 63 + "..", *rows, row(189, 2))
    assert await _seats(hall, 2) == [189, 190]


async def test_after_so_many_rows_the_first_is_taken_as_it_is(hall: Hall) -> None:
    rows = [row(3 * n, 3) for n in range(64)]
    await _hall(hall, "..." * 64 + "..", *rows, row(192, 2))
    assert await _seats(hall, 2) == [0, 1]


async def test_accessible_seats_are_never_assigned(hall: Hall) -> None:
    # They stand behind the leading seats which may be assigned, in records of their own.
    await _hall(hall, "......", row(0, 3), row(3, 3, accessible=True))
    assert await hall.refused(_best(hall, 4, apart=1, count=3)) == Few(3)
    assert await _seats(hall, 3, count=3) == [0, 1, 2]
    await hall.seat.amend(hall.event, 0, "s", 1, "s", 2, "s")
    for apart in (0, 1):
        assert await hall.refused(_best(hall, 1, apart=apart, count=3)) == Few(0)


async def test_standing_room_has_no_neighbours(hall: Hall) -> None:
    await _hall(hall, "x.x.x.x.", area(0, 4), area(4, 4))
    assert await _seats(hall, 3) == [1, 3, 5]
    assert await hall.refused(_best(hall, 5)) == Few(4)


async def test_standing_room_needs_no_orphan_rule(hall: Hall) -> None:
    await _hall(hall, "....", area(0, 4))
    assert await _seats(hall, 3) == [0, 1, 2]


async def test_apart_only_who_may_sit_apart(hall: Hall) -> None:
    await _hall(hall, ".x.x.x", row(0, 3), row(3, 3))
    assert await hall.refused(_best(hall, 2)) == Few(1)
    assert await _seats(hall, 3, apart=1) == [0, 2, 4]
    assert await hall.refused(_best(hall, 4, apart=1)) == Few(3)


async def test_who_may_sit_apart_sits_together_where_there_is_room(hall: Hall) -> None:
    await _hall(hall, ".x....", row(0, 6))
    assert await _seats(hall, 4, apart=1) == [2, 3, 4, 5]


async def test_only_the_category_asked_for(nowhere: Hall) -> None:
    hall = nowhere
    # Two categories; record starts are those of the hall, not of the category.
    await hall.seat.build(hall.event, "......", "0", row(0, 3).packed(), "1", row(3, 3).packed())
    await hall.set(seats_max=20)
    await hall.admit("plc_a")
    reply = await hall.seat.best(hall.event, "h", "plc_a", "print", 1, 3, 3, 3, 0)
    assert isinstance(reply, Held)
    assert reply.seats == [3, 4, 5]
    few = hall.seat.best(hall.event, "i", "plc_a", "print", 1, 3, 3, 1, 1)
    assert await hall.refused(few) == Few(0)
    unknown = hall.seat.best(hall.event, "i", "plc_a", "print", 7, 0, 3, 1, 1)
    assert await hall.refused(unknown) == Few(0)
    empty = hall.seat.best(hall.event, "i", "plc_a", "print", 0, 0, 0, 1, 1)
    assert await hall.refused(empty) == Few(0)


@pytest.mark.parametrize("want", [0, -1])
async def test_nobody_is_not_a_party(hall: Hall, want: int) -> None:
    await _hall(hall, "...", row(0, 3))
    assert await hall.refused(_best(hall, want)) == Few(0)


async def test_the_largest_number_says_what_would_succeed(hall: Hall) -> None:
    await _hall(hall, "..x...x.", row(0, 8))
    reply = await hall.refused(_best(hall, 8))
    assert reply == Few(3)
    assert await _seats(hall, 3) == [3, 4, 5]


async def test_refusals_are_those_of_a_hold(hall: Hall) -> None:
    await _hall(hall, "....", row(0, 4), seats_max=2)

    async def best(name: str, place: str, digest: str = "print", want: int = 1) -> object:
        return await hall.refused(hall.seat.best(hall.event, name, place, digest, 0, 0, 4, want, 0))

    assert await best("h", "plc_a", want=3) == OverLimit(0, 2)
    assert await best("h", "plc_stranger") == Lapsed()
    held = await hall.hold("plc_a", 0)
    assert await best(held, "plc_a", "other") == Mismatch()
    assert await best(held, "plc_b") == Mismatch()
    await hall.seat.free(hall.event, held, "plc_a")
    assert await best(held, "plc_a") == Gone()
    await hall.set(state="paused")
    assert await best("h", "plc_a") == Closed("paused")


async def test_a_crowd_gets_every_seat_once(hall: Hall) -> None:
    await _hall(hall, "." * 60, *(row(10 * n, 10, focus=5) for n in range(6)), seats_max=2)
    fans = [f"plc_{n}" for n in range(40)]
    await hall.admit(*fans)
    replies = await asyncio.gather(
        *(hall.seat.best(hall.event, f"hld_{fan}", fan, "d", 0, 0, 60, 2, 0) for fan in fans)
    )
    given = [seat for reply in replies if isinstance(reply, Held) for seat in reply.seats]
    assert sorted(given) == list(range(60))
    assert replies.count(Few(0)) == 10
    stolen = await hall.seat.hold(hall.event, "hld_x", "plc_a", "d", 7)
    assert stolen == Taken([7])
