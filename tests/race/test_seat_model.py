"""Random operations on the seats of a small hall, against a plain reference.

The same machine must find a double hold in a seat/hold from which the look at the seat is taken.
"""

import asyncio
import os
from collections.abc import Awaitable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any, Final, cast

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from redis.asyncio import Redis

from tests.lua.hall import COUNTERS, Hall, area, row
from tests.race.reference import Answer, Model
from usher.embedded import Embedded
from usher.ids import new_id
from usher.plumbing.lua import Runner, connect
from usher.plumbing.script import load
from usher.plumbing.shipped import shipped

# Two rows, standing room, a row whose last seat is not for sale: enough for every rule.
SEGMENTS: Final = [row(0, 4, focus=2), row(4, 3, focus=1), area(7, 3), row(10, 2)]
STATES: Final = "...........x"
SEATS_MAX: Final = 5
PLACES: Final = ("plc_a", "plc_b", "plc_c")
GUARD: Final = " and states == string.rep('.', length)"

# USHER_RACE_S makes every race longer; this machine plays 15 examples for each second of it.
EXAMPLES: Final = int(60 * float(os.environ.get("USHER_RACE_S", "4")) / 4)

_name = st.sampled_from([f"hld_{n}" for n in range(6)])
_place = st.sampled_from(PLACES)
_digest = st.sampled_from(["d", "d", "d", "e"])
_seat = st.integers(0, len(STATES) - 1)
_asked = st.lists(_seat, min_size=1, max_size=3) | st.lists(st.integers(-1, 13), max_size=3)
_often = st.integers(0, 3)
_seats = st.lists(_seat, min_size=1, max_size=3, unique=True)


class DoubleHoldError(AssertionError):
    """Two live holds have the same seat."""


class Stage:
    """One loop and one connection for a whole run; every example plays on an event of its own."""

    def __init__(self, url: str) -> None:
        self.loop = asyncio.Runner()
        self.scripts = load(shipped("lua"))
        self.loop.run(self._open(url))

    async def _open(self, url: str) -> None:
        self.runner = Runner(connect(url, 2), self.scripts)
        self.raw = Redis.from_url(url)

    def wait(self, call: Awaitable[Any]) -> Any:
        async def waiting() -> Any:
            return await call

        return self.loop.run(waiting())

    def close(self) -> None:
        self.wait(self.runner.close())
        self.wait(self.raw.aclose())
        self.loop.close()


class SeatMachine(RuleBasedStateMachine):
    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self.stage = stage
        self.hall = Hall(stage.runner, stage.raw, new_id("event"))
        self.model = Model(SEGMENTS, list(STATES), SEATS_MAX)
        stage.wait(self.hall.build(STATES, *SEGMENTS))
        stage.wait(self.hall.set(mode="queued", seats_max=SEATS_MAX))
        for place in PLACES:
            self.admit(place)

    def _play(self, call: Awaitable[Any], expected: Answer) -> None:
        reply = self.stage.wait(call)
        self._look_for_double_holds()
        self._compare(reply, expected)

    def _compare(self, reply: Any, expected: Answer) -> None:
        said = [
            getattr(reply, name) for name in reply.__struct_fields__ if not name.endswith("_ms")
        ]
        assert (reply.__struct_config__.tag, *said) == expected

    def _pick(self, data: st.DataObject) -> tuple[str, str]:
        """A hold and a fan: mostly one that is known, and its owner."""
        name, place, known = data.draw(_name), data.draw(_place), data.draw(_often)
        if known and self.model.holds:
            name = data.draw(st.sampled_from(sorted(self.model.holds)))
            if data.draw(_often):
                place = self.model.holds[name].owner
        return name, place

    def _look_for_double_holds(self) -> None:
        owner: dict[str, str] = {}
        flat = self.stage.wait(self.hall.command("HGETALL", self.hall.keys.hold))
        for name, record in zip(flat[::2], flat[1::2], strict=True):
            if record[0] in "hc":
                for seat in record.split(" ")[-1].split(","):
                    if owner.setdefault(seat, name) != name:
                        raise DoubleHoldError(f"seat {seat} is in {name} and {owner[seat]}")

    # --- fans

    @rule(place=_place)
    def admit(self, place: str) -> None:
        self.stage.wait(self.hall.admit(place))
        self.model.standing[place] = "a"

    @rule(place=_place)
    def leave(self, place: str) -> None:
        self.stage.wait(self.hall.queue.leave(self.hall.event, place))
        if place in self.model.standing:
            self.model.standing[place] = "g"

    @rule(name=_name, place=_place, digest=_digest, seats=_asked)
    def hold(self, name: str, place: str, digest: str, seats: list[int]) -> None:
        call = self.hall.seat.hold(self.hall.event, name, place, digest, *seats)
        self._play(call, self.model.hold(name, place, digest, seats))

    @rule(name=_name, place=_place, digest=_digest, want=st.integers(1, 4), apart=st.booleans())
    def best(self, name: str, place: str, digest: str, want: int, apart: bool) -> None:
        call = self.hall.seat.best(
            self.hall.event, name, place, digest, 0, 0, len(STATES), want, int(apart)
        )
        self._play(call, self.model.best(name, place, digest, want, apart))

    @rule(data=st.data())
    def extend(self, data: st.DataObject) -> None:
        name, place = self._pick(data)
        call = self.hall.seat.extend(self.hall.event, name, place)
        self._play(call, self.model.extend(name, place))

    @rule(data=st.data())
    def free(self, data: st.DataObject) -> None:
        name, place = self._pick(data)
        call = self.hall.seat.free(self.hall.event, name, place)
        self._play(call, self.model.free(name, place))

    @rule(data=st.data(), digest=_digest)
    def claim(self, data: st.DataObject, digest: str) -> None:
        name, place = self._pick(data)
        call = self.hall.seat.claim(
            self.hall.event, name, place, digest, f"bkg_{name}", 900, 10_000, "{}"
        )
        self._play(call, self.model.claim(name, place, digest))

    @rule(data=st.data())
    def read(self, data: st.DataObject) -> None:
        name, _ = self._pick(data)
        self._play(self.hall.seat.read(self.hall.event, name), self.model.read(name))

    # --- what the worker and PostgreSQL do

    @rule(data=st.data(), outcome=st.sampled_from("sf"), seats=_seats)
    def settle(self, data: st.DataObject, outcome: str, seats: list[int]) -> None:
        name, place = self._pick(data)
        known = self.model.holds.get(name)
        if known is not None:  # PostgreSQL has a booking's seats from its hold
            place, seats = known.owner, known.seats
        call = self.hall.settle(name, place, outcome, *seats)
        self._play(call, self.model.settle(name, place, outcome, seats))

    @rule(data=st.data(), seats=_seats)
    def retake(self, data: st.DataObject, seats: list[int]) -> None:
        name, place = self._pick(data)
        known = self.model.holds.get(name)
        if known is not None:
            if known.state == "h":
                return  # a hold that never became a booking is not paid for late
            place, seats = known.owner, known.seats
        call = self.hall.seat.retake(self.hall.event, name, place, "d", 9_999_999_999_999, *seats)
        self._play(call, self.model.retake(name, place, "d", seats))

    @rule(pairs=st.dictionaries(_seat, st.sampled_from("....sx"), min_size=1, max_size=3))
    def amend(self, pairs: dict[int, str]) -> None:
        # PostgreSQL never calls a seat free that somebody is just buying.
        listed = self.model.listed()
        told = {seat: to for seat, to in pairs.items() if to != "." or seat not in listed}
        flat = [word for pair in told.items() for word in pair]
        self._play(self.hall.seat.amend(self.hall.event, *flat), self.model.amend(told))

    @rule()
    def sweep(self) -> None:
        self._play(self.hall.seat.sweep(self.hall.event, 100), self.model.sweep())

    # --- time and the operator

    @rule(instant=st.booleans())
    def holds_lapse_at_once(self, instant: bool) -> None:
        self.stage.wait(self.hall.set(hold_s=0 if instant else 600))
        self.model.instant = instant

    @precondition(lambda self: any(h.state in "fs" for h in self.model.holds.values()))
    @rule(data=st.data())
    def ten_minutes_pass(self, data: st.DataObject) -> None:
        names = sorted(n for n, h in self.model.holds.items() if h.state in "fs")
        name = data.draw(st.sampled_from(names))
        self.stage.wait(self.hall.command("ZADD", self.hall.keys.hold_due, 1, name))
        self.model.holds[name].forgettable = True

    @rule(state=st.sampled_from(["open", "open", "paused"]))
    def switch(self, state: str) -> None:
        self.stage.wait(self.hall.set(state=state))
        self.model.state = state

    # --- what must hold after every step

    @invariant()
    def seats_counters_and_fans_are_those_of_the_model(self) -> None:
        seats, fans, *counts = self.stage.wait(self._facts())
        assert seats == "".join(self.model.seats)
        assert counts == [seats.count(char) for char in COUNTERS]
        assert dict(zip(fans[::2], map(int, fans[1::2]), strict=True)) == +self.model.fans

    async def _facts(self) -> list[Any]:
        seats, fans, counts = await asyncio.gather(
            self.hall.command("GET", self.hall.keys.seat),
            self.hall.command("HGETALL", self.hall.keys.fan),
            self.hall.command("HMGET", self.hall.keys.gate, *COUNTERS.values()),
        )
        return [seats, fans, *map(int, counts)]

    def teardown(self) -> None:
        self.stage.wait(self.hall.check())


class WatchingMachine(SeatMachine):
    """Plays the same, and only looks for double holds: a model cannot follow a broken script."""

    def _compare(self, reply: Any, expected: Answer) -> None:
        pass

    def seats_counters_and_fans_are_those_of_the_model(self) -> None:
        pass

    def teardown(self) -> None:
        pass


def _settings(examples: int, **more: Any) -> settings:
    return settings(
        max_examples=examples,
        stateful_step_count=40,
        deadline=None,
        # A busy machine is no fault of the machine under test.
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        print_blob=True,
        database=None,
        **{"phases": [Phase.generate, Phase.shrink], **more},
    )


@pytest.fixture
def stage(servers: Embedded) -> Iterator[Stage]:
    stage = Stage(servers.redis_url)
    yield stage
    stage.close()


def test_the_scripts_do_what_the_reference_does(stage: Stage) -> None:
    run_state_machine_as_test(cast(Any, partial(SeatMachine, stage)), settings=_settings(EXAMPLES))


def test_without_the_look_at_the_seat_the_machine_finds_a_double_hold(stage: Stage) -> None:
    whole = stage.scripts["seat/hold"]
    assert whole.body.count(GUARD) == 1
    stage.scripts["seat/hold"] = replace(whole, body=whole.body.replace(GUARD, ""))
    found = _settings(300, phases=[Phase.generate], report_multiple_bugs=False)
    with pytest.raises(DoubleHoldError):
        run_state_machine_as_test(cast(Any, partial(WatchingMachine, stage)), settings=found)
