"""Many HTTP requests at one moment: every connection has sent all but its last byte beforehand."""

import asyncio
import json
from typing import Any, NamedTuple
from urllib.parse import urlsplit


class Shot(NamedTuple):
    """One request to be."""

    method: str
    path: str
    token: str
    body: Any


class Answer(NamedTuple):
    """`status` is 0 where the connection ended before the answer."""

    status: int
    headers: dict[str, str]
    body: Any


async def volley(url: str, shots: list[Shot]) -> list[Answer]:
    """Their answers, in the order of `shots`."""
    where = urlsplit(url)
    loaded = [
        (*await asyncio.open_connection(where.hostname, where.port), _bytes(shot)) for shot in shots
    ]
    try:
        for _, writer, words in loaded:
            writer.write(words[:-1])
        await asyncio.gather(*(writer.drain() for _, writer, _ in loaded))
        await asyncio.sleep(0.2)  # the server has read them all
        for _, writer, words in loaded:
            writer.write(words[-1:])
        return await asyncio.gather(*(_answer(reader) for reader, _, _ in loaded))
    finally:
        for _, writer, _ in loaded:
            writer.close()


def _bytes(shot: Shot) -> bytes:
    body = json.dumps(shot.body).encode()
    head = (
        f"{shot.method} {shot.path} HTTP/1.1\r\nhost: usher\r\n"
        f"authorization: Bearer {shot.token}\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def _answer(reader: asyncio.StreamReader) -> Answer:
    try:
        async with asyncio.timeout(60):
            return await _read(reader)
    except (ConnectionError, asyncio.IncompleteReadError):
        return Answer(0, {}, None)


async def _read(reader: asyncio.StreamReader) -> Answer:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    status, *lines = head.split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Answer(int(status.split(" ")[1]), headers, json.loads(body) if body else None)
