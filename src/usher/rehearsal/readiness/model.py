"""One line of the readiness list, and the list."""

from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from usher.rehearsal.readiness.crowd import CrowdFacts

State = Literal["good", "look", "bad"]
_ORDER: Final[dict[State, int]] = {"bad": 0, "look": 1, "good": 2}


class Item(msgspec.Struct, frozen=True):
    """What was looked at, how it is, what was seen, and what to do about it. "bad" keeps a sale
    from being ready; "look" is for a person to judge, or could not be seen from here."""

    area: str
    name: str
    state: State
    seen: str
    do: str = ""


def good(area: str, name: str, seen: str) -> Item:
    return Item(area, name, "good", seen)


def look(area: str, name: str, seen: str, do: str) -> Item:
    return Item(area, name, "look", seen, do)


def bad(area: str, name: str, seen: str, do: str) -> Item:
    return Item(area, name, "bad", seen, do)


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What a rehearsal has found, as JSON tells it."""

    event_id: str
    url: str
    fans: int
    expected: int
    ready: bool
    took_s: float
    erased: bool
    items: list[Item]
    crowd: CrowdFacts | None = None

    def to_json(self) -> bytes:
        """One indented JSON document."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"


def is_ready(items: Sequence[Item]) -> bool:
    """Whether nothing is bad."""
    return all(each.state != "bad" for each in items)


def worst_first(items: Sequence[Item]) -> list[Item]:
    """What has to be done stands on top; else in the order of looking."""
    return sorted(items, key=lambda each: _ORDER[each.state])
