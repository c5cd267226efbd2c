"""Stripe's API by Stripe's own library: typed answers, and what its errors mean here.

One call is one request: whoever wraps the provider repeats and limits (payment/guard.py). A key
makes a request that is repeated the same one for a day; Stripe then gives the saved answer again,
faults included, so a saved fault is tried again under the next key.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Any, Final, NoReturn, TypeVar

import httpx
import msgspec
import stripe
import structlog
from stripe.params import RefundCreateParams
from stripe.params.checkout import SessionCreateParams

from usher.errors import Conflict, Unavailable
from usher.payment.model import Busy
from usher.payment.stripe.model import Intent, Repaid, Session

log = structlog.get_logger("usher.stripe")

# It would write a file into the home directory, and tell of each call how the last one went.
stripe.enable_telemetry = False

CONNECT_S: Final = 3.0
ANSWER_S: Final = 8.0
_KEYS_MAX: Final = 3  # faults saved under a key that are believed before one gives up
_PAGE: Final = 100
_INTENT: Final = "payment_intent.latest_charge"

T = TypeVar("T")


class Refused(Conflict):
    """Stripe has understood and will not; `code` is its own word for why, `saved` where it said so
    before under the same key."""

    def __init__(self, why: str, saved: bool) -> None:
        super().__init__(f"the payment provider refuses this: {why}", reason=why)
        self.why = why
        self.saved = saved


class SavedFault(Unavailable):
    """A fault of Stripe's that it gives again under the same key."""


class Api:
    """Raises Unavailable where Stripe does not answer, or not sensibly, and Refused."""

    def __init__(self, key: str, address: str = "") -> None:
        self._http = stripe.HTTPXClient(timeout=httpx.Timeout(ANSWER_S, connect=CONNECT_S))
        addresses: Any = {"api": address.rstrip("/")} if address else {}
        self._v1 = stripe.StripeClient(
            key, http_client=self._http, base_addresses=addresses, max_network_retries=0
        ).v1

    async def close(self) -> None:
        await self._http.close_async()  # type: ignore[no-untyped-call]

    # --- reading

    async def session(self, session_id: str) -> Session | None:
        """A session with its intent; None where there is none of that name."""
        return await self._found(
            lambda: self._v1.checkout.sessions.retrieve_async(session_id, {"expand": [_INTENT]}),
            Session,
        )

    async def intent(self, intent_id: str) -> Intent | None:
        """An intent, None where there is none of that name."""
        return await self._found(
            lambda: self._v1.payment_intents.retrieve_async(
                intent_id, {"expand": ["latest_charge"]}
            ),
            Intent,
        )

    async def intent_labelled(self, payment_id: str) -> Intent | None:
        """The intent that bears a payment's id, the newest if there are several. Stripe's search
        knows an intent a minute after it was made."""
        found = await self._asked(
            lambda: self._v1.payment_intents.search_async(
                {
                    "query": f"metadata['payment']:'{payment_id}'",
                    "expand": ["data.latest_charge"],
                }
            )
        )
        return _read(found.data[0], Intent) if found.data else None

    async def session_of(self, intent_id: str) -> Session | None:
        """The session that an intent was made by."""
        found = await self._asked(
            lambda: self._v1.checkout.sessions.list_async(
                {"payment_intent": intent_id, "expand": [f"data.{_INTENT}"]}
            )
        )
        return _read(found.data[0], Session) if found.data else None

    async def sessions(self, since_s: int) -> AsyncIterator[Session]:
        """Every session made since then, the newest first."""
        page = await self._asked(
            lambda: self._v1.checkout.sessions.list_async(
                {"created": {"gte": since_s}, "limit": _PAGE, "expand": [f"data.{_INTENT}"]}
            )
        )
        while True:
            for each in page.data:
                yield _read(each, Session)
            if not page.has_more:
                return
            page = await self._asked(page.next_page_async)

    async def repayments(self, intent_id: str, refund_id: str) -> AsyncIterator[Repaid]:
        """What was given back of an intent for one of our refunds, or was to be."""
        page = await self._asked(
            lambda: self._v1.refunds.list_async({"payment_intent": intent_id, "limit": _PAGE})
        )
        while True:
            for each in page.data:
                repaid = _read(each, Repaid)
                if (repaid.metadata or {}).get("refund") == refund_id:
                    yield repaid
            if not page.has_more:
                return
            page = await self._asked(page.next_page_async)

    # --- writing: each under a key

    async def open(self, what: SessionCreateParams, key: str) -> Session:
        """Makes a session."""
        return _read(
            await self._asked(
                lambda: self._v1.checkout.sessions.create_async(what, {"idempotency_key": key})
            ),
            Session,
        )

    async def expire(self, session_id: str, key: str) -> None:
        """Closes an open session."""
        await self._again(
            key,
            lambda name: self._v1.checkout.sessions.expire_async(
                session_id, {}, {"idempotency_key": name}
            ),
        )

    async def capture(self, intent_id: str, key: str) -> Intent:
        """Takes what an intent has authorised."""
        answer = await self._again(
            key,
            lambda name: self._v1.payment_intents.capture_async(
                intent_id, {}, {"idempotency_key": name}
            ),
        )
        return _read(answer, Intent)

    async def cancel(self, intent_id: str, key: str) -> Intent:
        """Gives back what an intent has authorised."""
        answer = await self._again(
            key,
            lambda name: self._v1.payment_intents.cancel_async(
                intent_id, {}, {"idempotency_key": name}
            ),
        )
        return _read(answer, Intent)

    async def repay(self, what: RefundCreateParams, key: str) -> Repaid:
        """Makes a refund."""
        return _read(
            await self._asked(
                lambda: self._v1.refunds.create_async(what, {"idempotency_key": key})
            ),
            Repaid,
        )

    # --- how all of them are made

    async def _again(self, key: str, call: Callable[[str], Awaitable[T]]) -> T:
        """A call that may be made any number of times: a saved fault is not its last word."""
        for number in range(2, _KEYS_MAX + 1):
            try:
                return await self._asked(partial(call, key))
            except (Refused, SavedFault) as fault:
                if isinstance(fault, Refused) and not fault.saved:
                    raise
                key = f"{key.partition('/')[0]}/{number}"
        return await self._asked(partial(call, key))

    async def _found(self, call: Callable[[], Awaitable[Any]], kind: type[T]) -> T | None:
        try:
            return _read(await self._asked(call), kind)
        except Refused as refusal:
            if refusal.why == "resource_missing":
                return None
            raise

    async def _asked(self, call: Callable[[], Awaitable[T]]) -> T:
        try:
            return await call()
        except stripe.StripeError as error:
            _explain(error)


def next_key(key: str, number: int) -> str:
    """The key for the n-th try of what `key` names, where an answer saved under it is no good."""
    return key if number == 1 else f"{key}/{number}"


def _read(answer: Any, kind: type[T]) -> T:
    try:
        return msgspec.convert(answer.to_dict(), kind)
    except msgspec.ValidationError as fault:
        log.error("stripe's answer cannot be read", fault=str(fault))
        raise Unavailable("the payment provider's answer cannot be read") from None


def _explain(error: stripe.StripeError) -> NoReturn:
    """The refusal that an error of Stripe's is here. Its message is not passed on: it may hold
    parts of a key."""
    status = error.http_status or 0
    saved = (error.headers or {}).get("idempotent-replayed") == "true"
    why = error.code or (error.error and error.error.type) or type(error).__name__
    told = {"why": why, "status": status, "request": error.request_id}
    if isinstance(error, stripe.AuthenticationError | stripe.PermissionError):
        # A wrong key is mended by people; until then no payment is given up because of it.
        log.critical("stripe does not accept USHER_STRIPE_KEY", **told)
        raise Unavailable("the payment provider does not let us in", retry_after_s=30) from None
    if isinstance(error, stripe.APIConnectionError):
        log.warning("stripe cannot be reached", cause=type(error.__cause__).__name__)
        raise Unavailable("the payment provider does not answer", retry_after_s=2) from None
    if status == 429:
        log.warning("stripe asks to be asked less", **told)
        raise Busy("the payment provider is busy", retry_after_s=5) from None
    if status == 409:
        # The same key, or a lock on the same object: the other request is still at it.
        raise Unavailable("the payment provider is still at it", retry_after_s=1) from None
    if 400 <= status < 500:
        log.info("stripe refuses", **told, saved=saved)
        raise Refused(str(why), saved) from None
    log.warning("stripe has a fault", **told, saved=saved)
    fault = SavedFault if saved else Unavailable
    raise fault("the payment provider has a fault", retry_after_s=2) from None
