"""Prices where nobody gave any: enough for a demonstration and for a first draft."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from usher.venue.model import Plan

CURRENCY: Final = "EUR"
# Minor units per category that usher's own generators make.
PRICES: Final[Mapping[str, int]] = MappingProxyType({"VVIP": 12_000, "VIP": 8_000, "Normal": 4_500})

_LADDER_TOP: Final = 9_000
_LADDER_FOOT: Final = 2_000
_LADDER_STEP: Final = 500


def default_prices(plan: Plan, given: Mapping[str, int] | None = None) -> dict[str, int]:
    """A price in minor units for every category of `plan`, in its order.

    `given` wins; then the names usher itself uses; then a ladder that falls with the order
    of the categories, in steps of 5.00, never below 20.00.
    """
    known = {**PRICES, **(given or {})}
    names = [category.name for category in plan.categories]
    step = max((_LADDER_TOP - _LADDER_FOOT) // max(len(names) - 1, 1), 1)
    return {
        name: known[name] if name in known else _rung(_LADDER_TOP - n * step)
        for n, name in enumerate(names)
    }


def _rung(amount: int) -> int:
    return max(amount // _LADDER_STEP * _LADDER_STEP, _LADDER_FOOT)
