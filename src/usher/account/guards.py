"""Who is asking: tokens off a connection, roles, and the cookies that carry tokens.

Programs send `Authorization: Bearer`, browsers send cookies: an EventSource cannot set headers.
The `__Host-` prefix makes a browser refuse a cookie that a sibling domain or plain HTTP set.
"""

import re
from collections.abc import Callable
from typing import Any, Final, TypeAlias, cast

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from litestar.types import Scope

from usher import limits
from usher.account.model import Actor, Login, Role, actor_in
from usher.account.service import AccountService
from usher.clock import now_ms
from usher.errors import Forbidden, SetupError, Unauthenticated
from usher.plumbing.signing import Signer

Connection: TypeAlias = ASGIConnection[Any, Any, Any, Any]
Guard: TypeAlias = Callable[[Connection, BaseRouteHandler], None]

FAN_COOKIE: Final = "__Host-fan"
ACCESS_COOKIE: Final = "__Host-access"
REFRESH_COOKIE: Final = "__Host-refresh"
_SHOPPING: Final = re.compile(rb"(?:^|;)\s*(__Host-(?:place|admission|hold)-evt_[0-9a-f]{20})=")
_ACTOR: Final = "usher_actor"


def place_cookie(event: str) -> str:
    """The name of the cookie that holds a fan's place in the line of `event`."""
    return f"__Host-place-{event}"


def admission_cookie(event: str) -> str:
    """The name of the cookie that holds a fan's admission to `event`."""
    return f"__Host-admission-{event}"


def token_in(scope: Scope, cookie_name: str) -> str | None:
    """As `token_from`, for handlers that have no connection object."""
    cookies: list[bytes] = []
    for name, value in scope["headers"]:
        if name == b"authorization":
            if value[:7].lower() == b"bearer " and (token := value[7:].strip()):
                return token.decode("latin-1")
        elif name == b"cookie":
            cookies.append(value)
    wanted = cookie_name.encode()
    for header in cookies:
        if wanted in header:  # a browser in several lines has several long cookies
            for pair in header.split(b";"):
                key, _, text = pair.partition(b"=")
                if key.strip() == wanted and (token := text.strip()):
                    return token.decode("latin-1")
    return None


def by_program(scope: Scope) -> bool:
    """Whether a program asks: it sends its token itself, a browser leaves that to its cookies."""
    return any(name == b"authorization" for name, _ in scope["headers"])


def token_from(connection: Connection, cookie_name: str) -> str | None:
    """The bearer token, else that cookie's, else None; nothing is verified yet."""
    return token_in(connection.scope, cookie_name)


def cookie(name: str, token: str, max_age_s: int) -> str:
    """The Set-Cookie value that hands `token` to a browser, and to no script in it."""
    return f"{name}={token}; Path=/; Max-Age={max_age_s}; Secure; HttpOnly; SameSite=Lax"


def clear_cookie(name: str) -> str:
    """The Set-Cookie value that takes a cookie away."""
    return cookie(name, "", 0)


def login_cookies(login: Login, fan_token: str = "") -> list[str]:
    """The Set-Cookie values by which a browser is logged in; `fan_token` where it is tied."""
    cookies = [
        cookie(ACCESS_COOKIE, login.access_token, login.expires_in_s),
        cookie(REFRESH_COOKIE, login.refresh_token, login.refresh_expires_in_s),
    ]
    return cookies + ([cookie(FAN_COOKIE, fan_token, limits.fan_token_s)] if fan_token else [])


def logged_out(scope: Scope, accounts: AccountService) -> list[str]:
    """The cookies to take away so that nothing of an account stays in a browser: the fan it was
    there is the account's, and whoever sits down next is somebody else. A guest stays a guest."""
    gone = [ACCESS_COOKIE, REFRESH_COOKIE]
    token = token_in(scope, FAN_COOKIE)
    if token is not None:
        try:
            tied = accounts.fan_of(token).account_id is not None
        except Unauthenticated:
            return gone
        gone += [FAN_COOKIE, *shopping(scope)] if tied else []
    return gone


def shopping(scope: Scope) -> list[str]:
    """The names of the cookies by which a browser stands in lines, shops, and keeps holds: they are
    a fan's, and what is booked with them is that fan's as well."""
    return [
        name.decode()
        for header, value in scope["headers"]
        if header == b"cookie"
        for name in _SHOPPING.findall(value)
    ]


def read_actor(connection: Connection, signer: Signer) -> Actor:
    """Who the access token of `connection` names; Unauthenticated without a good one."""
    token = token_from(connection, ACCESS_COOKIE)
    if token is None:
        raise Unauthenticated("an access token is needed: log in")
    return actor_in(signer.verify("access", token))


def visitor_of(connection: Connection, signer: Signer) -> Actor | None:
    """Who is logged in, None where nobody is: pages greet, and refuse nobody for that."""
    try:
        return read_actor(connection, signer)
    except Unauthenticated:
        return None


def access_left_s(connection: Connection, signer: Signer) -> int:
    """For how many seconds the access token is good; 0 where there is none."""
    token = token_from(connection, ACCESS_COOKIE)
    try:
        until = int(signer.verify("access", token)["exp"]) if token else 0
    except Unauthenticated:
        return 0
    return max(0, until - now_ms() // 1000)


def require_role(*roles: Role | str, signer: Signer | None = None) -> Guard:
    """A guard that lets in who has one of `roles`, or a role that covers one of them.

    The signer is the app's own (`app.state.signer`) unless one is given, so that handlers can be
    guarded where they are written, before there is an app.
    """
    wanted = tuple(Role(role) for role in roles)

    def guard(connection: Connection, _: BaseRouteHandler) -> None:
        actor = read_actor(connection, signer or _signer_of(connection))
        if not any(actor.role.covers(role) for role in wanted):
            raise Forbidden(f"this needs the role {' or '.join(wanted)}; yours is {actor.role}")
        connection.scope["state"][_ACTOR] = actor

    return guard


async def own_event(connection: Connection, _: BaseRouteHandler) -> None:
    """A guard behind one for a role: Forbidden where the event in the address is another
    organiser's. Staff and admins serve every event; an event without an organiser is anybody's.

    Whose an event is, is the app's to know: `app.state.owner_of`, from an event's id to the id of
    an account, or None.
    """
    actor, event = actor_of(connection), connection.path_params["event"]
    if actor.role is Role.ORGANISER:
        owner = await connection.app.state["owner_of"](event)
        if owner not in (None, actor.account_id):
            raise Forbidden("this event is another organiser's")


def actor_of(connection: Connection) -> Actor:
    """Who a guard let in; Unauthenticated where no guard has looked."""
    actor = connection.scope["state"].get(_ACTOR)
    if actor is None:
        raise Unauthenticated("an access token is needed: log in")
    return cast(Actor, actor)


def _signer_of(connection: Connection) -> Signer:
    signer = connection.app.state.get("signer")
    if signer is None:
        raise SetupError("the app has no signer: give it state=State({'signer': ...})")
    return cast(Signer, signer)


def tokens_like(scope: Scope, prefix: str) -> list[str]:
    """The values of every cookie whose name starts with `prefix`, in the order they were sent."""
    found = []
    for name, value in scope["headers"]:
        if name == b"cookie" and prefix.encode() in value:
            for pair in value.split(b";"):
                key, _, text = pair.strip().partition(b"=")
                if key.startswith(prefix.encode()) and text:
                    found.append(text.decode("latin-1"))
    return found


def page_for(*roles: Role | str) -> Guard:
    """`require_role` for pages: who is not logged in is sent to log in, and comes back."""
    strict = require_role(*roles)

    def guard(connection: Connection, handler: BaseRouteHandler) -> None:
        try:
            strict(connection, handler)
        except Unauthenticated as refusal:
            raise Unauthenticated("log in first", login=True) from refusal

    return guard
