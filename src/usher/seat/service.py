"""Holding seats: the layer that predicts. PostgreSQL decides later (invariant 1)."""

from typing import Any, NamedTuple, NoReturn

from usher import limits
from usher.errors import (
    BadInput,
    BookingState,
    HoldLapsed,
    IdempotencyMismatch,
    NotAdmitted,
    NotEnoughSeats,
    NotOpen,
    OverLimit,
    SeatTaken,
    Unauthenticated,
    Unavailable,
)
from usher.event.model import Showing
from usher.event.service import EventService
from usher.ids import derived_id, is_id, new_id
from usher.plumbing.signing import Signer
from usher.seat import scripts as s
from usher.seat.model import HoldRequest, hold_view


class Admission(NamedTuple):
    """What an admission token says."""

    event: str
    place_id: str
    fan_id: str


class SeatService:
    def __init__(self, seats: s.SeatScripts, events: EventService, signer: Signer) -> None:
        self._scripts = seats
        self._events = events
        self._signer = signer

    def admission_of(self, event: str | None, token: str | None) -> Admission:
        """The admission a token names; Unauthenticated where it is none, or of another event."""
        if not token:
            raise Unauthenticated("an admission token is needed: stand in line first")
        claims = self._signer.verify("admission", token)
        if event is not None and claims.get("evt") != event:
            raise Unauthenticated("this admission token is for another event")
        return Admission(claims["evt"], claims["sub"], claims["fan"])

    async def hold(
        self, admission: Admission, asked: HoldRequest, idempotency_key: str | None
    ) -> dict[str, Any]:
        """A hold of all the seats asked for, or none: SeatTaken, NotEnoughSeats, OverLimit,
        NotAdmitted, NotOpen, BadInput. With a key, the same request again is the same hold."""
        event, place_id, _ = admission
        showing = await self._events.showing(event)
        hold_id = (
            derived_id("hold", place_id, idempotency_key) if idempotency_key else new_id("hold")
        )
        reply: Any
        if asked.seats is not None:
            if asked.category is not None or asked.quantity is not None:
                raise BadInput("ask for seats, or for a category and a quantity, not for both")
            indices = _indices(showing, asked.seats)
            reply = await self._scripts.hold(event, hold_id, place_id, asked.digest(), *indices)
        else:
            reply = await self._best(showing, event, hold_id, place_id, asked)
        if isinstance(reply, s.Held):
            return hold_view(
                showing, hold_id, reply.seats, reply.due_ms, reply.left_ms, reply.cap_ms
            )
        _refuse(showing, reply)

    async def _best(
        self, showing: Showing, event: str, hold_id: str, place_id: str, asked: HoldRequest
    ) -> Any:
        if asked.category is None or asked.quantity is None:
            raise BadInput("ask for seats by guid, or for a category and a quantity")
        category = next((c for c in showing.categories if c.name == asked.category), None)
        if category is None:
            known = ", ".join(each.name for each in showing.categories)
            raise BadInput(f"there is no category {asked.category!r}; there are {known}")
        return await self._scripts.best(
            event,
            hold_id,
            place_id,
            asked.digest(),
            category.rank,
            category.first,
            category.auto_count,
            asked.quantity,
            0 if asked.adjacent else 1,
        )

    async def read(self, admission: Admission, hold_id: str) -> dict[str, Any]:
        """A hold of this admission; HoldLapsed where it is no more, or is somebody else's."""
        hold = await self.live(admission, hold_id)
        showing = await self._events.showing(admission.event)
        view = hold_view(showing, hold_id, hold.seats, hold.due_ms, hold.left_ms, hold.cap_ms)
        return view | {"state": {"h": "held", "c": "claimed", "s": "sold"}[hold.state]}

    async def live(self, admission: Admission, hold_id: str) -> s.Hold:
        """The hold as Redis has it; HoldLapsed as in `read`."""
        _check_id(hold_id)
        reply = await self._scripts.read(admission.event, hold_id)
        if not isinstance(reply, s.Hold) or reply.owner != admission.place_id:
            raise HoldLapsed("this hold has lapsed, or is not yours")
        return reply

    async def extend(self, admission: Admission, hold_id: str) -> dict[str, Any]:
        """More time for a hold, up to its cap; at the cap nothing changes."""
        _check_id(hold_id)
        reply = await self._scripts.extend(admission.event, hold_id, admission.place_id)
        if isinstance(reply, s.AlreadyClaimed):
            raise BookingState("these seats are booked already")
        if isinstance(reply, s.Gone):
            raise HoldLapsed("this hold has lapsed, or is not yours")
        showing = await self._events.showing(admission.event)
        return hold_view(showing, hold_id, reply.seats, reply.due_ms, reply.left_ms, reply.cap_ms)

    async def free(self, admission: Admission, hold_id: str) -> None:
        """Lets a hold go at once; again is harmless."""
        _check_id(hold_id)
        reply = await self._scripts.free(admission.event, hold_id, admission.place_id)
        if isinstance(reply, s.AlreadyClaimed):
            raise BookingState("these seats are booked already; cancel the booking instead")
        if isinstance(reply, s.Gone):
            raise HoldLapsed("this hold has lapsed, or is not yours")

    async def sweep(self, event: str) -> int:
        """One turn of freeing what has lapsed; how many holds were freed."""
        return (await self._scripts.sweep(event, limits.sweep_batch_max)).freed


def _check_id(hold_id: str) -> None:
    if not is_id("hold", hold_id):
        raise HoldLapsed("there is no such hold")


def _indices(showing: Showing, guids: list[str]) -> list[int]:
    if not guids:
        raise BadInput("no seats were asked for")
    if len(set(guids)) != len(guids):
        raise BadInput("a seat is asked for twice")
    index_of = showing.layout.index_of
    unknown = [guid for guid in guids if guid not in index_of]
    if unknown:
        raise BadInput("there are no such seats", unknown=unknown)
    return [index_of[guid] for guid in guids]


def _refuse(showing: Showing, reply: Any) -> NoReturn:
    match reply:
        case s.Taken(seats):
            taken = [showing.layout.guid[index] for index in seats]
            raise SeatTaken(f"taken: {', '.join(taken)}", taken=taken)
        case s.Few(most):
            raise NotEnoughSeats(
                f"not so many are free together; {most} could be had" if most else "none are free",
                most=most,
            )
        case s.OverLimit(has, most):
            raise OverLimit(f"at most {most} seats a fan; you have {has}", has=has, most=most)
        case s.Lapsed():
            raise NotAdmitted("your time to shop is over, or has not begun")
        case s.Closed("lost"):
            raise Unavailable("the event is being prepared", retry_after_s=2)
        case s.Closed(state):
            raise NotOpen(f"the sale is {state.replace('_', ' ')}", state=state)
        case s.Gone():
            raise HoldLapsed("this hold has lapsed; ask anew under another Idempotency-Key")
        case _:
            raise IdempotencyMismatch("this Idempotency-Key was used with another body")
