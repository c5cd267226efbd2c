"""The page at the door, as `scenes`."""

from playwright.async_api import Page

from tests.journey.cast import Cast, scene
from usher.booking.model import ticket_id
from usher.checkin.model import OfflineScan, OfflineScans
from usher.clock import utc_now
from usher.ids import new_id
from usher.ticket.code import read_code


@scene
async def door(cast: Cast) -> Page:
    page, _, _ = await cast.at_the_door()
    return page


@scene
async def door_already_used(cast: Cast) -> Page:
    page, _, codes = await cast.at_the_door()
    await cast.show(page, codes[0], "Let in")
    await cast.show(page, codes[0], "Already used")
    await page.locator("#latest li").nth(1).wait_for()
    return page


@scene
async def door_vouch(cast: Cast) -> Page:
    page, _, codes = await cast.at_the_door()
    found = read_code(codes[0], await cast.house.ticket_keys.trusted())
    await cast.show(page, ticket_id(found.booking_id, found.seat), "Only a number")
    return page


@scene
async def door_offline(cast: Cast) -> Page:
    page, _, codes = await cast.at_the_door()
    await cast.visit.context.set_offline(True)
    await page.get_by_text("Offline", exact=True).wait_for()
    await cast.show(page, codes[0], "Let in")
    return page


@scene
async def door_contested(cast: Cast) -> Page:
    page, event, codes = await cast.at_the_door()
    await cast.show(page, codes[0], "Let in")
    scan = OfflineScan(code=codes[0], nonce=new_id("hold"), entrance="South", at=utc_now())
    await cast.house.door.upload(event, "acc_" + "0" * 20, OfflineScans(scans=[scan]))
    await page.locator("#contested li").wait_for()
    return page
