"""The Redis keys of an event: a fixed, finite list, all under one hash tag.

The names here are the names scripts use in their KEYS line; a stub takes the event's id and
never a key, so every key of an event lives in one cluster slot by construction.
"""

from typing import Final

# name -> what it holds. A script header may name these and nothing else.
KEYS: Final[dict[str, str]] = {
    "gate": "hash: the sale's settings, its counters and its high-water marks",
    "lobby": "sorted set: place ids by arrival index, before the draw",
    "queue": "sorted set: waiting place ids by number",
    "place": "hash: place id -> 'state number due_ms', only for places past the gate",
    "admission": "sorted set: called and admitted place ids by due_ms; its size is what shops",
    "signal": "stream: private changes (calls, bookings), read by the hubs",
    "seat": "string: one character per seat index",
    "segment": "hash: category -> packed runs of adjacent seats, best first; see venue/stretch.py",
    "hold": "hash: hold id -> 'state place due_ms cap_ms print seats'",
    "hold_due": "sorted set: hold ids by due_ms",
    "fan": "hash: place id -> seats held, claimed or sold to it",
    "ledger": "stream: bookings and payments on their way to PostgreSQL",
    "strain": "hash: API process -> 'until_ms delay_ms', how long its answers take",
    "feed": "stream: public changes; its ids are the SSE ids",
}


class Keys:
    """The full key names of one event."""

    __slots__ = ("_tag",)

    def __init__(self, event: str) -> None:
        self._tag = f"{{{event}}}:"

    def __getattr__(self, name: str) -> str:
        if name not in KEYS:
            raise AttributeError(f"an event has no key {name!r}; it has {', '.join(KEYS)}")
        return self._tag + name

    def named(self, names: tuple[str, ...]) -> list[str]:
        """The keys in the order of a script's KEYS line."""
        tag = self._tag
        return [tag + name for name in names]
