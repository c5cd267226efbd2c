"""`usher sale`: open, pause, resume, close an event's sale, and switch its mode, live."""

import getpass
from typing import Any, Final

import click
from msgspec import UNSET

from usher.clock import iso
from usher.errors import UsherError
from usher.plumbing.command import Run, echo_json, fail, json_option, read_time
from usher.sale.model import GateChange, Sale, SaleChange
from usher.sale.routes import public_sale
from usher.sale.service import SaleService

_TIMES: Final = ("lobby_at", "opens_at", "closes_at")


def actor() -> str:
    """Who is written down for a change made from the command line."""
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):
        return "cli"


def sale_commands(run: Run[SaleService]) -> click.Group:
    """The verbs of sales, on whatever house `run` opens."""

    @click.group("sale")
    def group() -> None:
        """Sales: how an event is sold. Every change takes effect at once, and is recorded."""

    def verb(name: str, state: Any, help_text: str) -> None:
        @group.command(name, help=help_text)
        @click.argument("event")
        @json_option
        def change(event: str, as_json: bool) -> None:
            _say(_change(run, event, SaleChange(state=state)), as_json)

    verb("lobby", "lobby", "Open the lobby of EVENT: fans come in, the draw is at the opening.")
    verb("open", "open", "Open the sale of EVENT: the lobby is drawn, the line begins to move.")
    verb("pause", "paused", "Pause EVENT: nobody is called, no new holds; places are kept.")
    verb("close", "closed", "Close the sale of EVENT: everyone waiting is told that it is over.")

    @group.command("resume")
    @click.argument("event")
    @json_option
    def resume(event: str, as_json: bool) -> None:
        """Resume a paused EVENT. One that is not paused stays as it is."""
        try:
            _say(run(lambda sales: sales.resume(event, actor())), as_json)
        except UsherError as error:
            fail(error)

    @group.command("mode")
    @click.argument("event")
    @click.argument("mode", type=click.Choice(["simple", "queued"]))
    @json_option
    def mode(event: str, mode: Any, as_json: bool) -> None:
        """Switch EVENT between simple and queued, also while it is on sale.

        To simple: everyone who waits is let in. To queued: whoever comes now stands in line;
        who shops already goes on.
        """
        _say(_change(run, event, SaleChange(mode=mode)), as_json)

    @group.command("set")
    @click.argument("event")
    @click.option("--lobby-at", metavar="TIME", help="When the lobby opens, or none.")
    @click.option("--opens-at", metavar="TIME", help="When the sale opens, or none.")
    @click.option("--closes-at", metavar="TIME", help="When the sale ends, or none.")
    @click.option("--claim-s", type=int, help="Seconds to come in after being called.")
    @click.option("--shop-s", type=int, help="Seconds to shop.")
    @click.option("--hold-s", type=int, help="Seconds a hold lasts.")
    @click.option("--hold-cap-s", type=int, help="Seconds a hold lasts at most, extended.")
    @click.option("--payment-s", type=int, help="Seconds to pay for a booking.")
    @click.option("--seats-max", type=int, help="Seats one fan may have.")
    @click.option(
        "--access", type=click.Choice(["guest", "login"]), help="Who may join: anybody, or logins."
    )
    @click.option("--waitlist", type=click.Choice(["on", "off"]), help="A list when sold out.")
    @click.option("--offer-s", type=int, help="Seconds an offer to the waiting list stands.")
    @json_option
    def set_windows(event: str, as_json: bool, **given: Any) -> None:
        """Set the times, the windows and the limit of EVENT; what is not named stays.

        TIME is like 2026-12-01T19:30Z; without an offset it is UTC.
        """
        change: Any = {name: value for name, value in given.items() if value is not None}
        try:
            for name in _TIMES:
                if name in change:
                    text = change[name]
                    option = "--" + name.replace("_", "-")
                    change[name] = None if text == "none" else read_time(option, text)
        except UsherError as error:
            fail(error)
        _say(_change(run, event, SaleChange(**change)), as_json)

    @group.command("show")
    @click.argument("event")
    @json_option
    def show(event: str, as_json: bool) -> None:
        """Show how EVENT is sold."""
        try:
            _say(run(lambda sales: sales.find(event)), as_json)
        except UsherError as error:
            fail(error)

    @group.command("log")
    @click.argument("event")
    @json_option
    def log(event: str, as_json: bool) -> None:
        """Show who changed what of EVENT's sale, newest first."""
        try:
            changes = run(lambda sales: sales.changes(event))
        except UsherError as error:
            fail(error)
        if as_json:
            echo_json(changes)
            return
        for each in changes:
            at = iso(each["at"].replace(microsecond=0))
            click.echo(
                f"{at}  {each['actor']:<24} {each['field']}: {each['before']} -> {each['after']}"
            )

    return group


def change_gate(run: Run[SaleService], event: str, **fields: Any) -> Sale:
    """Turns the gate from the command line."""
    return _change(run, event, GateChange(**{n: v for n, v in fields.items() if v is not UNSET}))


def _change(run: Run[SaleService], event: str, change: SaleChange | GateChange) -> Sale:
    try:
        return run(lambda sales: sales.change(event, actor(), change))
    except UsherError as error:
        fail(error)


def _say(sale: Sale, as_json: bool) -> None:
    if as_json:
        echo_json(public_sale(sale))
        return
    click.echo(
        f"{sale.event_id}: {sale.state}, {sale.mode}; gate {sale.gate_state}, "
        f"{sale.rate_per_min} a minute, {sale.capacity} shopping at once"
    )
    if sale.throttle == "on":
        click.echo(f"  slows by itself to {sale.rate_floor_pct} % of that where the shop is behind")
    click.echo(
        f"  windows: claim {sale.claim_s} s, shop {sale.shop_s} s, hold {sale.hold_s} s "
        f"(to {sale.hold_cap_s} s), pay {sale.payment_s} s; {sale.seats_max} seats a fan"
        f"{'; for who is logged in' if sale.access == 'login' else ''}"
    )
    offers = f"on, an offer stands {sale.offer_s} s" if sale.waitlist == "on" else "off"
    click.echo(f"  waiting list: {offers}")
    times = [f"{name[:-3]} {iso(at)}" for name in _TIMES if (at := getattr(sale, name))]
    if times:
        click.echo(f"  times: {', '.join(times)}")
