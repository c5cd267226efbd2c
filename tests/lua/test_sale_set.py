import pytest

from tests.lua.hall import SETTINGS, Hall
from usher.queue.scripts import InLobby, Ready, Restored, Waiting
from usher.sale.scripts import Older, Set, Unbuilt

pytestmark = pytest.mark.anyio


async def _told(hall: Hall) -> list[str]:
    """The states that the feed has told."""
    return [entry["state"] for entry in await hall.entries("feed") if "state" in entry]


async def test_a_sale_needs_seats(nowhere: Hall) -> None:
    assert await nowhere.refused(nowhere.set()) == Unbuilt()


async def test_every_setting_reaches_the_gate(hall: Hall) -> None:
    await hall.build("..")
    assert await hall.set(state="draft") == Set(-1)
    gate = await hall.command("HGETALL", hall.keys.gate)
    pairs = dict(zip(gate[::2], gate[1::2], strict=True))
    assert {name: pairs[name] for name in SETTINGS} == {
        name: str(value) for name, value in (SETTINGS | {"state": "draft"}).items()
    }
    assert pairs["version"] == "1"


async def test_the_same_version_again_changes_nothing(hall: Hall) -> None:
    await hall.build("..")
    for state in ("draft", "lobby", "open", "paused", "closed"):
        await hall.set(state=state)
        hall.version -= 1
        assert isinstance(await hall.refused(hall.set(state=state)), Set), "not an older one"


async def test_an_older_version_changes_nothing(hall: Hall) -> None:
    await hall.open()
    hall.version = 7
    await hall.set(rate=60)
    hall.version = 6
    assert await hall.refused(hall.set(rate=1, state="closed", floor=99, lobby_size=4)) == Older(8)
    hall.version = 8
    assert isinstance(await hall.set(rate=1), Set)
    assert await hall.count("rate") == 1


async def test_the_feed_hears_of_states_and_of_nothing_else(hall: Hall) -> None:
    await hall.build("..")
    await hall.set(state="lobby")
    await hall.set(rate=1, capacity=1)
    await hall.set(state="open")
    await hall.set(mode="queued")
    await hall.set(state="paused")
    assert await _told(hall) == ["lobby", "open", "paused"]


async def test_opening_closes_the_lobby_at_its_size(hall: Hall) -> None:
    await hall.build("..")
    assert await hall.set(mode="queued", state="lobby") == Set(-1)
    for n in range(3):
        await hall.queue.join(hall.event, f"plc_{n}")
    assert await hall.set(state="open") == Set(3)
    assert (await hall.count("next"), await hall.count("drawn")) == (3, 0)
    assert await hall.set(state="paused") == Set(3)
    assert await hall.set(state="open") == Set(3)
    assert await hall.count("drawn") == 0
    late = await hall.queue.join(hall.event, "plc_late")
    assert isinstance(late, Waiting)
    assert late.number == 3


@pytest.mark.parametrize("state", ["open", "paused", "closed"])
async def test_a_sale_without_a_lobby_has_nothing_to_draw(hall: Hall, state: str) -> None:
    await hall.build("..")
    assert await hall.set(mode="queued", state="draft") == Set(-1)
    assert await hall.set(state=state) == Set(0)
    assert await hall.refused(hall.queue.draw(hall.event, 0)) == Ready()


async def test_numbers_start_above_the_floor(hall: Hall) -> None:
    await hall.build("..")
    await hall.set(mode="queued", floor=1_000)
    assert await hall.queue.join(hall.event, "plc_a") == Waiting(1_000, 0)
    await hall.set(floor=500)
    assert await hall.queue.join(hall.event, "plc_b") == Waiting(1_001, 1)
    await hall.set(floor=1_002)
    assert await hall.queue.join(hall.event, "plc_c") == Waiting(1_002, 2)


async def test_indexes_of_a_lobby_that_was_lost_start_above_the_floor(hall: Hall) -> None:
    await hall.build("..")
    await hall.set(mode="queued", state="lobby", floor=40)
    assert await hall.queue.join(hall.event, "plc_new") == InLobby(40)
    assert await hall.queue.restore(hall.event, "plc_old", 3, -1) == Restored()
    await hall.set(floor=20)
    assert await hall.queue.join(hall.event, "plc_b") == InLobby(41)
    assert await hall.set(state="open") == Set(42)


async def test_a_lobby_that_postgresql_has_counted_keeps_its_size(hall: Hall) -> None:
    # Redis was lost after opening: indexes below 10 were drawn, and nobody stands in the lobby.
    await hall.build("..")
    assert await hall.set(mode="queued", floor=25, lobby_size=10) == Set(10)
    assert await hall.count("drawn") == 1, "there is nobody left to draw"
    assert await hall.queue.restore(hall.event, "plc_drawn", -1, 9) == Restored()
    assert await hall.queue.join(hall.event, "plc_new") == Waiting(25, 1)
    assert await hall.set(lobby_size=10) == Set(10)


async def test_a_size_above_the_floor_is_a_floor_too(hall: Hall) -> None:
    await hall.build("..")
    assert await hall.set(mode="queued", floor=5, lobby_size=10) == Set(10)
    assert await hall.queue.join(hall.event, "plc_new") == Waiting(10, 0)


async def test_a_size_of_nobody_is_a_size(hall: Hall) -> None:
    await hall.build("..")
    await hall.set(mode="queued", state="lobby")
    await hall.queue.join(hall.event, "plc_a")
    assert await hall.set(state="open", lobby_size=0) == Set(0)
