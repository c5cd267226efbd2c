"""Venues, halls and stored plans as Piccolo sees them."""

from piccolo.columns import JSONB, Bytea, ForeignKey, Integer, OnDelete, OnUpdate, Text, Timestamptz
from piccolo.columns.defaults.timestamptz import TimestamptzNow
from piccolo.table import Table


class Venue(Table, tablename="venue"):
    id = Text(primary_key=True, default=None)
    name = Text()
    city = Text()
    timezone = Text(default="UTC")
    created_at = Timestamptz(default=TimestamptzNow())


class Hall(Table, tablename="hall"):
    id = Text(primary_key=True, default=None)
    venue_id = ForeignKey(
        Venue, null=False, on_delete=OnDelete.no_action, on_update=OnUpdate.no_action
    )
    name = Text()
    created_at = Timestamptz(default=TimestamptzNow())


class Plan(Table, tablename="plan"):
    """Never changed once stored: an event keeps the plan it was sold with."""

    id = Text(primary_key=True, default=None)
    hall_id = ForeignKey(
        Hall, null=False, on_delete=OnDelete.no_action, on_update=OnUpdate.no_action
    )
    name = Text()
    digest = Text()
    seats = Integer()
    document = Bytea()
    report = JSONB(default="{}")
    created_at = Timestamptz(default=TimestamptzNow())
