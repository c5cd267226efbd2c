"""CSV for spreadsheets: RFC 4180, UTF-8 with a byte order mark, and no cell that is a formula."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Final

BOM: Final = "\ufeff".encode()
# A cell that begins with one of these is run by spreadsheets (OWASP, "CSV Injection"); blanks in
# front do not hinder some of them.
_RUN: Final = ("=", "+", "-", "@", "\t", "\r")


def safe_cell(text: str) -> str:
    """`text` as a cell that is shown, never run."""
    return f"'{text}" if text.startswith(_RUN) or text.lstrip().startswith(_RUN) else text


def csv_lines(rows: Iterable[Sequence[object]]) -> bytes:
    """Rows as CSV: CRLF ends a line, quotes stand where a cell needs them and are doubled inside.
    Numbers are written as they are, None is an empty cell."""
    sheet = io.StringIO(newline="")
    writer = csv.writer(sheet, lineterminator="\r\n")
    for row in rows:
        writer.writerow([safe_cell(cell) if isinstance(cell, str) else cell for cell in row])
    return sheet.getvalue().encode("utf-8", "replace")
