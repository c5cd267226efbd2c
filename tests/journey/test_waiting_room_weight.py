"""What the waiting room weighs on the wire, and that its two tellers use the same words."""

import re
from typing import Any, Final

import httpx
import pytest
from playwright.async_api import Page, expect

from tests.conftest import Site
from tests.journey.conftest import Visitor
from tests.sale import put_on_sale
from usher.pages import make_pages
from usher.queue.model import in_minutes
from usher.wiring import House

pytestmark = pytest.mark.anyio

WEIGHT_MAX: Final = 30_000


async def _weigh(http: httpx.AsyncClient, url: str, cookie: str = "") -> tuple[int, httpx.Response]:
    """The bytes of an answer's body as they are sent to a browser."""
    headers = {"accept-encoding": "gzip", "accept": "text/html", "cookie": cookie}
    async with http.stream("GET", url, headers=headers) as answer:
        raw = b"".join([chunk async for chunk in answer.aiter_raw()])
    return len(raw), answer


async def test_the_page_with_all_it_loads_is_light(
    house: House,
    visitor: Visitor,
    http: httpx.AsyncClient,
    site: Site,
) -> None:
    event = await put_on_sale(house, gate_state="paused")
    await house.feed_scripts.notice(event, "The doors open half an hour later than planned.")
    asked: set[str] = set()
    async with visitor() as visit:
        visit.context.on("request", lambda request: asked.add(request.url))
        page = await visit.page(f"/events/{event}")
        await page.locator("form[action$='/join'] button").click()
        await expect(page.locator("#link")).to_have_attribute("data-link", "live")
        asked.clear()
        await page.reload()
        await expect(page.locator("#link")).to_have_attribute("data-link", "live")
        cookies: Any = await visit.context.cookies()
        icon = await page.locator("link[rel=icon]").get_attribute("href")
    stream = {url for url in asked if url.endswith("/queue/stream")}
    assert len(stream) == 1
    weights: dict[str, int] = {}
    for url in asked - stream | {f"{site.url}{icon}"}:
        jar = "; ".join(f"{each['name']}={each['value']}" for each in cookies)
        weights[url], answer = await _weigh(http, url, jar)
        kept = answer.headers["cache-control"]
        assert kept == (
            "no-store" if url.endswith("/queue") else "public, max-age=31536000, immutable"
        )
    assert any(url.endswith("queue/show.js") for url in weights)  # nothing was forgotten
    total = sum(weights.values())
    assert total <= WEIGHT_MAX, weights


WAITS: Final = [
    (0, 2, None),
    (30, 60, 5),
    (30, 61, 5),
    (60, 92, 5),
    (600, 902, 12),
    (7_199, 10_000, 12),
    (7_200, 10_802, 12),
    (90_000, 135_002, 1),
    (600, 902, 0),
]


async def test_the_page_says_the_same_with_and_without_its_script(
    house: House, visitor: Visitor
) -> None:
    event = await put_on_sale(house, gate_state="paused")
    pages = make_pages(house)
    parts = pages._environment.get_template("queue_parts.html")
    told: Any = parts.make_module({"language": pages.languages.known["en"]})
    async with visitor() as visit:
        page = await visit.page(f"/events/{event}/queue")
        words = await _words(page)
        said = await page.evaluate(
            """async ([path, waits]) => {
              const words = await import(path);
              const each = ([p50, p90, perMinute]) => [
                words.waitRange({ p50, p90 }, perMinute, false),
                words.waitRange({ p50, p90 }, perMinute, true),
                words.waitRange(null, perMinute, false),
                words.speed(perMinute),
              ];
              return [...waits.map(each), [0, 1, 2].map(words.aheadLabel),
                [null, 0, 12345].map(words.seatsLeft)];
            }""",
            [words, WAITS],
        )
    for (p50, p90, per_minute), heard in zip(WAITS, said, strict=False):
        minutes = in_minutes({"p50": p50, "p90": p90})
        assert heard == [
            told.wait_range(minutes, per_minute, False),
            told.wait_range(minutes, per_minute, True),
            told.wait_range(None, per_minute, False),
            told.speed(per_minute),
        ]
    assert said[-2] == [told.ahead_label(ahead) for ahead in (0, 1, 2)]
    assert said[-1] == [told.seats_left(left) for left in (None, 0, 12_345)]
    assert len(said) == len(WAITS) + 2


async def _words(page: Page) -> str:
    """The address of the script's words."""
    source = await page.locator("script[type=module]").get_attribute("src")
    assert source
    return source.replace("queue.js", "queue/words.js")


async def test_only_what_is_worth_it_is_said_aloud(house: House, visitor: Visitor) -> None:
    event = await put_on_sale(house, gate_state="paused")
    async with visitor() as visit:
        page = await visit.page(f"/events/{event}/queue")
        said = await page.evaluate(
            """async (path) => {
              const { spoken } = await import(path);
              const heard = [];
              let last = null;
              for (let ahead = 2000; ahead >= 0; ahead -= 1) {
                const text = spoken(last, "waiting", { ahead });
                if (text || !last) last = { shown: "waiting", paused: false, ahead };
                if (text) heard.push(text);
              }
              return heard;
            }""",
            await _words(page),
        )
    assert len(said) <= 12
    assert said[-1] == "You are the next to be called"
    assert re.match(r"1,000 people are ahead of you\.", said[1])
