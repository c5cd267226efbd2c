"""The log of messages over HTTP, for organisers and staff."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from litestar import Request, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from usher.account.guards import actor_of, require_role
from usher.account.model import Role
from usher.clock import iso
from usher.errors import Forbidden
from usher.notice.model import Message, MessageList
from usher.notice.service import MessageService
from usher.plumbing.answer import answer, shaped


def message_handlers(
    messages: MessageService, owner_of: Callable[[str], Awaitable[str | None]]
) -> list[HTTPRouteHandler]:
    """The routes, bound to their services. `owner_of` names the account an event belongs to."""

    @get(
        "/api/v1/bookings/{booking:str}/messages",
        guards=[require_role("organiser", "staff", "admin")],
        responses=shaped(MessageList),
    )
    async def list_messages(
        booking: FromPath[str], request: Request[Any, Any, Any]
    ) -> ASGIResponse:
        """What was sent about a booking to whom, when, and what came of it; oldest first."""
        actor = actor_of(request)
        event = (await messages.booking(booking)).event_id
        if actor.role is Role.ORGANISER and await owner_of(event) not in (None, actor.account_id):
            raise Forbidden("this event is another organiser's")
        found = await messages.of_booking(booking)
        return answer({"messages": [message_view(each) for each in found]})

    return [list_messages]


def message_view(message: Message) -> dict[str, Any]:
    """A message on the wire."""
    fields = msgspec.structs.asdict(message)
    view = {"message_id": fields.pop("id"), **fields}
    for name in ("created_at", "tried_at", "sent_at"):
        view[name] = iso(view[name]) if view[name] else None
    return view
