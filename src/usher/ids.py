"""Identifiers: opaque strings with a prefix that says what they name.

An id is made *before* the write it belongs to and is that write's idempotency key
(design invariant 5). Where a second attempt must meet the first, the id is derived
from what makes both attempts the same instead of being drawn at random.
"""

import hashlib
import os
import re
from typing import Final

# 10 bytes = 80 bits, 20 hexadecimal characters (base32 would be 16, and ten times slower to
# write). At a billion ids the chance of any collision is 4e-7 (birthday bound n^2 / 2^81).
_BYTES: Final = 10

PREFIXES: Final = {
    "account": "acc",
    "family": "fam",
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
    "refund": "ref",
    "message": "msg",
    "scan": "scn",
    "entry": "wtl",  # of a waiting list
    "hook": "hok",
    "delivery": "dlv",
}


def new_id(noun: str) -> str:
    """A random id for `noun` (a key of PREFIXES), e.g. ``evt_`` and 20 digits."""
    return f"{PREFIXES[noun]}_{os.urandom(_BYTES).hex()}"


def derived_id(noun: str, *parts: str) -> str:
    """The id that the same `parts` always give: a replay meets its first attempt."""
    digest = hashlib.blake2b("\x00".join(parts).encode(), digest_size=_BYTES)
    return f"{PREFIXES[noun]}_{digest.hexdigest()}"


def sibling_id(noun: str, other: str) -> str:
    """The id of the one `noun` that belongs to `other`: one booking per hold."""
    return f"{PREFIXES[noun]}_{other.partition('_')[2]}"


_SHAPES: Final = {
    noun: re.compile(f"{prefix}_[0-9a-f]{{{2 * _BYTES}}}") for noun, prefix in PREFIXES.items()
}


def is_id(noun: str, text: str) -> bool:
    """Whether `text` has the shape of an id of `noun`."""
    return _SHAPES[noun].fullmatch(text) is not None
