"""The log of messages, tickets sent again, and what people want to be written."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from usher import limits
from usher.booking import queries as booking_queries
from usher.booking.model import Booking
from usher.errors import BookingState, NotFound, TooMany
from usher.ids import is_id
from usher.notice import queries
from usher.notice.model import Message
from usher.outbox import queries as outbox
from usher.plumbing.postgres import Database
from usher.plumbing.signing import Signer

_TICKETS: Final = "booking.confirmed"


class TicketsSent(NamedTuple):
    """How it stands with the mail that a booking's tickets came in: whether there is mail here at
    all, where and when it was sent last (None: not yet), whether it may be sent again now."""

    mail: bool
    to: str
    at: datetime | None
    again: bool


class Choice(NamedTuple):
    """What the recipient of a message wants: everything, or what is necessary only."""

    recipient: str  # as much of it as a stranger may see
    declined: bool


class MessageService:
    def __init__(self, database: Database, signer: Signer, channels: Collection[str]) -> None:
        self._database = database
        self._signer = signer
        self._channels = channels

    async def booking(self, booking_id: str) -> Booking:
        """The booking; NotFound."""
        found = (
            await booking_queries.find_many(self._database, [booking_id])
            if is_id("booking", booking_id)
            else {}
        )
        if booking_id not in found:
            raise NotFound("there is no such booking")
        return found[booking_id]

    async def of_booking(self, booking_id: str) -> list[Message]:
        """The messages about a booking, oldest first."""
        return await queries.of_booking(self._database, booking_id, limits.page_rows_max)

    async def search(
        self, *, event: str = "", booking: str = "", state: str = "", most: int
    ) -> list[Message]:
        """Messages, newest first; empty filters filter nothing."""
        return await queries.search(
            self._database, event=event, booking=booking, state=state, most=most
        )

    async def tickets_sent(self, booking_id: str) -> TicketsSent:
        """What the booking's page says of the mail with the tickets."""
        if "email" not in self._channels:
            return TicketsSent(False, "", None, False)
        async with self._database.connection() as connection:
            _, ago_s, last = await queries.told_so_far(connection, booking_id, _TICKETS)
        if last is None or ago_s is None:
            return TicketsSent(True, "", None, False)
        again = ago_s >= limits.message_again_s and last.state != "sending"
        return TicketsSent(True, last.recipient, last.sent_at, again)

    async def send_again(self, booking_id: str, *, hurried: bool = False) -> str:
        """Has a confirmed booking's tickets sent once more, by a letter of its own; its subject.

        At most once a minute, as the log has it, unless `hurried`. Two who ask at once write one
        letter: it is numbered by how often the tickets were sent before.
        """
        booking = await self.booking(booking_id)
        if booking.state != "confirmed":
            raise BookingState(f"the booking is {booking.state}", state=booking.state)
        async with self._database.transaction() as connection:
            times, ago_s, _ = await queries.told_so_far(connection, booking_id, _TICKETS)
            # Never sent yet: they are on their way, by the letter of the confirmation.
            wait_s = limits.message_again_s - (ago_s or 0)
            if wait_s > 0 and not hurried:
                raise TooMany("the tickets were sent a moment ago", retry_after_s=int(wait_s) + 1)
            subject = f"{_TICKETS} {booking_id} {times + 1}"
            await outbox.post(connection, "notice", [subject])
        return subject

    async def choice(self, token: str) -> Choice:
        """What the recipient of the message that a link was made for wants; Unauthenticated,
        NotFound."""
        channel, recipient = await self._recipient(token)
        out = await queries.opted_out(self._database, [recipient])
        return Choice(veiled(channel, recipient), bool(out))

    async def choose(self, token: str, *, declined: bool) -> None:
        """Notes what they want from now on; again is harmless."""
        _, recipient = await self._recipient(token)
        change = queries.opt_out if declined else queries.opt_in
        await change(self._database, recipient)

    async def _recipient(self, token: str) -> tuple[str, str]:
        claims = self._signer.verify("opt_out", token)
        found = await queries.recipient_of(self._database, str(claims.get("sub", "")))
        if found is None:
            raise NotFound("this message is not known here any more")
        return found

    async def of_bookings(self, bookings: Sequence[str], most: int) -> dict[str, list[Message]]:
        """The newest messages about each of some bookings, oldest first."""
        return await queries.of_bookings(self._database, bookings, most)


def veiled(channel: str, recipient: str) -> str:
    """A recipient as their own mail may name them, whoever it was forwarded to."""
    if channel == "sms":
        return f"···{recipient[-3:]}"
    local, _, domain = recipient.rpartition("@")
    return f"{local[:1]}···@{domain}"
