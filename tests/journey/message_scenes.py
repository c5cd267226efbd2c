"""The page behind the link at the foot of a mail."""

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
