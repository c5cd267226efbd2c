"""A real Chromium, and what must be true of every page it has shown."""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, Playwright, Request

PHONE: Final = {"width": 390, "height": 844}
DESKTOP: Final = {"width": 1280, "height": 900}
_NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "chrome")
_WHY: Final = "BROWSER TESTS SKIPPED: no Chromium on the PATH and none of Playwright's own"


async def launch(playwright: Playwright) -> Browser:
    """Chromium from the PATH, else Playwright's own; without either the tests are skipped, loudly,
    but on CI, where they fail."""
    path = _find(playwright)
    if path is None:
        if os.environ.get("CI") == "true":
            pytest.fail(_WHY)
        pytest.skip(_WHY)
    # Root, as on a CI machine, has no sandbox; /dev/shm is small in containers.
    return await playwright.chromium.launch(
        executable_path=path, args=["--no-sandbox", "--disable-dev-shm-usage"]
    )


def _find(playwright: Playwright) -> str | None:
    own = playwright.chromium.executable_path
    found = next((path for name in _NAMES if (path := shutil.which(name))), own)
    return found if Path(found).exists() else None


class Visit:
    """One visitor's browser: its cookies, its pages, and what has gone wrong on them."""

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.context = context
        self.url = url
        self.faults: list[str] = []
        self.bytes: dict[str, int] = {}
        context.on("console", self._console)
        context.on("weberror", lambda error: self.faults.append(f"error: {error.error}"))
        context.on("request", self._request)

    async def page(self, path: str = "") -> Page:
        """A new tab, at `path` of the site where one is given."""
        page = await self.context.new_page()
        page.set_default_timeout(15_000)
        if path:
            await page.goto(self.url + path)
        return page

    def _console(self, message: ConsoleMessage) -> None:
        # A refusal by our own API (a lost race, say) is no fault of a page.
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.faults.append(f"console: {message.text}")

    def _request(self, request: Request) -> None:
        where = urlsplit(request.url)
        if where.scheme in ("http", "https") and where.netloc != urlsplit(self.url).netloc:
            self.faults.append(f"asked another host: {request.url}")

    def check(self) -> None:
        """No script failed, nothing broke the Content-Security-Policy, no other host was asked."""
        assert not self.faults, self.faults


@asynccontextmanager
async def visiting(
    browser: Browser,
    url: str,
    *,
    size: dict[str, int] = DESKTOP,
    language: str = "en-GB",
    dark: bool = False,
    script: bool = True,
    **options: Any,
) -> AsyncIterator[Visit]:
    """A visitor with a browser of their own; their pages are checked on leaving."""
    context = await browser.new_context(
        viewport=size,  # type: ignore[arg-type]
        locale=language,
        color_scheme="dark" if dark else "light",
        java_script_enabled=script,
        reduced_motion="reduce",
        has_touch=size["width"] < 600,
        **options,
    )
    visit = Visit(context, url)
    try:
        yield visit
        visit.check()
    finally:
        await context.close()
