"""Money that goes back: refunds, tickets cancelled one by one, what a provider calls a charge."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.engine import engine_finder

ID = "2026-11-26T12:00:00:000004"
VERSION = "1.38.0"
DESCRIPTION = "refunds, cancellation, reconciliation"

DDL = """
-- How the fan is spoken to, and where a short message reaches them ('' where none is wanted).
ALTER TABLE booking ADD COLUMN language text NOT NULL DEFAULT 'en';
ALTER TABLE booking ADD COLUMN phone text NOT NULL DEFAULT '';

-- Seats of a confirmed booking that were given back since, and their money.
ALTER TABLE booking ADD COLUMN returned integer[] NOT NULL DEFAULT '{}';
ALTER TABLE booking ADD COLUMN refunded bigint NOT NULL DEFAULT 0
    -- prevents more from going back than was paid
    CONSTRAINT booking_refunded_possible CHECK (refunded BETWEEN 0 AND total);

-- Fans may cancel until so long before the start; NULL: only the organiser may.
ALTER TABLE event ADD COLUMN cancel_before_s integer
    CONSTRAINT event_cancel_before_possible CHECK (cancel_before_s >= 0);

-- A cancelled event's bookings are given back until none is left a day later.
ALTER TABLE event ADD COLUMN cancelled_at timestamptz;
ALTER TABLE event ADD COLUMN wound_up_at timestamptz;
CREATE INDEX event_to_wind_up ON event (id) WHERE state = 'cancelled' AND wound_up_at IS NULL;

-- The provider's own name of the charge; '' until it has told us.
ALTER TABLE payment ADD COLUMN reference text NOT NULL DEFAULT '';
ALTER TABLE payment DROP CONSTRAINT payment_state_known;
-- 'failed': authorised, and then there was nothing to capture
ALTER TABLE payment ADD CONSTRAINT payment_state_known CHECK (state IN
    ('started', 'authorised', 'captured', 'voiding', 'voided', 'declined', 'failed'));
CREATE INDEX payment_by_change ON payment (changed_at);

-- 'cancelled': sold, and given back by its fan or its organiser; 'void': was never paid for
ALTER TABLE ticket DROP CONSTRAINT ticket_state_known;
ALTER TABLE ticket ADD CONSTRAINT ticket_state_known CHECK (state IN ('live', 'void', 'cancelled'));

-- One cancellation of tickets of a confirmed booking, and the money that goes back for them. Its
-- id is made from what was asked, so that asking again is the same refund.
CREATE TABLE refund (
    id         text PRIMARY KEY,
    booking_id text NOT NULL CONSTRAINT refund_booking_exists REFERENCES booking (id),
    event_id   text NOT NULL,
    -- NULL where nothing was paid
    payment_id text CONSTRAINT refund_payment_exists REFERENCES payment (id),
    seats      integer[] NOT NULL,
    amount     bigint NOT NULL,
    currency   text NOT NULL,
    state      text NOT NULL DEFAULT 'pending',
    reason     text NOT NULL DEFAULT '',
    actor      text NOT NULL,
    -- its provider would not, and people gave the money back by another way
    by_hand    boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    done_at    timestamptz,
    CONSTRAINT refund_amount_possible CHECK (amount >= 0),
    -- prevents money from going back that nobody paid
    CONSTRAINT refund_of_a_payment CHECK (amount = 0 OR payment_id IS NOT NULL),
    CONSTRAINT refund_has_seats CHECK (cardinality(seats) > 0),
    -- 'dropped': the capture it would have undone failed for good
    CONSTRAINT refund_state_known CHECK (state IN ('pending', 'done', 'failed', 'dropped'))
);
CREATE INDEX refund_by_booking ON refund (booking_id);
CREATE INDEX refund_by_event ON refund (event_id, created_at, id);

-- A provider that does not answer, for as long as `seen_at` is young.
CREATE TABLE payment_outage (
    provider text PRIMARY KEY,
    began_at timestamptz NOT NULL DEFAULT now(),
    seen_at  timestamptz NOT NULL DEFAULT now()
);

-- What provider and ledger tell differently of one charge, until they agree again.
CREATE TABLE payment_finding (
    provider   text NOT NULL,
    payment_id text NOT NULL,
    event_id   text NOT NULL DEFAULT '',
    what       text NOT NULL,
    found_at   timestamptz NOT NULL DEFAULT now(),
    seen_at    timestamptz NOT NULL DEFAULT now(),
    gone_at    timestamptz,
    CONSTRAINT payment_finding_pkey PRIMARY KEY (provider, payment_id)
);

-- The bank: what it will do wrong when it is asked to capture, what it gave back.
ALTER TABLE sandbox_charge ADD COLUMN trouble text NOT NULL DEFAULT ''
    CONSTRAINT sandbox_charge_trouble_known
    CHECK (trouble IN ('', 'timeout_on_capture', 'capture_fails'));
CREATE INDEX sandbox_charge_by_creation ON sandbox_charge (created_at);
CREATE TABLE sandbox_refund (
    id         text PRIMARY KEY,
    charge_id  text NOT NULL CONSTRAINT sandbox_refund_charge_exists
               REFERENCES sandbox_charge (id),
    amount     bigint NOT NULL CONSTRAINT sandbox_refund_amount_possible CHECK (amount > 0),
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX sandbox_refund_by_charge ON sandbox_refund (charge_id);

-- Letters are carried kind by kind: a mail server that hangs keeps no capture waiting.
DROP INDEX outbox_pending;
CREATE INDEX outbox_pending ON outbox (kind, due) WHERE state = 'pending';
CREATE INDEX outbox_dead ON outbox (id) WHERE state = 'dead';
CREATE INDEX outbox_done ON outbox (done_at) WHERE state = 'done';
"""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="usher", description=DESCRIPTION)

    async def run() -> None:
        transaction = engine_finder().current_transaction.get()
        await transaction.connection.execute(DDL)

    manager.add_raw(run)
    return manager
