"""HEAD is GET without the body (RFC 9110, 9.3.2), whatever a handler says: those ask so who watch
whether a site is up, balance its load or look at a file before they fetch it."""

from collections.abc import Callable
from typing import Any, cast

from litestar.types import ASGIApp, Receive, Scope, Send

from usher.plumbing.answer import ONE_WRITE


class HeadAsGet:
    """`app`, which sees GET where HEAD was asked. The server leaves the body out: it knows what was
    asked. Where `is_stream` says that a GET would stay, HEAD is refused as ever."""

    def __init__(self, app: ASGIApp, is_stream: Callable[[str], bool]) -> None:
        self._app = app
        self._is_stream = is_stream

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = cast(dict[str, Any], scope)
        if asked.get("method") == "HEAD" and not self._is_stream(asked["path"]):
            # Not the same scope: the server's own goes on saying HEAD. In one write it would send
            # the body as well.
            asked.pop(ONE_WRITE, None)
            scope = cast(Scope, asked | {"method": "GET"})
        await self._app(scope, receive, send)
