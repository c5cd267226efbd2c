"""Whose entry on a waiting list is asked about: by a token of the entry, or by the fan's."""

from typing import Any

from litestar import Request

from usher.account.guards import FAN_COOKIE, token_from
from usher.account.model import Fan
from usher.account.service import AccountService
from usher.errors import NotFound, Unauthenticated
from usher.ids import derived_id
from usher.plumbing.signing import purpose_of
from usher.queue.guards import account_from, fan_from
from usher.waitlist.model import Entry
from usher.waitlist.service import WaitlistService

AnyRequest = Request[Any, Any, Any]


async def entry_from(
    request: AnyRequest, waitlist: WaitlistService, accounts: AccountService, event: str
) -> Entry:
    """The entry of who asks; Unauthenticated, NotFound."""
    token = token_from(request, FAN_COOKIE)
    if token is not None and purpose_of(token) == "entry":
        return await waitlist.of_token(token, event)
    if token is None:
        raise Unauthenticated("a token is needed: that of the entry, or of its fan")
    entry = await waitlist.of_fan(
        event, accounts.fan_of(token).fan_id, account_from(request, accounts)
    )
    if entry is None:
        raise NotFound("you are not on the waiting list of this event")
    return entry


def buyer_from(
    request: AnyRequest, accounts: AccountService, entry: Entry
) -> tuple[str, str | None]:
    """The fan who books what an entry was offered, and a token for one who is new here.

    Who opens the link where they are somebody already books as that one, and what they have booked
    there before stays theirs. In a browser that knows nobody it is a fan of this entry alone: the
    link lets nobody in to what else was booked by whoever joined.
    """
    if token_from(request, FAN_COOKIE) is None and not account_from(request, accounts):
        fan = Fan(derived_id("fan", entry.id))
        return fan.fan_id, accounts.fan_token(fan)
    return fan_from(request, accounts, entry.event_id, None)
