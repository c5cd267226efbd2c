"""How an event is sold: the settings of a sale, what may follow what, what is impossible."""

from datetime import datetime
from typing import Any, Final, Literal

import msgspec
from msgspec import UNSET, UnsetType

from usher import limits
from usher.clock import to_ms, wrong_time
from usher.errors import BadInput, Conflict

Mode = Literal["simple", "queued"]
State = Literal["draft", "lobby", "open", "paused", "closed", "sold_out"]
GateState = Literal["open", "paused"]
Access = Literal["guest", "login"]
Switch = Literal["on", "off"]

# What an operator may do. `sold_out` comes and goes with the seats and is nobody's to set.
TRANSITIONS: Final[dict[str, tuple[str, ...]]] = {
    "draft": ("lobby", "open", "closed"),
    "lobby": ("draft", "open", "closed"),
    "open": ("paused", "closed"),
    "paused": ("open", "closed"),
    "sold_out": ("closed",),
    "closed": ("open",),
}


class SaleSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What an organiser sets. Windows are seconds; `rate_per_min` is calls per minute."""

    mode: Mode = "queued"
    state: State = "draft"
    gate_state: GateState = "open"
    lobby_at: datetime | None = None
    opens_at: datetime | None = None
    closes_at: datetime | None = None
    rate_per_min: int = limits.rate_per_min_default
    capacity: int = limits.capacity_default
    claim_s: int = limits.claim_s_default
    shop_s: int = limits.shop_s_default
    hold_s: int = limits.hold_s_default
    hold_cap_s: int = limits.hold_cap_s_default
    payment_s: int = limits.payment_s_default
    seats_max: int = limits.fan_seats_default
    access: Access = "guest"  # who may join: anybody, or who is logged in
    waitlist: Switch = "on"  # whether there is a list once all seats are sold
    offer_s: int = limits.offer_s_default  # how long an offer to somebody on it stands
    throttle: Switch = "on"  # whether the gate slows down by itself while the shop is behind
    rate_floor_pct: int = limits.rate_floor_pct_default  # ... to no less of the rate than this


class SaleView(SaleSettings, frozen=True, kw_only=True):
    """A sale as organisers see it."""

    event_id: str
    lobby_size: int | None
    version: int


class SettingChange(msgspec.Struct):
    """One setting, changed by somebody."""

    at: datetime
    actor: str
    field: str
    before: str
    after: str


class SettingChanges(msgspec.Struct):
    """Changes of a sale, newest first."""

    changes: list[SettingChange]


class Sale(SaleSettings, frozen=True, kw_only=True):
    """A sale as PostgreSQL has it. `lobby_size` is set once, when the lobby closes."""

    event_id: str
    draw_key: bytes
    lobby_size: int | None = None
    number_high: int = 0
    version: int = 1


class SaleChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of PATCH .../sale: only what is given changes; a time may be set to null."""

    mode: Mode | UnsetType = UNSET
    state: State | UnsetType = UNSET
    lobby_at: datetime | UnsetType | None = UNSET
    opens_at: datetime | UnsetType | None = UNSET
    closes_at: datetime | UnsetType | None = UNSET
    claim_s: int | UnsetType = UNSET
    shop_s: int | UnsetType = UNSET
    hold_s: int | UnsetType = UNSET
    hold_cap_s: int | UnsetType = UNSET
    payment_s: int | UnsetType = UNSET
    seats_max: int | UnsetType = UNSET
    access: Access | UnsetType = UNSET
    waitlist: Switch | UnsetType = UNSET
    offer_s: int | UnsetType = UNSET


class GateChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of PATCH .../gate."""

    rate_per_min: int | UnsetType = UNSET
    capacity: int | UnsetType = UNSET
    state: GateState | UnsetType = UNSET
    throttle: Switch | UnsetType = UNSET
    rate_floor_pct: int | UnsetType = UNSET


def given(change: SaleChange | GateChange) -> dict[str, Any]:
    """The fields of a change that were given, by the names of SaleSettings."""
    fields = {
        name: value
        for name in change.__struct_fields__
        if (value := getattr(change, name)) is not UNSET
    }
    if isinstance(change, GateChange) and "state" in fields:
        fields["gate_state"] = fields.pop("state")
    return fields


_RANGES: Final[dict[str, tuple[int, int]]] = {
    "rate_per_min": (1, limits.rate_per_min_max),
    "capacity": (1, limits.capacity_max),
    "claim_s": (limits.window_s_min, limits.window_s_max),
    "shop_s": (limits.window_s_min, limits.window_s_max),
    "hold_s": (limits.hold_s_min, limits.hold_s_max),
    "hold_cap_s": (limits.hold_s_min, limits.hold_s_max),
    "payment_s": (limits.payment_s_min, limits.payment_s_max),
    "seats_max": (1, limits.fan_seats_max),
    "offer_s": (limits.offer_s_min, limits.offer_s_max),
    "rate_floor_pct": (1, 100),
}


def check(settings: SaleSettings) -> None:
    """BadInput naming every impossible setting, before anything changes."""
    errors = []
    for name, (least, most) in _RANGES.items():
        value = getattr(settings, name)
        if not least <= value <= most:
            errors.append({"where": name, "what": f"must be {least} to {most}, not {value}"})
    if settings.hold_cap_s < settings.hold_s:
        what = f"must be at least hold_s ({settings.hold_s}), not {settings.hold_cap_s}"
        errors.append({"where": "hold_cap_s", "what": what})
    for name in ("lobby_at", "opens_at", "closes_at"):
        moment = getattr(settings, name)
        if moment is not None and (what := wrong_time(moment)):
            errors.append({"where": name, "what": what})
    if not errors:
        errors += _times_out_of_order(settings)
    if errors:
        told = "; ".join(f"{fault['where']} {fault['what']}" for fault in errors)
        raise BadInput(told, errors=errors)


def _times_out_of_order(settings: SaleSettings) -> list[dict[str, str]]:
    lobby, opens, closes = settings.lobby_at, settings.opens_at, settings.closes_at
    errors = []
    if lobby and opens and lobby > opens:
        errors.append({"where": "lobby_at", "what": "must not come after opens_at"})
    if opens and closes and opens >= closes:
        errors.append({"where": "closes_at", "what": "must come after opens_at"})
    if lobby and closes and lobby >= closes:
        errors.append({"where": "closes_at", "what": "must come after lobby_at"})
    return errors


def changed(sale: Sale, fields: dict[str, Any]) -> Sale:
    """`sale` with `fields` changed and checked; Conflict where the state may not follow."""
    state = fields.get("state", sale.state)
    if state != sale.state and state not in TRANSITIONS[sale.state]:
        raise Conflict(
            f"a sale that is {sale.state} cannot become {state}; it may become "
            f"{' or '.join(TRANSITIONS[sale.state])}",
            state=sale.state,
        )
    after = msgspec.structs.replace(sale, **fields)
    check(after)
    return after


def due_state(sale: Sale, now_ms: int) -> State | None:
    """The state that time has brought, None where it brings no change."""
    if sale.closes_at and sale.state != "closed" and now_ms >= to_ms(sale.closes_at):
        return "closed"
    if sale.opens_at and sale.state in ("draft", "lobby") and now_ms >= to_ms(sale.opens_at):
        return "open"
    if sale.lobby_at and sale.state == "draft" and now_ms >= to_ms(sale.lobby_at):
        return "lobby"
    return None


def gate_fields(sale: Sale) -> list[str | int]:
    """What the gate in Redis keeps of a sale, as names and values in turn."""
    fields = {
        "mode": sale.mode,
        # Sold out is a fact of the seats, which Redis knows first: its gate stays open.
        "state": "open" if sale.state == "sold_out" else sale.state,
        "gate_state": sale.gate_state,
        "rate": sale.rate_per_min,
        "throttle": sale.throttle,
        "floor_pct": sale.rate_floor_pct,
        "capacity": sale.capacity,
        "claim_s": sale.claim_s,
        "shop_s": sale.shop_s,
        "hold_s": sale.hold_s,
        "hold_cap_s": sale.hold_cap_s,
        "payment_s": sale.payment_s,
        "seats_max": sale.seats_max,
        "opens_ms": to_ms(sale.opens_at) if sale.opens_at else 0,
    }
    return [word for pair in fields.items() for word in pair]
