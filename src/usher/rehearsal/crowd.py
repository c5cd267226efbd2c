"""Sending in a crowd: everybody arrives when their persona says, and is waited for."""

import asyncio
import contextlib
import time
from collections.abc import Iterator
from typing import Final

from usher.plumbing.presence import open_files
from usher.rehearsal.client import Client
from usher.rehearsal.fan import OVER, Crowd, Fan
from usher.rehearsal.hall import Hall
from usher.rehearsal.model import CrowdOptions
from usher.rehearsal.persona import Persona, dice, persona
from usher.rehearsal.tally import Progress, Tally
from usher.rehearsal.wire import Unreachable

_LOOK_S: Final = 0.5
_AGAIN_S: Final = 0.3
_COMPARISONS: Final = 15
# What fans who were sent home have left lapses, for some seconds yet.
_COMPARISONS_MOVING: Final = 80
# Streams leave this share of the open files that a process may have to everything else.
_STREAM_FILES: Final = 0.4


def crowd_of(options: CrowdOptions) -> list[Persona]:
    """Everybody in the crowd: the same seed is the same crowd."""
    return [
        persona(
            number,
            dice(options.seed, number),
            lobby_share=options.lobby_share,
            stream_share=options.stream_share,
        )
        for number in range(options.fans)
    ]


async def run_crowd(
    base_url: str, event_id: str, options: CrowdOptions, progress: Progress
) -> Tally:
    """Sends a crowd to an event and returns when the last fan has gone home, or time is up.

    Those who come to the lobby arrive at once, the others when the sale opens; opening it is up
    to the caller, who is told how things stand twice a second. Fans use nothing but the public
    API at `base_url`.
    """
    people = crowd_of(options)
    tally = Tally(fans=options.fans, lobby_fans=sum(each.comes == "lobby" for each in people))
    cpu_s = time.process_time()
    loop = asyncio.get_running_loop()
    tally.began_at = loop.time()
    async with Client(base_url, event_id, tally.meter, connections=options.connections) as client:
        hall = Hall(await client.plan())
        streams = asyncio.Semaphore(streams_max())
        crowd = Crowd(client, hall, tally, streams)
        opened = asyncio.Event()
        tally.board.reset(await client.states())
        keeping = asyncio.create_task(_keep_board(crowd), name="board")
        watching = asyncio.create_task(_watch(crowd, opened, progress), name="watch")
        fans: set[asyncio.Task[None]] = set()
        try:
            try:
                async with asyncio.timeout(options.deadline_s):
                    await asyncio.gather(
                        _arrive(crowd, people, "lobby", options.arrive_s, options.seed, fans),
                        _arrive_after(opened, crowd, people, options, fans),
                    )
                    await asyncio.wait(fans)
            except TimeoutError:
                tally.unfinished = options.fans - sum(task.done() for task in fans)
            for task in fans:  # who is still there goes home
                task.cancel()
            await _compare(crowd, _COMPARISONS if not tally.unfinished else _COMPARISONS_MOVING)
        finally:
            others = (keeping, watching, *fans)
            for task in others:
                task.cancel()
            ended = await asyncio.gather(*others, return_exceptions=True)
        tally.ended_at = loop.time()
        tally.cpu_s = time.process_time() - cpu_s
        for fault in ended:
            if isinstance(fault, Exception):
                raise fault
        tally.phase = "over"
        progress(tally)
    return tally


async def _arrive(
    crowd: Crowd,
    people: list[Persona],
    comes: str,
    within_s: float,
    seed: int,
    fans: set[asyncio.Task[None]],
) -> None:
    """Starts fans at their moments, whatever becomes of the earlier ones: arrivals are open."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    for each in _by_arrival(people, comes):
        ahead_s = began + each.arrives * within_s - loop.time()
        if ahead_s > 0:
            await asyncio.sleep(ahead_s)
        # Dice of their own, past those that made the persona.
        fan = Fan(crowd, each, dice(seed, -1 - each.number))
        fans.add(asyncio.create_task(fan.run()))


def _by_arrival(people: list[Persona], comes: str) -> Iterator[Persona]:
    yield from sorted((p for p in people if p.comes == comes), key=lambda p: p.arrives)


async def _arrive_after(
    opened: asyncio.Event,
    crowd: Crowd,
    people: list[Persona],
    options: CrowdOptions,
    fans: set[asyncio.Task[None]],
) -> None:
    await opened.wait()
    await _arrive(crowd, people, "rush", options.rush_s, options.seed, fans)


async def _watch(crowd: Crowd, opened: asyncio.Event, progress: Progress) -> None:
    """Looks at the public page twice a second, and says how things stand."""
    while True:
        with contextlib.suppress(Unreachable):  # the fans will tell of it
            await _look(crowd)
        if crowd.tally.opened_at:
            opened.set()
        progress(crowd.tally)
        await asyncio.sleep(_LOOK_S)


async def _look(crowd: Crowd) -> None:
    tally = crowd.tally
    line = await crowd.client.line()
    tally.waiting, tally.shopping = line.waiting, line.shopping
    if line.state == "open" or (line.state in OVER and not tally.opened_at):
        tally.phase = "on sale"
        tally.opened_at = tally.opened_at or asyncio.get_running_loop().time()
    elif line.state == "lobby":
        tally.phase = "lobby"
    elif line.state in OVER:
        tally.phase = "sold out" if line.state == "sold_out" else "over"


async def _keep_board(crowd: Crowd) -> None:
    """Keeps the crowd's board by the feed, as every page does for itself; a stream that ends is
    taken up again where it ended."""
    at = ""
    while True:
        at = await crowd.client.follow_feed(crowd.tally.board, at)
        await asyncio.sleep(_AGAIN_S)


async def _compare(crowd: Crowd, looks: int) -> None:
    """Snapshot and changes must come to the same as a fresh snapshot; the feed may be a moment
    behind, so it is given one."""
    for _ in range(looks):
        with contextlib.suppress(Unreachable):
            crowd.tally.feed_wrong = crowd.tally.board.differs(await crowd.client.states())
            if not crowd.tally.feed_wrong:
                return
        await asyncio.sleep(_AGAIN_S)


def streams_max() -> int:
    """How many streams a crowd of this process has open at once, at most."""
    return max(1, int(open_files() * _STREAM_FILES))
