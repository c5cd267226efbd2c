"""The door: when, where and by which scan a ticket was used, and every scan there was."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.engine import engine_finder

ID = "2026-11-26T12:00:00:000006"
VERSION = "1.38.0"
DESCRIPTION = "check-in"

DDL = """
-- When, where and by which scan its holder came in first.
ALTER TABLE ticket ADD COLUMN used_at timestamptz;
ALTER TABLE ticket ADD COLUMN used_where text NOT NULL DEFAULT '';
ALTER TABLE ticket ADD COLUMN used_by text;
-- prevents a ticket that is used up without anybody knowing when and by which scan
ALTER TABLE ticket ADD CONSTRAINT ticket_use_told
    CHECK ((used_at IS NULL) = (used_by IS NULL) AND (used_where = '' OR used_at IS NOT NULL));
-- Who is inside is counted all evening.
CREATE INDEX ticket_used ON ticket (event_id) WHERE used_at IS NOT NULL;

-- Every scan at a door, let in or not. Its id is made of the event and the device's nonce: a scan
-- that is sent again is the same scan.
CREATE TABLE scan (
    id          text PRIMARY KEY,
    event_id    text NOT NULL CONSTRAINT scan_event_exists REFERENCES event (id),
    -- what the code named, NULL where it named nothing
    booking_id  text,
    seat        integer,
    serial      integer,
    -- of what was shown; the code itself would open the door to whoever reads this table
    digest      text NOT NULL,
    -- a ticket's number that staff vouched for, instead of a signed code
    typed       boolean NOT NULL DEFAULT false,
    entrance    text NOT NULL DEFAULT '',
    actor       text NOT NULL,
    -- when it was shown, by the device's clock where that was offline
    scanned_at  timestamptz NOT NULL,
    uploaded_at timestamptz NOT NULL DEFAULT now(),
    outcome     text NOT NULL,
    -- whether the fan went in: a device that was offline may have let in whom we would not
    let_in      boolean NOT NULL,
    CONSTRAINT scan_outcome_known CHECK (outcome IN
        ('admitted', 'double', 'already_used', 'revoked', 'cancelled', 'not_confirmed',
         'wrong_event', 'unknown_ticket', 'unsigned', 'forged', 'no_ticket')),
    CONSTRAINT scan_admits_a_ticket
        CHECK (outcome NOT IN ('admitted', 'double') OR (let_in AND booking_id IS NOT NULL
               AND seat IS NOT NULL))
);
-- prevents one ticket from being used by two scans; the second one to be let in is a 'double'
CREATE UNIQUE INDEX scan_admits_once ON scan (booking_id, seat) WHERE outcome = 'admitted';
CREATE INDEX scan_by_event ON scan (event_id, scanned_at, id);
-- Who was let in and should perhaps not have been: few, and looked at all evening.
CREATE INDEX scan_contested ON scan (event_id, scanned_at, id)
    WHERE let_in AND outcome <> 'admitted';
"""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="usher", description=DESCRIPTION)

    async def run() -> None:
        transaction = engine_finder().current_transaction.get()
        await transaction.connection.execute(DDL)

    manager.add_raw(run)
    return manager
