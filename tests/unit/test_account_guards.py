"""Tokens off a connection, the cookies that carry them, and who gets past a guard."""

from http.cookies import SimpleCookie
from typing import Any

import pytest
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from usher.account.guards import (
    ACCESS_COOKIE,
    FAN_COOKIE,
    actor_of,
    admission_cookie,
    clear_cookie,
    cookie,
    place_cookie,
    require_role,
    token_from,
)
from usher.account.model import Actor, Role
from usher.clock import now_ms
from usher.errors import Forbidden, SetupError, Unauthenticated
from usher.plumbing.signing import KeyRing, Purpose, Signer, new_secret

SIGNER = Signer(KeyRing(new_secret()))
HANDLER: Any = BaseRouteHandler
Header = tuple[bytes, bytes]


class App:
    """As much of an app as a guard looks at."""

    def __init__(self, **state: Any) -> None:
        self.state = state


def connection(*headers: Header, app: App | None = None) -> ASGIConnection[Any, Any, Any, Any]:
    scope: Any = {"type": "http", "headers": list(headers), "state": {}}
    scope["app"] = scope["litestar_app"] = app or App(signer=SIGNER)
    return ASGIConnection(scope)


def bearer(token: str) -> Header:
    return b"authorization", f"Bearer {token}".encode()


def access(role: str, purpose: Purpose = "access", lasts_s: int = 60, **claims: Any) -> str:
    claims = {"sub": "acc_1", "role": role, "name": "Ada"} | claims
    return SIGNER.sign(purpose, claims, expires_s=now_ms() // 1000 + lasts_s)


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        ([], None),
        ([(b"authorization", b"Bearer abc")], "abc"),
        ([(b"authorization", b"bearer  abc ")], "abc"),
        ([(b"authorization", b"Bearer "), (b"cookie", b"__Host-fan=c")], "c"),
        ([(b"authorization", b"Basic abc"), (b"cookie", b"__Host-fan=c")], "c"),
        ([(b"cookie", b"__Host-fan=c"), (b"authorization", b"Bearer abc")], "abc"),
        ([(b"cookie", b"a=1; __Host-fan=c; b=2")], "c"),
        ([(b"cookie", b"a=1;__Host-fan=c")], "c"),
        ([(b"cookie", b"a=1"), (b"cookie", b"__Host-fan=c")], "c"),
        ([(b"cookie", b"x__Host-fan=evil; __Host-fan=c")], "c"),
        ([(b"cookie", b"__Host-fan-2=evil")], None),
        ([(b"cookie", b"a=__Host-fan=evil")], None),
        ([(b"cookie", b"__Host-fan=")], None),
        ([(b"cookie", b"__Host-fan")], None),
        ([(b"cookie", b"\xff\xfe; __Host-fan=\xff")], "\xff"),
        ([(b"authorization", b"Bearer \xff\x00")], "\xff\x00"),
    ],
)
def test_the_bearer_comes_first_then_the_cookie(headers: list[Header], found: str | None) -> None:
    assert token_from(connection(*headers), FAN_COOKIE) == found


def test_cookies_of_two_events_are_two() -> None:
    one = b"__Host-place-evt_1=p1; __Host-place-evt_2=p2; __Host-admission-evt_1=a1"
    browser = connection((b"cookie", one))
    assert token_from(browser, place_cookie("evt_2")) == "p2"
    assert token_from(browser, admission_cookie("evt_1")) == "a1"
    assert token_from(browser, admission_cookie("evt_2")) is None


def test_a_cookie_is_for_this_host_and_for_no_script() -> None:
    morsel = SimpleCookie(cookie(ACCESS_COOKIE, "a.b-c_d", 900))[ACCESS_COOKIE]
    assert morsel.value == "a.b-c_d"
    assert morsel["secure"]
    assert morsel["httponly"]
    assert (morsel["path"], morsel["max-age"], morsel["samesite"]) == ("/", "900", "Lax")
    assert not morsel["domain"]  # a __Host- cookie with one is refused
    assert SimpleCookie(clear_cookie(ACCESS_COOKIE))[ACCESS_COOKIE]["max-age"] == "0"


@pytest.mark.parametrize("role", ["organiser", "admin"])
def test_a_guard_lets_in_who_covers_the_role(role: str) -> None:
    asking = connection(bearer(access(role)))
    require_role("organiser")(asking, HANDLER)
    assert actor_of(asking) == Actor("acc_1", Role(role), "Ada")


@pytest.mark.parametrize("role", ["fan", "staff"])
def test_a_guard_refuses_a_lesser_role(role: str) -> None:
    asking = connection(bearer(access(role)))
    with pytest.raises(Forbidden, match=f"organiser or admin; yours is {role}"):
        require_role(Role.ORGANISER, Role.ADMIN)(asking, HANDLER)
    with pytest.raises(Unauthenticated):
        actor_of(asking)


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [bearer("")],
        [bearer("not.a.token")],
        [bearer("\u00ff\u0100")],
        [bearer(access("admin", purpose="fan"))],
        [bearer(access("admin", lasts_s=-1))],
        [bearer(access("emperor"))],
        [bearer(Signer(KeyRing(new_secret())).sign("access", {"sub": "x"}, expires_s=2**40))],
        [(b"cookie", FAN_COOKIE.encode() + b"=" + access("admin").encode())],
    ],
)
def test_a_guard_refuses_what_it_cannot_trust(headers: list[Header]) -> None:
    with pytest.raises(Unauthenticated):
        require_role("fan")(connection(*headers), HANDLER)


def test_a_guard_reads_the_cookie() -> None:
    asking = connection((b"cookie", f"{ACCESS_COOKIE}={access('staff')}".encode()))
    require_role("staff")(asking, HANDLER)
    assert actor_of(asking).role is Role.STAFF


def test_an_actor_without_a_guard_is_nobody() -> None:
    with pytest.raises(Unauthenticated):
        actor_of(connection(bearer(access("admin"))))


def test_a_guard_takes_the_signer_given() -> None:
    asking = connection(bearer(access("admin")), app=App())
    require_role("fan", signer=SIGNER)(asking, HANDLER)
    with pytest.raises(SetupError):
        require_role("fan")(asking, HANDLER)


def test_a_role_nobody_knows_is_found_when_the_guard_is_made() -> None:
    with pytest.raises(ValueError, match="emperor"):
        require_role("emperor")
