"""A crowd's client against a server that misbehaves: what is asked again, what is counted."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import web

from usher.rehearsal.answers import HoldView, Joined, PlaceView, Refusal
from usher.rehearsal.client import Client
from usher.rehearsal.hall import Board
from usher.rehearsal.tally import Meter
from usher.rehearsal.wire import Unreachable

pytestmark = pytest.mark.anyio

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]
HOLD = {"hold_id": "hld_1", "seats": [{"guid": "A-1", "index": 0}], "expires_in_s": 9}
PLACE = '{"state": "%s", "number": 1, "ahead": 0, "wait_s": null, "poll_after_s": 2}'


class Server:
    """Answers every request with the next of `answers`, the last one for ever."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.seen: list[web.Request] = []

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.seen.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return await answer(request)


def says(status: int, body: object = None, **headers: str) -> Answer:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.json_response(body, status=status, headers=headers)

    return answer


def streams(*lines: str) -> Answer:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        for line in lines:
            await response.write(line.encode())
        return response

    return answer


async def hangs_up(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.close()
    return web.Response()


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
async def client(server: Server) -> AsyncIterator[Client]:
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", server.answer)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    async with Client(f"http://{host}:{port}", "evt_1", Meter(), connections=4) as client:
        yield client
    await runner.cleanup()


async def test_an_answer_is_typed_timed_and_counted(server: Server, client: Client) -> None:
    server.answers = [says(201, HOLD)]
    held = await client.hold("token", {"seats": ["A-1"]}, "key-1")
    assert isinstance(held, HoldView)
    assert held.seats[0].guid == "A-1"
    assert client.meter.answers("hold", 201) == 1
    assert len(client.meter.seconds["hold"]) == 1
    assert server.seen[0].headers["Authorization"] == "Bearer token"
    assert server.seen[0].headers["Idempotency-Key"] == "key-1"


async def test_a_refusal_is_an_answer_and_says_why(server: Server, client: Client) -> None:
    problem = {"code": "seat_taken", "status": 409, "taken": ["A-1"], "detail": "taken: A-1"}
    server.answers = [says(409, problem)]
    held = await client.hold("token", {"seats": ["A-1"]}, "key-1")
    assert isinstance(held, Refusal)
    assert (held.code, held.status, held.taken) == ("seat_taken", 409, ["A-1"])
    assert len(server.seen) == 1


async def test_a_refusal_that_cannot_be_read_is_still_one(server: Server, client: Client) -> None:
    async def garbage(_: web.Request) -> web.StreamResponse:
        return web.Response(status=404, body=b"<html>")

    server.answers = [garbage]
    held = await client.hold("token", {"seats": ["A-1"]}, "key-1")
    assert isinstance(held, Refusal)
    assert (held.code, held.status) == ("unreadable", 404)


@pytest.mark.parametrize("status", [429, 503])
async def test_who_is_told_to_come_back_comes_back(
    server: Server, client: Client, status: int
) -> None:
    retry = {"Retry-After": "0"}
    server.answers = [says(status, {"code": "unavailable"}, **retry), says(201, HOLD)]
    assert isinstance(await client.hold("token", {"seats": ["A-1"]}, "key-1"), HoldView)
    assert client.meter.told_to_wait == 1
    assert client.meter.faults() == 0


async def test_a_fault_is_counted_and_asked_again_with_the_same_key(
    server: Server, client: Client
) -> None:
    server.answers = [says(500, {"code": "fault"}), says(201, HOLD)]
    assert isinstance(await client.hold("token", {"seats": ["A-1"]}, "key-1"), HoldView)
    assert client.meter.faults() == 1
    assert [each.headers["Idempotency-Key"] for each in server.seen] == ["key-1", "key-1"]


async def test_a_lost_connection_is_counted_apart_and_asked_again(
    server: Server, client: Client
) -> None:
    server.answers = [hangs_up, says(202, {"place_token": "p", "place": {"state": "lobby"}})]
    joined = await client.join("")
    assert isinstance(joined, Joined)
    assert client.meter.transport_errors == 1
    assert client.meter.faults() == 0


async def test_an_api_that_never_answers_is_unreachable(
    server: Server, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("usher.rehearsal.wire._BACK_OFF_S", 0.001)
    server.answers = [hangs_up]
    with pytest.raises(Unreachable):
        await client.join("")


async def test_what_is_public_is_fetched_once_for_everybody(server: Server, client: Client) -> None:
    server.answers = [says(200, {"states": "..", "feed_id": "1-0"})]
    assert await asyncio.gather(*(client.states() for _ in range(20))) == [".."] * 20
    assert len(server.seen) == 1


async def test_a_place_is_followed_until_it_is_called(server: Server, client: Client) -> None:
    server.answers = [
        streams(
            f"event: place\ndata: {PLACE % 'waiting'}\n\n",
            ": beat\n\n",
            'event: notice\ndata: {"text": "hello"}\n\n',
            f"event: called\ndata: {PLACE % 'called'}\n\n",
            f"event: place\ndata: {PLACE % 'lapsed'}\n\n",
        )
    ]
    view = await client.follow_place("token", lambda place: place.state != "waiting")
    assert isinstance(view, PlaceView)
    assert view.state == "called"
    assert client.meter.answers("place_stream", 200) == 1


async def test_a_stream_that_ends_or_sends_away_gives_nothing(
    server: Server, client: Client
) -> None:
    for line in (
        "",
        "event: reconnect\ndata: {}\n\n",
        f"event: place\ndata: {PLACE % 'lobby'}\n\n",
    ):
        server.answers = [streams(line)]
        assert await client.follow_place("token", lambda place: place.state == "called") is None


async def test_a_stream_that_is_refused_says_why(server: Server, client: Client) -> None:
    server.answers = [says(401, {"code": "unauthenticated"})]
    view = await client.follow_place("token", lambda _: True)
    assert isinstance(view, Refusal)
    assert view.code == "unauthenticated"


async def test_the_feed_keeps_a_board_and_is_taken_up_where_it_ended(
    server: Server, client: Client
) -> None:
    server.answers = [
        streams(
            'id: 5-0\nevent: snapshot\ndata: {"states": "...."}\n\n',
            'id: 6-0\nevent: change\ndata: {"seats": [[1, "h"], [2, "s"]]}\n\n',
        )
    ]
    board = Board()
    assert await client.follow_feed(board, "") == "6-0"
    assert board.states == b".hs."
    server.answers = [streams('id: 7-0\nevent: change\ndata: {"seats": [[1, "."]]}\n\n')]
    assert await client.follow_feed(board, "6-0") == "7-0"
    assert board.states == b"..s."
    assert server.seen[-1].headers["Last-Event-ID"] == "6-0"


async def test_a_snapshot_of_the_largest_plan_is_one_line(server: Server, client: Client) -> None:
    server.answers = [
        streams('id: 5-0\nevent: snapshot\ndata: {"states": "' + "." * 80_000 + '"}\n\n')
    ]
    board = Board()
    await client.follow_feed(board, "")
    assert len(board.states) == 80_000
