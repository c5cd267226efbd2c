"""Stripe as the shop sees it: payment.model.Provider.

What an event or an answer claims is never the ground of a decision: the charge is fetched, and
how it stands is what counts. So no order, no repetition and no lost answer can do harm.
"""

from collections.abc import Mapping
from typing import Final

import msgspec
import stripe
import structlog
from stripe.params import RefundCreateParams
from stripe.params.checkout import SessionCreateParams

from usher.clock import now_ms
from usher.errors import Conflict, Malformed, Unauthenticated, Unavailable
from usher.payment.model import Kind, Message, Payment, Standing, Started
from usher.payment.stripe.client import Api, Refused, SavedFault, next_key
from usher.payment.stripe.model import (
    EVENTS,
    Charge,
    Event,
    Intent,
    Session,
    labels_of,
    standing_of,
    to_stripe,
)

log = structlog.get_logger("usher.stripe")

SIGNATURE: Final = "stripe-signature"
# A signed call older than this is a recording played back.
TOLERANCE_S: Final = 300
# Stripe's bounds for how long a page may be open, from its making.
PAGE_S_MIN: Final = 30 * 60
PAGE_S_MAX: Final = 24 * 3600
_CLOCKS_S: Final = 120  # how far apart clocks may be, and how long a request may be on its way
_ROUNDS: Final = 3  # a charge that changes while it is looked at is looked at again
_SEARCHED_MAX: Final = 1_000
_FAILED: Final = ("failed", "canceled")


class StripeProvider:
    """`Payment.reference` is the session's id."""

    name = "stripe"

    def __init__(self, api: Api, webhook_secret: str, public_url: str) -> None:
        self._api = api
        self._secret = webhook_secret
        self._site = public_url.rstrip("/")

    async def close(self) -> None:
        """Closes the connections."""
        await self._api.close()

    # --- a charge begins

    async def start(self, payment: Payment, due_ms: int) -> Started:
        key = payment.id
        if payment.reference:
            session = await self._known(payment)
            if session.status == "open":
                return _started(session)
            if session.status == "complete" and not _is_canceled(session):
                # Paid, and we have not heard of it yet: the booking's page waits for that.
                return Started(reference=session.id, url=self._back(payment))
            # Nobody paid while the page was open, and there is still time: there is another page.
            key = f"{payment.id}-after-{payment.reference[-20:]}"
        what = self._page(payment, due_ms)
        for number in range(1, _ROUNDS + 1):
            try:
                return _started(await self._api.open(what, next_key(key, number)))
            except (Refused, SavedFault) as fault:
                if isinstance(fault, Refused) and fault.why != "idempotency_error":
                    raise
                # The key was used for something else (another address of this site, say), or ended
                # in a fault. Whoever else begins this payment must be given the same page.
                if (opened := await self._opened(payment)) is not None:
                    return _started(opened)
        raise Unavailable("the payment provider has a fault", retry_after_s=5)

    def _page(self, payment: Payment, due_ms: int) -> SessionCreateParams:
        """What a session is made of: the same each time, or its key would be refused."""
        labels = labels_of(payment)
        what: SessionCreateParams = {
            "mode": "payment",
            "client_reference_id": payment.id,
            "metadata": labels,
            "payment_intent_data": {
                "capture_method": "manual",
                "metadata": labels,
                "description": payment.booking_id,
            },
            "line_items": [
                {
                    "quantity": 1,
                    "price_data": {
                        "currency": payment.currency.lower(),
                        "unit_amount": to_stripe(payment.amount, payment.currency),
                        "product_data": {"name": payment.booking_id},
                    },
                }
            ],
            # The amount that is authorised is compared with what was asked for.
            "adaptive_pricing": {"enabled": False},
            "success_url": self._back(payment),
            "cancel_url": self._back(payment),
        }
        # Stripe's least is half an hour from now; half an hour after the due is always more, and
        # does not depend on when this is asked. Left out, it is a day.
        until_s = due_ms // 1000 + PAGE_S_MIN + _CLOCKS_S
        if until_s < now_ms() // 1000 + PAGE_S_MAX - _CLOCKS_S:
            what["expires_at"] = until_s
        return what

    def _back(self, payment: Payment) -> str:
        return f"{self._site}/bookings/{payment.booking_id}"

    async def _opened(self, payment: Payment) -> Session | None:
        """The newest open page of a payment whose name we never came to know."""
        searched = 0
        async for session in self._api.sessions(now_ms() // 1000 - PAGE_S_MAX - _CLOCKS_S):
            if session.client_reference_id == payment.id and session.status == "open":
                return session
            searched += 1
            if searched >= _SEARCHED_MAX:
                break
        return None

    # --- how a charge stands

    async def _found(self, payment: Payment) -> tuple[Session | None, Intent | None]:
        """A payment's session and intent. Without a reference nobody was ever sent to a page,
        unless the reference was lost with a database; then Stripe's search knows who paid."""
        if payment.reference:
            session = await self._known(payment)
            return session, session.intent
        intent = await self._api.intent_labelled(payment.id)
        return await self._api.session_of(intent.id) if intent else None, intent

    async def _known(self, payment: Payment) -> Session:
        """The session of a payment that has one. Stripe forgets none: where it knows nothing of
        it, the key is another account's, and whatever stands on the charge is still there."""
        session = await self._api.session(payment.reference)
        if session is None:
            log.critical(
                "stripe does not know this charge: is USHER_STRIPE_KEY another account's?",
                payment=payment.id,
                reference=payment.reference,
            )
            raise Unavailable("the payment provider does not know this charge", retry_after_s=30)
        return session

    async def look(self, payment: Payment) -> Standing | None:
        return standing_of(*await self._found(payment))

    async def recent(self, since_ms: int) -> list[Standing]:
        found = []
        async for session in self._api.sessions(since_ms // 1000):
            standing = standing_of(session, session.intent)
            if standing is not None:
                found.append(standing)
        return found[::-1]

    # --- what becomes of it

    async def capture(self, payment: Payment) -> bool:
        for _ in range(_ROUNDS):
            _, intent = await self._found(payment)
            if intent is None and not payment.reference:
                raise Unavailable("the payment provider shows no such charge yet")
            match intent and intent.status:
                case "succeeded":
                    return True
                case "processing":
                    raise Unavailable("the payment provider is still at it")
                case "requires_capture":
                    assert intent is not None
                    try:
                        taken = await self._api.capture(intent.id, f"capture-{payment.id}")
                    except Refused:
                        continue  # it has changed meanwhile: what is true now?
                    if taken.status == "succeeded":
                        return True
                case _:
                    return False
        raise Unavailable("the payment provider does not capture")

    async def void(self, payment: Payment) -> bool:
        for _ in range(_ROUNDS):
            session, intent = await self._found(payment)
            try:
                match intent and intent.status:
                    case "succeeded":
                        return False
                    case "requires_capture":
                        assert intent is not None
                        given = await self._api.cancel(intent.id, f"void-{payment.id}")
                        if given.status == "canceled":
                            return True
                    case "processing":
                        raise Unavailable("the payment provider is still at it")
                    case _ if session is not None and session.status == "open":
                        await self._api.expire(session.id, f"void-{session.id}")
                    case _:
                        return True
            except Refused:
                continue
        raise Unavailable("the payment provider does not let go")

    async def refund(self, payment: Payment, refund_id: str, amount: int) -> bool:
        _, intent = await self._found(payment)
        if intent is None or intent.status != "succeeded":
            return False
        try:
            theirs = to_stripe(amount, payment.currency)
        except Conflict:
            return False
        what: RefundCreateParams = {
            "payment_intent": intent.id,
            "amount": theirs,
            "metadata": labels_of(payment) | {"refund": refund_id},
        }
        # Looked for first: a key is forgotten after a day, and money must not go back twice then
        # either. One that has failed since it was made (a closed account, say) is made anew.
        mine = [each.status async for each in self._api.repayments(intent.id, refund_id)]
        failed = sum(status in _FAILED for status in mine)
        if failed < len(mine):
            return True
        if failed >= _ROUNDS:
            return False
        for number in range(failed + 1, failed + _ROUNDS + 1):
            try:
                made = await self._api.repay(what, next_key(refund_id, number))
                return made.status not in _FAILED
            except (Refused, SavedFault) as fault:
                if await self._more_than_left(intent, theirs):
                    return False
                if isinstance(fault, Refused) and fault.why != "idempotency_error":
                    raise
        raise Unavailable("the payment provider has a fault", retry_after_s=5)

    async def _more_than_left(self, intent: Intent, amount: int) -> bool:
        now = await self._api.intent(intent.id)
        if now is None or not isinstance(now.latest_charge, Charge):
            return False
        return amount > now.amount_received - now.latest_charge.amount_refunded

    # --- what it tells

    async def read_webhook(self, body: bytes, headers: Mapping[str, str]) -> list[Message]:
        event = self._event(body, headers.get(SIGNATURE, ""))
        if event.account or event.type not in EVENTS:
            return []
        thing = event.data.object
        if thing.object == "checkout.session":
            session = await self._api.session(thing.id)
            standing = standing_of(session, session.intent if session else None)
        else:
            standing = standing_of(None, await self._api.intent(thing.id))
        if standing is None or standing.state == "open":
            return []
        kind: Kind = "authorised" if standing.state in ("authorised", "captured") else "declined"
        return [
            Message(
                provider=self.name,
                message_id=event.id,
                kind=kind,
                payment_id=standing.payment_id,
                booking_id=standing.booking_id,
                event_id=standing.event_id,
                amount=standing.amount,
                currency=standing.currency,
            )
        ]

    def _event(self, body: bytes, signature: str) -> Event:
        try:
            if not signature.isascii():
                raise ValueError
            stripe.WebhookSignature.verify_header(body, signature, self._secret, TOLERANCE_S)
        except (stripe.SignatureVerificationError, ValueError):
            raise Unauthenticated("the webhook's signature is not good, or too old") from None
        try:
            return msgspec.json.decode(body, type=Event)
        except (ValueError, RecursionError):
            raise Malformed("the webhook cannot be read") from None


def _started(session: Session) -> Started:
    if not session.url:
        raise Unavailable("the payment provider gives no page")
    return Started(reference=session.id, url=session.url)


def _is_canceled(session: Session) -> bool:
    return session.intent is not None and session.intent.status == "canceled"
