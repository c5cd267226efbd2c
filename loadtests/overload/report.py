"""What an overload has shown, in words: what was wrong, and the table."""

from typing import Any, Final

import click
import msgspec

from loadtests.overload.tally import Tally, share

_SHOP: Final = ("claim", "hold", "book")


def faults(figures: dict[str, Any], tally: Tally, budget_ms: float) -> list[str]:
    """What must not have been, a sentence each."""
    wrong = [f"answered {what}: {n}" for what, n in figures["flood"]["wrong"].items()]
    wrong += [f"answered {what}: {n}" for what, n in tally.wrong().items()]
    without = figures["flood"]["without_retry_after"] + tally.without_retry
    if without:
        wrong.append(f"{without} refusals without Retry-After")
    for kind in _SHOP:
        p99 = share(tally.served_ms[kind], 0.99)
        if p99 > budget_ms:
            wrong.append(f"{kind}: p99 {p99:.0f} ms, the budget is {budget_ms:.0f} ms")
    wrong += [f"not recovered: {n}" for n, s in figures["recovery_s"].items() if s < 0]
    return wrong


def table(kinds: dict[str, Any]) -> None:
    """Prints a line for each kind of request."""
    for name, each in sorted(kinds.items()):
        kind = msgspec.to_builtins(each, str_keys=True)
        told = ", ".join(f"{status}: {count:,}" for status, count in kind["statuses"].items())
        served = "  ".join(f"{of} {kind[f'{of}_ms']:>8.1f}" for of in ("p50", "p99", "max"))
        refused = (
            f"refused p99 {kind['refused_p99_ms']:>8.1f}, on the wire {kind['wire_p99_ms']:>7.1f}"
        )
        click.echo(f"  {name:<12} {served}, {refused} ms: {told}")
