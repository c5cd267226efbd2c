"""`usher up`: a site that runs until it is told to stop, with something on sale to look at."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

from usher.clock import utc_now
from usher.event.model import NewEvent
from usher.sale.model import SaleChange, SaleSettings
from usher.settings import Settings
from usher.up import Up, up
from usher.venue.generate import rows_by_columns
from usher.venue.price import default_prices

SAMPLE_ROWS, SAMPLE_COLUMNS = 20, 30


async def run_site(settings: Settings, *, workers: int, say: Callable[[str], object]) -> None:
    """Runs a site on `settings` until SIGINT or SIGTERM."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    given_url = settings.public_url != Settings().public_url
    async with up(settings, workers=workers, given_url=given_url) as site:
        await welcome(site, say)
        await stop.wait()
        say("stopping")


async def welcome(site: Up, say: Callable[[str], object]) -> None:
    """Says where things are; on a new data directory puts a sample event on sale first."""
    rows = await site.house.events.search()
    if not rows:
        event = await sample_event(site)
        say(f"a sample event is on sale: {event}")
    say(f"usher is up:       {site.url}")
    say(f"events:            {site.url}/api/v1/events")
    say(f"API description:   {site.url}/api")
    say(f"data:              {site.settings.data_dir}")
    say("in another terminal: usher event list; usher gate watch EVENT; usher audit EVENT")
    say("Ctrl-C stops it in order")


async def sample_event(site: Up) -> str:
    """A hall of 600 seats, open, in queued mode."""
    plan = rows_by_columns(SAMPLE_ROWS, SAMPLE_COLUMNS, name="Sample hall")
    new = NewEvent(
        title="A sample evening",
        starts_at=utc_now() + timedelta(days=30),
        prices=default_prices(plan),
    )
    event = await site.house.events.create(new, plan, SaleSettings())
    await site.house.events.publish(event)
    await site.house.sales.change(event, "usher up", SaleChange(state="open"))
    return event


class Stage:
    """A running usher as a demo sees it: where it is, and its services."""

    def __init__(self, site: Up) -> None:
        self.url = site.url
        self.events = site.house.events
        self.sales = site.house.sales
        self.accounts = site.house.accounts
        self.auditor = site.house.auditor


@asynccontextmanager
async def on_stage(settings: Settings) -> AsyncIterator[Stage]:
    """A site of its own for a demo, stopped on leaving."""
    async with up(settings) as site:
        yield Stage(site)
