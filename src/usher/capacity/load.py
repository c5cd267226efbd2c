"""The load of a sale's three hard moments: fans arrive, the sale opens, seats are sold."""

import math
from typing import Final

import msgspec

from usher.capacity.costs import Costs
from usher.capacity.line import Line, busiest_second, times_per_s
from usher.capacity.model import Wish
from usher.feed.positions import STILL_S
from usher.feed.service import BEAT_S, BEATS, TICK_S
from usher.queue.model import poll_after_s, push_every_s

# What browsers and fans do that no benchmark can know.
HOLDS_EACH: Final = 1.5  # requests for seats of one who shops: some are refused, some think again
BOOKING_PAGES: Final = 2  # looks at the booking's page: to pay, and paid
LOBBY_POLL_S: Final = 15  # the longest that `lobby_poll_after_s` says, long before the opening
OPENING_POLL_S: Final = 2  # ... and while the lobby is drawn

# Ethernet, IPv4 and TCP with timestamps, around at most so many bytes.
FRAME_BYTES: Final = 14 + 20 + 32
SEGMENT_BYTES: Final = 1_448
STREAM_HEAD_BYTES: Final = 200


class Load(msgspec.Struct, frozen=True):
    """What is to be done within a second: microseconds of processors, requests and pushes, bytes
    that leave the API processes (frames around them included, what comes in is not)."""

    api_us: float = 0.0
    redis_us: float = 0.0
    worker_us: float = 0.0
    postgres_us: float = 0.0
    requests: float = 0.0
    pushes: float = 0.0
    bytes_out: float = 0.0

    def __add__(self, other: "Load") -> "Load":
        mine, theirs = msgspec.structs.astuple(self), msgspec.structs.astuple(other)
        return Load(*(a + b for a, b in zip(mine, theirs, strict=True)))

    def __mul__(self, times: float) -> "Load":
        return Load(*(times * each for each in msgspec.structs.astuple(self)))

    def alone(self, costs: Costs) -> "Load":
        """The same where there is so little to do that nothing travels together."""
        parts = ("api", "redis", "worker", "postgres")
        dearer = {f"{p}_us": getattr(self, f"{p}_us") * costs[f"{p}.alone"] for p in parts}
        return msgspec.structs.replace(self, **dearer)

    @property
    def cpu_us(self) -> float:
        """Of all processors."""
        return self.api_us + self.redis_us + self.worker_us + self.postgres_us


def framed(size: float) -> float:
    """Bytes on the wire of an answer or a message of `size` bytes."""
    return size + FRAME_BYTES * max(1, math.ceil(size / SEGMENT_BYTES))


class Unit:
    """Loads of single things, from the unit costs."""

    def __init__(self, costs: Costs) -> None:
        self.costs = costs

    def step(self, name: str, size: float | None = None) -> Load:
        """One request of a kind; `size` where its answer is not as large as the measured one.
        What `book`, `pay` and `told` take behind the API is in `purchase`."""
        there = self.costs.costs
        return Load(
            api_us=self.costs[f"api.{name}"],
            redis_us=self.costs[f"redis.{name}"] if f"redis.{name}" in there else 0.0,
            postgres_us=self.costs[f"postgres.{name}"] if f"postgres.{name}" in there else 0.0,
            requests=1,
            bytes_out=framed(self.costs[f"wire.{name}"] if size is None else size),
        )

    def files(self, page: str) -> Load:
        """The static files of "room" or "seats", each asked for once."""
        count = self.costs[f"wire.{page}_files"]
        if not count:
            return Load()
        return self.step("static", self.costs[f"wire.{page}_static"] / count) * count

    def push(self, cost: str, size: float) -> Load:
        """A message on a stream."""
        return Load(api_us=self.costs[cost], pushes=1, bytes_out=framed(size))

    def place_push(self, where: str) -> Load:
        """A message to who waits in the "lobby" or at a "place" in line."""
        return self.push(f"api.push_{where}", self.costs[f"wire.push_{where}"])

    def stream(self) -> Load:
        """Opening a stream of one's place, or of a booking."""
        return Load(
            api_us=self.costs["api.stream_open"],
            redis_us=self.costs["redis.stream_open"],
            requests=1,
            bytes_out=framed(STREAM_HEAD_BYTES + self.costs["wire.push_place"]),
        )

    def purchase(self) -> Load:
        """A booking from its request to its capture, and its mail."""
        behind = Load(
            redis_us=self.costs["redis.purchase"],
            worker_us=self.costs["worker.booking"] + self.costs["worker.mail"],
            postgres_us=self.costs["postgres.purchase"],
        )
        return behind + self.step("book") + self.step("pay") + self.step("told")


def arrival(wish: Wish, unit: Unit) -> Load:
    """One fan's way into the lobby."""
    if wish.pages == "none":
        way = unit.step("join")
    else:
        way = unit.step("page_event") + unit.step("page_join") + unit.step("page_room")
    if wish.pages == "usher":
        way += unit.files("room")
    streams = wish.stream_share
    return way + unit.stream() * streams + unit.step("place") * (1 - streams)


def visit(wish: Wish, unit: Unit) -> Load:
    """One called fan's way through the shop; what is bought counts `buy_share` times."""
    costs, buys = unit.costs, wish.buy_share
    way = unit.step("claim") + unit.step("hold") * HOLDS_EACH
    snapshot = STREAM_HEAD_BYTES + costs["wire.snapshot_seat"] * wish.seats
    way += Load(api_us=costs["api.feed_open"], requests=1, bytes_out=framed(snapshot))
    if wish.pages != "cdn":  # a plan never changes, so a CDN has it
        way += unit.step("plan", costs["wire.plan_seat"] * wish.seats)
    if wish.pages == "usher":
        way += unit.files("seats")
    if wish.pages == "none":
        return way + (unit.purchase() + unit.step("booking") + unit.stream()) * buys
    pages = unit.step("page_checkout") + unit.step("page_booking") * BOOKING_PAGES
    return way + unit.step("page_seats") + (unit.purchase() + pages + unit.stream()) * buys


def lobby(wish: Wish, unit: Unit, poll_s: float) -> Load:
    """All fans in the lobby: told now and then, or asking every `poll_s` seconds."""
    streams = wish.fans * wish.stream_share
    told = unit.place_push("lobby") * (streams / STILL_S)
    return told + unit.step("place") * ((wish.fans - streams) / poll_s)


def arriving(wish: Wish, unit: Unit) -> Load:
    """The busiest second of the arrivals, as if all the others were there already."""
    came = arrival(wish, unit) * busiest_second(wish.fans, wish.minutes * 60)
    return came + lobby(wish, unit, LOBBY_POLL_S)


def opening(wish: Wish, unit: Unit) -> Load:
    """The seconds in which the lobby is drawn."""
    return lobby(wish, unit, OPENING_POLL_S)


def selling(wish: Wish, line: Line, unit: Unit) -> Load:
    """A second of the sale with the whole line still there: its head is called, all hear."""
    costs, streams = unit.costs, wish.stream_share
    pushes = times_per_s(wish.fans, push_every_s)
    waiting = unit.place_push("place") * (streams * pushes)
    polls = times_per_s(wish.fans, poll_after_s)
    waiting += unit.step("place") * ((1 - streams) * polls)
    calls = line.calls_per_min / 60
    gate = Load(redis_us=costs["redis.release_1000"] / 1_000 * calls)
    return waiting + gate + visit(wish, unit) * calls + seats_feed(wish, line, unit)


def seats_feed(wish: Wish, line: Line, unit: Unit) -> Load:
    """What all who shop are told of the seats in a second.

    A hub pushes once in TICK_S where anything has changed: with changes that come at random
    (Poisson) 1 - exp(-rate TICK_S) of its ticks have news.
    """
    calls = line.calls_per_min / 60
    # Each hold, each one let go again, each claimed and each sold is an entry of the feed.
    entries = calls * (HOLDS_EACH + (HOLDS_EACH - wish.buy_share) + 2 * wish.buy_share)
    pushes = (1 - math.exp(-entries * TICK_S)) / TICK_S
    if not pushes:
        return Load()
    costs = unit.costs
    size = costs["wire.change"] + costs["wire.change_seat"] * wish.seats_per_fan * entries / pushes
    told = unit.push("api.push_seats", size) * pushes
    beats = max(0.0, 1 / (BEATS * BEAT_S) - pushes)  # where nothing else was sent
    return (told + unit.push("api.push_seats", 8) * beats) * line.shopping
