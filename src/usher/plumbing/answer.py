"""JSON answers with their cookies and cache rules, built once, by hand.

Handlers on the hot path return these: Litestar passes an ASGIResponse through as it is.
"""

from collections.abc import Iterable
from typing import Any

import msgspec
from litestar import Response
from litestar.datastructures import Cookie
from litestar.response.base import ASGIResponse

PRIVATE = "no-store"
PUBLIC_SECOND = "public, max-age=1"


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
    return ASGIResponse(
        body=body,
        status_code=status,
        headers=[
            ("cache-control", cache),
            *headers,
            *(("set-cookie", each) for each in cookies),
        ],
        media_type="application/json",
    )


def empty(*, clear: Iterable[str] = ()) -> Response[None]:
    """204, nothing to say; takes the cookies named in `clear` away."""
    gone = [
        Cookie(key=name, value="", max_age=0, path="/", secure=True, httponly=True, samesite="lax")
        for name in clear
    ]
    return Response(None, headers={"cache-control": PRIVATE}, cookies=gone)
