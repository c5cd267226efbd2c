"""Everything usher refuses, as one tree. HTTP sees it in one place: plumbing/problem.py.

UsherError
  BadInput 422            bad_input            the request says something impossible
    BadPlan 422           bad_plan             a seating plan that cannot be used
    OverLimit 422         over_limit           more seats than a fan may have
    IdempotencyMismatch   idempotency_mismatch same key, other body
    NoTicket 422          no_ticket            what was shown at a door is no ticket's code
    ForgedTicket 422      forged               it looks like one, and nobody here has signed it
    UnsignedTicket 422    unsigned             a ticket's number alone: staff must vouch for it
  Malformed 400           malformed            not JSON, not UTF-8, too deep
  UnsupportedMedia 415    unsupported_media    a body of a kind that is not read here
  Unauthenticated 401     unauthenticated      no token, or one that cannot be trusted
  Forbidden 403           forbidden            a good token, but not for this
    NotAdmitted 403       not_admitted         no live admission to this event
    Transferred 403       transferred          the ticket is somebody else's by now
  NotFound 404            not_found
    UnknownTicket 404     unknown_ticket       no ticket has this number
  Conflict 409            conflict             the state of things does not allow it
    SeatTaken 409         seat_taken           names the seats
    NotEnoughSeats 409    not_enough_seats     says how many could be had
    NotOpen 409           not_open             the sale does not take this now
    BookingState 409      booking_state        the booking is past this step
    NotCancellable 409    not_cancellable      such tickets are not given back, or no longer
    TicketUsed 409        already_used         with when and where it was used first
    TicketRevoked 409     revoked              it was handed on: another code is good now
    TicketCancelled 409   cancelled            it was given back
    TicketUnpaid 409      not_confirmed        its booking is not paid
    OtherEvent 409        wrong_event          a ticket, but not for this event
  Gone 410                gone
    HoldLapsed 410        hold_lapsed          the seats went back on sale
  TooMany 429             too_many             slow down, with retry_after_s
  Unavailable 503         unavailable          a server behind us is away, with retry_after_s
  SetupError              setup                this installation cannot start (CLI only)
    Unreachable           setup                a server it needs does not answer
"""

from typing import Any, ClassVar


class UsherError(Exception):
    """A refusal: a stable `code`, an HTTP `status`, a sentence, and members that help."""

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 500
    title: ClassVar[str] = "Something went wrong"

    def __init__(self, detail: str, **members: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.members = members


class BadInput(UsherError):
    code, status, title = "bad_input", 422, "The request says something impossible"


class BadPlan(BadInput):
    """`errors` holds one {"where", "what"} per fault found, at most limits.plan_errors_max."""

    code, title = "bad_plan", "This seating plan cannot be used"


class OverLimit(BadInput):
    code, title = "over_limit", "More seats than one fan may have"


class IdempotencyMismatch(BadInput):
    code, title = "idempotency_mismatch", "This Idempotency-Key was used with another body"


class NoTicket(BadInput):
    code, title = "no_ticket", "This is no ticket's code"


class ForgedTicket(BadInput):
    """Not 401: who asks is known well, what they were shown is not."""

    code, title = "forged", "This code was not made here"


class UnsignedTicket(BadInput):
    code, title = "unsigned", "A ticket's number alone proves nothing"


class Malformed(UsherError):
    code, status, title = "malformed", 400, "The request could not be read"


class UnsupportedMedia(UsherError):
    code, status, title = "unsupported_media", 415, "This media type is not read here"


class Unauthenticated(UsherError):
    code, status, title = "unauthenticated", 401, "A valid token is needed"


class Forbidden(UsherError):
    code, status, title = "forbidden", 403, "Not allowed"


class NotAdmitted(Forbidden):
    code, title = "not_admitted", "No live admission to this event"


class Transferred(Forbidden):
    code, title = "transferred", "The ticket has another holder now"


class NotFound(UsherError):
    code, status, title = "not_found", 404, "Not found"


class UnknownTicket(NotFound):
    code, title = "unknown_ticket", "There is no such ticket"


class Conflict(UsherError):
    code, status, title = "conflict", 409, "Not possible now"


class SeatTaken(Conflict):
    code, title = "seat_taken", "Some of these seats are taken"


class NotEnoughSeats(Conflict):
    code, title = "not_enough_seats", "Not enough seats are free"


class NotOpen(Conflict):
    code, title = "not_open", "The sale does not take this now"


class BookingState(Conflict):
    code, title = "booking_state", "The booking is past this step"


class NotCancellable(Conflict):
    code, title = "not_cancellable", "These tickets are not given back"


class TicketUsed(Conflict):
    code, title = "already_used", "This ticket was used already"


class TicketRevoked(Conflict):
    code, title = "revoked", "This ticket was handed on, and its old code with it"


class TicketCancelled(Conflict):
    code, title = "cancelled", "This ticket was given back"


class TicketUnpaid(Conflict):
    code, title = "not_confirmed", "This ticket is not paid"


class OtherEvent(Conflict):
    code, title = "wrong_event", "This ticket is for another event"


class Gone(UsherError):
    code, status, title = "gone", 410, "No longer there"


class HoldLapsed(Gone):
    code, title = "hold_lapsed", "The hold has lapsed"


class TooMany(UsherError):
    code, status, title = "too_many", 429, "Too many requests"


class Unavailable(UsherError):
    code, status, title = "unavailable", 503, "Temporarily unavailable"


class SetupError(UsherError):
    code, title = "setup", "usher cannot start here"


class Unreachable(SetupError):
    """A server that this installation needs does not answer."""
