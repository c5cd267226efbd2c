"""The short way to the hottest handlers, past what Litestar does around each request.

Litestar's way to a handler (its stack of ASGI layers, its routing, the search for parameters, an
exit stack, the search for how to answer) is a third of a join; of a handler that is given its
request and gives a finished answer, none of that changes anything. Such handlers say `opt=EXPRESS`
and take nothing but the id in their address (or the path of a file), the request, a JSON body and
an Idempotency-Key. The layers of a router they do not have: none that would do anything for them.

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
_TEMPLATE: Final = re.compile(r"\{(\w+):(str|path)\}")
# What an address of files may hold to be plain; it is matched as a whole.
_PLAIN: Final = {"str": r"(?P<{}>[\w-]+)", "path": r"(?P<{}>[\w-]+(?:[./][\w-]+)*)"}
_HOST: Final = re.compile(rb"[\w.:\[\]-]+")
_KEY: Final = re.compile(IDEMPOTENCY_KEY)
_KEY_CHARS_MAX: Final = limits.idempotency_key_chars_max


class _Way(NamedTuple):
    """A handler, the names of what it takes, of these the ones in its address, and what is asked
    of every request before."""

    handler: HTTPRouteHandler
    takes: frozenset[str]
    names: tuple[str, ...]
    before: Callable[[Any], Awaitable[Any]] | None


class Express:
    """`app`, and before it the short way to those of its handlers that are EXPRESS; SetupError
    where one takes what it would not be given here."""

    def __init__(self, app: Litestar) -> None:
        self._app = app
        self._ways: dict[tuple[str, str], _Way] = {}
        self._files: list[tuple[re.Pattern[str], _Way]] = []
        for route in app.routes:
            for handler in route.route_handlers if isinstance(route, HTTPRoute) else ():
                if handler.opt.get("express"):
                    self._add(route.path, handler)

    def _add(self, path: str, handler: HTTPRouteHandler) -> None:
        way = _way(path, handler)
        if path.endswith(":path}"):
            parts = _TEMPLATE.sub(lambda found: _PLAIN[found[2]].format(found[1]), path)
            self._files.append((re.compile(parts), way))
            return
        for method in handler.http_methods:
            self._ways[method, _TEMPLATE.sub("", path)] = way

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # Taken out whoever answers: it refers to the connection, which refers to the scope, and a
        # connection that has ended would stay until the next garbage collection.
        at_once = cast(dict[str, Any], scope).pop(ONE_WRITE, None)
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
        if at_once and isinstance(response, Answer) and at_once(scope, response.raw()):
            return
        await response(scope, receive, send)

    def _known(self, scope: dict[str, Any]) -> tuple[_Way, dict[str, Any]] | None:
        """The way of a request, and its handler's arguments but for the request and the body."""
        if scope["type"] != "http" or scope.get("root_path"):
            return None
        way, given = self._find(scope["method"], scope["path"])
        if way is None:
            return None
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

    def _find(self, method: str, path: str) -> tuple[_Way | None, dict[str, Any]]:
        """The way of an address, and what its handler takes from it."""
        found = _ID.search(path)
        start, end = found.span() if found else (0, 0)
        way = self._ways.get((method, path[:start] + path[end:]))
        if way is not None:
            known = len(way.names) == (found is not None)
            return (way if known else None), dict.fromkeys(way.names, path[start:end])
        for pattern, files in self._files:
            if method in files.handler.http_methods and (match := pattern.fullmatch(path)):
                return files, match.groupdict()
        return None, {}

    def _request(
        self, way: _Way, given: dict[str, Any], scope: Any, receive: Receive, send: Send
    ) -> StrictRequest:
        """The request, with what our handlers and refusals read of what Litestar puts there."""
        scope["app"] = scope["litestar_app"] = self._app
        scope["route_handler"] = way.handler
        scope["path_params"] = {name: given[name] for name in way.names}
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


def _way(path: str, handler: HTTPRouteHandler) -> _Way:
    takes = frozenset(signature(handler.fn).parameters)
    names = tuple(name for name, _ in _TEMPLATE.findall(path))
    more: tuple[Any, ...] = (
        len(names) > 1 and not path.endswith(":path}"),
        takes - {"request", "data", "key", *names},
        handler.resolve_guards(),
        handler.after_request,
        handler.resolve_after_response(),
        handler.cache,
        handler.has_sync_callable,
        # Of its own; a router's are left out knowingly.
        handler.middleware,
        handler.exception_handlers,
    )
    if any(more):
        raise SetupError(f"{handler.handler_name} takes more than the short way gives")
    return _Way(handler, takes, names, handler.resolve_before_request())
