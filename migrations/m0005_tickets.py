"""Tickets that are checked at the door: who holds each, how often it was issued, what signs it."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.engine import engine_finder

ID = "2026-11-26T12:00:00:000005"
VERSION = "1.38.0"
DESCRIPTION = "ticket codes, transfer"

DDL = """
-- How often a ticket was issued anew: only the code with the present serial is good.
ALTER TABLE ticket ADD COLUMN serial integer NOT NULL DEFAULT 0
    CONSTRAINT ticket_serial_possible CHECK (serial >= 0);
-- Whom it was handed on to; '' while it is with whoever booked it.
ALTER TABLE ticket ADD COLUMN holder text NOT NULL DEFAULT '';
ALTER TABLE ticket ADD COLUMN holder_email text NOT NULL DEFAULT '';
-- prevents a ticket handed on to somebody whom it cannot be sent to
ALTER TABLE ticket ADD CONSTRAINT ticket_holder_reachable
    CHECK ((holder = '') = (holder_email = ''));
-- prevents a ticket that has changed hands while the old code is still good
ALTER TABLE ticket ADD CONSTRAINT ticket_holder_has_serial CHECK (holder = '' OR serial > 0);
-- What an offline door must know of an event: codes that are good no more.
CREATE INDEX ticket_revoked ON ticket (event_id) WHERE state <> 'live' OR serial > 0;

-- Each time a ticket changed hands; `serial` is that of the ticket as its new holder has it.
CREATE TABLE ticket_transfer (
    booking_id   text NOT NULL,
    seat         integer NOT NULL,
    serial       integer NOT NULL,
    holder       text NOT NULL,
    holder_email text NOT NULL,
    at           timestamptz NOT NULL DEFAULT now(),
    -- prevents one ticket from going to two people at once
    CONSTRAINT ticket_transfer_pkey PRIMARY KEY (booking_id, seat, serial),
    CONSTRAINT ticket_transfer_ticket_exists
        FOREIGN KEY (booking_id, seat) REFERENCES ticket (booking_id, seat),
    CONSTRAINT ticket_transfer_serial_possible CHECK (serial > 0)
);

-- What verifies codes: the public halves of keys derived from the key ring. They outlive the ring,
-- so that a ticket on paper is good after a rotation. Private halves are nowhere but in memory.
CREATE TABLE ticket_key (
    kid        text PRIMARY KEY,
    public     bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    -- when its codes ceased to be good: the ring it came from has been seen by others
    retired_at timestamptz,
    CONSTRAINT ticket_key_is_ed25519 CHECK (octet_length(public) = 32)
);
"""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="usher", description=DESCRIPTION)

    async def run() -> None:
        transaction = engine_finder().current_transaction.get()
        await transaction.connection.execute(DDL)

    manager.add_raw(run)
    return manager
