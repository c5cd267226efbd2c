"""What a demo says at its end: the books, the main figures, where to look."""

import secrets

from rich import box
from rich.console import Console
from rich.table import Table

from usher.account.model import Role
from usher.insight.model import Verdict as Audit
from usher.rehearsal.model import Running
from usher.rehearsal.service import Outcome
from usher.rehearsal.verdict import Verdict, broken, shortfall


def tell(outcome: Outcome, console: Console) -> None:
    """The audit as a table, then the main figures in words."""
    console.print(_audit_table(outcome.audit))
    for line in closing_lines(outcome.verdict):
        console.print(line, highlight=False, markup=False, soft_wrap=True)


async def visit(site: Running, event: str) -> list[str]:
    """How to look at what has happened, with a login made for it."""
    password = secrets.token_urlsafe(12)
    email = f"organiser-{secrets.token_hex(3)}@example.com"
    await site.accounts.add(email, password, "Demo organiser", Role.ORGANISER)
    return [
        "",
        f"the site stays up:  {site.url}",
        f"the event:          {site.url}/api/v1/events/{event}",
        f"an organiser login: {email}  {password}",
        "Ctrl-C stops it in order",
    ]


def _audit_table(audit: Audit) -> Table:
    """The audit: each invariant, its figure, its promise."""
    table = Table(box=box.SIMPLE_HEAD, title="The books, audited", title_justify="left")
    table.add_column("invariant")
    table.add_column("figure", justify="right")
    table.add_column("promise")
    for check in audit.checks:
        style = "" if check.holds else "bold red"
        promise = check.promise + (f" ({check.detail})" if check.detail and not check.holds else "")
        table.add_row(check.name, f"{check.figure:,}", promise, style=style)
    return table


def closing_lines(found: Verdict) -> list[str]:
    """The main figures in words, the last line being the verdict."""
    lines = [
        f"{found.sold:,} of {found.seats:,} seats sold in {found.bookings_confirmed:,} bookings, "
        f"{found.checkouts_per_s:.1f} checkouts/s",
        f"{found.joined:,} fans joined, {found.admitted:,} were let in, {found.told_over:,} were "
        f"told it is over, {found.walked_away:,} walked away, {found.declined:,} were declined, "
        f"{found.late:,} paid late",
        f"{found.requests:,} requests: {found.http_409:,} refused with 409 as they should, "
        f"{found.http_5xx:,} 5xx; p99 join {found.join_p99_ms:.0f} ms, hold "
        f"{found.hold_p99_ms:.0f} ms",
        f"{found.total_s:.0f} s in all, {found.duration_s:.0f} s of it the crowd, whose own cost "
        f"was {found.client_cpu_s:.0f} s of CPU",
    ]
    if names := broken(found):
        lines.append(f"BROKEN: {', '.join(names)}")
    elif not found.invariants_hold:
        lines.append("BROKEN: an invariant does not hold, see the table")
    elif said := shortfall(found):
        lines.append(f"FELL SHORT: {said}")
    elif found.sold == found.seats:
        lines.append("SOLD OUT: every invariant holds")
    else:
        lines.append("DONE: everybody was served, every invariant holds")
    return lines
