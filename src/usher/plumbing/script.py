"""Lua is source code: a script's header is parsed, and its stub must agree with it.

A script file reads::

    -- seat/hold: hold every seat asked for, or none.
    -- KEYS    gate seat hold
    -- ARGV    hold_id place_id seat...
    -- REPLY   held due_ms seats[] | taken seats[] | closed state
    -- ATOMIC  what can never be seen half done
    -- COST    O(...)
    -- USES    hold mark          (optional: parts placed before the body)

Names in KEYS and ARGV become Lua locals, so a body never counts positions. `seat...` is
variadic and is reached through ARGV from `seat_at` on. Parts live in lua/part/.
"""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from inspect import Parameter, signature
from pathlib import Path
from types import UnionType
from typing import Any, Final, Union, get_args, get_origin, get_type_hints

import msgspec

from usher.errors import SetupError
from usher.keys import KEYS

_HEADER: Final = re.compile(r"-- (KEYS|ARGV|REPLY|ATOMIC|COST|USES)\s+(.*)")
_NAME: Final = re.compile(r"[a-z][a-z0-9_]*")
_REQUIRED: Final = ("KEYS", "ARGV", "REPLY", "ATOMIC", "COST")


class Reply(msgspec.Struct, frozen=True, array_like=True):
    """Base of every reply: a tagged array, the tag being the word the script replies."""


@dataclass(frozen=True)
class Script:
    """One parsed file of lua/: its header's words and the text sent to the server."""

    name: str
    purpose: str
    keys: tuple[str, ...]
    args: tuple[str, ...]
    rest: str  # the variadic argument's name, "" when there is none
    replies: dict[str, tuple[str, ...]]
    uses: tuple[str, ...]
    body: str
    parts: str = field(repr=False, default="")

    @cached_property
    def text(self) -> str:
        """What EVAL gets. The `#!lua` line makes the server refuse keys of other slots."""
        lines = ["#!lua"]
        if self.keys:
            slots = ",".join(f"KEYS[{i + 1}]" for i in range(len(self.keys)))
            lines.append(f"local {','.join(self.keys)}={slots}")
        if self.args:
            slots = ",".join(f"ARGV[{i + 1}]" for i in range(len(self.args)))
            lines.append(f"local {','.join(self.args)}={slots}")
        if self.rest:
            lines.append(f"local {self.rest}_at={len(self.args) + 1}")
        return "\n".join([*lines, self.parts, self.body])

    @cached_property
    def sha(self) -> str:
        """The digest EVALSHA is called with (the server's choice of SHA-1)."""
        return hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()


def parse(name: str, text: str, parts: dict[str, str]) -> Script:
    """A script from its text. SetupError names the file and the fault."""

    def fault(what: str) -> SetupError:
        return SetupError(f"lua/{name}.lua: {what}")

    lines = text.splitlines()
    opening = f"-- {name}: "
    purpose = lines[0][len(opening) :] if lines else ""
    if not lines or not lines[0].startswith(opening):
        raise fault(f"the first line must start with {opening!r}")
    header: dict[str, str] = {}
    last, end = "", 1
    for end, line in enumerate(lines[1:], start=1):
        if not line.startswith("--"):
            break
        if match := _HEADER.fullmatch(line):
            last = match[1]
            header[last] = match[2].strip()
        elif line.startswith("--         "):
            if last:
                header[last] += " " + line[2:].strip()
            else:
                purpose += " " + line[2:].strip()
        else:
            raise fault(f"line {end + 1} is neither a header word nor its continuation")
    for word in _REQUIRED:
        if word not in header:
            raise fault(f"the header lacks {word}")
    keys = _names(header["KEYS"])
    args = _names(header["ARGV"])
    rest = ""
    if args and args[-1].endswith("..."):
        rest, args = args[-1][:-3], args[:-1]
    uses = _names(header.get("USES", ""))
    for word in (*keys, *args, *([rest] if rest else [])):
        if not _NAME.fullmatch(word):
            raise fault(f"{word!r} is not a name")
    if unknown := [key for key in keys if key not in KEYS]:
        raise fault(f"keys.py has no {', '.join(unknown)}")
    if twice := {word for word in (*keys, *args) if (*keys, *args).count(word) > 1}:
        raise fault(f"{', '.join(sorted(twice))} stands in KEYS and ARGV, or twice")
    if missing := [part for part in uses if part not in parts]:
        raise fault(f"lua/part/ has no {', '.join(missing)}.lua")
    return Script(
        name=name,
        purpose=purpose,
        keys=keys,
        args=args,
        rest=rest,
        replies=_replies(header["REPLY"], fault),
        uses=uses,
        body="\n".join(lines[end:]),
        parts="\n".join(parts[part] for part in uses),
    )


def _names(words: str) -> tuple[str, ...]:
    return () if words == "-" else tuple(words.split())


def _replies(text: str, fault: Callable[[str], SetupError]) -> dict[str, tuple[str, ...]]:
    replies: dict[str, tuple[str, ...]] = {}
    for choice in text.split("|"):
        words = choice.split()
        if not words or words[0] in replies:
            raise fault(f"REPLY has an empty or a double choice in {text!r}")
        replies[words[0]] = tuple(words[1:])
    return replies


def load(folder: Path) -> dict[str, Script]:
    """Every script below `folder`, by name ("seat/hold")."""
    parts = {file.stem: file.read_text() for file in sorted((folder / "part").glob("*.lua"))}
    scripts = {}
    for file in sorted(folder.glob("*/*.lua")):
        if file.parent.name != "part":
            name = f"{file.parent.name}/{file.stem}"
            scripts[name] = parse(name, file.read_text(), parts)
    return scripts


def check_stub(script: Script, stub: Callable[..., Any]) -> dict[str, type[Reply]]:
    """The reply types of `stub` by their tags, once its signature and its replies agree with the
    header."""

    def fault(what: str) -> SetupError:
        return SetupError(f"the stub of lua/{script.name}.lua {what}")

    parameters = [p for p in signature(stub).parameters.values() if p.name != "self"]
    if not parameters or parameters[0].name != "event":
        raise fault("must take `event` first")
    args = tuple(p.name for p in parameters[1:] if p.kind is not Parameter.VAR_POSITIONAL)
    rest = "".join(p.name for p in parameters if p.kind is Parameter.VAR_POSITIONAL)
    if (args, rest) != (script.args, script.rest):
        want = _signature(script.args, script.rest)
        raise fault(f"takes {_signature(args, rest)}; the header says {want}")
    reply = get_type_hints(stub)["return"]
    union = get_origin(reply) in (Union, UnionType)
    structs = get_args(reply) if union else (reply,)
    told = {str(s.__struct_config__.tag): _fields(s) for s in structs}
    if told != script.replies:
        raise fault(f"replies {told}; the header says {script.replies}")
    return {str(s.__struct_config__.tag): s for s in structs}


def _signature(args: tuple[str, ...], rest: str) -> str:
    return " ".join((*args, *([f"*{rest}"] if rest else []))) or "nothing"


def _fields(struct: Any) -> tuple[str, ...]:
    hints = get_type_hints(struct)
    return tuple(
        name + ("[]" if get_origin(hints[name]) in (list, tuple) else "")
        for name in struct.__struct_fields__
    )
