"""`usher gate`: see the line and turn the gate while it is on."""

import sys
import time
from collections.abc import Callable
from typing import Any

import click
import msgspec
from msgspec import UNSET
from rich.console import Console
from rich.live import Live
from rich.table import Table

from usher.errors import NotFound, UsherError
from usher.plumbing.command import Run, echo_json, fail, json_option
from usher.queue.curves import KnownCurve
from usher.queue.pacing import slowed_by
from usher.queue.scripts import Curve
from usher.queue.service import QueueService
from usher.sale.commands import change_gate
from usher.sale.service import SaleService

WATCH_S = 1.0
# -1 is a number that is refused with its bounds, not an option nobody knows.
_NUMBERS = {"ignore_unknown_options": True}
_SPARKS = "▁▂▃▄▅▆▇█"


def gate_commands(run: Run[QueueService], run_sales: Run[SaleService]) -> click.Group:
    """The verbs of the gate, on whatever house the two open."""

    @click.group("gate")
    def group() -> None:
        """The gate: how fast fans are called, and how many may shop at once."""

    @group.command("show")
    @click.argument("event")
    @json_option
    def show(event: str, as_json: bool) -> None:
        """Show the line, the shoppers and the seats of EVENT now."""
        try:
            known = run(lambda queue: _known(queue, event))
        except UsherError as error:
            fail(error)
        if as_json:
            fields = msgspec.structs.asdict(known.curve)
            del fields["points"]
            echo_json(fields | {"admitted_per_minute": known.per_min})
            return
        for name, value in _rows(known):
            click.echo(f"{name:<22} {value}")

    @group.command("rate", context_settings=_NUMBERS)
    @click.argument("event")
    @click.argument("per_minute", type=int)
    def rate(event: str, per_minute: int) -> None:
        """Call PER_MINUTE fans of EVENT a minute from now on."""
        sale = change_gate(run_sales, event, rate_per_min=per_minute)
        click.echo(f"{event}: {sale.rate_per_min} a minute")

    @group.command("capacity", context_settings=_NUMBERS)
    @click.argument("event")
    @click.argument("fans", type=int)
    def capacity(event: str, fans: int) -> None:
        """Let at most FANS shop at EVENT at once. Fewer than shop now: nobody is thrown out."""
        sale = change_gate(run_sales, event, capacity=fans)
        click.echo(f"{event}: {sale.capacity} shopping at once")

    @group.command("throttle")
    @click.argument("event")
    @click.argument("switch", type=click.Choice(["on", "off"]))
    @click.option(
        "--floor-pct",
        type=int,
        metavar="PERCENT",
        help="How much of the rate is kept to at least, 1 to 100.",
    )
    def throttle(event: str, switch: Any, floor_pct: int | None) -> None:
        """Have the gate slow down by itself, or not, while commits or answers are behind."""
        floor = UNSET if floor_pct is None else floor_pct
        sale = change_gate(run_sales, event, throttle=switch, rate_floor_pct=floor)
        least = f", to no less than {sale.rate_floor_pct} % of the rate" if switch == "on" else ""
        click.echo(f"{event}: slows by itself: {sale.throttle}{least}")

    @group.command("pause")
    @click.argument("event")
    def pause(event: str) -> None:
        """Call nobody; who shops goes on."""
        click.echo(f"{event}: gate {change_gate(run_sales, event, state='paused').gate_state}")

    @group.command("resume")
    @click.argument("event")
    def resume(event: str) -> None:
        """Call fans again."""
        click.echo(f"{event}: gate {change_gate(run_sales, event, state='open').gate_state}")

    @group.command("watch")
    @click.argument("event")
    @click.option("--seconds", type=click.IntRange(1), help="Stop after so long.")
    def watch(event: str, seconds: int | None) -> None:
        """Watch line, shoppers, holds and sales of EVENT, once a second, until Ctrl-C.

        On a terminal one live table; else a line a second for a log.
        """
        try:
            run(lambda queue: _watch(queue, event, seconds))
        except UsherError as error:
            fail(error)
        except KeyboardInterrupt:
            sys.exit(0)

    return group


async def _known(queue: QueueService, event: str) -> KnownCurve:
    known = await queue.curves.of(event, fresh_s=0)
    if known is None:
        raise NotFound(f"Redis knows no event {event!r}: is it published, and a worker running?")
    return known


def _rows(known: KnownCurve) -> list[tuple[str, str]]:
    curve = known.curve
    speed = "not known yet" if known.per_min is None else f"{known.per_min:.0f} a minute"
    seats = max(1, curve.seats)
    return [
        ("sale", f"{curve.state}, {curve.mode}"),
        ("gate", f"{curve.gate_state}: {curve.rate} a minute, {curve.capacity} at once"),
        ("pace", _pace(curve)),
        ("in the lobby", f"{curve.in_lobby:,}"),
        ("waiting", f"{curve.waiting:,}"),
        ("shopping", f"{curve.shopping:,} (most ever {curve.shopping_max:,})"),
        ("speed", speed),
        ("joined", f"{curve.joined:,}"),
        ("called", f"{curve.called:,}"),
        ("came in", f"{curve.admitted:,}"),
        ("missed the call", f"{curve.lapsed:,}"),
        ("done or left", f"{curve.ended + curve.left:,}"),
        ("seats free", f"{curve.free:,}"),
        ("held", f"{curve.held:,}"),
        ("being paid", f"{curve.claimed:,}"),
        ("sold", f"{curve.sold:,} of {curve.seats:,} ({100 * curve.sold / seats:.0f} %)"),
    ]


async def _watch(queue: QueueService, event: str, seconds: int | None) -> None:
    import asyncio

    console = Console()
    history: list[int] = []
    ends = time.monotonic() + seconds if seconds else float("inf")

    async def turns(show: Callable[[KnownCurve], Any]) -> None:
        while time.monotonic() < ends:
            known = await _known(queue, event)
            history.append(known.curve.sold)
            show(known)
            await asyncio.sleep(WATCH_S)

    if not console.is_terminal:
        await turns(lambda known: click.echo(_line(known)))
        return
    with Live(console=console, auto_refresh=False) as live:
        await turns(lambda known: live.update(_table(event, known, history), refresh=True))


def _pace(curve: Curve) -> str:
    if curve.throttle != "on":
        return "the rate, whatever lags"
    if why := slowed_by(curve):
        return f"slowed to {curve.rate_now} a minute: {why}"
    return f"the rate; slows to {max(1, curve.rate * curve.floor_pct // 100)} where it must"


def _line(known: KnownCurve) -> str:
    c = known.curve
    slowed = slowed_by(c)
    return (
        f"{c.state} waiting={c.waiting + c.in_lobby} shopping={c.shopping}/{c.capacity} "
        f"called={c.called} held={c.held} paying={c.claimed} sold={c.sold}/{c.seats}"
        + (f" slowed={c.rate_now}/{c.rate} ({slowed})" if slowed else "")
    )


def _table(event: str, known: KnownCurve, history: list[int]) -> Table:
    table = Table(title=event, show_header=False, min_width=56)
    for name, value in _rows(known):
        table.add_row(name, value)
    steps = [b - a for a, b in zip(history[-41:], history[-40:], strict=False)]
    top = max([1, *steps])
    sparks = "".join(_SPARKS[min(7, max(0, step) * 7 // top)] for step in steps)
    table.add_row("sold each second", sparks)
    return table
