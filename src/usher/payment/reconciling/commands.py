"""`usher payments`: our book of the money beside each provider's."""

import sys
from typing import Final

import click
import msgspec

from usher.errors import UsherError
from usher.payment.jobs import Cashier
from usher.payment.reconciling.model import Difference, Report
from usher.payment.reconciling.service import SINCE_S, Reconciler
from usher.plumbing.command import EXIT_VIOLATED, Run, echo_json, fail, json_option

_UNITS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_DAYS_MAX: Final = 90


class _Duration(click.ParamType[float]):
    name = "duration"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        text = str(value)
        number, unit = text[:-1], text[-1:]
        if number.isascii() and number.isdigit() and len(number) < 9 and unit in _UNITS:
            seconds = float(int(number) * _UNITS[unit])
            if 0 < seconds <= _DAYS_MAX * _UNITS["d"]:
                return seconds
        self.fail(f"{text!r} is no time like 15m, 24h or 7d (at most {_DAYS_MAX}d)", param, ctx)


def payments_commands(run: Run[Reconciler], cashier: Run[Cashier]) -> click.Group:
    """The verbs of payments, on whatever house `run` and `cashier` open."""

    @click.group("payments")
    def group() -> None:
        """Payments: what providers have, and what we have."""

    @group.command("reconcile")
    @click.option(
        "--since",
        type=_Duration(),
        default=f"{SINCE_S // 60}m",
        show_default=True,
        help="How far back to compare: 15m, 24h, 7d.",
    )
    @json_option
    def reconcile(since: float, as_json: bool) -> None:
        """Compare books with every provider, mend what can be; exit 4 where they still differ.

        A worker does the same each minute for what has moved in the last quarter of an hour.
        """
        try:
            report = run(lambda reconciler: reconciler.reconcile(since))
        except UsherError as error:
            fail(error)
        if as_json:
            echo_json(msgspec.to_builtins(report))
        else:
            for line in lines(report):
                click.echo(line)
        if report.findings:
            sys.exit(EXIT_VIOLATED)

    @group.command("refund")
    @click.argument("refund")
    @click.option("--by-hand", is_flag=True, help="The money went back by another way.")
    @json_option
    def refund_again(refund: str, by_hand: bool, as_json: bool) -> None:
        """Order REFUND again, which its provider has refused; or note that people made it."""
        try:
            told = cashier(lambda cashier: cashier.refund_again(refund, by_hand=by_hand))
        except UsherError as error:
            fail(error)
        if as_json:
            echo_json(msgspec.to_builtins(told))
        else:
            click.echo(f"{told.id} is {told.state}: {told.amount} {told.currency} (minor units)")

    return group


def lines(report: Report) -> list[str]:
    """A report for people."""
    told = [_line("mended", each) for each in report.mended]
    told += [_line("DIFFERS", each) for each in report.findings]
    return [
        *told,
        f"{report.compared:,} charges compared, {report.asked:,} payments asked about,"
        f" {len(report.mended)} mended, {len(report.findings)} left to look at",
    ]


def _line(word: str, each: Difference) -> str:
    return f"{word:<8} {each.payment_id} ({each.provider}) {each.what}"
