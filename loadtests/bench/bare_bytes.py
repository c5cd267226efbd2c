"""The baseline of what is sent as it is: one Litestar route that returns the bytes of a file with
the headers it is given, served exactly as usher serves itself.

    python -m loadtests.bench.bare_bytes PORT FILE NAME=VALUE...
"""

import sys
from pathlib import Path
from typing import Final

from litestar import Litestar, Response, get

from usher.web import run_server

BODY: Final = Path(sys.argv[2]).read_bytes()
HEADERS: Final = dict(each.split("=", 1) for each in sys.argv[3:])


@get("/bytes")
async def give() -> Response[bytes]:
    """Always the same."""
    return Response(BODY, headers=HEADERS, media_type="application/json")


if __name__ == "__main__":
    run_server(
        Litestar([give], openapi_config=None, logging_config=None), "127.0.0.1", int(sys.argv[1])
    )
