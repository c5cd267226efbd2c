"""Two books of the same money: what may differ, and what is done about it."""

from typing import Final, Literal, Protocol

import msgspec

from usher.payment.model import Payment, Standing

# What mends a difference: the order is given to the provider again, or its word is taken down
# again. "" is for people: nothing that we may do by ourselves would make both books true.
Remedy = Literal["told", "capture", "void", "give_back", "refund", ""]


class _Differ(Protocol):
    def __call__(self, what: str, remedy: Remedy = "") -> "Difference": ...


_MONEY: Final = ("authorised", "captured")


class Ours(msgspec.Struct, frozen=True, kw_only=True):
    """A payment as we have it, with the money that went back of it, or is on its way, in minor
    units."""

    payment: Payment
    refunded: int = 0
    refunding: int = 0


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """A charge of which the books tell differently, and what will mend it."""

    provider: str
    payment_id: str
    event_id: str
    what: str
    remedy: Remedy


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What a comparison found: how many charges it compared, what it has mended, what it cannot."""

    compared: int
    asked: int
    mended: list[Difference]
    findings: list[Difference]


def compare(provider: str, ours: Ours | None, theirs: Standing | None) -> Difference | None:
    """How two books tell of one charge; None where they agree, or soon will."""
    if ours is None:
        if theirs is None or theirs.state not in _MONEY or theirs.refunded >= theirs.amount:
            return None
        what = f"the provider has {theirs.state} a charge that is unknown here"
        return _difference(provider, theirs.payment_id or theirs.reference, theirs.event_id, what)
    payment = ours.payment
    state = theirs.state if theirs else "open"

    def differ(what: str, remedy: Remedy = "") -> Difference:
        return _difference(provider, payment.id, payment.event_id, what, remedy)

    if theirs and state in _MONEY and _sum(theirs) != (payment.amount, payment.currency):
        if payment.state in ("started", "declined"):
            return differ("the provider was paid another amount", "told")
        if payment.state not in ("voiding", "voided"):
            return differ("the provider was paid another amount than was asked for")
    match payment.state:
        case "started" | "declined" if state in _MONEY:
            return differ(f"{state} by the provider, {payment.state} here", "told")
        case "authorised" if state in _MONEY:
            return differ("confirmed here, and not yet known to be captured", "capture")
        case "authorised":
            return differ(f"authorised here, {state} by the provider", "capture")
        case "captured" if state != "captured":
            remedy: Remedy = "capture" if state == "authorised" else ""
            return differ(f"captured here, {state} by the provider", remedy)
        case "captured" if theirs:
            return _refunds(ours, theirs, differ)
        case "voiding" if state in _MONEY:
            return differ(f"to be given back here, {state} by the provider", "void")
        case "voided" | "failed" if theirs and state in _MONEY:
            if state == "captured" and theirs.refunded >= theirs.amount:
                return None
            return differ(f"{payment.state} here, {state} by the provider", "give_back")
    return None


def _refunds(ours: Ours, theirs: Standing, differ: _Differ) -> Difference | None:
    if theirs.refunded < ours.refunded:
        return differ("less has gone back than we say", "refund")
    if theirs.refunded > ours.refunded + ours.refunding:
        return differ("more has gone back than we say")
    return None


def _sum(theirs: Standing) -> tuple[int, str]:
    return theirs.amount, theirs.currency


def _difference(
    provider: str, payment_id: str, event_id: str, what: str, remedy: Remedy = ""
) -> Difference:
    return Difference(
        provider=provider, payment_id=payment_id, event_id=event_id, what=what, remedy=remedy
    )
