"""How far `usher plan` is off: a demo is foretold, then run, and the two are laid side by side.

    uv run just foretell                 3,000 fans
    uv run just foretell --fans 1500 --costs FILE

What is compared is processor time by part, from the first fan to the last letter, and the time
until as many were let in as the model says. Foretold twice: "at load", as `usher plan` reckons how
much processes bear, when calls and commits travel together; and "alone", when nothing does. A
demo is too small to be the former: the measured figure should lie between the two. Requests are
foretold once more from what fans really asked for, which tries the unit costs without the model.
The crowd runs on the same machine and is nobody's load: it is not counted, but it is in the way.
"""

import asyncio
import tempfile
from collections import Counter
from pathlib import Path
from typing import Final

import click
import msgspec
import uvloop

from loadtests.bench.costs.meter import Meter, Spent
from usher.capacity.costs import Costs, read_costs, shipped_costs
from usher.capacity.line import line_of
from usher.capacity.model import Wish
from usher.capacity.whole import whole
from usher.embedded import delete_data
from usher.plumbing import log
from usher.plumbing.presence import raise_open_files
from usher.rehearsal.model import DemoOptions, hall_of
from usher.rehearsal.persona import BUYING, QUANTITIES, SHARES
from usher.rehearsal.service import Outcome, run_demo
from usher.rehearsal.tally import Tally
from usher.settings import read_settings
from usher.site import Stage
from usher.up import up

IDLE_S: Final = 3.0
# A fan of the demo looks around, types and pays within about so long; see rehearsal/fan.py.
STAY_S: Final = 3.5
# The crowd's names of routes, and the costs of what stands behind them.
ROUTES: Final = {
    "join": "join",
    "place": "place",
    "claim": "claim",
    "hold": "hold",
    "let_go": "hold",
    "book": "book",
    "pay": "pay",
    "bank": "told",
    "booking": "booking",
    "cancel": "booking",
    "place_stream": "stream_open",
    "booking_stream": "stream_open",
    "feed": "feed_open",
}


class _Clock:
    """A screen that notes when so many had been let in."""

    def __init__(self, called: int) -> None:
        self._called = called
        self.called_s = 0.0

    def say(self, text: str) -> None:
        click.echo(text)

    def note(self, tally: Tally) -> None:
        if not self.called_s and tally.opened_at and tally.admitted >= self._called:
            self.called_s = asyncio.get_running_loop().time() - tally.opened_at


async def _run(options: DemoOptions, folder: Path, clock: _Clock) -> tuple[Outcome, Spent]:
    settings = read_settings().alone(folder, 0, "error")
    async with up(settings) as site:
        meter = Meter(site)
        await asyncio.sleep(2)
        watch = meter.start()
        outcome = await run_demo(Stage(site), options, hall_of(options), clock)
        return outcome, watch.stop()


def foretold(options: DemoOptions, costs: Costs) -> tuple[Wish, Costs]:
    """The demo as a planner would put it; its mails go nowhere, so they cost nothing."""
    seats = hall_of(options).plan.seat_count
    rate, capacity = options.gate(seats)
    crowd = options.crowd(seats)
    wish = Wish(
        fans=options.fans,
        seats=seats,
        minutes=(crowd.arrive_s + crowd.rush_s) / 60,
        seats_per_fan=sum(count * share for count, share in QUANTITIES.items()),
        shop_minutes=STAY_S / 60,
        buy_share=sum(SHARES[course] for course in BUYING),
        rate_per_min=rate,
        capacity=capacity,
        stream_share=crowd.stream_share,
        pages="none",
    )
    return wish, without_mail(costs)


def without_mail(costs: Costs) -> Costs:
    """The same costs where mail goes nowhere."""
    mail = msgspec.structs.replace(costs.costs["worker.mail"], value=0.0)
    return msgspec.structs.replace(costs, costs=costs.costs | {"worker.mail": mail})


def by_requests(outcome: Outcome, costs: Costs) -> tuple[float, Counter[str]]:
    """Seconds of API processes for what fans asked, and how often they asked for what."""
    asked: Counter[str] = Counter()
    for (route, status), count in outcome.tally.meter.statuses.items():
        asked[route] += count if status < 500 else 0
    return sum(
        count * costs[f"api.{ROUTES[route]}"] for route, count in asked.items() if route in ROUTES
    ) / 1e6, asked


@click.command()
@click.option("--fans", type=click.IntRange(100, 20_000), default=3_000, show_default=True)
@click.option("--costs", "costs_file", type=click.Path(path_type=Path))
def main(fans: int, costs_file: Path | None) -> None:
    """Foretell a demo, run it, and say by how much the plan is off."""
    log.set_up("console", "error")
    raise_open_files()
    options = DemoOptions(fans=fans)
    wish, costs = foretold(options, read_costs(costs_file) if costs_file else shipped_costs())
    line, clock = line_of(wish), _Clock(line_of(wish).called)
    folder = Path(tempfile.mkdtemp(prefix="usher-foretell-"))
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            outcome, spent = runner.run(_run(options, folder, clock))
    finally:
        delete_data(folder)
    done, standing = whole(wish, costs)
    load, alone = done + standing * spent.seconds, done.alone(costs) + standing * spent.seconds
    asked_s, asked = by_requests(outcome, costs)
    click.echo(f"{'':34}{'at load':>10}{'alone':>10}{'measured':>10}{'off by':>14}")
    for name, low, high, real in (
        ("API, seconds of a core", load.api_us / 1e6, alone.api_us / 1e6, spent.api / 1e6),
        ("  as fans really asked", asked_s, asked_s * costs["api.alone"], spent.api / 1e6),
        ("Redis", load.redis_us / 1e6, alone.redis_us / 1e6, spent.redis / 1e6),
        ("worker", load.worker_us / 1e6, alone.worker_us / 1e6, spent.worker / 1e6),
        ("PostgreSQL", load.postgres_us / 1e6, alone.postgres_us / 1e6, spent.postgres / 1e6),
    ):
        click.echo(f"{name:34}{low:>10,.2f}{high:>10,.2f}{real:>10,.2f}{_off(low, high, real):>14}")
    tally = outcome.tally
    for name, told, real in (
        ("requests", done.requests, float(tally.meter.requests)),
        ("bookings", float(line.bookings), float(outcome.verdict.bookings_confirmed)),
        (f"until {line.called:,} were let in, s", float(line.line_s), clock.called_s),
    ):
        click.echo(f"{name:34}{told:>10,.1f}{'':>10}{real:>10,.1f}{_off(told, told, real):>14}")
    click.echo("asked: " + ", ".join(f"{route} {count:,}" for route, count in asked.items()))
    busy = spent.api / 1e6 / spent.seconds
    click.echo(f"within {spent.seconds:.0f} s, the API {busy:.0%} busy; costs of {costs.machine}")


def _off(low: float, high: float, real: float) -> str:
    """How far the measured is outside of what was foretold."""
    if real < low:
        return f"{real / low - 1:+.0%}"
    return f"{real / high - 1:+.0%}" if real > high else "between"


if __name__ == "__main__":
    main()
