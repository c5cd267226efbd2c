"""The feed's rules: a snapshot plus the changes after it is any later snapshot."""

import msgspec

from usher.feed.scripts import RawEntry

_ID_PART_MAX = 2**64 - 1
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


def just_before(text: str) -> str:
    """The id that comes right before feed id `text`; "" where that is none: a client may send
    anything."""
    ms, _, sequence = text.partition("-")
    if not (text.isascii() and ms.isdigit() and sequence.isdigit() and len(text) <= 41):
        return ""
    if max(int(ms), int(sequence)) > _ID_PART_MAX or _pair(text) == (0, 0):
        return ""
    return f"{ms}-{int(sequence) - 1}" if int(sequence) else f"{int(ms) - 1}-{_ID_PART_MAX}"


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
