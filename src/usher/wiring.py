"""The one wiring: a House opens everything in order, builds the services by hand, closes it.

Nothing here decides anything; nothing elsewhere knows how things are made.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from urllib.parse import urlsplit

from usher import limits
from usher.account.service import AccountService
from usher.booking.jobs import Settler
from usher.booking.refunding.jobs import uncollected
from usher.booking.refunding.service import Refunds
from usher.booking.service import BookingService
from usher.checkin.counts import Counts
from usher.checkin.service import CheckInService
from usher.errors import SetupError, Unreachable, UsherError
from usher.event.editing.service import Editor
from usher.event.service import EventService
from usher.feed.scripts import FeedScripts, Snapshot
from usher.feed.service import Hub
from usher.hook.facts import Facts
from usher.hook.jobs import Announcer
from usher.hook.sending.client import Resolver, Sender
from usher.hook.sending.jobs import Courier
from usher.hook.service import HookService
from usher.hook.signature import Signatures
from usher.insight.pulse import Pulses
from usher.insight.service import Auditor
from usher.notice.client import SmtpChannel
from usher.notice.compose import Composer
from usher.notice.drafting import Drafter
from usher.notice.gateway import SmsChannel
from usher.notice.jobs import Messenger
from usher.notice.maildir import MaildirChannel
from usher.notice.model import Channel, Sources
from usher.notice.service import MessageService
from usher.outbox.service import Carrier, Outbox
from usher.payment import queries as payment_queries
from usher.payment.guard import GuardedProvider, Providers
from usher.payment.jobs import Cashier
from usher.payment.model import REHEARSAL, Provider
from usher.payment.reconciling.service import Reconciler
from usher.payment.sandbox.client import Postman
from usher.payment.sandbox.service import Bank, SandboxProvider
from usher.payment.scripts import PaymentScripts
from usher.payment.service import PaymentService
from usher.plumbing.language import Languages
from usher.plumbing.lua import Runner, connect
from usher.plumbing.metric import Metrics
from usher.plumbing.postgres import Database
from usher.plumbing.presence import Here, Kind
from usher.plumbing.script import load
from usher.plumbing.shipped import shipped
from usher.plumbing.signing import KeyRing, Signer
from usher.queue.curves import Curves
from usher.queue.scripts import QueueScripts
from usher.queue.service import QueueService
from usher.queue.watch import Watch
from usher.rehearsal.shadow.service import Shadows
from usher.sale.scripts import SaleScripts
from usher.sale.service import SaleService
from usher.seat.blocking.service import Blocking
from usher.seat.jobs import Inventory
from usher.seat.scripts import SeatScripts
from usher.seat.service import SeatService
from usher.settings import Settings, check_payments
from usher.ticket.keybook import KeyBook
from usher.ticket.revocation import Revocations
from usher.ticket.service import TicketService
from usher.ticket.signing import TicketKeys
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
        ring = KeyRing(settings.secrets)
        self.signer = Signer(ring)
        self.database = Database(settings.database_url, settings.database_connections)
        pool = connect(settings.redis_url, settings.redis_connections)
        self.runner = Runner(pool, load(shipped("lua")))
        self.seat_scripts = SeatScripts(self.runner)
        self.feed_scripts = FeedScripts(self.runner)
        self.curves = Curves(QueueScripts(self.runner))
        self.metrics.watch(
            "usher_gates_slowed",
            "gates below their rate, of the lines asked for here in the last minute",
            lambda: sum(pace < 1 for pace in self.curves.paces()),
        )
        self.metrics.watch(
            "usher_gate_pace",
            "share of its rate that the slowest of these gates calls",
            lambda: min(self.curves.paces(), default=1.0),
        )

        self.accounts = AccountService(self.database, self.signer)
        self.events = EventService(self.database)
        self.editor = Editor(self.database, self.events)
        self.sales = SaleService(self.database, SaleScripts(self.runner))
        watch = Watch()
        self.queue = QueueService(
            QueueScripts(self.runner), self.sales, self.curves, self.signer, self.events, watch
        )
        self.seats = SeatService(self.seat_scripts, self.events, self.signer)
        self.blocking = Blocking(
            self.database, self.seat_scripts, self.events, self.editor, self.seat_states
        )
        self.bank = Bank(self.database)
        self.rehearsal_bank = Bank(self.database, REHEARSAL)
        self._closing: list[Callable[[], Awaitable[None]]] = []
        check_payments(settings)
        real = Providers({name: self._provider(name) for name in settings.providers})
        rehearsed = SandboxProvider(self.rehearsal_bank, self.signer, settings.public_url)
        self.providers = Providers(real | {REHEARSAL: rehearsed})
        self.payments = PaymentService(self.database, PaymentScripts(self.runner), self.providers)
        self.bookings = BookingService(
            self.database,
            self.events,
            self.seats,
            self.seat_scripts,
            self.payments,
            self.accounts,
        )
        self.refunds = Refunds(self.database, self.events, self.sales, self.bookings, self.accounts)
        self.reconciler = Reconciler(self.database, self.payments, real)
        self.cashier = Cashier(self.database, self.providers, uncollected)
        signatures = Signatures(ring)
        self.resolver = Resolver(private=settings.hooks_private)
        self.hooks = HookService(self.database, signatures, self.resolver, http=settings.hooks_http)
        self.languages = Languages(shipped("front") / "locale")
        self.ticket_keys = KeyBook(self.database, TicketKeys(ring))
        self.revocations = Revocations(self.database, self.events, self.ticket_keys)
        self.tickets = TicketService(
            self.database,
            self.events,
            self.accounts,
            self.ticket_keys,
            self.signer,
            self.languages,
            settings.public_url,
        )
        self.counts = Counts(self.database, self.events, self.ticket_keys)
        self.door = CheckInService(self.database, self.events, self.counts, self.ticket_keys)
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
        channels = channels_of(settings)
        self.messages = MessageService(self.database, self.signer, channels)
        sources = Sources(
            papers=self.tickets.papers,
            paper=self.tickets.paper,
            link=self.tickets.link,
            offer=self.waitlist.offer_facts,
        )
        composer = Composer(
            self.database,
            self.events,
            self.signer,
            self.languages,
            sources,
            site=settings.public_url,
            sender=sender_of(settings),
        )
        self.messenger = Messenger(
            self.database, Drafter(self.database, sources), composer, channels, self.metrics
        )
        self.hub = Hub(self.feed_scripts, self.curves, watch, self.metrics)
        self.auditor = Auditor(self.database, self.runner, self.curves, self.feed_scripts)
        self.pulses = Pulses(self.database, self.events, self.sales, self.curves)
        self.inventory = Inventory(
            self.database, self.seat_scripts, self.events, self.sales, self.offers.prepare
        )
        self.settler = Settler(self.database, self.seat_scripts)
        self.carriers = {
            "capture": Carrier(self.cashier.capture),
            "void": Carrier(self.cashier.void),
            "refund": Carrier(self.cashier.refund),
            "settle": Carrier(self.settler.carry),
            "notice": Carrier(
                self.messenger.carry, limits.message_batch_max, limits.message_lease_s
            ),
            "hook": Carrier(Announcer(self.database, Facts(self.database, self.events)).carry),
        }
        self.outbox = Outbox(self.database, self.carriers, self.metrics)
        self.shadows = Shadows(self.database, self.runner)
        self.courier = Courier(
            self.database, Sender(self.resolver, "usher"), signatures, self.metrics
        )
        inside = settings.internal_url or settings.public_url
        self.postman = Postman(self.database, self.signer, inside)
        # It has something to do once in weeks: it looks for it less often.
        self.rehearsal_postman = Postman(self.database, self.signer, inside, REHEARSAL, 0.5)

    def _provider(self, name: str) -> Provider:
        """A payment provider. What is on the other side of a network is guarded; the sandbox is
        not, it stands in our own database."""
        if name == "sandbox":
            return SandboxProvider(self.bank, self.signer, self.settings.public_url)
        # Only here: the library takes a third of a second to import, and few need it.
        from usher.payment.stripe.client import Api
        from usher.payment.stripe.service import StripeProvider

        settings = self.settings
        stripe = StripeProvider(
            Api(settings.stripe_key, settings.stripe_api),
            settings.stripe_webhook_secret,
            settings.public_url,
        )
        self._closing.append(stripe.close)
        return GuardedProvider(
            stripe,
            on_down=partial(payment_queries.note_outage, self.database),
            on_up=partial(payment_queries.end_outage, self.database),
        )

    def here(self, kind: Kind) -> Here:
        """This process on the roll of those that run."""
        settings = self.settings
        ring = self.signer.fingerprint()
        return Here(self.runner, kind, ring, settings.public_url, settings.database_connections)

    @property
    def sandboxed(self) -> bool:
        """Whether the bank's pages, routes and postman are there at all."""
        return "sandbox" in self.settings.providers

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
        self.resolver.close()
        await asyncio.gather(*(close() for close in self._closing))
        await asyncio.gather(self.runner.close(), self.database.close())


def channels_of(settings: Settings) -> dict[str, Channel]:
    """The channels that are set up, by name."""
    channels: dict[str, Channel] = {}
    if settings.mail_url.startswith("maildir:"):
        channels["email"] = MaildirChannel(settings.mail_url)
    elif settings.mail_url:
        channels["email"] = SmtpChannel(settings.mail_url, sender_of(settings))
    if settings.sms_url:
        channels["sms"] = SmsChannel(settings.sms_url, settings.sms_token)
    return channels


def sender_of(settings: Settings) -> str:
    """Whom mail comes from: a Maildir needs no address that exists."""
    return settings.mail_from or f"usher <tickets@{urlsplit(settings.public_url).hostname}>"


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[House]:
    """A house, open inside the `async with`."""
    house = House(settings)
    try:
        await house.open()
        yield house
    finally:
        await house.close()
