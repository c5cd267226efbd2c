"""HTML pages: Jinja templates of front/templates, rendered in the reader's language.

A page may load nothing from elsewhere, run no script that stands in it, and stand in no frame:
that is said in its Content-Security-Policy. Colours of categories are drawn with SVG attributes,
which need no style.
"""

import gzip
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final
from urllib.parse import quote

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from litestar import Request
from litestar.response.base import ASGIResponse

from usher.clock import iso
from usher.errors import UsherError
from usher.plumbing.answer import PRIVATE, Answer
from usher.plumbing.asset import Assets
from usher.plumbing.language import LANGUAGE_COOKIE, Language, Languages
from usher.plumbing.shipped import shipped

AnyRequest = Request[Any, Any, Any]
Greeter = Callable[[AnyRequest], Mapping[str, Any]]

_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; manifest-src 'self'; form-action {}; base-uri 'none'; "
    "frame-ancestors 'none'"
)
_HEAD: Final = [
    (b"content-type", b"text/html; charset=utf-8"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(self), microphone=(), geolocation=()"),
    (b"vary", b"accept-encoding, accept-language, cookie"),
]


def make_environment(*, escape: bool = True) -> Environment:
    """What renders front/templates; a template is given its `language`. Plain text is not
    escaped."""
    environment = Environment(
        loader=FileSystemLoader(shipped("front") / "templates"),
        autoescape=escape,  # noqa: S701 - off for text/plain, which has nothing to escape
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,  # else each page asks the file system whether its templates have changed
        extensions=["jinja2.ext.i18n", "jinja2.ext.do"],
    )
    environment.install_gettext_callables(  # type: ignore[attr-defined]
        _gettext, _ngettext, newstyle=True
    )
    # Messages may be laid out over lines; `just messages` collects them in the same form.
    environment.policies["ext.i18n.trimmed"] = True
    environment.filters |= {"iso": iso, "url": lambda text: quote(str(text), safe="")}
    return environment


class Pages:
    """Renders the templates of front/templates. `greet` says who is looking, for the page's head:
    it is given the request and adds to every template's variables. `leading_to` are the other
    sites that a form may lead to, by a redirect: where one pays."""

    def __init__(
        self,
        assets: Assets,
        languages: Languages,
        greet: Greeter,
        leading_to: Iterable[str] = (),
    ) -> None:
        self.assets = assets
        self.languages = languages
        self._greet = greet
        policy = _POLICY.format(" ".join(("'self'", *leading_to)))
        self._head = [*_HEAD, (b"content-security-policy", policy.encode())]
        self._said: dict[tuple[str, str], str] = {}
        self._environment = make_environment()
        self._environment.globals |= {"asset": assets.url, "modules": assets.modules}

    def language(self, request: AnyRequest) -> Language:
        """The language of whoever asks."""
        return self.languages.choose(
            request.cookies.get(LANGUAGE_COOKIE), request.headers.get("accept-language", "")
        )

    def show(
        self,
        request: AnyRequest,
        template: str,
        status: int = 200,
        *,
        cache: str = PRIVATE,
        cookies: Iterable[str] = (),
        headers: Iterable[tuple[str, str]] = (),
        **variables: Any,
    ) -> ASGIResponse:
        """The answer that is a page. Templates know besides their own variables: `language`,
        `languages`, `here` (this address), `asset(name)`, `words(script)`, and whom `greet` names.
        """
        language = self.language(request)
        text = self._environment.get_template(template).render(
            language=language,
            languages=list(self.languages.known.values()),
            here=_here(request),
            words=lambda name: self._words(language, name),
            island=_island,
            **self._greet(request),
            **variables,
        )
        body = text.encode()
        head = [*self._head, (b"cache-control", cache.encode())]
        if "gzip" in request.headers.get("accept-encoding", ""):
            body = gzip.compress(body, 5)
            head.append((b"content-encoding", b"gzip"))
        head.append((b"content-length", b"%d" % len(body)))
        head += [(name.encode(), value.encode()) for name, value in headers]
        head += [(b"set-cookie", each.encode("latin-1")) for each in cookies]
        return Answer(body, status, head)

    def _words(self, language: Language, script: str) -> str:
        """The data block of what a script says in a language."""
        known = self._said.get((language.code, script))
        if known is None:
            said = language.words(self.assets.messages(script))
            known = self._said[language.code, script] = _island(said)
        return known

    def error(self, request: AnyRequest, error: UsherError) -> ASGIResponse:
        """The page that says what happened and what to do about it."""
        headers = []
        if retry_after_s := error.members.get("retry_after_s"):
            headers.append(("retry-after", str(retry_after_s)))
        return self.show(
            request, "error.html", error.status, headers=headers, error=error, code=error.code
        )


def see_other(where: str, *, cookies: Iterable[str] = ()) -> ASGIResponse:
    """303: the form has done its work; a reload does not do it again. Whatever stands in `where`
    ends no header."""
    head = [
        (b"location", quote(where, safe="/:?#[]@!$&'()*+,;=%~-._").encode()),
        (b"content-length", b"0"),
        (b"cache-control", PRIVATE.encode()),
    ]
    head += [(b"set-cookie", each.encode("latin-1")) for each in cookies]
    return Answer(b"", 303, head)


def safe_next(where: str | None, otherwise: str = "/") -> str:
    """`where` if it is an address of this site, to go on to after a form; nothing else is."""
    if not where or not where.startswith("/") or where[:2] in ("//", "/\\"):
        return otherwise
    return where if where.isprintable() and where.isascii() and len(where) < 1_000 else otherwise


def wants_page(request: AnyRequest) -> bool:
    """Whether whoever asks is a browser that would show an answer to a person."""
    return not request.url.path.startswith("/api/") and (
        "text/html" in request.headers.get("accept", "")
    )


def _here(request: AnyRequest) -> str:
    query = request.url.query
    # Two slashes in front would be another site's name where this is a link.
    return "/" + request.url.path.lstrip("/") + (f"?{query}" if query else "")


def _island(value: Any) -> str:
    """JSON for a data block of a page: nothing in it can end the block."""
    return (
        msgspec.json.encode(value)
        .decode()
        .replace("<", "\\u003c")
        .replace("\u2028", "\\u2028")
        .replace("\u2029", "\\u2029")
    )


@pass_context
def _gettext(context: Context, message: str) -> str:
    return str(context["language"].gettext(message))


@pass_context
def _ngettext(context: Context, one: str, many: str, number: int) -> str:
    return str(context["language"].ngettext(one, many, number))
