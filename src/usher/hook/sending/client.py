"""Posting to addresses that others chose (OWASP: Server-Side Request Forgery Prevention).

Names are looked up here, each time: the address that was found good is the one that is connected
to, so no name may lead elsewhere between the look and the call. TLS goes by the name all the same.
No redirect is followed, no proxy is asked, no connection is used twice, little of the answer is
read.
"""

import asyncio
import socket
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from ssl import SSLContext
from typing import Final

import httpx

from usher import limits
from usher.hook.model import SENDING_S, Told, is_public

_LOOKUPS_MAX: Final = 16  # names looked up at a time: slow name servers keep threads busy
_WAIT_S_MAX: Final = 3_600.0


class Unwelcome(Exception):
    """A name that leads to no public address, or `nowhere`."""

    def __init__(self, what: str, *, nowhere: bool = False) -> None:
        super().__init__(what)
        self.nowhere = nowhere


class Resolver:
    """Looks names up, on threads of its own."""

    def __init__(self, *, private: bool) -> None:
        self._private = private
        self._threads = ThreadPoolExecutor(_LOOKUPS_MAX, thread_name_prefix="lookup")

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def addresses(self, host: str, port: int) -> list[str]:
        """Where a name leads, every one of it somewhere we may go; Unwelcome."""
        loop = asyncio.get_running_loop()
        try:
            found = await loop.run_in_executor(
                self._threads, _look_up, host.removeprefix("[").removesuffix("]"), port
            )
        except (OSError, UnicodeError):
            raise Unwelcome("the name leads nowhere", nowhere=True) from None
        if not self._private and not all(is_public(each) for each in found):
            raise Unwelcome("the address is not a public one")
        return found


def _look_up(host: str, port: int) -> list[str]:
    rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(row[4][0]) for row in rows))


class Sender:
    """Posts one delivery at a time for each caller; `async with` opens and closes it."""

    def __init__(self, resolver: Resolver, agent: str, verify: SSLContext | bool = True) -> None:
        self._resolver = resolver
        self._agent = agent
        self._verify = verify
        self._http: httpx.AsyncClient | None = None

    async def __aenter__(self) -> "Sender":
        # No connection stays open: one to an address was trusted by one name only.
        self._http = httpx.AsyncClient(
            timeout=SENDING_S,
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=0),
            trust_env=False,
            follow_redirects=False,
            verify=self._verify,
            headers={
                "user-agent": self._agent,
                "content-type": "application/json",
                "accept-encoding": "identity",
                "connection": "close",
            },
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._http is not None:
            await self._http.aclose()
            self._http = None

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Told:
        """What the receiver answers within SENDING_S; raises nothing that it may have caused."""
        try:
            async with asyncio.timeout(SENDING_S):
                return await self._post(httpx.URL(url), body, headers)
        except TimeoutError:
            return Told(None, fault=f"no answer within {SENDING_S:.0f} s")
        except Unwelcome as fault:
            return Told(None, fault=str(fault))
        except httpx.TimeoutException:
            return Told(None, fault="the receiver was too slow")
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, OSError) as fault:
            # Its own words may tell of a network that its owner should know nothing of.
            return Told(None, fault=f"not reached: {type(fault).__name__}")

    async def _post(self, url: httpx.URL, body: bytes, headers: Mapping[str, str]) -> Told:
        http = self._http
        assert http is not None, "not opened"
        port = url.port or (443 if url.scheme == "https" else 80)
        addresses = await self._resolver.addresses(url.raw_host.decode("ascii"), port)
        for last, address in enumerate(addresses, start=1 - len(addresses)):
            request = http.build_request(
                "POST",
                url.copy_with(host=address),
                content=body,
                headers={**headers, "host": url.netloc.decode("ascii")},
                extensions={"sni_hostname": url.raw_host.decode("ascii")},
            )
            try:
                answer = await http.send(request, stream=True)
            except httpx.ConnectError:
                if last == 0:
                    raise
                continue
            try:
                return _told(answer, await _begin(answer))
            finally:
                await answer.aclose()
        raise Unwelcome("the name leads nowhere", nowhere=True)


async def _begin(answer: httpx.Response) -> str:
    """The first of an answer, as text; whatever becomes of the rest."""
    raw = b""
    try:
        async with asyncio.timeout(1):
            async for chunk in answer.aiter_raw():
                raw += chunk[: limits.hook_answer_bytes_max - len(raw)]
                if len(raw) >= limits.hook_answer_bytes_max:
                    break
    except (httpx.HTTPError, TimeoutError, ValueError):
        pass  # what it thinks of the delivery, its status has said
    text = raw.decode("utf-8", "replace")
    return "".join(c if c.isprintable() or c == "\n" else " " for c in text).strip()


def _told(answer: httpx.Response, text: str) -> Told:
    status = answer.status_code
    if answer.is_success:
        return Told(status, text)
    if answer.is_redirect:
        return Told(status, text, "answered with a redirect, which is not followed")
    return Told(status, text, f"answered {status}", _wait_s(answer))


def _wait_s(answer: httpx.Response) -> float:
    """Retry-After in seconds, where it is said so; its dates are not read."""
    text = answer.headers.get("retry-after", "").strip()
    return min(_WAIT_S_MAX, float(text)) if text.isascii() and text.isdigit() else 0.0
