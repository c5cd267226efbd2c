"""The line over HTTP."""

import contextlib
from collections.abc import Callable
from typing import Any

from litestar import Request, Response, delete, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from usher import limits
from usher.account.guards import (
    ACCESS_COOKIE,
    FAN_COOKIE,
    admission_cookie,
    cookie,
    place_cookie,
    token_from,
)
from usher.account.model import Actor, Fan, own_fan
from usher.account.service import AccountService
from usher.errors import Unauthenticated
from usher.ids import derived_id
from usher.plumbing.answer import PUBLIC_SECOND, answer, empty, shaped
from usher.plumbing.request import IdempotencyKey
from usher.plumbing.signing import purpose_of
from usher.queue.model import AdmissionView, AdmittedView, JoinView, LineView, PlaceView
from usher.queue.service import Place, QueueService

_PATH = "/api/v1/events/{event:str}/queue"
AnyRequest = Request[Any, Any, Any]


def _fan(
    request: AnyRequest, accounts: AccountService, event: str, key: str | None
) -> tuple[str, str | None]:
    """The fan who asks, and a token for one who is new here.

    With an Idempotency-Key a new fan is the one the key made before: nothing else tells the
    second attempt, after a lost answer, from a second fan. The key is then as good as a token,
    so a short one, which somebody else may choose as well, does not count.
    """
    token = token_from(request, FAN_COOKIE)
    if token is not None:
        try:
            return accounts.fan_of(token).fan_id, None
        except Unauthenticated:
            # A program is told; a browser with a cookie from long ago is simply new here.
            if "authorization" in request.headers and purpose_of(token) != "access":
                raise
    if account_id := account_from(request, accounts):
        fan = Fan(own_fan(account_id), account_id)
        return fan.fan_id, accounts.fan_token(fan)
    if key is None or len(key) < limits.join_key_chars_min:
        return accounts.new_fan()
    fan = Fan(derived_id("fan", event, key))
    return fan.fan_id, accounts.fan_token(fan)


def account_from(request: AnyRequest, accounts: AccountService) -> str:
    """The account of who asks, "" of none: of a browser's access token, or the one a fan token was
    tied to on logging in, by which a page that has been open for hours may still join."""
    read_access: Callable[[str], Actor | Fan] = accounts.actor
    read_fan: Callable[[str], Actor | Fan] = accounts.fan_of
    readers = [(read_access, ACCESS_COOKIE), (read_fan, FAN_COOKIE)]
    # The likely one first: a good token is remembered, what is none costs PyJWT's full look.
    for read, name in reversed(readers) if "authorization" in request.headers else readers:
        token = token_from(request, name)
        if token is not None:
            with contextlib.suppress(Unauthenticated):
                return read(token).account_id or ""
    return ""


def _admission_cookie(event: str, admission: dict[str, Any]) -> str:
    lasts_s = admission["expires_in_s"] + 60
    return cookie(admission_cookie(event), admission["admission_token"], lasts_s)


def place_from(request: AnyRequest, queue: QueueService, event: str) -> Place:
    """The place whose token the request carries; Unauthenticated."""
    return queue.place_of(event, token_from(request, place_cookie(event)))


def _held(request: AnyRequest, queue: QueueService, event: str) -> Place | None:
    """The place a browser has already; a program asks for that with its place token."""
    if "authorization" in request.headers:
        return None
    try:
        return place_from(request, queue, event)
    except Unauthenticated:
        return None


def queue_handlers(queue: QueueService, accounts: AccountService) -> list[HTTPRouteHandler]:
    """The routes, bound to their services."""

    @get(_PATH, responses=shaped(LineView))
    async def show_queue(event: FromPath[str]) -> ASGIResponse:
        """The line for everybody: its length, its speed, the seats left, and the curve on which a
        page finds its own position. The same bytes for all for a second."""
        return answer(await queue.state(event), cache=PUBLIC_SECOND)

    @post(
        _PATH,
        status_code=202,
        responses=shaped(JoinView, 202, "A place in line.")
        | shaped(AdmittedView, 200, "The right to shop: no line, or its end."),
    )
    async def join_queue(
        event: FromPath[str],
        request: AnyRequest,
        key: IdempotencyKey = None,
    ) -> ASGIResponse:
        """Take a place, or be told where you stand: 202 with a place token. In a simple sale: 200
        with an admission token, and no line. Joining again never makes a second place: it is
        known by the fan token, or, where the first answer was lost, by an Idempotency-Key of 16
        characters or more (a UUID, say). A sale may be for who is logged in: then an access token
        is needed, or a fan token given on logging in."""
        fan_id, new_token = _fan(request, accounts, event, key)
        joined = await queue.join(
            event, fan_id, _held(request, queue, event), account_from(request, accounts)
        )
        body: dict[str, Any] = {"place_token": joined.place_token, "place": joined.view}
        cookies = [cookie(place_cookie(event), joined.place_token, limits.place_token_s)]
        if new_token is not None:
            body["fan_token"] = new_token
            cookies.append(cookie(FAN_COOKIE, new_token, limits.fan_token_s))
        if joined.admission is None:
            return answer(body, 202, cookies=cookies)
        cookies.append(_admission_cookie(event, joined.admission))
        return answer(body | joined.admission, 200, cookies=cookies)

    @get(_PATH + "/place", responses=shaped(PlaceView))
    async def show_place(
        event: FromPath[str],
        request: AnyRequest,
    ) -> ASGIResponse:
        """Where you stand, how many are ahead, how long it may take, when to ask again."""
        return answer(await queue.place(place_from(request, queue, event)))

    @post(_PATH + "/place/claim", status_code=200, responses=shaped(AdmissionView))
    async def claim_place(
        event: FromPath[str],
        request: AnyRequest,
    ) -> ASGIResponse:
        """Come in after being called: the admission token. Repeatable."""
        admission = await queue.claim(place_from(request, queue, event))
        return answer(admission, cookies=[_admission_cookie(event, admission)])

    @delete(_PATH + "/place", status_code=204)
    async def leave_queue(
        event: FromPath[str],
        request: AnyRequest,
    ) -> Response[None]:
        """Give your place up."""
        await queue.leave(place_from(request, queue, event))
        return empty(clear=[place_cookie(event), admission_cookie(event)])

    return [show_queue, join_queue, show_place, claim_place, leave_queue]
