"""Pages of organisers, as `scenes`."""

import asyncio

from playwright.async_api import Page

from tests.journey.cast import Cast, scene
from tests.race import buyers
from usher.errors import NotFound
from usher.ids import new_id


@scene
async def organiser_events(cast: Cast) -> Page:
    await cast.event()
    return await cast.go(await cast.organiser(), "/organiser")


@scene
async def organiser_new_event(cast: Cast) -> Page:
    return await cast.go(await cast.organiser(), "/organiser/events/new")


@scene
async def organiser_event(cast: Cast) -> Page:
    event = await cast.event()
    return await cast.go(await cast.organiser(), f"/organiser/events/{event}")


@scene
async def organiser_console(cast: Cast) -> Page:
    """In the middle of a sale: tickets sold, seats held, a line that waits."""
    event = await cast.event(mode="simple", rate_per_min=60, capacity=20)
    for first in range(0, 60, 5):
        purchase = await buyers.book(cast.house, event, *range(first, first + 3))
        for _ in range(100):
            try:
                payment = await buyers.start_payment(cast.house, purchase)
                break
            except NotFound:  # not committed yet
                await asyncio.sleep(0.05)
        await buyers.decide(cast.house, payment, "approve")
    for first in range(100, 130, 6):
        await buyers.hold(cast.house, await buyers.enter(cast.house, event), first, first + 1)
    await cast.sale(event, mode="queued")
    for _ in range(40):
        await cast.house.queue.join(event, new_id("fan"))
    return await cast.go(await cast.organiser(), f"/organiser/events/{event}/console")


@scene
async def organiser_sales(cast: Cast) -> Page:
    event = await cast.event(mode="simple")
    page, _ = await cast.paid(event)
    await page.close()
    return await cast.go(await cast.organiser(), f"/organiser/events/{event}/sales")


@scene
async def organiser_changes(cast: Cast) -> Page:
    event = await cast.event()
    await cast.gate(event, rate_per_min=120)
    return await cast.go(await cast.organiser(), f"/organiser/events/{event}/changes")
