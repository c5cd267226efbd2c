"""plumbing/stream.Consumer: at least once, in batches, never blocked."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.lua.ledger import Ledger, until
from usher.embedded import Embedded
from usher.errors import Unavailable
from usher.plumbing import stream
from usher.plumbing.lua import Runner

pytestmark = pytest.mark.anyio


@pytest.fixture
async def ledger(
    servers: Embedded, runner: Runner, event: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Ledger]:
    # Seconds are for workers; a test has not so many.
    monkeypatch.setattr(stream, "BLOCK_MS", 20)
    monkeypatch.setattr(stream, "IDLE_MS", 60)
    monkeypatch.setattr(stream, "LOOK_S", 0.03)
    ledger = Ledger(runner, servers.redis_url, event)
    yield ledger
    for reader in ledger.readers:
        await reader.consumer.stop()


async def test_everything_is_handled_in_order_in_batches_and_then_gone(ledger: Ledger) -> None:
    reader = ledger.reader("one", batch_max=4)
    await ledger.add(*"abcdefghij")
    reader.consumer.start()
    await ledger.done()
    assert [len(batch) for batch in reader.given] == [4, 4, 2]
    await ledger.add("k")
    await ledger.done()
    assert reader.handled == list("abcdefghijk")
    assert reader.buried == []


async def test_nothing_is_acknowledged_before_the_handler_has_returned(ledger: Ledger) -> None:
    free = asyncio.Event()

    async def slow(words: list[str]) -> None:
        await free.wait()

    reader = ledger.reader("one", task=slow)
    await ledger.add("a", "b")
    reader.consumer.start()
    await until(lambda: _given(reader.given, 1))
    assert (await ledger.length(), await ledger.pending()) == (2, 2)
    free.set()
    await ledger.done()


async def _given(batches: list[list[str]], count: int) -> bool:
    return len(batches) >= count


async def test_after_a_crash_its_own_entries_come_first(ledger: Ledger) -> None:
    await ledger.add("a", "b", "c", "d", "e")
    await ledger.give("one", 3)
    reader = ledger.reader("one", batch_max=2)
    reader.consumer.start()
    await ledger.done()
    assert reader.given == [["a", "b"], ["c"], ["d", "e"]]


async def test_what_a_dead_colleague_was_given_is_taken_over(ledger: Ledger) -> None:
    await ledger.add(*"abcdefg")
    await ledger.give("dead", 5)
    reader = ledger.reader("alive", batch_max=2)
    reader.consumer.start()
    await ledger.done()
    assert sorted(reader.handled) == list("abcdefg")
    assert all(len(batch) <= 2 for batch in reader.given)


async def test_a_poisoned_entry_is_set_aside_and_blocks_nobody(ledger: Ledger) -> None:
    async def choke(words: list[str]) -> None:
        if "poison" in words:
            raise ValueError("cannot be read")

    reader = ledger.reader("one", task=choke)
    await ledger.add("a", "poison", "b")
    reader.consumer.start()
    await until(lambda: _handled(reader.handled, 2))
    assert await ledger.pending() == 1
    await ledger.add("c")
    await ledger.done()
    assert sorted(reader.handled) == ["a", "b", "c"]
    alone = [batch for batch in reader.given if batch == ["poison"]]
    assert len(alone) == stream.ATTEMPTS_MAX
    assert reader.buried == [("poison", "ValueError: cannot be read")]


async def _handled(words: list[str], count: int) -> bool:
    return len(words) >= count


async def test_an_entry_that_fails_once_is_not_poison(ledger: Ledger) -> None:
    failures = 1

    async def stumble(words: list[str]) -> None:
        nonlocal failures
        if words == ["b"] and failures:
            failures -= 1
            raise ValueError("for now")
        if len(words) > 1:
            raise ValueError("not together")

    reader = ledger.reader("one", task=stumble)
    await ledger.add("a", "b", "c")
    reader.consumer.start()
    await ledger.done()
    assert sorted(reader.handled) == ["a", "b", "c"]
    assert reader.buried == []


async def test_a_grave_that_is_away_loses_nothing(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "_PAUSE_S", (0.01,))
    away = 3

    async def choke(words: list[str]) -> None:
        if "poison" in words:
            raise ValueError("cannot be read")

    async def grave(word: str) -> None:
        nonlocal away
        if away:
            away -= 1
            raise Unavailable("PostgreSQL is away")

    reader = ledger.reader("one", task=choke, bury=grave)
    await ledger.add("poison", "a")
    reader.consumer.start()
    await ledger.done()
    assert reader.handled == ["a"]
    assert [word for word, _ in reader.buried] == ["poison"]


async def test_while_a_server_behind_is_away_nothing_is_acknowledged_or_buried(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "_PAUSE_S", (0.01,))
    away = stream.ATTEMPTS_MAX + 3
    lengths = []

    async def unavailable(words: list[str]) -> None:
        nonlocal away
        if away:
            away -= 1
            lengths.append((await ledger.length(), await ledger.pending()))
            raise Unavailable("PostgreSQL is away")

    reader = ledger.reader("one", task=unavailable)
    await ledger.add("a", "b")
    reader.consumer.start()
    await ledger.done()
    assert lengths == [(2, 2)] * (stream.ATTEMPTS_MAX + 3)
    assert reader.handled == ["a", "b"]
    assert reader.buried == []
    assert all(batch == ["a", "b"] for batch in reader.given)


async def test_a_fault_after_a_good_time_is_a_first_fault(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "_PAUSE_S", (0.01, 40.0))
    away = True

    async def unavailable(words: list[str]) -> None:
        nonlocal away
        away = not away
        if not away:
            raise Unavailable("PostgreSQL is away")

    reader = ledger.reader("one", task=unavailable)
    reader.consumer.start()
    for word in ("a", "b", "c"):
        await ledger.add(word)
        await ledger.done()
    assert reader.given == [["a"], ["a"], ["b"], ["b"], ["c"], ["c"]]


async def test_a_server_that_was_wiped_is_read_again(ledger: Ledger) -> None:
    reader = ledger.reader("one")
    await ledger.add("a")
    task = reader.consumer.start()
    await ledger.done()
    await ledger.runner.command("DEL", ledger.key)
    await asyncio.sleep(0.1)  # it reads where there is no group
    await ledger.add("b")
    await until(lambda: _handled(reader.handled, 2))
    await ledger.done()
    assert not task.done()


async def test_a_reader_whose_connection_is_cut_reads_on(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = ledger.reader("one")
    task = reader.consumer.start()
    await ledger.add("a")
    await ledger.done()
    monkeypatch.setattr(stream, "BLOCK_MS", 300)

    async def cut() -> bool:
        connections = await ledger.reading()
        for connection in connections:
            await ledger.runner.command("CLIENT", "KILL", "ID", connection)
        return connections != []

    await until(cut)
    await ledger.add("b")
    await ledger.done()
    assert reader.handled == ["a", "b"]
    assert not task.done()


async def test_an_entry_that_was_deleted_while_pending_is_nobodys(ledger: Ledger) -> None:
    first, *_ = await ledger.add("a", "b")
    await ledger.give("one", 2)
    await ledger.runner.command("XDEL", ledger.key, first)
    reader = ledger.reader("one")
    reader.consumer.start()
    await ledger.done()
    assert reader.given == [["b"]]


async def test_starting_and_stopping_twice(ledger: Ledger) -> None:
    reader = ledger.reader("one")
    task = reader.consumer.start()
    assert reader.consumer.start() is task
    await ledger.add("a")
    await ledger.done()
    await reader.consumer.stop()
    await reader.consumer.stop()
    assert task.done()
    await ledger.add("b")
    again = reader.consumer.start()
    assert again is not task
    await ledger.done()
    assert reader.handled == ["a", "b"]


async def test_stopping_what_never_started(ledger: Ledger) -> None:
    await ledger.reader("one").consumer.stop()


async def test_stopping_finishes_the_batch(ledger: Ledger) -> None:
    free = asyncio.Event()

    async def slow(words: list[str]) -> None:
        await free.wait()

    reader = ledger.reader("one", task=slow, batch_max=2)
    await ledger.add("a", "b", "c")
    reader.consumer.start()
    await until(lambda: _given(reader.given, 1))
    stopping = asyncio.create_task(reader.consumer.stop())
    await asyncio.sleep(0.05)
    assert not stopping.done()
    free.set()
    await stopping
    assert reader.handled == ["a", "b"], "and begins no other"
    assert (await ledger.length(), await ledger.pending()) == (1, 0)


async def test_stopping_does_not_wait_for_an_entry_that_fails(ledger: Ledger) -> None:
    async def fail(words: list[str]) -> None:
        raise ValueError("never")

    reader = ledger.reader("one", task=fail)
    await ledger.add("a")
    reader.consumer.start()
    await until(lambda: _given(reader.given, 2))
    await reader.consumer.stop()
    assert await ledger.length() == 1


async def test_readers_have_names_of_their_own(ledger: Ledger) -> None:
    one, other = ledger.reader(""), ledger.reader("")
    assert one.consumer.name != other.consumer.name


async def test_who_leaves_is_no_reader_any_more(ledger: Ledger) -> None:
    first, second = ledger.reader("one"), ledger.reader("two")
    assert await stream.readers(ledger.runner, ledger.key) == 0  # there is no such stream yet
    await ledger.add("a")
    first.consumer.start()
    second.consumer.start()
    await until(lambda: _readers(ledger, 2))
    await first.consumer.leave()
    assert await stream.readers(ledger.runner, ledger.key) == 1
    await second.consumer.leave()
    assert await stream.readers(ledger.runner, ledger.key) == 0
    assert await ledger.length() == 0


async def test_who_leaves_something_unfinished_stays_known_for_it(ledger: Ledger) -> None:
    async def refuse(_: list[str]) -> None:
        raise ValueError("never")

    reader = ledger.reader("one", task=refuse)
    await ledger.add("a")
    reader.consumer.start()
    await until(lambda: _given(reader.given, 1))
    await reader.consumer.leave()
    assert await ledger.pending() == 1
    heir = ledger.reader("heir")
    heir.consumer.start()
    await ledger.done()
    assert heir.handled == ["a"]


async def test_who_has_died_is_no_reader_after_a_while(ledger: Ledger) -> None:
    await ledger.add("a")
    await ledger.give("dead", 1)
    assert await stream.readers(ledger.runner, ledger.key) == 1
    await until(lambda: _readers(ledger, 0))


async def _readers(ledger: Ledger, count: int) -> bool:
    return await stream.readers(ledger.runner, ledger.key) == count
