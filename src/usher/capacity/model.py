"""What a plan is asked, with every impossible wish refused by name."""

from typing import Final, Literal

import msgspec

from usher import limits
from usher.errors import BadInput
from usher.insight.forecast import SEATS_PER_FAN, STAY_S

FANS_MAX: Final = 100_000_000
MINUTES_MIN: Final = 1 / 60
MINUTES_MAX: Final = 7 * 24 * 60.0
SHOP_MINUTES_MAX: Final = limits.window_s_max / 60
CORES_MAX: Final = 100_000
GBIT_MAX: Final = 100_000.0

# How fans come: by browsers whose pages usher serves, all of them or without the files that a CDN
# has, or by programs over the API alone.
Pages = Literal["usher", "cdn", "none"]


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """A sale that is planned.

    `fans` come within `minutes`, evenly, and wait in a lobby. Each who is called stays for
    `shop_minutes`; `buy_share` of them buy, `seats_per_fan` seats each. `stream_share` of those
    who wait listen to a stream, the others poll as they are told to. `rate_per_min` and `capacity`
    of the gate follow from the seats where they are None. `cores` and `gbit_per_s` are what there
    is of processors and of network; None is as much as it takes.
    """

    fans: int
    seats: int
    minutes: float = 1.0
    seats_per_fan: float = SEATS_PER_FAN
    shop_minutes: float = STAY_S / 60
    buy_share: float = 0.8
    rate_per_min: int | None = None
    capacity: int | None = None
    stream_share: float = 0.9
    pages: Pages = "usher"
    cores: int | None = None
    gbit_per_s: float | None = None


def check(wish: Wish) -> None:
    """BadInput naming every option that cannot be."""
    errors = []
    for option, value, least, most in (
        ("--fans", wish.fans, 1, FANS_MAX),
        ("--seats", wish.seats, 1, limits.plan_seats_max),
        ("--minutes", wish.minutes, MINUTES_MIN, MINUTES_MAX),
        ("--seats-per-fan", wish.seats_per_fan, 1, limits.fan_seats_max),
        ("--shop-minutes", wish.shop_minutes, limits.window_s_min / 60, SHOP_MINUTES_MAX),
        ("--buy-share", wish.buy_share, 0.01, 1),
        ("--rate-per-min", wish.rate_per_min, 1, limits.rate_per_min_max),
        ("--capacity", wish.capacity, 1, limits.capacity_max),
        ("--stream-share", wish.stream_share, 0, 1),
        ("--cores", wish.cores, 1, CORES_MAX),
        ("--gbit-per-s", wish.gbit_per_s, 0.001, GBIT_MAX),
    ):
        if value is not None and not least <= value <= most:  # NaN is in no range
            what = f"must be {_said(least)} to {_said(most)}, not {_said(value)}"
            errors.append({"where": option, "what": what})
    if errors:
        raise BadInput(
            "this cannot be planned: "
            + "; ".join(f"{fault['where']} {fault['what']}" for fault in errors)
        )


def _said(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4g}"
