"""Providers that are never heard: their webhook was lost on the way, or with Redis."""

import itertools

import pytest

from tests.race.stage import forget, raise_curtain
from usher import limits
from usher.wiring import House

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("lapses", [False, True])
async def test_money_whose_webhook_went_with_the_ledger_is_asked_about(
    lone: House, lapses: bool
) -> None:
    stage = await raise_curtain(lone)
    mine, payment = await stage.paying()
    refused, no = await stage.paying()
    await stage.says(payment, "approve")
    await stage.says(no, "decline")
    await forget(lone, stage.event)
    await lone.payments.ask_again(stage.event)
    await lone.inventory.build(stage.event)
    if lapses:
        await stage.lapse(mine)
    assert await lone.payments.reconcile(silence_s=0) >= 2
    await stage.shift.finish()
    assert await stage.state(mine) == "confirmed"
    assert await stage.payments(mine, refused) == {payment: "captured", no: "declined"}
    await stage.check()


async def test_a_silent_provider_is_asked_less_and_less_often(lone: House) -> None:
    stage = await raise_curtain(lone)
    _, payment = await stage.paying()
    await stage.sql("UPDATE payment SET state = 'voided' WHERE id <> $1", payment)  # earlier tests'
    asked = []
    for age_s in range(5, 2_000, 5):
        await stage.sql(
            "UPDATE payment SET created_at = created_at - interval '5 s',"
            " changed_at = changed_at - interval '5 s' WHERE id = $1",
            payment,
        )
        if await lone.payments.reconcile():
            asked.append(age_s)
    assert 5 <= len(asked) <= 6, asked
    assert all(later >= 2 * earlier for earlier, later in itertools.pairwise(asked)), asked


async def test_money_authorised_in_the_last_moment_is_asked_about(lone: House) -> None:
    """However long there was to pay: a lost webhook leaves no money with the provider."""
    stage = await raise_curtain(lone)
    mine, payment = await stage.paying()
    await stage.says(payment, "approve")
    await stage.sql("DELETE FROM sandbox_webhook WHERE charge_id = $1", payment)
    # Asked last just before it was authorised, and not due to be asked again for as long.
    await stage.sql(
        "UPDATE payment SET created_at = now() - make_interval(secs => 2 * $2 + 60),"
        " changed_at = now() - make_interval(secs => $2 + 60) WHERE id = $1",
        payment,
        float(limits.payment_s_max),
    )
    assert await lone.payments.reconcile() >= 1
    await stage.shift.finish()
    assert await stage.state(mine) == "confirmed"
    assert await stage.payments(mine) == {payment: "captured"}


async def test_money_that_comes_late_for_a_cancelled_event_goes_back(lone: House) -> None:
    """Its seats are free, and still it is nothing that could be paid for: a day after, nobody winds
    the event up any more."""
    stage = await raise_curtain(lone)
    mine, payment = await stage.paying()
    await stage.lapse(mine)
    await stage.sql(
        "UPDATE event SET state = 'cancelled', cancelled_at = now() - interval '2 days',"
        " wound_up_at = now() WHERE id = $1",
        stage.event,
    )
    await stage.says(payment, "approve")
    await stage.shift.finish()
    assert await stage.state(mine) == "expired"
    assert await stage.payments(mine) == {payment: "voided"}
    await stage.check()
