//! The table, and how older files come to have it.
//!
//! Times are microseconds since 1970. `line` is missing where nobody knows yet whether the log has
//! the label.

use super::Fault;
use rusqlite::{Connection, TransactionBehavior};

/// From each version to the next; a file's `user_version` says how many it has seen.
const STEPS: [&str; 1] = ["
CREATE TABLE labels (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    line INTEGER,
    at INTEGER NOT NULL,
    call_id TEXT NOT NULL,
    label TEXT NOT NULL CHECK (label IN ('false-positive', 'correct', 'missed')),
    by TEXT NOT NULL,
    note TEXT,
    decided_at INTEGER NOT NULL,
    route TEXT NOT NULL,
    stage TEXT NOT NULL,
    verdict TEXT NOT NULL,
    disposition TEXT NOT NULL,
    tool_name TEXT NOT NULL,
    matched_rule TEXT,
    intent_digest TEXT,
    policy_digest TEXT
) STRICT;
CREATE INDEX labels_by_call ON labels (call_id, number);
CREATE INDEX labels_by_route ON labels (route, number);
CREATE INDEX labels_unsettled ON labels (number) WHERE line IS NULL;
"];

/// Brings a file up to date, whole or not at all.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), Fault> {
    let change = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let version: i64 = change.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let known = usize::try_from(version).ok().and_then(|version| STEPS.get(version..));
    let steps = known.ok_or(Fault::Foreign("the file is of a newer gait; run that one"))?;
    let tables: i64 =
        change.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if version == 0 && tables > 0 {
        return Err(Fault::Foreign("the file is the database of something else; move it away"));
    }
    steps.iter().try_for_each(|step| change.execute_batch(step))?;
    if !steps.is_empty() {
        let newest = i64::try_from(STEPS.len()).unwrap_or(i64::MAX);
        change.pragma_update(None, "user_version", newest)?;
    }
    Ok(change.commit()?)
}
