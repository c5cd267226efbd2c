"""Who asks about bookings and tickets: the fan, and the admission where one was sent."""

from litestar.types import Scope

from usher.account.guards import FAN_COOKIE, token_in, tokens_like
from usher.account.service import AccountService
from usher.errors import Unauthenticated
from usher.plumbing.signing import purpose_of
from usher.seat.service import Admission, SeatService


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
