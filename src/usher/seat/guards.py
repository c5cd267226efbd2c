"""Who asks about bookings and tickets: the fan, the account, the admission where one was sent. And
which holds a browser keeps."""

from typing import Final

from litestar.types import Scope

from usher import limits
from usher.account.guards import (
    ACCESS_COOKIE,
    FAN_COOKIE,
    Connection,
    cookie,
    token_in,
    tokens_like,
)
from usher.account.model import Reader
from usher.account.service import AccountService
from usher.errors import Unauthenticated
from usher.ids import is_id
from usher.plumbing.signing import purpose_of
from usher.seat.service import Admission, SeatService

_HOLDS_KEPT: Final = 12


def reader_of(
    scope: Scope, accounts: AccountService, seats: SeatService
) -> tuple[Reader, Admission | None]:
    """Who reads, and an admission of theirs. A program sends its fan, admission or access token, a
    browser its cookies; Unauthenticated without any of them.

    A browser where somebody is logged in reads as both: the fan it is and the account.
    """
    if bearer := token_in(scope, ""):
        match purpose_of(bearer):
            case "admission":
                admission = seats.admission_of(None, bearer)
                return Reader(admission.fan_id), admission
            case "access":
                return Reader(account_id=accounts.actor(bearer).account_id), None
            case _:
                return Reader(accounts.fan_of(bearer).fan_id), None
    account_id = _account_in(scope, accounts)
    reader = Reader(_fan_in(scope, accounts, needed=not account_id), account_id)
    admissions = (each for each in admissions_in(scope, seats) if each.fan_id in reader.fans)
    return reader, next(admissions, None)


def _account_in(scope: Scope, accounts: AccountService) -> str:
    """The account of a browser's access token; "" without a good one."""
    token = token_in(scope, ACCESS_COOKIE)
    try:
        return accounts.actor(token).account_id if token else ""
    except Unauthenticated:
        return ""


def _fan_in(scope: Scope, accounts: AccountService, *, needed: bool) -> str:
    """The fan of a browser; "" without a good one, unless it is `needed`."""
    token = token_in(scope, FAN_COOKIE)
    try:
        if token is None:
            raise Unauthenticated("a fan token, an admission token or an access token is needed")
        return accounts.fan_of(token).fan_id
    except Unauthenticated:
        if needed:
            raise
        return ""


def admissions_in(scope: Scope, seats: SeatService) -> list[Admission]:
    """The good admissions among a browser's cookies: it may shop at several events."""
    found = []
    for token in tokens_like(scope, "__Host-admission-"):
        try:
            found.append(seats.admission_of(None, token))
        except Unauthenticated:
            continue
    return found


def hold_cookie(event: str) -> str:
    """The name of the cookie that holds the ids of a fan's holds at `event`, newest first."""
    return f"__Host-hold-{event}"


def holds_kept(connection: Connection, event: str) -> list[str]:
    """The ids a browser keeps; whether they are still held, and the fan's, is asked elsewhere."""
    words = connection.cookies.get(hold_cookie(event), "").split(".")
    return [word for word in words if is_id("hold", word)][:_HOLDS_KEPT]


def keep_hold(connection: Connection, event: str, hold_id: str) -> str:
    """The Set-Cookie value that adds a hold to those a browser keeps."""
    others = [each for each in holds_kept(connection, event) if each != hold_id]
    kept = ".".join([hold_id, *others][:_HOLDS_KEPT])
    return cookie(hold_cookie(event), kept, limits.hold_s_max)
