"""Events made, changed, published and blocked over HTTP."""

from typing import Any

import httpx
import pytest

from tests.contract.fan import private
from tests.sale import put_on_sale
from usher.wiring import House

pytestmark = pytest.mark.anyio

WISH: dict[str, Any] = {
    "title": "By program",
    "starts_at": "2035-05-05T18:00:00Z",
    "venue": "Arena",
    "timezone": "Europe/Vienna",
    "plan": {"rows": 2, "columns": 3},
}


async def ask(
    http: httpx.AsyncClient, headers: dict[str, str], method: str, path: str, **body: Any
) -> httpx.Response:
    return await http.request(method, f"/api/v1/events{path}", json=body, headers=headers)


async def test_an_event_is_made_once_under_a_key(
    http: httpx.AsyncClient, organiser: dict[str, str]
) -> None:
    keyed = organiser | {"idempotency-key": "made-by-a-program"}
    first = private(await ask(http, keyed, "POST", "", **WISH), 201)
    assert first["state"] == "draft"
    assert first["seats"] == 6
    assert [each["price"] > 0 for each in first["categories"]] == [True, True]
    assert private(await ask(http, keyed, "POST", "", **WISH), 201)["id"] == first["id"]
    other = await ask(http, keyed, "POST", "", **WISH | {"title": "Another"})
    assert other.json()["code"] == "idempotency_mismatch"


async def test_a_draft_is_changed_published_and_then_seen(
    http: httpx.AsyncClient, organiser: dict[str, str], house: House
) -> None:
    svg = '<svg><g data-row="A"><circle data-seat="1" cx="9"/></g></svg>'
    made = private(await ask(http, organiser, "POST", "", **WISH | {"plan": {"svg": svg}}), 201)
    path = f"/{made['id']}"
    assert (await http.get(f"/api/v1/events{path}")).status_code == 404
    changed = private(
        await ask(http, organiser, "PATCH", path, prices={"Normal": 100}, city="Graz"), 200
    )
    assert (changed["city"], changed["categories"][0]["price"]) == ("Graz", 100)
    assert private(await ask(http, organiser, "POST", f"{path}/publication"), 200)
    assert (await http.get(f"/api/v1/events{path}")).json()["city"] == "Graz"
    recorded = {each["field"]: each for each in await house.sales.changes(made["id"])}
    assert recorded["price Normal"]["after"] == "100"
    assert recorded["city"]["before"] == ""
    assert recorded["event"]["after"] == "published"


async def test_prices_stand_once_fans_can_buy(
    http: httpx.AsyncClient, organiser: dict[str, str], house: House
) -> None:
    event = await put_on_sale(house)
    refused = await ask(http, organiser, "PATCH", f"/{event}", prices={"VIP": 1})
    assert refused.status_code == 409
    assert private(await ask(http, organiser, "PATCH", f"/{event}", title="Renamed"), 200)
    draft = await http.get(f"/api/v1/events/{event}/draft", headers=organiser)
    vip = next(each for each in draft.json()["categories"] if each["name"] == "VIP")
    assert vip["price"] != 1


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"title": " "}, "title"),
        ({"prices": {"Nobody": 1}}, "prices"),
        ({"colors": {"Nobody": "#000000"}}, "colors"),
        ({"city": "\x00"}, "city"),
        ({"description": "\x07"}, "description"),
        ({"starts_at": "0001-01-01T00:00:00Z"}, "starts_at"),
        ({"price": 3}, "body"),
    ],
)
async def test_what_is_impossible_is_named(
    http: httpx.AsyncClient,
    organiser: dict[str, str],
    house: House,
    change: dict[str, Any],
    where: str,
) -> None:
    event = await put_on_sale(house, state="draft")
    refused = await ask(http, organiser, "PATCH", f"/{event}", **change)
    assert refused.status_code == 422
    assert where in [each["where"] for each in refused.json()["errors"]]


@pytest.mark.parametrize(
    "plan",
    [
        {},
        {"rows": 3},
        {"rows": 80_000, "columns": 80_000},
        {"bowl": 5, "rows": 1, "columns": 1},
        {"svg": "<svg/>"},
        {"pretix": {}},
    ],
)
async def test_a_plan_that_is_none_makes_no_event(
    http: httpx.AsyncClient, organiser: dict[str, str], plan: dict[str, Any]
) -> None:
    refused = await ask(http, organiser, "POST", "", **WISH | {"plan": plan})
    assert refused.status_code == 422


async def test_seats_are_blocked_all_or_none(
    http: httpx.AsyncClient, organiser: dict[str, str], house: House
) -> None:
    event = await put_on_sale(house, mode="simple")
    path = f"/{event}/seats"
    seats = (await http.get(f"/api/v1/events/{event}/plan")).json()["seats"]["guid"]
    one = private(await ask(http, organiser, "PATCH", path, block=seats[:2]), 200)
    assert one == {"blocked": 2}
    unknown = await ask(http, organiser, "PATCH", path, block=["nowhere", seats[3]])
    assert unknown.json()["errors"][0]["where"] == "block"
    both = await ask(http, organiser, "PATCH", path, block=[seats[4]], unblock=[seats[4]])
    assert both.status_code == 422
    two = private(
        await ask(http, organiser, "PATCH", path, block=[seats[2]], unblock=seats[:1]), 200
    )
    assert two == {"blocked": 2}
    states = await house.seat_states(event) or ""
    assert states[:5] == ".xx.."


async def test_only_organisers_may(http: httpx.AsyncClient, house: House) -> None:
    event = await put_on_sale(house)
    for method, path in (
        ("POST", ""),
        ("PATCH", f"/{event}"),
        ("POST", f"/{event}/publication"),
        ("PATCH", f"/{event}/seats"),
    ):
        assert (await ask(http, {}, method, path)).status_code == 401
