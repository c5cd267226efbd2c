"""All keys of an event live in one slot, and the server refuses a script that leaves it."""

from dataclasses import replace

import pytest
from redis.exceptions import ResponseError

from usher.ids import new_id
from usher.keys import KEYS, Keys
from usher.plumbing.lua import Runner
from usher.plumbing.script import Script

pytestmark = pytest.mark.anyio


def _reading(script: Script, key: str) -> Script:
    return replace(script, body=f"return redis.call('EXISTS', '{key}')", parts="")


async def test_an_event_is_one_slot_and_events_are_many(runner: Runner) -> None:
    slots = set()
    for _ in range(20):
        event = new_id("event")
        mine = {
            await runner.command("CLUSTER", "KEYSLOT", key)
            for key in Keys(event).named(tuple(KEYS))
        }
        assert len(mine) == 1
        slots |= mine
    assert len(slots) > 10


async def test_a_script_may_not_leave_its_slot(runner: Runner, event: str) -> None:
    runner.scripts["seat/read"] = _reading(runner.scripts["seat/read"], "elsewhere")
    with pytest.raises(ResponseError, match="do not hash to the same slot"):
        await runner.script("seat/read", event, "hld_1")


async def test_not_even_to_another_event(runner: Runner, event: str) -> None:
    other = Keys(new_id("event")).seat
    runner.scripts["seat/read"] = _reading(runner.scripts["seat/read"], other)
    with pytest.raises(ResponseError, match="do not hash to the same slot"):
        await runner.script("seat/read", event, "hld_1")


async def test_its_own_slot_it_may_read(runner: Runner, event: str) -> None:
    # What the server does not see, an undeclared key of the same event, test_tidy does.
    runner.scripts["seat/read"] = _reading(runner.scripts["seat/read"], Keys(event).seat)
    assert await runner.script("seat/read", event, "hld_1") == 0


async def test_it_is_the_first_line_that_makes_the_server_look(runner: Runner, event: str) -> None:
    script = _reading(runner.scripts["seat/read"], "elsewhere")
    text = script.text
    assert text.startswith("#!lua\n")
    lax = text.removeprefix("#!lua\n")
    assert await runner.command("EVAL", lax, 1, Keys(event).hold, "hld_1") == 0


async def test_keys_of_two_events_cannot_be_passed_at_all(runner: Runner, event: str) -> None:
    with pytest.raises(ResponseError, match="CROSSSLOT"):
        await runner.command("EVAL", "return 1", 2, Keys(event).hold, Keys(new_id("event")).hold)
