"""A proxy as operators should not have it: it holds streams back until enough has come."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

_CHUNK = 64 * 1024


@asynccontextmanager
async def holding_proxy(url: str, hold_bytes: int) -> AsyncIterator[str]:
    """The address of a proxy to `url`. What follows the head of a stream of events is passed on
    only when `hold_bytes` of it are together; all else is passed on at once."""
    parts = urlsplit(url)
    busy: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        busy.add(task)
        there, here = await asyncio.open_connection(parts.hostname, parts.port)
        there_to_fan = asyncio.create_task(_answers(there, writer, hold_bytes))
        try:
            while chunk := await reader.read(_CHUNK):
                here.write(chunk)
                await here.drain()
        except OSError:
            pass
        finally:
            busy.discard(task)
            there_to_fan.cancel()
            here.close()
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.close()
        for task in busy:
            task.cancel()
        await asyncio.gather(*busy, return_exceptions=True)


async def _answers(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, hold_bytes: int
) -> None:
    held, streaming = b"", False
    with contextlib.suppress(OSError):
        while chunk := await reader.read(_CHUNK):
            if streaming:
                held += chunk
                if len(held) >= hold_bytes:
                    writer.write(held)
                    held = b""
            else:
                writer.write(chunk)
                streaming = b"text/event-stream" in chunk
            await writer.drain()
        writer.write(held)
        writer.close()
