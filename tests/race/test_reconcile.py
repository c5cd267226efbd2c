"""Two books of the same money, made to differ: what an order given again mends, what is shown."""

from collections.abc import Awaitable, Callable
from typing import Final

import pytest

from tests.race.refund_stories import ORGANISER, bought, give_back
from tests.race.stage import Stage, raise_curtain
from usher.account.model import Reader
from usher.booking.refunding.model import CancellationRequest
from usher.errors import Conflict, NotFound, Unavailable
from usher.ids import new_id
from usher.payment.model import Payment, Standing
from usher.payment.reconciling.model import Report
from usher.wiring import House

pytestmark = pytest.mark.anyio


async def compared(stage: Stage) -> Report:
    return await stage.house.reconciler.reconcile(pause_s=0)


def of(report: Report, payment: str) -> tuple[str, str]:
    """Whether a payment was mended or found, and what was said of it; "" where nothing was."""
    for word, found in (("mended", report.mended), ("found", report.findings)):
        for each in found:
            if each.payment_id == payment:
                return word, each.what
    return "", ""


async def test_books_that_agree(lone: House) -> None:
    stage = await raise_curtain(lone)
    mine, payment = await bought(stage)
    _, open_ = await stage.paying()
    await give_back(stage, mine, mine.seats[0])
    assert of(await compared(stage), payment) == ("", ""), "an order is under way"
    await stage.shift.finish()
    report = await compared(stage)
    assert report.compared >= 2
    assert of(report, payment) == of(report, open_) == ("", "")


Fault = Callable[[Stage, str], Awaitable[object]]
_LOST: Final = "UPDATE outbox SET state = $2 WHERE kind = $3 AND subject = $1"

MENDED: Final[dict[str, Fault]] = {
    "capture given up": lambda s, p: s.sql(_LOST, p, "dead", "capture"),
    "capture never made": lambda s, p: s.sql(
        "WITH l AS (UPDATE outbox SET state = 'done' WHERE kind = 'capture' AND subject = $1)"
        " UPDATE payment SET state = 'captured' WHERE id = $1",
        p,
    ),
}


@pytest.mark.parametrize("name", MENDED)
async def test_what_an_order_given_again_mends(lone: House, name: str) -> None:
    stage = await raise_curtain(lone)
    mine, payment = await bought(stage)
    await MENDED[name](stage, payment)
    word, what = of(await compared(stage), payment)
    assert word == "mended", what
    await stage.shift.finish()
    assert await stage.payments(mine) == {payment: "captured"}
    assert of(await compared(stage), payment) == ("", "")
    await stage.check()


async def test_a_void_that_was_never_made(lone: House) -> None:
    stage = await raise_curtain(lone)
    mine, payment = await stage.paying()
    await stage.says(payment, "approve")
    await stage.sql("UPDATE payment SET state = 'voided' WHERE id = $1", payment)
    assert of(await compared(stage), payment)[0] == "mended"
    await stage.shift.finish()
    assert await stage.payments(mine) == {payment: "voided"}


async def test_a_refund_that_the_bank_has_not_heard_of(lone: House) -> None:
    stage = await raise_curtain(lone)
    mine, payment = await bought(stage)
    await stage.shift.round()
    await give_back(stage, mine, mine.seats[0])
    await stage.shift.finish()
    await stage.sql("DELETE FROM sandbox_refund WHERE charge_id = $1", payment)
    assert of(await compared(stage), payment)[0] == "mended"
    assert of(await compared(stage), payment) == ("", "")
    await stage.check()


async def test_what_people_must_look_at(lone: House) -> None:
    """Shown by the audit until the books agree again."""
    stage = await raise_curtain(lone)
    _, payment = await bought(stage)
    await stage.shift.finish()
    await stage.sql(
        "INSERT INTO sandbox_refund (id, charge_id, amount) VALUES ($2, $1, 1)",
        payment,
        new_id("refund"),
    )
    for _ in range(2):
        assert of(await compared(stage), payment) == ("found", "more has gone back than we say")
        verdict = await lone.auditor.audit(stage.event)
        assert verdict.figure("books_differ") == 1
    await stage.sql("DELETE FROM sandbox_refund WHERE charge_id = $1", payment)
    assert of(await compared(stage), payment) == ("", "")
    await stage.check()


async def test_money_that_goes_back_while_books_are_compared(
    lone: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody is at fault, whichever book was read first."""
    stage = await raise_curtain(lone)
    mine, payment = await bought(stage)
    await stage.shift.finish()
    # What makes the charge worth a second look is gone by then.
    odd = new_id("refund")
    await stage.sql(
        "INSERT INTO sandbox_refund (id, charge_id, amount) VALUES ($2, $1, 1)", payment, odd
    )
    look = lone.providers["sandbox"].look

    async def late_look(asked: Payment) -> Standing | None:
        if asked.id == payment:
            await stage.sql("DELETE FROM sandbox_refund WHERE id = $1", odd)
            await give_back(stage, mine, mine.seats[0])
            await lone.outbox.relay()
        return await look(asked)

    monkeypatch.setattr(lone.providers["sandbox"], "look", late_look)
    assert of(await compared(stage), payment)[0] != "found"
    await stage.check()


async def test_a_charge_that_is_not_told_of_keeps_no_other_from_being_compared(
    lone: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = await raise_curtain(lone)
    _, silent = await bought(stage)
    _, payment = await bought(stage)
    await stage.shift.finish()
    await stage.sql(
        "UPDATE sandbox_charge SET created_at = now() - interval '1 day' WHERE id = ANY($1)",
        [silent, payment],
    )
    await stage.sql("UPDATE sandbox_charge SET amount = amount + 1 WHERE id = $1", payment)
    look = lone.providers["sandbox"].look

    async def mute(asked: Payment) -> Standing | None:
        if asked.id == silent:
            raise Unavailable("the payment provider does not know this charge")
        return await look(asked)

    monkeypatch.setattr(lone.providers["sandbox"], "look", mute)
    assert of(await compared(stage), payment)[0] == "found"
    await stage.sql("UPDATE sandbox_charge SET amount = amount - 1 WHERE id = $1", payment)
    assert of(await compared(stage), payment) == ("", "")


async def test_a_refund_that_the_provider_refuses(lone: House) -> None:
    """Shown until people have it made again, or made it by another way; never made twice."""
    stage = await raise_curtain(lone)
    first, paid = await bought(stage)
    second, _ = await bought(stage)
    await stage.shift.round()
    await stage.sql("UPDATE sandbox_charge SET state = 'voided' WHERE id = $1", paid)
    await give_back(stage, first, first.seats[0])
    await give_back(stage, second)
    await stage.shift.finish()
    await stage.sql("UPDATE sandbox_charge SET state = 'captured' WHERE id = $1", paid)
    (row,) = await stage.sql("SELECT id, state FROM refund WHERE payment_id = $1", paid)
    assert row["state"] == "failed"
    verdict = await lone.auditor.audit(stage.event)
    assert verdict.figure("refunds_refused") == 1
    again = await lone.cashier.refund_again(row["id"], by_hand=False)
    assert again.state == "pending"
    await stage.sql("UPDATE sandbox_charge SET state = 'voided' WHERE id = $1", paid)
    await stage.shift.finish()
    await stage.sql("UPDATE sandbox_charge SET state = 'captured' WHERE id = $1", paid)
    for _ in range(2):
        assert (await lone.cashier.refund_again(row["id"], by_hand=True)).state == "done"
    assert of(await compared(stage), paid) == ("", "")
    assert await stage.sql("SELECT 1 FROM sandbox_refund WHERE charge_id = $1", paid) == []
    (done,) = await stage.sql("SELECT id FROM refund WHERE booking_id = $1", second.booking_id)
    with pytest.raises(Conflict):
        await lone.cashier.refund_again(done["id"], by_hand=False)
    with pytest.raises(NotFound):
        await lone.cashier.refund_again("ref_none", by_hand=True)
    await stage.check()


async def test_a_charge_that_nobody_here_knows(lone: House) -> None:
    stage = await raise_curtain(lone)
    charge, elsewhere = new_id("payment"), new_id("payment")
    for name, event in ((charge, stage.event), (elsewhere, new_id("event"))):
        await stage.sql(
            "INSERT INTO sandbox_charge (id, amount, currency, metadata, state)"
            " VALUES ($1, 5, 'EUR', jsonb_build_object('event', $2::text), 'captured')",
            name,
            event,
        )
    report = await compared(stage)
    assert of(report, charge) == (
        "found",
        "the provider has captured a charge that is unknown here",
    )
    assert of(report, elsewhere) == ("", ""), "another installation's, on the same account"
    # Prepared too long ago to be listed any more, its money is where it was.
    await stage.sql(
        "UPDATE sandbox_charge SET created_at = now() - interval '1 day' WHERE id = $1", charge
    )
    await compared(stage)
    assert (await lone.auditor.audit(stage.event)).figure("books_differ") == 1
    await stage.sql("UPDATE sandbox_charge SET state = 'voided' WHERE id = $1", charge)
    await lone.reconciler.reconcile(since_s=2 * 86_400, pause_s=0)
    assert (await lone.auditor.audit(stage.event)).figure("books_differ") == 0
    await stage.sql("DELETE FROM sandbox_charge WHERE id = ANY($1::text[])", [charge, elsewhere])


async def test_a_control_that_looks_once_finds_what_is_under_way(
    lone: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without asking whether an order is on its way, each purchase would be a finding."""

    async def nobody(*_: object) -> set[str]:
        return set()

    monkeypatch.setattr(lone.reconciler, "_under_way", nobody)
    stage = await raise_curtain(lone)
    _, payment = await bought(stage)
    assert of(await compared(stage), payment)[0] == "mended"


async def test_money_captured_in_spite_of_a_void_goes_back_and_alarms_nobody(lone: House) -> None:
    stage = await raise_curtain(lone)
    mine, payment = await stage.paying()
    await stage.house.refunds.cancel(mine.booking_id, CancellationRequest(), Reader(), ORGANISER)
    await stage.sql("UPDATE sandbox_charge SET state = 'captured' WHERE id = $1", payment)
    assert (await lone.auditor.audit(stage.event)).figure("bank_captured_unknown") == 1
    await stage.shift.finish()
    assert await stage.state(mine) == "cancelled"
    await stage.check()
    assert of(await compared(stage), payment) == ("", "")


async def test_too_much_here_is_not_made_good_by_too_little_there(lone: House) -> None:
    stage = await raise_curtain(lone)
    dear, _ = await bought(stage)
    cheap, _ = await bought(stage)
    await stage.shift.finish()
    await stage.check()
    for cents in (7, -7):
        for purchase, more in ((dear, cents), (cheap, -cents)):
            await stage.sql(
                "UPDATE ticket SET price = price + $2 WHERE booking_id = $1 AND seat = $3",
                purchase.booking_id,
                more,
                purchase.seats[0],
            )
        wrong = 14 if cents > 0 else 0
        assert (await lone.auditor.audit(stage.event)).figure("money_not_tickets") == wrong
