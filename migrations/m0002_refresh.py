"""Refresh tokens in families, fans tied to accounts, sales for who is logged in."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.engine import engine_finder

ID = "2026-11-25T12:00:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "refresh tokens, fans of accounts, access to a sale"

DDL = """
-- All refresh tokens of one login. A token is (family, serial), signed; the row says which serial
-- is the next to be used, so that no token is kept here, nor a hash of one, and a rotation is one
-- conditional UPDATE of one row.
CREATE TABLE refresh_family (
    id         text PRIMARY KEY,
    account_id text NOT NULL CONSTRAINT refresh_family_account_exists
               REFERENCES account (id) ON DELETE CASCADE,
    serial     bigint NOT NULL DEFAULT 1,
    rotated_at timestamptz NOT NULL DEFAULT now(),
    due        timestamptz NOT NULL,
    ended_at   timestamptz,
    ended_by   text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT refresh_family_serial_counts CHECK (serial > 0),
    -- prevents a family from ending without a reason, or from having one while it lives
    CONSTRAINT refresh_family_end_told CHECK ((ended_at IS NULL) = (ended_by = '')),
    CONSTRAINT refresh_family_end_known
        CHECK (ended_by IN ('', 'logout', 'everywhere', 'password', 'reuse'))
);
CREATE INDEX refresh_family_by_account ON refresh_family (account_id, rotated_at);
CREATE INDEX refresh_family_by_due ON refresh_family (due);

-- The anonymous fans that somebody was in some browser before logging in there.
CREATE TABLE account_fan (
    fan_id     text NOT NULL,
    account_id text NOT NULL CONSTRAINT account_fan_account_exists
               REFERENCES account (id) ON DELETE CASCADE,
    tied_at    timestamptz NOT NULL DEFAULT now(),
    -- prevents a fan's bookings from being claimed by a second account
    CONSTRAINT account_fan_once PRIMARY KEY (fan_id)
);
CREATE INDEX account_fan_by_account ON account_fan (account_id);

-- Who may join: anybody, or who is logged in.
ALTER TABLE sale ADD COLUMN access text NOT NULL DEFAULT 'guest'
    CONSTRAINT sale_access_known CHECK (access IN ('guest', 'login'));
"""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="usher", description=DESCRIPTION)

    async def run() -> None:
        # One transaction for the whole migration; `execute` takes many statements at once.
        transaction = engine_finder().current_transaction.get()
        await transaction.connection.execute(DDL)

    manager.add_raw(run)
    return manager
