"""The readiness list as people read it."""

from collections.abc import Sequence
from typing import Final

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from usher.rehearsal.readiness.model import Item, Report, State, worst_first

_STYLES: Final[dict[State, str]] = {"good": "green", "look": "yellow", "bad": "bold red"}


def tell(report: Report, console: Console) -> None:
    """The list, what has to be done on top, then the verdict in one line."""
    console.print(table_of(worst_first(report.items)))
    for line in closing_lines(report):
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def table_of(items: Sequence[Item]) -> Table:
    """A row an item; what to do stands below what was seen."""
    table = Table(box=box.SIMPLE_HEAD, title="Ready for a sale?", title_justify="left")
    table.add_column("state", no_wrap=True)
    table.add_column("what", no_wrap=True)
    table.add_column("seen, and what to do", overflow="fold")
    for each in items:
        told = Text(each.seen)
        if each.do:
            told.append(f"\n-> {each.do}", style=_STYLES[each.state])
        table.add_row(
            Text(each.state, style=_STYLES[each.state]), f"{each.area}: {each.name}", told
        )
    return table


def closing_lines(report: Report) -> list[str]:
    """The crowd in figures, and the verdict."""
    lines = []
    if crowd := report.crowd:
        lines.append(
            f"{crowd.fans:,} fans, {crowd.confirmed:,} bookings, {crowd.checkouts_per_s:.1f}"
            f" checkouts/s; {crowd.duration_s:.0f} s, of which this machine's own work was"
            f" {crowd.client_cpu_s:.0f} s of CPU"
        )
    counts = {state: sum(each.state == state for each in report.items) for state in _STYLES}
    told = f"{counts['good']} good, {counts['look']} to look at, {counts['bad']} bad"
    if report.erased:
        lines.append("the rehearsal has left no trace")
    lines.append(f"{'READY' if report.ready else 'NOT READY'}: {told}")
    return lines
