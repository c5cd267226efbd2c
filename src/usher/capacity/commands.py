"""`usher plan`: what a sale will take, before it is on."""

from pathlib import Path
from typing import Any, get_args

import click
import msgspec

from usher.capacity.costs import read_costs, shipped_costs
from usher.capacity.model import Pages, Wish, check
from usher.capacity.report import lines
from usher.capacity.sizing import plan
from usher.errors import UsherError
from usher.plumbing.command import echo_json, fail, json_option

_DEFAULT = {field.name: field.default for field in msgspec.structs.fields(Wish)}


def plan_command() -> click.Command:
    """The verb. It needs no house: nothing is asked of any server."""

    @click.command("plan")
    @click.option("--fans", type=int, required=True, help="The crowd.")
    @click.option("--seats", type=int, required=True, help="Seats for sale.")
    @click.option(
        "--minutes",
        type=float,
        default=_DEFAULT["minutes"],
        show_default=True,
        help="Within which they all come.",
    )
    @click.option(
        "--seats-per-fan",
        type=float,
        default=_DEFAULT["seats_per_fan"],
        show_default=True,
        help="Of those who buy.",
    )
    @click.option(
        "--shop-minutes",
        type=float,
        default=_DEFAULT["shop_minutes"],
        show_default=True,
        help="From being called to being gone, on average.",
    )
    @click.option(
        "--buy-share",
        type=float,
        default=_DEFAULT["buy_share"],
        show_default=True,
        help="Of those who are called, how many buy.",
    )
    @click.option(
        "--rate-per-min", type=int, help="Fans called in a minute. [default: by capacity]"
    )
    @click.option("--capacity", type=int, help="Fans shopping at once. [default: by the seats]")
    @click.option(
        "--stream-share",
        type=float,
        default=_DEFAULT["stream_share"],
        show_default=True,
        help="Of those who wait, how many by a stream; the others poll.",
    )
    @click.option(
        "--pages",
        type=click.Choice(get_args(Pages)),
        default=_DEFAULT["pages"],
        show_default=True,
        help="Who serves pages: usher all, a CDN their files, or none (fans by the API alone).",
    )
    @click.option("--cores", type=int, help="The processors there are for all of it.")
    @click.option("--gbit-per-s", type=float, help="The network there is.")
    @click.option(
        "--costs",
        "costs_file",
        type=click.Path(path_type=Path, dir_okay=False),
        help="Unit costs of your own: by `just costs --json FILE` or `just bench --json FILE`.",
    )
    @json_option
    def command(costs_file: Path | None, as_json: bool, **given: Any) -> None:
        """Reckon what a sale will take, and which part gives way first.

        From unit costs that the benchmarks measured: processes, memory, load of Redis and
        PostgreSQL, network, open files, the time the line takes. docs/capacity.md explains the
        model and what it does not know.
        """
        wish = Wish(**given)
        try:
            check(wish)
            found = plan(wish, read_costs(costs_file) if costs_file else shipped_costs())
        except UsherError as error:
            fail(error)
        if as_json:
            echo_json(found)
        else:
            for line in lines(found):
                click.echo(line)

    return command
