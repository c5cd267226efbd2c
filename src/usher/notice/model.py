"""Messages to fans: what is told to whom, by which channels, and what became of it."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final, Literal, NamedTuple, Protocol

import msgspec

from usher.booking.model import Booking
from usher.ids import derived_id
from usher.payment.model import Refund

ChannelName = Literal["email", "sms"]
CHANNELS: Final[tuple[ChannelName, ...]] = ("email", "sms")
# 'sending' until the channel has taken it; 'skipped' where there was none to send it by, where it
# had become untrue, or where its recipient wants no such message.
State = Literal["sending", "sent", "failed", "skipped"]
STATES: Final[tuple[State, ...]] = ("sending", "sent", "failed", "skipped")


class Outgoing(msgspec.Struct, frozen=True):
    """What a channel carries: an RFC 5322 message for email, UTF-8 text for SMS. The same `id`
    again is the same message again, for who can tell."""

    id: str
    to: str
    body: bytes


class Refused(Exception):
    """The channel will never take this message: no such mailbox, no such number."""


class Delayed(Exception):
    """The channel did not take this message now, or may have: it is to be tried again."""


class Away(Delayed):
    """The channel takes no message at all just now: the rest of a batch need not be tried."""


class Channel(Protocol):
    """A way to reach people: SMTP, a Maildir, an SMS gateway. Their only differences are here."""

    at_once: int  # messages on their way at the same time

    async def send(self, outgoing: Outgoing) -> str:
        """What the provider said on taking it; Refused, Delayed or Away."""

    async def rest(self) -> None:
        """Lets go of connections: the batch is through."""


class Kind(NamedTuple):
    """What is told of a fact: by the mail `template`, and in a short message too. What is not
    `necessary` can be declined."""

    template: str
    necessary: bool = True
    sms: bool = False


# An event that is cancelled is told to each fan by the refund that follows from it.
KINDS: Final[dict[str, Kind]] = {
    "booking.confirmed": Kind("booking_confirmed", sms=True),
    "booking.cancelled": Kind("booking_cancelled"),
    "booking.expired": Kind("booking_expired"),
    "booking.refunded": Kind("booking_refunded", sms=True),
    "ticket.transferred": Kind("ticket_received"),
    "offer.made": Kind("offer_made"),
    "event.reminder": Kind("event_reminder", necessary=False, sms=True),
}
# To who had the ticket: the same fact, seen from the other side.
GIVEN_AWAY: Final = "ticket_given"
# To who was handed a ticket that is given back since, with the booking it is of.
TAKEN_BACK: Final = "ticket_cancelled"

# What a booking must be for a letter about it to be true still when it is carried, which may be
# hours after it was written.
STILL: Final[dict[str, str]] = {
    "booking.confirmed": "confirmed",
    "booking.cancelled": "cancelled",
    "booking.expired": "expired",
    "event.reminder": "confirmed",
}


class Letter(NamedTuple):
    """An outbox letter of kind "notice": `<fact> <id>`, and a word behind it where the same is to
    be told once more."""

    subject: str
    fact: str
    id: str

    @classmethod
    def read(cls, subject: str) -> "Letter":
        fact, _, rest = subject.partition(" ")
        return cls(subject, fact, rest.partition(" ")[0])


class Handover(msgspec.Struct, frozen=True, kw_only=True):
    """A ticket that has changed hands, and both hands. `link` opens it for the new holder."""

    ticket_id: str
    booking_id: str
    event_id: str
    seat: int
    serial: int
    name: str
    email: str
    link: str
    former_name: str
    former_email: str


class Offer(Protocol):
    """Seats that a waiting list offers to one fan until `due`, as the room of waiting lists tells
    it. `link` takes them, `leave_link` leaves the list."""

    @property
    def event_id(self) -> str: ...
    @property
    def seats(self) -> list[int]: ...
    @property
    def due(self) -> datetime: ...
    @property
    def name(self) -> str: ...
    @property
    def email(self) -> str: ...
    @property
    def language(self) -> str: ...
    @property
    def link(self) -> str: ...
    @property
    def leave_link(self) -> str: ...


class Sources(NamedTuple):
    """What other rooms know and messages need, as far as it is there: PDFs (of a booking's tickets;
    of one ticket by its id, as issued with a serial), a link that opens a ticket by its id and
    serial, offers by `<entry id>.<attempt>` (None: it is over)."""

    papers: Callable[[str], Awaitable[bytes]] | None = None
    paper: Callable[[str, int], Awaitable[bytes]] | None = None
    link: Callable[[str, int], str] | None = None
    offer: Callable[[str], Awaitable[Offer | None]] | None = None


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A message that is to be written: to whom, by which channel, about what."""

    id: str
    channel: ChannelName
    letter: Letter
    template: str
    event_id: str
    recipient: str
    name: str
    language: str
    booking: Booking | None = None
    refund: Refund | None = None
    handover: Handover | None = None
    offer: Offer | None = None
    skip: str = ""  # why it is not to be sent at all


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """A message as the log has it."""

    id: str
    channel: ChannelName
    fact: str
    booking_id: str | None
    event_id: str
    recipient: str
    state: State
    attempts: int
    answer: str
    created_at: datetime
    tried_at: datetime | None
    sent_at: datetime | None


class MessageView(msgspec.Struct, kw_only=True):
    """A message on the wire."""

    message_id: str
    channel: ChannelName
    fact: str
    booking_id: str | None
    event_id: str
    recipient: str
    state: State
    attempts: int
    answer: str
    created_at: datetime
    tried_at: datetime | None
    sent_at: datetime | None


class MessageList(msgspec.Struct):
    """The messages about a booking, oldest first."""

    messages: list[MessageView]


def message_id(letter: str, channel: ChannelName, role: str = "") -> str:
    """The id of the message that a letter becomes: the same whoever carries it, however often.
    `role` tells apart those whom one letter is sent to."""
    return derived_id("message", letter, channel, role)


def opt_out_key(recipient: str) -> str:
    """The one spelling under which who declined is found."""
    return recipient.lower()
