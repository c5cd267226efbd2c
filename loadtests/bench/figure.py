"""A figure: what was measured, against what, and what it ought to be."""

from typing import Any

import msgspec


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """`goal` is a bound on `value`: at least it where `more_is_better`, else at most it.

    `costs` are unit costs that it gives by the way, by their names in usher/capacity/costs.py:
    `usher plan --costs` takes them.
    """

    name: str
    value: float
    unit: str
    baseline: str
    goal: float
    more_is_better: bool
    detail: dict[str, Any] = {}
    costs: dict[str, float] = {}

    @property
    def reached(self) -> bool:
        return self.value >= self.goal if self.more_is_better else self.value <= self.goal
