"""What happens at a door: a code is shown, and is good or is not."""

import hashlib
from datetime import datetime
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from usher import limits
from usher.errors import (
    ForgedTicket,
    NoTicket,
    OtherEvent,
    TicketCancelled,
    TicketRevoked,
    TicketUnpaid,
    TicketUsed,
    UnknownTicket,
    UnsignedTicket,
    UsherError,
)
from usher.ids import derived_id

# What is found of a code that is shown. "double" was let in by a device that was offline, on a
# ticket that another scan had used.
Refusal = Literal[
    "already_used",
    "revoked",
    "cancelled",
    "not_confirmed",
    "wrong_event",
    "unknown_ticket",
    "unsigned",
    "forged",
    "no_ticket",
]
Outcome = Literal["admitted", "double"] | Refusal

REFUSALS: Final[dict[str, type[UsherError]]] = {
    kind.code: kind
    for kind in (
        TicketUsed,
        TicketRevoked,
        TicketCancelled,
        TicketUnpaid,
        OtherEvent,
        UnknownTicket,
        UnsignedTicket,
        ForgedTicket,
        NoTicket,
    )
}
PRINTABLE: Final = r"^[^\x00-\x1f\x7f]*$(?!\n)"
NONCE: Final = r"^[A-Za-z0-9_-]+$(?!\n)"

Shown = Annotated[str, Meta(min_length=1, max_length=limits.code_chars_max)]
Entrance = Annotated[str, Meta(max_length=limits.entrance_chars_max, pattern=PRINTABLE)]
Nonce = Annotated[
    str,
    Meta(min_length=limits.nonce_chars_min, max_length=limits.nonce_chars_max, pattern=NONCE),
]
Moment = Annotated[datetime, Meta(tz=True)]


class CheckIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A code shown at a door. `nonce` names this scan: sent again it is the same scan, with the
    same answer. `typed` says that `code` is a ticket's number for which staff vouch."""

    code: Shown
    nonce: Nonce
    entrance: Entrance = ""
    at: Moment | None = None
    typed: bool = False


class OfflineScan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A scan that a device decided by itself: it let the fan in, or it did not (`refused`)."""

    code: Shown
    nonce: Nonce
    at: Moment
    entrance: Entrance = ""
    typed: bool = False
    refused: Refusal | None = None


class OfflineScans(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of POST .../checkins/batch. `now` is the device's clock as it sends this: by how
    much that is wrong, the times of the scans are put right."""

    scans: Annotated[list[OfflineScan], Meta(min_length=1, max_length=limits.scan_batch_max)]
    now: Moment | None = None


class DoorTicket(msgspec.Struct, kw_only=True):
    """A ticket as staff see it."""

    ticket_id: str
    holder: str
    zone: str
    row: str
    number: str
    category: str


class Admitted(msgspec.Struct, kw_only=True):
    """The answer to a good code; `entered` counts all who have come in, itself included."""

    outcome: Literal["admitted"]
    scan_id: str
    ticket: DoorTicket
    used_at: datetime
    used_where: str
    entered: int


class Reported(msgspec.Struct, kw_only=True):
    """What became of one scan of a batch: "admitted", "double", or the code of a refusal. Where
    another scan has used the ticket first, when and where."""

    nonce: str
    outcome: str
    ticket: DoorTicket | None = None
    used_at: datetime | None = None
    used_where: str = ""


class Report(msgspec.Struct):
    """The answer to a batch, in its order."""

    scans: list[Reported]
    entered: int


class ScanView(msgspec.Struct, kw_only=True):
    """One scan of a door's book. Where its outcome is not "admitted" and it was `let_in`, staff
    should look into it."""

    scan_id: str
    outcome: str
    let_in: bool
    typed: bool
    entrance: str
    scanned_at: datetime
    uploaded_at: datetime
    staff: str
    ticket: DoorTicket | None
    used_at: datetime | None
    used_where: str


class ScanPage(msgspec.Struct):
    """A page of scans, newest first; `cursor` is null on the last one."""

    scans: list[ScanView]
    cursor: str | None


class Scan(msgspec.Struct, frozen=True, kw_only=True):
    """One scan as PostgreSQL keeps it. While it is decided on, `outcome` is the refusal that is
    known without asking, "" where there is none; `let_in`, what a device did that was offline."""

    id: str
    event_id: str
    booking_id: str | None = None
    seat: int | None = None
    serial: int | None = None
    digest: str
    typed: bool
    entrance: str
    actor: str
    scanned_at: datetime
    outcome: str = ""
    let_in: bool = False

    @property
    def ticket(self) -> tuple[str, int] | None:
        """Which ticket its code names."""
        if self.booking_id is None or self.seat is None:
            return None
        return self.booking_id, self.seat


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """A ticket as it stands now."""

    booking_id: str
    seat: int
    event_id: str
    state: str
    booking_state: str
    serial: int
    holder: str
    used_at: datetime | None
    used_where: str
    used_by: str | None

    def refuses(self, scan: Scan) -> Refusal | None:
        """Why this ticket does not open the door to a scan; None where it does."""
        if self.event_id != scan.event_id:
            return "wrong_event"
        if self.state == "cancelled" or self.booking_state in ("cancelled", "refunded"):
            return "cancelled"
        if self.state != "live" or self.booking_state != "confirmed":
            return "not_confirmed"
        if scan.serial is not None and scan.serial != self.serial:
            return "revoked"
        return "already_used" if self.used_at is not None else None


def scan_id(event: str, nonce: str) -> str:
    """The id of a scan: the same however often a device sends it."""
    return derived_id("scan", event, nonce)


def digest_of(shown: str, *, typed: bool) -> str:
    """By which it is known that the same was shown again."""
    said = shown.encode() + (b"\0typed" if typed else b"")
    return hashlib.blake2b(said, digest_size=12).hexdigest()
