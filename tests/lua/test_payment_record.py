import pytest

from tests.lua.hall import Hall
from usher.payment.scripts import Full, Recorded

pytestmark = pytest.mark.anyio


async def test_what_a_provider_said_is_on_the_ledger(nowhere: Hall) -> None:
    said = '{"id": "evt_1", "note": "grüße, \\"quoted\\""}'
    reply = await nowhere.payment.record(nowhere.event, 10, "payment", said)
    assert isinstance(reply, Recorded)
    ((entry, fields),) = await nowhere.command("XRANGE", nowhere.keys.ledger, "-", "+")
    assert (entry, fields) == (reply.entry, ["kind", "payment", "data", said])


async def test_a_full_ledger_refuses(nowhere: Hall) -> None:
    hall = nowhere
    assert await hall.refused(hall.payment.record(hall.event, 0, "payment", "{}")) == Full()
    assert isinstance(await hall.payment.record(hall.event, 1, "payment", "{}"), Recorded)
    assert await hall.refused(hall.payment.record(hall.event, 1, "payment", "{}")) == Full()
    assert isinstance(await hall.payment.record(hall.event, 2, "payment", "{}"), Recorded)
    assert len(await hall.entries("ledger")) == 2
