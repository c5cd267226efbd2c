"""Whether a sale's gate slows down by itself, and to what."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.engine import engine_finder

ID = "2026-11-26T12:00:00:000011"
VERSION = "1.38.0"
DESCRIPTION = "throttle"

DDL = """
-- Whether the gate calls fewer fans while commits or answers are behind, and how much of the rate
-- it keeps to at least, in percent.
ALTER TABLE sale ADD COLUMN throttle text NOT NULL DEFAULT 'on'
    CONSTRAINT sale_throttle_known CHECK (throttle IN ('on', 'off'));
ALTER TABLE sale ADD COLUMN rate_floor_pct integer NOT NULL DEFAULT 10
    CONSTRAINT sale_rate_floor_possible CHECK (rate_floor_pct BETWEEN 1 AND 100);
-- So that workers bring it to the gates of sales that are on.
UPDATE sale SET version = version + 1 WHERE state NOT IN ('draft', 'closed');
"""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="usher", description=DESCRIPTION)

    async def run() -> None:
        transaction = engine_finder().current_transaction.get()
        await transaction.connection.execute(DDL)

    manager.add_raw(run)
    return manager
