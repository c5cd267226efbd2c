"""Reading documents that strangers wrote: every fault named, nothing half-done."""

import re
from typing import Any, Final, TypeVar

import msgspec

from usher import limits
from usher.errors import BadPlan
from usher.venue.check import CONTROL, Faults

T = TypeVar("T")

# Objects, lists and values of a document before it is read: twice and more what a full plan
# with every optional field has. 64 MB of "[[],[],[]..." would cost two gigabytes to refuse later.
_BRACKETS_MAX: Final = 10 * limits.plan_seats_max
_COMMAS_MAX: Final = 60 * limits.plan_seats_max

_QUOTED: Final = re.compile("`([^`]*)`")
_WHAT_CHARS_MAX: Final = 200  # a misspelt member is quoted, and may be long
_WORDS: Final = {
    "float": "number",
    "int": "whole number",
    "str": "text",
    "bool": "true or false",
    "object": "object",
    "array": "list",
    "null": "nothing",
}


def read_object(raw: bytes, subject: str) -> dict[str, Any]:
    """The JSON object in `raw`, a byte order mark allowed; BadPlan if there is none.

    `subject` names the document in the refusal, e.g. "plan".
    """
    faults = Faults(subject)
    if len(raw) > limits.plan_bytes_max:
        faults.add(subject, f"has {len(raw):,} bytes; {limits.plan_bytes_max:,} is the most")
        faults.settle()
    if raw.count(b"[") + raw.count(b"{") > _BRACKETS_MAX or raw.count(b",") > _COMMAS_MAX:
        faults.add(subject, f"says more than a plan of {limits.plan_seats_max:,} seats can")
        faults.settle()
    try:
        document = msgspec.json.decode(raw.removeprefix(b"\xef\xbb\xbf"))
    except RecursionError:
        faults.add(subject, "is nested too deeply")
    except UnicodeDecodeError:
        faults.add(subject, "is not UTF-8")
    except ValueError as fault:
        faults.add(subject, f"is not JSON ({fault})")
    else:
        if isinstance(document, dict):
            return document
        faults.add(subject, f"is {_kind(document)}, not an object")
    faults.settle()
    raise BadPlan(f"The {subject} could not be read")  # pragma: no cover - settle has raised


def read_as(value: object, kind: type[T], where: str, faults: Faults) -> T | None:
    """`value` as the struct `kind`; its first fault is added at `where`, and None returned."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as fault:
        what, _, path = str(fault).partition(" - at `$")
        path = path.rstrip("`")
        faults.add((where + path).removeprefix(".") or "plan", _plain(what))
    return None


def _plain(what: str) -> str:
    """msgspec's sentence in the words of people who do not write Python."""
    if what.startswith("Expected"):
        what = _QUOTED.sub(
            lambda types: " or ".join(_WORDS.get(t, t) for t in types[1].split(" | ")), what
        )
    what = what.replace("Object missing", "misses the").replace("Object contains", "has the")
    what = CONTROL.sub("?", what)[:_WHAT_CHARS_MAX]
    return what[:1].lower() + what[1:]


def _kind(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "text", bool: "true or false"}
    return names.get(type(value), "nothing" if value is None else "a number")
