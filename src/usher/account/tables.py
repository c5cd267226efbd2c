"""Accounts as Piccolo sees them."""

from piccolo.columns import Text, Timestamptz
from piccolo.columns.defaults.timestamptz import TimestamptzNow
from piccolo.table import Table


class Account(Table, tablename="account"):
    id = Text(primary_key=True, default=None)
    email = Text(unique=True)
    name = Text(default="")
    password_hash = Text(secret=True)
    role = Text()
    state = Text(default="active")
    created_at = Timestamptz(default=TimestamptzNow())
