"""Streams of places and bookings; slow readers, a process that goes, a full house."""

import asyncio
import gc
import re
import resource
import select
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any, cast
from urllib.parse import urlsplit

import httpx
import pytest
import uvicorn
from litestar.types import Receive

from tests.conftest import Site
from tests.contract.fan import Fan, a_deadline, private, refused
from tests.contract.organiser import Organiser
from tests.contract.sse import Ended, SeatMap, listening
from tests.sale import put_on_sale
from usher import limits
from usher.errors import Unavailable
from usher.feed import positions, service
from usher.feed.streams import PlaceStream, SeatStream
from usher.ids import new_id
from usher.overload import guarded
from usher.plumbing.doorstep import doorstep
from usher.plumbing.express import Express
from usher.plumbing.sse import Stream, chunk, encode
from usher.queue.service import Place
from usher.settings import environ_of
from usher.up import free_port
from usher.venue.generate import rows_by_columns
from usher.web import build_app
from usher.wiring import House

pytestmark = pytest.mark.anyio


async def test_a_place_is_told_every_step(
    house: House, http: httpx.AsyncClient, organiser: dict[str, str]
) -> None:
    event = await put_on_sale(house, rows_by_columns(1, 4), state="lobby", gate_state="paused")
    boss = Organiser(http, event, organiser)
    fan, other = Fan(http, event), Fan(http, event)
    await fan.join()
    await other.join()
    path = f"{fan.path}/queue/stream"
    async with listening(http, path, token=fan.place) as stream:
        assert (await stream.of("place")).data["state"] == "lobby"
        await boss.sale(state="open")
        waiting = (await stream.of("place", "waiting")).data
        assert waiting["number"] in (0, 1)
        await other.ask("DELETE", "/queue/place", token=other.place)
        await boss.gate(state="open")
        called = (await stream.of("called")).data
        assert called["state"] == "called"
        a_deadline(called, limits.claim_s_default)
        private(await fan.claim(), 200)
        admitted = (await stream.of("place", "admitted")).data
        a_deadline(admitted, limits.shop_s_default)
        await fan.ask("DELETE", "/queue/place", token=fan.place)
        await stream.of("place", "left")


async def test_a_lobby_costs_the_same_however_many_are_in_it(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody in it is asked about one by one before the draw is done (invariant 7)."""
    event = await put_on_sale(house, rows_by_columns(1, 4), state="lobby")
    await asyncio.sleep(2.1)  # or the hub hears that the seats were laid out, and asks everybody
    asked: list[str] = []
    streams: list[PlaceStream] = []
    for _ in range(30):
        joined = await house.queue.join(event, new_id("fan"))
        place = house.queue.place_of(event, joined.place_token)

        async def refresh(place: Place = place) -> dict[str, Any]:
            asked.append(place.place_id)
            return await house.queue.place(place)

        streams.append(PlaceStream(place.place_id, refresh))
        await house.hub.add_place(event, streams[-1])
    assert len(asked) == 30  # each once, when it came
    told: list[bytes] = []

    def push(_: Stream, chunk: bytes) -> bool:
        told.append(chunk)
        return True

    monkeypatch.setattr(Stream, "push", push)
    monkeypatch.setattr(positions, "STILL_S", 0.0)
    house.hub.start()
    for _ in range(400):
        if len(told) >= 3 * 30:
            break
        await asyncio.sleep(0.05)
    assert len(told) >= 3 * 30
    assert len(asked) == 30
    assert len(set(told[:30])) == 1
    for stream in streams:
        house.hub.remove_place(event, stream)


async def test_all_who_wait_are_told_the_end_and_that_it_was_none(
    house: House, http: httpx.AsyncClient, organiser: dict[str, str]
) -> None:
    event = await put_on_sale(house, rows_by_columns(1, 4), gate_state="paused")
    fan = Fan(http, event)
    await fan.join()
    async with listening(http, f"{fan.path}/queue/stream", token=fan.place) as stream:
        assert (await stream.of("place")).data["state"] == "waiting"
        boss = Organiser(http, event, organiser)
        await boss.sale(state="closed")
        assert (await stream.of("place", "closed")).data["reason"] == "closed"
        await boss.sale(state="open")
        waiting = (await stream.of("place", "waiting")).data
        assert (waiting["number"], waiting["ahead"]) == (0, 0)
        await boss.sale(state="paused")
        await stream.until(lambda each: each.data.get("paused") and each.data["left"] == 4)


async def test_a_booking_is_told_every_step(fan: Fan, row: list[str]) -> None:
    hold = await fan.held(row[0])
    booking = private(await fan.book(hold["hold_id"]), 202)["booking_id"]
    path = f"/api/v1/bookings/{booking}/stream"
    async with listening(fan.http, path, token=fan.admission) as stream:
        first = (await stream.next()).data
        assert first["state"] in ("pending", "awaiting_payment")
        if first["state"] == "pending":
            await stream.of("booking", "awaiting_payment")
        await fan.pay(booking)
        confirmed = (await stream.of("booking", "confirmed")).data
        assert [ticket["guid"] for ticket in confirmed["tickets"]] == row[:1]
    async with listening(fan.http, path, token=fan.identity) as stream:
        assert (await stream.of("booking")).data["state"] == "confirmed"


async def test_a_declined_payment_is_told(fan: Fan, row: list[str]) -> None:
    """No booking moves, and yet its fan waits for this."""
    booking = await fan.booked(row[0])
    async with listening(
        fan.http, f"/api/v1/bookings/{booking}/stream", token=fan.admission
    ) as stream:
        await stream.of("booking", "awaiting_payment")
        await fan.pay(booking, "decline")
        told = await stream.until(lambda each: "payment" in each.data)
        assert (told.data["state"], told.data["payment"]["state"]) == (
            "awaiting_payment",
            "declined",
        )


async def test_a_cancellation_is_told(fan: Fan, row: list[str]) -> None:
    booking = await fan.booked(row[0])
    path = f"/api/v1/bookings/{booking}"
    async with listening(fan.http, f"{path}/stream", token=fan.admission) as stream:
        await stream.of("booking", "awaiting_payment")
        await fan.ask("POST", f"{path}/cancellation")
        await stream.of("booking", "cancelled")


async def gauge(http: httpx.AsyncClient, name: str) -> float:
    """A figure of /metrics."""
    lines = (await http.get("/metrics")).text.splitlines()
    return float(next(line for line in lines if line.startswith(f"{name} ")).split()[-1])


class Sluggish:
    """A reader on a socket of its own, with next to no buffer: takes the snapshot, and then nothing
    any more."""

    def __init__(self, url: str, path: str) -> None:
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        address = urlsplit(url)
        self._socket.connect((address.hostname, address.port))
        self._socket.sendall(f"GET {path} HTTP/1.1\r\nHost: {address.netloc}\r\n\r\n".encode())
        self._poll = select.poll()
        self._poll.register(self._socket, select.POLLHUP | select.POLLERR)
        text = b""
        while b'"}\n\n' not in text:
            text += self._socket.recv(64)
        found = re.search(rb'id: (\S+)\nevent: snapshot\ndata: {"states":"([^"]+)"}', text)
        assert found is not None, text
        self.last_id, self.states = found[1].decode(), list(found[2].decode())

    @property
    def cut(self) -> bool:
        """Whether the other side has hung up."""
        return bool(self._poll.poll(0))

    def close(self) -> None:
        self._socket.close()


async def test_readers_who_do_not_read_are_cut_off_and_miss_nothing(
    house: House, site: Site, http: httpx.AsyncClient
) -> None:
    """Dropped and disconnected, also where they never take a byte; nobody else is kept waiting.
    Come back with the last id they have, they hear everything since, once and in order."""
    event = await put_on_sale(house, rows_by_columns(1, 40), mode="simple", seats_max=40)
    path = f"/api/v1/events/{event}/feed"
    fan = await Fan(http, event).come_in()
    dropped = await gauge(http, "usher_sse_dropped_total")
    slow = [await asyncio.to_thread(Sluggish, site.url, path) for _ in range(3)]
    said: list[str] = []
    async with listening(http, path) as stream:
        seats = SeatMap(stream)
        await seats.step()
        # More than the buffers of both ends take, so that news after it finds no room; told in
        # steps, for a reader who does read keeps up with a step.
        while not all(each.cut for each in slow) and len(said) < 800:
            for _ in range(20):
                said.append(f"{len(said)} {'x' * 30_000}")
                await house.feed_scripts.notice(event, said[-1])
            if len(said) // 20 <= 40:
                await fan.held(f"A-{len(said) // 20}")
            while len(seats.notices) < len(said):
                await seats.step()
    assert [each.cut for each in slow] == [True] * 3, "a connection is still open"
    assert await gauge(http, "usher_sse_dropped_total") == dropped + 3
    await house.feed_scripts.notice(event, "the end")
    said.append("the end")
    fresh = (await http.get(f"/api/v1/events/{event}/seats")).json()
    assert "h" in fresh["states"]
    for each in slow:
        each.close()
        async with listening(http, path, last_id=each.last_id) as stream:
            back = SeatMap(stream)
            back.states = each.states
            await back.until(lambda back: back.stream.last_id == fresh["feed_id"])
        assert back.snapshots == 0
        assert back.notices == said
        assert "".join(back.states) == fresh["states"]


async def until(true: Callable[[], bool]) -> None:
    """Returns when it is so."""
    for _ in range(200):
        if true():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it never came to be so")


@pytest.fixture
def neighbour(site: Site) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A second API process on the same servers, and its address."""
    port = free_port("127.0.0.1", 0)
    url = f"http://127.0.0.1:{port}"
    environ = environ_of(site.settings.with_(port=port, public_url=url))

    def as_shells_are() -> None:
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))

    process = subprocess.Popen(
        [sys.executable, "-m", "usher", "serve"], env=environ, preexec_fn=as_shells_are
    )
    try:
        yield process, url
    finally:
        process.kill()
        process.wait(30)


async def test_a_process_that_goes_sends_its_readers_on(
    neighbour: tuple[subprocess.Popen[bytes], str], simple_event: str, fan: Fan, row: list[str]
) -> None:
    process, url = neighbour
    booking = await fan.booked(row[0])
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=30) as there:
        for _ in range(300):
            try:
                if (await there.get("/readyz")).is_success:
                    break
            except httpx.TransportError:
                await asyncio.sleep(0.1)
        soft, hard = resource.prlimit(process.pid, resource.RLIMIT_NOFILE)
        assert soft == hard  # or the 250th stream would find no room
        async with (
            listening(there, f"{fan.path}/feed") as seats,
            listening(there, f"{fan.path}/queue/stream", token=fan.place) as place,
            listening(there, f"/api/v1/bookings/{booking}/stream", token=fan.admission) as payment,
        ):
            streams = (seats, place, payment)
            for stream in streams:
                await stream.next()
            process.send_signal(signal.SIGTERM)
            for stream in streams:
                await stream.until(lambda message: message.event == "reconnect")
                with pytest.raises(Ended):
                    await stream.next()
    # uvicorn, having closed in order, ends by the signal it was sent.
    assert process.wait(20) in (0, -signal.SIGTERM)


@pytest.fixture
async def inside(house: House) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a server in this process, whose hub is `house.hub`, behind all that stands before
    the application."""
    port = free_port("127.0.0.1", 0)
    shed = guarded(Express(build_app(house)), house)
    config = uvicorn.Config(
        cast(Any, shed),
        port=port,
        http=doorstep(shed, 1_000),
        lifespan="off",
        log_config=None,
        access_log=False,
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    await until(lambda: server.started)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http:
        yield http
    server.should_exit = True
    await serving


async def test_a_full_house_says_so(
    house: House, inside: httpx.AsyncClient, simple_event: str
) -> None:
    """Refused, with the time to come back, before anything of a stream has begun."""
    house.hub.streams = limits.sse_streams_max
    path = f"/api/v1/events/{simple_event}"
    for part in ("/feed", "/queue/stream"):
        problem = refused(await inside.get(path + part), 503, "unavailable")
        assert problem["retry_after_s"] > 0
    house.hub.streams = 0
    house.hub.draining = True
    refused(await inside.get(f"{path}/feed"), 503, "unavailable")
    ready = await inside.get("/readyz")
    assert (ready.status_code, ready.json()["state"]) == (503, "draining")


@pytest.mark.parametrize("what", ["told to stop", "Redis away"])
async def test_a_stream_begun_as_the_house_goes_is_sent_on(
    house: House,
    inside: httpx.AsyncClient,
    simple_event: str,
    monkeypatch: pytest.MonkeyPatch,
    what: str,
) -> None:
    """Between letting a stream in and knowing of it: nobody else would end it."""
    add = house.hub.add_seats

    async def interrupted(event: str, stream: SeatStream, at: str) -> None:
        await add(event, stream, at)
        if what == "Redis away":
            raise Unavailable("Redis did not answer")
        house.hub.draining = True

    monkeypatch.setattr(house.hub, "add_seats", interrupted)
    answer = await inside.get(f"/api/v1/events/{simple_event}/feed")
    assert answer.text.endswith("event: reconnect\ndata: {}\n\n")
    await until(lambda: house.hub.streams == 0)


async def test_whoever_leaves_is_forgotten(
    house: House, inside: httpx.AsyncClient, simple_event: str
) -> None:
    for _ in range(3):
        async with listening(inside, f"/api/v1/events/{simple_event}/feed") as stream:
            await stream.next()
            assert house.hub.streams == 1
        await until(lambda: house.hub.streams == 0)


async def test_a_stream_that_found_no_room_was_none(
    house: House, inside: httpx.AsyncClient, simple_event: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client that has not taken earlier answers may fill its buffer with the head alone. Were it
    counted when it is gone, and not when it comes, it would make room where there is none."""
    take_over = Stream._take_over

    def full(stream: Stream, receive: Receive) -> bool:
        taken = take_over(stream, receive)
        stream.pause_writing()
        return taken

    monkeypatch.setattr(Stream, "_take_over", full)
    with pytest.raises(httpx.TransportError):
        await inside.get(f"/api/v1/events/{simple_event}/feed")
    await asyncio.sleep(0.1)
    assert house.hub.streams == 0


async def test_nothing_of_a_request_lives_as_long_as_its_stream(
    house: House, inside: httpx.AsyncClient, simple_event: str
) -> None:
    """Neither the server's parser nor its task, nor what the framework made of the request; and
    nobody has to collect them."""

    def alive() -> set[str]:
        kinds = ("RequestResponseCycle", "Doorstep", "HttpRequestParser", "StrictRequest")
        return {type(each).__name__ for each in gc.get_objects()} & set(kinds)

    joined = await house.queue.join(simple_event, new_id("fan"))
    path = f"/api/v1/events/{simple_event}"
    gc.collect()
    gc.disable()
    try:
        async with (
            listening(inside, f"{path}/feed") as seats,
            listening(inside, f"{path}/queue/stream", token=joined.place_token) as place,
        ):
            await seats.next()
            await place.next()
            # The connections on which answers were read are kept, but not by anything of ours.
            for answer in (f"{path}/queue", "/healthz", "/static/0/app.css"):
                assert (await inside.get(answer, headers={"connection": "close"})).is_success
            await until(lambda: not alive())
    finally:
        gc.enable()


@asynccontextmanager
async def by_hand(
    http: httpx.AsyncClient, *paths: str
) -> AsyncIterator[Callable[[bytes], Awaitable[bytes]]]:
    """A connection on which all of `paths` are asked for at once; a function that reads until
    something has come, and gives all that has."""
    reader, writer = await asyncio.open_connection(http.base_url.host, http.base_url.port)
    for path in paths:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: usher.test\r\n\r\n".encode())
    come = b""

    async def read(wanted: bytes) -> bytes:
        nonlocal come
        async with asyncio.timeout(20):
            while wanted not in come:
                piece = await reader.read(4_096)
                assert piece, come
                come += piece
        return come

    yield read
    writer.close()


async def test_a_request_behind_a_stream_is_not_answered_into_it(
    house: House, inside: httpx.AsyncClient, simple_event: str
) -> None:
    """Nobody sends one, but for who hopes that two answers get mixed up."""
    house.hub.start()
    async with by_hand(inside, f"/api/v1/events/{simple_event}/feed", "/healthz") as read:
        await read(b"event: snapshot")
        await house.feed_scripts.notice(simple_event, "Doors at 7")
        come = await read(b"Doors at 7")
        assert come.count(b"HTTP/1.1") == 1
    await until(lambda: house.hub.streams == 0)
    await house.feed_scripts.notice(simple_event, "")


async def test_a_stream_without_news_beats(
    house: House, inside: httpx.AsyncClient, simple_event: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "BEAT_S", 0.01)
    house.hub.start()
    async with by_hand(inside, f"/api/v1/events/{simple_event}/feed") as read:
        await read(b"8\r\n: beat\n\n\r\n")


async def test_a_stream_with_news_needs_no_beat(
    house: House, inside: httpx.AsyncClient, simple_event: str
) -> None:
    async with by_hand(inside, f"/api/v1/events/{simple_event}/feed") as read:
        await read(b"event: snapshot")
        (stream,) = house.hub._room(simple_event).seats
        assert not stream.beat(3)
        assert not stream.beat(3)
        stream.push(chunk(encode("notice", b"{}")))
        assert not stream.beat(3)
        assert not stream.beat(3)
        assert b": beat" not in await read(b"event: notice")
        assert stream.beat(3)
        await read(b": beat")
