"""What a load test is asked to do: the command line's wishes, with what each scenario is without
them."""

from pathlib import Path
from typing import Any, Final

import msgspec

from loadtests.crowd.plan import Phase, Plan
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
    fans: int
    seats: int
    minutes: float
    rate: float = 0.0
    processes: int = 1
    apis: int = 1
    pace: float = 1.0
    opens: str = "before"
    lobby_share: float = 0.0
    lobby_per_s: float = 250.0
    rush_s: float = 2.0
    stream_share: float = 0.5
    sale: dict[str, Any] = {}


# Windows that are short enough for what is abandoned to come back within the run.
_WINDOWS: Final = {
    "claim_s": 15,
    "shop_s": 60,
    "hold_s": 20,
    "hold_cap_s": 40,
    "payment_s": 20,
    "seats_max": 8,
}

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
}


def kind_of(options: Options) -> Kind:
    """The scenario with the wishes written over it; BadInput."""
    kind = KINDS.get(options.scenario)
    if kind is None:
        raise BadInput(f"there is no scenario {options.scenario!r}: {', '.join(KINDS)}")
    wishes = {
        name: value
        for name in ("fans", "seats", "minutes", "rate", "processes", "apis", "pace")
        if (value := getattr(options, name)) is not None
    }
    for name, value in wishes.items():
        if value <= 0:
            raise BadInput(f"--{name} must be more than 0, not {value}")
    if bool(options.host) != bool(options.event):
        raise BadInput("--host and --event go together: a deployment, and an event on sale there")
    return msgspec.structs.replace(kind, **wishes)


def sale_of(kind: Kind) -> SaleSettings:
    """How its event is sold."""
    return SaleSettings(**kind.sale)


def plan_of(options: Options, kind: Kind, event: str, urls: list[str], out: Path) -> Plan:
    """What its crowd is told."""
    early = kind.fans * kind.lobby_share
    return Plan(
        scenario=options.scenario,
        event=event,
        urls=urls,
        fans=kind.fans,
        seed=options.seed,
        processes=kind.processes,
        lobby_share=kind.lobby_share,
        lobby_s=max(2.0, early / kind.lobby_per_s),
        rush_s=max(kind.rush_s, kind.fans * (1 - kind.lobby_share) / (2 * kind.lobby_per_s)),
        stream_share=kind.stream_share,
        pace=kind.pace,
        deadline_s=kind.minutes * 60,
        phases=phases_of(kind),
        out=str(out),
    )


def phases_of(kind: Kind) -> list[Phase]:
    """Arrivals by rate: a ramp of a tenth of the time, then steady."""
    if not kind.rate:
        return []
    seconds = kind.minutes * 60
    return [
        Phase("ramp", seconds / 10, 0.0, kind.rate),
        Phase("steady", seconds * 9 / 10, kind.rate, kind.rate),
    ]
