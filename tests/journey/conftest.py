"""A browser for all journeys, and visitors with cookies of their own."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from playwright.async_api import Browser, async_playwright

from tests.conftest import Site
from tests.journey.browser import Visit, launch, visiting

Visitor = Callable[..., AbstractAsyncContextManager[Visit]]


@pytest.fixture(scope="session")
async def browser(anyio_backend: str) -> AsyncIterator[Browser]:
    """One Chromium for the whole session."""
    async with async_playwright() as playwright:
        browser = await launch(playwright)
        yield browser
        await browser.close()


@pytest.fixture
def visitor(browser: Browser, site: Site) -> Visitor:
    """`async with visitor(size=PHONE, dark=True, language="de", script=False) as visit:`"""

    def visit(**options: Any) -> AbstractAsyncContextManager[Visit]:
        return visiting(browser, site.url, **options)

    return visit
