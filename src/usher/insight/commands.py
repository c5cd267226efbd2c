"""`usher audit`: the invariants of an event, each with its figure."""

import sys

import click
import msgspec

from usher.errors import UsherError
from usher.insight.model import Verdict
from usher.insight.service import Auditor
from usher.plumbing.command import EXIT_VIOLATED, Run, echo_json, fail, json_option


def audit_command(run: Run[Auditor]) -> click.Command:
    """The verb `audit`, on whatever house `run` opens."""

    @click.command("audit")
    @click.argument("event")
    @json_option
    def audit(event: str, as_json: bool) -> None:
        """Check the invariants of EVENT in PostgreSQL and Redis; exit 4 where one fails."""
        try:
            verdict = run(lambda auditor: auditor.audit(event))
        except UsherError as error:
            fail(error)
        if as_json:
            echo_json(msgspec.to_builtins(verdict))
        else:
            for line in lines(verdict):
                click.echo(line)
        if not verdict.holds:
            sys.exit(EXIT_VIOLATED)

    return audit


def lines(verdict: Verdict) -> list[str]:
    """A verdict for people: every invariant, its figure, its promise; then the facts."""
    told = [
        f"{'ok  ' if check.holds else 'FAIL'} {check.name:<26} {check.figure:>6}  {check.promise}"
        + (f" ({check.detail})" if check.detail and not check.holds else "")
        for check in verdict.checks
    ]
    facts = ", ".join(f"{name} {figure:,}" for name, figure in verdict.facts.items())
    holds = "every invariant holds" if verdict.holds else "AN INVARIANT DOES NOT HOLD"
    return [*told, facts, f"{verdict.event_id} at {verdict.at}: {holds}"]
