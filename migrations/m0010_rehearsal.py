"""Shadows: copies of events on which a sale is rehearsed, and a bank that is theirs alone."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.engine import engine_finder

ID = "2026-11-26T14:00:00:000010"
VERSION = "1.38.0"
DESCRIPTION = "rehearsals"

DDL = """
-- A copy of an event that nobody is shown or told of, and that is deleted when it is over.
ALTER TABLE event ADD COLUMN shadow boolean NOT NULL DEFAULT false;

-- A row stands as long as anything of its shadow may be left anywhere; so it refers to nothing.
CREATE TABLE rehearsal (
    event_id  text PRIMARY KEY,
    source_id text NOT NULL,
    began_at  timestamptz NOT NULL DEFAULT now(),
    -- Said again and again by who rehearses: silent, they have died, and whoever sees it cleans up.
    seen_at   timestamptz NOT NULL DEFAULT now(),
    ended_at  timestamptz
);

-- Charges of shadows are another bank's, which is there whatever provider real fans pay at.
ALTER TABLE sandbox_charge ADD COLUMN bank text NOT NULL DEFAULT 'sandbox'
    CONSTRAINT sandbox_charge_bank_known CHECK (bank IN ('sandbox', 'rehearsal'));
-- Said again here: each bank's postman looks for its own ten times a second.
ALTER TABLE sandbox_webhook ADD COLUMN bank text NOT NULL DEFAULT 'sandbox';
-- Without these a charge or a payment is deleted by reading all of what may refer to it.
CREATE INDEX sandbox_webhook_by_charge ON sandbox_webhook (charge_id);
CREATE INDEX refund_by_payment ON refund (payment_id);
"""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="usher", description=DESCRIPTION)

    async def run() -> None:
        transaction = engine_finder().current_transaction.get()
        await transaction.connection.execute(DDL)

    manager.add_raw(run)
    return manager
