"""Where the next page of a list begins: after a moment and an id, opaque to clients."""

import base64
from datetime import UTC, datetime
from typing import Annotated

from litestar.params import QueryParameter

from usher.clock import EARLIEST, LATEST
from usher.errors import BadInput
from usher.ids import is_id

Cursor = Annotated[str, QueryParameter(max_length=200, pattern=r"^[A-Za-z0-9_=-]*$")]


def cursor_after(moment: datetime, row_id: str) -> str:
    """The cursor of the page that begins after this row."""
    text = f"{moment.astimezone(UTC).isoformat()} {row_id}"
    return base64.urlsafe_b64encode(text.encode()).decode()


def read_cursor(cursor: str, noun: str) -> tuple[datetime, str] | None:
    """The moment and the id of a `noun` in a cursor, None for ""; BadInput where it is made up."""
    if not cursor:
        return None
    try:
        text, _, row_id = base64.urlsafe_b64decode(cursor).decode("ascii").partition(" ")
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None or not EARLIEST <= moment < LATEST or not is_id(noun, row_id):
            raise ValueError
    except (ValueError, OverflowError):
        raise BadInput("cursor is not one this list gave") from None
    return moment.astimezone(UTC), row_id
