"""A crowd joins: the real script, many calls at once, on a connection of its own."""

import asyncio
import os
import time
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from loadtests.bench.wire import command
from usher.ids import PREFIXES
from usher.keys import Keys
from usher.wiring import House

CHUNK: Final = 1_000
# While one chunk is worked on the next lies ready: it is the server that is waited for.
AHEAD: Final = 2
_ID_BYTES: Final = 10


class Filled(NamedTuple):
    """Who joined, in that order, and how long it took with the client's own work."""

    places: list[str]
    seconds: float


async def fill(house: House, event: str, fans: int, *, word: str) -> Filled:
    """`fans` new places by queue/join; RuntimeError unless every one of them is answered `word`."""
    url = urlsplit(house.settings.redis_url)
    reader, writer = await asyncio.open_connection(url.hostname, url.port, limit=1 << 22)
    try:
        writer.write(command("AUTH", url.password or ""))
        await reader.readuntil(b"\r\n")
        script = house.runner.scripts["queue/join"]
        text = command("SCRIPT", "LOAD", script.text)
        writer.write(text)
        await reader.readuntil(script.sha.encode() + b"\r\n")
        keys = Keys(event).named(script.keys)
        sample = f"{PREFIXES['place']}_{'0' * 2 * _ID_BYTES}"
        head = command("EVALSHA", script.sha, len(keys), *keys, sample)
        head = head[: -len(sample) - 2]
        places: list[str] = []
        sizes: list[int] = []
        began = time.perf_counter()
        for start in range(0, fans, CHUNK):
            fresh = [_place() for _ in range(min(CHUNK, fans - start))]
            places += fresh
            writer.write(b"".join([head + place.encode() + b"\r\n" for place in fresh]))
            writer.write(b"*1\r\n$4\r\nPING\r\n")
            sizes.append(len(fresh))
            if len(sizes) > AHEAD:
                await _answered(reader, word, sizes.pop(0))
        for size in sizes:
            await _answered(reader, word, size)
        return Filled(places, time.perf_counter() - began)
    finally:
        writer.close()


def _place() -> str:
    return f"{PREFIXES['place']}_{os.urandom(_ID_BYTES).hex()}"


async def _answered(reader: asyncio.StreamReader, word: str, count: int) -> None:
    replies = await reader.readuntil(b"+PONG\r\n")
    if (found := replies.count(b"\r\n%b\r\n" % word.encode())) != count:
        raise RuntimeError(f"{count - found} of {count} were not told {word}: {replies[:200]!r}")
