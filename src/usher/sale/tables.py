"""Sales as Piccolo sees them."""

from piccolo.columns import BigInt, Bytea, Integer, Text, Timestamptz
from piccolo.table import Table

from usher import limits


class Sale(Table, tablename="sale"):
    # The event's id, without a Piccolo foreign key: the event room stands to the right of this one.
    event_id = Text(primary_key=True)
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
    access = Text(default="guest")
    waitlist = Text(default="on")
    offer_s = Integer(default=limits.offer_s_default)
    throttle = Text(default="on")
    rate_floor_pct = Integer(default=limits.rate_floor_pct_default)
