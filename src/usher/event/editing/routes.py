"""Making and changing events over HTTP, for organisers."""

from typing import Any

import msgspec
from litestar import Request, get, patch, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody
from litestar.response.base import ASGIResponse

from usher import limits
from usher.account.guards import actor_of, require_role
from usher.event.editing.model import EventChange, EventFacts, EventRequest, Facts
from usher.event.editing.service import Editor
from usher.plumbing.answer import answer, shaped
from usher.plumbing.request import IdempotencyKey

AnyRequest = Request[Any, Any, Any]

_MAY = [require_role("organiser", "admin")]
_EVENT = "/api/v1/events/{event:str}"
_BODY_MAX = limits.plan_bytes_max + limits.body_bytes_max


def facts_view(facts: Facts) -> dict[str, Any]:
    """An event as its organiser sees it, on the wire."""
    told: dict[str, Any] = msgspec.to_builtins(facts)
    return {name: told[name] for name in EventFacts.__struct_fields__}


def editing_handlers(editor: Editor) -> list[HTTPRouteHandler]:
    """The routes, bound to their services."""

    @post(
        "/api/v1/events",
        status_code=201,
        guards=_MAY,
        responses=shaped(EventFacts, 201),
        request_max_body_size=_BODY_MAX,
    )
    async def create_event(
        data: JSONBody[EventRequest], request: AnyRequest, key: IdempotencyKey = None
    ) -> ASGIResponse:
        """A draft from a plan: rows and columns, a bowl, a pretix document or an SVG. `report`
        says what had to be repaired. With a key, the same again is the same event."""
        actor = actor_of(request)
        event = await editor.request(actor, key, data)
        facts = facts_view(await editor.facts(actor, event))
        return answer(facts, 201, headers=[("location", f"/api/v1/events/{event}/draft")])

    @get(_EVENT + "/draft", guards=_MAY, responses=shaped(EventFacts))
    async def show_draft(event: FromPath[str], request: AnyRequest) -> ASGIResponse:
        """An event as its organiser sees it, published or not."""
        return answer(facts_view(await editor.facts(actor_of(request), event)))

    @patch(_EVENT, guards=_MAY, responses=shaped(EventFacts))
    async def change_event(
        event: FromPath[str], data: JSONBody[EventChange], request: AnyRequest
    ) -> ASGIResponse:
        """Change texts, time and place; prices and currency until fans can buy (then 409)."""
        return answer(facts_view(await editor.change(actor_of(request), event, data)))

    @post(_EVENT + "/publication", status_code=200, guards=_MAY, responses=shaped(EventFacts))
    async def publish_event(event: FromPath[str], request: AnyRequest) -> ASGIResponse:
        """Publish a draft: fans see it, its seats are laid out. Again is harmless."""
        return answer(facts_view(await editor.publish(actor_of(request), event)))

    return [create_event, show_draft, change_event, publish_event]
