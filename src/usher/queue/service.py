"""The line: joining it, standing in it, coming in, and the ticks that move it."""

import time
from typing import Any, Final, NamedTuple

import msgspec
import structlog

from usher import limits
from usher.account.model import own_fan
from usher.clock import iso_ms, now_ms
from usher.errors import Conflict, NotAdmitted, NotFound, NotOpen, Unauthenticated, Unavailable
from usher.event.service import EventService
from usher.ids import derived_id, is_id
from usher.plumbing.signing import Signer
from usher.queue import scripts as s
from usher.queue.curves import Curves, KnownCurve
from usher.queue.model import Draw, ahead_of, place_view
from usher.queue.pacing import FULL, next_step
from usher.queue.standing import from_curve, waiting_view
from usher.queue.watch import IN_LOBBY, OVER, Watch
from usher.sale.model import Sale
from usher.sale.service import SaleService

log = structlog.get_logger("usher.queue")

_DRAWS_MAX: Final = 64


class Place(msgspec.Struct, frozen=True):
    """What a place token says: who stands, and where they stood when it was signed.

    `index` is the arrival in the lobby, `number` the number in line; -1 where not given.
    """

    event: str
    place_id: str
    fan_id: str
    index: int
    number: int


class Joined(NamedTuple):
    """`admission` and its lifetime are given where the fan may shop at once."""

    place_token: str
    view: dict[str, Any]
    admission: dict[str, Any] | None


class QueueService:
    def __init__(
        self,
        queue: s.QueueScripts,
        sales: SaleService,
        curves: Curves,
        signer: Signer,
        events: EventService,
        watch: Watch,
    ) -> None:
        self._watch = watch
        self._scripts = queue
        self._sales = sales
        self._signer = signer
        self._events = events
        self.curves = curves
        self._draws: dict[str, Draw] = {}

    async def state(self, event: str) -> bytes:
        """The public state of the line as JSON, at most a second old; NotFound."""
        return (await self._curve(event)).public

    async def join(
        self, event: str, fan_id: str, held: Place | None = None, account_id: str = ""
    ) -> Joined:
        """A place for `fan_id`, or the one it has: one place per fan, asked as often as it likes.

        `held` is the place whose token came along: should Redis have lost it, it is put back
        first, and is not exchanged for one at the end. NotOpen before the lobby and after the end.
        `account_id` is who is logged in, if anybody: a sale may be for them only, and an account
        has one place there, whatever browsers it uses. Unauthenticated(login=True) without.
        """
        if not is_id("event", event):
            raise NotFound(f"there is no event {event[:40]!r}")
        if await self._events.access(event) == "login":
            if not account_id:
                raise Unauthenticated("this sale is for who is logged in: log in first", login=True)
            if held is None or held.fan_id != fan_id:  # who stood here as a guest stands on
                fan_id = own_fan(account_id)
        place_id = derived_id("place", event, fan_id)
        if held is not None and held.place_id == place_id:
            await self._find(held)
        reply = await self._scripts.join(event, place_id)
        index, number = -1, -1
        match reply:
            case s.Shut(state):
                raise await self._shut(event, state)
            case s.InLobby(index):
                view = place_view("lobby", curve=(await self._curve(event)).curve)
            case s.Waiting(number, ahead):
                known = await self._curve(event)
                view = waiting_view(known, number, ahead)
            case s.Called(number, due_ms, left_ms):
                view = place_view("called", number=number, due_ms=due_ms, left_ms=left_ms)
            case s.Admitted(number, due_ms, left_ms):
                view = place_view("admitted", number=number, due_ms=due_ms, left_ms=left_ms)
        place = Place(event, place_id, fan_id, index, number)
        admission = None
        if isinstance(reply, s.Admitted):
            admission = self._admission(place, reply.due_ms, reply.left_ms)
        return Joined(self._token(place), view, admission)

    async def place(self, place: Place) -> dict[str, Any]:
        """Where a place stands now; a place Redis has lost is put back first."""
        match await self._find(place):
            case s.InLobby():
                return place_view("lobby", curve=(await self._curve(place.event)).curve)
            case s.StillWaiting(number):
                known = await self._curve(place.event)
                return waiting_view(known, number, ahead_of(known.curve, number))
            case s.Called(number, due_ms, left_ms):
                return place_view("called", number=number, due_ms=due_ms, left_ms=left_ms)
            case s.Admitted(number, due_ms, left_ms):
                return place_view("admitted", number=number, due_ms=due_ms, left_ms=left_ms)
            case s.Lapsed(number):
                return place_view("lapsed", number=number)
            case s.Left(number):
                return place_view("left", number=number)
            case s.Shut("closed" | "sold_out" as state):
                return place_view("closed", reason=state)
            case s.Shut(state):
                raise await self._shut(place.event, state)
            case s.Unknown() if place.index < 0 and place.number < 0:
                return place_view("left")  # never stood in line: a place of the waiting list's
            case s.Unknown():
                raise Unavailable("the place could not be put back", retry_after_s=1)

    async def polled(self, place: Place) -> dict[str, Any]:
        """`place`, for whoever asks again and again: while nothing has happened to it, it is told
        from the curve, and Redis is not asked."""
        event, place_id = place.event, place.place_id
        known = self._watch.number_of(event, place_id)
        if known is not None and (view := from_curve(await self._curve(event), known)):
            return view
        mark = self._watch.mark(event)
        view = await self.place(place)
        number = {"lobby": IN_LOBBY, "closed": OVER, "waiting": view["number"]}.get(view["state"])
        if number is not None:
            self._watch.remember(event, place_id, number, mark)
        elif known is not None:  # a call that lapsed while the sale was over, and no signal told
            self._watch.forget(event, place_id)
        return view

    async def claim(self, place: Place) -> dict[str, Any]:
        """The admission of a fan who has been called; asked again it is the same one."""
        reply = await self._scripts.claim(place.event, place.place_id)
        if isinstance(reply, s.Unknown):
            await self._restore(place)
            reply = await self._scripts.claim(place.event, place.place_id)
        match reply:
            case s.Admitted(_, due_ms, left_ms):
                return self._admission(place, due_ms, left_ms)
            case s.StillWaiting():
                raise Conflict("you have not been called yet", state="waiting", retry_after_s=2)
            case s.Lapsed():
                raise NotAdmitted(
                    "the call has lapsed; join again and you stand at the front", state="lapsed"
                )
            case s.Left():
                raise NotAdmitted("this place has been given up; join again", state="left")
            case s.Shut(state):
                raise await self._shut(place.event, state)
            case s.Unknown():
                raise Conflict("the line has not opened yet", state="lobby", retry_after_s=2)

    async def leave(self, place: Place) -> None:
        """Gives the place up; again is harmless."""
        reply = await self._scripts.leave(place.event, place.place_id)
        self._watch.forget(place.event, place.place_id)
        if isinstance(reply, s.Shut):
            raise await self._shut(place.event, reply.state)

    async def _find(
        self, place: Place
    ) -> (
        s.InLobby | s.StillWaiting | s.Called | s.Admitted | s.Lapsed | s.Left | s.Unknown | s.Shut
    ):
        reply = await self._scripts.place(place.event, place.place_id)
        if not isinstance(reply, s.Unknown):
            return reply
        restored = await self._restore(place)
        if isinstance(restored, s.Shut):
            return restored
        return await self._scripts.place(place.event, place.place_id)

    async def _restore(self, place: Place) -> s.Restored | s.Known | s.Shut | None:
        """Puts a place back where its token says it stood (design invariant 4); None where it
        cannot be known yet where that is."""
        sale = await self._sales.find(place.event)
        index, number = place.index, place.number
        if number < 0 and sale.lobby_size is not None and 0 <= index < sale.lobby_size:
            number = self.draw_of(sale).number(index)
        if number < 0 and (index < 0 or sale.lobby_size is not None):
            return None
        reply = await self._scripts.restore(place.event, place.place_id, index, number)
        log.info("place restored", event_id=place.event, reply=type(reply).__name__)
        return reply

    def draw_of(self, sale: Sale) -> Draw:
        """The sale's draw, its tables made once; only after the lobby has closed."""
        draw = self._draws.get(sale.event_id)
        if draw is None or draw.size != sale.lobby_size:
            if len(self._draws) >= _DRAWS_MAX:
                self._draws.clear()
            draw = self._draws[sale.event_id] = Draw(sale.draw_key, sale.lobby_size or 0)
        return draw

    # --- ticks, run by any worker at any moment

    async def release(self, event: str) -> int:
        """One turn of the gate, how many it called; all that keeps it within rate and capacity is
        in the script. Batch by batch, so that nobody else's call waits long: others run between."""
        called = 0
        for _ in range(limits.release_batches_max):
            reply = await self._scripts.release(
                event, limits.release_batch_max, limits.expire_batch_max
            )
            if isinstance(reply, s.Idle):
                break
            called += reply.count
        return called

    async def keep_pace(self, event: str, curve: s.Curve) -> int | None:
        """Slows the gate where the shop is behind, and lets it go on again; tells the pace that was
        set, in thousandths of the rate, None where it stays or a colleague was faster."""
        step = next_step(curve)
        if step is None:
            return None
        reply = await self._scripts.pace(event, curve.pace_ms, step.pace, step.why)
        if not isinstance(reply, s.Paced):
            return None
        if curve.pace >= FULL:
            lags = {"lag_ms": curve.lag_ms, "ledger": curve.ledger_n, "answers_ms": curve.delay_ms}
            log.warning("gate slowed", event_id=event, why=step.why, rate=curve.rate, **lags)
        elif step.pace >= FULL:
            took_s = (curve.now_ms - curve.slow_ms) / 1000
            log.warning("gate at its rate again", event_id=event, rate=curve.rate, after_s=took_s)
        return step.pace

    async def draw_step(self, sale: Sale, start: int) -> int | None:
        """Numbers one batch of the lobby from `start`; where to go on, None when all is drawn."""
        size = sale.lobby_size or 0
        draw = self.draw_of(sale)
        last = min(size, start + limits.draw_batch_max)
        reply = await self._scripts.draw(
            sale.event_id, start, *(draw.number(index) for index in range(start, last))
        )
        return None if isinstance(reply, s.Ready) else reply.next

    # --- tokens

    def _token(self, place: Place) -> str:
        claims = {"sub": place.place_id, "evt": place.event, "fan": place.fan_id}
        where = {"n": place.number} if place.number >= 0 else {"i": place.index}
        expires_s = int(time.time()) + limits.place_token_s
        return self._signer.sign("place", claims | where, expires_s=expires_s)

    def place_of(self, event: str, token: str | None) -> Place:
        """The place a token names; Unauthenticated where it is none of this event's."""
        if not token:
            raise Unauthenticated("a place token is needed: join the line first")
        claims = self._signer.verify("place", token)
        if claims.get("evt") != event:
            raise Unauthenticated("this place token is for another event")
        return Place(
            event, claims["sub"], claims["fan"], int(claims.get("i", -1)), int(claims.get("n", -1))
        )

    def _admission(self, place: Place, due_ms: int, left_ms: int) -> dict[str, Any]:
        # Redis TIME decides, the token only bounds: a hold made in the last second may be extended
        # and booked as long as holds last.
        expires_s = (now_ms() + left_ms) // 1000 + limits.admission_beyond_s
        claims = {"sub": place.place_id, "evt": place.event, "fan": place.fan_id}
        return {
            "admission_token": self._signer.sign("admission", claims, expires_s=expires_s),
            "due": iso_ms(due_ms),
            "expires_in_s": left_ms // 1000,
        }

    # --- the rest

    async def _curve(self, event: str) -> KnownCurve:
        known = await self.curves.of(event)
        if known is None:
            raise await self._shut(event, "lost")
        return known

    async def _shut(self, event: str, state: str) -> NotOpen | NotFound | Unavailable:
        """Why nobody is let in: for "lost", PostgreSQL knows whether there is such an event."""
        if state == "lost":
            await self._sales.find(event)  # NotFound
            return Unavailable("the event is being prepared", retry_after_s=2)
        reasons = {
            "draft": "the line has not opened yet",
            "closed": "the sale is over",
            "sold_out": "all seats are sold",
        }
        return NotOpen(reasons.get(state, f"the sale is {state}"), state=state)
