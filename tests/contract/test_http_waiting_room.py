"""The waiting room's pages as answers: forms that may be sent twice, too early, without a place,
or by somebody else; what is kept by whom."""

import asyncio
import re
from datetime import timedelta

import httpx
import pytest

from tests.contract.fan import Fan
from tests.contract.test_http_line import cookies_of, sent_back
from tests.sale import put_on_sale
from usher.clock import utc_now
from usher.sale.model import SaleChange
from usher.wiring import House

pytestmark = pytest.mark.anyio

PAGE = {"accept": "text/html"}
KEY = "a-key-that-a-page-has-made"


def lands(answer: httpx.Response, path: str) -> None:
    assert answer.status_code == 303, answer.text
    assert answer.headers["location"] == path
    assert answer.headers["cache-control"] == "no-store"


def shown(page: httpx.Response) -> str:
    """The state that a page shows."""
    found = re.search(r'data-state="(\w+)"', page.text)
    assert found, page.text
    return found[1]


def number(page: httpx.Response) -> str:
    found = re.search(r'data-fig="number">(\d+)<', page.text)
    return found[1] if found else ""


async def test_joining_sets_the_cookies_of_the_api(
    paused_event: str, http: httpx.AsyncClient
) -> None:
    answer = await http.post(f"/events/{paused_event}/join", headers=PAGE)
    lands(answer, f"/events/{paused_event}/queue")
    by_api = cookies_of(await http.post(f"/api/v1/events/{paused_event}/queue"))
    assert cookies_of(answer).keys() == by_api.keys()


async def test_a_form_sent_twice_takes_one_place(
    paused_event: str, http: httpx.AsyncClient
) -> None:
    """A double click, before the first answer has brought any cookie."""
    numbers = []
    for key in (KEY, KEY, KEY + "-2"):
        answer = await http.post(f"/events/{paused_event}/join", headers=PAGE, data={"key": key})
        page = await http.get(
            f"/events/{paused_event}/queue", headers=sent_back(cookies_of(answer))
        )
        numbers.append(number(page))
    assert numbers[0] == numbers[1] != numbers[2]


@pytest.mark.parametrize("key", ["", "short", "ü" * 20, "x" * 5_000])
async def test_a_key_nobody_made_is_no_key(
    paused_event: str, http: httpx.AsyncClient, key: str
) -> None:
    places = set()
    for _ in range(2):
        answer = await http.post(f"/events/{paused_event}/join", headers=PAGE, data={"key": key})
        lands(answer, f"/events/{paused_event}/queue")
        places.add(cookies_of(answer)[f"__Host-place-{paused_event}"].value)
    assert len(places) == 2


@pytest.mark.parametrize("form", ["join", "queue/claim", "queue/leave"])
async def test_forms_of_other_sites_are_refused(
    paused_event: str, http: httpx.AsyncClient, form: str
) -> None:
    elsewhere = PAGE | {"sec-fetch-site": "cross-site"}
    answer = await http.post(f"/events/{paused_event}/{form}", headers=elsewhere)
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("form", ["queue/claim", "queue/leave"])
async def test_without_a_place_forms_lead_to_the_page_that_says_so(
    paused_event: str, http: httpx.AsyncClient, form: str
) -> None:
    path = f"/events/{paused_event}"
    lands(await http.post(f"{path}/{form}", headers=PAGE), f"{path}/queue")
    assert shown(await http.get(f"{path}/queue", headers=PAGE)) == "none"
    forged = PAGE | {"cookie": f"__Host-place-{paused_event}=not.a.token"}
    lands(await http.post(f"{path}/{form}", headers=forged), f"{path}/queue")
    assert shown(await http.get(f"{path}/queue", headers=forged)) == "none"


async def test_going_in_too_early_leads_back(paused_event: str, http: httpx.AsyncClient) -> None:
    path = f"/events/{paused_event}"
    jar = sent_back(cookies_of(await http.post(f"{path}/join", headers=PAGE)))
    answer = await http.post(f"{path}/queue/claim", headers=jar)
    lands(answer, f"{path}/queue")
    assert "set-cookie" not in answer.headers
    assert shown(await http.get(f"{path}/queue", headers=jar)) == "waiting"


async def test_leaving_twice_is_leaving_once(house: House, http: httpx.AsyncClient) -> None:
    path = f"/events/{await put_on_sale(house, gate_state='paused')}"
    jar = sent_back(cookies_of(await http.post(f"{path}/join", headers=PAGE)))
    for _ in range(2):
        lands(await http.post(f"{path}/queue/leave", headers=jar), f"{path}/queue")
    assert shown(await http.get(f"{path}/queue", headers=jar)) == "left"


@pytest.mark.parametrize("state", ["draft", "closed"])
async def test_a_sale_that_is_shut_cannot_be_joined(
    house: House, http: httpx.AsyncClient, state: str
) -> None:
    event = await put_on_sale(house, state=state)
    answer = await http.post(f"/events/{event}/join", headers=PAGE)
    lands(answer, f"/events/{event}/queue")
    assert "set-cookie" not in answer.headers
    assert shown(await http.get(f"/events/{event}/queue", headers=PAGE)) == state


async def test_who_left_before_the_end_is_told_of_the_end(
    house: House, http: httpx.AsyncClient
) -> None:
    """A button to join again would lead nowhere."""
    event = await put_on_sale(house, gate_state="paused")
    jar = sent_back(cookies_of(await http.post(f"/events/{event}/join", headers=PAGE)))
    await http.post(f"/events/{event}/queue/leave", headers=jar)
    await house.sales.change(event, "test", SaleChange(state="closed"))
    for _ in range(50):  # the site's own view of the sale is up to a second old
        page = await http.get(f"/events/{event}/queue", headers=jar)
        if shown(page) == "closed":
            break
        await asyncio.sleep(0.1)
    assert shown(page) == "closed"
    assert "/join" not in page.text


@pytest.mark.parametrize("event", ["evt_00000000000000000000", "x", "%00"])
async def test_no_event_no_line(http: httpx.AsyncClient, event: str) -> None:
    assert (await http.get(f"/events/{event}/queue", headers=PAGE)).status_code == 404
    assert (await http.post(f"/events/{event}/join", headers=PAGE)).status_code == 404
    for form in ("claim", "leave"):
        answer = await http.post(f"/events/{event}/queue/{form}", headers=PAGE)
        assert answer.status_code == (303 if event.startswith("evt_") else 404)


@pytest.mark.parametrize("kept", ["", "x", "1-2-3", "0-999999999999", "-1-5", "0-7"])
async def test_a_progress_that_somebody_wrote_down_breaks_nothing(
    house: House, http: httpx.AsyncClient, kept: str
) -> None:
    event = await put_on_sale(house, gate_state="paused")
    jar = sent_back(cookies_of(await http.post(f"/events/{event}/join", headers=PAGE)))
    jar["cookie"] += f"; since-{event}={kept}"
    page = await http.get(f"/events/{event}/queue", headers=jar)
    assert shown(page) == "waiting"
    assert re.search(r'<progress id="walked" max="100" value="100"', page.text)


async def test_a_refresh_is_no_faster_than_the_server_asks_for(
    paused_event: str, http: httpx.AsyncClient
) -> None:
    path = f"/events/{paused_event}"
    jar = sent_back(cookies_of(await http.post(f"{path}/join", headers=PAGE)))
    for query, seconds in (("", None), ("?refresh=1", "5"), ("?refresh=0.001", "5")):
        page = await http.get(f"{path}/queue{query}", headers=jar)
        found = re.search(r'http-equiv="refresh" content="(\d+)"', page.text)
        assert (found and found[1]) == seconds


async def test_the_place_tells_when_the_lobby_opens_and_that_it_is_drawn(
    house: House, http: httpx.AsyncClient
) -> None:
    opens_at = utc_now() + timedelta(hours=1)
    event = await put_on_sale(house, state="lobby", opens_at=opens_at)
    fan = Fan(http, event)
    place = (await fan.join())["place"]
    assert place["opens_at"][:16] == f"{opens_at:%Y-%m-%dT%H:%M}"
    assert 3_500 < place["opens_in_s"] <= 3_600
    assert (await fan.where())["opens_at"] == place["opens_at"]
