"""Refreshing before a page is made: when it is done, what the page sees, what the browser gets."""

from typing import Any

import pytest

from usher.account.guards import ACCESS_COOKIE, REFRESH_COOKIE, clear_cookie, token_in
from usher.account.model import Account, Actor, Login, Role
from usher.account.silent import SilentRefresh
from usher.errors import Unauthenticated, Unavailable

pytestmark = pytest.mark.anyio

ADA = Account(account_id="acc_1", email="ada@example.com", name="Ada", role=Role.FAN)
Headers = list[tuple[bytes, bytes]]


class Accounts:
    """Knows the access token "good"; answers a refresh as it is told to."""

    def __init__(self, refusal: Exception | None = None) -> None:
        self.asked: list[str] = []
        self.refusal = refusal

    def actor(self, token: str) -> Actor:
        if token != "good":
            raise Unauthenticated("no")
        return Actor("acc_1", Role.FAN)

    async def refresh(self, token: str) -> Login:
        self.asked.append(token)
        if self.refusal:
            raise self.refusal
        return Login(
            account=ADA,
            access_token="new-access",
            expires_in_s=900,
            refresh_token="new-refresh",
            refresh_expires_in_s=1000,
        )


async def ask(
    accounts: Any,
    cookies: str,
    path: str = "/account",
    said: tuple[str, ...] = (),
    more: Any = None,
) -> tuple[Any, list[str]]:
    """What the page saw as its scope, and the Set-Cookie values the browser got."""
    headers: Headers = [(b"accept", b"text/html"), (b"cookie", cookies.encode())]
    headers += [(name.encode(), value.encode()) for name, value in (more or {}).items()]
    saw: list[Any] = []
    sent: list[Any] = []

    async def page(scope: Any, receive: Any, send: Any) -> None:
        saw.append(scope)
        head = [(b"set-cookie", each.encode()) for each in said]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": b""})

    async def send(message: Any) -> None:
        sent.append(message)

    scope: Any = {"type": "http", "path": path, "headers": headers, "state": {}}
    await SilentRefresh(page, accounts)(scope, None, send)  # type: ignore[arg-type]
    values = [value.decode() for name, value in sent[0]["headers"] if name == b"set-cookie"]
    return saw[0], values


@pytest.mark.parametrize("access", ["", f"{ACCESS_COOKIE}=old; "])
async def test_what_has_run_out_is_new_before_the_page_is_made(access: str) -> None:
    accounts = Accounts()
    scope, cookies = await ask(accounts, f"a=1; {access}{REFRESH_COOKIE}=r; b=2")
    assert accounts.asked == ["r"]
    assert token_in(scope, ACCESS_COOKIE) == "new-access"
    assert token_in(scope, REFRESH_COOKIE) == "new-refresh"
    assert (token_in(scope, "a"), token_in(scope, "b")) == ("1", "2")
    assert [each.partition(";")[0] for each in cookies] == [
        f"{ACCESS_COOKIE}=new-access",
        f"{REFRESH_COOKIE}=new-refresh",
    ]


@pytest.mark.parametrize(
    ("cookies", "path", "more"),
    [
        ("a=1", "/account", {}),
        (f"{ACCESS_COOKIE}=good; {REFRESH_COOKIE}=r", "/account", {}),
        (f"{REFRESH_COOKIE}=", "/account", {}),
        (f"x{REFRESH_COOKIE}=r", "/account", {}),
        (f"{REFRESH_COOKIE}=r", "/static/d/app.css", {}),
        (f"{REFRESH_COOKIE}=r", "/account", {"authorization": "Bearer x"}),
    ],
)
async def test_what_needs_no_refresh_gets_none(
    cookies: str, path: str, more: dict[str, str]
) -> None:
    accounts = Accounts()
    scope, got = await ask(accounts, cookies, path, more=more)
    assert (accounts.asked, got) == ([], [])
    assert dict(scope["headers"])[b"cookie"] == cookies.encode()


async def test_a_login_that_is_over_is_forgotten() -> None:
    refusal = Unauthenticated("over")
    scope, cookies = await ask(Accounts(refusal), f"{REFRESH_COOKIE}=r")
    assert cookies == [clear_cookie(REFRESH_COOKIE)]
    assert token_in(scope, ACCESS_COOKIE) is None


async def test_a_database_that_is_away_keeps_nobody_from_a_page() -> None:
    _, cookies = await ask(Accounts(Unavailable("away")), f"{REFRESH_COOKIE}=r")
    assert cookies == []


async def test_a_page_that_logs_out_has_the_last_word() -> None:
    said = (clear_cookie(ACCESS_COOKIE), clear_cookie(REFRESH_COOKIE))
    _, cookies = await ask(Accounts(), f"{REFRESH_COOKIE}=r", said=said)
    assert tuple(cookies) == said
