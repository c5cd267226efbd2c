"""JSON answers with their cookies and cache rules, built once, by hand.

Handlers on the hot path return these: Litestar passes an ASGIResponse through as it is.
"""

from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import Any, Final

import msgspec
from litestar import Response
from litestar.datastructures import Cookie
from litestar.openapi.datastructures import ResponseSpec
from litestar.response.base import ASGIResponse
from litestar.types import Receive, Scope, Send

PRIVATE = "no-store"
PUBLIC_SECOND = "public, max-age=1"
# Stands in the scope of a request whose server takes a whole answer as bytes (plumbing/doorstep).
ONE_WRITE: Final = "usher.one_write"
_STATUS_LINES: Final = {
    each.value: b"HTTP/1.1 %d %b\r\n" % (each.value, each.phrase.encode()) for each in HTTPStatus
}


def on_the_wire(status: int, head: Sequence[tuple[bytes, bytes]], body: bytes) -> bytes:
    """An answer as bytes of HTTP/1.1; ValueError where a header would be more than one line."""
    lines = b"".join([b"%b: %b\r\n" % pair for pair in head])
    if lines.count(b"\n") != len(head) or lines.count(b"\r") != len(head):
        raise ValueError("a header holds the end of a line")
    return b"%b%b\r\n%b" % (_STATUS_LINES[status], lines, body)


class Money(msgspec.Struct):
    """An amount in minor units of a currency (ISO 4217)."""

    amount: int
    currency: str


def shaped(
    kind: Any, status: int = 200, text: str = "As asked.", media: str = "application/json"
) -> dict[int, ResponseSpec]:
    """For the API's description: what the answer with `status` holds. Handlers send bytes."""
    return {status: ResponseSpec(kind, description=text, media_type=media, generate_examples=False)}


class Answer(ASGIResponse):
    """An answer whose headers are laid out once. Litestar's own goes through a mapping that scans
    its list for every header set: 7 % of a hold."""

    __slots__ = ("_head",)

    def __init__(self, body: bytes, status: int, head: list[tuple[bytes, bytes]]) -> None:
        self.body = body
        self.status_code = status
        self.background = None
        self._head = head

    def raw(self) -> bytes:
        """The whole of it, as it goes out."""
        return on_the_wire(self.status_code, self._head, self.body)

    def to_asgi_response(self, *_: Any, **__: Any) -> "Answer":
        """Itself: so that it may also be what an exception handler gives."""
        return self

    async def __call__(
        self,
        scope: Scope,
        receive: Receive,  # noqa: ARG002 - as ASGI calls it
        send: Send,
    ) -> None:
        await send(
            {"type": "http.response.start", "status": self.status_code, "headers": self._head}
        )
        body = b"" if scope.get("method") == "HEAD" else self.body
        await send({"type": "http.response.body", "body": body, "more_body": False})


def answer(
    content: Any,
    status: int = 200,
    *,
    cache: str = PRIVATE,
    cookies: Iterable[str] = (),
    headers: Iterable[tuple[str, str]] = (),
) -> ASGIResponse:
    """`content` as JSON (bytes are sent as they are), with Set-Cookie values."""
    body = content if isinstance(content, bytes) else msgspec.json.encode(content)
    head = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
        (b"cache-control", cache.encode("latin-1")),
    ]
    head += [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    head += [(b"set-cookie", each.encode("latin-1")) for each in cookies]
    return Answer(body, status, head)


def empty(*, clear: Iterable[str] = ()) -> Response[None]:
    """204, nothing to say; takes the cookies named in `clear` away."""
    gone = [
        Cookie(key=name, value="", max_age=0, path="/", secure=True, httponly=True, samesite="lax")
        for name in clear
    ]
    return Response(None, headers={"cache-control": PRIVATE}, cookies=gone)
