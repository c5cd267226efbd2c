"""Refusals before the parser, on real sockets: what goes round them is asked the same, once."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn

from usher.overload import TIERS, kind_of
from usher.plumbing.answer import ONE_WRITE, on_the_wire
from usher.plumbing.doorstep import doorstep
from usher.plumbing.listen import listening
from usher.plumbing.shed import Shed, refusal

pytestmark = pytest.mark.anyio

JOIN = b"POST /api/v1/events/evt_1/queue HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}"
HOLD = JOIN.replace(b"/queue", b"/holds")
HEALTH = b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n"


class Door:
    """A server behind the doorstep, and how much of the first tier it refuses."""

    def __init__(self) -> None:
        self.served: Counter[str] = Counter()
        self.refused: Counter[int] = Counter()
        self.shed = Shed(
            self._serve,
            kind_of,
            lambda _, tier: refusal(503, b"%d" % tier, [(b"retry-after", b"1")]),
            (50, 50, 50, 50),
            lambda tier: self.refused.update([tier]),
        )
        self.port = 0
        self.whole = False  # it answers in one write where it may, and before the body has come
        self.in_one_write = 0

    async def _serve(self, scope: Any, receive: Any, send: Any) -> None:
        while scope["type"] == "lifespan":
            told = await receive()
            await send({"type": f"{told['type']}.complete"})
            if told["type"] == "lifespan.shutdown":
                return
        self.served[scope["path"]] += 1
        headers = [(b"content-length", b"2")]
        if self.whole and scope[ONE_WRITE](scope, on_the_wire(200, headers, b"ok")):
            self.in_one_write += 1
            return
        more = True
        while more:
            told = await receive()
            if told["type"] == "http.disconnect":
                return
            more = told["more_body"]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"ok"})

    def refuse(self, share: float) -> None:
        """From now on so much of who comes anew is refused."""
        self.shed.pressure._set(share)


@asynccontextmanager
async def opened_door(pieces_s: float = 20, idle_s: int = 20) -> AsyncIterator[Door]:
    door = Door()
    sockets = listening("127.0.0.1", 0, listeners=3)
    door.port = sockets[0].getsockname()[1]
    config = uvicorn.Config(
        door.shed,
        http=doorstep(door.shed, 50, pieces_s),
        log_config=None,
        lifespan="on",
        ws="none",
        timeout_keep_alive=idle_s,
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=sockets))
    try:
        while not server.started:  # noqa: ASYNC110 - uvicorn tells nobody
            await asyncio.sleep(0.01)
        # What is refused is the test's to say.
        if door.shed._timer is not None:
            door.shed._timer.cancel()
        yield door
    finally:
        server.should_exit = True
        await serving


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    async with opened_door() as door:
        yield door


class Caller:
    """One connection."""

    def __init__(self, door: Door) -> None:
        self._door = door

    async def connect(self) -> "Caller":
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._door.port)
        return self

    async def say(self, *parts: bytes) -> None:
        for part in parts:
            self._writer.write(part)
            await self._writer.drain()
            await asyncio.sleep(0.02)

    async def head(self) -> bytes:
        """The head of the next answer. Who rests is heard again meanwhile."""
        async with asyncio.timeout(10):
            waiting = asyncio.create_task(self._reader.readuntil(b"\r\n\r\n"))
            while not (await asyncio.wait([waiting], timeout=0.02))[0]:
                for _ in range(len(self._door.shed._resting)):
                    self._door.shed._resting.popleft()()
            return waiting.result()

    async def hear(self) -> tuple[int, bytes]:
        """Status and body of the next answer."""
        async with asyncio.timeout(10):
            head = await self.head()
            length = int(head.lower().partition(b"content-length: ")[2].split(b"\r")[0])
            return int(head[9:12]), await self._reader.readexactly(length)

    async def gone(self) -> bool:
        """Whether the other side has hung up in order."""
        async with asyncio.timeout(10):
            return await self._reader.read(1) == b""

    def close(self) -> None:
        self._writer.close()


async def test_who_is_refused_is_heard_again_on_the_same_connection(door: Door) -> None:
    caller = await Caller(door).connect()
    door.refuse(1.0)
    for _ in range(3):
        await caller.say(JOIN)
        assert await caller.hear() == (503, b"0")
    await caller.say(HOLD)
    assert await caller.hear() == (200, b"ok")
    await caller.say(HEALTH)
    assert await caller.hear() == (200, b"ok")
    door.refuse(0.0)
    await caller.say(JOIN)
    assert await caller.hear() == (200, b"ok")
    assert door.refused == {TIERS.index("newcomers"): 3}
    assert sum(door.served.values()) == 3
    caller.close()


async def test_each_request_is_asked_about_once(door: Door) -> None:
    """Whichever way it goes: the half that is due is refused, and not a quarter more."""
    ways: tuple[tuple[bytes, ...], ...] = ((JOIN,), (JOIN[:30], JOIN[30:]), (JOIN[:-2], b"{}"))
    for way in ways:
        caller = await Caller(door).connect()
        door.refuse(0.5)
        statuses = Counter[int]()
        for _ in range(10):
            await caller.say(*way)
            statuses.update([(await caller.hear())[0]])
        assert statuses == {200: 5, 503: 5}, way
        caller.close()


async def test_requests_sent_at_once_are_answered_in_order(door: Door) -> None:
    caller = await Caller(door).connect()
    door.refuse(1.0)
    await caller.say(JOIN + HOLD + JOIN + HEALTH)
    assert [(await caller.hear())[0] for _ in range(4)] == [503, 200, 503, 200]
    # After that the next one may be answered unparsed again.
    await caller.say(JOIN)
    assert await caller.hear() == (503, b"0")
    caller.close()


async def test_a_refusal_of_head_has_no_body(door: Door) -> None:
    """Else it would be taken for the next answer on the connection."""
    caller = await Caller(door).connect()
    door.refuse(1.0)
    await caller.say(b"HEAD /events/evt_1 HTTP/1.1\r\nhost: x\r\n\r\n")
    head = await caller.head()
    assert head.startswith(b"HTTP/1.1 503 ")
    await caller.say(HEALTH)
    assert await caller.hear() == (200, b"ok")
    caller.close()


async def test_a_crowd_at_the_door_is_taken_in(door: Door) -> None:
    """By several sockets on one address, none of which anybody else may have as well."""
    callers = await asyncio.gather(*(Caller(door).connect() for _ in range(40)))
    for caller in callers:
        await caller.say(JOIN)
        assert await caller.hear() == (200, b"ok")
        caller.close()
    # More than there is room for are told so, and let go; the others stay.
    callers = await asyncio.gather(*(Caller(door).connect() for _ in range(53)))
    told = Counter[int]()
    for caller in callers:
        await caller.say(JOIN)
        status, _ = await caller.hear()
        told.update([status])
        if status == 503:
            assert await caller.gone()
    assert told == {200: 50, 503: 3}
    # Who asks whether all is well is answered also then, or would restart a process that is.
    guard = await Caller(door).connect()
    await guard.say(HEALTH)
    assert await guard.hear() == (200, b"ok")
    guard.close()
    for caller in callers:
        caller.close()
    with pytest.raises(Exception, match="cannot be listened on"):
        listening("127.0.0.1", door.port)


async def test_how_slowly_a_request_comes_is_no_delay_of_ours(door: Door) -> None:
    """Else a few clients on slow lines would have everybody refused, and the gate slowed."""
    caller = await Caller(door).connect()
    for request in (JOIN, HOLD):
        await caller.say(request[:-1])
        await asyncio.sleep(0.5)
        await caller.say(request[-1:])
        assert await caller.hear() == (200, b"ok")
    assert door.shed._light == 2
    assert door.shed._light_s < 0.25
    assert all(took < 0.25 for _, took in door.shed._times)
    caller.close()


@pytest.mark.parametrize("sent", [b"POST /api/", JOIN[:-30], JOIN[:-1]])
async def test_a_request_that_does_not_come_whole_is_not_waited_for(sent: bytes) -> None:
    async with opened_door(pieces_s=0.2) as door:
        caller = await Caller(door).connect()
        await caller.say(JOIN)
        assert await caller.hear() == (200, b"ok")
        await caller.say(sent)
        assert door.shed.in_flight == (sent == JOIN[:-1])
        assert await caller.gone()
        assert door.shed.in_flight == 0
        assert door.shed._light == 1, "nor is it counted as an answer"
        caller.close()


async def test_a_request_is_waited_for_as_long_as_it_comes() -> None:
    async with opened_door(pieces_s=0.2) as door:
        caller = await Caller(door).connect()
        parts = [b"x" * 2_000] * 30  # 20 ms apart
        length = b"content-length: %d" % sum(map(len, parts))
        await caller.say(JOIN[:-2].replace(b"content-length: 2", length), *parts)
        assert await caller.hear() == (200, b"ok")
        await asyncio.sleep(0.3)
        await caller.say(JOIN)
        assert await caller.hear() == (200, b"ok")
        caller.close()


async def test_who_says_nothing_where_there_is_no_room_is_let_go() -> None:
    async with opened_door(pieces_s=0.2) as door:
        callers = [await Caller(door).connect() for _ in range(51)]
        await asyncio.sleep(0.05)
        assert await callers[-1].gone()
        await callers[0].say(JOIN)
        assert await callers[0].hear() == (200, b"ok")
        for caller in callers:
            caller.close()


async def test_who_says_nothing_more_is_let_go_whichever_way_they_were_answered() -> None:
    async with opened_door(idle_s=1) as door:
        door.refuse(1.0)
        callers = [await Caller(door).connect() for _ in range(3)]
        await callers[0].say(JOIN)
        await callers[1].say(JOIN[:-1], JOIN[-1:])  # refused before it is whole
        for caller in callers[:2]:
            assert await caller.hear() == (503, b"0")
        for caller in callers:  # the last one has never said a word
            assert await caller.gone()
            caller.close()


@pytest.mark.parametrize("parts", [(JOIN,), (JOIN[:-1], JOIN[-1:]), (JOIN[:20], JOIN[20:])])
async def test_an_answer_in_one_write_leaves_the_connection_as_it_was(
    door: Door, parts: tuple[bytes, ...]
) -> None:
    """Also where it goes out before the request has come whole."""
    door.whole = True
    caller = await Caller(door).connect()
    for _ in range(3):
        await caller.say(*parts)
        assert await caller.hear() == (200, b"ok")
    assert door.in_one_write == 3
    assert door.shed.in_flight == 0
    caller.close()


async def test_requests_sent_at_once_are_each_answered_once(door: Door) -> None:
    door.whole = True
    caller = await Caller(door).connect()
    await caller.say(JOIN + HOLD + JOIN + HEALTH + JOIN[:10], JOIN[10:])
    assert [await caller.hear() for _ in range(5)] == [(200, b"ok")] * 5
    assert sum(door.served.values()) == 5
    caller.close()


@pytest.mark.parametrize(
    "last", [JOIN.replace(b"host: x", b"connection: close"), JOIN.replace(b"HTTP/1.1", b"HTTP/1.0")]
)
async def test_whose_last_request_it_is_goes_the_usual_way(door: Door, last: bytes) -> None:
    door.whole = True
    caller = await Caller(door).connect()
    await caller.say(JOIN)
    assert await caller.hear() == (200, b"ok")
    await caller.say(last)
    assert await caller.hear() == (200, b"ok")
    assert await caller.gone()
    assert door.in_one_write == 1
    caller.close()


async def test_who_is_quiet_after_an_answer_in_one_write_is_let_go() -> None:
    async with opened_door(idle_s=1) as door:
        door.whole = True
        caller = await Caller(door).connect()
        await caller.say(JOIN)
        assert await caller.hear() == (200, b"ok")
        assert await caller.gone()
        caller.close()


@pytest.mark.parametrize("value", [b"a\r\nset-cookie: b", b"a\nb", b"a\rb"])
def test_a_header_is_one_line(value: bytes) -> None:
    with pytest.raises(ValueError, match="end of a line"):
        on_the_wire(200, [(b"location", value)], b"")
