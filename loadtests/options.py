"""What a load test is asked to do: the command line's wishes, with what each scenario is without
them."""

from pathlib import Path
from typing import Any, Final

import msgspec

from loadtests.crowd.plan import Phase, Plan
from usher import limits
from usher.errors import BadInput
from usher.sale.model import SaleSettings


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """One run. What is None is the scenario's own to say.

    `fans` is the size of the crowd, or the streams of watchers; `rate` arrivals a second;
    `minutes` the length of what has a length, else the most that is waited for. `apis` are the
    API processes that are brought up, `host` are addresses of a deployment that is up already.
    """

    scenario: str
    fans: int | None = None
    bots: int | None = None
    seats: int | None = None
    minutes: float | None = None
    rate: float | None = None
    processes: int | None = None
    apis: int | None = None
    pace: float | None = None
    seed: int = 1
    out: Path | None = None
    host: tuple[str, ...] = ()
    event: str = ""
    token: str = ""
    web: bool = False
    web_port: int = 8089
    budgets: Path | None = None
    port: int = 0


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """A scenario: what it is for, its own measures, how its event is sold.

    `opens` is when the sale does: once the lobby is full, or before anybody comes.
    `lobby_per_s` is how many a second come to the lobby.
    """

    says: str
    minutes: float
    fans: int = 0
    seats: int = 0  # 0: as many as will be wanted
    rate: float = 0.0
    processes: int = 1
    apis: int = 1
    pace: float = 1.0
    opens: str = "before"
    lobby_share: float = 0.0
    lobby_per_s: float = 250.0
    rush_s: float = 2.0
    stream_share: float = 0.5
    patience_s: float = 900.0
    bots: int = 0
    churn_share: float = 0.0
    place_share: float = 0.0
    sale: dict[str, Any] = {}


OVERLOAD: Final = 5.0
COMPARE_S: Final = 12.0  # at the end of watching, until all are back and their maps are compared
# Seats that a visit buys on average, and some more: a hall that is sold out ends the test.
_SEATS_EACH: Final = 2.4
# Windows that are short enough for what is abandoned to come back within the run.
_WINDOWS: Final = {
    "claim_s": 15,
    "shop_s": 60,
    "hold_s": 20,
    "hold_cap_s": 40,
    "payment_s": 20,
    "seats_max": 8,
}

# A gate that lets the arrivals of `rate` fans a second through, and half as many again.
_BY_RATE: Final = {"mode": "queued", **_WINDOWS}

KINDS: Final[dict[str, Kind]] = {
    "stampede": Kind(
        says="everybody at the opening: lobby, draw, line, shop to a paid ticket",
        fans=5_000,
        seats=1_000,
        minutes=5,
        opens="when the lobby is full",
        lobby_share=0.8,
        sale={"mode": "queued", "rate_per_min": 4_800, "capacity": 300, **_WINDOWS},
    ),
    "steady": Kind(
        says="arrivals by chance at a rate, each to a paid ticket",
        rate=10,
        minutes=3,
        sale=_BY_RATE,
    ),
    "snipers": Kind(
        says="all are let in at once and want the same seats",
        fans=2_000,
        seats=50,
        minutes=4,
        opens="when the lobby is full",
        lobby_share=1.0,
        pace=0.5,
        sale={"mode": "queued", "rate_per_min": 600_000, "capacity": 100_000, **_WINDOWS},
    ),
    "bots": Kind(
        says="an opening, with bots who join without cookies, replay tokens and hammer",
        fans=500,
        bots=100,
        seats=300,
        minutes=4,
        opens="when the lobby is full",
        lobby_share=0.8,
        sale={"mode": "queued", "rate_per_min": 6_000, "capacity": 400, **_WINDOWS},
    ),
    "watchers": Kind(
        says="streams of seats and places, cut and taken up again, while the line moves",
        fans=20_000,
        seats=2_000,
        minutes=3,
        processes=2,
        apis=2,
        lobby_share=1.0,
        lobby_per_s=400,
        churn_share=0.005,
        place_share=0.2,
        sale={"mode": "queued", "rate_per_min": 20, "capacity": 50, **_WINDOWS},
    ),
    "soak": Kind(
        says="a population of fans that comes and goes for long, twice as many in the middle",
        fans=100,
        minutes=60,
        sale=_BY_RATE,
    ),
    "overload": Kind(
        says="five times the rate for three minutes, then the recovery",
        rate=100,
        minutes=3,
        stream_share=0.1,
        patience_s=20,
        seats=30_000,
        sale={"mode": "queued", "rate_per_min": 2_400, "capacity": 300, **_WINDOWS},
    ),
}


def kind_of(options: Options) -> Kind:
    """The scenario with the wishes written over it; BadInput."""
    kind = KINDS.get(options.scenario)
    if kind is None:
        raise BadInput(f"there is no scenario {options.scenario!r}: {', '.join(KINDS)}")
    wishes = {
        name: value
        for name in ("fans", "bots", "seats", "minutes", "rate", "processes", "apis", "pace")
        if (value := getattr(options, name)) is not None
    }
    for name, value in wishes.items():
        if value <= 0 and name != "bots":
            raise BadInput(f"--{name} must be more than 0, not {value}")
    if bool(options.host) != bool(options.event):
        raise BadInput("--host and --event go together: a deployment, and an event on sale there")
    if options.host and options.scenario == "overload" and options.rate is None:
        raise BadInput("--rate is needed with --host: what the deployment carries, a second")
    kind = msgspec.structs.replace(kind, **wishes)
    if not kind.seats:
        seats = min(limits.plan_seats_max, round(_expected(kind) * _SEATS_EACH))
        kind = msgspec.structs.replace(kind, seats=max(seats, 40))
    return kind


def _expected(kind: Kind) -> float:
    """Visits; of a population everybody comes about four times a minute."""
    seconds = kind.minutes * 60
    return kind.rate * seconds if kind.rate else kind.fans * seconds / 15


def sale_of(kind: Kind) -> SaleSettings:
    """How its event is sold; where arrivals have a rate, the gate lets them through and no more
    than half as many again."""
    gate: dict[str, Any] = {}
    if "rate_per_min" not in kind.sale:
        per_s = kind.rate or max(1.0, kind.fans / 5)
        gate = {"rate_per_min": round(per_s * 90), "capacity": max(50, round(per_s * 30))}
    return SaleSettings(**kind.sale, **gate)


def plan_of(options: Options, kind: Kind, event: str, urls: list[str], out: Path) -> Plan:
    """What its crowd is told."""
    return Plan(
        scenario=options.scenario,
        event=event,
        urls=urls,
        fans=kind.fans,
        seed=options.seed,
        processes=kind.processes,
        lobby_share=kind.lobby_share,
        lobby_s=lobby_s(kind),
        rush_s=max(kind.rush_s, kind.fans * (1 - kind.lobby_share) / (2 * kind.lobby_per_s)),
        stream_share=kind.stream_share,
        pace=kind.pace,
        patience_s=kind.patience_s,
        bots=kind.bots,
        churn_share=kind.churn_share,
        place_share=kind.place_share,
        deadline_s=deadline_s(options.scenario, kind),
        phases=spike(kind) if options.scenario == "overload" else phases_of(kind),
        out=str(out),
    )


def deadline_s(scenario: str, kind: Kind) -> float:
    """When nobody plays on: what has a rate is over with the last visit, within a minute; streams
    are held for the minutes that were asked for."""
    if scenario == "overload":
        return sum(phase.seconds for phase in spike(kind)) + 45
    if scenario == "watchers":
        return lobby_s(kind) + kind.minutes * 60 + COMPARE_S
    return kind.minutes * 60 + (60 if kind.rate else 0)


def lobby_s(kind: Kind) -> float:
    """How long those who come before the opening take to come; watchers to set out."""
    return max(2.0, kind.fans * kind.lobby_share / kind.lobby_per_s)


def phases_of(kind: Kind) -> list[Phase]:
    """Arrivals by rate: a ramp of a tenth of the time, then steady."""
    if not kind.rate:
        return []
    seconds = kind.minutes * 60
    return [
        Phase("ramp", seconds / 10, 0.0, kind.rate),
        Phase("steady", seconds * 9 / 10, kind.rate, kind.rate),
    ]


def spike(kind: Kind) -> list[Phase]:
    """An overload: what is carried, five times as much, a while to come to itself, and half of
    what is carried, in which all must be as before."""
    rate, seconds = kind.rate, kind.minutes * 60
    before_s, after_s = min(20.0, max(5.0, seconds / 3)), min(30.0, max(10.0, seconds / 3))
    return [
        Phase("calm", before_s, rate / 2, rate / 2),
        Phase("overload", seconds, rate * OVERLOAD, rate * OVERLOAD),
        Phase("settling", after_s, rate / 4, rate / 4),
        Phase("recovery", after_s, rate / 2, rate / 2),
    ]
