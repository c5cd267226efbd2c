"""What API processes say of themselves, and how long it counts."""

import asyncio

import pytest

from tests.lua.hall import Hall
from usher.queue.scripts import Curve, Reported

pytestmark = pytest.mark.anyio


async def _delay_ms(hall: Hall) -> int:
    reply = await hall.refused(hall.queue.curve(hall.event))
    assert isinstance(reply, Curve), reply
    return reply.delay_ms


async def test_the_slowest_process_counts_until_its_report_is_old(hall: Hall) -> None:
    await hall.open()
    assert await _delay_ms(hall) == -1
    for process, delay_ms, kept_ms in (("a", 40, 60_000), ("b", 900, 150), ("a", 30, 60_000)):
        assert await hall.queue.report(hall.event, process, delay_ms, kept_ms) == Reported()
    assert await _delay_ms(hall) == 900
    # The key as a whole goes with the newest report: nothing of it is left behind for ever.
    assert await hall.command("PTTL", hall.keys.strain) > 1_000
    await asyncio.sleep(0.2)
    assert await _delay_ms(hall) == 30
    await hall.queue.report(hall.event, "c", 20, 1)
    assert await hall.command("HKEYS", hall.keys.strain) == ["a", "c"]
