"""What an import found and repaired: kept with the plan, shown before anything is published."""

from typing import Final

import msgspec

from usher.venue.guids import Repair
from usher.venue.model import Plan
from usher.venue.pretix import Imported

REPAIRS_SHOWN: Final = 100


class Report(msgspec.Struct, frozen=True, omit_defaults=True):
    """Counts of what happened to a plan on its way in; `repairs` are the first of `repaired`.

    `left_out` are decorations that are not drawn, `alike` seats whose label is another's too,
    `unnumbered` seats that got a number, `stacked` seats that lay on another and were dropped,
    `scripts` pieces of code that were passed over, `scaled` the factor that made seats 25 apart.
    `asked` is a fingerprint of the request that brought it: a replay must ask the same.
    """

    source: str = "rows"  # or bowl, pretix, svg
    repairs: tuple[Repair, ...] = ()
    repaired: int = 0
    left_out: int = 0
    alike: int = 0
    unnumbered: int = 0
    stacked: int = 0
    scripts: int = 0
    scaled: float = 1.0
    asked: str = ""

    @property
    def clean(self) -> bool:
        """Nothing had to be done."""
        return self == Report(self.source, asked=self.asked)


class Found(msgspec.Struct, frozen=True):
    """A plan that passed every check, and what was done to make it pass."""

    plan: Plan
    report: Report


def found_in_pretix(imported: Imported) -> Found:
    """The same of a pretix plan."""
    return Found(
        imported.plan,
        Report(
            "pretix",
            imported.repairs[:REPAIRS_SHOWN],
            len(imported.repairs),
            left_out=len(imported.left_out),
            alike=imported.alike,
        ),
    )
