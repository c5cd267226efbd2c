"""The line over HTTP."""

from typing import Any

from litestar import Request, Response, delete, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from usher.account.guards import admission_cookie, place_cookie
from usher.account.service import AccountService
from usher.plumbing.answer import PUBLIC_SECOND, answer, empty, shaped
from usher.plumbing.express import EXPRESS
from usher.plumbing.request import IdempotencyKey
from usher.queue.guards import admission_cookies, enter, place_from
from usher.queue.model import AdmissionView, AdmittedView, JoinView, LineView, PlaceView
from usher.queue.service import QueueService

_PATH = "/api/v1/events/{event:str}/queue"
AnyRequest = Request[Any, Any, Any]


def queue_handlers(queue: QueueService, accounts: AccountService) -> list[HTTPRouteHandler]:
    """The routes, bound to their services."""

    @get(_PATH, responses=shaped(LineView), opt=EXPRESS)
    async def show_queue(event: FromPath[str]) -> ASGIResponse:
        """The line for everybody: its length, its speed, the seats left, and the curve on which a
        page finds its own position. The same bytes for all for a second."""
        return answer(await queue.state(event), cache=PUBLIC_SECOND)

    @post(
        _PATH,
        status_code=202,
        responses=shaped(JoinView, 202, "A place in line.")
        | shaped(AdmittedView, 200, "The right to shop: no line, or its end."),
        opt=EXPRESS,
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
        entry = await enter(request, queue, accounts, event, key)
        joined = entry.joined
        body: dict[str, Any] = {"place_token": joined.place_token, "place": joined.view}
        if entry.fan_token is not None:
            body["fan_token"] = entry.fan_token
        if joined.admission is None:
            return answer(body, 202, cookies=entry.cookies)
        return answer(body | joined.admission, 200, cookies=entry.cookies)

    @get(_PATH + "/place", responses=shaped(PlaceView), opt=EXPRESS)
    async def show_place(
        event: FromPath[str],
        request: AnyRequest,
    ) -> ASGIResponse:
        """Where you stand, how many are ahead, how long it may take, when to ask again."""
        return answer(await queue.polled(place_from(request, queue, event)))

    @post(_PATH + "/place/claim", status_code=200, responses=shaped(AdmissionView), opt=EXPRESS)
    async def claim_place(
        event: FromPath[str],
        request: AnyRequest,
    ) -> ASGIResponse:
        """Come in after being called: the admission token. Repeatable."""
        admission = await queue.claim(place_from(request, queue, event))
        return answer(admission, cookies=admission_cookies(event, admission))

    @delete(_PATH + "/place", status_code=204)
    async def leave_queue(
        event: FromPath[str],
        request: AnyRequest,
    ) -> Response[None]:
        """Give your place up."""
        await queue.leave(place_from(request, queue, event))
        return empty(clear=[place_cookie(event), admission_cookie(event)])

    return [show_queue, join_queue, show_place, claim_place, leave_queue]
