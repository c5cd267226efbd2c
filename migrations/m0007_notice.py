"""Messages to fans: what was sent to whom by which channel, who wants less of it, reminders."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.engine import engine_finder

ID = "2026-11-26T12:00:00:000007"
VERSION = "1.38.0"
DESCRIPTION = "messages, opt-outs, reminders"

DDL = """
-- One message to one person by one channel. Its id is made from the letter it was sent for, so
-- that a letter carried twice meets what the first carrier wrote down: 'sent' is not sent again.
CREATE TABLE message (
    id         text PRIMARY KEY,
    channel    text NOT NULL,
    fact       text NOT NULL,
    letter     text NOT NULL,
    -- NULL where it is about none: an offer of a waiting list
    booking_id text CONSTRAINT message_booking_exists REFERENCES booking (id),
    event_id   text NOT NULL,
    recipient  text NOT NULL,
    state      text NOT NULL DEFAULT 'sending',
    attempts   integer NOT NULL DEFAULT 0,
    -- what the provider said, or why nothing was sent
    answer     text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    tried_at   timestamptz,
    sent_at    timestamptz,
    CONSTRAINT message_channel_known CHECK (channel IN ('email', 'sms')),
    CONSTRAINT message_state_known CHECK (state IN ('sending', 'sent', 'failed', 'skipped')),
    CONSTRAINT message_sent_at_known CHECK ((state = 'sent') = (sent_at IS NOT NULL))
);
CREATE INDEX message_by_booking ON message (booking_id, created_at);
CREATE INDEX message_by_event ON message (event_id, created_at, id);
CREATE INDEX message_by_creation ON message (created_at, id);

-- Who wants no more than what is necessary: an email address in small letters, or a number.
CREATE TABLE opt_out (
    recipient text PRIMARY KEY,
    at        timestamptz NOT NULL DEFAULT now()
);

-- Bookings whose fans were reminded of their event.
CREATE TABLE reminder (
    -- prevents a second reminder
    booking_id text PRIMARY KEY CONSTRAINT reminder_booking_exists REFERENCES booking (id),
    at         timestamptz NOT NULL DEFAULT now()
);
"""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="usher", description=DESCRIPTION)

    async def run() -> None:
        transaction = engine_finder().current_transaction.get()
        await transaction.connection.execute(DDL)

    manager.add_raw(run)
    return manager
