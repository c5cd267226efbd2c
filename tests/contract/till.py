"""A payment provider, and somebody at its page: the sandbox in our database, Stripe over HTTP."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Protocol

import msgspec

from tests.standin.stripe import KEY, SECRET, StripeStandin, sign
from usher.clock import now_ms
from usher.ids import new_id
from usher.payment.model import Payment, Provider
from usher.payment.sandbox import queries as book
from usher.payment.sandbox.model import Decision, Envelope, Outcome, Webhook
from usher.payment.sandbox.service import SIGNATURE, Bank, SandboxProvider
from usher.payment.stripe.client import Api
from usher.payment.stripe.service import StripeProvider
from usher.plumbing.postgres import Database
from usher.plumbing.signing import KeyRing, Signer, new_secret

SITE = "https://shop.example.org"
Call = tuple[bytes, dict[str, str]]


def a_payment(amount: int = 4_200, currency: str = "EUR") -> Payment:
    """An attempt to pay that no provider has heard of."""
    return Payment(
        id=new_id("payment"),
        booking_id=new_id("booking"),
        event_id=new_id("event"),
        provider="any",
        amount=amount,
        currency=currency,
        attempt=1,
        state="started",
    )


class Till(Protocol):
    """What a test needs of a provider besides the provider itself."""

    provider: Provider

    async def approve(self, payment: Payment) -> None:
        """The customer pays; nothing happens where the page is closed."""
        ...

    async def decline(self, payment: Payment) -> None:
        """The customer's bank will not."""
        ...

    async def told(self, payment: Payment) -> list[bytes]:
        """The bodies of the webhooks about a payment so far, in their order."""
        ...

    def signed(self, body: bytes, *, age_s: int = 0, stranger: bool = False) -> Call:
        """The webhook call with that body, made so long ago, or by somebody else."""
        ...

    def lose_capture(self) -> None:
        """The next capture is made, and its answer lost."""
        ...


async def start(till: Till, payment: Payment, due_s: int = 900) -> Payment:
    """The payment as the shop has it once it has begun."""
    begun = await till.provider.start(payment, now_ms() + due_s * 1_000)
    return msgspec.structs.replace(payment, reference=begun.reference)


class SandboxTill:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._bank = Bank(database)
        self._signer = Signer(KeyRing(new_secret()))
        self._told: dict[str, Webhook] = {}
        self._approval: Outcome = "approve"
        self.provider: Provider = SandboxProvider(self._bank, self._signer, SITE)

    async def approve(self, payment: Payment) -> None:
        await self._bank.decide(payment.id, Decision(self._approval))

    async def decline(self, payment: Payment) -> None:
        await self._bank.decide(payment.id, Decision("decline"))

    async def told(self, payment: Payment) -> list[bytes]:
        for each in await book.due_webhooks(self._database, 500):
            self._told.setdefault(each.id, each)
        return [
            msgspec.json.encode(Envelope(now_ms() // 1000, [each]))
            for each in self._told.values()
            if each.payment_id == payment.id
        ]

    def signed(self, body: bytes, *, age_s: int = 0, stranger: bool = False) -> Call:
        if age_s:
            envelope = msgspec.json.decode(body, type=Envelope)
            body = msgspec.json.encode(Envelope(envelope.sent_s - age_s, envelope.messages))
        signer = Signer(KeyRing(new_secret())) if stranger else self._signer
        return body, {SIGNATURE: signer.mac(body)}

    def lose_capture(self) -> None:
        self._approval = "timeout_on_capture"


class StripeTill:
    def __init__(self, standin: StripeStandin, provider: StripeProvider) -> None:
        self.standin = standin
        self.provider: Provider = provider
        self.stripe = provider

    async def approve(self, payment: Payment) -> None:
        self.standin.account.approve(payment.reference)

    async def decline(self, payment: Payment) -> None:
        self.standin.account.decline(payment.reference)

    async def told(self, payment: Payment) -> list[bytes]:
        return [body for body, _ in self.standin.webhooks() if payment.id.encode() in body]

    def signed(self, body: bytes, *, age_s: int = 0, stranger: bool = False) -> Call:
        at_s = now_ms() // 1000 - age_s
        secret = "whsec_of_somebody_else" if stranger else SECRET
        return body, {"stripe-signature": sign(body, at_s, secret)}

    def lose_capture(self) -> None:
        self.standin.fail("POST /v1/payment_intents/.*/capture", "drop")


@asynccontextmanager
async def stripe_till(standin: StripeStandin, site: str = SITE) -> AsyncIterator[StripeTill]:
    """A shop with an account at the stand-in."""
    provider = StripeProvider(Api(KEY, standin.address), SECRET, site)
    yield StripeTill(standin, provider)
    await provider.close()


def words(payment: Payment) -> dict[str, Any]:
    """What a provider's record must say of a payment, whatever became of it."""
    return {
        "payment_id": payment.id,
        "booking_id": payment.booking_id,
        "event_id": payment.event_id,
        "amount": payment.amount,
        "currency": payment.currency,
    }
