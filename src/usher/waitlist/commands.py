"""`usher waitlist`: who waits for seats of an event that is sold out."""

from typing import Any

import click

from usher.errors import UsherError
from usher.plumbing.command import Run, echo_json, fail, json_option
from usher.waitlist.service import WaitlistService

_ROWS = 1_000


def waitlist_commands(run: Run[WaitlistService]) -> click.Group:
    """The verbs of waiting lists, on whatever house `run` opens."""

    @click.group("waitlist")
    def group() -> None:
        """Waiting lists: who is offered seats that come back. `usher sale set` turns them on."""

    @group.command("list")
    @click.argument("event")
    @click.option(
        "--state",
        type=click.Choice(["waiting", "offered", "booked", "lapsed", "declined", "left"]),
        help="Only entries in this state.",
    )
    @json_option
    def show(event: str, state: str | None, as_json: bool) -> None:
        """List who is on the waiting list of EVENT, in the order of joining."""
        try:
            view, more = run(lambda waitlist: waitlist.listing(event, state or "", None, _ROWS))
        except UsherError as error:
            fail(error)
        if as_json:
            echo_json(view)
            return
        for line in lines(view):
            click.echo(line)
        if more is not None:
            click.echo(f"... and more: these are the first {_ROWS}")

    return group


def lines(view: dict[str, Any]) -> list[str]:
    """A list for people: its figures, then each entry."""
    told = [
        f"{view['waiting']} waiting for {view['seats']} seats, {view['offered']} offered,"
        f" {view['booked']} booked"
    ]
    for entry in view["entries"]:
        categories = ", ".join(entry["categories"]) or "any category"
        told.append(
            f"{entry['entry_id']}  {entry['state']:<8}  {entry['quantity']:>2}  {categories}"
            f"  {entry['name']} <{entry['email']}>"
        )
    return told
