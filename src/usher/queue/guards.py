"""Who asks about a line: their tokens, and the cookies that keep those in a browser."""

import contextlib
from collections.abc import Callable
from typing import Any, NamedTuple

from litestar import Request

from usher import limits
from usher.account.guards import (
    ACCESS_COOKIE,
    FAN_COOKIE,
    admission_cookie,
    by_program,
    cookie,
    place_cookie,
    token_from,
)
from usher.account.model import Actor, Fan, own_fan
from usher.account.service import AccountService
from usher.errors import Unauthenticated
from usher.ids import derived_id
from usher.plumbing.signing import purpose_of
from usher.queue.service import Joined, Place, QueueService

AnyRequest = Request[Any, Any, Any]


class Entry(NamedTuple):
    """A join as whoever asked for it is told: `fan_token` is for who is new here, `cookies` are
    Set-Cookie values for a browser."""

    joined: Joined
    fan_token: str | None
    cookies: list[str]


def fan_from(
    request: AnyRequest, accounts: AccountService, event: str, key: str | None
) -> tuple[str, str | None]:
    """The fan who asks, and a token for one who is new here.

    With an Idempotency-Key a new fan is the one the key made before: nothing else tells the
    second attempt, after a lost answer, from a second fan. The key is then as good as a token,
    so a short one, which somebody else may choose as well, does not count.
    """
    token = token_from(request, FAN_COOKIE)
    if token is not None:
        try:
            return accounts.fan_of(token).fan_id, None
        except Unauthenticated:
            # A program is told; a browser with a cookie from long ago is simply new here.
            if by_program(request.scope) and purpose_of(token) != "access":
                raise
    if account_id := account_from(request, accounts):
        fan = Fan(own_fan(account_id), account_id)
        return fan.fan_id, accounts.fan_token(fan)
    if key is None or len(key) < limits.join_key_chars_min:
        return accounts.new_fan()
    fan = Fan(derived_id("fan", event, key))
    return fan.fan_id, accounts.fan_token(fan)


def account_from(request: AnyRequest, accounts: AccountService) -> str:
    """The account of who asks, "" of none: of a browser's access token, or the one a fan token was
    tied to on logging in, by which a page that has been open for hours may still join."""
    read_access: Callable[[str], Actor | Fan] = accounts.actor
    read_fan: Callable[[str], Actor | Fan] = accounts.fan_of
    readers = [(read_access, ACCESS_COOKIE), (read_fan, FAN_COOKIE)]
    # The likely one first: a good token is remembered, what is none costs PyJWT's full look.
    for read, name in reversed(readers) if by_program(request.scope) else readers:
        token = token_from(request, name)
        if token is not None:
            with contextlib.suppress(Unauthenticated):
                return read(token).account_id or ""
    return ""


def admission_cookies(event: str, admission: dict[str, Any]) -> list[str]:
    """The Set-Cookie value that lets a browser in, for as long as the admission lasts."""
    lasts_s = admission["expires_in_s"] + limits.admission_beyond_s
    return [cookie(admission_cookie(event), admission["admission_token"], lasts_s)]


def place_from(request: AnyRequest, queue: QueueService, event: str) -> Place:
    """The place whose token the request carries; Unauthenticated."""
    return queue.place_of(event, token_from(request, place_cookie(event)))


def held_place(request: AnyRequest, queue: QueueService, event: str) -> Place | None:
    """The place a browser has already; a program asks for that with its place token."""
    if by_program(request.scope):
        return None
    try:
        return place_from(request, queue, event)
    except Unauthenticated:
        return None


async def enter(
    request: AnyRequest, queue: QueueService, accounts: AccountService, event: str, key: str | None
) -> Entry:
    """Joins for whoever asks; `key` makes a new fan the same one when asked again."""
    fan_id, new_token = fan_from(request, accounts, event, key)
    joined = await queue.join(
        event, fan_id, held_place(request, queue, event), account_from(request, accounts)
    )
    cookies = [cookie(place_cookie(event), joined.place_token, limits.place_token_s)]
    if new_token is not None:
        cookies.append(cookie(FAN_COOKIE, new_token, limits.fan_token_s))
    if joined.admission is not None:
        cookies += admission_cookies(event, joined.admission)
    return Entry(joined, new_token, cookies)
