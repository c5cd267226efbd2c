"""Codes that are good no more, as a door without a network needs to know them: one signed list an
event, made anew when it is asked for and a few seconds old."""

import asyncio
import hashlib
import time
from typing import Final, NamedTuple

import msgspec

from usher import limits
from usher.clock import now_ms
from usher.errors import Malformed
from usher.event.service import EventService
from usher.plumbing.postgres import Database
from usher.ticket import queries
from usher.ticket.code import Code
from usher.ticket.keybook import KeyBook
from usher.ticket.signing import Keys, read_list

_KEPT_MAX: Final = 200  # lists; one of a full hall has some hundred kilobytes


class Revoked(msgspec.Struct, frozen=True):
    """What a list says: `bookings` holds, by booking (without its prefix) and seat, the lowest
    serial that is good, and null where none is. What it does not name is good with any serial."""

    event: str
    iat: int
    bookings: dict[str, dict[str, int | None]]

    def revokes(self, code: Code) -> bool:
        """Whether this code is good no more."""
        seats = self.bookings.get(code.booking_id.partition("_")[2], {})
        good_from = seats.get(str(code.seat), 0)
        return good_from is None or code.serial < good_from


class SignedList(NamedTuple):
    """A list as a compact JWS. The tag changes with what it says, not with when it was made."""

    body: bytes
    etag: str


class Revocations:
    def __init__(self, database: Database, events: EventService, keys: KeyBook) -> None:
        self._database = database
        self._events = events
        self._keys = keys
        self._lists: dict[str, tuple[float, SignedList]] = {}
        self._making: dict[str, asyncio.Task[SignedList]] = {}

    async def of(self, event: str) -> SignedList:
        """The list of an event, `revoked_fresh_s` old at most; NotFound. Anybody may ask: however
        many do at once, it is made once."""
        known = self._lists.get(event)
        if known and time.monotonic() - known[0] < limits.revoked_fresh_s:
            return known[1]
        making = self._making.get(event)
        if making is None:
            making = asyncio.create_task(self._make(event))
            self._making[event] = making
            making.add_done_callback(lambda _: self._making.pop(event, None))
        # Shielded: the first caller going away must not fail the others.
        return await asyncio.shield(making)

    async def _make(self, event: str) -> SignedList:
        await self._events.shown(event)
        bookings: dict[str, dict[str, int | None]] = {}
        for booking, seat, serial in await queries.revoked(self._database, event):
            bookings.setdefault(booking.partition("_")[2], {})[str(seat)] = serial
        told = Revoked(event, now_ms() // 1000, bookings)
        body = await self._keys.sign_list(msgspec.to_builtins(told))
        head = body.partition(b".")[0]  # names the key
        digest = hashlib.blake2b(head + msgspec.json.encode(bookings), digest_size=12)
        if len(self._lists) >= _KEPT_MAX:
            self._lists.clear()
        made = SignedList(body, f'W/"{digest.hexdigest()}"')
        self._lists[event] = (time.monotonic(), made)
        return made


def read_revoked(text: str, keys: Keys) -> Revoked:
    """What a signed list says; Malformed, Unauthenticated."""
    try:
        return msgspec.convert(read_list(text, keys), Revoked)
    except msgspec.ValidationError:
        raise Malformed("this is no revocation list") from None
