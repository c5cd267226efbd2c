"""What is said of Redis and PostgreSQL, by what was seen of them."""

from typing import Any

import pytest
from msgspec.structs import replace

from usher.rehearsal.readiness.model import Item
from usher.rehearsal.readiness.stores import (
    PostgresFacts,
    RedisFacts,
    judge_jobs,
    judge_postgres,
    judge_redis,
    memory_needed,
)

MB = 2**20
REDIS = RedisFacts(
    name="Redis",
    product="Valkey 9.1.0",
    version="7.2.4",
    role="master",
    cluster=False,
    nodes=0,
    policy="noeviction",
    maxmemory=0,
    machine_memory=8_000 * MB,
    used=100 * MB,
    aof=True,
    aof_good=True,
    fsync="everysec",
    rewrite_min=64 * MB,
    rewrite_pct=100,
    log=1 * MB,
    log_base=0,
    ping_ms=0.3,
    ping_worst_ms=2.0,
)
POSTGRES = PostgresFacts(
    version=180_004,
    replica=False,
    settings={"synchronous_commit": "on", "fsync": "on", "full_page_writes": "on"},
    max_connections=100,
    reserved=3,
    others=5,
    missing=[],
    unknown=[],
    ping_ms=0.5,
    disk_free=50 * 2**30,
    disk_total=100 * 2**30,
)


def only(items: list[Item], name: str) -> Item:
    """The item of that name; all others must be good."""
    (found,) = [each for each in items if each.name == name]
    assert [each.name for each in items if each.state != "good" and each is not found] == []
    return found


def test_a_redis_as_it_should_be_is_good() -> None:
    items = judge_redis(REDIS, 10_000)
    assert {each.state for each in items} == {"good"}
    assert not any(each.do for each in items)


@pytest.mark.parametrize(
    ("change", "name", "state", "told"),
    [
        ({"policy": "allkeys-lru"}, "maxmemory-policy", "bad", "noeviction"),
        ({"policy": "volatile-ttl"}, "maxmemory-policy", "bad", "noeviction"),
        ({"aof": False}, "persistence", "bad", "appendonly yes"),
        ({"aof_good": False}, "persistence", "bad", "disk"),
        ({"fsync": "no"}, "persistence", "look", "everysec"),
        ({"fsync": "always"}, "persistence", "look", "everysec"),
        ({"fsync": ""}, "persistence", "look", "everysec"),
        ({"version": "6.2.14"}, "version", "bad", "Redis 7"),
        ({"role": "slave"}, "version", "bad", "primary"),
        ({"cluster": True, "nodes": 1}, "cluster", "good", ""),
        ({"cluster": True, "nodes": 6}, "cluster", "bad", "one"),
        ({"ping_ms": 5.0}, "latency", "look", "API"),
        ({"ping_ms": 30.0}, "latency", "bad", "API"),
        ({"maxmemory": 110 * MB}, "memory", "bad", "memory"),
        ({"maxmemory": 200 * MB}, "memory", "look", "twice"),
        ({"maxmemory": 300 * MB}, "memory", "good", ""),
        ({"machine_memory": 0}, "memory", "look", "see"),
    ],
)
def test_a_redis_otherwise(change: dict[str, Any], name: str, state: str, told: str) -> None:
    item = only(judge_redis(replace(REDIS, **change), 10_000), name)
    assert item.state == state
    assert told in item.do


def test_more_fans_want_more_memory() -> None:
    small = replace(REDIS, maxmemory=500 * MB)
    assert memory_needed(10_000_000) > 4_000 * MB
    assert only(judge_redis(small, 100_000), "memory").state == "good"
    assert only(judge_redis(replace(small, rewrite_pct=0), 10**7), "memory").state == "bad"


@pytest.mark.parametrize(
    ("change", "fans", "do"),
    [
        ({}, 100_000, ""),
        ({}, 300_000, "256mb"),
        ({"rewrite_min": 256 * MB}, 300_000, ""),
        ({"rewrite_min": 256 * MB}, 1_000_000, "512mb"),
        ({"rewrite_min": 512 * MB}, 2_000_000, "1024mb"),
        ({"log": 195 * MB, "log_base": 100 * MB}, 30_000, "256mb"),
        ({"log": 2_000 * MB, "log_base": 2_000 * MB}, 1_000_000, ""),
        ({"rewrite_pct": 0}, 1_000_000, ""),
        ({"aof": False}, 1_000_000, ""),
    ],
)
def test_a_log_that_is_rewritten_within_a_sale(change: dict[str, Any], fans: int, do: str) -> None:
    items = judge_redis(replace(REDIS, **change), fans)
    (item,) = [each for each in items if each.name == "log rewriting"]
    assert item.state == ("look" if do else "good")
    assert item.do.startswith(f"auto-aof-rewrite-min-size {do} " if do else "")
    if do:  # whoever does so is not told to do it again
        size = int(do.removesuffix("mb")) * MB
        again = judge_redis(replace(REDIS, **(change | {"rewrite_min": size})), fans)
        assert next(each for each in again if each.name == "log rewriting").state == "good"


def test_background_jobs_cannot_have_a_cluster() -> None:
    assert {each.state for each in judge_jobs(REDIS)} == {"good"}
    node = replace(REDIS, cluster=True, nodes=1)
    assert only(judge_jobs(node), "cluster").state == "bad"
    assert only(judge_redis(node, 10), "cluster").state == "good"
    assert only(judge_redis(node, 10, jobs=True), "cluster").state == "bad"


def test_a_postgresql_as_it_should_be_is_good() -> None:
    assert {each.state for each in judge_postgres(POSTGRES, 40)} == {"good"}


@pytest.mark.parametrize(
    ("change", "name", "state", "told"),
    [
        ({"settings": {"synchronous_commit": "off"}}, "synchronous_commit", "bad", "= on"),
        ({"settings": {"synchronous_commit": "remote_apply"}}, "synchronous_commit", "good", ""),
        ({"settings": {"fsync": "off"}}, "fsync", "bad", "fsync = on"),
        ({"settings": {"full_page_writes": "off"}}, "fsync", "bad", "full_page_writes = on"),
        ({"version": 140_010}, "version", "bad", "15"),
        ({"replica": True}, "version", "bad", "primary"),
        ({"missing": ["m0010_rehearsal"]}, "migrations", "bad", "usher migrate"),
        ({"unknown": ["m0099"]}, "migrations", "look", "version"),
        ({"others": 60}, "max_connections", "bad", "USHER_DATABASE_CONNECTIONS"),
        ({"max_connections": 43 + 5}, "max_connections", "good", ""),
        ({"max_connections": 42 + 5}, "max_connections", "bad", "raise"),
        ({"disk_free": 2 * 2**30}, "disk", "look", "room"),
        ({"disk_free": 100 * MB}, "disk", "bad", "room"),
        ({"disk_free": None}, "disk", "look", "machine"),
        ({"ping_ms": 20.0}, "latency", "look", "nearer"),
        ({"ping_ms": 80.0}, "latency", "bad", "beside"),
    ],
)
def test_a_postgresql_otherwise(change: dict[str, Any], name: str, state: str, told: str) -> None:
    item = only(judge_postgres(replace(POSTGRES, **change), 40), name)
    assert item.state == state
    assert told in item.do
