"""`usher event`: make events from plans, list them, show them."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from usher import limits
from usher.clock import iso, utc_now
from usher.currency import plain_money
from usher.errors import BadInput, UsherError
from usher.event.model import EventRow, NewEvent
from usher.event.routes import category_view, event_view
from usher.event.service import EventService
from usher.plumbing.command import Run, echo_json, fail, json_option, read_time
from usher.sale.model import SaleSettings
from usher.venue.bowl import bowl
from usher.venue.generate import rows_by_columns
from usher.venue.model import Plan
from usher.venue.pretix import import_pretix
from usher.venue.price import default_prices
from usher.venue.side import SideDocument, parse_side


def read_plan(
    plan: Path | None, side: Path | None, rows: int | None, columns: int | None, seats: int | None
) -> tuple[Plan, SideDocument, list[str]]:
    """A plan from a file or from numbers, its side document, and what was repaired, in words.

    BadPlan and BadInput say what is wrong; exactly one source must be given.
    """
    sources = [plan is not None, rows is not None or columns is not None, seats is not None]
    if sum(sources) != 1:
        raise BadInput("give a plan by --plan FILE, or by --rows and --columns, or by --bowl")
    if side is not None and plan is None:
        raise BadInput("--side goes with --plan")
    if plan is not None:
        document = parse_side(side.read_bytes()) if side else SideDocument()
        imported = import_pretix(plan.read_bytes(), document)
        return imported.plan, document, [imported.summary()]
    if seats is not None:
        return bowl(seats), SideDocument(), []
    if rows is None or columns is None:
        raise BadInput("--rows and --columns go together")
    return rows_by_columns(rows, columns), SideDocument(), []


def event_commands(run: Run[EventService]) -> click.Group:
    """The verbs of events, on whatever house `run` opens."""

    @click.group("event")
    def group() -> None:
        """Events: what people attend, made from a seating plan."""

    @group.command("import")
    @click.option(
        "--plan",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="A pretix seating plan (JSON).",
    )
    @click.option(
        "--side",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="The side document of the plan: areas, accessible seats, prices.",
    )
    @click.option("--rows", type=int, help="Make straight rows instead: how many.")
    @click.option("--columns", type=int, help="... of how many seats.")
    @click.option("--bowl", type=int, metavar="SEATS", help="Make an arena of so many seats.")
    @click.option("--title", default="An evening", show_default=True)
    @click.option("--venue", default="Demo Arena", show_default=True)
    @click.option("--city", default="")
    @click.option("--starts-at", metavar="TIME", help="ISO 8601; 30 days from now if left out.")
    @click.option("--mode", type=click.Choice(["queued", "simple"]), default="queued")
    @click.option("--rate-per-min", type=int, default=limits.rate_per_min_default)
    @click.option("--capacity", type=int, default=limits.capacity_default)
    @click.option("--lobby-at", metavar="TIME", help="When the lobby opens.")
    @click.option("--opens-at", metavar="TIME", help="When the sale opens.")
    @click.option("--closes-at", metavar="TIME", help="When the sale ends.")
    @click.option("--draft", is_flag=True, help="Do not publish it yet.")
    @json_option
    def import_event(
        plan: Path | None,
        side: Path | None,
        rows: int | None,
        columns: int | None,
        bowl: int | None,
        title: str,
        venue: str,
        city: str,
        starts_at: str | None,
        mode: Any,
        rate_per_min: int,
        capacity: int,
        lobby_at: str | None,
        opens_at: str | None,
        closes_at: str | None,
        draft: bool,
        as_json: bool,
    ) -> None:
        """Make an event from a plan, and publish it.

        The plan is checked whole before anything is written; what had to be repaired is said.
        """
        try:
            drawn, document, repairs = read_plan(plan, side, rows, columns, bowl)
            new = NewEvent(
                title=title,
                starts_at=read_time("--starts-at", starts_at) or utc_now() + timedelta(days=30),
                venue=venue,
                city=city,
                hall=drawn.name,
                currency=document.currency,
                prices=default_prices(drawn, document.prices),
            )
            sale = SaleSettings(
                mode=mode,
                rate_per_min=rate_per_min,
                capacity=capacity,
                lobby_at=read_time("--lobby-at", lobby_at),
                opens_at=read_time("--opens-at", opens_at),
                closes_at=read_time("--closes-at", closes_at),
            )

            async def make(events: EventService) -> str:
                event = await events.create(new, drawn, sale)
                if not draft:
                    await events.publish(event)
                return event

            event = run(make)
        except UsherError as error:
            fail(error)
        except OSError as fault:
            fail(BadInput(f"{fault.filename}: {fault.strerror}"))
        if as_json:
            echo_json({"event_id": event, "seats": drawn.seat_count, "notes": repairs})
            return
        for note in repairs:
            click.echo(note)
        click.echo(f"{event}: {title}, {drawn.seat_count:,} seats")
        if not draft:
            click.echo("published; a running worker lays out its seats within seconds")
            click.echo(f"next: {_next_step(event, sale)}")
        else:
            click.echo(f"next: usher event publish {event}")

    @group.command("publish")
    @click.argument("event")
    def publish(event: str) -> None:
        """Publish EVENT: fans see it, the worker lays out its seats."""
        try:
            run(lambda events: events.publish(event))
        except UsherError as error:
            fail(error)
        click.echo(f"{event} is published")

    @group.command("list")
    @click.option("--all", "drafts", is_flag=True, help="Drafts and cancelled ones too.")
    @json_option
    def list_events(drafts: bool, as_json: bool) -> None:
        """List events by their start."""
        try:
            rows = run(lambda events: events.search(drafts=drafts))
        except UsherError as error:
            fail(error)
        if as_json:
            echo_json([event_view(row) for row in rows])
            return
        if not rows:
            click.echo("no events; make one with `usher event import`")
        for row in rows:
            click.echo(_line(row))

    @group.command("show")
    @click.argument("event")
    @json_option
    def show(event: str, as_json: bool) -> None:
        """Show EVENT with its prices."""
        try:
            showing = run(lambda events: events.showing(event))
        except UsherError as error:
            fail(error)
        row = showing.event
        if as_json:
            prices = [category_view(each, row.currency) for each in showing.categories]
            echo_json(event_view(row) | {"categories": prices})
            return
        click.echo(_line(row))
        for each in showing.categories:
            price = plain_money(each.price, row.currency)
            click.echo(f"  {each.name:<20} {price:>9} {row.currency}  {each.count:>6}")

    return group


def _line(row: EventRow) -> str:
    state = row.sale_state if row.state == "published" else f"({row.state})"
    return (
        f"{row.id}  {iso(row.starts_at)}  {row.seats:>6} seats  {row.mode:<6} "
        f"{state:<9}  {row.title} · {row.venue}"
    )


def _next_step(event: str, sale: SaleSettings) -> str:
    if sale.opens_at:
        return f"the sale opens by itself at {iso(sale.opens_at)}"
    if sale.mode == "simple":
        return f"usher sale open {event}"
    return f"usher sale lobby {event}, then usher sale open {event}"
