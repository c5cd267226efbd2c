"""The page behind the link at the foot of a mail."""

import asyncio

from playwright.async_api import Page

from tests.journey.cast import Cast, scene
from usher.notice.model import message_id


async def _link(cast: Cast) -> str:
    """The address that a reminder holds."""
    _, booking = await cast.paid(await cast.event(mode="simple"))
    letter = f"event.reminder {booking}"
    await cast.house.messenger.carry([letter])
    message = {"sub": message_id(letter, "email")}
    return f"/messages/{cast.house.signer.sign('opt_out', message, expires_s=2**40)}"


@scene
async def messages(cast: Cast) -> Page:
    return await cast.at(await _link(cast))


@scene
async def messages_unknown(cast: Cast) -> Page:
    return await cast.at("/messages/nothing")


@scene
async def booking_mailed(cast: Cast) -> Page:
    """The tickets were sent a while ago, and may be sent again."""
    page, booking = await cast.paid(await cast.event(mode="simple"))
    for _ in range(300):
        if (await cast.house.messages.tickets_sent(booking)).at:
            break
        await asyncio.sleep(0.05)
    async with cast.house.database.connection() as connection:
        await connection.execute(
            "UPDATE message SET created_at = created_at - interval '2 minutes'"
            " WHERE booking_id = $1",
            booking,
        )
    await cast.go(page, f"/bookings/{booking}")
    await page.get_by_role("button", name="Send them again").wait_for()
    return page
