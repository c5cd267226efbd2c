"""Silent refresh: a page is asked for with an access token that has run out and a refresh token
that has not. The tokens are exchanged before the page is made, and nobody notices.

ASGI middleware of the pages alone: the API tells who asks that a token is over, and its hot paths
pay nothing for this. Pages of who never logged in pay a look for the cookie's name.
"""

from typing import Final

from litestar.types import ASGIApp, Message, Receive, Scope, Send

from usher.account.guards import (
    ACCESS_COOKIE,
    REFRESH_COOKIE,
    by_program,
    clear_cookie,
    login_cookies,
    token_in,
)
from usher.account.service import AccountService
from usher.errors import Unauthenticated, Unavailable

_REFRESH: Final = REFRESH_COOKIE.encode()
_ASSETS: Final = "/static/"

Headers = list[tuple[bytes, bytes]]


class SilentRefresh:
    """Refreshes what must be before `app` sees the request, and sends the new cookies along."""

    def __init__(self, app: ASGIApp, accounts: AccountService) -> None:
        self._app = app
        self._accounts = accounts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI; only HTTP comes here."""
        cookies = await self._cookies(scope)
        if not cookies:
            await self._app(scope, receive, send)
            return

        async def send_with_cookies(message: Message) -> None:
            if message["type"] == "http.response.start":
                said = [value for name, value in message["headers"] if name == b"set-cookie"]
                # What the page itself says of a cookie is newer: it may have logged out.
                new = [each for each in cookies if not any(_same(each, other) for other in said)]
                more = [(b"set-cookie", each) for each in new]
                message["headers"] = [*message["headers"], *more]
            await send(message)

        await self._app(scope, receive, send_with_cookies)

    async def _cookies(self, scope: Scope) -> list[bytes]:
        """The Set-Cookie values of a refresh that was due; puts the new tokens into the request."""
        if scope["path"].startswith(_ASSETS):
            return []
        headers: Headers = list(scope["headers"])
        if not any(name == b"cookie" and _REFRESH in value for name, value in headers):
            return []
        if by_program(scope):
            return []  # it is told
        token = token_in(scope, REFRESH_COOKIE)
        if token is None or self._good(token_in(scope, ACCESS_COOKIE)):
            return []
        try:
            login = await self._accounts.refresh(token)
        except Unauthenticated:
            return [clear_cookie(REFRESH_COOKIE).encode("latin-1")]
        except Unavailable:  # PostgreSQL is away; the line goes on, and a guest may stand in it
            return []
        scope["headers"] = _instead(headers, login.access_token, login.refresh_token)
        return [each.encode("latin-1") for each in login_cookies(login)]

    def _good(self, token: str | None) -> bool:
        if token is None:
            return False
        try:
            self._accounts.actor(token)
        except Unauthenticated:
            return False
        return True


def _same(one: bytes, other: bytes) -> bool:
    return one.partition(b"=")[0] == other.partition(b"=")[0]


def _instead(headers: Headers, access: str, refresh: str) -> Headers:
    """The headers with these tokens in place of the old ones."""
    new = {ACCESS_COOKIE: access, REFRESH_COOKIE: refresh}
    names = {name.encode() for name in new}
    pairs = [
        pair.strip()
        for name, value in headers
        if name == b"cookie"
        for pair in value.split(b";")
        if pair.partition(b"=")[0].strip() not in names
    ]
    pairs += [f"{name}={token}".encode("latin-1") for name, token in new.items()]
    rest = [(name, value) for name, value in headers if name != b"cookie"]
    return [*rest, (b"cookie", b"; ".join(pairs))]
