"""The bank: opens charges, decides as it is told, captures, voids, and writes its webhooks."""

from typing import Any, Final

import msgspec

from usher.clock import now_ms
from usher.errors import Malformed, NotFound, Unauthenticated
from usher.ids import derived_id, is_id
from usher.payment.model import Kind, Message, Payment
from usher.payment.sandbox import queries
from usher.payment.sandbox.model import (
    DELAY_S_DEFAULT,
    DUPLICATES,
    LATE_S,
    Charge,
    Decision,
    Envelope,
)
from usher.payment.sandbox.queries import Ruling
from usher.plumbing.postgres import Database, Gather
from usher.plumbing.signing import Signer

SIGNATURE: Final = "usher-signature"
# A signed call older than this is a recording played back.
TOLERANCE_S: Final = 300


class Bank:
    """Calls are gathered: a thousand fans paying at once are a few statements."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._open: Gather[Charge, None] = Gather(lambda k: queries.open_charges(database, k))
        self._find: Gather[str, Charge | None] = Gather(lambda k: queries.find(database, k))
        self._rule: Gather[Ruling, bool] = Gather(lambda k: queries.rule(database, k))
        self._capture: Gather[str, str] = Gather(lambda k: queries.move(database, k, "captured"))
        self._void: Gather[str, str] = Gather(lambda k: queries.move(database, k, "voided"))

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

    async def capture(self, charge_id: str) -> bool:
        return await self._capture(charge_id) == "captured"

    async def void(self, charge_id: str) -> bool:
        return await self._void(charge_id) in ("voided", "declined", "")


def _ruling(charge_id: str, decision: Decision) -> Ruling:
    state = "declined" if decision.outcome == "decline" else "authorised"
    after_s, copies = 0.0, 1
    match decision.outcome:
        case "delay":
            after_s = DELAY_S_DEFAULT
        case "late":
            after_s = LATE_S
        case "duplicate":
            copies = DUPLICATES
    if decision.delay_s is not None:
        after_s = decision.delay_s
    message_id = _message_id(charge_id, state)
    return Ruling(
        charge_id,
        state,
        message_id,
        tuple((f"{message_id}-{copy}", after_s) for copy in range(copies)),
        after_due=decision.outcome == "late",
    )


def _message_id(charge_id: str, state: str) -> str:
    return f"msg_{derived_id('payment', charge_id, state)[4:]}"


class SandboxProvider:
    """The sandbox as the shop sees it: payment.model.Provider."""

    name = "sandbox"

    def __init__(self, bank: Bank, signer: Signer, public_url: str) -> None:
        self._bank = bank
        self._signer = signer
        self._public_url = public_url.rstrip("/")

    async def start(self, payment: Payment, due_ms: int) -> dict[str, Any]:
        metadata = {"event": payment.event_id, "booking": payment.booking_id}
        await self._bank.open(
            Charge(
                id=payment.id,
                amount=payment.amount,
                currency=payment.currency,
                metadata=metadata | {"due_ms": str(due_ms)},
            )
        )
        return {"url": f"{self._public_url}/pay/sandbox/{payment.id}"}

    async def look(self, payment: Payment) -> Message | None:
        charge = await self._bank.find(payment.id)
        kind: Kind
        match charge.state if charge else "open":
            case "authorised" | "captured":
                kind = "authorised"
            case "declined":
                kind = "declined"
            case _:
                return None
        assert charge is not None
        return Message(
            provider=self.name,
            message_id=_message_id(payment.id, kind),
            kind=kind,
            payment_id=payment.id,
            booking_id=payment.booking_id,
            event_id=payment.event_id,
            amount=charge.amount,
            currency=charge.currency,
        )

    async def capture(self, payment_id: str) -> bool:
        return await self._bank.capture(payment_id)

    async def void(self, payment_id: str) -> bool:
        return await self._bank.void(payment_id)

    def read_webhook(self, body: bytes, headers: dict[str, str]) -> list[Message]:
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
