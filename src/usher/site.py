"""`usher up`: a site that runs until it is told to stop, with something on sale to look at."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from urllib.parse import unquote, urlsplit

from usher.sample import ORGANISER, put_samples_on_sale, sample_organiser
from usher.settings import Settings, default_data_dir
from usher.up import Up, up


async def run_site(settings: Settings, *, workers: int, say: Callable[[str], object]) -> None:
    """Runs a site on `settings` until SIGINT or SIGTERM."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    given_url = settings.public_url != Settings().public_url
    if not settings.mail_url:
        settings = settings.with_(mail_url=(settings.data_dir.absolute() / "mail").as_uri())
        settings = settings.with_(mail_url=settings.mail_url.replace("file:", "maildir:", 1))
    async with up(settings, workers=workers, given_url=given_url) as site:
        await welcome(site, say)
        await stop.wait()
        say("stopping")


async def welcome(site: Up, say: Callable[[str], object]) -> None:
    """Says where things are; on embedded servers there is an organiser to log in as, and on a
    new data directory there are sample events. Other servers are somebody's own."""
    rows = [("usher is up", site.url), ("organiser", f"{site.url}/organiser")]
    if site.servers is not None:
        organiser, password = await sample_organiser(site.house, site.settings.data_dir)
        if not await site.house.events.search(most=1, drafts=True):
            made = await put_samples_on_sale(site.house, organiser)
            say(f"{made} sample events were made")
        rows += [
            ("  log in as", ORGANISER),
            ("  password", password or f"as you set it (usher account password {ORGANISER})"),
        ]
    rows += [
        ("API", f"{site.url}/api"),
        ("data", str(site.settings.data_dir)),
    ]
    if site.settings.mail_url.startswith("maildir:"):
        # Nothing leaves this machine until a mail server is set: each mail is a file to open.
        rows.append(("mail", f"{unquote(urlsplit(site.settings.mail_url).path)}/new"))
    if site.servers and not site.servers.database_folder.is_relative_to(site.settings.data_dir):
        rows.append(("  database", str(site.servers.database_folder)))
    for name, value in rows:
        say(f"{name:<14}{value}")
    folder = site.settings.data_dir
    if site.servers is not None and folder.absolute() != default_data_dir().absolute():
        say(f"in another terminal, with USHER_DATA_DIR={folder.absolute()}:")
    else:
        say("in another terminal:")
    say("  usher event list; usher gate watch EVENT; usher audit EVENT")
    say("Ctrl-C stops it in order")


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
