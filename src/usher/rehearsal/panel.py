"""How a demo shows itself: one live panel on a terminal, else a line every other second."""

import time
from types import TracebackType
from typing import Final, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from usher.rehearsal.tally import Tally

_LINE_S: Final = 2.0
# Checkouts per second are those of the last so many seconds.
_PACE_S: Final = 5.0


class Pace:
    """Confirmed bookings per second, lately."""

    def __init__(self) -> None:
        self._seen: list[tuple[float, int]] = []

    def note(self, now_s: float, confirmed: int) -> float:
        """Takes a count at its time; the pace over the last seconds."""
        self._seen.append((now_s, confirmed))
        while len(self._seen) > 2 and self._seen[0][0] < now_s - _PACE_S:
            self._seen.pop(0)
        (from_s, before), (to_s, after) = self._seen[0], self._seen[-1]
        return (after - before) / (to_s - from_s) if to_s > from_s else 0.0


def figures(tally: Tally, pace: float) -> dict[str, str]:
    """What is shown while a crowd is at it."""
    meter = tally.meter
    shown = {
        "phase": tally.phase,
        "joined": f"{tally.joined:,} of {tally.fans:,}",
        "waiting": f"{tally.waiting:,}",
        "shopping": f"{tally.shopping:,}",
        "held": f"{tally.seats_in('h'):,}",
        "awaiting payment": f"{tally.seats_in('c'):,}",
        "sold": f"{tally.seats_in('s'):,} of {tally.seats:,}",
        "confirmed": f"{len(tally.confirmed):,}",
        "checkouts/s": f"{pace:.0f}",
        "refused 409": f"{meter.conflicts():,}",
        "5xx": f"{meter.faults():,}",
    }
    if meter.transport_errors:
        shown["connection errors"] = f"{meter.transport_errors:,}"
    return shown


class LiveScreen:
    """One live panel on a terminal; what is said stays above it."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._pace = Pace()
        self._live = Live(Text("starting"), console=console, refresh_per_second=4, transient=True)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _fault: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._live.stop()

    def say(self, text: str) -> None:
        self._console.print(text, highlight=False, markup=False)

    def note(self, tally: Tally) -> None:
        pace = self._pace.note(time.monotonic(), len(tally.confirmed))
        self._live.update(live_panel(tally, pace))


def live_panel(tally: Tally, pace: float) -> Panel:
    """The panel for how things stand now."""
    grid = Table.grid(padding=(0, 3))
    for _ in range(4):
        grid.add_column(justify="left", no_wrap=True)
    shown = list(figures(tally, pace).items())[1:]
    for pair in zip(shown[::2], [*shown[1::2], ("", "")], strict=False):
        grid.add_row(*(word for name, value in pair for word in (f"[dim]{name}[/]", value)))
    bar = ProgressBar(total=max(1, tally.seats), completed=tally.seats_in("s"), width=60)
    body: list[RenderableType] = [grid, Text(), bar]
    return Panel(Group(*body), title=f"usher: {tally.phase}", expand=False, padding=(1, 2))


class LineScreen:
    """A line every other second, for logs and pipes."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._pace = Pace()
        self._next = 0.0
        self._phase = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _fault: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        pass

    def say(self, text: str) -> None:
        self._print(text)

    def note(self, tally: Tally) -> None:
        now = time.monotonic()
        pace = self._pace.note(now, len(tally.confirmed))
        if now < self._next and tally.phase == self._phase:
            return
        self._next, self._phase = now + _LINE_S, tally.phase
        shown = figures(tally, pace)
        phase = shown.pop("phase")
        self._print(f"{phase:<9} " + "  ".join(f"{name} {value}" for name, value in shown.items()))

    def _print(self, text: str) -> None:
        # As it is: neither wrapped nor coloured, for it goes to a file or a pipe.
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)


def screen_on(console: Console) -> LiveScreen | LineScreen:
    """The screen that suits a console."""
    return LiveScreen(console) if console.is_terminal else LineScreen(console)
