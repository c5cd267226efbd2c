"""Pages of money that goes back, as `scenes`."""

from typing import Final

from playwright.async_api import Page

from tests.journey.cast import Cast, scene
from usher.account.model import Reader
from usher.booking.refunding.model import CancellationRequest

_DAY_S: Final = 24 * 3_600


async def given_back(cast: Cast, page: Page, booking: str, count: int) -> None:
    """The organiser gives tickets of a booking back."""
    view = await cast.ask(page, "GET", f"/api/v1/bookings/{booking}")
    tickets = [each["ticket_id"] for each in view["tickets"][:count]]
    asked = CancellationRequest(tickets, "The balcony is closed")
    await cast.house.refunds.cancel(booking, asked, Reader(), "acc_organiser")


@scene
async def booking_to_give_back(cast: Cast) -> Page:
    page, booking = await cast.paid(await cast.event(mode="simple", cancel_before_s=_DAY_S))
    await cast.go(page, f"/bookings/{booking}")
    await page.get_by_text("You cannot come?").click()
    return page


@scene
async def booking_partly_given_back(cast: Cast) -> Page:
    page, booking = await cast.paid(await cast.event(mode="simple", cancel_before_s=_DAY_S))
    await given_back(cast, page, booking, 1)
    return await cast.go(page, f"/bookings/{booking}")


@scene
async def booking_refunded(cast: Cast) -> Page:
    page, booking = await cast.paid(await cast.event(mode="simple"))
    await given_back(cast, page, booking, 2)
    return await cast.go(page, f"/bookings/{booking}")


@scene
async def booking_uncollected(cast: Cast) -> Page:
    page, booking, payment = await cast.paying(await cast.event(mode="simple"))
    wish = {"outcome": "capture_fails"}
    await cast.ask(page, "POST", f"/api/v1/payments/sandbox/{payment}", wish)
    await cast.until(page, booking, "cancelled")
    return await cast.go(page, f"/bookings/{booking}")


@scene
async def organiser_booking(cast: Cast) -> Page:
    event = await cast.event(mode="simple")
    page, booking = await cast.paid(event)
    await given_back(cast, page, booking, 1)
    await page.close()
    return await cast.go(await cast.organiser(), f"/organiser/events/{event}/bookings/{booking}")


@scene
async def organiser_cancel(cast: Cast) -> Page:
    event = await cast.event(mode="simple")
    page, _ = await cast.paid(event)
    await page.close()
    page = await cast.go(await cast.organiser(), f"/organiser/events/{event}/cancel")
    await page.get_by_role("button", name="Cancel the event").click()
    await page.get_by_text("it cannot be undone").first.wait_for()
    return page


@scene
async def organiser_cancelled(cast: Cast) -> Page:
    event = await cast.event(mode="simple")
    await cast.house.refunds.cancel_event(event, "test", "The singer is ill")
    return await cast.go(await cast.organiser(), f"/organiser/events/{event}/cancel")


@scene
async def event_cancelled(cast: Cast) -> Page:
    event = await cast.event(mode="simple")
    await cast.house.refunds.cancel_event(event, "test", "The singer is ill")
    page = await cast.at(f"/events/{event}")
    await page.get_by_text("does not take place").wait_for()
    return page
