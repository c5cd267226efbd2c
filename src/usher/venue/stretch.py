"""The rows of a category as lua/part/search reads them: a stretch at a time.

Best available looks from the best row on and mostly finds what it wants before long, so it should
not have to read all seats and all rows of a category. Fields of the key `segment`, for category 3:

    3       its segment records, all of them (venue/model.py)
    3:      where it has more than one stretch, a record of each
    3:1     the segment records of the first stretch, 3:2 of the second ...

A stretch is whole segments. Its record is 6 bytes, big-endian:
    uint32 first    seat index of its first seat
    uint16 flags    the flags of its segments, or'd
"""

import struct
from typing import Final

from usher.venue.model import SEGMENT_BYTES, SEGMENT_RECORD

# 2,048 seats and their rows are read in 1.8 us, 28,000 in 13 (measured on Valkey 9.1).
STRETCH_SEATS: Final = 2_048
STRETCH_RECORD: Final = struct.Struct(">IH")


def segment_fields(category: int, packed: bytes, seats: int = STRETCH_SEATS) -> list[str | bytes]:
    """Fields and values in turn for the category whose records are `packed`; a stretch has `seats`
    seats or, for whole segments, a few more."""
    name = str(category)
    firsts: list[int] = []
    flags: list[int] = []
    stretches: list[bytes] = []
    room = 0
    for at in range(0, len(packed), SEGMENT_BYTES):
        record = packed[at : at + SEGMENT_BYTES]
        first, length, flag, _, _ = SEGMENT_RECORD.unpack(record)
        if room <= 0:
            firsts.append(first)
            flags.append(0)
            stretches.append(b"")
            room = seats
        flags[-1] |= flag
        stretches[-1] += record
        room -= length
    fields: list[str | bytes] = [name, packed]
    if len(stretches) > 1:
        fields += [f"{name}:", b"".join(map(STRETCH_RECORD.pack, firsts, flags))]
        for n, stretch in enumerate(stretches, 1):
            fields += [f"{name}:{n}", stretch]
    return fields
