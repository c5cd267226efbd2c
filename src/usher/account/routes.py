"""Registering, logging in and out, refreshing, over HTTP."""

from typing import Annotated, Any, Final

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from litestar.response.base import ASGIResponse
from msgspec import UNSET, UnsetType

from usher import limits
from usher.account.guards import (
    FAN_COOKIE,
    REFRESH_COOKIE,
    actor_of,
    by_program,
    logged_out,
    login_cookies,
    require_role,
    token_from,
)
from usher.account.model import Account, Login, Role
from usher.account.service import AccountService
from usher.errors import Forbidden, NotFound, Unauthenticated
from usher.plumbing.answer import answer, empty, shaped
from usher.plumbing.request import IdempotencyKey

Email = Annotated[str, msgspec.Meta(max_length=limits.email_chars_max)]
_PRIVATE: Final = {"cache-control": "no-store"}


class Registration(msgspec.Struct, forbid_unknown_fields=True):
    """A new fan."""

    email: Email
    password: Annotated[
        str,
        msgspec.Meta(min_length=limits.password_chars_min, max_length=limits.password_chars_max),
    ]
    name: Annotated[str, msgspec.Meta(max_length=limits.person_name_chars_max)] = ""


class Credentials(msgspec.Struct, forbid_unknown_fields=True):
    """An email and its password."""

    email: Email
    password: Annotated[str, msgspec.Meta(max_length=limits.password_chars_max)]


class Refresh(msgspec.Struct, forbid_unknown_fields=True):
    """A program's refresh token; browsers send theirs as a cookie, and an empty object."""

    refresh_token: Annotated[str, msgspec.Meta(max_length=limits.token_chars_max)] = ""


class AccountView(msgspec.Struct):
    """An account as its owner sees it."""

    account_id: str
    email: str
    name: str
    role: Role


class LoggedIn(msgspec.Struct, kw_only=True):
    """Tokens, for programs; browsers have them as cookies, and no script of theirs needs more."""

    access_token: str
    token_type: str
    expires_in_s: int
    refresh_token: str | UnsetType = UNSET
    refresh_expires_in_s: int
    fan_token: str | UnsetType = UNSET
    account: AccountView


def account_view(account: Account) -> AccountView:
    """What an account is on the wire."""
    return AccountView(account.account_id, account.email, account.name, account.role)


@post("/api/v1/auth/register", status_code=201)
async def register(
    data: JSONBody[Registration],
    accounts: NamedDependency[AccountService],
    idempotency_key: IdempotencyKey = None,
) -> Response[AccountView]:
    """Register as a fan; log in afterwards."""
    account = await accounts.register(data.email, data.password, data.name, key=idempotency_key)
    return Response(account_view(account), headers=_PRIVATE)


def _view(login: Login, *, refresh: bool, fan_token: str | UnsetType = UNSET) -> LoggedIn:
    return LoggedIn(
        access_token=login.access_token,
        token_type="Bearer",  # noqa: S106 - a kind of token, and none
        expires_in_s=login.expires_in_s,
        refresh_token=login.refresh_token if refresh else UNSET,
        refresh_expires_in_s=login.refresh_expires_in_s,
        fan_token=fan_token,
        account=account_view(login.account),
    )


@post("/api/v1/auth/login", status_code=200, responses=shaped(LoggedIn))
async def login(
    data: JSONBody[Credentials],
    request: Request[Any, Any, Any],
    accounts: NamedDependency[AccountService],
) -> ASGIResponse:
    """Get an access and a refresh token, as members of the answer and as cookies. What was booked
    before by the fan whose token comes along (cookie or bearer) is this account's from now on;
    `fan_token` is the fan to go on as."""
    entered = await accounts.login(data.email, data.password)
    fan_token = await accounts.tie(entered.account.account_id, token_from(request, FAN_COOKIE))
    return answer(
        _view(entered, refresh=True, fan_token=fan_token),
        cookies=login_cookies(entered, fan_token),
    )


@post("/api/v1/auth/refresh", status_code=200, responses=shaped(LoggedIn))
async def refresh(
    data: JSONBody[Refresh],
    request: Request[Any, Any, Any],
    accounts: NamedDependency[AccountService],
) -> ASGIResponse:
    """Exchange a refresh token for new tokens. It can be used once; within seconds it gives the
    same successor again, after that it ends the login. A browser's is its cookie, and so are its
    new ones."""
    token = data.refresh_token or token_from(request, REFRESH_COOKIE)
    if token is None:
        raise Unauthenticated("a refresh token is needed: log in")
    entered = await accounts.refresh(token)
    if data.refresh_token or by_program(request.scope):
        return answer(_view(entered, refresh=True))
    return answer(_view(entered, refresh=False), cookies=login_cookies(entered))


@post("/api/v1/auth/logout", status_code=204)
async def logout(
    request: Request[Any, Any, Any], accounts: NamedDependency[AccountService]
) -> Response[None]:
    """Log out here: the refresh token (bearer or cookie) is good no longer, the cookies are taken
    away. An access token a program holds lasts until it expires."""
    token = token_from(request, REFRESH_COOKIE)
    if token is not None:
        await accounts.logout(token)
    return empty(clear=logged_out(request.scope, accounts))


@post("/api/v1/auth/logout/everywhere", status_code=204, guards=[require_role(Role.FAN)])
async def logout_everywhere(
    request: Request[Any, Any, Any], accounts: NamedDependency[AccountService]
) -> Response[None]:
    """Log this account out wherever it is logged in: no refresh token of it is good any longer."""
    await accounts.logout_everywhere(actor_of(request).account_id)
    return empty(clear=logged_out(request.scope, accounts))


@get("/api/v1/auth/me", guards=[require_role(Role.FAN)])
async def me(
    request: Request[Any, Any, Any], accounts: NamedDependency[AccountService]
) -> Response[AccountView]:
    """The account one is logged in to."""
    try:
        account = await accounts.find(actor_of(request).account_id)
    except NotFound:
        raise Unauthenticated("this account is gone") from None
    if account.state != "active":
        raise Forbidden("this account is disabled")
    return Response(account_view(account), headers=_PRIVATE)


handlers = [register, login, refresh, logout, logout_everywhere, me]
