"""Purchases through Stripe: an API process, a worker, and a Stripe that our own play over HTTP."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
from playwright.async_api import Browser, expect

from tests.contract.fan import Fan, private, refused
from tests.journey.browser import visiting
from tests.journey.shopper import book, check_out
from tests.places import database_of_its_own
from tests.race.process import api, elsewhere, worker
from tests.sale import put_on_sale
from tests.standin.stripe import KEY, SECRET, StripeStandin, sign, stripe_standin
from usher.embedded import Embedded
from usher.ids import new_id
from usher.payment import queries
from usher.settings import Settings
from usher.venue.generate import rows_by_columns
from usher.venue.layout import compile_layout
from usher.wiring import House, opened

pytestmark = pytest.mark.anyio

WEBHOOK = "/api/v1/payments/webhooks/stripe"


@pytest.fixture(scope="module")
def stripe() -> Iterator[StripeStandin]:
    with stripe_standin() as stripe:
        yield stripe


@pytest.fixture(scope="module")
async def house(
    servers: Embedded,
    settings: Settings,
    stripe: StripeStandin,
    tmp_path_factory: pytest.TempPathFactory,
    anyio_backend: str,
) -> AsyncIterator[House]:
    """The house behind a site that takes Stripe and nothing else; its processes run."""
    async with database_of_its_own(servers, "stripe") as url:
        own = elsewhere(settings)
        own = own.with_(
            database_url=url,
            jobs_redis_url=servers.jobs_redis_url.removesuffix("/0") + "/2",
            public_url=f"http://127.0.0.1:{own.port}",
            payments="stripe",
            stripe_key=KEY,
            stripe_webhook_secret=SECRET,
            stripe_api=stripe.address,
        )
        stripe.webhooks_to = own.public_url + WEBHOOK
        diary = tmp_path_factory.mktemp("stripe") / "diary"
        with api(own), worker(own, diary):
            async with opened(own) as house:
                yield house


@pytest.fixture(scope="module")
async def event(house: House) -> str:
    return await put_on_sale(house, rows_by_columns(10, 10), mode="simple")


@pytest.fixture(scope="module")
def seats() -> Iterator[str]:
    return iter(compile_layout(rows_by_columns(10, 10)).guid)


@pytest.fixture
async def fan(house: House, stripe: StripeStandin, event: str) -> AsyncIterator[Fan]:
    stripe.manner = "in order"
    url = house.settings.public_url
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=20) as http:
        yield await Fan(http, event).come_in()


async def begun(fan: Fan, booking: str) -> str:
    """The address of the page where the booking is paid."""
    started = private(await fan.ask("POST", f"/api/v1/bookings/{booking}/payment"), 201)
    assert started["provider"] == "stripe"
    url: str = started["url"]
    return url


async def answer(page: str, outcome: str) -> httpx.Response:
    """The customer on Stripe's page."""
    async with httpx.AsyncClient(trust_env=False) as http:
        assert "<form" in (await http.get(page)).text
        return await http.post(page, data={"outcome": outcome})


async def rests(stripe: StripeStandin, payment_of: str, status: str) -> None:
    """Returns once the booking's money at Stripe is in that state."""
    found: list[Any] = []
    for _ in range(200):
        found = [
            each
            for each in stripe.account.intents.values()
            if each["metadata"]["booking"] == payment_of
        ]
        if [each["status"] for each in found] == [status]:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"never {status}: {found}")


@pytest.mark.parametrize("manner", ["in order", "twice", "reversed"])
async def test_booked_paid_captured(
    stripe: StripeStandin, fan: Fan, seats: Iterator[str], manner: Any
) -> None:
    stripe.manner = manner
    booking = await fan.booked(next(seats))
    page = await begun(fan, booking)
    assert page.startswith(stripe.address)
    assert await begun(fan, booking) == page
    back = await answer(page, "approve")
    assert back.headers["location"] == f"{fan.http.base_url}/bookings/{booking}"
    confirmed = await fan.booking_until(booking, "confirmed")
    assert len(confirmed["tickets"]) == 1
    await rests(stripe, booking, "succeeded")
    refused(await fan.ask("POST", f"/api/v1/bookings/{booking}/payment"), 409, "booking_state")


async def test_declined_then_paid_on_the_same_page(
    stripe: StripeStandin, fan: Fan, seats: Iterator[str]
) -> None:
    booking = await fan.booked(next(seats))
    page = await begun(fan, booking)
    await answer(page, "decline")
    for _ in range(200):
        told = await fan.booking(booking)
        if told["payment"]["state"] == "declined":
            break
        await asyncio.sleep(0.05)
    assert (told["state"], told["payment"]["state"]) == ("awaiting_payment", "declined")
    await answer(page, "approve")
    await fan.booking_until(booking, "confirmed")
    await rests(stripe, booking, "succeeded")


@pytest.mark.parametrize("sold", [False, True], ids=["free", "sold meanwhile"])
async def test_paid_when_the_booking_has_expired(
    house: House, stripe: StripeStandin, fan: Fan, seats: Iterator[str], sold: bool
) -> None:
    """Stripe's page is open longer than a booking may wait."""
    seat = next(seats)
    booking = await fan.booked(seat)
    page = await begun(fan, booking)
    async with house.database.connection() as connection:
        await connection.execute(
            "UPDATE booking SET due = now() - interval '1 s' WHERE id = $1", booking
        )
    await fan.booking_until(booking, "expired")
    if sold:
        for _ in range(200):  # the seat comes back by letter, a moment later
            held = await fan.hold(seat)
            if held.status_code == 201:
                break
            await asyncio.sleep(0.05)
        assert held.status_code == 201
        private(await fan.book(held.json()["hold_id"]), 202)
    await answer(page, "approve")
    if sold:
        await rests(stripe, booking, "canceled")
        assert (await fan.booking(booking))["state"] == "expired"
    else:
        await fan.booking_until(booking, "confirmed")
        await rests(stripe, booking, "succeeded")


async def test_a_webhook_that_is_not_stripes(house: House, fan: Fan, seats: Iterator[str]) -> None:
    booking = await fan.booked(next(seats))
    await begun(fan, booking)
    body = b'{"id": "evt_1", "type": "checkout.session.completed", "data": {"object": {}}}'
    forged = {"stripe-signature": sign(body, secret="whsec_mine")}
    refused(await fan.http.post(WEBHOOK, content=body, headers=forged), 401, "unauthenticated")
    good = {"stripe-signature": sign(body)}
    refused(await fan.http.post(WEBHOOK, content=body, headers=good), 400, "malformed")
    refused(await fan.http.post(WEBHOOK, content=b"", headers={}), 401, "unauthenticated")
    assert (await fan.booking(booking))["state"] == "awaiting_payment"


async def test_there_is_no_bank_to_be_told(fan: Fan, seats: Iterator[str]) -> None:
    """Where money is real nobody can approve a payment by a request."""
    booking = await fan.booked(next(seats))
    started = private(await fan.ask("POST", f"/api/v1/bookings/{booking}/payment"), 201)
    payment = started["payment_id"]
    for path in (f"/api/v1/payments/sandbox/{payment}", f"/pay/sandbox/{payment}"):
        refused(await fan.http.post(path, json={"outcome": "approve"}), 404, "not_found")
        refused(await fan.http.get(path), 404, "not_found")
    refused(await fan.http.post("/api/v1/payments/webhooks/sandbox"), 404, "not_found")


async def test_stripe_is_away(
    house: House, stripe: StripeStandin, fan: Fan, seats: Iterator[str]
) -> None:
    """Refused with a word about when to come again; the booking stays, and is paid later."""
    booking = await fan.booked(next(seats))
    stripe.fail("POST /v1/checkout", "500", 3)
    problem = refused(
        await fan.ask("POST", f"/api/v1/bookings/{booking}/payment"), 503, "unavailable"
    )
    assert "sk_" not in str(problem)
    await answer(await begun(fan, booking), "approve")
    await fan.booking_until(booking, "confirmed")
    assert await queries.down_providers(house.database) == []


async def test_a_payment_of_a_provider_that_is_not_enabled_any_more(
    house: House, fan: Fan, seats: Iterator[str]
) -> None:
    """Its charge is left alone; who wants to pay is sent to one that is enabled."""
    booking = await fan.booked(next(seats))
    old = new_id("payment")
    async with house.database.connection() as connection:
        await connection.execute(
            "INSERT INTO payment (id, booking_id, event_id, provider, amount, currency, attempt)"
            " SELECT $1, id, event_id, 'sandbox', total, currency, 1 FROM booking WHERE id = $2",
            old,
            booking,
        )
    await house.payments.reconcile(0)
    await answer(await begun(fan, booking), "approve")
    await fan.booking_until(booking, "confirmed")
    found = await queries.find_many(house.database, [old])
    assert found[old].state == "started"


async def test_in_a_browser(
    house: House, stripe: StripeStandin, event: str, browser: Browser
) -> None:
    """The form leads to Stripe's page, which the page's policy allows, and back again."""
    async with visiting(browser, house.settings.public_url) as visit:
        page = await check_out(visit, event)
        booking = await book(page)
        await page.get_by_role("button", name=re.compile("^Pay")).click()
        await expect(page).to_have_url(re.compile(re.escape(stripe.address)))
        await page.get_by_role("button", name="approve").click()
        await expect(page).to_have_url(f"{visit.url}/bookings/{booking}")
        await expect(page.get_by_role("heading", name="It is yours")).to_be_visible()
        # Stripe's page is another host, and the only one.
        visit.faults = [each for each in visit.faults if stripe.address not in each]
