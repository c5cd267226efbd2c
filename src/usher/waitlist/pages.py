"""The pages of a waiting list: joining it, one's place on it, and the offer that a link opens."""

import contextlib
import re
from datetime import datetime
from typing import Any, Final

from litestar import Request, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from usher import limits
from usher.account.guards import FAN_COOKIE, cookie
from usher.account.service import AccountService
from usher.booking.model import EMAIL
from usher.errors import (
    BookingState,
    Conflict,
    HoldLapsed,
    NotFound,
    NotOpen,
    Unauthenticated,
    Unavailable,
)
from usher.event.model import Showing
from usher.event.pages import event_context
from usher.event.service import EventService
from usher.ids import new_id, sibling_id
from usher.plumbing.form import Form, read_form
from usher.plumbing.language import Language
from usher.plumbing.page import Pages, see_other
from usher.queue.guards import account_from, admission_cookies, fan_from
from usher.seat.guards import keep_hold
from usher.waitlist.guards import buyer_from, entry_from
from usher.waitlist.model import NAME, Entry, WaitRequest
from usher.waitlist.service import WaitlistService

AnyRequest = Request[Any, Any, Any]

_PATH: Final = "/events/{event:str}/waitlist"
_ENTRY: Final = "/waitlist/{token:str}"
_OFFER: Final = "/offers/{token:str}"


def waitlist_pages(
    pages: Pages,
    waitlist: WaitlistService,
    events: EventService,
    accounts: AccountService,
) -> list[HTTPRouteHandler]:
    """The pages, bound to their services."""

    async def own(request: AnyRequest, event: str) -> Entry | None:
        """The entry of this browser, or of who is logged in; None where they have none."""
        try:
            return await entry_from(request, waitlist, accounts, event)
        except (Unauthenticated, NotFound):
            account_id = account_from(request, accounts)
            return await waitlist.of_fan(event, "", account_id) if account_id else None

    async def show(
        request: AnyRequest,
        showing: Showing,
        entry: Entry | None,
        form: Form,
        token: str = "",
        status: int = 200,
    ) -> ASGIResponse:
        """A place on the list, or the form to join it, or why that cannot be. With `token` the
        page is that of an entry, for who has no cookie of its fan."""
        refusal = await waitlist.closed_for(showing.event.id)
        view = await waitlist.view(entry) if entry else None
        return pages.show(
            request,
            "waitlist.html",
            status,
            entry=view,
            due=entry.due if entry else None,
            token=token,
            refusal=refusal.members["state"] if refusal else "",
            off=showing.event.waitlist == "off",
            form=form,
            key=form["key"] or new_id("hold"),
            most=min(showing.event.seats_max, limits.hold_seats_max),
            **event_context(showing),
        )

    @get(_PATH)
    async def show_waitlist(event: FromPath[str], request: AnyRequest) -> ASGIResponse:
        """The place of whoever asks on the waiting list, or the way onto it."""
        showing = await events.shown(event)
        return await show(request, showing, await own(request, event), Form({"quantity": "2"}))

    @post(_PATH)
    async def join_waitlist_page(event: FromPath[str], request: AnyRequest) -> ASGIResponse:
        """Joins the list. Sent twice it is one entry."""
        showing = await events.shown(event)
        form = await read_form(request)
        say = pages.language(request)
        asked = _asked(showing, form, say)
        if asked is None:
            return await show(request, showing, None, form, status=422)
        key = form["key"][: limits.idempotency_key_chars_max] or None
        fan_id, fan_token = fan_from(request, accounts, event, key)
        try:
            await waitlist.join(event, fan_id, asked, None, account_from(request, accounts))
        except NotOpen:
            return see_other(f"/events/{event}/waitlist")
        except Conflict:
            if await own(request, event):  # their place on the list says what they wait for
                return see_other(f"/events/{event}/waitlist")
            form.fault("email", say.gettext("This address is on the waiting list already."))
            return await show(request, showing, None, form, status=409)
        except Unavailable:
            form.fault("email", say.gettext("The waiting list is full. Try again later."))
            return await show(request, showing, None, form, status=503)
        cookies = [cookie(FAN_COOKIE, fan_token, limits.fan_token_s)] if fan_token else []
        return see_other(f"/events/{event}/waitlist", cookies=cookies)

    @post(_PATH + "/leave")
    async def leave_waitlist_page(event: FromPath[str], request: AnyRequest) -> ASGIResponse:
        """Leaves the list; again is harmless."""
        await events.shown(event)
        entry = await own(request, event)
        if entry is not None:
            with contextlib.suppress(BookingState):
                await waitlist.leave(entry)
        return see_other(f"/events/{event}/waitlist")

    @get(_ENTRY)
    async def show_entry_page(token: FromPath[str], request: AnyRequest) -> ASGIResponse:
        """The place of an entry, by the link in a message."""
        entry = await _entry_of(waitlist, token)
        return await show(request, await events.shown(entry.event_id), entry, Form(), token)

    @post(_ENTRY + "/leave")
    async def leave_entry_page(token: FromPath[str]) -> ASGIResponse:
        """Leaves the list by the link in a message."""
        with contextlib.suppress(BookingState):
            await waitlist.leave(await _entry_of(waitlist, token))
        return see_other(f"/waitlist/{token}")

    @get(_OFFER)
    async def show_offer_page(token: FromPath[str], request: AnyRequest) -> ASGIResponse:
        """Seats that are kept, for how long; or what became of them."""
        offer = await waitlist.offer(token)
        view = offer.view
        return pages.show(
            request,
            "offer.html",
            script="offer.js",
            offer=view | {"due_at": datetime.fromisoformat(view["due"])},
            entry=offer.entry,
            token=token,
            booking=sibling_id("booking", offer.entry.hold_id),
            **event_context(offer.showing),
        )

    @post(_OFFER)
    async def take_offer(token: FromPath[str], request: AnyRequest) -> ASGIResponse:
        """On to the checkout of the seats; too late, the offer's page says what became of them."""
        offer = await waitlist.offer(token)
        event = offer.entry.event_id
        fan_id, fan_token = buyer_from(request, accounts, offer.entry)
        try:
            accepted = await waitlist.accept(token, fan_id)
        except (BookingState, HoldLapsed):
            return see_other(f"/offers/{token}")
        cookies = [
            *admission_cookies(event, accepted),
            keep_hold(request, event, accepted["hold_id"]),
        ]
        if fan_token is not None:
            cookies.append(cookie(FAN_COOKIE, fan_token, limits.fan_token_s))
        return see_other(f"/events/{event}/checkout/{accepted['hold_id']}", cookies=cookies)

    @post(_OFFER + "/decline")
    async def decline_offer_page(token: FromPath[str]) -> ASGIResponse:
        """Says no; the page says what became of it."""
        with contextlib.suppress(BookingState):
            await waitlist.decline(token)
        return see_other(f"/offers/{token}")

    return [
        show_waitlist,
        join_waitlist_page,
        leave_waitlist_page,
        show_entry_page,
        leave_entry_page,
        show_offer_page,
        take_offer,
        decline_offer_page,
    ]


async def _entry_of(waitlist: WaitlistService, token: str) -> Entry:
    try:
        return await waitlist.of_token(token)
    except Unauthenticated as refusal:
        raise NotFound("there is no such entry on a waiting list") from refusal


def _asked(showing: Showing, form: Form, say: Language) -> WaitRequest | None:
    """What a form asks for; None where it is at fault, which is noted on it."""
    name, email = form["name"], form["email"]
    if len(name) > limits.person_name_chars_max or not re.match(NAME, name):
        form.fault("name", say.gettext("This name holds characters that cannot be printed."))
    if not email:
        form.fault("email", say.gettext("Please tell us your email address."))
    elif len(email) > limits.email_chars_max or not re.match(EMAIL, email):
        form.fault(
            "email", say.gettext("This is no email address. It should look like ann@example.org.")
        )
    most = min(showing.event.seats_max, limits.hold_seats_max)
    text = say.gettext("Choose a number from 1 to %(num)s.") % {"num": say.number(most)}
    quantity = form.number("quantity", 1, most, text)
    known = [each.name for each in showing.categories]
    categories = [each for each in form.lists.get("category", []) if each in known]
    if not form.good:
        return None
    return WaitRequest(
        email=email, quantity=quantity, categories=categories, name=name, language=say.code
    )
