"""Starting payments and taking in what providers say of them.

Order of things (invariant 2): authorise -> COMMIT -> capture. A webhook is only put on the ledger;
the worker decides there, in the order of the ledger, by conditional transitions.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
import structlog

from usher import limits
from usher.errors import BookingState, NotFound, Unavailable, UsherError
from usher.ids import derived_id, is_id
from usher.outbox import queries as outbox
from usher.payment import queries
from usher.payment.model import SILENCE_S, Kind, Message, Payment, Provider, Standing
from usher.payment.scripts import Full, PaymentScripts
from usher.plumbing.postgres import Database, Gather

log = structlog.get_logger("usher.payment")

_ASKED_MAX: Final = 200  # payments asked about in one round


class PaymentService:
    def __init__(
        self, database: Database, scripts: PaymentScripts, providers: Mapping[str, Provider]
    ) -> None:
        """`providers` by name, the one of new payments first."""
        self._database = database
        self._scripts = scripts
        self._providers = providers
        self._default = next(iter(providers))  # of new payments

        async def of_bookings(bookings: Sequence[str]) -> list[list[Payment]]:
            found = await queries.of_bookings(database, bookings)
            return [found[booking] for booking in bookings]

        async def insert(payments: Sequence[Payment]) -> list[None]:
            await queries.insert_many(database, payments)
            return [None] * len(payments)

        self._of_booking: Gather[str, list[Payment]] = Gather(of_bookings)
        self._insert: Gather[Payment, None] = Gather(insert)

    async def of_booking(self, booking_id: str) -> list[Payment]:
        """The attempts to pay for a booking, oldest first."""
        return await self._of_booking(booking_id)

    async def start(
        self,
        *,
        booking_id: str,
        event_id: str,
        amount: int,
        currency: str,
        due_ms: int,
        provider: str = "",
    ) -> dict[str, Any]:
        """Begins an attempt, or gives the one that is still open; BookingState once paid. A new one
        is made at `provider`, at that of all new payments where it is "".

        The attempt is durable before the provider hears of it, so no charge is without a row.
        """
        attempts = await self._of_booking(booking_id)
        last = attempts[-1] if attempts else None
        if last and last.state in ("authorised", "captured"):
            raise BookingState("this booking has been paid for already", state=last.state)
        if last and last.state == "started" and last.provider in self._providers:
            payment = last
        else:
            number = len(attempts) + 1
            payment = Payment(
                id=derived_id("payment", booking_id, str(number)),
                booking_id=booking_id,
                event_id=event_id,
                provider=provider or self._default,
                amount=amount,
                currency=currency,
                attempt=number,
                state="started",
            )
            await self._insert(payment)
        begun = await self._providers[payment.provider].start(payment, due_ms)
        if begun.reference not in (payment.id, payment.reference):
            await queries.refer(self._database, payment.id, begun.reference)
        told = {"payment_id": payment.id, "provider": payment.provider}
        for name in ("url", "client_secret"):
            if word := getattr(begun, name):
                told[name] = word
        return told

    async def take_webhook(self, provider: str, body: bytes, headers: dict[str, str]) -> int:
        """Puts a provider's messages on their events' ledgers; how many.

        Answered only when they are there: otherwise Unavailable, and the provider tries again.
        """
        known = self._providers.get(provider)
        if known is None:
            raise NotFound(f"there is no payment provider {provider[:40]!r}")
        messages = [m for m in await known.read_webhook(body, headers) if _is_ours(m)]
        await self._record(messages)
        return len(messages)

    async def _record(self, messages: Sequence[Message]) -> None:
        replies = await asyncio.gather(
            *(
                self._scripts.record(
                    message.event_id,
                    limits.ledger_entries_max,
                    "payment",
                    msgspec.json.encode(message).decode(),
                )
                for message in messages
            )
        )
        if any(isinstance(reply, Full) for reply in replies):
            raise Unavailable("the ledger is full", retry_after_s=5)

    async def reconcile(self, silence_s: float = SILENCE_S) -> int:
        """Asks providers about payments of which they have said nothing for a while, and puts
        their answers on the ledger as their webhooks would have been; how many it asked about."""
        silent = await queries.take_silent(self._database, silence_s, _ASKED_MAX)
        told = await asyncio.gather(*(self._look(payment) for payment in silent))
        await self._record([message for message in told if message is not None])
        return len(silent)

    async def _look(self, payment: Payment) -> Message | None:
        try:
            standing = await self._providers[payment.provider].look(payment)
            return _as_told(payment, standing) if standing else None
        except UsherError as fault:
            log.warning("provider not asked", payment=payment.id, fault=fault.detail)
            return None

    async def note(self, payment: Payment, standing: Standing | None) -> None:
        """Puts on the ledger what a provider says of a payment, as its webhook would."""
        if standing and (message := _as_told(payment, standing)):
            await self._record([message])

    async def order_again(self, kind: str, ids: Sequence[str]) -> None:
        """Has an order to a provider carried again: it was given up, or done without effect."""
        async with self._database.transaction() as connection:
            await outbox.revive(connection, kind, ids)

    async def ask_again(self, event: str) -> None:
        """After a loss of Redis: what providers said of this event may have gone with it."""
        await queries.ask_again(self._database, event)


def _is_ours(message: Message) -> bool:
    """Whether a message can be about a payment of ours: a provider's account may have others."""
    return (
        is_id("event", message.event_id)
        and is_id("booking", message.booking_id)
        and is_id("payment", message.payment_id)
        and message.message_id.isprintable()
    )


def _as_told(payment: Payment, standing: Standing) -> Message | None:
    """What a provider's webhook would say of a charge that stands so; None while nothing has
    become of it. Its id is the same each time, and no webhook's."""
    kind: Kind
    match standing.state:
        case "authorised" | "captured":
            kind = "authorised"
        case "declined" | "voided":
            kind = "declined"
        case "open":
            return None
    return Message(
        provider=payment.provider,
        message_id=f"look {payment.id} {kind}",
        kind=kind,
        payment_id=payment.id,
        booking_id=payment.booking_id,
        event_id=payment.event_id,
        amount=standing.amount,
        currency=standing.currency,
    )


def read_message(text: str) -> Message:
    """A message as it stands on the ledger."""
    return msgspec.json.decode(text, type=Message)
