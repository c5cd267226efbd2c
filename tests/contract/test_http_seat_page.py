"""The forms of the page on which seats are chosen: pressed twice, nonsense, sent by others."""

import asyncio
from typing import Any

import httpx
import pytest

from tests.sale import put_on_sale
from usher.venue.generate import rows_by_columns
from usher.wiring import House

pytestmark = pytest.mark.anyio

PAGE = {"accept": "text/html"}


async def come_in(http: httpx.AsyncClient, event: str) -> dict[str, str]:
    """Headers of a browser that has been let in."""
    answer = await http.post(f"/api/v1/events/{event}/queue", headers={"cookie": ""})
    assert answer.status_code == 200
    pairs = [line.partition(";")[0] for line in answer.headers.get_list("set-cookie")]
    http.cookies.clear()  # it is told to send them in the clear as browsers do on this machine
    return PAGE | {"cookie": "; ".join(pairs)}


async def event_of(house: House, **settings: Any) -> str:
    return await put_on_sale(house, rows_by_columns(2, 6), mode="simple", **settings)


async def test_pressed_twice_it_holds_once(house: House, http: httpx.AsyncClient) -> None:
    event = await event_of(house)
    browser = await come_in(http, event)
    form = {"by": "best", "category": "VIP", "quantity": "2", "key": "a-key-of-the-page"}
    path = f"/events/{event}/seats"
    answers = [await http.post(path, data=form, headers=browser) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [303, 303]
    assert answers[0].headers["location"] == answers[1].headers["location"]
    # The same page, gone back to and filled in otherwise, is another wish.
    other = await http.post(path, data=form | {"quantity": "1"}, headers=browser)
    assert other.status_code == 303
    assert other.headers["location"] != answers[0].headers["location"]
    states = (await http.get(f"/api/v1/events/{event}/seats")).json()["states"]
    assert states.count("h") == 3


NONSENSE: list[dict[str, Any]] = [
    {},
    {"by": "best"},
    {"by": "best", "category": "None such", "quantity": "1"},
    {"by": "best", "category": "VIP", "quantity": "0"},
    {"by": "best", "category": "VIP", "quantity": "-3"},
    {"by": "best", "category": "VIP", "quantity": "9" * 40},
    {"by": "best", "category": "VIP", "quantity": "٣"},
    {"by": "best", "category": "<script>alert(1)</script>", "quantity": "x"},
    {"by": "seats"},
    {"by": "seats", "seat": ["B-1", "B-1"]},
    {"by": "seats", "seat": [""]},
    {"by": "seats", "seat": ["Z-99", "A-1"]},
    {"by": "seats", "seat": [f"A-{n}" for n in range(400)]},
    {"by": "seats", "area-0-0": "2"},
    {"by": "seats", "area-x": "1", "section": "999999999"},
    {"by": "seats", "area--1--1": "1", "section": "-1"},
]


async def test_nonsense_is_a_page_that_says_so(house: House, http: httpx.AsyncClient) -> None:
    event = await event_of(house)
    browser = await come_in(http, event)
    for form in NONSENSE:
        answer = await http.post(f"/events/{event}/seats", data=form, headers=browser)
        assert answer.status_code == 422, form
        assert 'role="alert"' in answer.text, form
        assert "<script>alert" not in answer.text
    states = (await http.get(f"/api/v1/events/{event}/seats")).json()["states"]
    assert "h" not in states


async def test_sections_that_are_none_are_no_fault(house: House, http: httpx.AsyncClient) -> None:
    event = await event_of(house)
    browser = await come_in(http, event)
    for section in ("0", "7", "-1", "x", "٣", "9" * 30, "%00"):
        answer = await http.get(f"/events/{event}/seats?section={section}", headers=browser)
        assert answer.status_code == 200, section
        assert ("section-form" in answer.text) == (section == "0"), section


async def test_who_is_not_in_holds_nothing(house: House, http: httpx.AsyncClient) -> None:
    event, other = await event_of(house), await event_of(house)
    form = {"by": "seats", "seat": "A-1"}
    stranger = await come_in(http, other)
    for headers in (PAGE, stranger):
        answer = await http.post(f"/events/{event}/seats", data=form, headers=headers)
        assert answer.status_code == 403
        assert "Come in first" in answer.text
    from_elsewhere = await come_in(http, event) | {"sec-fetch-site": "cross-site"}
    answer = await http.post(f"/events/{event}/seats", data=form, headers=from_elsewhere)
    assert answer.status_code == 403
    states = (await http.get(f"/api/v1/events/{event}/seats")).json()["states"]
    assert "h" not in states


async def test_another_fans_hold_is_not_given_back(house: House, http: httpx.AsyncClient) -> None:
    event = await event_of(house)
    one, other = await come_in(http, event), await come_in(http, event)
    path = f"/events/{event}/seats"
    held = await http.post(path, data={"by": "seats", "seat": "A-1"}, headers=one)
    hold = held.headers["location"].rpartition("/")[2]
    await http.post(path, data={"release": hold}, headers=other)
    states = (await http.get(f"/api/v1/events/{event}/seats")).json()["states"]
    assert states.count("h") == 1
    # Nor is it shown to who only says that it is theirs.
    forged = other["cookie"] + f"; __Host-hold-{event}={hold}"
    shown = await http.get(path, headers=other | {"cookie": forged})
    assert "own-hold" not in shown.text


async def test_others_go_on_while_a_great_section_is_written(
    house: House, http: httpx.AsyncClient
) -> None:
    """A hall of one section is a page of megabytes: it must not stop the process."""
    event = await put_on_sale(house, rows_by_columns(100, 200), mode="simple")
    browser = await come_in(http, event)
    path = f"/events/{event}/seats?section=0"
    await http.get(f"/events/{event}/seats", headers=browser)  # the plan is known from here on
    great = asyncio.create_task(http.get(path, headers=browser))
    answered = 0
    while not great.done():
        assert (await http.get("/healthz")).status_code == 200
        answered += not great.done()
    page = await great
    assert page.text.count('type="checkbox" name="seat"') == 20_000
    assert answered > 12  # it was four, before the page was begun
