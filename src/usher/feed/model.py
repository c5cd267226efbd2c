"""The feed's rules: a snapshot plus the changes after it is any later snapshot."""

import msgspec

from usher.feed.scripts import RawEntry

SEAT_STATES = frozenset(".hcsx")


class Change(msgspec.Struct, frozen=True):
    """What one or several entries of the feed did: seats in the order they changed."""

    seats: list[tuple[int, str]]
    notices: list[str]
    reset: bool


def later(one: str, other: str) -> bool:
    """Whether stream id `one` comes after `other`."""
    return _pair(one) > _pair(other)


def _pair(entry_id: str) -> tuple[int, int]:
    ms, _, sequence = entry_id.partition("-")
    return int(ms), int(sequence or 0)


def is_feed_id(text: str) -> bool:
    """Whether `text` has the shape of a feed id; a client may send anything."""
    ms, dash, sequence = text.partition("-")
    digits = ms.isascii() and ms.isdigit() and sequence.isascii() and sequence.isdigit()
    return bool(dash) and digits and len(text) <= 41


def fold(entries: list[RawEntry]) -> Change:
    """Entries of the feed as one change; where a seat changed twice, its last state counts."""
    seats: dict[int, str] = {}
    notices: list[str] = []
    reset = False
    for _, words in entries:
        for kind, value in zip(words[::2], words[1::2], strict=True):
            if kind in SEAT_STATES:
                for index in value.split(","):
                    seats[int(index)] = kind
            elif kind == "notice":
                notices.append(value)
            elif kind == "reset":
                reset = True
    return Change(list(seats.items()), notices, reset)


def apply(states: str, change: Change) -> str:
    """The snapshot after a change."""
    chars = list(states)
    for index, state in change.seats:
        chars[index] = state
    return "".join(chars)
