"""From the draft of a message to what its channel carries: what is told, and what comes with it."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from functools import cached_property
from typing import Any, Final

from usher import limits
from usher.booking.calendar import booking_calendar, seat_text
from usher.booking.model import Booking
from usher.errors import NotFound
from usher.event.model import Showing
from usher.event.service import EventService
from usher.notice.model import (
    GIVEN_AWAY,
    KINDS,
    TAKEN_BACK,
    Draft,
    Outgoing,
    Sources,
)
from usher.notice.writing import Attachment, Writer, make_mail
from usher.plumbing.calendar import MEDIA_TYPE
from usher.plumbing.language import Language, Languages
from usher.plumbing.postgres import Database
from usher.plumbing.signing import Signer
from usher.seat.model import seat_view
from usher.ticket import queries as ticket_queries
from usher.ticket.model import Holding

# Reasons of usher's own, among those that people write.
_BY_FAN: Final = "by the fan"
_BY_ORGANISER: Final = "by the organiser"
_EVENT_CANCELLED: Final = "the event is cancelled"
_UNCOLLECTED: Final = "the payment could not be collected"
_OWN_MESSAGE: Final = "/messages/{}"


class Composer:
    """`sources` are what other rooms know."""

    def __init__(
        self,
        database: Database,
        events: EventService,
        signer: Signer,
        languages: Languages,
        sources: Sources,
        *,
        site: str,
        sender: str,
    ) -> None:
        self._database = database
        self._events = events
        self._signer = signer
        self._languages = languages
        self._sources = sources
        self._site = site.rstrip("/")
        self._sender = sender

    @cached_property
    def _writer(self) -> Writer:
        return Writer()

    async def compose(self, draft: Draft, made_at: datetime) -> Outgoing:
        """What the channel is given: the same whenever it is composed again."""
        showing = await self._events.showing(draft.event_id)
        language = self._languages.choose(None, draft.language)
        choices = self._choices(draft, made_at)
        attachments = await self._attachments(draft, showing, language)
        words = self._writer.write(
            draft.template,
            language,
            {
                "event": showing.event,
                "place": ", ".join(
                    each
                    for each in (showing.event.venue, showing.event.hall, showing.event.city)
                    if each
                ),
                "name": draft.name,
                "site": self._site,
                "choices": choices,
                "optional": not KINDS[draft.letter.fact].necessary,
                "papers": any(each.media_type == "application/pdf" for each in attachments),
                **await self._facts(draft, showing, language),
            },
        )
        if draft.channel == "sms":
            return Outgoing(draft.id, draft.recipient, words.sms.encode())
        body = make_mail(
            message=draft.id,
            made_at=made_at,
            sender=self._sender,
            to=draft.recipient,
            name=draft.name,
            site=self._site,
            language=language,
            words=words,
            attachments=attachments,
            unsubscribe="" if KINDS[draft.letter.fact].necessary else choices,
        )
        return Outgoing(draft.id, draft.recipient, body)

    def _choices(self, draft: Draft, made_at: datetime) -> str:
        """The address under which the recipient of this very message says what they want."""
        until = int(made_at.timestamp()) + limits.opt_out_token_s
        token = self._signer.sign("opt_out", {"sub": draft.id}, expires_s=until)
        return self._site + _OWN_MESSAGE.format(token)

    async def _facts(self, draft: Draft, showing: Showing, language: Language) -> dict[str, Any]:
        """What the template of the draft's fact wants besides what all do."""

        def lines(seats: Sequence[int], prices: Mapping[int, int] = {}) -> list[tuple[str, str]]:
            currency = showing.event.currency
            return [
                (
                    seat_text(language, seat_view(showing, seat)),
                    language.money(prices[seat], currency) if seat in prices else "",
                )
                for seat in seats
            ]

        if offer := draft.offer:
            prices = {seat: showing.price_of(seat) for seat in offer.seats}
            return {
                "lines": lines(offer.seats, prices),
                "total": language.money(sum(prices.values()), showing.event.currency),
                "due": language.when(offer.due, showing.event.timezone, "short"),
                "url": offer.link,
                "leave_url": offer.leave_link,
            }
        if handover := draft.handover:
            other = handover.name if draft.template == GIVEN_AWAY else handover.former_name
            return {"lines": lines([handover.seat]), "other": other, "url": handover.link}
        booking = draft.booking
        assert booking is not None
        prices = dict(zip(booking.seats, booking.prices, strict=True))
        told: dict[str, Any] = {
            "booking": booking,
            "url": f"{self._site}/bookings/{booking.id}",
            "event_url": f"{self._site}/events/{booking.event_id}",
        }
        if refund := draft.refund:
            return told | {
                "lines": lines(refund.seats, {} if draft.template == TAKEN_BACK else prices),
                "money": language.money(refund.amount, refund.currency) if refund.amount else "",
                "by_fan": refund.actor == "fan",
                "reason": _why(refund.reason, language),
                "left": len(await self._at_hand(booking)),
            }
        if booking.state != "confirmed":
            return told | {
                "lines": lines(booking.seats),
                "by_fan": booking.reason == _BY_FAN,
                "unpaid": booking.reason == _UNCOLLECTED,
                "reason": _why(booking.reason, language),
            }
        kept = await self._at_hand(booking)
        total = sum(prices[each.seat] for each in kept)
        links = []
        if link := self._sources.link:
            links = [(each.seat, link(each.id, each.serial)) for each in kept]
        return told | {
            "lines": lines([each.seat for each in kept], prices),
            "total": language.money(total, booking.currency),
            "ticket_links": [(lines([seat])[0][0], url) for seat, url in links],
            "short_url": links[0][1] if len(links) == 1 else told["url"],
        }

    async def _at_hand(self, booking: Booking) -> list[Holding]:
        """The tickets of a booking that are good, and were not handed on."""
        found = await ticket_queries.of_booking(self._database, booking.id)
        return [each for each in found if each.good and not each.holder]

    async def _attachments(
        self, draft: Draft, showing: Showing, language: Language
    ) -> list[Attachment]:
        if draft.channel != "email":
            return []
        found = []
        fact, booking = draft.letter.fact, draft.booking
        if fact == "booking.confirmed" and booking and self._sources.papers:
            with suppress(NotFound):  # all were handed on: there is nothing of theirs to print
                body = await self._sources.papers(booking.id)
                found.append(Attachment(f"{booking.id}.pdf", "application/pdf", body))
        if draft.handover and draft.template != GIVEN_AWAY and self._sources.paper:
            # NotFound where it went on meanwhile: the code by then is somebody else's.
            body = await self._sources.paper(draft.handover.ticket_id, draft.handover.serial)
            name = f"{draft.handover.ticket_id}.pdf"
            found.append(Attachment(name, "application/pdf", body))
        if fact == "booking.confirmed" and booking:
            seats = [seat_view(showing, each.seat) for each in await self._at_hand(booking)]
            body = booking_calendar(
                self._site, language, showing.event, booking.id, seats, booking.created_at
            )
            found.append(Attachment(f"{booking.id}.ics", MEDIA_TYPE, body))
        return found


def _why(reason: str, language: Language) -> str:
    """A reason as fans are told it: what its organiser wrote, or what usher says in its place."""
    if reason == _EVENT_CANCELLED:
        return language.gettext("The event is cancelled.")
    return "" if reason in (_BY_FAN, _BY_ORGANISER) else reason
