"""The baseline of HTTP: one Litestar route that answers a small JSON object, served exactly as
usher serves itself."""

import sys
from typing import Any

import msgspec
from litestar import Litestar, Request, post

from usher.web import run_server


class Body(msgspec.Struct):
    """About the size of a hold request."""

    seats: list[str]


@post("/json", status_code=200)
async def echo(data: Body, request: Request[Any, Any, Any]) -> dict[str, Any]:
    """A body parsed, an object answered."""
    return {"hold_id": "hld_0000000000000000", "seats": data.seats, "agent": len(request.headers)}


if __name__ == "__main__":
    run_server(
        Litestar([echo], openapi_config=None, logging_config=None), "127.0.0.1", int(sys.argv[1])
    )
