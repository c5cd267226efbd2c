"""What a demo is asked to do, with every impossible wish refused by name, and what it runs on."""

from pathlib import Path
from typing import Final, Literal, Protocol

import msgspec

from usher import limits
from usher.account.service import AccountService
from usher.errors import BadInput
from usher.event.service import EventService
from usher.insight.service import Auditor
from usher.sale.model import Mode, SaleSettings
from usher.sale.service import SaleService
from usher.venue.bowl import bowl
from usher.venue.generate import rows_by_columns
from usher.venue.model import Plan
from usher.venue.pretix import import_pretix
from usher.venue.price import default_prices
from usher.venue.side import SideDocument, parse_side

ROWS_DEFAULT: Final = 25
COLUMNS_DEFAULT: Final = 40
FANS_DEFAULT: Final = 3_000
FANS_MAX: Final = 100_000  # one process plays them all
RATE_DEFAULT: Final = 4_800
# Unless told otherwise three in ten of the seats may be shopped for at once: more would empty the
# hall in one go and leave nothing of a line, and two noisy cores bear about 300.
CAPACITY_SHARE: Final = 0.3
CAPACITY_LEAST, CAPACITY_MOST = 20, 300
SEED_MAX: Final = 2**32 - 1
# Fans who arrive within a second; above it the machine that plays them is the limit.
ARRIVALS_PER_S: Final = 800

# Short windows: who walks away gives the seats back while somebody still wants them.
CLAIM_S: Final = 6
SHOP_S: Final = 20
HOLD_S: Final = 5
PAYMENT_S: Final = 5
# Without a line everybody checks out at once, and so many thousand fans take so much longer.
STORM_FANS_PER_S: Final = 1_000
STORM_S_MOST: Final = 30
# A fan whose booking expired may have another one before the first is counted off.
SEATS_MAX: Final = 8

assert CLAIM_S >= limits.window_s_min <= SHOP_S
assert limits.hold_s_min <= HOLD_S
assert limits.payment_s_min <= PAYMENT_S
assert SEATS_MAX <= limits.fan_seats_max  # noqa: SIM300


class CrowdOptions(msgspec.Struct, frozen=True, kw_only=True):
    """A crowd: how many, how they come, how long they are given.

    `lobby_share` of them arrive within `arrive_s` of the start, the rest within `rush_s` of the
    opening. `stream_share` of them listen to SSE while they wait, the others poll as told.
    """

    fans: int = FANS_DEFAULT
    seed: int = 1
    lobby_share: float = 0.8
    stream_share: float = 0.5
    arrive_s: float = 3.0
    rush_s: float = 2.0
    deadline_s: float = 240.0
    connections: int = 256


class DemoOptions(msgspec.Struct, frozen=True, kw_only=True):
    """A demo: the hall (one of plan, bowl, rows and columns), the gate, the crowd."""

    mode: Mode = "queued"
    plan: Path | None = None
    side: Path | None = None
    rows: int | None = None
    columns: int | None = None
    bowl: int | None = None
    rate_per_min: int | None = None
    capacity: int | None = None
    fans: int = FANS_DEFAULT
    seed: int = 1

    def gate(self, seats: int) -> tuple[int, int]:
        """Calls a minute and fans shopping at once: as asked for, else what suits the hall."""
        capacity = min(CAPACITY_MOST, max(CAPACITY_LEAST, int(seats * CAPACITY_SHARE)))
        return self.rate_per_min or RATE_DEFAULT, self.capacity or capacity

    def sale(self, seats: int) -> SaleSettings:
        """How the event is sold."""
        rate, capacity = self.gate(seats)
        more_s = 0
        if self.mode == "simple":
            more_s = min(STORM_S_MOST, self.fans // STORM_FANS_PER_S)
        return SaleSettings(
            mode=self.mode,
            rate_per_min=rate,
            capacity=capacity,
            claim_s=CLAIM_S,
            shop_s=SHOP_S,
            hold_s=HOLD_S + more_s,
            hold_cap_s=2 * (HOLD_S + more_s),
            payment_s=PAYMENT_S + more_s,
            seats_max=SEATS_MAX,
        )

    def crowd(self, seats: int) -> CrowdOptions:
        """The crowd, given more time where there is more to sell."""
        line = self.mode == "queued"
        lobby_share = 0.8 if line else 1.0
        rate, capacity = self.gate(seats)
        # In the worst case each call sells a quarter of a seat, and each shopper stays to the end.
        gate_s = 4 * seats * 60 / rate + 2 * seats * SHOP_S / capacity if line else 0.0
        return CrowdOptions(
            fans=self.fans,
            seed=self.seed,
            lobby_share=lobby_share,
            arrive_s=max(2.0, self.fans * lobby_share / ARRIVALS_PER_S),
            rush_s=max(2.0, self.fans * (1 - lobby_share) / ARRIVALS_PER_S),
            deadline_s=120 + gate_s + seats / 50 + self.fans / 50,
        )


class DemoHall(msgspec.Struct, frozen=True):
    """The hall of a demo. `said` is one line for people."""

    plan: Plan
    prices: dict[str, int]
    currency: str
    said: str
    repairs: int = 0


def check(options: DemoOptions) -> None:
    """BadInput naming every option that cannot be, before anything is started."""
    errors = []

    def refuse(option: str, what: str) -> None:
        errors.append({"where": option, "what": what})

    for option, value, least, most in (
        ("--fans", options.fans, 1, FANS_MAX),
        ("--rows", options.rows, 1, limits.plan_seats_max),
        ("--columns", options.columns, 1, limits.plan_seats_max),
        ("--bowl", options.bowl, 1, limits.plan_seats_max),
        ("--rate-per-min", options.rate_per_min, 1, limits.rate_per_min_max),
        ("--capacity", options.capacity, 1, limits.capacity_max),
        ("--seed", options.seed, 0, SEED_MAX),
    ):
        if value is not None and not least <= value <= most:
            refuse(option, f"must be {least:,} to {most:,}, not {value:,}")
    rows, columns = options.rows or ROWS_DEFAULT, options.columns or COLUMNS_DEFAULT
    if not errors and rows * columns > limits.plan_seats_max:
        refuse(
            "--rows",
            f"times --columns is {rows * columns:,} seats; {limits.plan_seats_max:,} is the most",
        )
    halls = {
        "--plan": options.plan is not None,
        "--bowl": options.bowl is not None,
        "--rows/--columns": options.rows is not None or options.columns is not None,
    }
    given = [option for option, there in halls.items() if there]
    if len(given) > 1:
        refuse(given[0], f"cannot go with {' and '.join(given[1:])}: a demo has one hall")
    if options.side is not None and options.plan is None:
        refuse("--side", "adds to a --plan, and none is given")
    if options.mode == "simple":
        for option, value in (
            ("--rate-per-min", options.rate_per_min),
            ("--capacity", options.capacity),
        ):
            if value is not None:
                refuse(option, "belongs to a gate, and --mode simple has none")
    if errors:
        raise BadInput(
            "the demo cannot be run like this: "
            + "; ".join(f"{fault['where']} {fault['what']}" for fault in errors),
        )


def hall_of(options: DemoOptions) -> DemoHall:
    """The hall that was asked for; BadInput and BadPlan say which file has which fault."""
    side = SideDocument()
    if options.plan is not None:
        if options.side is not None:
            side = parse_side(_read(options.side, "--side"))
        imported = import_pretix(_read(options.plan, "--plan"), side)
        plan, said = imported.plan, f"{options.plan.name}: {imported.summary()}"
        repairs = len(imported.repairs)
    elif options.bowl is not None:
        plan = bowl(options.bowl)
        said, repairs = f"an arena of {options.bowl:,} seats", 0
    else:
        rows, columns = options.rows or ROWS_DEFAULT, options.columns or COLUMNS_DEFAULT
        plan = rows_by_columns(rows, columns)
        said, repairs = f"{rows:,} rows of {columns:,}: {rows * columns:,} seats", 0
    return DemoHall(plan, default_prices(plan, side.prices), side.currency, said, repairs)


def _read(path: Path, option: str) -> bytes:
    try:
        if path.stat().st_size > limits.plan_bytes_max:
            raise BadInput(
                f"{option} {path}: larger than {limits.plan_bytes_max:,} bytes, which is the most"
            )
        return path.read_bytes()
    except OSError as fault:
        raise BadInput(f"{option} {path}: cannot be read ({fault.strerror})") from None


class Running(Protocol):
    """A running usher, as far as a demo needs it."""

    @property
    def url(self) -> str: ...
    @property
    def events(self) -> EventService: ...
    @property
    def sales(self) -> SaleService: ...
    @property
    def accounts(self) -> AccountService: ...
    @property
    def auditor(self) -> Auditor: ...


Goal = Literal["sold_out", "everyone_served"]
