"""Who is in the crowd: what each fan will do, decided before they arrive."""

import random
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Literal, TypeVar

import msgspec

T = TypeVar("T")


class Course(StrEnum):
    """How a fan's visit ends, as far as it is up to the fan."""

    BUYS = "buys"
    DUPLICATE = "duplicate"  # buys; the bank says so three times
    DELAY = "delay"  # buys; the bank takes its time
    DECLINED_ONCE = "declined_once"  # the bank declines, the second attempt succeeds
    DECLINED = "declined"  # the bank declines, the fan gives up
    LATE = "late"  # the bank agrees only after the booking has expired
    NEVER_CLAIMS = "never_claims"  # is called and does not come
    HOLDS_AND_VANISHES = "holds_and_vanishes"
    LETS_GO = "lets_go"  # puts the held seats back
    NEVER_PAYS = "never_pays"
    CANCELS = "cancels"  # cancels the unpaid booking


# The share of the crowd that takes each course. Together they are everybody.
SHARES: Final[Mapping[Course, float]] = MappingProxyType(
    {
        Course.BUYS: 0.70,
        Course.DUPLICATE: 0.05,
        Course.DELAY: 0.05,
        Course.DECLINED_ONCE: 0.05,
        Course.DECLINED: 0.02,
        Course.LATE: 0.02,
        Course.NEVER_CLAIMS: 0.03,
        Course.HOLDS_AND_VANISHES: 0.02,
        Course.LETS_GO: 0.02,
        Course.NEVER_PAYS: 0.02,
        Course.CANCELS: 0.02,
    }
)
QUANTITIES: Final[Mapping[int, float]] = MappingProxyType({1: 0.25, 2: 0.45, 3: 0.15, 4: 0.15})
NAMED_SHARE: Final = 0.45  # pick seats on the map; the others ask for the best available
TOGETHER_SHARE: Final = 0.6  # would rather have fewer seats than sit apart
HASTY_SHARE: Final = 0.08  # click twice
# Which end of the price list a fan looks at first; the rest does not care.
DEAREST_FIRST: Final = 0.35
CHEAPEST_FIRST: Final = 0.45
# Courses that end with tickets where there are any to be had.
BUYING: Final = frozenset({Course.BUYS, Course.DUPLICATE, Course.DELAY, Course.DECLINED_ONCE})

assert abs(sum(SHARES.values()) - 1) < 1e-9
assert abs(sum(QUANTITIES.values()) - 1) < 1e-9


class Persona(msgspec.Struct, frozen=True):
    """One fan. `arrives` is the moment within the arrivals of its kind, 0 to 1.

    `fancy` chooses among categories: 0 the dearest first, 1 the cheapest, else shuffled by it.
    """

    number: int
    comes: Literal["lobby", "rush"]
    arrives: float
    streams: bool
    course: Course
    quantity: int
    named: bool
    together: bool
    hasty: bool
    fancy: float

    @property
    def email(self) -> str:
        """An address in a domain that never receives mail (RFC 2606)."""
        return f"fan-{self.number}@example.invalid"

    def order(self, categories: list[str]) -> list[str]:
        """The categories, which stand dearest first, in the order this fan would try them."""
        if self.fancy == 0:
            return categories
        if self.fancy == 1:
            return categories[::-1]
        return random.Random(self.fancy).sample(categories, len(categories))  # noqa: S311


def dice(seed: int, number: int) -> random.Random:
    """The dice of fan `number`: the same for the same seed, whatever the others throw."""
    return random.Random(f"{seed} {number}")  # noqa: S311 - a crowd is no secret


def persona(
    number: int, throw: random.Random, *, lobby_share: float, stream_share: float
) -> Persona:
    """Fan `number`, all decided by `throw`."""
    taste = throw.random()
    fancy = 0.0 if taste < DEAREST_FIRST else throw.random()
    if taste > 1 - CHEAPEST_FIRST:
        fancy = 1.0
    return Persona(
        number=number,
        comes="lobby" if throw.random() < lobby_share else "rush",
        arrives=throw.random(),
        streams=throw.random() < stream_share,
        course=_one_of(SHARES, throw),
        quantity=_one_of(QUANTITIES, throw),
        named=throw.random() < NAMED_SHARE,
        together=throw.random() < TOGETHER_SHARE,
        hasty=throw.random() < HASTY_SHARE,
        fancy=fancy,
    )


def _one_of(shares: Mapping[T, float], throw: random.Random) -> T:
    return throw.choices(list(shares), list(shares.values()))[0]


def seats_wanted(crowd: list[Persona]) -> int:
    """The seats that those who mean to buy would buy, were there enough."""
    return sum(each.quantity for each in crowd if each.course in BUYING)
