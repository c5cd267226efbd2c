"""Forms of pages: read as text, refused where another site sent them, faults beside their field.

Who sends a form with our cookies is known by what browsers say of where it comes from
(Sec-Fetch-Site, Origin): no page can forge those. It needs no token in every form, and no session
to keep one in. (OWASP CSRF Prevention: Fetch Metadata, with Origin where a browser sends none.)
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from litestar import Request
from litestar.datastructures import UploadFile

from usher.errors import BadInput, Forbidden

_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_TELLING: Final = frozenset({b"sec-fetch-site", b"origin", b"host"})
_FIELDS_MAX: Final = 500


async def from_this_site(request: Request[Any, Any, Any]) -> None:
    """Before every request: Forbidden where a browser says that another site sent this. Programs,
    which send neither header, pass; so does who shows a bearer token, which no browser adds by
    itself.

    On every change, the API's too: a form of another site comes without our cookies (they are
    SameSite), but the answer to it may set others in the place of ours. It reads the headers as
    they came. As a guard it would cost a third of a join: Litestar copies the handler for each.
    """
    if request.scope["method"] in _SAFE:
        return
    for name, value in request.scope["headers"]:  # programs are most of who asks in a hurry
        if name == b"authorization" and value[:7].lower() == b"bearer ":
            return
    said = {name: value for name, value in request.scope["headers"] if name in _TELLING}
    site = said.get(b"sec-fetch-site")
    if site is not None:
        if site not in (b"same-origin", b"none"):
            raise Forbidden("this was sent by another site")
        return
    origin = said.get(b"origin")
    if origin is not None and origin.partition(b"//")[2] != said.get(b"host"):
        raise Forbidden("this was sent by another site")


class Form(Mapping[str, str]):
    """What was typed, by field, without the blanks around it; absent fields are "".

    `faults` says what is wrong with which field, in words for the reader.
    """

    def __init__(self, given: Mapping[str, str] = {}) -> None:
        self._given = dict(given)
        self.faults: dict[str, str] = {}
        self.files: dict[str, UploadFile] = {}
        self.lists: dict[str, list[str]] = {}

    def __getitem__(self, name: str) -> str:
        return self._given.get(name, "")

    def __contains__(self, name: object) -> bool:
        return name in self._given

    def __iter__(self) -> Any:
        return iter(self._given)

    def __len__(self) -> int:
        return len(self._given)

    def fault(self, name: str, what: str) -> None:
        """Notes what is wrong with a field; the first fault of a field stands."""
        self.faults.setdefault(name, what)

    @property
    def good(self) -> bool:
        return not self.faults

    def number(self, name: str, least: int, most: int, what: str) -> int:
        """A whole number of `least` to `most`; `what` is the fault where it is none."""
        text = self[name]
        if text.isascii() and text.removeprefix("-").isdigit() and len(text) < 20:
            value = int(text)
            if least <= value <= most:
                return value
        self.fault(name, what)
        return least


async def read_form(request: Request[Any, Any, Any], keep: Iterable[str] = ()) -> Form:
    """The fields of a form, urlencoded or multipart; fields in `keep` are passwords, whose blanks
    count. BadInput where it cannot be read."""
    try:
        data = await request.form()
    except (ValueError, LookupError, RecursionError) as fault:
        raise BadInput("the form could not be read") from fault
    if len(data) > _FIELDS_MAX:
        raise BadInput("the form has too many fields")
    form = Form()
    for name, value in data.multi_items():
        if isinstance(value, UploadFile):
            form.files[name] = value
            continue
        text = str(value)
        if "\x00" in text:
            raise BadInput("the form holds characters that are none")
        form._given[name] = text if name in keep else text.strip()
        form.lists.setdefault(name, []).append(text)
    return form
