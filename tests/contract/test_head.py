"""HEAD is answered as GET is, without the body, on a connection that goes on."""

import asyncio

import httpx
import pytest

from tests.contract.fan import Fan
from usher.pages import make_pages
from usher.wiring import House


@pytest.mark.parametrize(
    "path",
    ["/", "/healthz", "/readyz", "/metrics", "/api/v1/events", "/nowhere", "/api/v1/nowhere"],
)
async def test_it_says_what_get_would(http: httpx.AsyncClient, path: str) -> None:
    got, head = await http.get(path), await http.head(path)
    assert head.status_code == got.status_code
    assert head.headers["content-type"] == got.headers["content-type"]
    assert head.content == b""


async def test_files_and_an_event(http: httpx.AsyncClient, house: House, simple_event: str) -> None:
    digest = make_pages(house).assets.digest
    for path in (
        f"/static/{digest}/app.css",
        f"/events/{simple_event}",
        f"/api/v1/events/{simple_event}/queue",
        f"/api/v1/events/{simple_event}/seats",
    ):
        got, head = await http.get(path), await http.head(path)
        assert head.status_code == got.status_code == 200
        assert int(head.headers["content-length"]) > 0
        assert head.content == b""


async def test_what_is_no_get_is_refused(http: httpx.AsyncClient, fan: Fan) -> None:
    assert (await http.head(f"{fan.path}/holds")).status_code == 405
    assert (await http.head("/api/v1/bookings")).status_code == 401


async def test_streams_are_refused(http: httpx.AsyncClient, simple_event: str) -> None:
    """They would have no end."""
    for part in ("feed", "queue/stream"):
        path = f"/api/v1/events/{simple_event}/{part}"
        assert (await http.head(path)).status_code == 405


async def test_the_connection_goes_on(http: httpx.AsyncClient, simple_event: str) -> None:
    host, port = http.base_url.host, http.base_url.port
    reader, writer = await asyncio.open_connection(host, port)
    path = f"/api/v1/events/{simple_event}/queue"
    for method in ("HEAD", "GET", "HEAD", "GET"):
        writer.write(f"{method} {path} HTTP/1.1\r\nhost: usher.test\r\n\r\n".encode())
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
        assert head.startswith(b"HTTP/1.1 200 ")
        if method == "GET":
            length = int(head.partition(b"content-length: ")[2].split(b"\r")[0])
            assert (await reader.readexactly(length)).startswith(b"{")
    writer.close()
