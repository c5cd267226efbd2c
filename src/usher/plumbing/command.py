"""What every CLI verb shares: how it reaches its service, its exit codes, its JSON.

Exit codes: 0 done; 1 refused or failed (the sentence on stderr says why); 2 the command line was
wrong (click's own); 3 a server behind usher is away; 4 an invariant does not hold (`audit`,
`demo`).
"""

import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, Final, NoReturn, Protocol, TypeVar

import click
import msgspec

from usher.errors import BadInput, Unavailable, Unreachable, UsherError

EXIT_REFUSED: Final = 1
EXIT_AWAY: Final = 3
EXIT_VIOLATED: Final = 4

S_co = TypeVar("S_co", covariant=True)
T = TypeVar("T")


class Run(Protocol[S_co]):
    """Runs an async piece of work with a service of an opened house, and gives its result.

    Rooms' commands are built with one of these, so they never know how a house is opened.
    """

    def __call__(self, work: Callable[[S_co], Awaitable[T]]) -> T: ...


def fail(error: UsherError) -> NoReturn:
    """Says why on stderr and ends the process with the code that fits."""
    click.echo(f"usher: {error.detail}", err=True)
    faults = error.members.get("errors", ())
    for fault in faults if len(faults) > 1 else ():  # a single one is the sentence above
        click.echo(f"  {fault.get('where', '')}: {fault.get('what', '')}", err=True)
    sys.exit(EXIT_AWAY if isinstance(error, Unavailable | Unreachable) else EXIT_REFUSED)


def echo_json(value: Any) -> None:
    """One JSON document on stdout, indented for people, stable for machines."""
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def read_time(option: str, text: str | None) -> datetime | None:
    """A moment as the command line has it, in UTC where it has no offset; BadInput."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadInput(f"{option}: {text!r} is no ISO 8601 time, like 2026-12-01T19:30Z") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")
