"""Organisers' webhooks: where facts are posted to, and each time one was."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.engine import engine_finder

ID = "2026-11-26T12:00:00:000009"
VERSION = "1.38.0"
DESCRIPTION = "webhooks"

DDL = """
-- An address that facts are posted to. Its secret stands nowhere: it is made of the key `kid` of
-- the ring, the id and the salt.
CREATE TABLE hook (
    id         text PRIMARY KEY,
    -- whose events it hears of; NULL: an administrator's, of all
    account_id text CONSTRAINT hook_account_exists REFERENCES account (id) ON DELETE CASCADE,
    url        text NOT NULL,
    -- the facts it wants; empty: all
    kinds      text[] NOT NULL DEFAULT '{}',
    state      text NOT NULL DEFAULT 'active',
    -- why it is broken: 'gone' (its receiver said so), 'failing' (nothing was taken for days)
    reason     text NOT NULL DEFAULT '',
    -- of what was asked for when it was made: the same key must ask the same
    digest     text NOT NULL,
    kid        text NOT NULL,
    salt       text NOT NULL,
    -- the secret before, which signs beside the new one for a while
    old_kid    text NOT NULL DEFAULT '',
    old_salt   text NOT NULL DEFAULT '',
    old_until  timestamptz,
    -- since its receiver last took something
    failures      integer NOT NULL DEFAULT 0,
    failing_since timestamptz,
    -- not tried before that
    probe_at   timestamptz NOT NULL DEFAULT now(),
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT hook_state_known CHECK (state IN ('active', 'paused', 'broken')),
    CONSTRAINT hook_reason_known CHECK (reason IN ('', 'gone', 'failing')),
    CONSTRAINT hook_reason_told CHECK ((state = 'broken') = (reason <> ''))
);
CREATE INDEX hook_by_account ON hook (account_id, created_at, id);

-- One fact for one hook. Its id is made of both, so that a fact told twice is one delivery.
CREATE TABLE hook_delivery (
    id         text PRIMARY KEY,
    hook_id    text NOT NULL
               CONSTRAINT hook_delivery_hook_exists REFERENCES hook (id) ON DELETE CASCADE,
    fact       text NOT NULL,
    subject    text NOT NULL,
    -- NULL where it is about none: a test
    event_id   text,
    body       text NOT NULL,
    state      text NOT NULL DEFAULT 'pending',
    attempts   integer NOT NULL DEFAULT 0,
    -- what the receiver answered last; NULL: nothing
    status     integer,
    answer     text NOT NULL DEFAULT '',
    fault      text NOT NULL DEFAULT '',
    due        timestamptz NOT NULL DEFAULT now(),
    -- tried no longer than that
    until      timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    tried_at   timestamptz,
    done_at    timestamptz,
    CONSTRAINT hook_delivery_state_known CHECK (state IN ('pending', 'done', 'dead'))
);
CREATE INDEX hook_delivery_pending ON hook_delivery (hook_id, due) WHERE state = 'pending';
CREATE INDEX hook_delivery_late ON hook_delivery (until) WHERE state = 'pending';
CREATE INDEX hook_delivery_log ON hook_delivery (hook_id, created_at, id);
CREATE INDEX hook_delivery_done ON hook_delivery (done_at) WHERE state <> 'pending';
"""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="usher", description=DESCRIPTION)

    async def run() -> None:
        transaction = engine_finder().current_transaction.get()
        await transaction.connection.execute(DDL)

    manager.add_raw(run)
    return manager
