"""Who asks about bookings and tickets: the fan, and the admission where one was sent. And which
holds a browser keeps."""

from typing import Final

from litestar.types import Scope

from usher import limits
from usher.account.guards import FAN_COOKIE, Connection, cookie, token_in, tokens_like
from usher.account.service import AccountService
from usher.errors import Unauthenticated
from usher.ids import is_id
from usher.plumbing.signing import purpose_of
from usher.seat.service import Admission, SeatService

_HOLDS_KEPT: Final = 12


def reader_of(
    scope: Scope, accounts: AccountService, seats: SeatService
) -> tuple[str, Admission | None]:
    """The fan's id, and an admission of the same fan. A program sends its fan or its admission
    token, a browser its cookies; Unauthenticated without either."""
    token = token_in(scope, FAN_COOKIE)
    if token is None:
        raise Unauthenticated("a fan token or an admission token is needed")
    if purpose_of(token) == "admission":
        admission = seats.admission_of(None, token)
        return admission.fan_id, admission
    fan_id = accounts.fan_of(token).fan_id
    return fan_id, next(
        (each for each in admissions_in(scope, seats) if each.fan_id == fan_id), None
    )


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
