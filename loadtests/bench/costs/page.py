"""The tables of docs/capacity.md, drawn from the shipped sheet: a test holds the page to them."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from usher.capacity.costs import NAMES, Costs, shipped_costs
from usher.capacity.model import Wish
from usher.capacity.report import about, number, size, span
from usher.capacity.sizing import Plan, plan

PAGE: Final = Path(__file__).parents[3] / "docs/capacity.md"
# The sales of the table.
SALES: Final = (
    Wish(fans=10_000, seats=1_000, minutes=5),
    Wish(fans=100_000, seats=10_000, minutes=5),
    Wish(fans=1_000_000, seats=20_000, minutes=5),
    Wish(fans=10_000_000, seats=80_000, minutes=5),
)


def tables(costs: Costs | None = None) -> dict[str, str]:
    """Every drawn table by the name of its mark."""
    costs = costs or shipped_costs()
    return {"plans": plans(costs), "costs": sheet(costs)}


def plans(costs: Costs) -> str:
    """A column for each sale."""
    found = [plan(sale, costs) for sale in SALES]
    head = ["fans", *(f"{each.wish.fans:,}" for each in found)]
    rows: list[tuple[str, Callable[[Plan], str]]] = [
        ("seats", lambda p: f"{p.wish.seats:,}"),
        ("in the busiest second come", lambda p: f"{p.arrivals_per_s:,}"),
        ("gate: calls a minute, capacity", _gate),
        ("the line takes", lambda p: span(p.line.line_s)),
        ("told that it is over", lambda p: f"{p.line.in_vain:,}"),
        ("the draw takes", lambda p: span(p.draw_s)),
        ("API processes", lambda p: f"{p.api_processes:,}"),
        ("their memory", lambda p: size(p.memory_api)),
        ("open files each", lambda p: f"{p.open_files_per_process:,}"),
        ("workers", lambda p: f"{p.workers:,}"),
        ("Redis, of its one core", lambda p: f"{p.redis_share:.1%}"),
        ("Redis, memory (rewriting)", _redis),
        ("PostgreSQL, bookings/s", lambda p: number(p.postgres_bookings_per_s)),
        ("PostgreSQL, log", lambda p: f"{size(p.postgres_wal_per_s)}/s"),
        ("bandwidth out", lambda p: f"{number(max(m.mbit_per_s for m in p.moments))} Mbit/s"),
        ("pushes/s", lambda p: number(max(m.pushes_per_s for m in p.moments))),
        ("cores in all", lambda p: f"{p.cores_needed:,}"),
        ("gives way first", _first),
    ]
    lines = [head, ["---"] * len(head)]
    lines += [[name, *(told(each) for each in found)] for name, told in rows]
    return _table(lines)


def sheet(costs: Costs) -> str:
    """Every unit cost."""
    lines = [["cost", "measured", "unit", "of what"], ["---", "---:", "---", "---"]]
    for name in NAMES:
        cost = costs.costs[name]
        lines.append([f"`{name}`", f"{cost.value:,.4g}", cost.unit, cost.what])
    said = f"Measured on {costs.measured}: {costs.machine}.\n\n"
    return said + _table(lines)


def _gate(plan: Plan) -> str:
    return f"{plan.line.rate_per_min:,}, {plan.line.capacity:,}"


def _redis(plan: Plan) -> str:
    return f"{size(plan.memory_redis)} ({size(plan.memory_redis_rewriting)})"


def _first(plan: Plan) -> str:
    first = plan.parts[0]
    return f"{first.name}, at {about(first.gives_way_at_fans)}"


def _table(lines: list[list[str]]) -> str:
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def drawn(text: str, name: str) -> str:
    """What stands between the marks of `name` on the page."""
    return text.partition(f"<!-- {name} -->\n")[2].partition(f"<!-- /{name} -->")[0]


def redraw(path: Path = PAGE) -> None:
    """Draws every table of the page anew; LookupError where its marks are missing."""
    text = path.read_text()
    for name, table in tables().items():
        before, mark, rest = text.partition(f"<!-- {name} -->\n")
        _, end, after = rest.partition(f"<!-- /{name} -->")
        if not (mark and end):
            raise LookupError(f"{path} has no marks of {name}")
        text = f"{before}{mark}\n{table}\n{end}{after}"
    path.write_text(text)


if __name__ == "__main__":
    redraw()
