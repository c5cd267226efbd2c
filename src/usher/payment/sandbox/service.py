"""The bank: opens charges, decides as it is told, captures, voids, and writes its webhooks."""

import random
from collections.abc import Mapping
from typing import Final

import msgspec

from usher.clock import now_ms
from usher.errors import Malformed, NotFound, Unauthenticated, Unavailable
from usher.ids import derived_id, is_id
from usher.payment.model import Kind, Message, Payment, Standing, Started
from usher.payment.sandbox import queries
from usher.payment.sandbox.model import (
    DELAY_S_DEFAULT,
    DUPLICATES,
    LATE_S,
    STALE_S,
    Charge,
    Decision,
    Envelope,
)
from usher.payment.sandbox.queries import Captured, Repayment, Ruling
from usher.plumbing.postgres import Database, Gather
from usher.plumbing.signing import Signer

SANDBOX: Final = "sandbox"
SIGNATURE: Final = "usher-signature"
# A signed call older than this is a recording played back.
TOLERANCE_S: Final = 300


class Bank:
    """Calls are gathered: a thousand fans paying at once are a few statements. Banks of different
    names know nothing of each other's charges."""

    def __init__(self, database: Database, name: str = SANDBOX) -> None:
        self.name = name
        self._database = database
        self._open: Gather[Charge, None] = Gather(lambda k: queries.open_charges(database, name, k))
        self._find: Gather[str, Charge | None] = Gather(lambda k: queries.find(database, name, k))
        self._rule: Gather[Ruling, bool] = Gather(lambda k: queries.rule(database, k))
        self._capture: Gather[str, Captured] = Gather(
            lambda k: queries.move(database, k, "captured")
        )
        self._void: Gather[str, Captured] = Gather(lambda k: queries.move(database, k, "voided"))
        self._repay: Gather[Repayment, bool] = Gather(lambda k: queries.repay(database, k))

    async def open(self, charge: Charge) -> None:
        """Writes a charge down; again is harmless."""
        await self._open(charge)

    async def find(self, charge_id: str) -> Charge | None:
        """A charge, or None."""
        return await self._find(charge_id) if is_id("payment", charge_id) else None

    async def decide(self, charge_id: str, decision: Decision) -> Charge:
        """Decides on an open charge. Asked again, the first decision stands; NotFound."""
        charge = await self.find(charge_id)
        if charge is None:
            raise NotFound(f"the bank has no charge {charge_id[:40]!r}")
        if charge.state == "open":
            await self._rule(_ruling(charge_id, decision))
            charge = await self._find(charge_id) or charge
        return charge

    async def opened_since(self, since_ms: int) -> list[Charge]:
        """The charges opened since then."""
        return await queries.opened_since(self._database, self.name, since_ms)

    async def capture(self, charge_id: str) -> bool:
        """Takes what is authorised; Unavailable, once, from a charge told to time out."""
        state, trouble = await self._capture(charge_id)
        if trouble == "timeout_on_capture":
            raise Unavailable("the bank has not answered in time")
        return state == "captured"

    async def void(self, charge_id: str) -> bool:
        """Gives an authorisation back, or closes an open charge."""
        return (await self._void(charge_id)).state in ("voided", "declined", "")

    async def refund(self, charge_id: str, refund_id: str, amount: int) -> bool:
        """Gives back a part of what was captured, once per refund's id."""
        return await self._repay(Repayment(charge_id, refund_id, amount))


def _ruling(charge_id: str, decision: Decision) -> Ruling:
    """What a decision does to the charge, and which webhooks tell of it, when, how often."""
    outcome = decision.outcome
    state: Kind = "declined" if outcome == "decline" else "authorised"
    wait_s = {"delay": DELAY_S_DEFAULT, "late": LATE_S}.get(outcome, 0.0)
    if decision.delay_s is not None:
        wait_s = decision.delay_s
    message_id = _message_id(charge_id, state)
    copies = decision.copies or (DUPLICATES if outcome == "duplicate" else 1)
    said = [(message_id, state, wait_s)]
    if outcome == "out_of_order":
        said.append((_message_id(charge_id, "declined"), "declined", wait_s + STALE_S))
    deliveries = [
        (f"{message}-{copy}", message, kind, after_s + random.uniform(0, decision.scatter_s))  # noqa: S311
        for message, kind, after_s in said
        for copy in range(copies)
    ]
    return Ruling(
        charge_id,
        state,
        tuple(deliveries),
        after_due=outcome == "late",
        trouble=outcome if outcome in ("timeout_on_capture", "capture_fails") else "",
    )


def _message_id(charge_id: str, state: str) -> str:
    return f"msg_{derived_id('payment', charge_id, state)[4:]}"


class SandboxProvider:
    """A bank as the shop sees it: payment.model.Provider. The pages of the sandbox are where its
    fans go; another bank has none, and sends them back to their booking."""

    def __init__(self, bank: Bank, signer: Signer, public_url: str) -> None:
        self.name = bank.name
        self._bank = bank
        self._signer = signer
        self._public_url = public_url.rstrip("/")

    async def start(self, payment: Payment, due_ms: int) -> Started:
        metadata = {"event": payment.event_id, "booking": payment.booking_id}
        await self._bank.open(
            Charge(
                id=payment.id,
                amount=payment.amount,
                currency=payment.currency,
                metadata=metadata | {"due_ms": str(due_ms)},
            )
        )
        page = f"/pay/sandbox/{payment.id}"
        if self.name != SANDBOX:
            page = f"/bookings/{payment.booking_id}"
        return Started(reference=payment.id, url=f"{self._public_url}{page}")

    async def look(self, payment: Payment) -> Standing | None:
        charge = await self._bank.find(payment.id)
        return _standing(charge) if charge else None

    async def recent(self, since_ms: int) -> list[Standing]:
        return [_standing(each) for each in await self._bank.opened_since(since_ms)]

    async def capture(self, payment: Payment) -> bool:
        return await self._bank.capture(payment.id)

    async def void(self, payment: Payment) -> bool:
        return await self._bank.void(payment.id)

    async def refund(self, payment: Payment, refund_id: str, amount: int) -> bool:
        return await self._bank.refund(payment.id, refund_id, amount)

    async def read_webhook(self, body: bytes, headers: Mapping[str, str]) -> list[Message]:
        if not self._signer.check_mac(body, headers.get(SIGNATURE, "")):
            raise Unauthenticated("the webhook's signature is not good")
        try:
            envelope = msgspec.json.decode(body, type=Envelope)
        except (ValueError, RecursionError):
            raise Malformed("the webhook cannot be read") from None
        if abs(now_ms() // 1000 - envelope.sent_s) > TOLERANCE_S:
            raise Unauthenticated("the webhook was signed too long ago")
        return [
            Message(
                provider=self.name,
                message_id=each.message_id,
                kind=each.kind,
                payment_id=each.payment_id,
                booking_id=each.metadata.get("booking", ""),
                event_id=each.metadata.get("event", ""),
                amount=each.amount,
                currency=each.currency,
            )
            for each in envelope.messages
        ]


def _standing(charge: Charge) -> Standing:
    return Standing(
        reference=charge.id,
        payment_id=charge.id,
        booking_id=charge.metadata.get("booking", ""),
        event_id=charge.metadata.get("event", ""),
        state=charge.state,
        amount=charge.amount,
        currency=charge.currency,
        refunded=charge.refunded,
    )
