"""From a letter to the messages it becomes: who is told, by which channels."""

from collections.abc import Mapping, Sequence

import msgspec

from usher.booking import queries as booking_queries
from usher.booking.model import Booking, read_ticket_id
from usher.notice.model import (
    GIVEN_AWAY,
    KINDS,
    STILL,
    TAKEN_BACK,
    ChannelName,
    Draft,
    Handover,
    Letter,
    Sources,
    message_id,
)
from usher.payment import queries as payment_queries
from usher.payment.model import Refund
from usher.plumbing.postgres import Database
from usher.ticket import queries as ticket_queries


class Unknown(Exception):
    """A letter about something that is not there, or that nobody here can tell of yet."""


class Drafter:
    """`sources` are what other rooms know."""

    def __init__(self, database: Database, sources: Sources) -> None:
        self._database = database
        self._sources = sources

    async def drafts(self, letters: Sequence[Letter]) -> dict[Letter, list[Draft] | Unknown]:
        """The messages that each letter becomes; Unknown where it cannot become any now."""
        refund_ids = [each.id for each in letters if each.fact == "booking.refunded"]
        refunds = await payment_queries.refunds(self._database, refund_ids) if refund_ids else {}
        ids = [each.id for each in letters if each.fact in STILL]
        ids += [each.booking_id for each in refunds.values()]
        bookings = await booking_queries.find_many(self._database, ids) if ids else {}
        made: dict[Letter, list[Draft] | Unknown] = {}
        for letter in letters:
            try:
                made[letter] = await self._drafts(letter, bookings, refunds)
            except Unknown as fault:
                made[letter] = fault
        return made

    async def _drafts(
        self, letter: Letter, bookings: Mapping[str, Booking], refunds: Mapping[str, Refund]
    ) -> list[Draft]:
        if letter.fact == "offer.made":
            return await self._offered(letter)
        if letter.fact == "ticket.transferred":
            return await self._handed_over(letter)
        if letter.fact not in KINDS:
            raise Unknown(f"nobody here can tell of {letter.fact!r}")
        refund = refunds.get(letter.id)
        booking = bookings.get(refund.booking_id if refund else letter.id)
        if booking is None:
            raise Unknown("there is no such booking, or refund")
        kind = KINDS[letter.fact]
        untrue = booking.state != STILL.get(letter.fact, booking.state)
        skip = f"the booking is {booking.state} by now" if untrue else ""
        channels: list[tuple[ChannelName, str]] = [("email", booking.email)]
        if kind.sms and booking.phone:
            channels.append(("sms", booking.phone))
        drafts = [
            Draft(
                id=message_id(letter.subject, channel),
                channel=channel,
                letter=letter,
                template=kind.template,
                event_id=booking.event_id,
                recipient=recipient,
                name=booking.name,
                language=booking.language,
                booking=booking,
                refund=refund,
                skip=skip,
            )
            for channel, recipient in channels
        ]
        if refund:
            drafts += await self._holders(drafts[0], refund)
        return drafts

    async def _holders(self, draft: Draft, refund: Refund) -> list[Draft]:
        """To those whom tickets of a refund were handed on to: theirs are good no more, and the
        money is not theirs."""
        found = await ticket_queries.of_booking(self._database, refund.booking_id)
        return [
            msgspec.structs.replace(
                draft,
                id=message_id(draft.letter.subject, "email", str(each.seat)),
                template=TAKEN_BACK,
                recipient=each.holder_email,
                name=each.holder,
                refund=msgspec.structs.replace(refund, seats=[each.seat], amount=0),
            )
            for each in found
            if each.holder and each.seat in refund.seats
        ]

    async def _offered(self, letter: Letter) -> list[Draft]:
        if self._sources.offer is None:
            raise Unknown("nobody here knows of offers")
        offer = await self._sources.offer(letter.id)
        if offer is None:  # it is over by now: there is nothing to be told
            return []
        draft = Draft(
            id=message_id(letter.subject, "email"),
            channel="email",
            letter=letter,
            template=KINDS[letter.fact].template,
            event_id=offer.event_id,
            recipient=offer.email,
            name=offer.name,
            language=offer.language,
            offer=offer,
        )
        return [draft]

    async def _handed_over(self, letter: Letter) -> list[Draft]:
        """Both hands are told: who has the ticket now, and who had it."""
        ticket, _, digits = letter.id.rpartition(".")
        named = read_ticket_id(ticket)
        holding = await ticket_queries.find(self._database, *named) if named else None
        if holding is None or not digits.isdecimal():
            raise Unknown("there is no such ticket")
        serial = int(digits)
        hands = {
            each.serial: (each.holder, each.holder_email)
            for each in await ticket_queries.transfers(
                self._database, holding.booking_id, holding.seat
            )
        }
        booking = await booking_queries.find_many(self._database, [holding.booking_id])
        buyer = booking[holding.booking_id]
        if serial not in hands:
            raise Unknown("this ticket was not handed on so often")
        name, email = hands[serial]
        former_name, former_email = hands.get(serial - 1, (buyer.name, buyer.email))
        found = Handover(
            ticket_id=ticket,
            booking_id=holding.booking_id,
            event_id=holding.event_id,
            seat=holding.seat,
            serial=serial,
            name=name,
            email=email,
            link=self._sources.link(ticket, serial) if self._sources.link else "",
            former_name=former_name,
            former_email=former_email,
        )

        def draft(role: str, template: str, email: str, name: str, skip: str = "") -> Draft:
            return Draft(
                id=message_id(letter.subject, "email", role),
                channel="email",
                letter=letter,
                template=template,
                event_id=found.event_id,
                recipient=email,
                name=name,
                language=buyer.language,  # of the new holder nobody knows any
                booking=buyer,
                handover=found,
                skip=skip,
            )

        gone = "" if holding.good and holding.serial == serial else "it is not theirs any more"
        return [
            draft("", KINDS[letter.fact].template, email, name, gone),
            draft("former", GIVEN_AWAY, former_email, former_name),
        ]
