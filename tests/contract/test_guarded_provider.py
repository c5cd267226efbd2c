"""A provider that hangs, fails and comes back, behind its guard: Stripe's adapter, really away."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from tests.contract.till import StripeTill, a_payment, start, stripe_till
from tests.standin.stripe import FaultKind, StripeStandin
from usher.clock import now_ms
from usher.errors import Conflict, Unauthenticated, Unavailable
from usher.payment import queries
from usher.payment.guard import Bounds, GuardedProvider
from usher.payment.model import Busy, Payment
from usher.plumbing.postgres import Database

pytestmark = pytest.mark.anyio

OPEN_S = 30.0
BOUNDS = Bounds(call_s=0.3, tries=2, all_s=0.5, pause_s=0.01, faults=2, open_s=OPEN_S)


@pytest.fixture
async def till(standin: StripeStandin, anyio_backend: str) -> AsyncIterator[StripeTill]:
    standin.reset()
    async with stripe_till(standin) as till:
        yield till


@pytest.fixture
def guarded(till: StripeTill, books: Database) -> GuardedProvider:
    """Guarded as a site guards it, but less patient."""

    async def down(name: str) -> None:
        await queries.note_outage(books, name)

    async def up(name: str) -> None:
        await queries.end_outage(books, name)

    return GuardedProvider(till.provider, BOUNDS, down, up)


class Later:
    """The breaker's clock, which a test may put forward."""

    def __init__(self) -> None:
        self.by_s = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.by_s

    def wait(self) -> None:
        """Until the next probe."""
        self.by_s += OPEN_S + 1


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Later:
    later = Later()
    monkeypatch.setattr("circuitbreaker.monotonic", later)
    return later


async def is_away(guarded: GuardedProvider, payment: Payment) -> Unavailable:
    with pytest.raises(Unavailable) as refusal:
        await guarded.look(payment)
    return refusal.value


async def go_away(till: StripeTill, guarded: GuardedProvider, kind: FaultKind = "500") -> Payment:
    """The provider is away, and the guard knows it."""
    payment = await start(till, a_payment())
    for _ in range(BOUNDS.faults):
        till.standin.fail("GET", kind, BOUNDS.tries)
        await is_away(guarded, payment)
    return payment


async def test_one_fault_is_healed_and_no_outage(
    till: StripeTill, guarded: GuardedProvider, books: Database
) -> None:
    payment = await start(till, a_payment())
    for _ in range(3 * BOUNDS.faults):
        till.standin.fail("GET", "500")
        assert await guarded.look(payment)
    assert await queries.down_providers(books) == []


@pytest.mark.parametrize("kind", ["hang", "500", "lost", "401"])
async def test_an_outage_from_its_beginning_to_its_end(
    till: StripeTill, guarded: GuardedProvider, books: Database, kind: FaultKind, later: Later
) -> None:
    payment = await go_away(till, guarded, kind)
    assert await queries.down_providers(books) == ["stripe"]
    asked = len(till.standin.requests)
    for _ in range(5):
        refusal = await is_away(guarded, payment)
        assert refusal.members["retry_after_s"] >= 1
    assert len(till.standin.requests) == asked, "nobody waits for a provider that is away"
    later.wait()
    till.standin.fail("GET", kind)
    await is_away(guarded, payment)
    assert len(till.standin.requests) == asked + 1, "one probe, one try"
    assert await queries.down_providers(books) == ["stripe"]
    later.wait()
    standing = await guarded.look(payment)
    assert standing is not None
    assert standing.payment_id == payment.id
    assert await queries.down_providers(books) == []
    for _ in range(3):
        assert await guarded.look(payment) == standing


async def test_one_probe_at_a_time(
    till: StripeTill, guarded: GuardedProvider, later: Later
) -> None:
    payment = await go_away(till, guarded)
    later.wait()
    asked = len(till.standin.requests)
    till.standin.fail("GET", "hang", 20)
    told = await asyncio.gather(*(is_away(guarded, payment) for _ in range(20)))
    assert len(told) == 20
    assert len(till.standin.requests) == asked + 1


async def test_a_cancelled_probe_proves_nothing(
    till: StripeTill, guarded: GuardedProvider, later: Later
) -> None:
    payment = await go_away(till, guarded)
    later.wait()
    till.standin.fail("GET", "hang")
    probe = asyncio.ensure_future(guarded.look(payment))
    await asyncio.sleep(0.05)
    probe.cancel()
    with pytest.raises(asyncio.CancelledError):
        await probe
    asked = len(till.standin.requests)
    await is_away(guarded, payment)
    assert len(till.standin.requests) == asked
    later.wait()
    assert await guarded.look(payment)


async def test_a_refusal_is_no_fault(
    till: StripeTill, guarded: GuardedProvider, books: Database
) -> None:
    for _ in range(3 * BOUNDS.faults):
        with pytest.raises(Conflict):
            await guarded.start(a_payment(49), now_ms() + 900_000)
    assert await queries.down_providers(books) == []
    assert await guarded.start(a_payment(), now_ms() + 900_000)


async def test_a_provider_that_is_busy_is_not_away(
    till: StripeTill, guarded: GuardedProvider, books: Database
) -> None:
    payment = await start(till, a_payment())
    for _ in range(3 * BOUNDS.faults):
        till.standin.fail("GET", "429", BOUNDS.tries)
        with pytest.raises(Busy):
            await guarded.look(payment)
    assert await queries.down_providers(books) == []
    assert await guarded.look(payment)


async def test_a_list_that_takes_too_long_is_no_outage(
    till: StripeTill, guarded: GuardedProvider, books: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("usher.payment.guard.LIST_S", 0.05)
    till.standin.fail("GET", "hang", BOUNDS.faults)
    for _ in range(BOUNDS.faults):
        with pytest.raises(Busy):
            await guarded.recent(0)
    assert await queries.down_providers(books) == []


async def test_a_crowd_is_led_in_a_few_at_a_time(till: StripeTill) -> None:
    guarded = GuardedProvider(till.provider, BOUNDS._replace(at_once=4, all_s=10))
    till.standin.slow_s = 0.005
    payments = [a_payment() for _ in range(60)]
    due_ms = now_ms() + 900_000
    begun = await asyncio.gather(*(guarded.start(each, due_ms) for each in payments))
    assert len({each.reference for each in begun}) == 60
    assert 1 < till.standin.most_at_once <= 4
    impatient = GuardedProvider(
        till.provider, BOUNDS._replace(at_once=1, all_s=0.05, call_s=1.0, tries=1)
    )
    till.standin.fail("GET", "hang")
    payment = await start(till, a_payment())
    hanging = asyncio.ensure_future(impatient.look(payment))
    await asyncio.sleep(0.01)
    with pytest.raises(Busy):
        await impatient.look(payment)
    with pytest.raises(Unavailable):
        await hanging


async def test_a_refusal_is_a_sign_of_life(
    till: StripeTill, guarded: GuardedProvider, books: Database, later: Later
) -> None:
    await go_away(till, guarded)
    later.wait()
    with pytest.raises(Conflict):
        await guarded.start(a_payment(49), now_ms() + 900_000)
    assert await queries.down_providers(books) == []


async def test_a_forged_webhook_is_no_sign_of_life(
    till: StripeTill, guarded: GuardedProvider, books: Database, later: Later
) -> None:
    payment = await go_away(till, guarded)
    later.wait()
    for _ in range(3 * BOUNDS.faults):
        with pytest.raises(Unauthenticated):
            await guarded.read_webhook(b"{}", {})
    assert await queries.down_providers(books) == ["stripe"]
    till.standin.fail("GET", "500")
    await is_away(guarded, payment)


async def test_a_webhook_that_hangs(till: StripeTill, guarded: GuardedProvider) -> None:
    payment = await start(till, a_payment())
    await till.approve(payment)
    call = till.signed((await till.told(payment))[0])
    till.standin.fail("GET", "hang")
    with pytest.raises(Unavailable):
        await guarded.read_webhook(*call)
    (message,) = await guarded.read_webhook(*call)
    assert message.payment_id == payment.id


async def test_every_call_is_guarded(till: StripeTill, guarded: GuardedProvider) -> None:
    """Each heals by itself what a second try heals, and gives the provider's own answer."""
    payment, due_ms = a_payment(), now_ms() + 900_000
    till.standin.fail("POST", "drop")
    begun = await guarded.start(payment, due_ms)
    payment = await start(till, payment)
    assert begun.reference == payment.reference
    await till.approve(payment)
    till.standin.fail("POST", "drop")
    assert await guarded.capture(payment)
    till.standin.fail("POST", "drop")
    assert await guarded.refund(payment, "ref_1", 1_000)
    assert not await guarded.void(payment)
    assert [each.refunded for each in await guarded.recent(0)] == [1_000]


async def test_an_outage_that_cannot_be_noted(till: StripeTill, later: Later) -> None:
    """PostgreSQL is away as well."""

    async def away(name: str) -> None:
        raise Unavailable("the database is away")

    guarded = GuardedProvider(till.provider, BOUNDS, away, away)
    payment = await go_away(till, guarded)
    later.wait()
    assert await guarded.look(payment)


async def test_an_outage_that_nobody_sees_any_more_is_over(books: Database) -> None:
    async def began() -> object:
        async with books.connection() as connection:
            return await connection.fetchval(
                "SELECT began_at FROM payment_outage WHERE provider = 'acme'"
            )

    await queries.note_outage(books, "acme")
    first = await began()
    await queries.note_outage(books, "acme")
    assert await began() == first
    assert "acme" in await queries.down_providers(books)
    async with books.connection() as connection:
        await connection.execute(
            "UPDATE payment_outage SET seen_at = now() - make_interval(secs => $1)"
            " WHERE provider = 'acme'",
            queries.OUTAGE_S + 1.0,
        )
    assert "acme" not in await queries.down_providers(books)
    await queries.note_outage(books, "acme")
    assert await began() != first
    await queries.end_outage(books, "acme")
    await queries.end_outage(books, "acme")
    assert "acme" not in await queries.down_providers(books)
