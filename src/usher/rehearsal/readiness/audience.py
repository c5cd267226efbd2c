"""What became of the crowd: judgements on what its fans saw, and on the audit of their sale."""

from typing import Final

from usher.rehearsal.readiness.crowd import CrowdFacts
from usher.rehearsal.readiness.model import Item, bad, good, look

_CROWD: Final = "crowd"
# What a fan waits for at most in one of a hundred requests: slower, and people click again.
P99_GOOD_MS: Final = 1_000.0
P99_BAD_MS: Final = 5_000.0
# A client that was busy for most of the time measures itself.
_BUSY: Final = 0.9


def judge_crowd(facts: CrowdFacts) -> list[Item]:
    """The items of the crowd."""
    return [_promises(facts), _answers(facts), _served(facts), _latency(facts)]


def _promises(facts: CrowdFacts) -> Item:
    wrong = list(facts.broken)
    for name in ("lost", "feed_wrong", "replays_differ"):
        if count := getattr(facts, name):
            wrong.append(f"{name} {count}")
    if wrong:
        do = "do not sell: report this with the JSON of this run"
        return bad(_CROWD, "promises", f"broken: {', '.join(wrong)}", do)
    return good(_CROWD, "promises", "every invariant holds")


def _answers(facts: CrowdFacts) -> Item:
    if facts.gave_up or facts.transport_errors or facts.http_5xx:
        seen = (
            f"{facts.http_5xx:,} answers of 500 or more, {facts.transport_errors:,} connections"
            f" failed, {facts.gave_up:,} of {facts.fans:,} fans gave up"
        )
        do = "see the logs of proxy and API; more API processes, or fewer fans at once"
        if facts.gave_up:
            return bad(_CROWD, "answers", seen, do)
        return look(_CROWD, "answers", seen, do)
    return good(_CROWD, "answers", "every request was answered, none with 500 or more")


def _served(facts: CrowdFacts) -> Item:
    seen = (
        f"{facts.joined:,} of {facts.fans:,} joined, {facts.admitted:,} were let in,"
        f" {facts.confirmed:,} bought {facts.sold:,} of {facts.seats:,} seats"
    )
    if facts.fans and not facts.joined:
        return bad(_CROWD, "served", seen, "nobody could join: see the other items")
    if facts.admitted and not facts.confirmed:
        return bad(_CROWD, "served", seen, "nobody could buy: see payments and workers")
    if not facts.unfinished:
        return good(_CROWD, "served", seen)
    seen += f"; time was up for {facts.unfinished:,}"
    if facts.needed_s > facts.duration_s:
        do = f"the gate alone needs {facts.needed_s:.0f} s for so many: --for, or a higher rate"
        return look(_CROWD, "served", seen, do)
    return bad(_CROWD, "served", seen, "see where they were kept: latency, workers, the gate")


def _latency(facts: CrowdFacts) -> Item:
    asked = {route: ms for route, ms in facts.p99_ms.items() if ms}
    if not asked:
        return look(_CROWD, "latency", "nothing was asked", "send more fans")
    slowest = max(asked, key=lambda route: asked[route])
    seen = f"p99 of {slowest} {asked[slowest]:,.0f} ms; " + ", ".join(
        f"{route} {ms:,.0f}" for route, ms in asked.items() if route != slowest
    )
    if facts.client_cpu_s > _BUSY * facts.duration_s:
        do = "the machine that plays the fans was the limit: send fewer, or from a larger one"
        return look(_CROWD, "latency", seen, do)
    do = "more API processes, a lower rate or capacity of the gate"
    if asked[slowest] > P99_BAD_MS:
        return bad(_CROWD, "latency", seen, do)
    if asked[slowest] > P99_GOOD_MS:
        return look(_CROWD, "latency", seen, do)
    return good(_CROWD, "latency", seen)
