"""The organiser's side: settings, gate, modes live, pause, close, notice, audit, who may do it."""

import asyncio

import httpx
import pytest

from tests.contract.fan import Fan, bearer, private, refused
from tests.contract.organiser import Organiser, public
from tests.sale import put_on_sale
from usher.account.model import Role
from usher.venue.generate import rows_by_columns
from usher.wiring import House

pytestmark = pytest.mark.anyio


@pytest.fixture
async def event(house: House) -> str:
    """A small event of this test's own, its line moving."""
    return await put_on_sale(house, rows_by_columns(1, 6))


@pytest.fixture
def boss(http: httpx.AsyncClient, event: str, organiser: dict[str, str]) -> Organiser:
    return Organiser(http, event, organiser)


async def test_settings_change_one_by_one(boss: Organiser, event: str) -> None:
    before = await boss.sale()
    assert before["event_id"] == event
    after = await boss.sale(shop_s=77, opens_at="2031-05-01T19:00:00+02:00", seats_max=3)
    assert after["opens_at"] == "2031-05-01T17:00:00Z"
    changed = {
        "shop_s": 77,
        "opens_at": after["opens_at"],
        "seats_max": 3,
        "version": before["version"] + 1,
    }
    assert after == before | changed
    assert await boss.sale(shop_s=77) == after  # again changes nothing
    assert (await boss.sale(opens_at=None))["opens_at"] is None
    log = private(await boss.ask("GET", "sale/changes"), 200)["changes"]
    assert [each["field"] for each in log[:1]] == ["opens_at"]
    assert {each["field"] for each in log} >= {"shop_s", "opens_at", "seats_max", "state"}
    assert log[0]["at"].endswith("Z")
    assert log[0].keys() == {"at", "actor", "field", "before", "after"}
    # What would let somebody foresee the draw stays inside.
    assert not {"draw_key", "number_high"} & after.keys()


async def test_a_limit_changed_live_counts_at_once(
    boss: Organiser, event: str, http: httpx.AsyncClient
) -> None:
    fan = await Fan(http, event).come_in()
    await boss.sale(seats_max=1)
    assert refused(await fan.hold("A-1", "A-2"), 422, "over_limit")["most"] == 1


async def test_the_gate_is_turned(boss: Organiser, event: str, http: httpx.AsyncClient) -> None:
    after = await boss.gate(rate_per_min=120, capacity=7, state="paused")
    assert (after["rate_per_min"], after["capacity"], after["gate_state"]) == (120, 7, "paused")
    fan = Fan(http, event)
    await fan.join()
    assert (await fan.where())["paused"] is True
    refused(await fan.claim(), 409, "conflict")
    await boss.gate(state="open")
    await fan.come_in()


@pytest.mark.parametrize("part", ["sale", "gate"])
async def test_only_organisers_change_a_sale(
    boss: Organiser, event: str, tokens: dict[Role, str], http: httpx.AsyncClient, part: str
) -> None:
    path = f"/api/v1/events/{event}/{part}"
    before = await boss.sale()
    change = {"state": "closed"} if part == "sale" else {"state": "paused"}
    refused(await http.patch(path, json=change), 401, "unauthenticated")
    fan = await Fan(http, event).come_in()
    for token in (fan.admission, fan.place, fan.identity, "a.b.c"):
        answer = await http.patch(path, json=change, headers=bearer(token))
        refused(answer, 401, "unauthenticated")
    for role in (Role.FAN, Role.STAFF):
        answer = await http.patch(path, json=change, headers=bearer(tokens[role]))
        refused(answer, 403, "forbidden")
    assert await boss.sale() == before
    for role in (Role.ORGANISER, Role.ADMIN):
        answer = await http.patch(path, json=change, headers=bearer(tokens[role]))
        private(answer, 200)
    assert await boss.sale() != before


async def test_states_follow_each_other(boss: Organiser) -> None:
    refused(await boss.ask("PATCH", "sale", json={"state": "draft"}), 409, "conflict")
    problem = refused(await boss.ask("PATCH", "sale", json={"state": "sold_out"}), 409, "conflict")
    assert problem["state"] == "open"
    for state in ("paused", "open", "closed", "open"):
        assert (await boss.sale(state=state))["state"] == state


async def test_pausing_keeps_every_place(
    boss: Organiser, event: str, http: httpx.AsyncClient
) -> None:
    await boss.sale(state="paused")
    fans = [Fan(http, event) for _ in range(3)]
    for fan in fans:
        await fan.join()
    assert [(await fan.where())["ahead"] for fan in fans] == [0, 1, 2]
    assert (await fans[0].where())["paused"] is True
    await public(http, event, state="paused", waiting=3, paused=True)
    await boss.sale(state="open")
    for fan in fans:
        await fan.come_in()


async def test_closing_tells_all_who_wait(
    boss: Organiser, event: str, http: httpx.AsyncClient
) -> None:
    await boss.gate(state="paused")
    fan = Fan(http, event)
    await fan.join()
    await boss.sale(state="closed")
    told = await fan.where()
    assert (told["state"], told["reason"]) == ("closed", "closed")
    assert refused(await fan.claim(), 409, "not_open")["state"] == "closed"
    answer = await http.post(f"/api/v1/events/{event}/queue")
    assert refused(answer, 409, "not_open")["state"] == "closed"
    await public(http, event, state="closed", waiting=1)


async def test_sold_out_tells_the_line(house: House, http: httpx.AsyncClient) -> None:
    plan = rows_by_columns(1, 2)
    event = await put_on_sale(house, plan, capacity=1, seats_max=2)
    buyer = await Fan(http, event).come_in()
    waiting = Fan(http, event)
    await waiting.join()
    booking = await buyer.booked("A-1", "A-2")
    # All are spoken for, but unpaid: there is hope, and the line is told no end.
    assert (await waiting.where())["state"] == "waiting"
    await buyer.pay(booking)
    await buyer.booking_until(booking, "confirmed")
    told = await waiting.until("closed")
    assert told["reason"] == "sold_out"
    assert refused(await waiting.claim(), 409, "not_open")["state"] == "sold_out"
    answer = await http.post(f"/api/v1/events/{event}/queue")
    assert refused(answer, 409, "not_open")["state"] == "sold_out"
    for _ in range(100):
        if (await http.get(f"/api/v1/events/{event}")).json()["sale"]["state"] == "sold_out":
            break
        await asyncio.sleep(0.05)
    await public(http, event, state="sold_out", left=0)


async def test_to_simple_everyone_who_waits_is_let_in(
    boss: Organiser, event: str, http: httpx.AsyncClient
) -> None:
    await boss.gate(capacity=1)
    inside = await Fan(http, event).come_in()
    fans = [Fan(http, event) for _ in range(4)]
    for fan in fans:
        await fan.join()
    assert {(await fan.where())["state"] for fan in fans} == {"waiting"}
    assert (await boss.sale(mode="simple"))["mode"] == "simple"
    for fan in fans:
        await fan.come_in()
    private(await http.post(f"/api/v1/events/{event}/queue"), 200)
    await inside.held("A-1")  # who shopped before goes on


async def test_to_queued_newcomers_stand_in_line(
    boss: Organiser, event: str, http: httpx.AsyncClient
) -> None:
    await boss.sale(mode="simple")
    inside = await Fan(http, event).come_in()
    await boss.gate(capacity=1)
    await boss.sale(mode="queued")
    late = Fan(http, event)
    private(await http.post(f"/api/v1/events/{event}/queue"), 202)
    assert (await late.join())["place"]["state"] == "waiting"
    refused(await late.claim(), 409, "conflict")
    await inside.held("A-1")


async def test_a_notice_is_for_everybody(
    boss: Organiser, event: str, http: httpx.AsyncClient
) -> None:
    await boss.gate(state="paused")
    fan = Fan(http, event)
    await fan.join()
    text = 'Doors at "eight" \u2013 \U0001f3b8'
    first = private(await boss.ask("POST", "notice", json={"text": text}), 200)
    again = private(await boss.ask("POST", "notice", json={"text": text}), 200)
    assert again == first  # said once
    await public(http, event, notice=text)
    assert (await fan.where())["notice"] == text
    for wrong in ("x" * 501, 5, None, "a\x00b", "\x1b[31m", "a\r\nb"):
        refused(await boss.ask("POST", "notice", json={"text": wrong}), 422, "bad_input")
    gone = private(await boss.ask("POST", "notice", json={"text": ""}), 200)
    assert gone != first
    await public(http, event, notice=None)
    answer = await http.post(f"/api/v1/events/{event}/notice", json={"text": "hi"})
    refused(answer, 401, "unauthenticated")


async def test_the_audit_names_each_invariant(
    boss: Organiser, event: str, tokens: dict[Role, str], http: httpx.AsyncClient
) -> None:
    fan = await Fan(http, event).come_in()
    booking = await fan.booked("A-1")
    await fan.pay(booking)
    await fan.booking_until(booking, "confirmed")
    verdict = private(await boss.ask("GET", "audit"), 200)
    assert verdict["event_id"] == event
    assert verdict["holds"] is True, [c for c in verdict["checks"] if not c["holds"]]
    names = {check["name"] for check in verdict["checks"]}
    assert names >= {"double_sold", "over_rate", "over_capacity", "captured_without_ticket"}
    for check in verdict["checks"]:
        assert {"name", "promise", "figure", "holds"} <= check.keys()
    assert verdict["facts"]["sold"] == 1
    path = f"/api/v1/events/{event}/audit"
    private(await http.get(path, headers=bearer(tokens[Role.STAFF])), 200)
    refused(await http.get(path, headers=bearer(tokens[Role.FAN])), 403, "forbidden")
    refused(await http.get(path), 401, "unauthenticated")
