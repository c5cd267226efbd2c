"""Identifiers: opaque strings with a prefix that says what they name.

An id is made *before* the write it belongs to and is that write's idempotency key
(design invariant 5). Where a second attempt must meet the first, the id is derived
from what makes both attempts the same instead of being drawn at random.
"""

import base64
import hashlib
import secrets
from typing import Final

# 10 bytes = 80 bits: 16 characters of base32, no padding. At a billion ids the chance of
# any collision is 4e-7 (birthday bound n^2 / 2^81).
_BYTES: Final = 10

PREFIXES: Final = {
    "account": "acc",
    "fan": "fan",
    "production": "prd",
    "venue": "ven",
    "hall": "hal",
    "plan": "pln",
    "event": "evt",
    "place": "plc",
    "hold": "hld",
    "booking": "bkg",
    "payment": "pay",
    "ticket": "tkt",
}


def _text(raw: bytes) -> str:
    return base64.b32encode(raw).decode("ascii").lower()


def new_id(noun: str) -> str:
    """A random id for `noun` (a key of PREFIXES), e.g. ``evt_5q3m2kz7c4d6a2bb``."""
    return f"{PREFIXES[noun]}_{_text(secrets.token_bytes(_BYTES))}"


def derived_id(noun: str, *parts: str) -> str:
    """The id that the same `parts` always give: a replay meets its first attempt."""
    digest = hashlib.blake2b("\x00".join(parts).encode(), digest_size=_BYTES)
    return f"{PREFIXES[noun]}_{_text(digest.digest())}"


def sibling_id(noun: str, other: str) -> str:
    """The id of the one `noun` that belongs to `other`: one booking per hold."""
    return f"{PREFIXES[noun]}_{other.partition('_')[2]}"


def is_id(noun: str, text: str) -> bool:
    """Whether `text` has the shape of an id of `noun`."""
    prefix, _, rest = text.partition("_")
    return prefix == PREFIXES[noun] and len(rest) == 16 and rest.isascii() and rest.isalnum()
