"""`usher event cancel` and `usher booking cancel`: giving back from the command line."""

import asyncio
from typing import Any, Final

import click
import msgspec

from usher.account.model import Reader
from usher.booking.refunding.model import CancellationRequest, EventCancellationRequest
from usher.booking.refunding.service import Refunds
from usher.errors import BadInput, UsherError
from usher.plumbing.command import Run, echo_json, fail, json_option
from usher.sale.commands import actor

_LOOK_S: Final = 0.5


def cancel_event_command(run: Run[Refunds]) -> click.Command:
    """The verb `cancel` of events, on whatever house `run` opens."""

    @click.command("cancel")
    @click.argument("event")
    @click.option("--reason", default="", help="What every fan is told.")
    @click.option("--wait", is_flag=True, help="Return when every booking has been given back.")
    @click.confirmation_option(prompt="Every booking will be given back. Is that so?")
    @json_option
    def cancel(event: str, reason: str, wait: bool, as_json: bool) -> None:
        """Cancel EVENT: nothing of it is sold any more, a worker gives every booking back.

        Again it says how many are left. It cannot be undone.
        """

        async def work(refunds: Refunds) -> dict[str, Any]:
            told = await refunds.cancel_event(event, actor(), _reason(reason))
            while wait and told["bookings_left"]:
                await asyncio.sleep(_LOOK_S)
                told = await refunds.left_of(event)
            return told

        try:
            told = run(work)
        except UsherError as error:
            fail(error)
        if as_json:
            echo_json(told)
        else:
            left = told["bookings_left"]
            click.echo(f"{event} is cancelled; {left:,} bookings are still to be given back")

    return cancel


def booking_commands(run: Run[Refunds]) -> click.Group:
    """The verbs of bookings, on whatever house `run` opens."""

    @click.group("booking")
    def group() -> None:
        """Bookings: giving tickets back for an organiser."""

    @group.command("cancel")
    @click.argument("booking")
    @click.option("--ticket", "tickets", multiple=True, help="Only this one; may be given often.")
    @click.option("--reason", default="", help="What the fan is told.")
    @json_option
    def cancel(booking: str, tickets: tuple[str, ...], reason: str, as_json: bool) -> None:
        """Give tickets of BOOKING back, all where none is named; cancel it where it is unpaid.

        Their seats go on sale again, their money goes back. Again it has been done.
        """
        asked = CancellationRequest(list(tickets), reason)

        async def work(refunds: Refunds) -> dict[str, Any]:
            _reason(reason)
            return await refunds.cancel(booking, asked, Reader(), actor())

        try:
            told = run(work)
        except UsherError as error:
            fail(error)
        if as_json:
            echo_json(told)
            return
        click.echo(f"{booking} is {told['state']}; {len(told['tickets'])} tickets are good")
        for each in told.get("refunds", ()):
            amount = each["amount"]
            click.echo(
                f"  {each['refund_id']} {each['state']:<8} {amount['amount']} {amount['currency']}"
                " (minor units)"
            )

    return group


def _reason(text: str) -> str:
    try:
        return msgspec.convert({"reason": text}, EventCancellationRequest).reason
    except msgspec.ValidationError:
        raise BadInput("--reason: one line of at most 200 letters") from None
