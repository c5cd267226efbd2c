"""The baseline of streams: the smallest raw ASGI application that pushes to all of them, served
exactly as usher serves itself. What is posted to it is pushed, as it is, to every open stream."""

import sys
from typing import Any

from usher.web import run_server

HEAD = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", b"text/event-stream; charset=utf-8")],
}
streams: set[Any] = set()


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        for word in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{word}.complete"})
    elif scope["method"] == "POST":
        news = {"type": "http.response.body", "body": (await receive())["body"], "more_body": True}
        for push in streams:
            await push(news)
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})
    else:
        await send(HEAD)
        await send({"type": "http.response.body", "body": b"data: {}\n\n", "more_body": True})
        streams.add(send)
        while (await receive())["type"] != "http.disconnect":
            pass
        streams.discard(send)


if __name__ == "__main__":
    run_server(app, "127.0.0.1", int(sys.argv[1]))
