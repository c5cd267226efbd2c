"""What an API process gives up first when it is behind, and what it says to who is refused.

Who comes anew is refused first, then who waits, then who looks at seats, and who shops last: they
have stood in line for it, and what is sold is what all of this is for. Health and metrics always
answer. Whatever is refused is 503 with `Retry-After`: as problem+json, or as a page that tries
again by itself.
"""

from collections.abc import Callable
from itertools import cycle
from typing import Final, cast

import msgspec
from litestar.types import ASGIApp, HTTPScope, Scope

from usher import limits
from usher.errors import Unavailable
from usher.plumbing.language import Language, Languages
from usher.plumbing.problem import MEDIA_TYPE, of_error
from usher.plumbing.shed import Kind, Refusal, Shed, refusal
from usher.wiring import House

TIERS: Final = ("newcomers", "waiting", "looking", "shopping")
_NEW, _WAITS, _LOOKS, _SHOPS = range(len(TIERS))
# By the last word of the path. What is not here shops, organises, or is rare. Light is only what
# always asks Redis: an answer from memory waits for nobody.
_KINDS: Final[dict[str, Kind | None]] = {
    "": Kind(_NEW),
    "join": Kind(_NEW),
    "queue": Kind(_NEW, light=True),
    "events": Kind(_NEW),
    "place": Kind(_WAITS),
    "seats": Kind(_LOOKS),
    "plan": Kind(_LOOKS),
    "feed": Kind(_LOOKS, stream=True),
    "stream": Kind(_WAITS, stream=True),
    "holds": Kind(_SHOPS, light=True, shop=True),
    "bookings": Kind(_SHOPS, shop=True),
    "claim": Kind(_SHOPS, light=True, shop=True),
    "healthz": None,
    "readyz": None,
    "metrics": None,
}
_SHOP: Final = Kind(_SHOPS)
_BOOKING_STREAM: Final = Kind(_SHOPS, stream=True)
_EVENT_PREFIXES: Final = ("/events/", "/api/v1/events/")
# When to come back, in seconds, from the first tier to the last; spread, so that who was refused
# together does not come back together.
_AGAIN_S: Final = ((4, 7, 5, 9, 6, 8), (3, 5, 4, 6), (2, 3, 4), (1, 2))
_LANGUAGES_KNOWN_MAX: Final = 256

_PAGE: Final = """<!doctype html>
<html lang="{tag}" dir="{dir}">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
{again}<title>{title} · usher</title></head>
<body><h1>{title}</h1><p>{text}</p></body>
</html>
"""


def kind_of(method: str, path: str) -> Kind | None:
    """What a request is, by its method and address alone."""
    tail = path[path.rfind("/") + 1 :]
    kind = _KINDS.get(tail, _SHOP)
    if kind is None or kind.shop:
        return kind
    if kind is _SHOP:
        # An event's own address, by the number of its slashes; and what pages are made of.
        for prefix in _EVENT_PREFIXES:
            if path.startswith(prefix) and "/" not in path[len(prefix) :]:
                return _KINDS["events"]
        return _KINDS["plan"] if path.startswith("/static/") else kind
    if tail == "queue" and method != "POST":
        return _KINDS["place"]
    if tail == "place" and method != "GET":
        return _SHOP  # gives a place up: makes room
    if tail == "stream" and "/bookings/" in path:
        return _BOOKING_STREAM
    return kind


def is_stream(path: str) -> bool:
    """Whether what is asked for there stays open."""
    kind = kind_of("GET", path)
    return kind is not None and kind.stream


def guarded(app: ASGIApp, house: House) -> Shed:
    """`app` behind the layer that refuses what cannot be answered in time."""
    metrics = house.metrics
    counters = [metrics.shed.labels(tier) for tier in TIERS]
    shed = Shed(
        app,
        kind_of,
        _refuser(house.languages),
        limits.in_flight_max,
        lambda tier: counters[tier].inc(),
    )
    metrics.watch(
        "usher_loop_late_seconds", "standing delay of the loop", lambda: shed.pressure.standing_s
    )
    metrics.watch("usher_shed_level", "tiers refused: 0 none", lambda: shed.pressure.level)
    metrics.watch("usher_requests_in_flight", "requests under way", lambda: shed.in_flight)
    house.curves.report(lambda: round(shed.delay_s() * 1000))
    return shed


def _refuser(languages: Languages) -> Callable[[Scope, int], Refusal]:
    problems = [cycle([_problem(again_s) for again_s in tier]) for tier in _AGAIN_S]
    pages = {
        (code, reload): [cycle([_page(language, s, reload) for s in tier]) for tier in _AGAIN_S]
        for code, language in languages.known.items()
        for reload in (True, False)
    }
    chosen: dict[bytes, str] = {}

    def refuse(scope: Scope, tier: int) -> Refusal:
        request = cast(HTTPScope, scope)
        if request["path"].startswith("/api/"):
            return next(problems[tier])
        headers = dict(request["headers"])
        if b"text/html" not in headers.get(b"accept", b""):
            return next(problems[tier])
        accepted = headers.get(b"accept-language", b"")
        code = chosen.get(accepted)
        if code is None:
            if len(chosen) >= _LANGUAGES_KNOWN_MAX:
                chosen.clear()
            code = languages.choose(None, accepted.decode("latin-1")).code
            chosen[accepted] = code
        # A form that was sent is not sent again by itself.
        return next(pages[code, request["method"] in ("GET", "HEAD")][tier])

    return refuse


def _problem(again_s: int) -> Refusal:
    error = Unavailable("more is asked than can be answered just now", retry_after_s=again_s)
    status, body, headers = of_error(error)
    head = [(name.encode(), value.encode()) for name, value in headers.items()]
    head.append((b"content-type", MEDIA_TYPE.encode()))
    return refusal(status, msgspec.json.encode(body), head)


def _page(language: Language, again_s: int, reload: bool) -> Refusal:
    text = _PAGE.format(
        tag=language.code,
        dir=language.dir,
        title=language.gettext("A moment, please"),
        text=language.gettext(
            "A lot is going on just now, and this could not be answered. Nothing of yours is lost:"
            " try again in a few seconds."
        ),
        again=f'<meta http-equiv="refresh" content="{again_s}">' if reload else "",
    )
    head = [
        (b"content-type", b"text/html; charset=utf-8"),
        (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
        (b"cache-control", b"no-store"),
        (b"retry-after", b"%d" % again_s),
    ]
    return refusal(503, text.encode(), head)
