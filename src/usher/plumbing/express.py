"""The short way to the hottest handlers, past what Litestar does around each request.

Litestar's way to a handler (its stack of ASGI layers, its routing, the search for parameters, an
exit stack, the search for how to answer) is a third of a join; of a handler that is given its
request and gives a finished answer, none of that changes anything. Such handlers say `opt=EXPRESS`
and take nothing but the id in their address, the request, a JSON body and an Idempotency-Key.

They stay Litestar's: its description of the API has them, and whatever is not plain (another
method, an address written otherwise, a header that is refused) goes the usual way to the same
handler. tests/contract/test_express.py asks both ways the same.
"""

import re
from collections.abc import Awaitable, Callable
from inspect import getmro, signature
from typing import Any, Final, NamedTuple, cast

from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute
from litestar.types import ASGIApp, Receive, Scope, Send

from usher import limits
from usher.errors import SetupError
from usher.plumbing.answer import ONE_WRITE, Answer
from usher.plumbing.request import IDEMPOTENCY_KEY, StrictRequest

EXPRESS: Final = {"express": True}
# An id as ids.py makes them; whatever else stands in its place is looked at the usual way.
_ID: Final = re.compile(r"(?<=/)[a-z]{3}_[0-9a-f]{20}(?=/|$)")
_TEMPLATE: Final = re.compile(r"\{(\w+):str\}")
_HOST: Final = re.compile(rb"[\w.:\[\]-]+")
_KEY: Final = re.compile(IDEMPOTENCY_KEY)
_KEY_CHARS_MAX: Final = limits.idempotency_key_chars_max


class _Way(NamedTuple):
    """A handler, the names of what it takes, the name of the id in its address ("" where there is
    none), and what is asked of every request before."""

    handler: HTTPRouteHandler
    takes: frozenset[str]
    id_name: str
    before: Callable[[Any], Awaitable[Any]] | None


class Express:
    """`app`, and before it the short way to those of its handlers that are EXPRESS; SetupError
    where one takes what it would not be given here."""

    def __init__(self, app: Litestar) -> None:
        self._app = app
        self._ways = {
            (method, _TEMPLATE.sub("", route.path)): _way(handler)
            for route in app.routes
            if isinstance(route, HTTPRoute)
            for handler in route.route_handlers
            if handler.opt.get("express")
            for method in handler.http_methods
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        known = self._known(cast(dict[str, Any], scope))
        if known is None:
            await cast(ASGIApp, self._app)(scope, receive, send)
            return
        way, given = known
        request = self._request(way, given, scope, receive, send)
        response: ASGIApp
        try:
            response = await _ask(way, given, request)
        except Exception as fault:  # noqa: BLE001 - as Litestar does: each has its answer
            response = self._refusal(request, fault)
        at_once = cast(dict[str, Any], scope).get(ONE_WRITE)
        if at_once and isinstance(response, Answer) and at_once(scope, response.raw()):
            return
        await response(scope, receive, send)

    def _known(self, scope: dict[str, Any]) -> tuple[_Way, dict[str, Any]] | None:
        """The way of a request, and its handler's arguments but for the request and the body."""
        if scope["type"] != "http" or scope.get("root_path"):
            return None
        path = scope["path"]
        found = _ID.search(path)
        start, end = found.span() if found else (0, 0)
        way = self._ways.get((scope["method"], path[:start] + path[end:]))
        if way is None or bool(way.id_name) != bool(found):
            return None
        given = {way.id_name: path[start:end]} if found else {}
        for name, value in scope["headers"]:
            if name == b"host":
                if not _HOST.fullmatch(value):
                    return None
            elif name == b"idempotency-key" and "key" in way.takes:
                key = value.decode("latin-1")
                if "key" in given or not _KEY.fullmatch(key) or len(key) > _KEY_CHARS_MAX:
                    return None
                given["key"] = key
        return way, given

    def _request(
        self, way: _Way, given: dict[str, Any], scope: Any, receive: Receive, send: Send
    ) -> StrictRequest:
        """The request, with all in its scope that Litestar puts there."""
        scope["app"] = scope["litestar_app"] = self._app
        scope["route_handler"] = way.handler
        scope["path_params"] = {way.id_name: given[way.id_name]} if way.id_name else {}
        return StrictRequest(scope, receive, send)

    def _refusal(self, request: StrictRequest, fault: Exception) -> ASGIApp:
        handlers = self._app.exception_handlers
        kind = next(kind for kind in getmro(type(fault)) if kind in handlers)
        told: Any = handlers[kind](request, cast(Any, fault))
        return cast(ASGIApp, told.to_asgi_response(app=None, request=request))


async def _ask(way: _Way, given: dict[str, Any], request: StrictRequest) -> ASGIApp:
    if way.before is not None:
        await way.before(request)
    if "request" in way.takes:
        given["request"] = request
    if "data" in way.takes:
        given["data"] = await request.json()
    return cast(ASGIApp, await cast(Any, way.handler.fn)(**given))


def _way(handler: HTTPRouteHandler) -> _Way:
    takes = frozenset(signature(handler.fn).parameters)
    (path,) = handler.paths
    ids = _TEMPLATE.findall(path)
    if len(ids) > 1 or takes - {"request", "data", "key", *ids} or handler.resolve_guards():
        raise SetupError(f"{handler.handler_name} takes more than the short way gives")
    return _Way(handler, takes, "".join(ids), handler.resolve_before_request())
