"""The organiser's desk in a browser: from a plan to an event that fans see."""

import json
from datetime import timedelta

import httpx
import pytest
from playwright.async_api import Page, expect

from tests.journey.browser import PHONE, Visit
from tests.journey.conftest import Visitor
from tests.sale import admitted, put_on_sale
from usher.account.model import Role
from usher.clock import utc_now
from usher.ids import new_id
from usher.venue.generate import rows_by_columns
from usher.wiring import House

pytestmark = pytest.mark.anyio

PASSWORD = "correct horse battery"
SVG = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 300 200">
  <script>document.title = 'run'</script>
  <rect id="stage" x="50" y="5" width="200" height="20"/>
  <g data-section="Stalls" data-category="Front &lt;b&gt;" fill="#b45309" data-row="A"
     transform="translate(20 60)">
    <circle id="s" data-seat="1" cx="0" cy="0" r="9" onclick="alert(1)"/>
    <circle id="s" data-seat="2" cx="25" cy="0" r="9"/>
    <circle data-seat="3" cx="50" cy="0" r="9"/><circle data-seat="4" cx="75" cy="0" r="9"/>
  </g>
  <g data-section="Stalls" data-category="Back" fill="#2563eb" data-row="B"
     transform="translate(20 90)">
    <circle data-seat="1" cx="0" cy="0" r="9"/><circle data-seat="2" cx="25" cy="0" r="9"/>
  </g>
</svg>"""


async def logged_in(house: House, visit: Visit, role: Role = Role.ORGANISER) -> Page:
    """A tab of somebody with that role."""
    email = f"{new_id('account')}@example.org"
    await house.accounts.add(email, PASSWORD, "Olga", role)
    page = await visit.page()
    answer = await page.request.post(
        f"{visit.url}/api/v1/auth/login", data={"email": email, "password": PASSWORD}
    )
    assert answer.ok, await answer.text()
    return page


async def fill_facts(page: Page, title: str) -> None:
    await page.get_by_label("Title").fill(title)
    await page.get_by_label("Venue", exact=True).fill("Alte Halle")
    await page.get_by_label("City").fill("Graz")
    await page.get_by_label("Time zone").fill("Europe/Vienna")
    start = (utc_now() + timedelta(days=60)).strftime("%Y-%m-%dT19:30")
    await page.get_by_label("Begins").fill(start)


async def test_an_event_from_a_drawing_is_checked_priced_and_published(
    house: House, visitor: Visitor
) -> None:
    async with visitor() as visit:
        page = await logged_in(house, visit)
        await page.goto(f"{visit.url}/organiser")
        await page.get_by_role("link", name="New event").click()
        await fill_facts(page, "Night <i>of</i> strings")
        await page.get_by_label("A file").check()
        await page.get_by_label("File", exact=True).set_input_files(
            {"name": "hall.svg", "mimeType": "image/svg+xml", "buffer": SVG.encode()}
        )
        await page.get_by_role("button", name="Create the draft").click()

        await expect(page.get_by_role("heading", name="Night <i>of</i> strings")).to_be_visible()
        await expect(page.locator("[data-figure=seats]")).to_have_text("6")
        repairs = page.locator("#repairs")
        await expect(repairs).to_contain_text("1 seat had no id of its own")
        await expect(repairs).to_contain_text("2 scripts in the file were ignored")
        drawing = page.get_by_role("img", name="with 6 seats")
        assert await drawing.evaluate("image => image.decode().then(() => image.naturalWidth > 0)")

        prices = page.locator("#prices")
        front = prices.get_by_role("group", name="Front <b>")
        await front.get_by_label("Price").fill("95,50")
        await prices.get_by_role("group", name="Back").get_by_label("Price").fill("none")
        await page.get_by_role("button", name="Save prices").click()
        await expect(page.get_by_text("A price is 0 to").last).to_be_visible()
        await expect(front.get_by_label("Price")).to_have_value("95,50")  # nothing typed is lost
        await prices.get_by_role("group", name="Back").get_by_label("Price").fill("40")
        await page.get_by_role("button", name="Save prices").click()
        await expect(prices.get_by_role("status")).to_have_text("Saved.")

        sale = page.locator("#sale")
        await sale.get_by_label("Mode").select_option("simple")
        await sale.get_by_label("Sale opens").fill("2030-01-02T10:00")
        await sale.get_by_label("Sale ends").fill("2030-01-01T10:00")
        await sale.get_by_role("button", name="Save the sale").click()
        await expect(sale.get_by_text("cannot end before")).to_be_visible()
        await expect(sale.get_by_label("Sale opens")).to_have_value("2030-01-02T10:00")
        await sale.get_by_label("Sale opens").fill("2020-01-02T10:00")
        await sale.get_by_role("button", name="Save the sale").click()
        await expect(sale.get_by_role("status")).to_have_text("Saved.")
        event = page.url.split("/events/")[1].partition("?")[0]

        assert (await page.request.get(f"{visit.url}/events/{event}")).status == 404
        await page.get_by_role("button", name="Publish the event").click()
        await expect(page.get_by_text("Fans see this event.")).to_be_visible()

        changes = [each["field"] for each in await house.sales.changes(event)]
        assert {"mode", "opens_at", "price Back", "event"} <= set(changes)

        await page.goto(f"{visit.url}/events/{event}")
        await expect(page.get_by_text("€95.50")).to_be_visible()
        await expect(page.get_by_text("Front <b>")).to_be_visible()


async def test_rows_and_columns_make_one_event_however_often_it_is_sent(
    house: House, visitor: Visitor
) -> None:
    title = f"Rows {new_id('event')}"
    async with visitor(size=PHONE, script=False) as visit:
        page = await logged_in(house, visit)
        await page.goto(f"{visit.url}/organiser/events/new")
        await fill_facts(page, "")
        await page.get_by_label("Rows", exact=True).fill("0")
        await page.get_by_label("Time zone").fill("Mars/Olympus")
        await page.get_by_role("button", name="Create the draft").click()
        await expect(page.locator("#e-title")).to_have_text("An event needs a title.")
        await expect(page.locator("#e-timezone")).to_contain_text("no such time zone")
        await expect(page.locator("#e-rows")).to_contain_text("A whole number")
        await expect(page.get_by_label("Venue", exact=True)).to_have_value("Alte Halle")

        await page.get_by_label("Title").fill(title)
        await page.get_by_label("Time zone").fill("Europe/Vienna")
        await page.get_by_label("Rows", exact=True).fill("4")
        await page.get_by_label("Seats in a row").fill("6")
        key = await page.locator("input[name=key]").get_attribute("value")
        await page.get_by_role("button", name="Create the draft").click()
        await expect(page.locator("[data-figure=seats]")).to_have_text("24")
        await expect(page.get_by_text("Nothing had to be repaired.")).to_be_visible()
        first = page.url

        again = await page.request.post(
            f"{visit.url}/organiser/events/new",
            multipart={
                "key": key or "",
                "title": title,
                "venue": "x",
                "source": "rows",
                "rows": "4",
                "columns": "6",
                "starts_at": "2031-05-05T20:00",
            },
            max_redirects=0,
        )
        assert again.headers["location"] == first.removeprefix(visit.url)
        await page.goto(f"{visit.url}/organiser")
        await expect(page.get_by_role("link", name=title)).to_have_count(1)


async def test_a_pretix_plan_replaces_that_of_a_draft_and_garbage_does_not(
    house: House, visitor: Visitor
) -> None:
    plan = {
        "name": "Small",
        "categories": [{"name": "Only", "color": "#00ff00"}],
        "zones": [
            {
                "name": "Z",
                "position": {"x": 0, "y": 0},
                "rows": [
                    {
                        "row_number": "1",
                        "position": {"x": 0, "y": 0},
                        "seats": [
                            {
                                "seat_number": str(n),
                                "seat_guid": "same",
                                "category": "Only",
                                "position": {"x": 25 * n, "y": 0},
                            }
                            for n in range(3)
                        ],
                    }
                ],
            }
        ],
    }
    async with visitor() as visit:
        page = await logged_in(house, visit)
        await page.goto(f"{visit.url}/organiser/events/new")
        await fill_facts(page, "To be replaced")
        await page.get_by_role("button", name="Create the draft").click()
        for body, seats in ((b"<svg>", "200"), (json.dumps(plan).encode(), "3")):
            if not await page.get_by_label("A file").is_visible():
                await page.get_by_text("Use another plan").click()
            await page.get_by_label("A file").check()
            await page.get_by_label("File", exact=True).set_input_files(
                {"name": "plan.json", "mimeType": "application/json", "buffer": body}
            )
            await page.get_by_role("button", name="Replace the plan").click()
            await expect(page.locator("[data-figure=seats]")).to_have_text(seats)
            if seats == "200":
                await expect(page.locator("#e-plan")).to_contain_text("not well-formed")
        await expect(page.locator("#repairs")).to_contain_text("2 seats had no id of their own")


async def test_the_desk_is_for_organisers_and_each_has_their_own(
    house: House, visitor: Visitor
) -> None:
    async with visitor() as visit:
        page = await visit.page()
        answer = await page.request.get(
            f"{visit.url}/organiser", headers={"accept": "text/html"}, max_redirects=0
        )
        assert answer.headers["location"] == "/login?next=/organiser"
        page = await logged_in(house, visit, Role.FAN)
        answer = await page.request.get(f"{visit.url}/organiser", headers={"accept": "text/html"})
        assert answer.status == 403
    event = await put_on_sale(house)
    async with house.database.connection() as connection:
        other = await house.accounts.add(f"{event}@example.org", PASSWORD, "O", Role.ORGANISER)
        await connection.execute(
            "UPDATE event SET organiser_id = $2 WHERE id = $1", event, other.account_id
        )
    async with visitor() as visit:
        page = await logged_in(house, visit)
        response = await page.goto(f"{visit.url}/organiser/events/{event}")
        assert response is not None
        assert response.status == 403
    async with visitor() as visit:
        page = await logged_in(house, visit, Role.ADMIN)
        await page.goto(f"{visit.url}/organiser/events/{event}")
        await expect(page.get_by_text("Prices stay as they are")).to_be_visible()


async def test_blocked_seats_are_not_sold_and_a_fans_seat_is_not_blocked(
    house: House, visitor: Visitor, http: httpx.AsyncClient
) -> None:
    event = await put_on_sale(house, rows_by_columns(2, 5), mode="simple")
    admission = await admitted(http, event)
    held = await http.post(
        f"/api/v1/events/{event}/holds", json={"seats": ["B-5"]}, headers=admission
    )
    assert held.status_code == 201, held.text
    async with visitor() as visit:
        page = await logged_in(house, visit)
        await page.goto(f"{visit.url}/organiser/events/{event}/seats")
        await page.get_by_label("Row", exact=True).fill("A")
        await page.get_by_label("From seat").fill("1")
        await page.get_by_label("To seat").fill("2")
        await page.get_by_role("button", name="Block these seats").click()
        await expect(page.get_by_text("Blocked.", exact=True)).to_be_visible()
        await expect(page.locator("#blocked")).to_have_text("2")

        canvas = page.get_by_role("img", name="Map of the seats")
        await expect(page.locator("#pointing")).to_have_attribute("data-ready", "1")
        await canvas.scroll_into_view_if_needed()
        box = await canvas.bounding_box()
        assert box is not None
        await page.mouse.move(box["x"] + 3, box["y"] + 3)
        await page.mouse.down()
        await page.mouse.move(box["x"] + box["width"] - 3, box["y"] + box["height"] - 3, steps=4)
        await page.mouse.up()
        # all that may be: the fan's seat is not among them
        await expect(page.locator("#chosen")).to_have_text("9 seats selected")
        await page.get_by_role("button", name="Block", exact=True).click()
        await expect(page.locator("#chosen")).to_have_text("9 seats blocked.")
        await expect(page.locator("#blocked")).to_have_text("9")
        await expect(page.locator("#row-states tr").first).to_contain_text("1, 2, 3, 4, 5")

        await page.get_by_label("Row", exact=True).fill("B")
        await page.get_by_role("button", name="Block these seats").click()
        await expect(page.locator("#e-row")).to_contain_text("Fans have these seats")
        await expect(page.get_by_label("Row", exact=True)).to_have_value("B")
        await page.get_by_role("button", name="Put row A back on sale").click()
        await expect(page.locator("#free")).to_have_text("5")

    states = (await http.get(f"/api/v1/events/{event}/seats")).json()["states"]
    assert sorted(states) == sorted("....." + "xxxx" + "h")
    refused = await http.post(
        f"/api/v1/events/{event}/holds", json={"seats": ["B-1"]}, headers=admission
    )
    assert refused.status_code == 409
    async with house.database.connection() as connection:
        blocked = await connection.fetchval(
            "SELECT count(*) FROM seat WHERE event_id = $1 AND blocked", event
        )
    assert blocked == 4


async def test_seats_blocked_in_a_draft_stay_so_when_it_is_on_sale(
    house: House, visitor: Visitor
) -> None:
    async with visitor(size=PHONE, script=False) as visit:
        page = await logged_in(house, visit)
        await page.goto(f"{visit.url}/organiser/events/new")
        await fill_facts(page, "With a lost row")
        await page.get_by_label("Rows", exact=True).fill("3")
        await page.get_by_label("Seats in a row").fill("4")
        await page.get_by_role("button", name="Create the draft").click()
        event = page.url.split("/events/")[1].partition("?")[0]
        await page.get_by_role("link", name="Block seats").click()
        await page.get_by_role("button", name="Block row A").click()
        await expect(page.locator("#blocked")).to_have_text("4")
        await page.get_by_role("link", name="Edit", exact=True).click()
        await page.get_by_role("button", name="Publish the event").click()
        await expect(page.get_by_text("Fans see this event.")).to_be_visible()
    await house.inventory.build(event)
    assert (await house.seat_states(event) or "").count("x") == 4
