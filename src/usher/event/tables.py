"""Productions, events and their categories as Piccolo sees them."""

from piccolo.columns import (
    BigInt,
    Boolean,
    ForeignKey,
    Integer,
    OnDelete,
    OnUpdate,
    SmallInt,
    Text,
    Timestamptz,
)
from piccolo.columns.defaults.timestamptz import TimestamptzNow
from piccolo.table import Table

from usher.account.tables import Account
from usher.venue.tables import Hall, Plan


class Production(Table, tablename="production"):
    id = Text(primary_key=True, default=None)
    title = Text()
    kind = Text(default="concert")
    description = Text()
    created_at = Timestamptz(default=TimestamptzNow())


class Event(Table, tablename="event"):
    id = Text(primary_key=True, default=None)
    production_id = ForeignKey(
        Production, null=False, on_delete=OnDelete.no_action, on_update=OnUpdate.no_action
    )
    hall_id = ForeignKey(
        Hall, null=False, on_delete=OnDelete.no_action, on_update=OnUpdate.no_action
    )
    plan_id = ForeignKey(
        Plan, null=False, on_delete=OnDelete.no_action, on_update=OnUpdate.no_action
    )
    title = Text()
    currency = Text()
    starts_at = Timestamptz()
    state = Text(default="draft")
    organiser_id = ForeignKey(Account, on_delete=OnDelete.no_action, on_update=OnUpdate.no_action)
    built_at = Timestamptz(null=True, default=None)
    created_at = Timestamptz(default=TimestamptzNow())
    cancel_before_s = Integer(null=True, default=None)
    cancelled_at = Timestamptz(null=True, default=None)
    wound_up_at = Timestamptz(null=True, default=None)
    shadow = Boolean(default=False)


class Category(Table, tablename="category"):
    """The key is (event_id, rank), which Piccolo cannot say: select and insert, never `save`."""

    event_id = ForeignKey(
        Event,
        null=False,
        primary_key=True,
        on_delete=OnDelete.no_action,
        on_update=OnUpdate.no_action,
    )
    rank = SmallInt()
    name = Text()
    color = Text()
    price = BigInt()
