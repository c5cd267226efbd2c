"""Choosing seats in a browser: by mouse, by keyboard, by form; with somebody else at it as well."""

import re
from typing import Any

import httpx
import pytest
from playwright.async_api import Page, expect

from tests.journey.browser import PHONE, Visit
from tests.journey.conftest import Visitor
from tests.sale import admitted, put_on_sale
from usher.venue.generate import rows_by_columns
from usher.venue.model import Area, Category, Plan, Zone
from usher.wiring import House

pytestmark = pytest.mark.anyio

SIMPLE: dict[str, Any] = {"mode": "simple", "seats_max": 4}


async def come_in(visit: Visit, event: str, path: str = "") -> Page:
    """A tab on the event's seats, let in; with scripts, drawn."""
    joined = await visit.context.request.post(f"{visit.url}/api/v1/events/{event}/queue")
    assert joined.status == 200
    page = await visit.page(f"/events/{event}/seats{path}")
    if await page.evaluate("navigator.webdriver !== undefined"):
        await expect(page.locator("#map")).to_have_attribute("data-drawn", "yes")
    return page


async def spot(page: Page, guid: str) -> tuple[float, float]:
    """Where a seat is on the canvas, in pixels of the page."""
    at = await page.evaluate(
        """(guid) => {
          const canvas = document.getElementById("canvas");
          const { camera, hall } = canvas.seatMap;
          const i = hall.guid.indexOf(guid);
          const box = canvas.getBoundingClientRect();
          const [x, y] = camera.toScreen(hall.x[i], hall.y[i]);
          return [box.left + x, box.top + y];
        }""",
        guid,
    )
    return at[0], at[1]


def checkout(visit: Visit, event: str) -> re.Pattern[str]:
    return re.compile(re.escape(f"{visit.url}/events/{event}/checkout/") + r"hld_[0-9a-f]{20}$")


async def states(http: httpx.AsyncClient, event: str) -> str:
    return str((await http.get(f"/api/v1/events/{event}/seats")).json()["states"])


async def test_seats_are_picked_by_mouse_and_held(
    house: House, visitor: Visitor, http: httpx.AsyncClient
) -> None:
    event = await put_on_sale(house, **SIMPLE)
    async with visitor() as visit:
        page = await come_in(visit, event)
        for guid in ("C-4", "C-5", "C-6"):
            await page.mouse.click(*await spot(page, guid))
        await page.mouse.click(*await spot(page, "C-6"))  # given up again
        await expect(page.locator("#picks-list li")).to_have_count(2)
        await page.mouse.move(*await spot(page, "C-7"))
        await expect(page.locator("#tip")).to_contain_text("row C, seat 7")
        await page.get_by_role("button", name="Hold 2 seats").click()
        await expect(page).to_have_url(checkout(visit, event))
        assert (await states(http, event)).count("h") == 2
        # The page knows them when it is come back to, and can let them go.
        await page.goto(f"{visit.url}/events/{event}/seats")
        await expect(page.locator(".own-hold")).to_contain_text("C-4, Stalls C-5")
        link = page.get_by_role("link", name="Go on to checkout")
        await expect(link).to_have_attribute("href", re.compile(f"^/events/{event}/checkout/hld_"))
        await page.get_by_role("button", name="Give them back").click()
        await expect(page.locator(".own-hold")).to_have_count(0)
        assert (await states(http, event)).count("h") == 0


async def test_nobody_picks_more_than_their_share(house: House, visitor: Visitor) -> None:
    event = await put_on_sale(house, mode="simple", seats_max=2)
    async with visitor() as visit:
        page = await come_in(visit, event)
        for guid in ("B-1", "B-2", "B-3"):
            await page.mouse.click(*await spot(page, guid))
        await expect(page.locator("#toast")).to_contain_text("Each fan may have 2 seats")
        await expect(page.locator("#picks-list li")).to_have_count(2)


async def test_a_keyboard_is_enough(house: House, visitor: Visitor) -> None:
    event = await put_on_sale(house, **SIMPLE)
    async with visitor() as visit:
        page = await come_in(visit, event)
        row = page.locator("summary", has_text="Row B")
        for _ in range(60):  # the section is open; Tab comes to its rows
            if await row.evaluate("(each) => each === document.activeElement"):
                break
            await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        await page.keyboard.press("Tab")
        await expect(page.get_by_role("button", name="Seat 1, VIP")).to_be_focused()
        for key in ("ArrowRight", "ArrowRight", "Enter", "End", "Space"):
            await page.keyboard.press(key)
        third = page.get_by_role("button", name="Seat 3, VIP, €80.00, your pick")
        await expect(third).to_have_attribute("aria-pressed", "true")
        await expect(page.locator("#picks-list li")).to_have_count(2)
        await expect(page.locator("#says")).to_contain_text("Picked: Stalls, row B, seat 10")
        hold = page.get_by_role("button", name="Hold 2 seats")
        for _ in range(60):
            if await hold.evaluate("(each) => each === document.activeElement"):
                break
            await page.keyboard.press("Shift+Tab")
        await page.keyboard.press("Enter")
        await expect(page).to_have_url(checkout(visit, event))


async def test_the_slower_of_two_sees_the_seat_go(house: House, visitor: Visitor) -> None:
    event = await put_on_sale(house, **SIMPLE)
    async with visitor() as one, visitor() as other:
        fast, slow = await come_in(one, event), await come_in(other, event)
        for page in (fast, slow):
            await page.mouse.click(*await spot(page, "D-5"))
            await expect(page.locator("#picks-list li")).to_have_count(1)
        await slow.mouse.click(*await spot(slow, "D-6"))
        await fast.get_by_role("button", name="Hold 1 seat").click()
        await expect(fast).to_have_url(checkout(one, event))
        await expect(slow.locator("#toast")).to_contain_text(
            "Somebody was faster: Stalls, row D, seat 5 is taken"
        )
        await expect(slow.locator("#picks-list li")).to_have_count(1)
        await expect(slow.locator("#picks-list")).to_contain_text("seat 6")


async def test_who_has_not_heard_yet_is_told_by_the_answer(house: House, visitor: Visitor) -> None:
    event = await put_on_sale(house, **SIMPLE)
    async with visitor() as one, visitor() as other:
        fast, slow = await come_in(one, event), await come_in(other, event)
        for page in (fast, slow):
            await page.mouse.click(*await spot(page, "D-5"))
        await slow.mouse.click(*await spot(slow, "D-6"))
        # Its news are late: it asks for a seat that is gone.
        await slow.evaluate(
            "document.getElementById('canvas').seatMap.states.change = () => []",
        )
        await fast.get_by_role("button", name="Hold 1 seat").click()
        await expect(fast).to_have_url(checkout(one, event))
        await slow.get_by_role("button", name="Hold 2 seats").click()
        await expect(slow.locator("#toast")).to_contain_text("row D, seat 5 is taken")
        await expect(slow.locator("#picks-list li")).to_have_count(1)
        await slow.get_by_role("button", name="Hold 1 seat").click()
        await expect(slow).to_have_url(checkout(other, event))


async def test_news_from_elsewhere_are_shown(
    house: House, visitor: Visitor, http: httpx.AsyncClient
) -> None:
    event = await put_on_sale(house, **SIMPLE)
    async with visitor() as visit:
        page = await come_in(visit, event)
        await page.locator("summary", has_text="Row E").click()
        headers = await admitted(http, event)
        path = f"/api/v1/events/{event}/holds"
        held = await http.post(path, json={"seats": ["E-1", "E-2"]}, headers=headers)
        assert held.status_code == 201
        taken = page.get_by_role("button", name="Seat 2, Normal, €45.00, held by somebody")
        await expect(taken).to_have_attribute("aria-disabled", "true")
        await expect(page.locator("summary", has_text="Row E")).to_contain_text("8 free")
        await expect(page.locator("summary", has_text="Stalls")).to_contain_text("48 free")
        await http.delete(f"{path}/{held.json()['hold_id']}", headers=headers)
        await expect(page.locator("summary", has_text="Row E")).to_contain_text("10 free")


@pytest.mark.parametrize("script", [True, False], ids=["script", "plain"])
async def test_the_best_are_found(house: House, visitor: Visitor, script: bool) -> None:
    event = await put_on_sale(house, **SIMPLE)
    async with visitor(script=script) as visit:
        joined = await visit.context.request.post(f"{visit.url}/api/v1/events/{event}/queue")
        assert joined.status == 200
        page = await visit.page(f"/events/{event}/seats")
        await page.get_by_label("Category").select_option(label="VIP · €80.00")
        await page.get_by_label("Seats", exact=True).fill("3")
        await page.get_by_role("button", name="Find and hold the best").click()
        await expect(page).to_have_url(checkout(visit, event))


async def test_what_cannot_be_had_is_said_beside_the_field(house: House, visitor: Visitor) -> None:
    event = await put_on_sale(house, rows_by_columns(2, 3), **SIMPLE)
    async with visitor(script=False) as visit:
        await visit.context.request.post(f"{visit.url}/api/v1/events/{event}/queue")
        page = await visit.page(f"/events/{event}/seats")
        await page.get_by_label("Category").select_option(label="VIP · €80.00")
        await page.get_by_label("Seats", exact=True).fill("4")
        await page.get_by_role("button", name="Find and hold the best").click()
        await expect(page.locator("#e-quantity")).to_have_text(
            "Only 3 such seats are free together."
        )
        await expect(page.get_by_label("Seats", exact=True)).to_have_value("4")
        await expect(page.get_by_label("Category")).to_have_value("VIP")


async def test_seats_are_ticked_without_scripts(
    house: House, visitor: Visitor, http: httpx.AsyncClient
) -> None:
    event = await put_on_sale(house, **SIMPLE)
    async with visitor(script=False) as visit:
        await visit.context.request.post(f"{visit.url}/api/v1/events/{event}/queue")
        page = await visit.page(f"/events/{event}/seats")
        await page.get_by_role("link", name="Stalls").click()
        row = page.get_by_role("group", name="Row B")
        await row.get_by_label("4, VIP").check()
        await row.get_by_label("5, VIP").check()
        headers = await admitted(http, event)
        path = f"/api/v1/events/{event}/holds"
        await http.post(path, json={"seats": ["B-5"]}, headers=headers)
        await page.get_by_role("button", name="Hold these seats").click()
        await expect(page.locator("#e-seat")).to_contain_text("Somebody was faster: Stalls B-5")
        await expect(row.get_by_label("4, VIP")).to_be_checked()
        await page.get_by_role("button", name="Hold these seats").click()
        await expect(page).to_have_url(checkout(visit, event))


def standing() -> Plan:
    """A floor for 30 and one row of seats."""
    floor = Area("F", "Floor", "Normal", 30, 0, 200, 300, 120)
    row = rows_by_columns(1, 5, shares={"VIP": 1}).zones[0].rows
    return Plan(
        name="Club",
        width=300,
        height=330,
        focal_x=150,
        focal_y=0,
        categories=(Category("Normal", "#2563EB"), Category("VIP", "#7C3AED")),
        zones=(Zone("Floor", 0, 200, (), (floor,)), Zone("Balcony", 0, 0, row)),
    )


async def test_places_of_an_area_are_counted(
    house: House, visitor: Visitor, http: httpx.AsyncClient
) -> None:
    event = await put_on_sale(house, standing(), **SIMPLE)
    async with visitor() as visit:
        page = await come_in(visit, event)
        await page.locator("summary", has_text="Floor").click()
        more = page.get_by_role("button", name="One place more: Floor")
        for _ in range(3):
            await more.click()
        await page.get_by_role("button", name="One place less: Floor").click()
        await expect(page.locator(".steps output")).to_have_text("2")
        # Somebody takes the very places: others will do, and nobody needs to hear of it.
        mine = await page.evaluate(
            """() => {
              const { hall, states } = document.getElementById("canvas").seatMap;
              return hall.guid.filter((_, i) => states.picked[i]);
            }"""
        )
        headers = await admitted(http, event)
        taken = await http.post(
            f"/api/v1/events/{event}/holds", json={"seats": mine}, headers=headers
        )
        assert taken.status_code == 201
        await expect(page.locator(".area .count")).to_have_text("28 free")
        await expect(page.locator(".steps output")).to_have_text("2")
        await expect(page.locator("#toast")).to_be_empty()
        await page.get_by_role("button", name="Hold 2 seats").click()
        await expect(page).to_have_url(checkout(visit, event))
        assert (await states(http, event)).count("h") == 4


async def test_the_map_is_moved(house: House, visitor: Visitor) -> None:
    event = await put_on_sale(house, rows_by_columns(40, 60), **SIMPLE)
    async with visitor() as visit:
        page = await come_in(visit, event)
        look = """() => {
          const { x, y, scale } = document.getElementById("canvas").seatMap.camera;
          return [x, y, scale];
        }"""
        whole = await page.evaluate(look)
        x, y = await spot(page, "C-30")
        await page.mouse.move(x, y)
        await page.mouse.wheel(0, -600)
        await page.wait_for_function(f"({look})()[2] > {whole[2]}")
        near = await page.evaluate(look)
        under = await spot(page, "C-30")  # zooming keeps what is under the pointer there
        assert abs(under[1] - y) < 3
        await page.mouse.down()
        await page.mouse.move(x - 90, y - 60, steps=4)
        await page.mouse.up()
        dragged = await page.evaluate(look)
        assert dragged[0] > near[0]
        assert dragged[2] == near[2]
        await expect(page.locator("#picks-list li")).to_have_count(0)  # a drag is no pick
        await page.locator("#canvas").focus()
        await page.keyboard.press("ArrowLeft")
        assert (await page.evaluate(look))[0] < dragged[0]
        await page.get_by_role("button", name="Show the whole hall").click()
        assert await page.evaluate(look) == whole


async def test_a_hold_that_ends_elsewhere_is_told(
    house: House, visitor: Visitor, http: httpx.AsyncClient
) -> None:
    event = await put_on_sale(house, **SIMPLE)
    async with visitor() as visit:
        await visit.context.request.post(f"{visit.url}/api/v1/events/{event}/queue")
        path = f"{visit.url}/api/v1/events/{event}/holds"
        held = await (await visit.context.request.post(path, data={"seats": ["A-1"]})).json()
        page = await come_in(visit, event)
        await expect(page.locator(".own-hold")).to_contain_text("Stalls A-1")
        await visit.context.request.delete(f"{path}/{held['hold_id']}")
        await expect(page.locator("#toast")).to_contain_text("on sale again")
        await expect(page.locator(".own-hold")).to_have_count(0)


async def test_a_thumb_is_enough(house: House, visitor: Visitor) -> None:
    event = await put_on_sale(house, rows_by_columns(20, 40), **SIMPLE)
    async with visitor(size=PHONE) as visit:
        page = await come_in(visit, event)
        wide = await page.evaluate("document.documentElement.scrollWidth")
        assert wide <= PHONE["width"]
        await page.touchscreen.tap(*await spot(page, "J-20"))  # too small to be hit: nearer
        await expect(page.locator("#picks-list li")).to_have_count(0)
        await page.touchscreen.tap(*await spot(page, "J-20"))
        await expect(page.locator("#picks-list")).to_contain_text("row J, seat 20")
        await page.get_by_role("button", name="Hold 1 seat").tap()
        await expect(page).to_have_url(checkout(visit, event))


async def test_who_is_not_in_is_shown_the_way(house: House, visitor: Visitor) -> None:
    event = await put_on_sale(house, mode="simple")
    async with visitor() as visit:
        page = await visit.page(f"/events/{event}/seats")
        await expect(page.get_by_role("heading", name="Come in first")).to_be_visible()
        await page.get_by_role("link", name="About the event").click()
        await expect(page).to_have_url(f"{visit.url}/events/{event}")
