"""How the two stores must be set up: judgements on what was seen of Redis and PostgreSQL."""

from collections.abc import Sequence
from typing import Final

import msgspec

from usher.rehearsal.readiness.model import Item, bad, good, look

# Round trips from where the rehearsal runs; the API waits for such in each request.
REDIS_PING_GOOD_MS: Final = 3.0
REDIS_PING_BAD_MS: Final = 20.0
POSTGRES_PING_GOOD_MS: Final = 10.0
POSTGRES_PING_BAD_MS: Final = 50.0
# A fan who waits is 62 to 92 bytes (`just bench`); one who shops has a place, a hold and an entry
# on two streams as well. Five times the first, and room for an event's streams, which are bounded.
FAN_BYTES: Final = 500
STREAMS_BYTES: Final = 64 * 2**20
# What joining and being drawn write to the log: 327 MB for a million.
LOG_BYTES: Final = 330
DISK_GOOD_BYTES: Final = 5 * 2**30
DISK_BAD_BYTES: Final = 2**30
REDIS_LEAST: Final = 7
POSTGRES_LEAST: Final = 15
# Commits that answer before the log is on this server's disk: a crash forgets paid bookings.
_UNSAFE_COMMIT: Final = ("off",)


class RedisFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A Redis or Valkey as it tells of itself; sizes in bytes, `maxmemory` 0 for no limit, `fsync`
    "" where it does not say. Its log is rewritten where it has `rewrite_min` or more and has grown
    by `rewrite_pct` (0: it never is, or it does not say) since the last time, when it had
    `log_base`."""

    name: str  # what it is for
    product: str  # "Valkey 9.1.0"
    version: str  # the version of Redis that it keeps to
    role: str
    cluster: bool
    nodes: int
    policy: str
    maxmemory: int
    machine_memory: int
    used: int
    aof: bool
    aof_good: bool
    fsync: str
    rewrite_min: int
    rewrite_pct: int
    log: int
    log_base: int
    ping_ms: float
    ping_worst_ms: float


class PostgresFacts(msgspec.Struct, frozen=True, kw_only=True):
    """PostgreSQL as it tells of itself; `others` are connections now that are not usher's, and
    disk sizes are None where they cannot be seen from here."""

    version: int  # as server_version_num
    replica: bool
    settings: dict[str, str]
    max_connections: int
    reserved: int
    others: int
    missing: list[str]  # migrations that have not run
    unknown: list[str]  # migrations of a newer usher
    ping_ms: float
    disk_free: int | None = None
    disk_total: int | None = None


def judge_redis(facts: RedisFacts, fans: int, *, jobs: bool = False) -> list[Item]:
    """The items of the Redis that sells, for so many fans; `jobs`: background jobs are there."""
    return [
        _redis_version(facts),
        _redis_cluster(facts, jobs),
        _policy(facts),
        _persistence(facts),
        _rewriting(facts, fans),
        _memory(facts, fans),
        _redis_ping(facts),
    ]


def judge_jobs(facts: RedisFacts) -> list[Item]:
    """The items of the Redis that arq uses, where it is another one."""
    return [
        _redis_version(facts),
        _redis_cluster(facts, jobs=True),
        _policy(facts),
        _persistence(facts),
    ]


def _redis_version(facts: RedisFacts) -> Item:
    seen = f"{facts.product}, {facts.role}"
    if facts.role not in ("master", "primary"):
        return bad(
            facts.name, "version", seen, "set USHER_REDIS_URL to the primary: this is a copy"
        )
    if int(facts.version.partition(".")[0] or 0) < REDIS_LEAST:
        return bad(facts.name, "version", seen, f"use Valkey, or Redis {REDIS_LEAST} or later")
    return good(facts.name, "version", seen)


def _redis_cluster(facts: RedisFacts, jobs: bool) -> Item:
    if not facts.cluster:
        return good(facts.name, "cluster", "a plain server")
    if jobs:
        do = "background jobs need a plain server: set USHER_JOBS_REDIS_URL to one"
        return bad(facts.name, "cluster", "a cluster node", do)
    if facts.nodes > 1:
        return bad(
            facts.name,
            "cluster",
            f"a cluster of {facts.nodes} nodes",
            "use one server, or a cluster of one node: usher speaks to one",
        )
    return good(facts.name, "cluster", "a cluster of one node")


def _policy(facts: RedisFacts) -> Item:
    if facts.policy == "noeviction":
        return good(facts.name, "maxmemory-policy", "noeviction")
    return bad(
        facts.name,
        "maxmemory-policy",
        f"{facts.policy}: seats and places may be forgotten to make room",
        "CONFIG SET maxmemory-policy noeviction, and in the server's configuration",
    )


def _persistence(facts: RedisFacts) -> Item:
    if not facts.aof:
        return bad(
            facts.name,
            "persistence",
            "appendonly no: a restart forgets all who wait, hold and have just booked",
            "appendonly yes, appendfsync everysec",
        )
    if not facts.aof_good:
        return bad(
            facts.name, "persistence", "its last write to disk failed", "look at its log and disk"
        )
    match facts.fsync:
        case "everysec":
            return good(facts.name, "persistence", "appendonly yes, appendfsync everysec")
        case "always":
            do = "everysec loses a second at most and is many times faster"
            return look(facts.name, "persistence", "appendfsync always", do)
        case "":
            return look(
                facts.name,
                "persistence",
                "appendonly yes; it does not tell appendfsync",
                "see that it is everysec",
            )
        case other:
            return look(
                facts.name,
                "persistence",
                f"appendfsync {other}: a crash of the machine may lose half a minute",
                "appendfsync everysec",
            )


def _rewriting(facts: RedisFacts, fans: int) -> Item:
    written = fans * LOG_BYTES
    will_be = facts.log + written
    due = max(facts.rewrite_min, facts.log_base * (100 + facts.rewrite_pct) // 100)
    if not facts.aof or not facts.rewrite_pct or will_be < due:
        return good(facts.name, "log rewriting", f"about {_mb(written)} are written for a sale")
    enough = max(256, 1 << (will_be // 2**20).bit_length())  # the next power of two, in MB
    return look(
        facts.name,
        "log rewriting",
        f"its log has {_mb(facts.log)}, a sale writes about {_mb(written)}; at {_mb(due)} it is "
        "rewritten, and everybody waits for 5 to 15 ms",
        f"auto-aof-rewrite-min-size {enough}mb for the day, or BGREWRITEAOF before the sale",
    )


def memory_needed(fans: int) -> int:
    """Bytes of Redis that a sale to so many fans may take."""
    return fans * FAN_BYTES + STREAMS_BYTES


def _memory(facts: RedisFacts, fans: int) -> Item:
    most = facts.maxmemory or facts.machine_memory
    if not most:
        return look(
            facts.name, "memory", f"{_mb(facts.used)} used", "see how much the server may take"
        )
    free, needed = most - facts.used, memory_needed(fans)
    limit = "maxmemory" if facts.maxmemory else "the machine's memory"
    seen = f"{_mb(free)} free of {limit}; {fans:,} fans may take {_mb(needed)}"
    if free < needed:
        return bad(facts.name, "memory", seen, "give it more memory, or raise maxmemory")
    if free < 2 * needed:
        # A rewrite of the log copies what changes meanwhile.
        return look(facts.name, "memory", seen, "twice that, for when the log is rewritten")
    return good(facts.name, "memory", seen)


def _redis_ping(facts: RedisFacts) -> Item:
    seen = f"{facts.ping_ms:.1f} ms from here, {facts.ping_worst_ms:.1f} ms at worst"
    if facts.ping_ms > REDIS_PING_BAD_MS:
        return bad(
            facts.name, "latency", seen, "run the API beside Redis: every request waits for it"
        )
    if facts.ping_ms > REDIS_PING_GOOD_MS:
        return look(facts.name, "latency", seen, "see that the API is nearer to it than this")
    return good(facts.name, "latency", seen)


def judge_postgres(facts: PostgresFacts, pools: int) -> list[Item]:
    """The items of PostgreSQL; `pools` are the connections that the running processes may open."""
    return [
        _postgres_version(facts),
        judge_migrations(facts.missing, facts.unknown),
        _commit(facts),
        _fsync(facts),
        _connections(facts, pools),
        _disk(facts),
        _postgres_ping(facts),
    ]


_PG: Final = "PostgreSQL"


def _postgres_version(facts: PostgresFacts) -> Item:
    major = facts.version // 10_000
    seen = f"{major}.{facts.version % 10_000}" + (", a replica" if facts.replica else "")
    if facts.replica:
        return bad(_PG, "version", seen, "set USHER_DATABASE_URL to the primary")
    if major < POSTGRES_LEAST:
        return bad(_PG, "version", seen, f"use PostgreSQL {POSTGRES_LEAST} or later")
    return good(_PG, "version", seen)


def judge_migrations(missing: Sequence[str], unknown: Sequence[str]) -> Item:
    """Whether the schema is that of this version."""
    if missing:
        return bad(_PG, "migrations", f"not run: {', '.join(missing)}", "usher migrate")
    if unknown:
        seen = f"of a newer usher: {', '.join(unknown)}"
        return look(_PG, "migrations", seen, "bring this machine, or the others, to one version")
    return good(_PG, "migrations", "all have run")


def _commit(facts: PostgresFacts) -> Item:
    value = facts.settings.get("synchronous_commit", "")
    if value in _UNSAFE_COMMIT:
        return bad(
            _PG,
            "synchronous_commit",
            f"{value}: what fans are told is theirs may be forgotten in a crash",
            "synchronous_commit = on",
        )
    return good(_PG, "synchronous_commit", value)


def _fsync(facts: PostgresFacts) -> Item:
    off = [n for n in ("fsync", "full_page_writes") if facts.settings.get(n) == "off"]
    if off:
        seen = f"{' and '.join(off)} off: a crash may destroy the database"
        return bad(_PG, "fsync", seen, " and ".join(f"{name} = on" for name in off))
    return good(_PG, "fsync", "on")


def _connections(facts: PostgresFacts, pools: int) -> Item:
    free = facts.max_connections - facts.reserved - facts.others
    seen = (
        f"{facts.max_connections} at most, {facts.reserved} reserved, {facts.others} of others;"
        f" usher's processes may open {pools}"
    )
    if pools > free:
        return bad(
            _PG,
            "max_connections",
            seen,
            "raise max_connections, or lower USHER_DATABASE_CONNECTIONS",
        )
    return good(_PG, "max_connections", seen)


def _disk(facts: PostgresFacts) -> Item:
    if facts.disk_free is None or not facts.disk_total:
        return look(_PG, "disk", "cannot be seen from here", "see on its machine that it has room")
    seen = f"{_mb(facts.disk_free)} free of {_mb(facts.disk_total)}"
    if facts.disk_free < DISK_BAD_BYTES:
        return bad(_PG, "disk", seen, "make room: full, it refuses every booking")
    if facts.disk_free < DISK_GOOD_BYTES:
        return look(_PG, "disk", seen, "make room, or see that this will do")
    return good(_PG, "disk", seen)


def _postgres_ping(facts: PostgresFacts) -> Item:
    seen = f"{facts.ping_ms:.1f} ms from here"
    if facts.ping_ms > POSTGRES_PING_BAD_MS:
        return bad(_PG, "latency", seen, "run API and workers beside it")
    if facts.ping_ms > POSTGRES_PING_GOOD_MS:
        return look(_PG, "latency", seen, "see that API and workers are nearer to it than this")
    return good(_PG, "latency", seen)


def _mb(size: int) -> str:
    return f"{size / 2**30:,.1f} GB" if size >= 2**30 else f"{size / 2**20:,.0f} MB"
