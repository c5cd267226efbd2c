"""The waiting room: joining the line, standing in it, going in, leaving it.

Every state is on the page from the start, all but one of them hidden: a script that hears of the
next one shows it without asking for anything, when a whole hall hears of it at once.
"""

import re
import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from litestar import Request, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from usher import limits
from usher.account.guards import admission_cookie, clear_cookie
from usher.account.service import AccountService
from usher.clock import utc_now
from usher.errors import Conflict, NotAdmitted, NotFound, NotOpen, Unauthenticated, Unavailable
from usher.event.model import Showing
from usher.event.service import EventService
from usher.ids import is_id
from usher.plumbing.form import Form, read_form
from usher.plumbing.page import Pages, see_other
from usher.queue.guards import admission_cookies, enter, held_place, place_from
from usher.queue.model import PlaceView, in_minutes, shown_as, walked
from usher.queue.service import QueueService

AnyRequest = Request[Any, Any, Any]

_PATH: Final = "/events/{event:str}"
_KEY: Final = re.compile(rf"[\x21-\x7e]{{1,{limits.idempotency_key_chars_max}}}")
_SINCE: Final = re.compile(r"(\d{1,15})-(\d{1,9})")
# Nobody is served well by a page that reloads itself more often than this.
_REFRESH_S_MIN: Final = 5
# States of a sale that nobody can join, and of a place that may only join again.
_SHUT: Final = ("draft", "closed", "sold_out")
_DONE: Final = ("lapsed", "left")


def queue_pages(
    pages: Pages, queue: QueueService, accounts: AccountService, events: EventService
) -> list[HTTPRouteHandler]:
    """The pages, bound to their services."""

    @post(_PATH + "/join")
    async def join_line(event: FromPath[str], request: AnyRequest) -> ASGIResponse:
        """Take a place and be shown it; straight on to the seats for who may shop already."""
        _known(event)
        try:
            entry = await enter(request, queue, accounts, event, _key(await read_form(request)))
        except NotOpen:  # its page says so, and when it will be
            return see_other(_line(event))
        where = _seats(event) if entry.joined.admission is not None else _line(event)
        return see_other(where, cookies=entry.cookies)

    @get(_PATH + "/queue")
    async def show_line(event: FromPath[str], request: AnyRequest) -> ASGIResponse:
        """Where the fan stands now; nobody's place is changed by looking."""
        showing = await events.shown(event)
        view, state, status = await _standing(event, request)
        known = await queue.curves.of(event)
        sale_state = known.curve.state if known else showing.event.sale_state
        if not state or (state in _DONE and sale_state in _SHUT):
            # Who has left, or missed a call, has nothing to wait for in a sale that is shut.
            view, state = {}, sale_state if sale_state in _SHUT else "none"
        if known and known.curve.notice:
            view.setdefault("notice", known.curve.notice)
        since, cookies = _since(request, event, view)
        return pages.show(
            request,
            "queue.html",
            status,
            cookies=cookies,
            headers=[("retry-after", "5")] if status == 503 else [],
            script="queue.js",
            event=showing.event,
            state=state,
            sale_state=sale_state,
            place=dict.fromkeys(PlaceView.__struct_fields__) | view,
            minutes=in_minutes(view.get("wait_s")),
            since=since,
            walked=walked(since, view.get("ahead") or 0),
            opens_at=datetime.fromisoformat(view["opens_at"]) if "opens_at" in view else None,
            until=_until(showing),
            key=secrets.token_urlsafe(18),
            refresh_s=_refresh_s(request, view),
        )

    async def _standing(event: str, request: AnyRequest) -> tuple[dict[str, Any], str, int]:
        """The place of whoever asks, the word for it ("" without a place), the page's status."""
        place = held_place(request, queue, event)
        if place is None:
            return {}, "", 200
        try:
            view = await queue.polled(place)
        except NotOpen:
            return {}, "", 200
        except Unavailable:  # the page is still good for waiting until the servers are back
            return {}, "away", 503
        return view, shown_as(view), 200

    @post(_PATH + "/queue/claim")
    async def go_in(event: FromPath[str], request: AnyRequest) -> ASGIResponse:
        """Come in after being called, again as often as pressed; else be shown why not."""
        _known(event)
        try:
            admission = await queue.claim(place_from(request, queue, event))
        except (Conflict, NotAdmitted, Unauthenticated):
            return see_other(_line(event))
        return see_other(_seats(event), cookies=admission_cookies(event, admission))

    @post(_PATH + "/queue/leave")
    async def leave_line(event: FromPath[str], request: AnyRequest) -> ASGIResponse:
        """Give the place up. Its cookie stays: by it the page can say that it was given up."""
        _known(event)
        place = held_place(request, queue, event)
        if place is not None:
            await queue.leave(place)
        return see_other(_line(event), cookies=[clear_cookie(admission_cookie(event))])

    return [join_line, show_line, go_in, leave_line]


def _known(event: str) -> None:
    """NotFound for what cannot be an event: the address is where a form leads back to."""
    if not is_id("event", event):
        raise NotFound(f"there is no event {event[:40]!r}")


def _line(event: str) -> str:
    return f"/events/{event}/queue"


def _seats(event: str) -> str:
    return f"/events/{event}/seats"


def _key(form: Form) -> str | None:
    return form["key"] if _KEY.fullmatch(form["key"]) else None


def _since(request: AnyRequest, event: str, view: Mapping[str, Any]) -> tuple[int, list[str]]:
    """How many were ahead when this fan began to wait, kept in a cookie beside the number it is
    true of; a fan without one begins now. It says nothing that anybody needs to believe."""
    number, ahead = view.get("number"), view.get("ahead")
    if number is None or ahead is None:
        return 0, []
    kept = _SINCE.fullmatch(request.cookies.get(f"since-{event}", ""))
    if kept and int(kept[1]) == number and int(kept[2]) >= ahead:
        return int(kept[2]), []
    lasts = f"Path={_line(event)}; Max-Age={limits.place_token_s}; SameSite=Lax"
    return ahead, [f"since-{event}={number}-{ahead}; {lasts}"]


def _until(showing: Showing) -> dict[str, int]:
    """Seconds to the lobby and to the opening; 0 where past or not known."""
    now = utc_now()
    moments = {"lobby": showing.event.lobby_at, "opens": showing.event.opens_at}
    return {
        name: max(0, round((moment - now).total_seconds())) if moment else 0
        for name, moment in moments.items()
    }


def _refresh_s(request: AnyRequest, view: Mapping[str, Any]) -> int:
    """How often a page without a script loads itself again: 0, never, unless it was asked to."""
    if "refresh" not in request.query_params:
        return 0
    return max(_REFRESH_S_MIN, int(view.get("poll_after_s", 0)))
