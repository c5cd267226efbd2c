"""The catalogue: events, plans, seats, and what caches may keep of them."""

import asyncio
from datetime import timedelta

import httpx
import pytest

from tests.contract.fan import TIME, Fan, refused
from tests.sale import put_on_sale
from usher.clock import utc_now
from usher.event.model import NewEvent
from usher.ids import new_id
from usher.sale.model import SaleSettings
from usher.venue.generate import rows_by_columns
from usher.venue.price import default_prices
from usher.wiring import House

pytestmark = pytest.mark.anyio


async def three_events(house: House, city: str) -> list[str]:
    """Published events in a city of their own, a day apart, in the order of their start."""
    plan = rows_by_columns(2, 5)
    events = []
    for day in range(1, 4):
        starts_at = utc_now().replace(hour=12) + timedelta(days=day)
        new = NewEvent(
            title=f"Evening {day} of {city}",
            starts_at=starts_at,
            city=city,
            prices=default_prices(plan),
        )
        events.append(await house.events.create(new, plan, SaleSettings()))
        await house.events.publish(events[-1])
    return events


async def test_events_are_listed_page_by_page(house: House, http: httpx.AsyncClient) -> None:
    city = new_id("venue")
    events = await three_events(house, city)
    seen, cursor = [], ""
    for _ in range(4):
        query = {"city": city, "limit": "2"} | ({"cursor": cursor} if cursor else {})
        page = (await http.get("/api/v1/events", params=query)).json()
        seen.append([event["id"] for event in page["events"]])
        cursor = page["cursor"]
        if cursor is None:
            break
    assert seen == [events[:2], events[2:]]


async def test_events_are_found_by_their_facts(house: House, http: httpx.AsyncClient) -> None:
    city = new_id("venue")
    events = await three_events(house, city)

    async def found(**query: str) -> list[str]:
        answer = await http.get("/api/v1/events", params=query)
        assert answer.status_code == 200, answer.text
        return [event["id"] for event in answer.json()["events"]]

    second_day = (utc_now() + timedelta(days=2)).date().isoformat()
    assert await found(city=city.upper()) == events
    assert await found(city=city, date=second_day) == events[1:2]
    assert await found(q=f"evening 3 OF {city}") == events[2:]
    assert await found(production=f"Evening 1 of {city}") == events[:1]
    assert await found(city=city, q="%") == []  # a wildcard of SQL is a sign like any other
    assert await found(city=city, production="nothing") == []


async def test_an_event_tells_all_that_a_page_needs(
    simple_event: str, http: httpx.AsyncClient
) -> None:
    answer = await http.get(f"/api/v1/events/{simple_event}")
    assert answer.status_code == 200
    event = answer.json()
    assert event["id"] == simple_event
    assert TIME.fullmatch(event["starts_at"])
    assert event["seats"] == 1000
    assert {"mode", "state", "lobby_at", "opens_at", "closes_at"} <= event["sale"].keys()
    assert (event["sale"]["mode"], event["sale"]["state"]) == ("simple", "open")
    categories = {each["name"]: each for each in event["categories"]}
    assert categories.keys() == {"VVIP", "VIP", "Normal"}
    assert categories["VIP"]["price"] == {"amount": 8000, "currency": "EUR"}
    assert categories["VIP"]["seats"] == 300


async def test_a_plan_is_kept_for_ever(simple_event: str, http: httpx.AsyncClient) -> None:
    path = f"/api/v1/events/{simple_event}/plan"
    answer = await http.get(path)
    assert answer.status_code == 200
    assert "immutable" in answer.headers["cache-control"]
    etag = answer.headers["etag"]
    assert etag.startswith('"')
    text = answer.text
    assert all(f'"{word}' in text for word in ("zones", "rows", "seats"))
    # What a cache may send: the tag, weakened by a proxy that compressed, one of a list, any.
    for tags in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        again = await http.get(path, headers={"if-none-match": tags})
        assert (again.status_code, again.content) == (304, b""), tags
        assert again.headers["etag"] == etag
        assert again.headers["cache-control"] == answer.headers["cache-control"]
    other = await http.get(path, headers={"if-none-match": '"other"'})
    assert (other.status_code, other.text) == (200, text)


async def test_a_plan_travels_compressed(simple_event: str, http: httpx.AsyncClient) -> None:
    path = f"/api/v1/events/{simple_event}/plan"
    plain = await http.get(path, headers={"accept-encoding": "identity"})
    zipped = await http.get(path, headers={"accept-encoding": "gzip, br"})
    assert "content-encoding" not in plain.headers
    assert zipped.headers["content-encoding"] == "gzip"
    assert plain.content == zipped.content  # the client has unpacked it
    assert int(zipped.headers["content-length"]) < len(plain.content) / 3
    assert plain.headers["vary"] == zipped.headers["vary"] == "accept-encoding"
    # Other bytes, other tag; whoever has either has the plan.
    assert plain.headers["etag"] != zipped.headers["etag"]
    for tag in (plain.headers["etag"], zipped.headers["etag"]):
        assert (await http.get(path, headers={"if-none-match": tag})).status_code == 304


async def test_seats_are_one_character_each(
    fan: Fan, row: list[str], http: httpx.AsyncClient
) -> None:
    path = f"{fan.path}/seats"
    before = await http.get(path)
    assert before.status_code == 200
    assert before.headers["cache-control"] == "public, max-age=1"
    assert before.json().keys() == {"feed_id", "states"}
    hold = await fan.held(row[0], row[1])
    first, second = (seat["index"] for seat in hold["seats"])
    after = (await http.get(path)).json()["states"]
    assert len(after) == 1000
    assert after[first] == after[second] == "h"
    assert before.json()["states"][first] == "."


async def test_seats_that_have_not_changed_are_not_sent_again(
    house: House, http: httpx.AsyncClient
) -> None:
    event = await put_on_sale(house, rows_by_columns(1, 4), mode="simple")
    path = f"/api/v1/events/{event}/seats"
    first = await http.get(path)
    etag = first.headers["etag"]
    assert etag == f'"{first.json()["feed_id"]}"'
    assert (await http.get(path)).content == first.content
    for tags in (etag, f"W/{etag}", f'"1-1", {etag}', "*"):
        again = await http.get(path, headers={"if-none-match": tags})
        assert (again.status_code, again.content) == (304, b""), tags
        assert again.headers["etag"] == etag
        assert again.headers["cache-control"] == first.headers["cache-control"]
    await (await Fan(http, event).come_in()).held("A-2")
    second = await http.get(path, headers={"if-none-match": etag})
    assert (second.status_code, second.json()["states"]) == (200, ".h..")
    assert second.headers["etag"] != etag


async def test_whoever_asks_after_a_change_sees_it(house: House, http: httpx.AsyncClient) -> None:
    """Many ask at once and share what is looked up; none of them is shown what was before."""
    event = await put_on_sale(house, rows_by_columns(2, 20), mode="simple", seats_max=40)
    path = f"/api/v1/events/{event}/seats"
    fan = await Fan(http, event).come_in()

    async def look() -> None:
        for _ in range(20):
            await http.get(path)

    async def hold(row: str) -> None:
        for seat in range(1, 21):
            (held,) = (await fan.held(f"{row}-{seat}"))["seats"]
            assert (await http.get(path)).json()["states"][held["index"]] == "h"

    await asyncio.gather(hold("A"), hold("B"), *(look() for _ in range(20)))


async def test_the_line_is_told_to_all(simple_event: str, http: httpx.AsyncClient) -> None:
    answer = await http.get(f"/api/v1/events/{simple_event}/queue")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "public, max-age=1"
    names = {"state", "waiting", "admitted_per_minute", "shopping", "left", "curve"}
    assert names <= answer.json().keys()
    assert answer.json()["state"] == "open"
    assert answer.json()["curve"] == []


async def test_a_draft_is_for_its_makers(
    house: House, http: httpx.AsyncClient, organiser: dict[str, str]
) -> None:
    plan = rows_by_columns(1, 3)
    city = new_id("venue")
    new = NewEvent(title="Draft", starts_at=utc_now(), city=city, prices=default_prices(plan))
    event = await house.events.create(new, plan, SaleSettings())
    assert (await http.get("/api/v1/events", params={"city": city})).json()["events"] == []
    for part in ("", "/plan", "/seats", "/feed"):
        refused(await http.get(f"/api/v1/events/{event}{part}"), 404, "not_found")
    changed = await http.patch(
        f"/api/v1/events/{event}/sale", headers=organiser, json={"mode": "simple"}
    )
    assert changed.status_code == 200


@pytest.mark.parametrize(
    "event", [new_id("event"), new_id("place"), "nonsense"], ids=["unknown", "place", "word"]
)
async def test_an_event_that_is_none(
    http: httpx.AsyncClient, organiser: dict[str, str], event: str
) -> None:
    path = f"/api/v1/events/{event}"
    for part in ("", "/plan", "/seats", "/queue", "/feed"):
        refused(await http.get(path + part), 404, "not_found")
    refused(await http.post(f"{path}/queue"), 404, "not_found")
    for part in ("/audit", "/sale/changes"):
        refused(await http.get(path + part, headers=organiser), 404, "not_found")
    for part in ("/sale", "/gate"):
        refused(await http.patch(path + part, headers=organiser, json={}), 404, "not_found")
    text = {"text": "hello"}
    refused(await http.post(f"{path}/notice", headers=organiser, json=text), 404, "not_found")
