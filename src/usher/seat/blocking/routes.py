"""Blocking seats over HTTP."""

from typing import Annotated, Any

import msgspec
from litestar import Request, patch
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody
from litestar.response.base import ASGIResponse
from msgspec import Meta

from usher import limits
from usher.account.guards import actor_of, require_role
from usher.plumbing.answer import answer, shaped
from usher.seat.blocking.service import Blocking
from usher.seat.model import Guid

Guids = Annotated[list[Guid], Meta(max_length=limits.plan_seats_max)]
# Guids of a whole hall, with their quotes and commas.
_BODY_MAX = limits.plan_seats_max * 40


class SeatsChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Guids of seats to take off sale, and of seats to put back."""

    block: Guids = []
    unblock: Guids = []


class SeatsBlocked(msgspec.Struct):
    """How many seats of the event are blocked now."""

    blocked: int


def blocking_handlers(blocking: Blocking) -> list[HTTPRouteHandler]:
    """The routes, bound to their services."""

    @patch(
        "/api/v1/events/{event:str}/seats",
        guards=[require_role("organiser", "admin")],
        responses=shaped(SeatsBlocked),
        request_max_body_size=_BODY_MAX,
    )
    async def block_seats(
        event: FromPath[str], data: JSONBody[SeatsChange], request: Request[Any, Any, Any]
    ) -> ASGIResponse:
        """Block seats and put blocked ones back on sale: all of them, or none where a fan has one
        that is to be blocked (409 names them)."""
        actor = actor_of(request)
        outcome = await blocking.change(actor, event, data.block, data.unblock)
        return answer({"blocked": outcome.blocked})

    return [block_seats]
