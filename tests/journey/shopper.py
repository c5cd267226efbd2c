"""A fan in a browser who has come in and holds seats: where the checkout begins."""

from typing import Any

from playwright.async_api import Page, expect

from tests.journey.browser import Visit

_CALL = """async ([method, path, body]) => {
  const answer = await fetch(path, {
    method,
    headers: body ? { "content-type": "application/json" } : {},
    body: body ? JSON.stringify(body) : undefined,
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${answer.status} ${text}`);
  return text ? JSON.parse(text) : null;
}"""


async def call(page: Page, method: str, path: str, body: Any = None) -> Any:
    """The API, asked by the browser itself, with its cookies."""
    return await page.evaluate(_CALL, [method, path, body])


async def come_in(visit: Visit, event: str) -> Page:
    """A tab of a browser that has been admitted to `event` (a simple sale)."""
    page = await visit.page(f"/events/{event}")
    await call(page, "POST", f"/api/v1/events/{event}/queue")
    return page


async def hold(page: Page, event: str, quantity: int = 2, category: str = "VIP") -> Any:
    """Seats held through the API, as it tells of them."""
    body = {"category": category, "quantity": quantity}
    return await call(page, "POST", f"/api/v1/events/{event}/holds", body)


async def check_out(visit: Visit, event: str, quantity: int = 2) -> Page:
    """A tab at the checkout of seats just held. Cookies come by the API's answers, which needs a
    script; without one a tab of the same browser asks for it."""
    page = await come_in(visit, event)
    held = await hold(page, event, quantity)
    await page.goto(f"{visit.url}/events/{event}/checkout/{held['hold_id']}")
    return page


async def fill(page: Page, name: str = "Ann Anders", email: str = "ann@example.org") -> None:
    """The buyer's details, typed."""
    await page.get_by_label("Your name").fill(name)
    await page.get_by_label("Email").fill(email)


async def book(page: Page) -> str:
    """Details sent; the booking's id, off its page."""
    await fill(page)
    await page.get_by_role("button", name="Book and go on to payment").click()
    await expect(page.get_by_role("heading", name="One step is left: pay")).to_be_visible()
    return page.url.rpartition("/")[2]


async def pay(page: Page, answer: str = "Approve", label: str = "Pay €") -> None:
    """To the test bank, and what it is told."""
    await page.get_by_role("button", name=label).click()
    await expect(page.get_by_text("This is not a real bank")).to_be_visible()
    await page.get_by_role("button", name=answer, exact=True).click()
