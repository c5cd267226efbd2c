"""What a process remembers of lines whose fans poll it, and when it does not."""

import pytest

from usher.queue import watch as module
from usher.queue.watch import IN_LOBBY, Watch


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, in seconds: its only item."""
    now = [1_000.0]
    monkeypatch.setattr("usher.queue.watch.time.monotonic", lambda: now[0])
    return now


@pytest.fixture
def watch(clock: list[float]) -> Watch:
    """One that follows evt_a, where plc_a waits with number 7."""
    watch = Watch()
    assert watch.number_of("evt_a", "plc_a") is None
    watch.begin("evt_a")
    watch.heard("evt_a")
    watch.remember("evt_a", "plc_a", 7, watch.mark("evt_a"))
    assert watch.number_of("evt_a", "plc_a") == 7
    return watch


def test_a_place_is_known_until_a_signal_names_it(watch: Watch) -> None:
    watch.forget("evt_a", "plc_b")
    assert watch.number_of("evt_a", "plc_a") == 7
    watch.forget("evt_a", "plc_b", "plc_a")
    assert watch.number_of("evt_a", "plc_a") is None
    assert watch.number_of("evt_b", "plc_a") is None


def test_from_the_lobby_into_the_line(watch: Watch) -> None:
    watch.remember("evt_a", "plc_b", IN_LOBBY, watch.mark("evt_a"))
    assert watch.number_of("evt_a", "plc_b") == IN_LOBBY
    watch.remember("evt_a", "plc_b", 3, watch.mark("evt_a"))
    assert watch.number_of("evt_a", "plc_b") == 3


def test_what_was_heard_while_a_place_was_looked_up_may_have_been_of_it(watch: Watch) -> None:
    mark = watch.mark("evt_a")
    watch.forget("evt_a", "plc_b")
    watch.remember("evt_a", "plc_b", 8, mark)
    assert watch.number_of("evt_a", "plc_b") is None


def test_without_fresh_signals_nothing_is_known(watch: Watch, clock: list[float]) -> None:
    clock[0] += module.FRESH_S
    assert watch.number_of("evt_a", "plc_a") is None
    watch.remember("evt_a", "plc_b", 8, watch.mark("evt_a"))
    watch.heard("evt_a")
    assert watch.number_of("evt_a", "plc_a") == 7
    assert watch.number_of("evt_a", "plc_b") is None


def test_a_new_start_knows_nothing(watch: Watch) -> None:
    mark = watch.mark("evt_a")
    watch.begin("evt_a")
    watch.heard("evt_a")
    assert watch.number_of("evt_a", "plc_a") is None
    watch.remember("evt_a", "plc_a", 7, mark)
    assert watch.number_of("evt_a", "plc_a") is None


def test_only_events_that_are_asked_about_are_followed(watch: Watch, clock: list[float]) -> None:
    assert list(watch.wanted()) == ["evt_a"]
    clock[0] += module.KEPT_S - 1
    watch.number_of("evt_b", "plc_b")
    clock[0] += 2
    assert list(watch.wanted()) == ["evt_b"]
    watch.heard("evt_a")
    assert watch.number_of("evt_a", "plc_a") is None


def test_memory_is_bounded(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PLACES_MAX", 3)
    for place in ("plc_a", "plc_b", "plc_c"):
        watch.remember("evt_a", place, 5, watch.mark("evt_a"))
        assert watch.number_of("evt_a", place) == 5
    watch.remember("evt_a", "plc_d", 5, watch.mark("evt_a"))
    watch.heard("evt_a")
    assert [watch.number_of("evt_a", f"plc_{name}") for name in "abcd"] == [None] * 4
    watch.remember("evt_a", "plc_d", 5, watch.mark("evt_a"))
    assert watch.number_of("evt_a", "plc_d") == 5
