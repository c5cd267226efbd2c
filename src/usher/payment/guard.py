"""A provider that may hang, fail and come back: limits of time, a second try, a circuit breaker.

Every call of a provider may be repeated (payment.model.Provider), so a fault is met with another
try at once; what two more tries do not heal is an outage. While it lasts nobody waits for it: calls
are refused at once, and one is let through now and then to see whether it is over.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, NamedTuple, TypeVar

import stamina
import structlog
from circuitbreaker import STATE_HALF_OPEN, CircuitBreaker

from usher.errors import Unavailable, UsherError
from usher.payment.model import Busy, Message, Payment, Provider, Standing, Started

log = structlog.get_logger("usher.payment")

T = TypeVar("T")
Heard = Callable[[str], Awaitable[None]]

LIST_S: Final = 120.0  # a whole day of charges, page by page


class Bounds(NamedTuple):
    """One try lasts `call_s`; there are `tries`, the last of them begun before `all_s`. After
    `faults` calls in a row that no try has healed there is an outage, and a probe each `open_s`.
    `at_once` requests are under way: a hall that pays in one minute would else be told to ask less,
    and whoever has waited `all_s` for that is told to come again."""

    call_s: float = 6.0
    tries: int = 3
    all_s: float = 8.0
    pause_s: float = 0.1
    faults: int = 5
    open_s: float = 15.0
    at_once: int = 20


BOUNDS: Final = Bounds()


def _is_fault(kind: type[BaseException], _: BaseException) -> bool:
    return issubclass(kind, Unavailable | asyncio.CancelledError) and not issubclass(kind, Busy)


class AbsentProvider:
    """A provider that has charges of ours and is not enabled here any more: nothing is given up
    because of that, it waits for USHER_PAYMENTS to be set right."""

    def __init__(self, name: str) -> None:
        self.name = name

    async def _away(self, *_: Any, **__: Any) -> Any:
        raise Unavailable(f"the payment provider {self.name!r} is not enabled (USHER_PAYMENTS)")

    start = look = recent = capture = void = refund = read_webhook = _away


class Providers(dict[str, Provider]):
    """The providers that are enabled, by name, the one of new payments first. Whoever asks for
    another one is given one that is away."""

    def __missing__(self, name: str) -> Provider:
        return AbsentProvider(name)


class GuardedProvider:
    """payment.model.Provider around another one. `on_down` is told of an outage when it is seen and
    at every probe that fails, `on_up` of its end, both with the provider's name.

    Of the kept breakers for asyncio this one counts by a clock that is never set back; a success
    of any call closes it. What it does not do is done here: one probe at a time, and a call that
    was cancelled proves nothing good. A refusal is an answer, and so is Busy: only Unavailable is a
    fault.
    """

    def __init__(
        self,
        provider: Provider,
        bounds: Bounds = BOUNDS,
        on_down: Heard | None = None,
        on_up: Heard | None = None,
    ) -> None:
        self.name = provider.name
        self._provider = provider
        self._bounds = bounds
        self._on_down = on_down
        self._on_up = on_up
        self._breaker = CircuitBreaker(
            failure_threshold=bounds.faults,
            recovery_timeout=bounds.open_s,
            expected_exception=_is_fault,
            name=provider.name,
        )
        self._places = asyncio.Semaphore(bounds.at_once)
        self._probing = False
        self._down = False

    async def start(self, payment: Payment, due_ms: int) -> Started:
        return await self._guarded(lambda: self._provider.start(payment, due_ms))

    async def look(self, payment: Payment) -> Standing | None:
        return await self._guarded(lambda: self._provider.look(payment))

    async def recent(self, since_ms: int) -> list[Standing]:
        # More charges than can be told in this time are no outage.
        return await self._guarded(lambda: self._provider.recent(since_ms), LIST_S, Busy)

    async def capture(self, payment: Payment) -> bool:
        return await self._guarded(lambda: self._provider.capture(payment))

    async def void(self, payment: Payment) -> bool:
        return await self._guarded(lambda: self._provider.void(payment))

    async def refund(self, payment: Payment, refund_id: str, amount: int) -> bool:
        return await self._guarded(lambda: self._provider.refund(payment, refund_id, amount))

    async def read_webhook(self, body: bytes, headers: Mapping[str, str]) -> list[Message]:
        # Whoever calls comes again by themselves; and anybody may call: a forged webhook, refused,
        # must not pass for a sign of life.
        return await self._once(
            lambda: self._provider.read_webhook(body, headers), self._bounds.call_s
        )

    async def _guarded(
        self,
        call: Callable[[], Awaitable[T]],
        limit_s: float | None = None,
        late: type[Unavailable] = Unavailable,
    ) -> T:
        if self._breaker.opened or (self._breaker.state == STATE_HALF_OPEN and self._probing):
            raise Unavailable(
                "the payment provider is away; we look again soon",
                retry_after_s=max(1, self._breaker.open_remaining),
            )
        probe = self._breaker.state == STATE_HALF_OPEN
        self._probing = self._probing or probe
        try:
            with self._breaker:
                tries = self._bounds.tries if limit_s is None and not probe else 1
                answer = await self._tried(call, limit_s or self._bounds.call_s, tries, late)
        except Unavailable as fault:
            if self._breaker.opened:
                if not self._down:
                    log.error("payment provider is away", provider=self.name, fault=fault.detail)
                self._down = True
                await self._tell(self._on_down)
            raise
        except UsherError:
            await self._is_back()
            raise
        finally:
            if probe:
                self._probing = False
        await self._is_back()
        return answer

    async def _is_back(self) -> None:
        if self._down:
            self._down = False
            log.info("payment provider is back", provider=self.name)
            await self._tell(self._on_up)

    async def _tried(
        self, call: Callable[[], Awaitable[T]], limit_s: float, tries: int, late: type[Unavailable]
    ) -> T:
        bounds = self._bounds
        async for attempt in stamina.retry_context(
            on=Unavailable,
            attempts=tries,
            timeout=bounds.all_s,
            wait_initial=bounds.pause_s,
            wait_max=1.0,
            wait_jitter=bounds.pause_s,
        ):
            with attempt:
                return await self._once(call, limit_s, late)
        raise AssertionError("a retry ends with an answer or its fault")

    async def _once(
        self,
        call: Callable[[], Awaitable[T]],
        limit_s: float,
        late: type[Unavailable] = Unavailable,
    ) -> T:
        try:
            async with asyncio.timeout(self._bounds.all_s):
                await self._places.acquire()
        except TimeoutError:
            raise Busy("too many are paying at once", retry_after_s=5) from None
        try:
            async with asyncio.timeout(limit_s):
                return await call()
        except TimeoutError:
            raise late("the payment provider has not answered in time", retry_after_s=2) from None
        finally:
            self._places.release()

    async def _tell(self, heard: Heard | None) -> None:
        if heard is None:
            return
        try:
            await heard(self.name)
        except UsherError as fault:  # PostgreSQL may be away as well: the call has its answer
            log.warning("outage not noted", provider=self.name, fault=fault.detail)
