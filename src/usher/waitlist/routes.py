"""Waiting lists and offers over HTTP."""

import re
from typing import Annotated, Any, Final

import msgspec
from litestar import Request, Response, delete, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody, QueryParameter
from litestar.response.base import ASGIResponse

from usher import limits
from usher.account.guards import FAN_COOKIE, cookie, own_event, require_role
from usher.account.service import AccountService
from usher.booking.model import LANGUAGE
from usher.plumbing.answer import answer, empty, shaped
from usher.plumbing.cursor import Cursor, cursor_after, read_cursor
from usher.plumbing.request import IdempotencyKey
from usher.queue.guards import account_from, admission_cookies, fan_from
from usher.seat.guards import keep_hold
from usher.waitlist.guards import buyer_from, entry_from
from usher.waitlist.model import (
    AcceptedView,
    EntryView,
    JoinedView,
    ListView,
    OfferView,
    WaitRequest,
)
from usher.waitlist.service import WaitlistService

_PATH: Final = "/api/v1/events/{event:str}/waitlist"
_OFFER: Final = "/api/v1/offers/{token:str}"
_MAY: Final = [require_role("organiser", "admin"), own_event]
AnyRequest = Request[Any, Any, Any]


def waitlist_handlers(
    waitlist: WaitlistService, accounts: AccountService
) -> list[HTTPRouteHandler]:
    """The routes, bound to their services."""

    @post(_PATH, status_code=201, responses=shaped(JoinedView, 201))
    async def join_waitlist(
        event: FromPath[str],
        data: JSONBody[WaitRequest],
        request: AnyRequest,
        key: IdempotencyKey = None,
    ) -> ASGIResponse:
        """Wait for seats that come back, once all are sold: they are offered in the order of
        joining to who fits. A fan has one entry; asked again it is the same one."""
        fan_id, fan_token = fan_from(request, accounts, event, key)
        if not data.language:
            said = request.headers.get("accept-language", "")
            if len(said) <= limits.language_chars_max and re.match(LANGUAGE, said):
                data = msgspec.structs.replace(data, language=said)
        account_id = account_from(request, accounts)
        entry = await waitlist.join(event, fan_id, data, key, account_id)
        body = await waitlist.view(entry) | {"entry_token": waitlist.entry_token(entry)}
        if fan_token is None:
            return answer(body, 201)
        cookies = [cookie(FAN_COOKIE, fan_token, limits.fan_token_s)]
        return answer(body | {"fan_token": fan_token}, 201, cookies=cookies)

    @get(_PATH, responses=shaped(EntryView))
    async def show_entry(event: FromPath[str], request: AnyRequest) -> ASGIResponse:
        """Your last entry: how many wait before it, or what became of it."""
        return answer(await waitlist.view(await entry_from(request, waitlist, accounts, event)))

    @delete(_PATH, status_code=204)
    async def leave_waitlist(event: FromPath[str], request: AnyRequest) -> Response[None]:
        """Leave the list; an offer that stands is declined."""
        await waitlist.leave(await entry_from(request, waitlist, accounts, event))
        return empty()

    @get(_PATH + "/entries", guards=_MAY, responses=shaped(ListView))
    async def list_entries(
        event: FromPath[str],
        wanted: Annotated[
            str,
            QueryParameter(
                name="state",
                pattern=r"^(waiting|offered|booked|lapsed|declined|left)?$(?!\n)",
                description="Only entries in this state.",
            ),
        ] = "",
        limit: Annotated[int, QueryParameter(ge=1, le=limits.page_rows_max)] = 50,
        cursor: Cursor = "",
    ) -> ASGIResponse:
        """The waiting list of an event for its organiser, in the order of joining."""
        after = read_cursor(cursor, "entry")
        view, last = await waitlist.listing(event, wanted, after, limit)
        return answer(view | {"cursor": cursor_after(last.created_at, last.id) if last else None})

    @get(_OFFER, responses=shaped(OfferView))
    async def show_offer(token: FromPath[str]) -> ASGIResponse:
        """Seats kept for you, or what became of the offer."""
        return answer((await waitlist.offer(token)).view)

    @post(_OFFER + "/acceptance", status_code=200, responses=shaped(AcceptedView))
    async def accept_offer(token: FromPath[str], request: AnyRequest) -> ASGIResponse:
        """What books the seats of an offer: POST /api/v1/bookings with this admission. Repeatable,
        until the offer is over."""
        offer = await waitlist.offer(token)
        fan_id, fan_token = buyer_from(request, accounts, offer.entry)
        accepted = await waitlist.accept(token, fan_id)
        event = offer.entry.event_id
        cookies = [
            *admission_cookies(event, accepted),
            keep_hold(request, event, accepted["hold_id"]),
        ]
        if fan_token is not None:
            accepted |= {"fan_token": fan_token}
            cookies.append(cookie(FAN_COOKIE, fan_token, limits.fan_token_s))
        return answer(accepted, cookies=cookies)

    @delete(_OFFER, status_code=204)
    async def decline_offer(token: FromPath[str]) -> Response[None]:
        """Say no: the seats go to the next in line at once."""
        await waitlist.decline(token)
        return empty()

    return [
        join_waitlist,
        show_entry,
        leave_waitlist,
        list_entries,
        show_offer,
        accept_offer,
        decline_offer,
    ]
