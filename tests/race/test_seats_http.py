"""A crowd wants the same seats at one moment, over HTTP, from a real API process.

The control: a second API process whose scripts lack the look at the seat. It holds twice, which
this very harness must see, and PostgreSQL refuses the second ticket all the same.
"""

import asyncio
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from tests.conftest import Site
from tests.race.process import api, elsewhere
from tests.race.volley import Answer, Shot, volley
from tests.sale import admitted, put_on_sale
from usher.plumbing.shipped import shipped
from usher.venue.generate import rows_by_columns
from usher.wiring import House

pytestmark = pytest.mark.anyio

SEATS: Final = 50
FANS_EACH: Final = 4


async def tokens(http: httpx.AsyncClient, event: str, fans: int) -> list[str]:
    """The admission tokens of as many new fans."""
    bearers = await asyncio.gather(*(admitted(http, event) for _ in range(fans)))
    return [bearer["authorization"].removeprefix("Bearer ") for bearer in bearers]


async def grab(url: str, event: str, wishes: list[tuple[str, list[str]]]) -> list[Answer]:
    """Every fan (a token) asks for seats at the same moment."""
    path = f"/api/v1/events/{event}/holds"
    return await volley(url, [Shot("POST", path, token, {"seats": w}) for token, w in wishes])


def judge(wishes: list[tuple[str, list[str]]], answers: list[Answer]) -> dict[str, int]:
    """Who holds each seat, by the number of the wish. Every answer is a hold of all that was
    wished, or a 409 that names seats which others hold; no seat is held twice."""
    owners: dict[str, int] = {}
    for number, ((_, wish), answer) in enumerate(zip(wishes, answers, strict=True)):
        assert answer.status in (201, 409), answer
        if answer.status == 201:
            assert sorted(seat["guid"] for seat in answer.body["seats"]) == sorted(wish)
            for seat in wish:
                assert seat not in owners, f"{seat} is held twice"
                owners[seat] = number
    for (_, wish), answer in zip(wishes, answers, strict=True):
        if answer.status == 409:
            assert answer.body["code"] == "seat_taken"
            assert answer.body["taken"]
            assert set(answer.body["taken"]) <= set(wish) & set(owners)
    return owners


async def test_one_fan_gets_each_seat(house: House, http: httpx.AsyncClient, site: Site) -> None:
    event = await put_on_sale(house, rows_by_columns(5, 10), mode="simple")
    guids = (await house.events.showing(event)).layout.guid
    fans = await tokens(http, event, SEATS * FANS_EACH)
    wishes = [(fan, [guids[n % SEATS]]) for n, fan in enumerate(fans)]
    answers = await grab(site.url, event, wishes)
    assert Counter(answer.status for answer in answers) == {201: SEATS, 409: 150}
    assert set(judge(wishes, answers)) == set(guids)
    assert (await house.auditor.audit(event)).holds


async def test_all_of_a_group_or_none(house: House, http: httpx.AsyncClient, site: Site) -> None:
    """Groups of two to five overlap, asked for in different orders."""
    event = await put_on_sale(house, rows_by_columns(5, 10), mode="simple")
    guids = (await house.events.showing(event)).layout.guid
    fans = await tokens(http, event, 120)
    wishes = []
    for n, fan in enumerate(fans):
        group = [guids[(7 * n + i) % SEATS] for i in range(2 + n % 4)]
        wishes.append((fan, group[::-1] if n % 2 else group))
    answers = await grab(site.url, event, wishes)
    owners = judge(wishes, answers)
    states: Any = await house.feed_scripts.snapshot(event)
    assert {guids[i] for i, state in enumerate(states.states) if state == "h"} == set(owners)
    assert (await house.auditor.audit(event)).holds


@pytest.fixture(scope="module")
def careless(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An API process that neither looks whether a seat is free nor whether it is still held."""
    folder = tmp_path_factory.mktemp("scripts") / "lua"
    shutil.copytree(shipped("lua"), folder)
    _take_out(folder / "seat" / "hold.lua", r"if #taken > 0[^\n]*\n")
    _take_out(folder / "seat" / "claim.lua", r"for [^\n]*\n[^\n]*GETRANGE[^\n]*\nend\n")
    with api(elsewhere(site.settings), lua=str(folder)) as door:
        yield door.url


def _take_out(script: Path, what: str) -> None:
    before = script.read_text()
    after, times = re.subn(what, "", before)
    assert times == 1, f"{script.name} is not what this test thinks it is"
    script.write_text(after)


async def test_control_without_the_look_at_the_seat_it_is_held_twice(
    house: House, http: httpx.AsyncClient, careless: str
) -> None:
    event = await put_on_sale(house, rows_by_columns(1, 10), mode="simple")
    guids = (await house.events.showing(event)).layout.guid
    wishes = [(fan, [guids[n % 5]]) for n, fan in enumerate(await tokens(http, event, 10))]
    answers = await grab(careless, event, wishes)
    with pytest.raises(AssertionError, match="is held twice"):
        judge(wishes, answers)


async def test_a_seat_held_twice_is_sold_once(
    house: House, http: httpx.AsyncClient, site: Site, careless: str
) -> None:
    """Where both book by the intact scripts, the second one's hold is gone; where both book by the
    careless ones, PostgreSQL refuses the second ticket, and tells Redis."""
    event = await put_on_sale(house, rows_by_columns(1, 10), mode="simple")
    guids = (await house.events.showing(event)).layout.guid
    fans = await tokens(http, event, 4)
    wishes = [(fans[0], [guids[0]]), (fans[1], [guids[0]])]
    wishes += [(fans[2], [guids[4], guids[5]]), (fans[3], [guids[5], guids[6]])]
    holds = [answer.body["hold_id"] for answer in await grab(careless, event, wishes)]

    def bookings(*numbers: int) -> list[Shot]:
        body = {"name": "Ann", "email": "ann@example.org"}
        return [
            Shot("POST", "/api/v1/bookings", fans[n], {"hold_id": holds[n], **body})
            for n in numbers
        ]

    intact = await volley(site.url, bookings(0, 1))
    assert sorted(answer.status for answer in intact) == [202, 410]
    double = await volley(careless, bookings(2, 3))
    assert [answer.status for answer in double] == [202, 202]
    told = [await _committed(http, a, fan) for a, fan in zip(double, fans[2:], strict=True)]
    assert sorted(booking["state"] for booking in told) == ["awaiting_payment", "conflict"]
    loser = next(n for n, booking in enumerate(told) if booking["state"] == "conflict")
    paths = [f"/api/v1/bookings/{booking['booking_id']}/payment" for booking in told]
    bearers = [{"authorization": f"Bearer {fan}"} for fan in fans[2:]]
    refused = await http.post(paths[loser], headers=bearers[loser])
    assert (refused.status_code, refused.json()["code"]) == (409, "booking_state")
    started = await http.post(paths[1 - loser], headers=bearers[1 - loser])
    payment = started.json()["payment_id"]
    await http.post(f"/api/v1/payments/sandbox/{payment}", json={"outcome": "approve"})
    won = await _committed(http, double[1 - loser], fans[2:][1 - loser], until="confirmed")
    assert [t["guid"] for t in won["tickets"]] == wishes[2:][1 - loser][1]
    async with house.database.connection() as connection:
        query = "SELECT count(*) FROM payment WHERE booking_id = $1"
        assert await connection.fetchval(query, told[loser]["booking_id"]) == 0
    verdict = await house.auditor.audit(event)
    failed = {check.name for check in verdict.checks if not check.holds}
    # The careless hold has counted a seat as taken from the free ones twice; nobody counts again.
    assert failed <= {"counters_wrong"}
    assert verdict.figure("double_sold") == 0
    assert verdict.facts["bookings_conflict"] == 1
    states: Any = await house.feed_scripts.snapshot(event)
    assert states.states == ("c...ss...." if loser else "c....ss...")


async def _committed(
    http: httpx.AsyncClient, booked: Answer, fan: str, until: str = ""
) -> dict[str, Any]:
    for _ in range(200):
        bearer = {"authorization": f"Bearer {fan}"}
        booking: dict[str, Any] = (
            await http.get(booked.headers["location"], headers=bearer)
        ).json()
        if booking["state"] != "pending" and until in ("", booking["state"]):
            return booking
        await asyncio.sleep(0.05)
    raise AssertionError(f"never came: {booking}")
