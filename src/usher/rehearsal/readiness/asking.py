"""Asking Redis, PostgreSQL, the mail server and the settings how they stand."""

import asyncio
import re
import shutil
import statistics
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final
from urllib.parse import urlsplit

from usher.clock import now_ms
from usher.notice.client import SmtpChannel
from usher.notice.model import Away
from usher.payment.queries import OUTAGE_S
from usher.plumbing.lua import Runner
from usher.plumbing.postgres import Database
from usher.plumbing.presence import open_files, skew_ms
from usher.plumbing.shipped import shipped
from usher.rehearsal.crowd import streams_max
from usher.rehearsal.readiness import queries
from usher.rehearsal.readiness.fetching import is_loopback
from usher.rehearsal.readiness.processes import HereFacts
from usher.rehearsal.readiness.setting import SettingFacts
from usher.rehearsal.readiness.stores import PostgresFacts, RedisFacts
from usher.settings import Settings

_PINGS: Final = 30
_MAIL_S: Final = 10.0
_FAULT_CHARS: Final = 200
_MIGRATION_ID: Final = re.compile(r'^ID = "([^"]+)"$', re.MULTILINE)


async def _times_ms(ask: Callable[[], Awaitable[object]]) -> list[float]:
    took = []
    for _ in range(_PINGS):
        began = time.perf_counter()
        await ask()
        took.append((time.perf_counter() - began) * 1000)
    return took


async def ask_redis(runner: Runner, name: str) -> RedisFacts:
    """What a Redis tells of itself; Unavailable where it does not answer."""
    told = _lines(str(await runner.command("INFO")))
    number = {n: int(v) for n, v in told.items() if v.isdigit()}
    nodes = 0
    if told.get("cluster_enabled") == "1":
        nodes = int(_lines(str(await runner.command("CLUSTER", "INFO")))["cluster_known_nodes"])
    fsync = await runner.permitted("CONFIG", "GET", "appendfsync")
    rewrite_min = _second(await runner.permitted("CONFIG", "GET", "auto-aof-rewrite-min-size"))
    rewrite_pct = _second(await runner.permitted("CONFIG", "GET", "auto-aof-rewrite-percentage"))
    took = await _times_ms(lambda: runner.command("PING"))
    valkey = told.get("valkey_version")
    return RedisFacts(
        name=name,
        product=f"Valkey {valkey}" if valkey else f"Redis {told.get('redis_version', '?')}",
        version=told.get("redis_version", "0"),
        role=told.get("role", ""),
        cluster=told.get("cluster_enabled") == "1",
        nodes=nodes,
        policy=told.get("maxmemory_policy", ""),
        maxmemory=number.get("maxmemory", 0),
        machine_memory=number.get("total_system_memory", 0),
        used=number.get("used_memory", 0),
        aof=told.get("aof_enabled") == "1",
        aof_good=told.get("aof_last_write_status", "ok") == "ok",
        fsync=_second(fsync),
        rewrite_min=int(rewrite_min or 0),
        rewrite_pct=int(rewrite_pct or 0),
        log=number.get("aof_current_size", 0),
        log_base=number.get("aof_base_size", 0),
        ping_ms=statistics.median(took),
        ping_worst_ms=max(took),
    )


def _lines(text: str) -> dict[str, str]:
    pairs = (line.split(":", 1) for line in text.splitlines() if ":" in line)
    return {name: value.strip() for name, value in pairs}


def _second(reply: Any) -> str:
    """The value of a CONFIG GET of one name; "" where there is none."""
    if isinstance(reply, dict):
        return str(next(iter(reply.values()), ""))
    return str(reply[1]) if reply and len(reply) > 1 else ""


async def ask_postgres(database: Database, url: str) -> PostgresFacts:
    """What PostgreSQL tells of itself; Unavailable where it does not answer."""
    told = await queries.facts(database)
    settings: dict[str, str] = told["settings"]
    missing, unknown = await migrations(database)

    async def ping() -> None:
        async with database.connection() as connection:
            await connection.execute("SELECT 1")

    free, total = await asyncio.to_thread(_disk, url, settings.get("data_directory", ""))
    return PostgresFacts(
        version=int(settings["server_version_num"]),
        replica=told["replica"],
        settings=settings,
        max_connections=int(settings["max_connections"]),
        reserved=int(settings.get("superuser_reserved_connections", 0))
        + int(settings.get("reserved_connections", 0)),
        others=told["others"],
        missing=missing,
        unknown=unknown,
        ping_ms=statistics.median(await _times_ms(ping)),
        disk_free=free,
        disk_total=total,
    )


async def migrations(database: Database) -> tuple[list[str], list[str]]:
    """The migrations of this version that have not run, by name, and the ids of those that have
    and are not of this version."""
    ran = await queries.ran(database)
    here = {}
    for path in shipped("migrations").glob("m*.py"):
        if named := _MIGRATION_ID.search(path.read_text()):
            here[named[1]] = path.stem
    missing = sorted(name for each, name in here.items() if each not in ran)
    return missing, sorted(ran - here.keys())


def _disk(url: str, folder: str) -> tuple[int | None, int | None]:
    """Free and whole size of the disk that PostgreSQL writes to, where that is here."""
    if not folder or not is_loopback(url):
        return None, None
    try:
        usage = shutil.disk_usage(folder)
    except OSError:
        return None, None
    return usage.free, usage.total


async def ask_here(runner: Runner, database: Database, ring: str) -> HereFacts:
    """This machine, and how far the clocks are apart that can be read from here."""
    here = await skew_ms(runner)
    before = now_ms()
    theirs = await queries.clock_ms(database)
    database_skew = theirs - (before + now_ms()) // 2 + here
    return HereFacts(
        files_max=open_files(),
        streams_max=streams_max(),
        skew_ms=here,
        database_skew_ms=database_skew,
        ring=ring,
    )


async def ask_settings(settings: Settings, database: Database, keys_given: bool) -> SettingFacts:
    """What is set here, and whether a mail server answers to it."""
    keys = [part.partition(":")[2].strip() for part in settings.secrets.split(",") if part.strip()]
    trials = {
        "USHER_HOOKS_HTTP": settings.hooks_http,
        "USHER_HOOKS_PRIVATE": settings.hooks_private,
    }
    return SettingFacts(
        key_bytes=[len(set(bytes.fromhex(key))) for key in keys],
        keys_given=keys_given,
        public_url=settings.public_url,
        providers=list(settings.providers),
        stripe_test="_test_" in settings.stripe_key,
        outages=await queries.outages(database, OUTAGE_S),
        mail_url=_without_password(settings.mail_url),
        mail_fault=await _mail_fault(settings),
        hooks_open=[name for name, on in trials.items() if on],
    )


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    if not parts.password:
        return url
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


async def _mail_fault(settings: Settings) -> str:
    """Why a mail server does not let us in, "" where it does; no mail is sent."""
    if urlsplit(settings.mail_url).scheme not in ("smtp", "smtps"):
        return ""
    try:
        async with asyncio.timeout(_MAIL_S):
            await SmtpChannel(settings.mail_url, settings.mail_from).greet()
    except Away as fault:
        return " ".join(str(fault).split())[:_FAULT_CHARS]
    except TimeoutError:
        return f"no answer within {_MAIL_S:.0f} s"
    return ""
