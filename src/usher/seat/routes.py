"""Holds over HTTP."""

from typing import Any

from litestar import Request, Response, delete, get, patch, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody
from litestar.response.base import ASGIResponse

from usher.account.guards import admission_cookie, by_program, token_from
from usher.errors import BadInput
from usher.plumbing.answer import answer, empty, shaped
from usher.plumbing.express import EXPRESS
from usher.plumbing.request import IdempotencyKey
from usher.seat.guards import keep_hold
from usher.seat.model import HoldChange, HoldRequest, HoldView
from usher.seat.service import Admission, SeatService

_PATH = "/api/v1/events/{event:str}/holds"
AnyRequest = Request[Any, Any, Any]


def _admission(request: AnyRequest, seats: SeatService, event: str) -> Admission:
    return seats.admission_of(event, token_from(request, admission_cookie(event)))


def seat_handlers(seats: SeatService) -> list[HTTPRouteHandler]:
    """The routes, bound to their services."""

    @post(_PATH, status_code=201, responses=shaped(HoldView, 201), opt=EXPRESS)
    async def hold_seats(
        event: FromPath[str],
        data: JSONBody[HoldRequest],
        request: AnyRequest,
        key: IdempotencyKey = None,
    ) -> ASGIResponse:
        """Hold named seats, or the best available: all of them, or none."""
        held = await seats.hold(_admission(request, seats, event), data, key)
        location = ("location", f"/api/v1/events/{event}/holds/{held['hold_id']}")
        # A browser keeps its holds, so that the next page can say what it has.
        cookies = [] if by_program(request.scope) else [keep_hold(request, event, held["hold_id"])]
        return answer(held, 201, headers=[location], cookies=cookies)

    @get(_PATH + "/{hold:str}", responses=shaped(HoldView))
    async def show_hold(
        event: FromPath[str],
        hold: FromPath[str],
        request: AnyRequest,
    ) -> ASGIResponse:
        """A hold of yours as it stands."""
        return answer(await seats.read(_admission(request, seats, event), hold))

    @patch(_PATH + "/{hold:str}", responses=shaped(HoldView))
    async def change_hold(
        event: FromPath[str],
        hold: FromPath[str],
        data: JSONBody[HoldChange],
        request: AnyRequest,
    ) -> ASGIResponse:
        """Extend a hold, up to its cap."""
        admission = _admission(request, seats, event)
        if not data.extend:
            raise BadInput('all that can be changed of a hold is {"extend": true}')
        return answer(await seats.extend(admission, hold))

    @delete(_PATH + "/{hold:str}", status_code=204)
    async def free_hold(
        event: FromPath[str],
        hold: FromPath[str],
        request: AnyRequest,
    ) -> Response[None]:
        """Let a hold go; its seats are on sale again at once."""
        await seats.free(_admission(request, seats, event), hold)
        return empty()

    return [hold_seats, show_hold, change_hold, free_hold]
