"""The door over HTTP: who may stand at it, what it answers, what a device takes along."""

import asyncio
import json
from datetime import timedelta
from typing import Any

import httpx
import pytest

from tests.contract.fan import Fan, bearer, private, refused
from tests.contract.test_own_events import someone
from tests.sale import put_on_sale
from usher import limits
from usher.account.model import Role
from usher.clock import utc_now
from usher.event.model import NewEvent
from usher.ids import new_id
from usher.sale.model import SaleSettings
from usher.ticket.code import Code
from usher.venue.generate import rows_by_columns
from usher.venue.price import default_prices
from usher.wiring import House

pytestmark = pytest.mark.anyio


def nonce() -> str:
    return new_id("hold")


class Door:
    """Staff at the doors of an event, by the HTTP contract alone."""

    def __init__(self, http: httpx.AsyncClient, event: str, token: str) -> None:
        self.http = http
        self.path = f"/api/v1/events/{event}/checkins"
        self.headers = bearer(token)

    async def show(self, code: str, **more: Any) -> httpx.Response:
        body = {"code": code, "nonce": nonce(), "entrance": "North", **more}
        return await self.http.post(self.path, json=body, headers=self.headers)

    async def get(self, part: str = "", **headers: str) -> httpx.Response:
        return await self.http.get(self.path + part, headers=self.headers | headers)


@pytest.fixture
async def codes(house: House, http: httpx.AsyncClient) -> tuple[str, list[str], list[str]]:
    """An event, the codes of three tickets that are paid for, and their ids."""
    event = await put_on_sale(house, rows_by_columns(2, 5), mode="simple")
    fan = await Fan(http, event).come_in()
    booking = await fan.booked("A-1", "A-2", "A-3")
    await fan.pay(booking)
    view = await fan.booking_until(booking, "confirmed")
    ids = [ticket["ticket_id"] for ticket in view["tickets"]]
    made = [
        Code(
            event_id=event,
            booking_id=booking,
            seat=int(each.rpartition("_")[2]),
            serial=0,
            label="A/1",
            kid="",
        )
        for each in ids
    ]
    return event, [await house.ticket_keys.write(each) for each in made], ids


async def test_who_may_stand_at_a_door(
    house: House, http: httpx.AsyncClient, tokens: dict[Role, str]
) -> None:
    owner, own = await someone(house, http, Role.ORGANISER)
    plan = rows_by_columns(1, 2)
    starts_at = utc_now() + timedelta(days=3)
    prices = default_prices(plan)
    new = NewEvent(title="Evening", starts_at=starts_at, prices=prices, organiser_id=owner)
    event = await house.events.create(new, plan, SaleSettings())
    path = f"/api/v1/events/{event}/checkins"
    scan = {"code": "none", "nonce": nonce(), "at": "2026-01-01T20:00:00Z"}
    asked: list[tuple[str, str, Any]] = [
        ("POST", path, {"code": "none", "nonce": nonce()}),
        ("POST", f"{path}/batch", {"scans": [scan]}),
        ("GET", path, None),
        ("GET", f"{path}/scans", None),
        ("GET", f"{path}/tickets", None),
        ("GET", f"/events/{event}/door", None),
    ]
    heads = {role.value: bearer(tokens[role]) for role in Role} | {"own": own, "nobody": {}}
    for method, where, body in asked:
        told = {}
        for name, head in heads.items():
            answer = await http.request(
                method, where, json=body, headers={"cookie": "", "accept": "text/html", **head}
            )
            told[name] = answer.status_code
        good = 422 if body and "code" in body else 200
        assert told == {
            "fan": 403,
            "organiser": 403,  # of other events
            "own": good,
            "staff": good,
            "admin": good,
            "nobody": 303 if where.endswith("/door") else 401,
        }, (method, where)


async def test_a_good_ticket_and_the_same_once_more(
    http: httpx.AsyncClient, tokens: dict[Role, str], codes: tuple[str, list[str], list[str]]
) -> None:
    event, texts, ids = codes
    door = Door(http, event, tokens[Role.STAFF])
    key = nonce()
    first = private(await door.show(texts[0], nonce=key), 200)
    assert (first["outcome"], first["entered"]) == ("admitted", 1)
    ticket = first["ticket"]
    assert (ticket["ticket_id"], ticket["holder"]) == (ids[0], "Ann Lee")
    assert (ticket["row"], ticket["number"]) == ("A", "1")
    said = refused(await door.show(texts[0], entrance="South"), 409, "already_used")
    assert (said["used_at"][:16], said["used_where"]) == (first["used_at"][:16], "North")
    assert said["ticket"] == ticket
    assert private(await door.show(texts[0], nonce=key), 200)["scan_id"] == first["scan_id"]
    refused(await door.show(texts[1], nonce=key), 422, "idempotency_mismatch")
    refused(await door.show(texts[1][:-7]), 422, "no_ticket")
    refused(await door.show(ids[1]), 422, "unsigned")
    assert private(await door.show(ids[1], typed=True), 200)["entered"] == 2

    counts = private(await door.get(), 200)
    for _ in range(60):  # it may be a second old
        if counts["entered"] == 2 and counts["refused"] == 3:
            break
        await asyncio.sleep(0.05)
        counts = private(await door.get(), 200)
    assert (counts["sold"], counts["entered"], counts["refused"]) == (3, 2, 3)
    assert counts["entrances"] == [{"name": "North", "entered": 2}]
    seen, cursor = [], ""
    for _ in range(10):
        page = private(await door.get(f"/scans?limit=2&cursor={cursor}"), 200)
        seen += page["scans"]
        cursor = page["cursor"]
        if cursor is None:
            break
    assert [each["outcome"] for each in seen] == [
        "admitted",
        "unsigned",
        "no_ticket",
        "already_used",
        "admitted",
    ]
    assert (seen[0]["typed"], seen[0]["staff"], seen[2]["ticket"]) == (True, "Olga", None)
    refused(await door.get("/scans?cursor=AAAA"), 422, "bad_input")


async def test_what_a_device_takes_along_and_hands_in(
    http: httpx.AsyncClient, tokens: dict[Role, str], codes: tuple[str, list[str], list[str]]
) -> None:
    event, texts, ids = codes
    door = Door(http, event, tokens[Role.STAFF])
    listed = await door.get("/tickets")
    assert listed.status_code == 200
    assert listed.headers["cache-control"] == "private, no-cache"
    assert [row[1] for row in listed.json()["tickets"]] == [int(i.split("_")[2]) for i in ids]
    plain = await door.get("/tickets", **{"accept-encoding": "identity"})
    assert plain.json() == listed.json()
    again = await door.get("/tickets", **{"if-none-match": listed.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")

    scans = [
        {"code": code, "nonce": nonce(), "at": f"2026-01-01T20:0{at}:00Z", "entrance": entrance}
        for at, (code, entrance) in enumerate(
            [(texts[2], "East"), (texts[2], "West"), (texts[1], "East")]
        )
    ]
    for _ in range(2):
        answer = await http.post(f"{door.path}/batch", json={"scans": scans}, headers=door.headers)
        report = private(answer, 200)
        assert [each["outcome"] for each in report["scans"]] == ["admitted", "double", "admitted"]
        assert [each["nonce"] for each in report["scans"]] == [each["nonce"] for each in scans]
        assert report["scans"][1]["used_where"] == "East"
        assert report["entered"] == 2
    contested = private(await door.get("/scans?contested=true"), 200)["scans"]
    assert [(each["outcome"], each["entrance"]) for each in contested] == [("double", "West")]
    said = refused(await door.show(texts[2]), 409, "already_used")
    assert (said["used_at"], said["used_where"]) == ("2026-01-01T20:00:00Z", "East")


async def test_as_many_scans_as_a_device_may_hand_in(
    http: httpx.AsyncClient, tokens: dict[Role, str], codes: tuple[str, list[str], list[str]]
) -> None:
    event, _, _ = codes
    door = Door(http, event, tokens[Role.STAFF])

    async def hand_in(count: int) -> httpx.Response:
        scans = [
            {"code": "x" * limits.code_chars_max, "nonce": nonce(), "at": "2026-01-01T20:00:00Z"}
            for _ in range(count)
        ]
        return await http.post(
            f"{door.path}/batch", content=json.dumps({"scans": scans}), headers=door.headers
        )

    assert len(private(await hand_in(limits.scan_batch_max), 200)["scans"]) == 500
    refused(await hand_in(limits.scan_batch_max + 1), 422, "bad_input")
    refused(await hand_in(0), 422, "bad_input")
    refused(await hand_in(4 * limits.scan_batch_max), 413, "too_large")


async def test_the_worker_that_brings_the_page_back(http: httpx.AsyncClient) -> None:
    event = new_id("event")
    answer = await http.get(f"/events/{event}/door/worker.js")
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["service-worker-allowed"] == f"/events/{event}/door"
    assert "respondWith" in answer.text
    refused(await http.get("/events/none/door/worker.js"), 422, "bad_input")
