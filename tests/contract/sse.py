"""An EventSource: reads a stream byte by byte as it comes, and remembers the last id."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import httpx
import msgspec

from tests.contract.fan import bearer

# Far beyond what any step takes: a stream that stays silent this long will not speak.
SILENCE_S = 20


class Message(NamedTuple):
    """One event of a stream."""

    event: str
    data: Any
    id: str


class Ended(Exception):
    """The server has ended the stream."""


class Listener:
    """An open stream."""

    def __init__(self, response: httpx.Response) -> None:
        self._chunks = response.aiter_raw()
        self._text = b""
        self.last_id = ""

    async def next(self) -> Message:
        """The next event; comments are passed over. Ended where there is no more."""
        async with asyncio.timeout(SILENCE_S):
            while True:
                block, whole, rest = self._text.partition(b"\n\n")
                if whole:
                    self._text = rest
                    if not block.startswith(b":"):
                        return self._message(block)
                    continue
                try:
                    self._text += await anext(self._chunks)
                except (StopAsyncIteration, httpx.RemoteProtocolError, httpx.ReadError):
                    raise Ended from None

    def _message(self, block: bytes) -> Message:
        fields = dict(line.split(b": ", 1) for line in block.split(b"\n"))
        assert fields.keys() <= {b"event", b"data", b"id"}, block
        self.last_id = fields.get(b"id", self.last_id.encode()).decode()
        data = msgspec.json.decode(fields[b"data"])
        return Message(fields[b"event"].decode(), data, fields.get(b"id", b"").decode())

    async def until(self, wanted: Callable[[Message], bool]) -> Message:
        """The first event that is `wanted`."""
        while True:
            message = await self.next()
            if wanted(message):
                return message

    async def of(self, event: str, state: str = "") -> Message:
        """The next `event`; of those, the first that tells of `state`."""
        return await self.until(
            lambda m: m.event == event and (not state or m.data["state"] == state)
        )


@asynccontextmanager
async def listening(
    http: httpx.AsyncClient, path: str, *, token: str = "", last_id: str = ""
) -> AsyncIterator[Listener]:
    """A stream, open inside the `async with`."""
    headers = bearer(token) if token else {}
    if last_id:
        headers["last-event-id"] = last_id
    async with http.stream("GET", path, headers=headers) as response:
        if response.status_code != 200:
            raise AssertionError(f"{response.status_code} {(await response.aread()).decode()}")
        assert response.headers["content-type"].startswith("text/event-stream")
        assert response.headers["cache-control"] == "no-store"
        yield Listener(response)


class SeatMap:
    """What a page knows of the seats: a snapshot, and the changes after it."""

    def __init__(self, stream: Listener) -> None:
        self.stream = stream
        self.states: list[str] = []
        self.snapshots = 0
        self.notices: list[str] = []

    async def step(self) -> Message:
        """Takes the next event in."""
        message = await self.stream.next()
        match message.event:
            case "snapshot":
                self.states = list(message.data["states"])
                self.snapshots += 1
            case "change":
                for index, state in message.data["seats"]:
                    self.states[index] = state
            case "notice":
                self.notices.append(message.data["text"])
        return message

    async def until(self, guessed: Callable[["SeatMap"], bool]) -> None:
        """Steps until the map is as `guessed`."""
        while not guessed(self):
            await self.step()
