"""Real fans beside the synthetic ones: sales that go on while a rehearsal does, or begin."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from usher.clock import iso
from usher.rehearsal.readiness.model import Item, look
from usher.sale.model import Sale

# What a rehearsal does before and after its crowd, and some time to spare.
_MORE: Final = timedelta(minutes=5)
_NAMED: Final = 3


def in_use(sale: Sale, now: datetime, for_s: float) -> str:
    """How real fans come to be at a sale while a crowd is sent for `for_s` seconds: "is open",
    "begins at ..."; "" where none are to be expected."""
    if sale.state in ("lobby", "open", "paused"):
        return f"is {sale.state}"
    until = now + timedelta(seconds=for_s) + _MORE
    times = [at for at in (sale.lobby_at, sale.opens_at) if at is not None and now <= at <= until]
    return f"begins at {iso(min(times))}" if times else ""


def judge_others(others: Sequence[str]) -> list[Item]:
    """The item of other events whose sales are in use; none where there are none."""
    if not others:
        return []
    more = len(others) - _NAMED
    seen = ", ".join(others[:_NAMED]) + (f" and {more} more" if more > 0 else "")
    do = "their fans stand beside this crowd: rehearse at an hour when nothing is sold"
    return [look("rehearsal", "other sales", seen, do)]
