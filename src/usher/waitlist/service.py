"""Joining a waiting list, leaving it, and answering an offer."""

from datetime import datetime
from typing import Any, Final

from usher import limits
from usher.account.model import own_fan
from usher.clock import iso, now_ms, to_ms
from usher.errors import (
    BookingState,
    Conflict,
    HoldLapsed,
    IdempotencyMismatch,
    NotFound,
    NotOpen,
    Unauthenticated,
    Unavailable,
)
from usher.event.service import EventService
from usher.ids import derived_id, is_id, new_id
from usher.plumbing.postgres import Database
from usher.plumbing.signing import Signer
from usher.queue.curves import Curves
from usher.seat import scripts as seat
from usher.waitlist import queries
from usher.waitlist.model import (
    Entry,
    Offer,
    OfferFacts,
    WaitRequest,
    entry_view,
    hold_of,
    left_s,
    new_entry,
    place_of,
    row_view,
)
from usher.waitlist.scripts import WaitlistScripts

_ENDED: Final = {"booked": "booked", "declined": "declined"}


class WaitlistService:
    def __init__(
        self,
        database: Database,
        scripts: WaitlistScripts,
        seats: seat.SeatScripts,
        events: EventService,
        curves: Curves,
        signer: Signer,
        public_url: str,
    ) -> None:
        self._database = database
        self._scripts = scripts
        self._seats = seats
        self._events = events
        self._curves = curves
        self._signer = signer
        self._site = public_url.rstrip("/")

    # --- being on the list

    async def closed_for(self, event: str) -> NotOpen | None:
        """Why nobody may join now, None where they may: only once all seats are sold, or are kept
        for who waits already."""
        showing = await self._events.shown(event)
        known = await self._curves.of(event)
        if known is None:
            return NotOpen("the sale has not opened yet", state=showing.event.sale_state)
        state = known.curve.state
        over = to_ms(showing.event.starts_at) <= known.curve.now_ms
        if over or state == "closed" or showing.event.state != "published":
            return NotOpen("the sale is over", state="closed")
        if showing.event.waitlist == "off":
            return NotOpen("this event has no waiting list", state=state)
        if state != "sold_out" and not known.curve.listed:
            why = "seats are still on sale" if state == "open" else f"the sale is {state}"
            return NotOpen(why, state=state)
        return None

    async def join(
        self, event: str, fan_id: str, asked: WaitRequest, key: str | None, account_id: str = ""
    ) -> Entry:
        """An entry for `fan_id`, who has one at most; the same request again is the same entry.

        NotOpen, OverLimit, BadInput; Conflict where this fan, or somebody of this address, waits
        already for something else; Unauthenticated where the sale is for who is logged in.
        """
        showing = await self._events.shown(event)
        if showing.event.access == "login":
            if not account_id:
                raise Unauthenticated("this sale is for who is logged in: log in first", login=True)
            fan_id = own_fan(account_id)
        entry_id = derived_id("entry", event, fan_id, key) if key else new_id("entry")
        entry = new_entry(showing, entry_id, fan_id, asked)
        known = await self._again(entry)
        if known is not None:
            return known
        if refusal := await self.closed_for(event):
            raise refusal
        if not await queries.insert(self._database, entry, limits.waitlist_entries_max):
            known = await self._again(entry)
            if known is not None:
                return known
            if await queries.email_waits(self._database, event, entry.email):
                raise Conflict("somebody with this email address is on the list already")
            raise Unavailable("the waiting list is full", retry_after_s=60)
        # Killed before this, the worker's next turn finds the entry.
        await self._scripts.call(event)
        return await self.entry(entry_id)

    async def _again(self, entry: Entry) -> Entry | None:
        """The entry that this request has made before, or the same of this fan's."""
        before = await queries.find(self._database, entry.id)
        if before is not None:
            if before.asks != entry.asks:
                raise IdempotencyMismatch("this Idempotency-Key was used with another body")
            return before
        last = await queries.of_fan(self._database, entry.event_id, entry.fan_id)
        if last is None or last.state not in ("waiting", "offered"):
            return None
        if last.asks != entry.asks:
            raise Conflict(
                "you are on the list already: leave it first to ask for something else",
                entry_id=last.id,
            )
        return last

    async def of_fan(self, event: str, fan_id: str, account_id: str = "") -> Entry | None:
        """The last entry of a fan, or of the account's own; NotFound where there is no event."""
        await self._events.shown(event)
        for fan in (fan_id, own_fan(account_id) if account_id else ""):
            if fan and (entry := await queries.of_fan(self._database, event, fan)) is not None:
                return entry
        return None

    async def of_token(self, token: str, event: str | None = None) -> Entry:
        """The entry whose token this is; Unauthenticated."""
        claims = self._signer.verify("entry", token)
        if event is not None and claims.get("evt") != event:
            raise Unauthenticated("this token is for another event")
        return await self.entry(str(claims["sub"]))

    async def entry(self, entry_id: str) -> Entry:
        """An entry by its id; NotFound."""
        entry = await queries.find(self._database, entry_id)
        if entry is None:
            raise NotFound("there is no such entry on the waiting list")
        return entry

    async def view(self, entry: Entry) -> dict[str, Any]:
        """An entry as its fan is told of it."""
        ahead = await queries.ahead(self._database, entry) if entry.state == "waiting" else None
        view = entry_view(entry, ahead)
        if entry.state == "offered":
            view["offer_token"] = self.offer_token(entry)
        return view

    async def leave(self, entry: Entry) -> Entry:
        """Takes an entry off its list, and declines what it is offered; again is harmless."""
        if entry.state == "offered":
            await self._decline(entry)
        elif entry.state == "waiting":
            await queries.move(self._database, entry.id, entry.attempt, "waiting", "left")
            # An offer may have been made at this moment, by a worker that was killed since.
            attempt = entry.attempt + 1
            hold_id, place_id = hold_of(entry.id, attempt), place_of(entry.id, attempt)
            await self._seats.free(entry.event_id, hold_id, place_id)
        now = await self.entry(entry.id)
        # A worker has moved it on meanwhile: made an offer, or one that came to nothing.
        return await self.leave(now) if now.state in ("waiting", "offered") else now

    def entry_token(self, entry: Entry) -> str:
        """What shows and leaves an entry, for who has no cookie of its fan."""
        claims = {"sub": entry.id, "evt": entry.event_id}
        return self._signer.sign(
            "entry", claims, expires_s=now_ms() // 1000 + limits.waitlist_token_s
        )

    # --- being offered seats

    def offer_token(self, entry: Entry) -> str:
        """What opens the entry's last offer, and later says what became of it."""
        assert entry.due is not None  # waitlist_offer_whole
        expires_s = to_ms(entry.due) // 1000 + limits.waitlist_token_s
        claims = {"sub": entry.id, "try": entry.attempt}
        return self._signer.sign("offer", claims, expires_s=expires_s)

    async def offer(self, token: str) -> Offer:
        """The offer whose token this is; NotFound where it is none."""
        try:
            claims = self._signer.verify("offer", token)
            entry, attempt = await self.entry(str(claims["sub"])), int(claims["try"])
        except Unauthenticated as refusal:
            raise NotFound("there is no such offer") from refusal
        showing = await self._events.showing(entry.event_id)
        # One that was followed by another is over, and so is one of an event that was cancelled.
        if entry.attempt != attempt or showing.event.state != "published":
            return Offer(entry, "lapsed", showing)
        return Offer(entry, await self._state(entry), showing)

    async def _state(self, entry: Entry) -> str:
        """What an offer is now. PostgreSQL hears of it a second after Redis: the worker follows."""
        if entry.state != "offered":
            return _ENDED.get(entry.state, "lapsed")
        held = await self._seats.read(entry.event_id, entry.hold_id)
        if isinstance(held, seat.Hold):
            return "offered" if held.state == "h" else "booked"
        if left_s(entry.due):
            # Given back at the checkout, or Redis was lost: the worker knows in a moment.
            raise Unavailable("this offer is being looked after", retry_after_s=2)
        return "lapsed"

    async def accept(self, token: str, fan_id: str) -> dict[str, Any]:
        """The admission of an offer's own place, for `fan_id` to book with: its booking will be
        that fan's. As often as it is asked for. HoldLapsed; BookingState where it is booked."""
        entry, state, _ = await self.offer(token)
        if state == "booked":
            raise BookingState("these seats are booked already")
        if state != "offered" or entry.due is None:
            raise HoldLapsed("this offer is over: the seats have gone to the next in line")
        claims = {
            "sub": place_of(entry.id, entry.attempt),
            "evt": entry.event_id,
            "fan": fan_id,
        }
        expires_s = to_ms(entry.due) // 1000 + limits.admission_beyond_s
        return {
            "hold_id": entry.hold_id,
            "admission_token": self._signer.sign("admission", claims, expires_s=expires_s),
            "due": iso(entry.due),
            "expires_in_s": left_s(entry.due),
        }

    async def decline(self, token: str) -> Offer:
        """Says no: the seats go to the next in line at once. Harmless where it is over;
        BookingState where they are booked."""
        offer = await self.offer(token)
        if offer.state == "booked":
            raise BookingState("these seats are booked already; cancel the booking instead")
        if offer.state == "offered":
            await self._decline(offer.entry)
        return await self.offer(token)

    async def _decline(self, entry: Entry) -> None:
        # Redis first: killed in between, the worker's next turn sees that the hold was let go.
        reply = await self._seats.free(
            entry.event_id, entry.hold_id, place_of(entry.id, entry.attempt)
        )
        if isinstance(reply, seat.AlreadyClaimed):
            raise BookingState("these seats are booked already; cancel the booking instead")
        await queries.move(self._database, entry.id, entry.attempt, "offered", "declined")

    # --- for others

    async def offer_facts(self, subject: str) -> OfferFacts | None:
        """What a message about the offer "<entry>.<attempt>" says; None where it is over."""
        entry_id, _, attempt = subject.partition(".")
        entry = await queries.find(self._database, entry_id) if is_id("entry", entry_id) else None
        if entry is None or entry.state != "offered" or str(entry.attempt) != attempt:
            return None
        assert entry.due is not None  # waitlist_offer_whole
        showing = await self._events.showing(entry.event_id)
        if showing.event.state != "published":
            return None
        return OfferFacts(
            entry_id=entry.id,
            attempt=entry.attempt,
            event_id=entry.event_id,
            name=entry.name,
            email=entry.email,
            language=entry.language,
            seats=entry.seats,
            total=sum(showing.price_of(index) for index in entry.seats),
            currency=showing.event.currency,
            due=entry.due,
            link=f"{self._site}/offers/{self.offer_token(entry)}",
            leave_link=f"{self._site}/waitlist/{self.entry_token(entry)}",
        )

    async def listing(
        self, event: str, state: str, after: tuple[datetime, str] | None, most: int
    ) -> tuple[dict[str, Any], Entry | None]:
        """The list for its organiser, and the last entry on the page where more follow."""
        await self._events.showing(event)
        rows = await queries.page(self._database, event, state, after, most + 1)
        counts = await queries.counts(self._database, event)
        view = {
            "waiting": counts.get("waiting", (0, 0))[0],
            "seats": counts.get("waiting", (0, 0))[1],
            "offered": counts.get("offered", (0, 0))[0],
            "booked": counts.get("booked", (0, 0))[0],
            "entries": [row_view(entry) for entry in rows[:most]],
        }
        return view, rows[most - 1] if len(rows) > most else None
