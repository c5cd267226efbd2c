"""`usher outbox`: what leaves the database, what waits, what was given up."""

from typing import Final, get_args

import click

from usher import limits
from usher.clock import iso
from usher.errors import BadInput, NotFound, UsherError
from usher.outbox.model import Posted, State
from usher.outbox.service import Outbox
from usher.plumbing.command import Run, echo_json, fail, json_option

_ID_MAX: Final = 2**63 - 1


def outbox_commands(run: Run[Outbox]) -> click.Group:
    """The verbs of the outbox, on whatever house `run` opens."""

    @click.group("outbox")
    def group() -> None:
        """The outbox: captures, refunds, mails, webhooks on their way."""

    @group.command("list")
    @click.option("--state", type=click.Choice(get_args(State)), help="Only letters in this state.")
    @click.option("--kind", default="", metavar="KIND", help="Only letters of this kind.")
    @click.option(
        "--before",
        type=click.IntRange(0, _ID_MAX),
        default=0,
        metavar="ID",
        help="Begin below this id.",
    )
    @click.option(
        "--limit",
        type=click.IntRange(1, limits.page_rows_max),
        default=50,
        show_default=True,
        help="At most so many.",
    )
    @json_option
    def list_letters(state: str | None, kind: str, before: int, limit: int, as_json: bool) -> None:
        """List letters, newest first."""
        try:
            found = run(lambda outbox: outbox.page(state or "", kind, before, limit))
        except UsherError as error:
            fail(error)
        if as_json:
            echo_json({"letters": found})
            return
        for letter in found:
            click.echo(_line(letter))
        if len(found) == limit:
            click.echo(f"there may be more: --before {found[-1].id}", err=True)

    @group.command("retry")
    @click.argument("ids", nargs=-1, type=click.IntRange(1, _ID_MAX), metavar="[ID]...")
    @click.option("--dead", is_flag=True, help="All that were given up.")
    @click.option("--kind", default="", metavar="KIND", help="With --dead: only of this kind.")
    @json_option
    def retry(ids: tuple[int, ...], dead: bool, kind: str, as_json: bool) -> None:
        """Have letters carried anew, at once and as often as new ones. What is done stays done."""
        if bool(ids) == dead or (kind and not dead):
            fail(BadInput("give the ids of letters, or --dead (and perhaps --kind)"))
        try:
            if dead:
                number = run(lambda outbox: outbox.retry_dead(kind))
            else:
                retried = run(lambda outbox: outbox.retry(ids))
                number = len(retried)
                if left := sorted(set(ids) - set(retried)):
                    words = ", ".join(map(str, left))
                    fail(NotFound(f"done already, or not there: {words}; retried: {number}"))
        except UsherError as error:
            fail(error)
        if as_json:
            echo_json({"retried": number})
        else:
            click.echo(f"retried: {number}")

    @group.command("counts")
    @json_option
    def counts(as_json: bool) -> None:
        """Count letters by kind and state."""
        try:
            found = run(lambda outbox: outbox.by_kind())
        except UsherError as error:
            fail(error)
        if as_json:
            echo_json({"counts": found})
            return
        for each in found:
            click.echo(
                f"{each.kind:<12}  {each.state:<7}  {each.letters:>9,}  since {iso(each.oldest)}"
            )

    return group


def _line(letter: Posted) -> str:
    when = letter.done_at or letter.due
    word = "" if letter.state == "done" else f"  attempts {letter.attempts}  {letter.fault}"
    return (
        f"{letter.id:>8}  {letter.kind:<12}  {letter.state:<7}  {iso(when)}  {letter.subject}{word}"
    ).rstrip()
