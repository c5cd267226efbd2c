"""The waiting list and the offers made to it, in every state."""

import asyncio
from typing import Any

from playwright.async_api import Page

from tests.journey.cast import PERSON, Cast, scene


async def _sold_out(cast: Cast, **settings: Any) -> str:
    """An event without a seat for sale."""
    event = await cast.event(state="draft", mode="simple", **settings)
    await cast.house.seat_scripts.block(event, 0, 200, *range(200))
    await cast.sale(event, state="open")
    for _ in range(200):
        if (await cast.house.sales.find(event)).state == "sold_out":
            return event
        await asyncio.sleep(0.05)
    raise AssertionError("never sold out")


async def _waits(cast: Cast, event: str, quantity: int = 2) -> Page:
    page = await cast.at(f"/events/{event}/waitlist")
    await page.get_by_label("Email").fill(PERSON["email"])
    await page.get_by_label("Seats").fill(str(quantity))
    await page.get_by_role("button", name="Join the waiting list").click()
    await page.get_by_role("heading", name="You are on the waiting list").wait_for()
    return page


async def _offered(cast: Cast, event: str) -> Page:
    """The page of an offer, by its link."""
    page = await _waits(cast, event)
    await cast.house.seat_scripts.block(event, 0, 0, 100, 101)
    for _ in range(100):
        entry = await cast.ask(page, "GET", f"/api/v1/events/{event}/waitlist")
        if "offer_token" in entry:
            return await cast.go(page, f"/offers/{entry['offer_token']}")
        await asyncio.sleep(0.1)
    raise AssertionError(f"never offered: {entry}")


@scene
async def event_sold_out(cast: Cast) -> Page:
    return await cast.at(f"/events/{await _sold_out(cast)}")


@scene
async def waitlist(cast: Cast) -> Page:
    return await cast.at(f"/events/{await _sold_out(cast)}/waitlist")


@scene
async def waitlist_faults(cast: Cast) -> Page:
    page = await waitlist(cast)
    await page.get_by_label("Email").fill("ann@nowhere")
    await page.get_by_label("Seats").fill("99")
    await page.get_by_role("button", name="Join the waiting list").click()
    await page.locator("#e-email").wait_for()
    return page


@scene
async def waitlist_not_yet(cast: Cast) -> Page:
    return await cast.at(f"/events/{await cast.event()}/waitlist")


@scene
async def waitlist_waiting(cast: Cast) -> Page:
    return await _waits(cast, await _sold_out(cast))


@scene
async def waitlist_left(cast: Cast) -> Page:
    page = await waitlist_waiting(cast)
    await page.get_by_text("Leave the list", exact=True).click()
    await page.get_by_role("button", name="Take me off the list").click()
    await page.get_by_role("heading", name="You have left the list").wait_for()
    return page


@scene
async def offer(cast: Cast) -> Page:
    return await _offered(cast, await _sold_out(cast))


@scene
async def offer_declined(cast: Cast) -> Page:
    page = await offer(cast)
    await page.get_by_text("No, thank you", exact=True).click()
    await page.get_by_role("button", name="Say no to these seats").click()
    await page.get_by_role("heading", name="You said no to these seats").wait_for()
    return page


@scene
async def offer_booked(cast: Cast) -> Page:
    page = await offer(cast)
    link = page.url.removeprefix(cast.visit.url)
    await page.get_by_role("button", name="Book these seats").click()
    await page.get_by_label("Your name").fill(PERSON["name"])
    await page.get_by_label("Email").fill(PERSON["email"])
    await page.get_by_role("button", name="Book and go on to payment").click()
    await page.get_by_role("heading", name="One step is left: pay").wait_for()
    return await cast.go(page, link)


@scene
async def organiser_waitlist(cast: Cast) -> Page:
    event = await _sold_out(cast)
    page = await _waits(cast, event)
    await page.close()
    return await cast.go(await cast.organiser(), f"/organiser/events/{event}/sales")
