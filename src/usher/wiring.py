"""The one wiring: a House opens everything in order, builds the services by hand, closes it.

Nothing here decides anything; nothing elsewhere knows how things are made.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from usher.account.service import AccountService
from usher.booking.jobs import Settler
from usher.booking.service import BookingService
from usher.errors import SetupError, Unreachable, UsherError
from usher.event.editing.service import Editor
from usher.event.service import EventService
from usher.feed.scripts import FeedScripts, Snapshot
from usher.feed.service import Hub
from usher.insight.pulse import Pulses
from usher.insight.service import Auditor
from usher.outbox.service import Carrier, Outbox
from usher.payment.sandbox.client import Postman
from usher.payment.sandbox.service import Bank, SandboxProvider
from usher.payment.scripts import PaymentScripts
from usher.payment.service import PaymentService
from usher.plumbing.lua import Runner, connect
from usher.plumbing.metric import Metrics
from usher.plumbing.postgres import Database
from usher.plumbing.script import load
from usher.plumbing.shipped import shipped
from usher.plumbing.signing import KeyRing, Signer
from usher.queue.curves import Curves
from usher.queue.scripts import QueueScripts
from usher.queue.service import QueueService
from usher.sale.scripts import SaleScripts
from usher.sale.service import SaleService
from usher.seat.blocking.service import Blocking
from usher.seat.jobs import Inventory
from usher.seat.scripts import SeatScripts
from usher.seat.service import SeatService
from usher.settings import Settings
from usher.ticket.service import TicketService
from usher.waitlist.jobs import Offers
from usher.waitlist.scripts import WaitlistScripts
from usher.waitlist.service import WaitlistService


class House:
    """Every service of one process. Use `opened`."""

    def __init__(self, settings: Settings) -> None:
        for name in ("redis_url", "database_url", "secrets"):
            if not getattr(settings, name):
                raise SetupError(
                    f"USHER_{name.upper()} is not set. For a trial without any set-up: `usher up`"
                )
        self.settings = settings
        self.metrics = Metrics()
        self.signer = Signer(KeyRing(settings.secrets))
        self.database = Database(settings.database_url, settings.database_connections)
        pool = connect(settings.redis_url, settings.redis_connections)
        self.runner = Runner(pool, load(shipped("lua")))
        self.seat_scripts = SeatScripts(self.runner)
        self.feed_scripts = FeedScripts(self.runner)
        self.curves = Curves(QueueScripts(self.runner))

        self.accounts = AccountService(self.database, self.signer)
        self.events = EventService(self.database)
        self.editor = Editor(self.database, self.events)
        self.sales = SaleService(self.database, SaleScripts(self.runner))
        self.queue = QueueService(
            QueueScripts(self.runner), self.sales, self.curves, self.signer, self.events
        )
        self.seats = SeatService(self.seat_scripts, self.events, self.signer)
        self.blocking = Blocking(
            self.database, self.seat_scripts, self.events, self.editor, self.seat_states
        )
        self.bank = Bank(self.database)
        sandbox = SandboxProvider(self.bank, self.signer, settings.public_url)
        self.payments = PaymentService(
            self.database, PaymentScripts(self.runner), {sandbox.name: sandbox}
        )
        self.bookings = BookingService(
            self.database,
            self.events,
            self.seats,
            self.seat_scripts,
            self.payments,
            self.accounts,
        )
        self.tickets = TicketService(self.database, self.events, self.accounts)
        waitlist_scripts = WaitlistScripts(self.runner)
        self.offers = Offers(self.database, waitlist_scripts, self.seat_scripts, self.events)
        self.waitlist = WaitlistService(
            self.database,
            waitlist_scripts,
            self.seat_scripts,
            self.events,
            self.curves,
            self.signer,
            settings.public_url,
        )
        self.hub = Hub(self.feed_scripts, self.curves, self.metrics)
        self.auditor = Auditor(self.database, self.runner, self.curves, self.feed_scripts)
        self.pulses = Pulses(self.database, self.events, self.sales, self.curves)
        self.inventory = Inventory(
            self.database, self.seat_scripts, self.events, self.sales, self.offers.prepare
        )
        self.settler = Settler(self.database, self.seat_scripts)
        self.outbox = Outbox(
            self.database,
            {
                "capture": Carrier(self.payments.capture),
                "void": Carrier(self.payments.void),
                "settle": Carrier(self.settler.carry),
            },
            self.metrics,
        )
        self.postman = Postman(
            self.database, self.signer, settings.internal_url or settings.public_url
        )

    async def owner_of(self, event: str) -> str | None:
        """The account of the event's organiser; NotFound where there is no such event."""
        return (await self.events.showing(event)).event.organiser_id

    async def seat_states(self, event: str) -> str | None:
        """One character per seat, None where the seats are not laid out."""
        snapshot = await self.feed_scripts.snapshot(event)
        return snapshot.states if isinstance(snapshot, Snapshot) else None

    async def open(self) -> None:
        """Opens the connections; Unreachable says which server cannot be reached."""
        await self.database.open()
        try:
            await self.runner.command("PING")
        except UsherError as fault:
            raise Unreachable(f"Redis cannot be reached: {fault.detail}") from fault

    async def close(self) -> None:
        """Closes what is open, in the opposite order; may be called twice."""
        await self.hub.drain()
        await asyncio.gather(self.runner.close(), self.database.close())


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[House]:
    """A house, open inside the `async with`."""
    house = House(settings)
    try:
        await house.open()
        yield house
    finally:
        await house.close()
