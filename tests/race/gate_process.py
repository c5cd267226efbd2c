"""What one of the processes does that all turn the same gate: as often as it can."""

import asyncio
from dataclasses import replace
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

from usher.plumbing.lua import Runner, connect
from usher.plumbing.script import load
from usher.plumbing.shipped import shipped
from usher.queue.scripts import QueueScripts, Released


class Order(NamedTuple):
    """Turn the gate of `event` for so long, by this text of queue/release."""

    event: str
    body: str
    seconds: float


class Work(NamedTuple):
    """How often each answer was given, and every call that was made."""

    replies: dict[str, int]
    released: list[tuple[int, list[str]]]


def serve(pipe: "Connection[Any, Any]", url: str) -> None:
    """Obeys one order after another until there is none."""
    with asyncio.Runner() as loop:
        runner = loop.run(_open(url))
        pipe.send("ready")
        while (order := pipe.recv()) is not None:
            pipe.send(loop.run(_turn(runner, order)))
        loop.run(runner.close())


async def _open(url: str) -> Runner:
    return Runner(connect(url, 2), load(shipped("lua")))


async def _turn(runner: Runner, order: Order) -> Work:
    runner.scripts["queue/release"] = replace(runner.scripts["queue/release"], body=order.body)
    gate = QueueScripts(runner)
    replies: dict[str, int] = {}
    released = []
    loop = asyncio.get_running_loop()
    end = loop.time() + order.seconds
    while loop.time() < end:
        for reply in await asyncio.gather(*(gate.release(order.event, 40, 100) for _ in range(2))):
            word = "released" if isinstance(reply, Released) else reply.reason
            replies[word] = replies.get(word, 0) + 1
            if isinstance(reply, Released):
                released.append((reply.count, reply.places))
    return Work(replies, released)
