"""Sales as Piccolo sees them."""

from piccolo.columns import (
    BigInt,
    Bytea,
    ForeignKey,
    Integer,
    OnDelete,
    OnUpdate,
    Text,
    Timestamptz,
)
from piccolo.table import Table

from usher import limits
from usher.event.tables import Event


class Sale(Table, tablename="sale"):
    event_id = ForeignKey(
        Event,
        null=False,
        primary_key=True,
        on_delete=OnDelete.no_action,
        on_update=OnUpdate.no_action,
    )
    mode = Text(default="queued")
    state = Text(default="draft")
    gate_state = Text(default="open")
    lobby_at = Timestamptz(null=True, default=None)
    opens_at = Timestamptz(null=True, default=None)
    closes_at = Timestamptz(null=True, default=None)
    rate_per_min = Integer(default=limits.rate_per_min_default)
    capacity = Integer(default=limits.capacity_default)
    claim_s = Integer(default=limits.claim_s_default)
    shop_s = Integer(default=limits.shop_s_default)
    hold_s = Integer(default=limits.hold_s_default)
    hold_cap_s = Integer(default=limits.hold_cap_s_default)
    payment_s = Integer(default=limits.payment_s_default)
    seats_max = Integer(default=limits.fan_seats_default)
    draw_key = Bytea(secret=True)
    lobby_size = Integer(null=True, default=None)
    number_high = BigInt()
    version = BigInt(default=1)
