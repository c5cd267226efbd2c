"""Repair of seat guids: real exports repeat them, and a seat must have its own."""

import hashlib
from collections.abc import Iterable
from typing import Final, NamedTuple

import msgspec

from usher import limits

_DIGEST_CHARS: Final = 16
_ORDINAL_CHARS: Final = 8  # "~" and up to seven digits


class Repair(msgspec.Struct, frozen=True, gc=False):
    """A guid that was empty or taken, the place in the document, and what it became."""

    where: str
    old: str
    new: str


class Claim(NamedTuple):
    """One seat's wish for a guid, with what tells it from others."""

    where: str
    guid: str
    zone: str
    row: str
    number: str


def repair_guids(claims: Iterable[Claim]) -> tuple[list[str], list[Repair]]:
    """One guid per claim, in order, all different; and the repairs that took.

    The first claim of a guid keeps it. A later one, or an empty one, gets
    ``<guid>~<zone>-<row>-<number>`` and, where that is taken too, ``~2``, ``~3`` ... behind it.
    A guid made here never equals one that stands anywhere in the document, so repairing what
    was repaired changes nothing.
    """
    claims = list(claims)
    taken = {claim.guid for claim in claims}
    kept: set[str] = set()
    ordinals: dict[str, int] = {}
    guids, repairs = [], []
    for claim in claims:
        guid = claim.guid
        if guid in kept or not guid.strip():
            guid = _free(_derived(claim), taken, ordinals)
            repairs.append(Repair(claim.where, claim.guid, guid))
            taken.add(guid)
        kept.add(guid)
        guids.append(guid)
    return guids, repairs


class AreaGuids:
    """Guids for areas, such that no seat's guid is ``<area's guid>-<number>``."""

    def __init__(self, seat_guids: Iterable[str]) -> None:
        parts = (guid.rpartition("-") for guid in seat_guids)
        self._taken = {prefix for prefix, _, number in parts if number.isdigit()}
        self._ordinals: dict[str, int] = {}

    def take(self, wish: str) -> str:
        """`wish`, or `wish` with an ordinal; taken from now on."""
        guid = _free(wish, self._taken, self._ordinals)
        self._taken.add(guid)
        return guid


def _derived(claim: Claim) -> str:
    place = f"{claim.zone}-{claim.row}-{claim.number}"
    derived = f"{claim.guid}~{place}" if claim.guid.strip() else place
    room = limits.guid_chars_max - _ORDINAL_CHARS
    if len(derived) <= room:
        return derived
    # Cut where it is too long; a digest of the whole keeps cut ones apart.
    digest = hashlib.blake2b(
        derived.encode("utf-8", "surrogatepass"), digest_size=_DIGEST_CHARS // 2
    ).hexdigest()
    return f"{derived[: room - _DIGEST_CHARS - 1]}~{digest}"


def _free(wish: str, taken: set[str], ordinals: dict[str, int]) -> str:
    if wish not in taken:
        return wish
    # The ordinal is remembered: a file of one guid repeated must not cost a search per seat.
    ordinal = ordinals.get(wish, 1) + 1
    while f"{wish}~{ordinal}" in taken:
        ordinal += 1
    ordinals[wish] = ordinal
    return f"{wish}~{ordinal}"
