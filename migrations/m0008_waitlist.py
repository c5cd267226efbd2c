"""The waiting list of an event that is sold out, and what an organiser sets of it."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.engine import engine_finder

ID = "2026-11-26T12:00:00:000008"
VERSION = "1.38.0"
DESCRIPTION = "waiting list"

DDL = """
-- Whether there is a list once all seats are sold, and how long an offer to somebody on it stands.
ALTER TABLE sale ADD COLUMN waitlist text NOT NULL DEFAULT 'on'
    CONSTRAINT sale_waitlist_known CHECK (waitlist IN ('on', 'off'));
ALTER TABLE sale ADD COLUMN offer_s integer NOT NULL DEFAULT 14400
    CONSTRAINT sale_offer_possible CHECK (offer_s > 0);

-- Somebody who would like seats that come back. `turn` is the order in which they are offered.
CREATE TABLE waitlist (
    id         text PRIMARY KEY,
    event_id   text NOT NULL CONSTRAINT waitlist_event_exists REFERENCES event (id),
    turn       bigint GENERATED ALWAYS AS IDENTITY,
    fan_id     text NOT NULL,
    name       text NOT NULL DEFAULT '',
    email      text NOT NULL,
    language   text NOT NULL DEFAULT 'en',
    quantity   integer NOT NULL,
    -- '{}': any
    categories text[] NOT NULL DEFAULT '{}',
    state      text NOT NULL DEFAULT 'waiting',
    -- How many offers have been made; the hold of each is named after its number.
    attempt    integer NOT NULL DEFAULT 0,
    hold_id    text NOT NULL DEFAULT '',
    seats      integer[] NOT NULL DEFAULT '{}',
    offered_at timestamptz,
    due        timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT waitlist_quantity_possible CHECK (quantity > 0),
    CONSTRAINT waitlist_state_known CHECK (state IN
        ('waiting', 'offered', 'booked', 'lapsed', 'declined', 'left')),
    -- prevents an offer without seats, or without an end
    CONSTRAINT waitlist_offer_whole CHECK (state <> 'offered'
        OR (hold_id <> '' AND due IS NOT NULL AND cardinality(seats) = quantity))
);
-- Who waits twice would be offered seats twice.
CREATE UNIQUE INDEX waitlist_fan_once ON waitlist (event_id, fan_id)
    WHERE state IN ('waiting', 'offered');
CREATE UNIQUE INDEX waitlist_email_once ON waitlist (event_id, lower(email))
    WHERE state IN ('waiting', 'offered');
CREATE INDEX waitlist_in_turn ON waitlist (event_id, turn) WHERE state = 'waiting';
CREATE INDEX waitlist_offered ON waitlist (event_id) WHERE state = 'offered';
CREATE INDEX waitlist_by_event ON waitlist (event_id, created_at, id);
"""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="usher", description=DESCRIPTION)

    async def run() -> None:
        transaction = engine_finder().current_transaction.get()
        await transaction.connection.execute(DDL)

    manager.add_raw(run)
    return manager
