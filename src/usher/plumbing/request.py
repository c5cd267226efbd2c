"""Requests as the rooms may trust them: JSON of exactly the types that were asked for.

Litestar converts what it is given: "3" where a number is due, a number where a time is. Such a
request is wrong, and whoever wrote it should hear so before it means something else one day.
"""

import re
from functools import cache
from typing import Annotated, Any, Final

import msgspec
from litestar import Request
from litestar.params import HeaderParameter
from litestar.types import Empty, Scope

from usher import limits
from usher.errors import BadInput, Malformed, UnsupportedMedia

# As msgspec says it: what is wrong, and a path like `$.seats[0]` where it is not the whole body.
_FAULT: Final = re.compile(r"(?P<what>.*?)(?: - at `(?P<key>key in )?\$\.?(?P<where>.*)`)?", re.S)

IDEMPOTENCY_KEY: Final = r"^[\x21-\x7e]+$"
IdempotencyKey = Annotated[
    str | None,
    HeaderParameter(
        name="Idempotency-Key",
        min_length=1,
        max_length=limits.idempotency_key_chars_max,
        pattern=IDEMPOTENCY_KEY,
        description="The same key with the same body gives the same answer.",
    ),
]


def header_in(scope: Scope, wanted: bytes) -> str:
    """The first header of that name (small letters), "" where there is none. Litestar's mapping of
    all of them is 3 us to make."""
    for name, value in scope["headers"]:
        if name == wanted:
            return value.decode("latin-1")
    return ""


class StrictRequest(Request[Any, Any, Any]):
    """Reads a JSON body once, straight into the struct its handler takes."""

    async def body(self) -> bytes:
        """The raw body; Malformed where a handler needs one and there is none."""
        body = await self._whole_body() or await super().body()
        if not body and self.route_handler.parsed_data_field:
            raise Malformed("a JSON body is needed")
        return body

    async def _whole_body(self) -> bytes:
        """The body where it has come in one piece, as nearly all do: Litestar's own way through a
        generator is 4 us, a twentieth of a hold. Else b"", and nothing has been taken."""
        if self._body is not Empty or self._connection_state.body is not Empty:
            return b""
        message = await self.receive()
        body: bytes = message.get("body", b"")  # type: ignore[assignment]
        whole = message["type"] == "http.request" and not message.get("more_body")
        if whole and 0 < len(body) <= limits.body_bytes_max:
            self._body = self._connection_state.body = body
            self.is_connected = False
            return body
        receive, taken = self.receive, [message]

        async def from_the_first() -> Any:
            return taken.pop() if taken else await receive()

        self.receive = from_the_first
        return b""

    async def json(self) -> Any:
        """The body as its handler's struct: Malformed, BadInput, UnsupportedMedia."""
        body = await self.body()  # first, as Litestar does: what is no body has no type either
        media = header_in(self.scope, b"content-type").partition(";")[0].strip().lower()
        if media not in ("", "application/json") and not media.endswith("+json"):
            raise UnsupportedMedia(f"the body must be application/json, not {media[:80]}")
        wanted = self.route_handler.parsed_data_field
        return read_json(body, wanted.annotation if wanted else Any)


@cache
def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind)


def read_json(body: bytes, kind: Any) -> Any:
    """`body` as a `kind`; Malformed where it is no JSON, BadInput where it is no `kind`."""
    try:
        return _decoder(kind).decode(body)
    except msgspec.ValidationError as fault:
        said = _FAULT.fullmatch(str(fault))
        where, what = (said["where"] or "body", said["what"]) if said else ("body", str(fault))
        raise BadInput(f"{where}: {what}", errors=[{"where": where, "what": what}]) from None
    except msgspec.DecodeError as fault:
        raise Malformed(f"the body is not JSON: {fault}") from None
    except UnicodeDecodeError:
        raise Malformed("the body is not UTF-8") from None
    except RecursionError:
        raise Malformed("the body is nested too deep") from None
