"""Addresses as they may stand in an envelope and in a header: nothing in them ends either."""

import re
import unicodedata
from typing import Final

from usher.notice.model import Refused

# RFC 5322 dot-atom, with what RFC 6531 adds; quoted local parts are nobody's.
_ATOM: Final = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u0080-\U0010ffff-]+"
_LOCAL: Final = re.compile(rf"{_ATOM}(\.{_ATOM})*")
_HOST: Final = re.compile(r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]*[a-z0-9])?")
# What separates or comments in an address header; Python 3.11 takes some of it for that even
# within an encoded word that is folded.
_SPECIAL: Final = re.compile(r'[()<>\[\]:;@\\,."]+')
_TURNS: Final = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


class Unmailable(Refused):
    """No mail can go there."""


def mailbox(address: str) -> str:
    """The address for an envelope, its domain in ASCII (IDNA); Unmailable where it can be none."""
    local, at, domain = address.rpartition("@")
    try:
        host = domain.lower().encode("idna").decode("ascii")
    except UnicodeError:
        host = ""
    if not at or len(local) > 64 or not local.isprintable() or not _LOCAL.fullmatch(local):
        raise Unmailable("no address that mail can go to")
    if len(host) > 253 or not _HOST.fullmatch(host):
        raise Unmailable("no domain that mail can go to")
    return f"{local}@{host}"


def named(text: str) -> tuple[str, str]:
    """The name and the address of `A name <address>`; a bare address has no name."""
    name, bracket, address = text.rpartition("<")
    return (name.strip(), address.rstrip(">")) if bracket else ("", text)


def one_line(text: str) -> str:
    """A text without anything that could end a header's line, or turn it around."""
    kept = (" " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c for c in text)
    return " ".join("".join(c for c in kept if not _is_turn(c)).split())


def _is_turn(c: str) -> bool:
    """What no text may hold, or what turns all that follows around, beyond the name it stands in:
    Unicode's embeddings, overrides and isolates. Its marks, which names need, are none of them."""
    return unicodedata.category(c) == "Cs" or c in _TURNS


def display(name: str) -> str:
    """A person's name before their address: the words of it, in any script."""
    return " ".join(_SPECIAL.sub(" ", one_line(name)).split())
