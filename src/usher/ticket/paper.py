"""Tickets on paper: A4, one a page, typeset by Typst from front/templates/ticket.typ.

Typst sets every script that has a font (right to left, with ligatures, the next font where one
lacks a sign) in 2 ms a page, and lets go of the interpreter while it does. The fonts are Noto's,
from installed packages. What is printed is handed over as JSON and put on the page as text: nothing
in a name is ever markup.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from importlib.resources import files
from io import BytesIO
from typing import Any, Final

import msgspec
import segno

from usher.event.model import Showing
from usher.plumbing.language import Language
from usher.plumbing.shipped import shipped
from usher.ticket.model import Holding

_QUIET_ZONE: Final = 4  # modules around a code, as ISO/IEC 18004 asks for
_DOTS: Final = 8  # a module of the code on paper: sharp, whatever shows it
_FONTS: Final = ("manimgx_fonts", "manimgx_fonts_cjk")
_WORD_CHARS_MAX: Final = 24  # what is longer may be broken anywhere


class Fact(msgspec.Struct):
    """One line of a ticket: what it is, and what it says."""

    name: str
    text: str


class Sheet(msgspec.Struct):
    """What stands on one ticket."""

    title: str
    when: str
    venue: str
    hall: str
    seat: list[Fact]
    facts: list[Fact]
    ids: list[Fact]
    code: str


def picture(code: str) -> bytes:
    """A code as SVG."""
    drawn = BytesIO()
    _symbol(code).save(drawn, kind="svg", border=_QUIET_ZONE, light="#fff", omitsize=True)
    return drawn.getvalue()


def _dots(code: str) -> list[int]:
    """A code as PNG, byte by byte: the typesetter takes it in JSON."""
    drawn = BytesIO()
    _symbol(code).save(drawn, kind="png", border=_QUIET_ZONE, scale=_DOTS)
    return list(drawn.getvalue())


def _symbol(code: str) -> Any:
    return segno.make(code, error="m", micro=False, boost_error=False)


def sheet(ticket: Holding, showing: Showing, say: Language, code: str) -> Sheet:
    """What is to be printed of a ticket, in the words of `say`."""
    event, seat = showing.event, showing.layout.seat(ticket.seat)
    place = [
        Fact(say.gettext("Zone"), _soft(seat.zone)),
        Fact(say.gettext("Row"), _soft(seat.row)),
        Fact(say.gettext("Seat"), _soft(seat.number)),
    ]
    return Sheet(
        title=_soft(event.title),
        when=say.when(event.starts_at, event.timezone),
        venue=_soft(", ".join(each for each in (event.venue, event.city) if each)),
        hall=_soft(event.hall),
        seat=[each for each in place if each.text],
        facts=[
            Fact(say.gettext("Name"), _soft(ticket.holder or ticket.name)),
            Fact(say.gettext("Category"), _soft(seat.category)),
            Fact(say.gettext("Price"), say.money(ticket.price, ticket.currency)),
        ],
        ids=[
            Fact(say.gettext("Booking"), ticket.booking_id),
            Fact(say.gettext("Ticket"), ticket.id),
        ],
        code=code,
    )


def print_tickets(sheets: Sequence[Sheet], say: Language, stamp: datetime) -> bytes:
    """The sheets as PDF, byte for byte the same for the same sheets and `stamp`. Blocks: call it
    in a thread."""
    import typst  # 80 MB of shared library: for whoever prints, not for every process

    told = {
        "language": say.code,
        "dir": say.dir,
        "title": sheets[0].title,
        "sheets": sheets,
        "codes": [_dots(each.code) for each in sheets],
        "alt": say.gettext("QR code of this ticket"),
        "admits": say.gettext("Admits one"),
        "notes": [
            say.gettext("Show this code at the door, on paper or on a screen."),
            say.gettext(
                "It opens the door once, for whoever shows it first: keep pictures of it to"
                " yourself."
            ),
            say.gettext("If the ticket is handed on or given back, this code is good no more."),
        ],
    }
    printed = typst.compile(
        _template(),
        font_paths=_fonts(),
        sys_inputs={"told": msgspec.json.encode(told).decode()},
        format="pdf",
        timestamp=int(stamp.timestamp()),
    )
    assert isinstance(printed, bytes)
    return printed


@cache
def _template() -> bytes:
    return (shipped("front") / "templates" / "ticket.typ").read_bytes()


@cache
def _fonts() -> Any:
    import typst

    folders = [str(files(package)) for package in _FONTS]
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=folders)


def _soft(text: str) -> str:
    """`text` with places to break a line at inside words that no line may have room for."""
    words = []
    for word in text.split(" "):
        parts = range(0, len(word), _WORD_CHARS_MAX)
        words.append("\u200b".join(word[at : at + _WORD_CHARS_MAX] for at in parts))
    return " ".join(words)
