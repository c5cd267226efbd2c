"""What a ticket's QR code says: signed, so that nobody can make one up, and checked at the door
with a public key and nothing else - no network, no database.

``UT1:`` and Base45 (RFC 9285) of the Ed25519 signature, then the payload in MessagePack. Base45 is
what QR's alphanumeric mode holds at 5.5 bits a character: with a seat's name of twenty characters
the symbol has 45 modules a side, where Base64 would need 53. The prefix is signed with the payload:
what another version or another use of the key has signed is no code.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Final

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from msgspec import Meta

from usher.errors import Malformed, Unauthenticated
from usher.ids import PREFIXES

CODE_CHARS_MAX: Final = 400
LABEL_BYTES_MAX: Final = 48
SERIAL_MAX: Final = 2**31 - 1
SEAT_MAX: Final = 999_999

_PREFIX: Final = "UT1:"
_SIGNATURE_BYTES: Final = 64
_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
_DIGITS: Final = {sign: digit for digit, sign in enumerate(_ALPHABET)}
_UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f]")


class Code(msgspec.Struct, frozen=True, kw_only=True):
    """What a code says. `serial` counts how often the ticket was issued anew: of one ticket only
    the highest is good. `label` tells whoever is offline which seat it is."""

    event_id: str
    booking_id: str
    seat: int
    serial: int
    label: str
    kid: str


class _Payload(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """On the wire. `ids` are those of the key (4 bytes), the event and the booking (10 each)."""

    ids: Annotated[bytes, Meta(min_length=24, max_length=24)]
    seat: Annotated[int, Meta(ge=0, le=SEAT_MAX)]
    serial: Annotated[int, Meta(ge=0, le=SERIAL_MAX)]
    label: Annotated[str, Meta(max_length=LABEL_BYTES_MAX)]


_IDS: Final = (slice(4), slice(4, 14), slice(14, 24))
_PAYLOADS: Final = msgspec.msgpack.Decoder(_Payload)


def write_code(code: Code, key: Ed25519PrivateKey) -> str:
    """The text of a code, signed with the private key that `code.kid` names."""
    payload = msgspec.msgpack.encode(
        _Payload(
            bytes.fromhex(code.kid + code.event_id[4:] + code.booking_id[4:]),
            code.seat,
            code.serial,
            code.label,
        )
    )
    return _PREFIX + base45(key.sign(_PREFIX.encode() + payload) + payload)


def read_code(text: str, keys: Mapping[str, Ed25519PublicKey]) -> Code:
    """What a code says, if one of `keys` (by kid) has signed it. Malformed for what is no code at
    all; Unauthenticated for one that nobody here has signed."""
    if len(text) > CODE_CHARS_MAX or not text.startswith(_PREFIX):
        raise Malformed("this is no ticket's code")
    try:
        raw = read_base45(text.removeprefix(_PREFIX))
        signature, signed = raw[:_SIGNATURE_BYTES], raw[_SIGNATURE_BYTES:]
        payload = _PAYLOADS.decode(signed)
    except (ValueError, msgspec.DecodeError):  # a UnicodeDecodeError is a ValueError
        raise Malformed("this is no ticket's code, or a damaged one") from None
    kid, event, booking = (payload.ids[part].hex() for part in _IDS)
    key = keys.get(kid)
    if key is None:
        raise Unauthenticated("the code is signed with a key that is not known here")
    try:
        key.verify(signature, _PREFIX.encode() + signed)
    except InvalidSignature:
        raise Unauthenticated("the code was not signed by the key that it names") from None
    return Code(
        event_id=f"{PREFIXES['event']}_{event}",
        booking_id=f"{PREFIXES['booking']}_{booking}",
        seat=payload.seat,
        serial=payload.serial,
        label=payload.label,
        kid=kid,
    )


def label_of(zone: str, row: str, number: str) -> str:
    """A seat in few bytes. Of what is too long the zone is cut: whoever reads it knows that."""
    zone, row, number = (_UNPRINTABLE.sub("", part) for part in (zone, row, number))
    place = _cut("/".join(part for part in (row, number) if part), LABEL_BYTES_MAX)
    left = LABEL_BYTES_MAX - len(place.encode()) - (1 if place else 0)
    return "/".join(part for part in (_cut(zone, left), place) if part)


def _cut(text: str, most: int) -> str:
    """As much of `text` as fits into `most` bytes, with an ellipsis (three bytes) for the rest."""
    raw = text.encode()
    if len(raw) <= most:
        return text
    return raw[: most - 3].decode(errors="ignore") + "…" if most > 3 else ""


def base45(raw: bytes) -> str:
    """RFC 9285: two bytes are three characters, a single last one is two."""
    signs = []
    for at in range(0, len(raw), 2):
        pair = raw[at : at + 2]
        number = int.from_bytes(pair)
        for _ in range(len(pair) + 1):
            number, digit = divmod(number, 45)
            signs.append(_ALPHABET[digit])
    return "".join(signs)


def read_base45(text: str) -> bytes:
    """The bytes; ValueError for what is none. Every text is that of other bytes: of a number that
    has no room in its bytes there is no reading."""
    raw = bytearray()
    for at in range(0, len(text), 3):
        signs = text[at : at + 3]
        if len(signs) == 1:
            raise ValueError("not Base45: a single character at its end")
        try:
            number = sum(_DIGITS[sign] * 45**power for power, sign in enumerate(signs))
            raw += number.to_bytes(len(signs) - 1)
        except (KeyError, OverflowError):
            raise ValueError("not Base45") from None
    return bytes(raw)
