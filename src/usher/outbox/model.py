"""Letters: what leaves PostgreSQL, each written in the transaction of the fact that causes it."""

from typing import Final

import msgspec

# A letter taken and not reported on is taken again after this long: its carrier has died.
LEASE_S: Final = 30
ATTEMPTS_MAX: Final = 150  # with the pauses below about a day: longer than a provider is away


class Letter(msgspec.Struct, frozen=True):
    """One piece of work: what to do (`kind`) with what (`subject`); `attempts` counts this one."""

    id: int
    kind: str
    subject: str
    attempts: int


def retry_after_s(attempts: int) -> float:
    """Exponential back-off, half a second doubling to ten minutes."""
    return float(min(600.0, 0.5 * 2 ** min(attempts, 20)))
