"""The files of front/static: read once, compressed once, cached by browsers for ever.

Their address holds a digest of them all, so that modules may import each other by relative paths:
one change gives every file a new address. There is no build step.
"""

import gzip
import hashlib
import posixpath
import re
from collections.abc import Mapping
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import Any, Final

from babel.messages.extract import extract_javascript
from litestar import Request, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from usher.errors import NotFound
from usher.plumbing.answer import Answer
from usher.plumbing.express import EXPRESS
from usher.plumbing.request import header_in

_MEDIA: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".webmanifest": "application/manifest+json",
}
_IMPORT: Final = re.compile(r"""(?:\bfrom|^import|\bimport\()\s*["'](\.{1,2}/[^"']+)["']""", re.M)
_FUNCTIONS: Final[Any] = {"gettext": None, "ngettext": (1, 2)}
_FOREVER: Final = b"public, max-age=31536000, immutable"
# An address of another version: a page that was loaded before this process began.
_BRIEFLY: Final = b"public, max-age=60"
_LEAST_GAIN: Final = 0.9

Message = str | tuple[str, str]


class _File:
    """A file in memory; compressed when somebody first asks for it so."""

    def __init__(self, path: Path) -> None:
        self.body = path.read_bytes()
        self.media = _MEDIA[path.suffix].encode()

    @cached_property
    def zipped(self) -> bytes:
        """b"" where compression gains nothing."""
        zipped = gzip.compress(self.body, 9, mtime=0)
        return zipped if len(zipped) < _LEAST_GAIN * len(self.body) else b""


class Assets:
    """Every file below `folder`, by its path relative to it, and `more` from installed packages."""

    def __init__(self, folder: Path, more: Mapping[str, Path] | None = None) -> None:
        paths = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*"))}
        self._files = {
            name: _File(path)
            for name, path in (paths | dict(more or {})).items()
            if path.is_file() and path.suffix in _MEDIA
        }
        digest = hashlib.blake2b(digest_size=8)
        for name, file in self._files.items():
            digest.update(name.encode() + b"\0" + file.body)
        self.digest = digest.hexdigest()
        self._modules: dict[str, list[str]] = {}
        self._messages: dict[str, list[Message]] = {}

    def url(self, name: str) -> str:
        """The address of a file; KeyError where there is none, so that no page asks for one."""
        if name not in self._files:
            raise KeyError(f"there is no front/static/{name}")
        return f"/static/{self.digest}/{name}"

    def body(self, name: str) -> bytes:
        """What is in a file."""
        return self._files[name].body

    def modules(self, name: str) -> list[str]:
        """A script and all that it imports, itself first."""
        found = self._modules.get(name)
        if found is None:
            found = self._modules[name] = [name]
            for each in found:
                text = self._files[each].body.decode()
                for path in _IMPORT.findall(text):
                    other = posixpath.normpath(posixpath.join(posixpath.dirname(each), path))
                    if other not in found:
                        found.append(other)
        return found

    def messages(self, name: str) -> list[Message]:
        """What a script and its imports say to people: each msgid, or pair of singular, plural."""
        known = self._messages.get(name)
        if known is None:
            known = self._messages[name] = []
            for module in self.modules(name):
                source = BytesIO(self._files[module].body)
                for _, function, message, _ in extract_javascript(source, _FUNCTIONS, [], {}):
                    # Babel gives all arguments, and its own type is narrower than what it gives.
                    given: Any = message
                    said: Any = (given,) if isinstance(given, str) else given
                    each: Message = (said[0], said[1]) if function == "ngettext" else said[0]
                    if each not in known:
                        known.append(each)
        return known

    @cached_property
    def handler(self) -> HTTPRouteHandler:
        """GET /static/{digest}/{name}."""

        @get("/static/{digest:str}/{name:path}", include_in_schema=False, opt=EXPRESS)
        async def static_file(
            digest: FromPath[str], name: FromPath[Any], request: Request[Any, Any, Any]
        ) -> ASGIResponse:
            """A file of front/static."""
            file = self._files.get(str(name).lstrip("/"))
            if file is None:
                raise NotFound("there is no such file")
            zips = "gzip" in header_in(request.scope, b"accept-encoding") and bool(file.zipped)
            body = file.zipped if zips else file.body
            head = [
                (b"content-type", file.media),
                (b"content-length", b"%d" % len(body)),
                (b"cache-control", _FOREVER if digest == self.digest else _BRIEFLY),
                (b"vary", b"accept-encoding"),
                (b"x-content-type-options", b"nosniff"),
            ]
            if zips:
                head.append((b"content-encoding", b"gzip"))
            return Answer(body, 200, head)

        return static_file
