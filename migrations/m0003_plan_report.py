"""What the import of a plan found and repaired stays with the plan, for its organiser to see."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.engine import engine_finder

ID = "2026-11-25T12:00:00:000003"
VERSION = "1.38.0"
DESCRIPTION = "reports of plans"

DDL = """
ALTER TABLE plan ADD COLUMN report jsonb NOT NULL DEFAULT '{}';
"""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="usher", description=DESCRIPTION)

    async def run() -> None:
        transaction = engine_finder().current_transaction.get()
        await transaction.connection.execute(DDL)

    manager.add_raw(run)
    return manager
