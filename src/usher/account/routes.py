"""Registering, logging in and out over HTTP."""

from typing import Annotated, Any, Final

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from usher import limits
from usher.account.guards import (
    ACCESS_COOKIE,
    actor_of,
    clear_cookie,
    cookie,
    require_role,
)
from usher.account.model import Account, Role
from usher.account.service import AccountService
from usher.errors import Forbidden, NotFound, Unauthenticated
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


class Login(msgspec.Struct, forbid_unknown_fields=True):
    """An email and its password."""

    email: Email
    password: Annotated[str, msgspec.Meta(max_length=limits.password_chars_max)]


class AccountView(msgspec.Struct):
    """An account as its owner sees it."""

    account_id: str
    email: str
    name: str
    role: Role


class LoggedIn(msgspec.Struct):
    """An access token, for programs; browsers have it as a cookie."""

    access_token: str
    token_type: str
    expires_in_s: int
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


@post("/api/v1/auth/login", status_code=200)
async def login(
    data: JSONBody[Login], accounts: NamedDependency[AccountService]
) -> Response[LoggedIn]:
    """Get an access token, as a member of the answer and as a cookie."""
    account, token, expires_in_s = await accounts.login(data.email, data.password)
    return Response(
        LoggedIn(token, "Bearer", expires_in_s, account_view(account)),
        headers=_PRIVATE | {"set-cookie": cookie(ACCESS_COOKIE, token, expires_in_s)},
    )


@post("/api/v1/auth/logout", status_code=204)
async def logout() -> Response[None]:
    """Take the cookie away. A token a program holds lasts until it expires."""
    return Response(None, headers=_PRIVATE | {"set-cookie": clear_cookie(ACCESS_COOKIE)})


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


handlers = [register, login, logout, me]
