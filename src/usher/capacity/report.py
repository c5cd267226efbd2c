"""A plan in words."""

from collections.abc import Callable
from typing import Final

from usher.capacity.model import Wish
from usher.capacity.parts import Part
from usher.capacity.processes import BUSY
from usher.capacity.sizing import Moment, Plan

_UNITS: Final = ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"))
_ROWS: Final[tuple[tuple[str, Callable[[Moment], float]], ...]] = (
    ("API, busy cores", lambda moment: moment.api_cores),
    ("Redis, of its core", lambda moment: moment.redis_cores),
    ("workers, busy cores", lambda moment: moment.worker_cores),
    ("PostgreSQL, busy cores", lambda moment: moment.postgres_cores),
    ("requests/s", lambda moment: moment.requests_per_s),
    ("pushes/s", lambda moment: moment.pushes_per_s),
    ("Mbit/s out", lambda moment: moment.mbit_per_s),
)


def lines(plan: Plan) -> list[str]:
    """The plan for people: the line, the load, what it takes, what gives way first."""
    return [
        *_head(plan),
        "",
        *_line(plan),
        "",
        *_load(plan),
        "",
        *_takes(plan),
        "",
        *_gives_way(plan),
    ]


def _head(plan: Plan) -> list[str]:
    wish = plan.wish
    return [
        f"{wish.fans:,} {_many(wish.fans, 'fan')} for {wish.seats:,} "
        f"{_many(wish.seats, 'seat')}, all of them there within {wish.minutes:g} "
        f"{_many(wish.minutes, 'minute')}; {_pages(wish)}",
        f"unit costs of {plan.measured}: {plan.machine}",
    ]


def _pages(wish: Wish) -> str:
    return {
        "usher": "usher serves their pages",
        "cdn": "a CDN serves the files of their pages",
        "none": "they come over the API alone",
    }[wish.pages]


def _line(plan: Plan) -> list[str]:
    wish, line = plan.wish, plan.line
    told = f"; {line.in_vain:,} are told that it is over" if line.in_vain else ""
    return [
        "THE LINE",
        _row(
            "gate",
            f"{line.rate_per_min:,} called a minute, {line.capacity:,} shopping at once, "
            f"{wish.shop_minutes:g} min each",
        ),
        _row(
            "takes",
            f"{span(line.line_s)}: {line.called:,} are called, {line.bookings:,} "
            f"{_many(line.bookings, 'buys', 'buy')}{told}",
        ),
        _row("arrivals", f"{plan.arrivals_per_s:,} in the busiest second"),
        _row(
            "opening",
            f"the draw takes {span(plan.draw_s)}; whoever listens has heard their number "
            f"{span(plan.opening_told_s)} after that",
        ),
    ]


def _load(plan: Plan) -> list[str]:
    names = "".join(f"{moment.name:>14}" for moment in plan.moments)
    rows = [f"{'THE LOAD':<26}{names}"]
    for name, figure in _ROWS:
        figures = "".join(f"{number(figure(moment)):>14}" for moment in plan.moments)
        rows.append(f"  {name:<24}{figures}")
    return rows


def _takes(plan: Plan) -> list[str]:
    wish = plan.wish
    return [
        "WHAT IT TAKES",
        _row(
            "API processes",
            f"{plan.api_processes:,}, each a core at most {BUSY:.0%} busy; "
            f"{size(plan.memory_api)} of memory, {size(plan.memory_api_process)} each",
        ),
        _row(
            "workers",
            f"{plan.workers:,} that {_many(plan.workers, 'keeps', 'keep')} up with bookings and "
            f"their mails; {size(plan.memory_workers)}",
        ),
        _row(
            "Redis",
            f"{plan.redis_share:.1%} of its one core; {size(plan.memory_redis)}, up to "
            f"{size(plan.memory_redis_rewriting)} while it rewrites its log",
        ),
        _row(
            "PostgreSQL",
            f"{number(plan.postgres_bookings_per_s)} bookings/s, "
            f"{number(plan.postgres_rows_per_s)} rows/s, {size(plan.postgres_wal_per_s)}/s of log; "
            f"{plan.postgres_share:.1%} of a core; {size(plan.disk_bookings)} of disk",
        ),
        _row(
            "in all",
            f"{plan.cores_needed:,} {_many(plan.cores_needed, 'core')}, "
            f"{number(plan.cores_busy)} of them busy",
        ),
        _row(
            "open files",
            f"{plan.connections:,} connections, {plan.streams:,} streams: "
            f"{plan.open_files_per_process:,} open files a process (ulimit -n)",
        ),
        _row(
            "a fan loads",
            f"{size(plan.bytes_to_wait)} to wait, {size(plan.bytes_to_shop)} to shop: pages, "
            f"files{', plan' if wish.pages != 'cdn' else ''} compressed; the snapshot "
            f"({size(plan.bytes_snapshot)}) and pushes ({plan.bytes_push} B each) are not",
        ),
    ]


def _gives_way(plan: Plan) -> list[str]:
    told = ["WHAT GIVES WAY FIRST", *(_row(part.name, _part(part), 38) for part in plan.parts)]
    if plan.helps and plan.parts[0].gives_way_at_fans:
        told += ["", "WHAT WOULD HELP: the first of them would give way at"]
        told += [_row(each.what, about(each.gives_way_at_fans), 38) for each in plan.helps]
    return told


def _part(part: Part) -> str:
    bears = f"{part.share:.1%} of what it may bear, while {part.moment}"
    if part.gives_way_at_fans is None:
        return f"{bears}; not for any number of fans"
    word = "HAS GIVEN WAY, at" if part.share >= 1 else "gives way at"
    return f"{bears}; {word} {about(part.gives_way_at_fans)}"


def about(fans: int | None) -> str:
    """Fans, as exactly as a model may tell: two figures, rounded down."""
    if fans is None:
        return "no number of fans"
    step = 10 ** max(0, len(str(fans)) - 2)
    return f"about {fans // step * step:,} fans"


def _row(name: str, text: str, width: int = 16) -> str:
    return f"  {name:<{width}}{text}"


def _many(count: float, one: str, more: str = "") -> str:
    return one if count == 1 else more or f"{one}s"


def number(value: float) -> str:
    """Three figures of a number, whole where it is large."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value >= 0.001 else "0"


def size(value: float) -> str:
    """Bytes in decimal units."""
    for least, unit in _UNITS:
        if value >= least:
            return (
                f"{value / least:.3g} {unit}"
                if value < 1_000 * least
                else f"{value / least:,.0f} {unit}"
            )
    return f"{value:.0f} B"


def span(seconds: float) -> str:
    """A time that is easy to read."""
    if seconds < 120:
        return f"{seconds:.3g} s"
    if seconds < 7_200:
        return f"{seconds / 60:.3g} min"
    if seconds < 48 * 3_600:
        return f"{seconds / 3_600:.3g} h"
    return f"{seconds / 86_400:,.3g} days"
