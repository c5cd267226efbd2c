"""Pictures of every page in every state, for people to look at: `just screenshots`."""

from pathlib import Path
from typing import Final

import pytest

from tests.journey.all_scenes import SCENES, Cast
from tests.journey.browser import DESKTOP, PHONE
from tests.journey.conftest import Visitor
from usher.wiring import House

pytestmark = [pytest.mark.anyio, pytest.mark.screenshots]

FOLDER: Final = Path(__file__).parents[2] / "screenshots"
SIZES: Final = {"phone": PHONE, "desktop": DESKTOP}


@pytest.mark.parametrize("name", SCENES)
async def test_pictures(house: House, visitor: Visitor, name: str) -> None:
    FOLDER.mkdir(exist_ok=True)
    async with visitor() as visit:
        page = await SCENES[name](Cast(house, visit))
        for size, viewport in SIZES.items():
            await page.set_viewport_size(viewport)  # type: ignore[arg-type]
            for scheme in ("light", "dark"):
                await page.emulate_media(color_scheme=scheme)
                await page.wait_for_timeout(250)
                path = FOLDER / f"{name}-{size}-{scheme}.png"
                await page.screenshot(path=path, full_page=True)
