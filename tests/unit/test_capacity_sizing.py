"""What a plan adds up: units, limits, and that more fans never take less."""

from typing import Any

import msgspec
import pytest

from usher import limits
from usher.capacity.costs import NAMES, Cost, Costs, shipped_costs
from usher.capacity.line import line_of
from usher.capacity.load import FRAME_BYTES, Load, Unit, framed, seats_feed, visit
from usher.capacity.model import Pages, Wish, check
from usher.capacity.processes import BUSY
from usher.capacity.sizing import Plan, plan
from usher.capacity.whole import whole
from usher.errors import BadInput


def costs(**given: float) -> Costs:
    """A sheet on which everything is free but for what is given (`api__join=100`)."""
    named = {name.replace("__", "."): value for name, value in given.items()}
    assert named.keys() <= NAMES.keys()
    sheet = {
        name: Cost(value=named.get(name, 0.0), unit=unit, what=what, measured_by="a test")
        for name, (unit, what) in NAMES.items()
    }
    return Costs(machine="one of paper", measured="2026-01-01", costs=sheet)


def wish(**given: Any) -> Wish:
    simple: dict[str, Any] = {
        "fans": 10_000,
        "seats": 1_000,
        "seats_per_fan": 2,
        "shop_minutes": 3,
        "buy_share": 0.8,
        "pages": "none",
    }
    return Wish(**(simple | given))


def moment(found: Plan, name: str) -> Any:
    return next(each for each in found.moments if each.name == name)


def test_joins_are_microseconds_of_the_busiest_second() -> None:
    # Everybody in one second: 10,000 joins of 100 us are one core, of which 0.7 may be busy.
    found = plan(wish(minutes=1 / 60), costs(api__join=100))
    assert found.arrivals_per_s == 10_000
    assert moment(found, "arriving").api_cores == pytest.approx(1.0)
    assert found.api_processes == 2  # 1 / 0.7
    assert found.cores_needed == 2


def test_redis_gives_way_where_its_core_is_as_busy_as_it_may_be() -> None:
    found = plan(wish(minutes=1 / 60), costs(redis__join=100))
    redis = next(part for part in found.parts if part.name.startswith("Redis"))
    assert redis.gives_way_at_fans == round(BUSY * 1e6 / 100) == 7_000
    assert redis.share == pytest.approx(10_000 / 7_000, abs=1e-3)
    assert redis.moment == "arriving"
    assert found.parts[0] == redis


def test_what_gives_way_at_fewer_fans_comes_first() -> None:
    found = plan(wish(cores=1, gbit_per_s=1), costs(api__join=1, redis__join=1, wire__join=900))
    fans = [part.gives_way_at_fans or 10**12 for part in found.parts]
    assert fans == sorted(fans)
    assert {part.name.partition(":")[0] for part in found.parts} == {
        "Redis", "PostgreSQL", "processors", "network",
    }  # fmt: skip


def test_fans_alone_never_bring_down_what_only_the_gate_loads() -> None:
    found = plan(wish(), costs(postgres__purchase=500))
    postgres = next(part for part in found.parts if part.name.startswith("PostgreSQL"))
    assert postgres.gives_way_at_fans is None
    # 100 calls a minute, 0.8 of them buy: 1.33 bookings/s x 500 us.
    assert found.postgres_bookings_per_s == 1.33
    assert found.postgres_share == pytest.approx(100 / 60 * 0.8 * 500e-6, abs=1e-4)


def test_streams_alone_take_processes_too() -> None:
    fans = 2 * limits.sse_streams_max + 1
    assert plan(wish(fans=fans, stream_share=1), costs()).api_processes == 3
    assert plan(wish(fans=fans, stream_share=0), costs()).api_processes == 1


def test_pushes_follow_the_cadence_of_lobby_and_line() -> None:
    found = plan(wish(stream_share=1), costs(api__push_lobby=10, api__push_place=10))
    # In the lobby once in 3 s, and so no beats: they are for who was sent nothing for 15 s.
    assert moment(found, "opening").pushes_per_s == pytest.approx(10_000 / 3, abs=0.1)
    # In line 100 at 1/s, 1,900 at 1/3, 8,000 at 1/10; what shoppers hear comes on top.
    line = 100 + 1_900 / 3 + 8_000 / 10
    shop = seats_feed(wish(stream_share=1), line_of(wish()), Unit(costs())).pushes
    assert moment(found, "selling").pushes_per_s == pytest.approx(line + shop, rel=0.02)
    assert moment(found, "opening").api_cores == pytest.approx(0.1 / 3, rel=1e-3)


def test_what_polls_loads_more_the_sooner_it_is_to_ask() -> None:
    found = plan(wish(stream_share=0), costs(api__place=10))
    assert moment(found, "opening").requests_per_s == 5_000  # every 2 s
    assert moment(found, "opening").api_cores == pytest.approx(0.05)


def test_memory_is_bytes_of_who_is_there() -> None:
    sheet = costs(
        api__base_bytes=1e8, api__stream_bytes=10_000, redis__fan_bytes=100, redis__base_bytes=1e6
    )
    found = plan(wish(stream_share=1), sheet)
    assert found.memory_api == 1e8 + 10_000 * (10_000 + 2 * 300)
    assert found.memory_redis == 1e6 + 10_000 * 100 + 1_000
    assert found.memory_redis_rewriting == 2 * found.memory_redis


def test_frames_are_counted_round_what_is_sent() -> None:
    assert framed(100) == 100 + FRAME_BYTES
    assert framed(1_448) == 1_448 + FRAME_BYTES
    assert framed(1_449) == 1_449 + 2 * FRAME_BYTES
    mbit = plan(wish(minutes=1 / 60, stream_share=0), costs(wire__join=934)).moments[0].mbit_per_s
    polls = 10_000 / 15 + 10_000  # one with the arrival, one in 15 s
    assert mbit == pytest.approx((10_000 * 1_000 + polls * FRAME_BYTES) * 8 / 1e6, rel=1e-3)


def test_a_cdn_takes_files_and_plans_and_programs_take_no_pages() -> None:
    unit = Unit(shipped_costs())
    loads = {pages: visit(wish(pages=pages), unit) for pages in ("usher", "cdn", "none")}
    assert loads["usher"].bytes_out > loads["cdn"].bytes_out
    assert loads["cdn"].api_us > loads["none"].api_us
    assert loads["usher"].requests - loads["cdn"].requests == 1 + unit.costs["wire.seats_files"]


def test_loads_add_up_and_multiply() -> None:
    load = Load(api_us=1, redis_us=2, requests=1) * 3 + Load(worker_us=4)
    assert (load.api_us, load.redis_us, load.worker_us, load.requests) == (3, 6, 4, 3)
    assert load.cpu_us == 13


GROWING = (
    "arrivals_per_s", "api_processes", "cores_busy", "redis_share", "streams", "connections",
    "memory_api", "memory_redis", "draw_s",
)  # fmt: skip


@pytest.mark.parametrize("pages", ["usher", "cdn", "none"])
def test_more_fans_never_take_less(pages: Pages) -> None:
    crowds = (1, 2, 10, 99, 1_000, 10_000, 54_321, 10**6, 10**7)
    found = [plan(Wish(fans=fans, seats=5_000, pages=pages), shipped_costs()) for fans in crowds]
    for name in GROWING:
        figures = [getattr(each, name) for each in found]
        assert figures == sorted(figures), name


def test_more_fans_never_change_where_a_part_gives_way() -> None:
    found = [
        [
            (part.name, part.gives_way_at_fans)
            for part in plan(Wish(fans=fans, seats=5_000, cores=8), shipped_costs()).parts
        ]
        for fans in (10_000, 10**7)
    ]
    assert found[0] == found[1]


def test_a_part_has_given_way_from_that_many_fans_on() -> None:
    asked = Wish(fans=10_000, seats=5_000, cores=4, gbit_per_s=1)
    for part in plan(asked, shipped_costs()).parts:
        if part.gives_way_at_fans is None:
            continue
        for more, over in ((0, True), (-1, False)):
            at = msgspec.structs.replace(asked, fans=part.gives_way_at_fans + more)
            share = next(p.share for p in plan(at, shipped_costs()).parts if p.name == part.name)
            assert share == pytest.approx(1, abs=0.02)
            assert (share >= 0.9999) or not over


def test_what_would_help_helps() -> None:
    found = plan(Wish(fans=10**6, seats=5_000), shipped_costs())
    first = found.parts[0].gives_way_at_fans
    assert first is not None
    assert found.helps
    assert all((each.gives_way_at_fans or 10**12) > first for each in found.helps)


def test_what_helps_only_beside_another_is_in_the_whole() -> None:
    """Streams cost Redis something while fans arrive, and save it more where they come slowly."""
    found = plan(Wish(fans=10**6, seats=80_000, minutes=5, stream_share=0), shipped_costs())
    one, both = (each.gives_way_at_fans for each in found.helps)
    assert found.helps[0].what == "fans come within 30 minutes"
    assert "streams" in found.helps[1].what
    assert both is not None
    assert one is not None
    assert both > 1.5 * one
    together = found.helps[-1].gives_way_at_fans or 10**12
    assert together >= max(each.gives_way_at_fans or 0 for each in found.helps[:-1])
    done = Wish(fans=10**6, seats=5_000, minutes=60, stream_share=1, pages="cdn")
    assert plan(done, shipped_costs()).helps == []


def test_a_whole_sale_is_all_visits_and_all_waiting() -> None:
    sheet = costs(api__join=10, api__claim=100)
    # 10,000 join, 625 are called.
    assert whole(wish(), sheet)[0].api_us == pytest.approx(10_000 * 10 + 625 * 100)
    assert whole(wish(), costs(redis__draw_1000=7))[0].redis_us == pytest.approx(70)
    assert whole(wish(), costs(worker__idle=9))[1] == Load(worker_us=9)


def test_with_little_to_do_everything_is_dearer() -> None:
    sheet = costs(api__alone=3, redis__alone=2, worker__alone=1, postgres__alone=5)
    load = Load(api_us=1, redis_us=1, worker_us=1, postgres_us=1, requests=1).alone(sheet)
    assert load == Load(api_us=3, redis_us=2, worker_us=1, postgres_us=5, requests=1)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"fans": 0}, "--fans must be 1 to"),
        ({"fans": -3}, "--fans must be"),
        ({"fans": 10**9}, "--fans must be"),
        ({"seats": 0}, "--seats must be 1 to 80,000, not 0"),
        ({"seats": 80_001}, "--seats must be"),
        ({"minutes": 0.0}, "--minutes must be"),
        ({"minutes": float("nan")}, "--minutes must be"),
        ({"minutes": float("inf")}, "--minutes must be"),
        ({"seats_per_fan": 0.5}, "--seats-per-fan must be 1 to 50"),
        ({"shop_minutes": 0.01}, "--shop-minutes must be"),
        ({"buy_share": 0.0}, "--buy-share must be"),
        ({"buy_share": 1.5}, "--buy-share must be"),
        ({"rate_per_min": 0}, "--rate-per-min must be"),
        ({"capacity": 0}, "--capacity must be"),
        ({"stream_share": -0.1}, "--stream-share must be 0 to 1"),
        ({"cores": 0}, "--cores must be"),
        ({"gbit_per_s": 0.0}, "--gbit-per-s must be"),
    ],
)
def test_what_cannot_be_is_refused_by_name(given: dict[str, Any], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        check(wish(**given))


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(BadInput, match=r"--fans .*; --seats "):
        check(wish(fans=0, seats=0))
