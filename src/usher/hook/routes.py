"""Hooks over HTTP, for organisers."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from litestar import Request, Response, delete, get, patch, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody, QueryParameter
from litestar.response.base import ASGIResponse

from usher import limits
from usher.account.guards import actor_of, require_role
from usher.hook.model import (
    Delivery,
    DeliveryPage,
    DeliveryView,
    Hook,
    HookChange,
    HookPage,
    HookRequest,
    HookView,
    SecretView,
    delivery_view,
    hook_view,
)
from usher.hook.service import HookService
from usher.plumbing.answer import answer, empty, shaped
from usher.plumbing.cursor import Cursor, cursor_after, read_cursor
from usher.plumbing.request import IdempotencyKey

AnyRequest = Request[Any, Any, Any]
Rows = Annotated[int, QueryParameter(ge=1, le=limits.page_rows_max)]
Wanted = Annotated[
    Literal["pending", "done", "dead"] | None,
    QueryParameter(name="state", description="Only deliveries in this state."),
]

_MAY = [require_role("organiser", "admin")]
_HOOK = "/api/v1/hooks/{hook:str}"


def secret_view(hook: Hook, secret: str) -> dict[str, Any]:
    """A hook on the wire, this once with its secret."""
    view = hook_view(hook) | {"secret": secret}
    return view | ({"old_secret_until": hook.old_until} if hook.old_until else {})


def _cursor(found: Sequence[Hook | Delivery], limit: int) -> str | None:
    """Of `limit` rows and one more, where there is one."""
    if len(found) <= limit:
        return None
    return cursor_after(found[limit - 1].created_at, found[limit - 1].id)


def hook_handlers(hooks: HookService) -> list[HTTPRouteHandler]:
    """The routes, bound to their service."""

    @get("/api/v1/hooks", guards=_MAY, responses=shaped(HookPage))
    async def list_hooks(
        request: AnyRequest, limit: Rows = 50, cursor: Cursor = ""
    ) -> ASGIResponse:
        """Your webhooks, newest first; an administrator sees everybody's."""
        after = read_cursor(cursor, "hook")
        found = await hooks.mine(actor_of(request), after, limit + 1)
        shown = [hook_view(each) for each in found[:limit]]
        return answer({"hooks": shown, "cursor": _cursor(found, limit)})

    @post("/api/v1/hooks", status_code=201, guards=_MAY, responses=shaped(SecretView, 201))
    async def add_hook(
        data: JSONBody[HookRequest], request: AnyRequest, key: IdempotencyKey = None
    ) -> ASGIResponse:
        """Have facts posted to an address of yours; an administrator's hears of every event. The
        secret that signs them is told here, this once. With a key, the same again is the same
        hook."""
        hook, secret = await hooks.add(actor_of(request), key, data)
        place = ("location", f"/api/v1/hooks/{hook.id}")
        return answer(secret_view(hook, secret), 201, headers=[place])

    @get(_HOOK, guards=_MAY, responses=shaped(HookView))
    async def show_hook(hook: FromPath[str], request: AnyRequest) -> ASGIResponse:
        """A webhook, and how it fares."""
        return answer(hook_view(await hooks.find(actor_of(request), hook)))

    @patch(_HOOK, guards=_MAY, responses=shaped(HookView))
    async def change_hook(
        hook: FromPath[str], data: JSONBody[HookChange], request: AnyRequest
    ) -> ASGIResponse:
        """Change its address or what it hears of; pause it, or make it active again."""
        return answer(hook_view(await hooks.change(actor_of(request), hook, data)))

    @delete(_HOOK, guards=_MAY)
    async def remove_hook(hook: FromPath[str], request: AnyRequest) -> Response[None]:
        """Forget a webhook and its log."""
        await hooks.remove(actor_of(request), hook)
        return empty()

    @post(_HOOK + "/secret", status_code=200, guards=_MAY, responses=shaped(SecretView))
    async def rotate_secret(
        hook: FromPath[str], request: AnyRequest, key: IdempotencyKey = None
    ) -> ASGIResponse:
        """A new secret, told this once. For a day the one before signs as well."""
        return answer(secret_view(*await hooks.rotate(actor_of(request), hook, key)))

    @post(_HOOK + "/test", status_code=202, guards=_MAY, responses=shaped(DeliveryView, 202))
    async def test_hook(
        hook: FromPath[str], request: AnyRequest, key: IdempotencyKey = None
    ) -> ASGIResponse:
        """Have a `hook.ping` posted, which is about nothing."""
        told = await hooks.test(actor_of(request), hook, key)
        place = ("location", f"/api/v1/hooks/{hook}/deliveries/{told.id}")
        return answer(delivery_view(told, whole=True), 202, headers=[place])

    @get(_HOOK + "/deliveries", guards=_MAY, responses=shaped(DeliveryPage))
    async def list_deliveries(
        hook: FromPath[str],
        request: AnyRequest,
        wanted: Wanted = None,
        limit: Rows = 50,
        cursor: Cursor = "",
    ) -> ASGIResponse:
        """What was posted to a webhook, and what it answered; newest first, of the last 30 days."""
        after = read_cursor(cursor, "delivery")
        found = await hooks.deliveries(actor_of(request), hook, wanted or "", after, limit + 1)
        shown = [delivery_view(each) for each in found[:limit]]
        return answer({"deliveries": shown, "cursor": _cursor(found, limit)})

    @get(_HOOK + "/deliveries/{delivery:str}", guards=_MAY, responses=shaped(DeliveryView))
    async def show_delivery(
        hook: FromPath[str], delivery: FromPath[str], request: AnyRequest
    ) -> ASGIResponse:
        """A delivery with its body."""
        found = await hooks.delivery(actor_of(request), hook, delivery)
        return answer(delivery_view(found, whole=True))

    @post(
        _HOOK + "/deliveries/{delivery:str}/replay",
        status_code=202,
        guards=_MAY,
        responses=shaped(DeliveryView, 202),
    )
    async def replay_delivery(
        hook: FromPath[str], delivery: FromPath[str], request: AnyRequest
    ) -> ASGIResponse:
        """Have a delivery made again, as it was, under the same webhook-id."""
        told = await hooks.replay(actor_of(request), hook, delivery)
        return answer(delivery_view(told, whole=True), 202)

    return [
        *(list_hooks, add_hook, show_hook, change_hook, remove_hook, rotate_secret, test_hook),
        *(list_deliveries, show_delivery, replay_delivery),
    ]
