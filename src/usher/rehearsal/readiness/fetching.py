"""Looking at the public address as a fan's browser would: answers, headers, first times, TLS."""

import asyncio
import ipaddress
import re
import ssl
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final, NamedTuple
from urllib.parse import urlsplit

import aiohttp

from usher.plumbing.answer import PRIVATE, PUBLIC_SECOND
from usher.rehearsal.readiness.front import ColdFact, HeaderFact, TlsFacts

_REQUEST_S: Final = 10.0
_AGAIN: Final = 4
_FOREVER: Final = "public, max-age=31536000, immutable"
_STATIC: Final = re.compile(r'"(/static/[^"]+\.(?:css|js))"')


class Fetched(NamedTuple):
    """An answer: what it took, to the last byte."""

    status: int
    headers: Mapping[str, str]  # of any case
    body: bytes
    ms: float


class Looker:
    """Asks a site. Use as an async context manager; aiohttp.ClientError, OSError and TimeoutError
    where nothing answers."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self._session: aiohttp.ClientSession

    async def __aenter__(self) -> "Looker":
        self._session = aiohttp.ClientSession(
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=_REQUEST_S),
            auto_decompress=False,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()
        await asyncio.sleep(0)

    async def get(self, path: str, **headers: str) -> Fetched:
        """One answer, redirects not followed. Names of headers with _ for -."""
        began = time.perf_counter()
        async with self._session.get(
            self.url + path,
            headers={"Accept-Encoding": "gzip"}
            | {n.replace("_", "-"): v for n, v in headers.items()},
            allow_redirects=False,
        ) as response:
            body = await response.read()
            return Fetched(
                response.status, response.headers, body, (time.perf_counter() - began) * 1000
            )

    async def cold(self, event: str) -> tuple[list[ColdFact], list[HeaderFact]]:
        """Each route of an event that a crowd asks for, for the first time and again; and the
        headers of what came."""
        api = f"/api/v1/events/{event}"
        routes = {
            "event page": f"/events/{event}",
            "plan": f"{api}/plan",
            "seats": f"{api}/seats",
            "queue": f"{api}/queue",
        }
        cold: list[ColdFact] = []
        first: dict[str, Fetched] = {}
        for route, path in list(routes.items()):
            first[route] = await self._twice(route, path, cold)
            if route == "event page" and (found := _static_in(first[route])):
                first["static file"] = await self._twice("static file", found, cold)
        headers = [fact for route, told in first.items() for fact in _headers(route, told)]
        if etag := first["plan"].headers.get("etag", ""):
            again = await self.get(routes["plan"], If_None_Match=etag)
            headers.append(_fact("plan, asked again", "status", "304", str(again.status)))
        return cold, headers

    async def _twice(self, route: str, path: str, cold: list[ColdFact]) -> Fetched:
        first = await self.get(path)
        later = [(await self.get(path)).ms for _ in range(_AGAIN)]
        cold.append(ColdFact(route=route, first_ms=first.ms, later_ms=min(later)))
        return first


def _static_in(page: Fetched) -> str:
    import zlib

    body = page.body
    if page.headers.get("content-encoding") == "gzip":
        body = zlib.decompress(body, zlib.MAX_WBITS | 16)
    found = _STATIC.search(body.decode("utf-8", "replace"))
    return found[1] if found else ""


def _fact(route: str, header: str, wanted: str, got: str, *, private: bool = False) -> HeaderFact:
    return HeaderFact(route=route, header=header, wanted=wanted, got=got, private=private)


def _headers(route: str, told: Fetched) -> list[HeaderFact]:
    """The headers of an answer that matter, as the API sends them and as they came."""
    cache = told.headers.get("cache-control", "")
    encoding = told.headers.get("content-encoding", "")
    if told.status != 200:
        return [_fact(route, "status", "200", str(told.status))]
    match route:
        case "event page":
            age = told.headers.get("age", "")
            return [
                _fact(route, "cache-control", PRIVATE, cache, private=True),
                _fact(route, "age", "", age, private=True),
                _fact(route, "content-encoding", "gzip", encoding),
            ]
        case "plan":
            tag = "there" if told.headers.get("etag") else ""
            return [
                _fact(route, "cache-control", _FOREVER, cache),
                _fact(route, "etag", "there", tag),
                _fact(route, "content-encoding", "gzip", encoding),
            ]
        case "static file":
            return [
                _fact(route, "cache-control", _FOREVER, cache),
                _fact(route, "content-encoding", "gzip", encoding),
            ]
        case _:
            return [_fact(route, "cache-control", PUBLIC_SECOND, cache)]


def is_loopback(url: str) -> bool:
    """Whether an address can only be this machine's own."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


async def look_at_tls(url: str) -> TlsFacts | None:
    """A handshake with an https: address; None for others."""
    parts = urlsplit(url)
    if parts.scheme != "https":
        return None
    context = ssl.create_default_context()
    context.set_alpn_protocols(["h2", "http/1.1"])
    try:
        async with asyncio.timeout(_REQUEST_S):
            _, writer = await asyncio.open_connection(
                parts.hostname, parts.port or 443, ssl=context, server_hostname=parts.hostname
            )
    except ssl.SSLCertVerificationError as fault:
        return TlsFacts(fault=f"the certificate is not good: {fault.verify_message}")
    except (OSError, TimeoutError) as fault:
        return TlsFacts(fault=f"no handshake: {fault or type(fault).__name__}")
    try:
        link: ssl.SSLObject = writer.get_extra_info("ssl_object")
        until = ssl.cert_time_to_seconds(str((link.getpeercert() or {})["notAfter"]))
        left = datetime.fromtimestamp(until, UTC) - datetime.now(UTC)
        return TlsFacts(
            version=link.version() or "",
            days=left.days,
            h2=link.selected_alpn_protocol() == "h2",
        )
    finally:
        writer.close()
