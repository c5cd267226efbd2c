"""What the running processes must be: enough files, a long backlog, one clock, the same keys."""

from collections.abc import Sequence
from typing import Final

import msgspec

from usher import limits
from usher.plumbing.presence import Presence
from usher.rehearsal.readiness.model import Item, bad, good, look

_P: Final = "processes"
# Of a process' files this many are not fans': servers, listeners, logs.
_OWN_FILES: Final = 200
# A fan at a time is one stream, and now and then a request beside it.
_FILES_A_FAN: Final = 1.25
BACKLOG_GOOD: Final = 4_096  # what `usher serve` asks for
BACKLOG_BAD: Final = 1_024
# Deadlines are told by Redis and kept by PostgreSQL; hosts' clocks bound tokens and webhooks.
SKEW_GOOD_MS: Final = 500
SKEW_BAD_MS: Final = 5_000


class HereFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The machine that plays the fans."""

    files_max: int
    streams_max: int  # of these the crowd has open at once
    skew_ms: int  # its clock, ahead of Redis
    database_skew_ms: int  # PostgreSQL's clock, ahead of Redis
    ring: str


def judge_processes(roll: Sequence[Presence], fans: int) -> list[Item]:
    """The items of API processes and workers, for so many fans."""
    return [*_running(roll), _files(roll, fans), _backlog(roll)]


def _running(roll: Sequence[Presence]) -> list[Item]:
    items = []
    for kind, verb, do in (
        ("api", "API processes", "start `usher serve`"),
        ("worker", "workers", "start `usher worker`: without one nothing is sold"),
    ):
        hosts = [each.host for each in roll if each.kind == kind]
        if hosts:
            where = ", ".join(f"{hosts.count(host)} on {host}" for host in sorted(set(hosts)))
            items.append(good(_P, verb, where))
        else:
            items.append(bad(_P, verb, "none is heard of", do))
    return items


def _files(roll: Sequence[Presence], fans: int) -> Item:
    rooms = [
        min(max(0, each.files_max - _OWN_FILES), limits.sse_streams_max)
        for each in roll
        if each.kind == "api"
    ]
    if not rooms:
        return look(
            _P, "open files of the API", "no API process tells", "see ulimit -n where it is"
        )
    seen = f"room for {sum(rooms):,} connections; {fans:,} fans want {int(fans * _FILES_A_FAN):,}"
    do = "raise the limit of open files (ulimit -n, LimitNOFILE) or start more API processes"
    if sum(rooms) < fans:
        return bad(_P, "open files of the API", seen, do)
    if sum(rooms) < fans * _FILES_A_FAN:
        return look(_P, "open files of the API", seen, do)
    return good(_P, "open files of the API", seen)


def _backlog(roll: Sequence[Presence]) -> Item:
    told = [each.backlog for each in roll if each.kind == "api" and each.backlog is not None]
    do = f"sysctl net.core.somaxconn={BACKLOG_GOOD} where the API runs, and where a proxy does"
    if not told:
        return look(_P, "listen backlog", "no API process tells", do)
    seen = f"somaxconn {min(told):,}: so many connections may wait to be accepted"
    if min(told) < BACKLOG_BAD:
        return bad(_P, "listen backlog", seen, do)
    if min(told) < BACKLOG_GOOD:
        return look(_P, "listen backlog", seen, do)
    return good(_P, "listen backlog", seen)


def judge_clocks(roll: Sequence[Presence], here: HereFacts) -> list[Item]:
    """How far the clocks are apart."""
    items = [
        _clock("PostgreSQL's clock", here.database_skew_ms),
        _clock("this machine's clock", here.skew_ms),
    ]
    if roll:
        worst = max(roll, key=lambda each: abs(each.skew_ms))
        items.insert(1, _clock(f"clocks of {len(roll)} processes", worst.skew_ms, worst.host))
    return items


def _clock(name: str, skew_ms: int, host: str = "") -> Item:
    side = "ahead of" if skew_ms >= 0 else "behind"
    seen = f"{abs(skew_ms) / 1000:.2f} s {side} Redis" + (f" on {host}" if host else "")
    do = "keep it by NTP (chrony, systemd-timesyncd)"
    if abs(skew_ms) > SKEW_BAD_MS:
        return bad("clocks", name, seen, do)
    if abs(skew_ms) > SKEW_GOOD_MS:
        return look("clocks", name, seen, do)
    return good("clocks", name, seen)


def judge_here(here: HereFacts, fans: int) -> list[Item]:
    """The items of the machine that plays the fans."""
    seen = f"{here.files_max:,}, of which {here.streams_max:,} for streams"
    if here.streams_max >= fans:
        return [good("this machine", "open files", seen)]
    return [
        look(
            "this machine",
            "open files",
            seen,
            "raise ulimit -n here: fans beyond these poll instead of listening",
        )
    ]


def judge_rings(roll: Sequence[Presence], here: HereFacts) -> Item:
    """Whether all sign with one key: a token of one process must be good at every other."""
    odd = sorted({f"{each.kind} on {each.host}" for each in roll if each.ring != here.ring})
    if odd:
        return bad(
            "keys",
            "one key ring",
            f"another newest key: {', '.join(odd)}",
            "give every process, and this one, the same USHER_SECRETS and restart them",
        )
    return good("keys", "one key ring", f"the same in {len(roll)} processes and here")
