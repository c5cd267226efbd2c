"""Every page in every state through axe: nothing serious or critical, by day and by night."""

from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe

from tests.journey.all_scenes import SCENES, Cast
from tests.journey.browser import DESKTOP, PHONE
from tests.journey.conftest import Visitor
from usher.wiring import House

pytestmark = pytest.mark.anyio


async def _serious(page: Any, *rules: str) -> dict[str, list[str]]:
    """What is found by all rules, or by these."""
    only = {"runOnly": {"type": "rule", "values": list(rules)}} if rules else None
    found = await Axe().run(page, options=only)
    return {
        violation["id"]: [node["html"][:200] for node in violation["nodes"]]
        for violation in found.response["violations"]
        if violation["impact"] in ("serious", "critical")
    }


@pytest.mark.parametrize("name", SCENES)
async def test_nothing_serious_is_found(house: House, visitor: Visitor, name: str) -> None:
    """Light on a desktop, dark on a phone: the scene is played once, its page looked at twice."""
    async with visitor(size=DESKTOP) as visit:
        page = await SCENES[name](Cast(house, visit))
        assert await _serious(page) == {}
        await page.set_viewport_size(PHONE)  # type: ignore[arg-type]
        await page.emulate_media(color_scheme="dark")
        # Of what has changed: colours, and what a narrow page puts on top of what.
        assert (
            await _serious(page, "color-contrast", "target-size", "scrollable-region-focusable")
            == {}
        )
        wide = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
        assert not await page.evaluate(wide), "wider than a phone"


async def test_control_a_bad_page_is_found(visitor: Visitor) -> None:
    async with visitor() as visit:
        page = await visit.page("/")
        await page.evaluate("document.querySelector('main').innerHTML = '<img src=/static/x.png>'")
        assert "image-alt" in await _serious(page)
