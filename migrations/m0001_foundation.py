"""The foundation: people, catalogue, sale, bookings, money, tickets, outbox.

Rules that must not break are named constraints; `errors_by_constraint` in
usher/plumbing/postgres.py and the rooms' queries map the names to domain errors.
"""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.engine import engine_finder

ID = "2026-11-20T12:00:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "foundation"

DDL = """
CREATE TABLE account (
    id            text PRIMARY KEY,
    email         text NOT NULL,
    name          text NOT NULL DEFAULT '',
    password_hash text NOT NULL,
    role          text NOT NULL,
    state         text NOT NULL DEFAULT 'active',
    created_at    timestamptz NOT NULL DEFAULT now(),
    -- prevents two people from being one login
    CONSTRAINT account_email_once UNIQUE (email),
    CONSTRAINT account_email_folded CHECK (email = lower(email)),
    CONSTRAINT account_role_known CHECK (role IN ('fan', 'organiser', 'staff', 'admin')),
    CONSTRAINT account_state_known CHECK (state IN ('active', 'disabled'))
);

CREATE TABLE production (
    id          text PRIMARY KEY,
    title       text NOT NULL,
    kind        text NOT NULL DEFAULT 'concert',
    description text NOT NULL DEFAULT '',
    created_at  timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE venue (
    id         text PRIMARY KEY,
    name       text NOT NULL,
    city       text NOT NULL DEFAULT '',
    timezone   text NOT NULL DEFAULT 'UTC',
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE hall (
    id         text PRIMARY KEY,
    venue_id   text NOT NULL CONSTRAINT hall_venue_exists REFERENCES venue (id),
    name       text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- A plan never changes once stored: an event keeps the plan it was sold with.
CREATE TABLE plan (
    id         text PRIMARY KEY,
    hall_id    text NOT NULL CONSTRAINT plan_hall_exists REFERENCES hall (id),
    name       text NOT NULL,
    digest     text NOT NULL,
    seats      integer NOT NULL,
    document   bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT plan_has_seats CHECK (seats > 0)
);

CREATE TABLE event (
    id            text PRIMARY KEY,
    production_id text NOT NULL CONSTRAINT event_production_exists REFERENCES production (id),
    hall_id       text NOT NULL CONSTRAINT event_hall_exists REFERENCES hall (id),
    plan_id       text NOT NULL CONSTRAINT event_plan_exists REFERENCES plan (id),
    title         text NOT NULL,
    currency      text NOT NULL,
    starts_at     timestamptz NOT NULL,
    state         text NOT NULL DEFAULT 'draft',
    organiser_id  text CONSTRAINT event_organiser_exists REFERENCES account (id),
    built_at      timestamptz,
    created_at    timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT event_state_known CHECK (state IN ('draft', 'published', 'cancelled')),
    CONSTRAINT event_currency_shape CHECK (currency ~ '^[A-Z]{3}$')
);
CREATE INDEX event_by_start ON event (starts_at, id);

CREATE TABLE category (
    event_id text NOT NULL CONSTRAINT category_event_exists REFERENCES event (id),
    rank     smallint NOT NULL,
    name     text NOT NULL,
    color    text NOT NULL DEFAULT '',
    price    bigint NOT NULL,
    CONSTRAINT category_pkey PRIMARY KEY (event_id, rank),
    -- prevents a fan from asking for one of two categories of one name
    CONSTRAINT category_name_once UNIQUE (event_id, name),
    CONSTRAINT category_price_possible CHECK (price >= 0)
);

CREATE TABLE seat (
    event_id text NOT NULL CONSTRAINT seat_event_exists REFERENCES event (id),
    index    integer NOT NULL,
    guid     text NOT NULL,
    category smallint NOT NULL,
    blocked  boolean NOT NULL DEFAULT false,
    CONSTRAINT seat_pkey PRIMARY KEY (event_id, index),
    -- prevents two seats from answering to one name
    CONSTRAINT seat_guid_once UNIQUE (event_id, guid)
);

CREATE TABLE sale (
    event_id     text PRIMARY KEY CONSTRAINT sale_event_exists REFERENCES event (id),
    mode         text NOT NULL DEFAULT 'queued',
    state        text NOT NULL DEFAULT 'draft',
    gate_state   text NOT NULL DEFAULT 'open',
    lobby_at     timestamptz,
    opens_at     timestamptz,
    closes_at    timestamptz,
    rate_per_min integer NOT NULL,
    capacity     integer NOT NULL,
    claim_s      integer NOT NULL,
    shop_s       integer NOT NULL,
    hold_s       integer NOT NULL,
    hold_cap_s   integer NOT NULL,
    payment_s    integer NOT NULL,
    seats_max    integer NOT NULL,
    draw_key     bytea NOT NULL,
    lobby_size   integer,
    number_high  bigint NOT NULL DEFAULT 0,
    version      bigint NOT NULL DEFAULT 1,
    CONSTRAINT sale_mode_known CHECK (mode IN ('simple', 'queued')),
    CONSTRAINT sale_state_known
        CHECK (state IN ('draft', 'lobby', 'open', 'paused', 'closed', 'sold_out')),
    CONSTRAINT sale_gate_state_known CHECK (gate_state IN ('open', 'paused')),
    CONSTRAINT sale_rate_possible CHECK (rate_per_min > 0),
    CONSTRAINT sale_capacity_possible CHECK (capacity > 0),
    -- prevents a closing before the opening, an opening before the lobby
    CONSTRAINT sale_times_ordered CHECK (
        (lobby_at IS NULL OR opens_at IS NULL OR lobby_at <= opens_at)
        AND (opens_at IS NULL OR closes_at IS NULL OR opens_at < closes_at)),
    CONSTRAINT sale_windows_possible CHECK (
        claim_s > 0 AND shop_s > 0 AND hold_s > 0 AND hold_cap_s >= hold_s
        AND payment_s > 0 AND seats_max > 0)
);

-- Who changed what of a sale, when: shown to the organiser, never edited.
CREATE TABLE sale_change (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id text NOT NULL CONSTRAINT sale_change_event_exists REFERENCES event (id),
    at       timestamptz NOT NULL DEFAULT now(),
    actor    text NOT NULL,
    field    text NOT NULL,
    before   text NOT NULL,
    after    text NOT NULL
);
CREATE INDEX sale_change_by_event ON sale_change (event_id, id);

CREATE TABLE booking (
    id           text PRIMARY KEY,
    event_id     text NOT NULL CONSTRAINT booking_event_exists REFERENCES event (id),
    hold_id      text NOT NULL,
    place_id     text NOT NULL,
    fan_id       text NOT NULL,
    digest       text NOT NULL,
    name         text NOT NULL,
    email        text NOT NULL,
    state        text NOT NULL,
    total        bigint NOT NULL,
    currency     text NOT NULL,
    seats        integer[] NOT NULL,
    prices       bigint[] NOT NULL,
    reason       text NOT NULL DEFAULT '',
    due          timestamptz NOT NULL,
    created_at   timestamptz NOT NULL,
    confirmed_at timestamptz,
    -- prevents one hold from being booked twice: a booking's id is its hold's, so that the
    -- primary key says it and needs no second index
    CONSTRAINT booking_hold_once CHECK (substr(id, 5) = substr(hold_id, 5)),
    CONSTRAINT booking_state_known CHECK (state IN ('awaiting_payment', 'confirmed', 'expired',
        'conflict', 'cancelled', 'refunded')),
    CONSTRAINT booking_total_possible CHECK (total >= 0),
    CONSTRAINT booking_has_seats
        CHECK (cardinality(seats) > 0 AND cardinality(seats) = cardinality(prices))
);
CREATE INDEX booking_by_event ON booking (event_id, created_at, id);
CREATE INDEX booking_by_fan ON booking (fan_id, created_at, id);
CREATE INDEX booking_unpaid ON booking (due) WHERE state = 'awaiting_payment';

-- A ticket has no id of its own: booking and seat name it, and every index less is a tenth of a
-- commit. That its seat exists is known from the plan, whose indices a hold is made of.
CREATE TABLE ticket (
    booking_id text NOT NULL CONSTRAINT ticket_booking_exists REFERENCES booking (id),
    event_id   text NOT NULL,
    seat       integer NOT NULL,
    price      bigint NOT NULL,
    state      text NOT NULL DEFAULT 'live',
    CONSTRAINT ticket_pkey PRIMARY KEY (booking_id, seat),
    CONSTRAINT ticket_seat_possible CHECK (seat >= 0),
    CONSTRAINT ticket_state_known CHECK (state IN ('live', 'void'))
);
-- Never sold twice (invariant 1): at most one live ticket per seat, whatever Redis believed.
CREATE UNIQUE INDEX ticket_seat_sold_once ON ticket (event_id, seat) WHERE state = 'live';

CREATE TABLE payment (
    id         text PRIMARY KEY,
    booking_id text NOT NULL CONSTRAINT payment_booking_exists REFERENCES booking (id),
    event_id   text NOT NULL,
    provider   text NOT NULL,
    amount     bigint NOT NULL,
    currency   text NOT NULL,
    attempt    integer NOT NULL,
    state      text NOT NULL DEFAULT 'started',
    reason     text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    changed_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT payment_attempt_once UNIQUE (booking_id, attempt),
    CONSTRAINT payment_amount_possible CHECK (amount > 0),
    CONSTRAINT payment_state_known CHECK (state IN ('started', 'authorised', 'captured',
        'voiding', 'voided', 'declined'))
);
-- Prevents paying twice for one booking: one payment of it may be on its way to capture.
CREATE UNIQUE INDEX payment_live_once ON payment (booking_id)
    WHERE state IN ('authorised', 'captured');
CREATE INDEX payment_unanswered ON payment (created_at) WHERE state IN ('started', 'declined');

-- What a provider told us, once per message: the memory that makes webhooks duplicate-proof.
CREATE TABLE payment_message (
    provider   text NOT NULL,
    message_id text NOT NULL,
    payment_id text NOT NULL,
    kind       text NOT NULL,
    seen_at    timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT payment_message_pkey PRIMARY KEY (provider, message_id)
);

-- Everything that leaves PostgreSQL: written in the transaction of the fact that causes it.
CREATE TABLE outbox (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind       text NOT NULL,
    subject    text NOT NULL,
    payload    jsonb NOT NULL DEFAULT '{}',
    state      text NOT NULL DEFAULT 'pending',
    attempts   integer NOT NULL DEFAULT 0,
    fault      text NOT NULL DEFAULT '',
    due        timestamptz NOT NULL DEFAULT now(),
    created_at timestamptz NOT NULL DEFAULT now(),
    done_at    timestamptz,
    -- prevents a replayed fact from leaving twice
    CONSTRAINT outbox_subject_once UNIQUE (kind, subject),
    CONSTRAINT outbox_state_known CHECK (state IN ('pending', 'done', 'dead'))
);
CREATE INDEX outbox_pending ON outbox (due) WHERE state = 'pending';

-- Ledger entries that could not be committed, set aside so that they block nobody.
CREATE TABLE dead_letter (
    event_id text NOT NULL,
    entry_id text NOT NULL,
    fields   jsonb NOT NULL,
    fault    text NOT NULL,
    at       timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT dead_letter_pkey PRIMARY KEY (event_id, entry_id)
);

-- The sandbox plays the bank: its own book, read by nobody but the sandbox.
CREATE TABLE sandbox_charge (
    id           text PRIMARY KEY,
    amount       bigint NOT NULL,
    currency     text NOT NULL,
    metadata     jsonb NOT NULL,
    state        text NOT NULL DEFAULT 'open',
    created_at   timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT sandbox_charge_state_known
        CHECK (state IN ('open', 'authorised', 'declined', 'captured', 'voided'))
);

CREATE TABLE sandbox_webhook (
    id        text PRIMARY KEY,
    charge_id text NOT NULL CONSTRAINT sandbox_webhook_charge_exists
              REFERENCES sandbox_charge (id),
    message_id text NOT NULL,
    kind      text NOT NULL,
    due       timestamptz NOT NULL DEFAULT now(),
    attempts  integer NOT NULL DEFAULT 0,
    sent_at   timestamptz
);
CREATE INDEX sandbox_webhook_unsent ON sandbox_webhook (due) WHERE sent_at IS NULL;
"""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="usher", description=DESCRIPTION)

    async def run() -> None:
        # One transaction for the whole migration; `execute` takes many statements at once.
        transaction = engine_finder().current_transaction.get()
        await transaction.connection.execute(DDL)

    manager.add_raw(run)
    return manager
