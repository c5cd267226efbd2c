"""Unit costs: what one join, one push, one booking takes, measured by `just costs` and shipped.

Prefixes: `api.` and `worker.` processor time of one such process, `redis.` of the server's one
core, `postgres.` of all its processes together, each in microseconds per thing; `wire.` bytes of
an answer with its head; whatever ends in `_bytes` is memory or disk.

Times are those at load, when calls and commits travel together: what counts when it is to be known
how much a process bears. With little to do everything is dearer by the factors `.alone`.
"""

import math
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import msgspec

from usher.errors import BadInput

SHIPPED: Final = "costs.json"
_FILE_BYTES_MAX: Final = 4 * 1024 * 1024
_VALUE_MAX: Final = 1e12

# Requests that are measured one by one: what each takes of an API process and of Redis, and the
# bytes of its answer.
STEPS: Final[Mapping[str, str]] = {
    "page_event": "the event's page",
    "page_join": "joining by the page's form",
    "page_room": "the waiting room's page",
    "page_seats": "the seats' page",
    "page_checkout": "the checkout's page",
    "page_booking": "a booking's page, paid",
    "static": "a static file of a page",
    "plan": "a plan's geometry, compressed",
    "join": "joining over the API",
    "place": "asking for one's place",
    "claim": "coming in after a call",
    "hold": "holding two named seats",
    "book": "booking a hold",
    "pay": "starting a payment",
    "told": "the bank's word: the test bank's decision and its webhook",
    "booking": "reading a booking",
}
NAMES: Final[Mapping[str, tuple[str, str]]] = {
    **{f"api.{step}": ("us", what) for step, what in STEPS.items()},
    # What `book`, `pay` and `told` take behind the API is redis.purchase and postgres.purchase.
    **{
        f"redis.{step}": ("us", what)
        for step, what in STEPS.items()
        if step not in ("book", "pay", "told")
    },
    **{f"postgres.{step}": ("us", STEPS[step]) for step in ("booking", "page_booking")},
    **{f"wire.{step}": ("bytes", f"{what}: its answer") for step, what in STEPS.items()},
    # --- streams
    "api.stream_open": ("us", "opening a stream of a place"),
    "redis.stream_open": ("us", "opening a stream of a place"),
    "api.feed_open": ("us", "opening a stream of the seats, its snapshot included"),
    "api.push_lobby": ("us", "a message to a place in the lobby"),
    "api.push_place": ("us", "a position to a place in line"),
    "api.push_seats": ("us", "a change of seats to a stream of them"),
    "api.tell": ("us", "telling a stream the number drawn for it, its place looked up"),
    "redis.tell": ("us", "looking that place up"),
    "wire.push_lobby": ("bytes", "a message to a place in the lobby"),
    "wire.push_place": ("bytes", "a position to a place in line"),
    "wire.change": ("bytes", "a message of changed seats, without the seats"),
    "wire.change_seat": ("bytes", "a changed seat in it"),
    "wire.snapshot_seat": ("bytes", "a seat in a snapshot; not compressed"),
    "wire.plan_seat": ("bytes", "a seat in a plan's geometry; compressed"),
    "wire.room_files": ("files", "static files of the waiting room"),
    "wire.room_static": ("bytes", "... all of them; compressed"),
    "wire.seats_files": ("files", "static files that the seats' page adds"),
    "wire.seats_static": ("bytes", "... all of them; compressed"),
    # --- processes as such
    "api.idle": ("us", "a second of an API process with streams of one event, without pushes"),
    "worker.idle": ("us", "a second of a worker with one event on sale"),
    "redis.worker": ("us", "a second of Redis with one worker's ticks"),
    "redis.hub": ("us", "a second of one API process's ticks, without its curve"),
    "redis.curve_point": ("us", "a point of the line's curve"),
    "redis.draw_1000": ("us", "drawing a thousand of a lobby"),
    "worker.draw_1000": ("us", "drawing a thousand of a lobby"),
    "redis.release_1000": ("us", "calling a thousand fans"),
    "redis.purchase": ("us", "a booking from its request to its capture, the worker's part too"),
    "worker.booking": ("us", "a booking, from the ledger to its capture"),
    "worker.mail": ("us", "its mail with two tickets as PDF, into a folder"),
    # --- what all the above is too little by where nothing travels together: at little load
    "api.alone": ("times", "requests a hundredth of a second apart, beside 32 at once"),
    "redis.alone": ("times", "requests a hundredth of a second apart, beside 32 at once"),
    "worker.alone": ("times", "bookings twenty a second, beside all at once"),
    "postgres.alone": ("times", "bookings twenty a second, beside all at once"),
    # --- PostgreSQL
    "postgres.purchase": ("us", "a booking of two seats from its request to its capture"),
    "postgres.rows": ("rows", "rows that a booking of two seats inserts, changes or deletes"),
    "postgres.wal_bytes": ("bytes", "write-ahead log of a booking"),
    "postgres.disk_bytes": ("bytes", "tables and indexes of a booking"),
    # --- memory
    "api.base_bytes": ("bytes", "an API process before anybody has come"),
    "api.stream_bytes": ("bytes", "an open stream, of the API process"),
    "api.connection_bytes": ("bytes", "a connection that is kept open between requests"),
    "worker.base_bytes": ("bytes", "a worker"),
    "redis.base_bytes": ("bytes", "Redis with nothing in it"),
    "redis.fan_bytes": ("bytes", "a fan who waits"),
    "redis.called_bytes": ("bytes", "a fan who was called or has shopped"),
    "redis.hold_bytes": ("bytes", "a hold of two seats, and who holds"),
    "redis.entry_bytes": ("bytes", "an entry of a feed"),
}


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """One figure. `measured_by` is the benchmark that gave it."""

    value: float
    unit: str
    what: str
    measured_by: str


class Costs(msgspec.Struct, frozen=True, kw_only=True):
    """A sheet of unit costs: every name of NAMES, the machine, the day (ISO 8601)."""

    machine: str
    measured: str
    costs: dict[str, Cost]

    def __getitem__(self, name: str) -> float:
        return self.costs[name].value


class _Figure(msgspec.Struct):
    """A figure of `just bench --json`, as far as it says what something costs."""

    name: str
    costs: dict[str, float] = {}


class _Bench(msgspec.Struct):
    figures: list[_Figure]


def shipped_costs() -> Costs:
    """The sheet that travels with this version."""
    text = files("usher.capacity").joinpath(SHIPPED).read_bytes()
    return _whole(msgspec.json.decode(text, type=Costs), SHIPPED)


def read_costs(path: Path) -> Costs:
    """A sheet from a file that `just costs --json` or `just bench --json` wrote; BadInput.

    A benchmark's figures replace those costs that they give; the others stay as they are shipped,
    and `machine` says how many.
    """
    where = f"--costs {path}"
    try:
        if path.stat().st_size > _FILE_BYTES_MAX:
            raise BadInput(f"{where}: larger than {_FILE_BYTES_MAX:,} bytes, which is the most")
        text = path.read_bytes()
    except OSError as fault:
        raise BadInput(f"{where}: cannot be read ({fault.strerror})") from None
    try:
        found = msgspec.json.decode(text)
        if isinstance(found, dict) and "costs" in found:
            return _whole(msgspec.convert(found, Costs), where)
        if isinstance(found, dict):
            return _merged(msgspec.convert(found, _Bench).figures, where)
        return _merged(msgspec.convert(found, list[_Figure]), where)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as fault:
        raise BadInput(
            f"{where}: neither `just costs --json` nor `just bench --json` wrote this ({fault})"
        ) from None


def _merged(figures: list[_Figure], where: str) -> Costs:
    own: dict[str, Any] = {}
    for figure in figures:
        for name, value in figure.costs.items():
            if name in NAMES:  # what a later version measures is no fault
                unit, what = NAMES[name]
                own[name] = Cost(value=value, unit=unit, what=what, measured_by=figure.name)
    if not own:
        raise BadInput(f"{where}: none of its figures is a unit cost")
    base = shipped_costs()
    return _whole(
        msgspec.structs.replace(
            base,
            machine=f"{len(own)} of {len(NAMES)} costs by the file, the others of {base.machine}",
            costs=base.costs | own,
        ),
        where,
    )


def _whole(sheet: Costs, where: str) -> Costs:
    """The sheet, if every cost is there and can be."""
    missing = [name for name in NAMES if name not in sheet.costs]
    if missing:
        raise BadInput(f"{where}: lacks {', '.join(missing[:5])}")
    for name in NAMES:
        cost = sheet.costs[name]
        if not (math.isfinite(cost.value) and 0 <= cost.value <= _VALUE_MAX):
            raise BadInput(f"{where}: {name} cannot be {cost.value}")
        if cost.unit != NAMES[name][0]:
            raise BadInput(f"{where}: {name} is in {NAMES[name][0]}, not in {cost.unit}")
    return sheet
