"""`usher messages`: what was sent to fans, and tickets once more."""

import click

from usher import limits
from usher.clock import iso
from usher.errors import UsherError
from usher.notice.model import STATES, Message
from usher.notice.routes import message_view
from usher.notice.service import MessageService
from usher.plumbing.command import Run, echo_json, fail, json_option


def message_commands(run: Run[MessageService]) -> click.Group:
    """The verbs of messages, on whatever house `run` opens."""

    @click.group("messages")
    def group() -> None:
        """Messages to fans: mail and SMS."""

    @group.command("list")
    @click.option("--event", default="", help="Only those about this event.")
    @click.option("--booking", default="", help="Only those about this booking.")
    @click.option("--state", type=click.Choice(STATES), help="Only those in this state.")
    @click.option(
        "--most",
        type=click.IntRange(1, limits.page_rows_max),
        default=50,
        show_default=True,
        help="How many, the newest first.",
    )
    @json_option
    def list_messages(
        event: str, booking: str, state: str | None, most: int, as_json: bool
    ) -> None:
        """List messages, newest first: to whom, when, and what came of them."""
        try:
            found = run(
                lambda messages: messages.search(
                    event=event, booking=booking, state=state or "", most=most
                )
            )
        except UsherError as error:
            fail(error)
        if as_json:
            echo_json([message_view(each) for each in found])
            return
        if not found:
            click.echo("no messages")
        for each in found:
            click.echo(_line(each))

    @group.command("resend")
    @click.argument("booking")
    def resend(booking: str) -> None:
        """Send the tickets of BOOKING once more, to the address it was made with."""
        try:
            run(lambda messages: messages.send_again(booking, hurried=True))
        except UsherError as error:
            fail(error)
        click.echo("on its way: a running worker sends it within seconds")

    return group


def _line(message: Message) -> str:
    at = iso((message.sent_at or message.created_at).replace(microsecond=0))
    tries = f" ({message.attempts} attempts)" if message.attempts > 1 else ""
    answer = f"  {message.answer}" if message.answer else ""
    return (
        f"{at}  {message.state:<7} {message.channel:<5} {message.fact:<18}  {message.recipient}  "
        f"{message.booking_id or message.event_id}{tries}{answer}"
    )
