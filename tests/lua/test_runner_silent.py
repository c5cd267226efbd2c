"""A server that takes what is sent and says nothing: nobody may wait for it for minutes."""

import asyncio
from typing import Any

import pytest

from usher.errors import Unavailable
from usher.plumbing.lua import FLIGHT_CALLS_MAX, FLIGHTS_MAX, Runner, connect

pytestmark = pytest.mark.anyio


async def test_who_waits_behind_a_silent_server_is_told_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And nothing is sent to it again: flight after flight, the last would wait for minutes."""
    monkeypatch.setattr("usher.plumbing.lua.SOCKET_TIMEOUT_S", 0.3)
    opened: list[asyncio.StreamWriter] = []

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        opened.append(writer)
        await reader.read()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    runner = Runner(connect(f"redis://127.0.0.1:{port}", 8), {})
    calls: list[Any] = []
    for _ in range(2 * FLIGHTS_MAX + 1):
        calls += [runner.command("PING") for _ in range(FLIGHT_CALLS_MAX)]
        await asyncio.sleep(0)
    told = await asyncio.gather(*calls, return_exceptions=True)
    assert {type(each) for each in told} == {Unavailable}
    assert runner.flights <= FLIGHTS_MAX
    assert len(opened) <= FLIGHTS_MAX
    await runner.close()
    for writer in opened:
        writer.close()
    server.close()
