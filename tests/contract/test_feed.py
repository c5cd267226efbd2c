"""The feed of seats: a snapshot and the changes after it are any later snapshot."""

import asyncio
import random
import secrets
import sys

import httpx
import pytest

from tests.contract.fan import Fan, bearer, refused
from tests.contract.sse import SeatMap, listening
from tests.sale import put_on_sale
from usher.keys import Keys
from usher.venue.generate import rows_by_columns
from usher.wiring import House

pytestmark = pytest.mark.anyio

ROWS, COLUMNS = 6, 10


@pytest.fixture
async def event(house: House) -> str:
    """An event of this test's own, without a line."""
    return await put_on_sale(house, rows_by_columns(ROWS, COLUMNS), mode="simple", seats_max=20)


async def fresh(http: httpx.AsyncClient, event: str) -> tuple[str, list[str]]:
    """A snapshot: its feed id and its states."""
    body = (await http.get(f"/api/v1/events/{event}/seats")).json()
    return body["feed_id"], list(body["states"])


async def caught_up(http: httpx.AsyncClient, event: str, *maps: SeatMap) -> None:
    """Reads on until every map has come to where the event has come to rest, and compares."""
    for _ in range(50):
        feed_id, states = await fresh(http, event)
        for each in maps:
            while _order(each.stream.last_id) < _order(feed_id):
                await each.step()
        if (await fresh(http, event))[0] == feed_id:
            break
    for each in maps:
        assert "".join(each.states) == "".join(states)


def _order(feed_id: str) -> tuple[int, ...]:
    return tuple(int(part) for part in feed_id.split("-"))


async def shop(fan: Fan, dice: random.Random, steps: int) -> None:
    """What a restless fan does, drawn by lot; refusals are part of it."""
    holds: list[str] = []
    for _ in range(steps):
        match dice.choice(("seats", "seats", "best", "free", "extend", "book")):
            case "seats":
                row, seat = dice.choice("ABCDEF"), dice.randrange(1, COLUMNS)
                answer = await fan.hold(f"{row}-{seat}", f"{row}-{seat + 1}")
            case "best":
                category = dice.choice(("VVIP", "VIP", "Normal"))
                answer = await fan.hold(category=category, quantity=dice.randrange(1, 4))
            case what if holds:
                hold = holds.pop(dice.randrange(len(holds)))
                if what == "free":
                    await fan.ask("DELETE", f"/holds/{hold}")
                elif what == "extend":
                    await fan.ask("PATCH", f"/holds/{hold}", json={"extend": True})
                    holds.append(hold)
                else:
                    await buy(fan, hold, dice)
                continue
            case _:
                continue
        if answer.status_code == 201:
            holds.append(answer.json()["hold_id"])


async def buy(fan: Fan, hold: str, dice: random.Random) -> None:
    answer = await fan.book(hold)
    if answer.status_code != 202:
        return
    booking = answer.json()["booking_id"]
    what = dice.choice(("pay", "cancel", "nothing"))
    if what == "cancel":
        await fan.ask("POST", f"/api/v1/bookings/{booking}/cancellation")
    elif what == "pay":
        await fan.pay(booking)


async def test_snapshot_and_changes_are_a_fresh_snapshot(
    event: str, house: House, http: httpx.AsyncClient
) -> None:
    seed = secrets.randbits(32)
    sys.stdout.write(f"seed {seed}\n")
    dice = random.Random(seed)
    fans = [await Fan(http, event).come_in() for _ in range(6)]

    async def crowd() -> None:
        await asyncio.gather(*(shop(fan, random.Random(dice.random()), 60) for fan in fans))
        await house.feed_scripts.notice(event, "all have shopped")

    path = f"/api/v1/events/{event}/feed"
    async with listening(http, path) as early:
        first = SeatMap(early)
        await first.step()
        shopping = asyncio.create_task(crowd())
        await first.until(lambda seats: "h" in seats.states)
        async with listening(http, path) as later:  # comes in the middle of it all
            second = SeatMap(later)
            told = (seats.until(lambda seats: bool(seats.notices)) for seats in (first, second))
            await asyncio.gather(shopping, *told)
            await caught_up(http, event, first, second)
    assert first.snapshots == second.snapshots == 1
    assert len(set(first.states) & set("hcs")) > 1


async def test_a_lost_stream_goes_on_where_it_was(event: str, http: httpx.AsyncClient) -> None:
    fan = await Fan(http, event).come_in()
    path = f"{fan.path}/feed"
    async with listening(http, path) as stream:
        seats = SeatMap(stream)
        await seats.step()
        hold = await fan.held("A-1", "A-2")
        await seats.until(lambda seats: "h" in seats.states)
    await fan.held("B-1")  # nobody listens
    await fan.ask("DELETE", f"/holds/{hold['hold_id']}")
    async with listening(http, path, last_id=seats.stream.last_id) as stream:
        seats.stream, stream.last_id = stream, seats.stream.last_id
        assert (await seats.step()).event == "change"
        await caught_up(http, event, seats)
        assert seats.snapshots == 1
        assert seats.states.count("h") == 1
    # Nothing has happened since: nothing is told but what comes.
    async with listening(http, path, last_id=seats.stream.last_id) as stream:
        seats.stream, stream.last_id = stream, seats.stream.last_id
        await fan.held("C-1")
        assert (await seats.step()).event == "change"
        await caught_up(http, event, seats)


async def test_a_quiet_event_is_watched_all_the_same(
    event: str, house: House, http: httpx.AsyncClient
) -> None:
    """Nothing has happened since before the process looked: the next thing is heard."""
    fan = await Fan(http, event).come_in()
    await house.runner.command("XTRIM", *Keys(event).named(("feed",)), "MAXLEN", "=", 0)
    async with listening(http, f"{fan.path}/queue/stream", token=fan.place) as place:
        await place.of("place")
        await asyncio.sleep(0.5)  # the hub reads the event's streams by now
        async with listening(http, f"{fan.path}/feed") as stream:
            seats = SeatMap(stream)
            await seats.step()
            await fan.held("A-1")
            await seats.until(lambda seats: "h" in seats.states)


async def test_who_was_away_too_long_begins_anew(
    event: str, house: House, http: httpx.AsyncClient
) -> None:
    fan = await Fan(http, event).come_in()
    old, _ = await fresh(http, event)
    for seat in range(1, 5):
        await fan.held(f"A-{seat}")
    await house.runner.command("XTRIM", *Keys(event).named(("feed",)), "MAXLEN", "=", 2)
    async with listening(http, f"{fan.path}/feed", last_id=old) as stream:
        seats = SeatMap(stream)
        assert (await seats.step()).event == "snapshot"
        await caught_up(http, event, seats)


@pytest.mark.parametrize(
    "last_id",
    [
        "x",
        "-",
        "0-0",
        "1-1",
        "-1-1",
        "1",
        "99999999999999-0",
        "18446744073709551615-18446744073709551615",
        "18446744073709551616-0",
        "9" * 40 + "-0",
        "1-" + "9" * 40,
        "\u00b2-0",
        "*",
    ],
    ids=ascii,
)
async def test_an_id_nobody_gave_begins_anew(
    event: str, http: httpx.AsyncClient, last_id: str
) -> None:
    """And harms nobody else: the first to listen must not decide where the process reads from."""
    fan = await Fan(http, event).come_in()
    path = f"{fan.path}/feed"
    headers = [(b"last-event-id", last_id.encode("latin-1"))]
    async with http.stream("GET", path, headers=headers) as response:
        assert response.status_code == 200
        async with listening(http, path) as stream:
            seats = SeatMap(stream)
            await seats.step()
            await fan.held("A-1")
            await caught_up(http, event, seats)
        text = b""
        async for chunk in response.aiter_raw():
            text += chunk
            if b"event: change" in text:
                break
        assert b"event: snapshot" in text.partition(b"event: change")[0]


async def test_all_who_look_hear_a_notice(
    event: str, organiser: dict[str, str], http: httpx.AsyncClient
) -> None:
    fan = await Fan(http, event).come_in()
    path = f"/api/v1/events/{event}"
    async with (
        listening(http, f"{path}/feed") as seats,
        listening(http, f"{path}/queue/stream", token=fan.place) as place,
    ):
        page = SeatMap(seats)
        await page.step()
        text = 'Doors at "eight"\n\u2013 \U0001f3b8'
        await http.post(f"{path}/notice", headers=organiser, json={"text": text})
        assert (await seats.of("notice")).data == {"text": text}
        assert (await place.of("notice")).data == {"text": text}
    # A notice is news like any other: who lost the stream hears it on coming back.
    await http.post(f"{path}/notice", headers=organiser, json={"text": "Sold from ten"})
    await fan.held("A-1")
    async with listening(http, f"{path}/feed", last_id=seats.last_id) as again:
        page.stream, again.last_id = again, seats.last_id
        await caught_up(http, event, page)
        assert page.notices == ["Sold from ten"]


async def test_only_an_event_has_a_feed(http: httpx.AsyncClient, event: str) -> None:
    refused(await http.get("/api/v1/events/evt_0/feed"), 404, "not_found")
    answer = await http.post(f"/api/v1/events/{event}/feed", headers=bearer("x"))
    refused(answer, 405, "method_not_allowed")
    assert "GET" in answer.headers["allow"]
