"""What stands between fans and the API: judgements on what came through the public address."""

from collections.abc import Sequence
from typing import Final

import msgspec

from usher.feed.service import BEAT_S, BEATS, TICK_S
from usher.rehearsal.readiness.model import Item, bad, good, look

_URL: Final = "public URL"
_SSE: Final = "streams"
# A hub looks for news each TICK_S; what takes so much longer was held back on its way.
PUSH_GOOD_S: Final = TICK_S + 0.8
PUSH_BAD_S: Final = TICK_S + 3.0
# A stream that was sent nothing for so long is sent a beat, some ticks later under load; proxies
# must not lose patience until then, and must not keep it to themselves.
QUIET_S: Final = BEAT_S * BEATS
SILENCE_GOOD_S: Final = QUIET_S * 1.5
SILENCE_BAD_S: Final = QUIET_S * 2
COLD_MS: Final = 1_000.0
TLS_DAYS_LOOK: Final = 14


class TlsFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A handshake with the public address: `fault` is why it failed, `days` how long the
    certificate is good, `h2` whether HTTP/2 is spoken."""

    fault: str = ""
    version: str = ""
    days: int = 0
    h2: bool = False


class StreamFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A stream that was listened to while nobody else was there. `delays_s` are the times that
    news took through it, None for news that never came; `silence_s` the longest time in which
    nothing came; `cut_s` when it was cut, None where it was not."""

    fault: str = ""
    content_type: str = ""
    encoding: str = ""
    cache: str = ""
    delays_s: list[float | None] = []
    silence_s: float = 0.0
    watched_s: float = 0.0
    cut_s: float | None = None


class HeaderFact(msgspec.Struct, frozen=True, kw_only=True):
    """A header as the API sends it and as it arrived. `private`: of an answer for one fan only."""

    route: str
    header: str
    wanted: str
    got: str
    private: bool = False


class ColdFact(msgspec.Struct, frozen=True, kw_only=True):
    """The first answer of a route, and a later one: milliseconds."""

    route: str
    first_ms: float
    later_ms: float


class FrontFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The public address `url`, as seen from here. `ours`: whether what answers there knows the
    shadow; None where nothing answered."""

    url: str
    loopback: bool
    fault: str = ""
    status: int = 0
    moved_to: str = ""
    ours: bool | None = None
    configured: list[str] = []  # the public URLs that the running processes were given
    tls: TlsFacts | None = None
    stream: StreamFacts | None = None
    headers: list[HeaderFact] = []
    cold: list[ColdFact] = []


def judge_front(facts: FrontFacts) -> list[Item]:
    """The items of the way from fans to the API."""
    items = [_reached(facts), _right(facts), _tls(facts)]
    if facts.stream is not None:
        items += _stream(facts.stream)
    if facts.headers:
        items += [_private(facts.headers), _caching(facts.headers)]
    if facts.cold:
        items.append(_cold(facts.cold))
    return items


def _reached(facts: FrontFacts) -> Item:
    if facts.fault:
        seen = f"{facts.url}: {facts.fault}"
        return bad(_URL, "reached", seen, "see that name, proxy and API are up")
    if facts.moved_to:
        seen = f"{facts.url} leads to {facts.moved_to}"
        return bad(_URL, "reached", seen, "set USHER_PUBLIC_URL to where the site stands")
    if facts.status != 200:
        seen = f"{facts.url}/readyz answers {facts.status}"
        return bad(_URL, "reached", seen, "see what it says, and whether the proxy hides it")
    return good(_URL, "reached", facts.url)


def _right(facts: FrontFacts) -> Item:
    others = [each for each in facts.configured if each.rstrip("/") != facts.url]
    if facts.ours is False:
        return bad(
            _URL,
            "right",
            "what answers there does not know the event that was just made here",
            "see which installation it is, and that no proxy caches what says no-store",
        )
    if others:
        return look(
            _URL,
            "right",
            f"the processes were told {', '.join(others)}",
            "links in mails and payments lead there: set USHER_PUBLIC_URL right",
        )
    if facts.loopback:
        do = "set USHER_PUBLIC_URL to what fans type, and rehearse through that"
        return look(_URL, "right", f"{facts.url} is this machine's alone", do)
    if facts.ours is None:
        return look(_URL, "right", "not seen", "see that it leads to this installation")
    return good(_URL, "right", "it leads to this installation")


def _tls(facts: FrontFacts) -> Item:
    tls = facts.tls
    if tls is None:
        if facts.loopback:
            return look(_URL, "TLS", "none on this machine's own address", "https:// for fans")
        seen = "http: cookies and tokens travel in the open, and no browser keeps the cookies"
        return bad(_URL, "TLS", seen, "put TLS in front, and https:// into USHER_PUBLIC_URL")
    if tls.fault:
        return bad(_URL, "TLS", tls.fault, "renew the certificate, its chain included")
    seen = f"{tls.version}, {'HTTP/2' if tls.h2 else 'HTTP/1.1'}, good for {tls.days} days"
    if tls.days < 1:
        return bad(_URL, "TLS", seen, "renew the certificate now")
    if tls.days < TLS_DAYS_LOOK:
        return look(_URL, "TLS", seen, "see that the certificate is renewed before the sale")
    if not tls.h2:
        do = "speak HTTP/2: by HTTP/1.1 a browser with six streams open loads nothing more"
        return look(_URL, "TLS", seen, do)
    return good(_URL, "TLS", seen)


def _stream(stream: StreamFacts) -> list[Item]:
    if stream.fault:
        do = "see what the proxy does with text/event-stream"
        return [bad(_SSE, "opened", stream.fault, do)]
    items = [_pushes(stream), _dressed(stream)]
    if stream.watched_s > QUIET_S + TICK_S or stream.cut_s is not None:
        items.append(_silence(stream))
    return items


def _pushes(stream: StreamFacts) -> Item:
    do = "no buffering of text/event-stream (nginx: proxy_buffering off, and gzip off for it)"
    came = [each for each in stream.delays_s if each is not None]
    lost = len(stream.delays_s) - len(came)
    if not came:
        return bad(_SSE, "buffering", "no news came through within seconds", do)
    seen = f"news took {min(came):.2f} to {max(came):.2f} s" + (f", {lost} never came" * bool(lost))
    if lost or max(came) > PUSH_BAD_S:
        return bad(_SSE, "buffering", seen, do)
    if max(came) > PUSH_GOOD_S:
        return look(_SSE, "buffering", seen, do)
    return good(_SSE, "buffering", seen)


def _dressed(stream: StreamFacts) -> Item:
    seen = stream.content_type + (f", {stream.encoding}" if stream.encoding else "")
    if not stream.content_type.startswith("text/event-stream"):
        return bad(_SSE, "headers", seen or "no content-type", "let the API's headers through")
    if stream.encoding:
        do = "do not compress text/event-stream: what is compressed waits for more"
        return bad(_SSE, "headers", seen, do)
    if "no-store" not in stream.cache:
        do = "let cache-control through"
        return look(_SSE, "headers", f"{seen}, cache-control {stream.cache or 'gone'}", do)
    return good(_SSE, "headers", seen)


def _silence(stream: StreamFacts) -> Item:
    if stream.cut_s is not None:
        return bad(
            _SSE,
            "idle streams",
            f"cut after {stream.cut_s:.0f} s",
            f"let idle streams live for minutes (something comes each {QUIET_S:.0f} s; nginx:"
            " proxy_read_timeout 75s)",
        )
    seen = f"{stream.silence_s:.0f} s of silence at most, in {stream.watched_s:.0f} s"
    if stream.silence_s > SILENCE_BAD_S:
        return bad(_SSE, "idle streams", seen, "see what holds the stream back")
    if stream.silence_s > SILENCE_GOOD_S:
        return look(_SSE, "idle streams", seen, "see whether the API was busy or something buffers")
    return good(_SSE, "idle streams", seen)


def _differing(headers: Sequence[HeaderFact]) -> list[str]:
    return [
        f"{each.route}: {each.header} {each.got or 'gone'} instead of {each.wanted}"
        for each in headers
        if each.got != each.wanted
    ]


def _private(headers: Sequence[HeaderFact]) -> Item:
    private = [each for each in headers if each.private]
    if wrong := _differing(private):
        return bad(
            "proxy",
            "private answers",
            "; ".join(wrong),
            "let cache-control: no-store through: a cache may show one fan another's answer",
        )
    return good("proxy", "private answers", "no-store, and from no cache")


def _caching(headers: Sequence[HeaderFact]) -> Item:
    if wrong := _differing([each for each in headers if not each.private]):
        return look(
            "proxy",
            "caching and compression",
            "; ".join(wrong),
            "let etag, cache-control, vary and content-encoding through: they spare most requests",
        )
    return good("proxy", "caching and compression", "as the API sends it")


def _cold(cold: Sequence[ColdFact]) -> Item:
    worst = max(cold, key=lambda each: each.first_ms)
    seen = (
        f"{worst.route} took {worst.first_ms:.0f} ms the first time, {worst.later_ms:.0f} ms later"
    )
    if worst.first_ms > COLD_MS:
        do = "open the event's pages once, a minute before the sale and after each restart"
        return look("caches", "first requests", seen, do)
    return good("caches", "first requests", f"the slowest: {seen}")
