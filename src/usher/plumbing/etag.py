"""Entity tags (RFC 9110, 8.8.3)."""

from litestar.types import Scope


def known(tags: str, *etags: str) -> bool:
    """Whether If-None-Match names one of `etags`: weakened on the way, in a list, or as any."""
    return "*" in tags or any(tag.strip().removeprefix("W/") in etags for tag in tags.split(","))


def if_none_match(scope: Scope) -> str:
    """What a client says it has; "" where it says nothing."""
    for name, value in scope["headers"]:
        if name == b"if-none-match":
            return value.decode("latin-1")
    return ""
