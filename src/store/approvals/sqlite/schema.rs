//! The tables, and how older files come to have them.
//!
//! Times are microseconds since 1970. What was spent outlives its request and is kept for good: a
//! few dozen bytes each, and no clock that is set back can make a token run twice. The rest goes
//! when its retention is over.

use super::super::shelf::Fault;
use super::values::{micros, rows, time};
use jiff::Timestamp;
use rusqlite::{Connection, TransactionBehavior};

/// From each version to the next; a file's `user_version` says how many it has seen.
const STEPS: [&str; 1] = ["
CREATE TABLE meta (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    revision INTEGER NOT NULL,
    born_at INTEGER
) STRICT;
INSERT INTO meta VALUES (1, 1, NULL);

CREATE TABLE requests (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL CHECK (state IN
        ('pending', 'approved', 'denied', 'running', 'executed', 'expired', 'unknown')),
    version INTEGER NOT NULL,
    intent_digest TEXT NOT NULL,
    policy_digest TEXT NOT NULL,
    delegation_digest TEXT NOT NULL,
    route TEXT NOT NULL,
    tool_name TEXT NOT NULL,
    risk_class TEXT NOT NULL,
    identity TEXT NOT NULL,
    proven INTEGER NOT NULL CHECK (proven IN (0, 1)),
    behalf TEXT NOT NULL,
    required INTEGER NOT NULL,
    scope TEXT NOT NULL,
    shape TEXT NOT NULL,
    exhibit TEXT NOT NULL,
    open_for INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    due_at INTEGER,
    changed_at INTEGER NOT NULL,
    asked_at INTEGER NOT NULL,
    asked INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX requests_one_open ON requests (intent_digest, policy_digest, route)
    WHERE state IN ('pending', 'approved', 'running');
CREATE INDEX requests_by_key ON requests (intent_digest, policy_digest, route, seq);
CREATE INDEX requests_by_state ON requests (state, seq);
CREATE INDEX requests_by_tool ON requests (tool_name, state, seq);
CREATE INDEX requests_by_due ON requests (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX requests_by_change ON requests (changed_at);
CREATE INDEX requests_pending ON requests (identity) WHERE state = 'pending';

CREATE TABLE voices (
    seq INTEGER PRIMARY KEY,
    request INTEGER NOT NULL REFERENCES requests ON DELETE CASCADE,
    word TEXT NOT NULL CHECK (word IN ('grant', 'deny')),
    approver TEXT NOT NULL,
    login TEXT NOT NULL,
    reason TEXT NOT NULL,
    at INTEGER NOT NULL,
    expires_at INTEGER,
    token_id TEXT UNIQUE,
    token TEXT
) STRICT;
CREATE INDEX voices_by_request ON voices (request, seq);

CREATE TABLE runs (
    call_id TEXT PRIMARY KEY,
    request INTEGER NOT NULL UNIQUE REFERENCES requests ON DELETE CASCADE,
    back_to TEXT NOT NULL CHECK (back_to IN ('pending', 'approved')),
    claimed_at INTEGER NOT NULL,
    ended_at INTEGER,
    ending TEXT,
    status INTEGER
) STRICT;

CREATE TABLE spent (
    token_id TEXT PRIMARY KEY,
    call_id TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX spent_by_call ON spent (call_id);

CREATE TABLE outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id TEXT NOT NULL,
    webhook TEXT NOT NULL,
    body TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    next_at INTEGER NOT NULL,
    UNIQUE (event_id, webhook)
) STRICT;
CREATE INDEX outbox_by_webhook ON outbox (webhook, id);
"];

/// Brings a file up to date, whole or not at all. A new one is told when it was born.
pub(super) fn migrate(
    connection: &mut Connection,
    born_at: Option<Timestamp>,
) -> Result<(), Fault> {
    let version = version(connection)?;
    let steps = STEPS.get(version..).ok_or_else(|| newer(version))?;
    if steps.is_empty() {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if version == 0 && tables(&transaction)? > 0 {
        return Err(Fault::Broken("the file is the database of something else".to_owned()));
    }
    for step in steps {
        transaction.execute_batch(step)?;
    }
    if version == 0 {
        if born_at.is_some() {
            tracing::warn!(
                "the store of approvals is new, but calls ran here before: tokens of before this start are spent"
            );
        }
        transaction.execute("UPDATE meta SET born_at = ?1", [born_at.map(micros)])?;
    }
    transaction.pragma_update(None, "user_version", rows(STEPS.len()))?;
    Ok(transaction.commit()?)
}

/// When the file was made, where tokens of before that may have run.
pub(super) fn born_at(connection: &Connection) -> Result<Option<Timestamp>, Fault> {
    let born_at: Option<i64> =
        connection.query_row("SELECT born_at FROM meta", [], |row| row.get(0))?;
    born_at.map(time).transpose()
}

fn version(connection: &Connection) -> Result<usize, Fault> {
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    Ok(usize::try_from(version).unwrap_or(usize::MAX))
}

fn tables(connection: &Connection) -> Result<i64, Fault> {
    Ok(connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?)
}

fn newer(version: usize) -> Fault {
    let known = STEPS.len();
    Fault::Broken(format!(
        "the file is of version {version}, and this gait knows {known}; run the newer gait"
    ))
}
