"""The course of a rehearsal: a shadow is made, looked at, sold to a crowd, and erased."""

import asyncio
import contextlib
import time
from collections.abc import Sequence
from typing import NamedTuple

import aiohttp
from msgspec.structs import replace

from usher.errors import Conflict, NotFound, SetupError, Unavailable
from usher.plumbing.lua import Runner, connect
from usher.plumbing.presence import Presence, roll
from usher.rehearsal.readiness import asking
from usher.rehearsal.readiness.audience import judge_crowd
from usher.rehearsal.readiness.crowd import CrowdFacts
from usher.rehearsal.readiness.fetching import Looker, is_loopback, look_at_tls
from usher.rehearsal.readiness.front import FrontFacts, StreamFacts, judge_front
from usher.rehearsal.readiness.listening import Listener
from usher.rehearsal.readiness.model import Item, Report, bad, is_ready, look
from usher.rehearsal.readiness.options import RehearsalOptions, windows
from usher.rehearsal.readiness.place import Deployment
from usher.rehearsal.readiness.processes import (
    judge_clocks,
    judge_here,
    judge_processes,
    judge_rings,
)
from usher.rehearsal.readiness.sending import send_crowd
from usher.rehearsal.readiness.setting import judge_settings
from usher.rehearsal.readiness.stores import (
    judge_jobs,
    judge_migrations,
    judge_postgres,
    judge_redis,
)
from usher.rehearsal.service import Screen, until_laid_out
from usher.rehearsal.wire import Unreachable
from usher.settings import Settings


class _Shadow(NamedTuple):
    """What is rehearsed, where."""

    event: str
    mode: str
    url: str


async def rehearse(
    place: Deployment, options: RehearsalOptions, screen: Screen, *, keys_given: bool
) -> Report:
    """Looks at everything, sends the crowd, erases the shadow; NotFound, Conflict and Unavailable
    where that cannot even begin. However it ends, the shadow is erased."""
    began = time.monotonic()
    missing, _ = await asking.migrations(place.database)
    if missing:  # without these nothing else can even be asked
        return _report(options, "", [judge_migrations(missing, [])], began)
    for event in await place.shadows.sweep():
        screen.say(f"erased what an earlier rehearsal left: {event}")
    await _may_rehearse(place, options)
    present = await roll(place.runner)
    url = _public_url(place, options, present)
    screen.say(f"looking at servers and settings, then at {url}")
    items = await _servers(place, options, present, keys_given)
    event, mode = await place.shadows.make(options.event, windows(options.fans))
    kept = asyncio.create_task(place.shadows.keep(event), name="rehearsal")
    try:
        screen.say(f"{options.event} is rehearsed on its shadow {event}")
        seen, crowd = await _through(place, options, screen, _Shadow(event, mode, url), present)
    finally:
        screen.say("erasing the shadow")
        # Shielded: an interrupt while it is erased is no reason to leave half of it.
        erased = await asyncio.shield(asyncio.ensure_future(_erase(place, event, kept)))
    items += seen
    if not erased:
        do = "usher rehearse --clean, when all workers run this version"
        items.append(look("rehearsal", "no trace", f"something is left of {event}", do))
    return _report(options, url, items, began, erased=erased, crowd=crowd)


def _report(
    options: RehearsalOptions,
    url: str,
    items: list[Item],
    began: float,
    *,
    erased: bool = True,
    crowd: CrowdFacts | None = None,
) -> Report:
    return Report(
        event_id=options.event,
        url=url,
        fans=0 if options.checks_only else options.fans,
        expected=options.expected,
        ready=is_ready(items),
        took_s=round(time.monotonic() - began, 1),
        erased=erased,
        items=items,
        crowd=crowd,
    )


async def _erase(place: Deployment, event: str, kept: asyncio.Task[None]) -> bool:
    try:
        return await place.shadows.clear(event)
    except Unavailable:
        return False  # a worker will, for the rehearsal is silent from now on
    finally:
        kept.cancel()


async def _may_rehearse(place: Deployment, options: RehearsalOptions) -> None:
    """Conflict where fans are at the event now: synthetic ones would make it slow for them."""
    sale = await place.sales.find(options.event)
    beside = options.during_sale or options.checks_only
    if sale.state in ("lobby", "open", "paused") and not beside:
        raise Conflict(
            f"the sale of {options.event} is {sale.state}: real fans are there. --during-sale"
            " rehearses beside them"
        )
    if going_on := await place.shadows.going_on():
        raise Conflict(f"{going_on[0][1]} is being rehearsed now: one at a time")


def _public_url(place: Deployment, options: RehearsalOptions, present: Sequence[Presence]) -> str:
    """The address fans come by: as given, as set, or as the API says where neither is."""
    told = [each.url for each in present if each.kind == "api"]
    url = options.url or place.settings.public_url
    if not options.url and place.settings.public_url == Settings().public_url and told:
        url = told[0]
    return url.rstrip("/")


async def _servers(
    place: Deployment,
    options: RehearsalOptions,
    present: Sequence[Presence],
    keys_given: bool,
) -> list[Item]:
    """What can be seen without a fan."""
    fans, settings = options.expected, place.settings
    here = await asking.ask_here(place.runner, place.database, place.signer.fingerprint())
    items = judge_processes(present, fans)
    if not options.checks_only:
        items += judge_here(here, options.fans)
    items += judge_clocks(present, here)
    apart = settings.jobs_redis_url not in ("", settings.redis_url)
    items += judge_redis(await asking.ask_redis(place.runner, "Redis"), fans, jobs=not apart)
    if apart:
        items += await _jobs(settings.jobs_redis_url)
    postgres = await asking.ask_postgres(place.database, settings.database_url)
    items += judge_postgres(postgres, sum(each.connections for each in present))
    items += judge_settings(await asking.ask_settings(settings, place.database, keys_given))
    return [*items, judge_rings(present, here)]


async def _jobs(url: str) -> list[Item]:
    name = "Redis for jobs"
    jobs = Runner(connect(url, 2), {})
    try:
        return judge_jobs(await asking.ask_redis(jobs, name))
    except Unavailable as fault:
        return [bad(name, "reached", fault.detail, "see USHER_JOBS_REDIS_URL")]
    finally:
        await jobs.close()


async def _through(
    place: Deployment,
    options: RehearsalOptions,
    screen: Screen,
    shadow: _Shadow,
    present: Sequence[Presence],
) -> tuple[list[Item], CrowdFacts | None]:
    """What the public address shows, and the crowd that was sent through it, where it shows
    anything."""
    facts = FrontFacts(
        url=shadow.url,
        loopback=is_loopback(shadow.url),
        configured=sorted({each.url for each in present if each.kind == "api"}),
        tls=await look_at_tls(shadow.url),
    )
    async with Looker(shadow.url) as looker:
        try:
            ready = await looker.get("/readyz")
        except (aiohttp.ClientError, OSError, TimeoutError) as fault:
            return judge_front(replace(facts, fault=str(fault) or type(fault).__name__)), None
        moved_to = ready.headers.get("location", "")
        facts = replace(facts, status=ready.status, moved_to=moved_to)
        if ready.status != 200:
            return judge_front(facts), None
        try:
            await until_laid_out(place.auditor, shadow.event)
        except SetupError as fault:
            unlaid = bad("processes", "seats laid out", fault.detail, "see the log of the workers")
            return [*judge_front(facts), unlaid], None
        try:
            ours = (await looker.get(f"/api/v1/events/{shadow.event}")).status == 200
            facts = replace(facts, ours=ours)
            if not ours:
                return judge_front(facts), None
            cold, headers = await looker.cold(shadow.event)
        except (aiohttp.ClientError, OSError, TimeoutError) as fault:
            return judge_front(replace(facts, fault=str(fault) or type(fault).__name__)), None
    watched = await _watched(place, options, screen, shadow)
    items = judge_front(replace(facts, stream=watched.stream, cold=cold, headers=headers))
    if watched.fault:
        items.append(bad("crowd", "answers", watched.fault, "see the logs of proxy and API"))
    return items + (judge_crowd(watched.crowd) if watched.crowd else []), watched.crowd


class _Watched(NamedTuple):
    """One stream as it was while the crowd was there; what kept the crowd from being told of."""

    stream: StreamFacts
    crowd: CrowdFacts | None
    fault: str


async def _watched(
    place: Deployment, options: RehearsalOptions, screen: Screen, shadow: _Shadow
) -> _Watched:
    """One stream is listened to from before the crowd comes until it has gone."""
    listener = Listener(shadow.url, shadow.event)
    listening = asyncio.create_task(listener.run(), name="listener")
    began = time.monotonic()
    crowd, fault = None, ""
    try:
        screen.say("listening how long news takes on a stream")
        await listener.tell(lambda text: place.feed_scripts.notice(shadow.event, text))
        await place.feed_scripts.notice(shadow.event, "")
        if not options.checks_only:
            try:
                crowd = await send_crowd(place, options, screen, *shadow)
            except (Unreachable, NotFound) as gone:
                fault = f"the crowd was cut off: {gone}"
        rest_s = began + options.listen_s - time.monotonic()
        if rest_s > 0 and not listening.done():
            screen.say(f"listening to the stream for {rest_s:.0f} s more")
            await asyncio.wait({listening}, timeout=rest_s)
        return _Watched(listener.facts(), crowd, fault)
    finally:
        listening.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await listening
