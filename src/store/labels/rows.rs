//! Labels as rows.

use super::{Filter, Kept, Label, Ticket};
use jiff::Timestamp;
use rusqlite::types::Type;
use rusqlite::{Connection, Result, Row, named_params};

const INSERT: &str = "
INSERT INTO labels (at, call_id, label, by, note, decided_at, route, stage, verdict, disposition,
    tool_name, matched_rule, intent_digest, policy_digest)
VALUES (:at, :call_id, :label, :by, :note, :decided_at, :route, :stage, :verdict, :disposition,
    :tool_name, :matched_rule, :intent_digest, :policy_digest)";

const UNSETTLED: &str = "SELECT * FROM labels WHERE line IS NULL ORDER BY number";

const LIST: &str = "
SELECT *, NOT EXISTS (
    SELECT 1 FROM labels AS later
    WHERE later.call_id = labels.call_id AND later.number > labels.number AND later.line IS NOT NULL
) AS is_last
FROM labels
WHERE line IS NOT NULL
    AND (:route IS NULL OR route = :route)
    AND (:call_id IS NULL OR call_id = :call_id)
    AND (:before IS NULL OR number < :before)
ORDER BY number DESC LIMIT :limit";

/// Adds a row that does not count yet.
pub(super) fn insert(connection: &Connection, label: &Label) -> Result<()> {
    connection.prepare_cached(INSERT)?.execute(named_params! {
        ":at": label.at.as_microsecond(),
        ":call_id": label.call_id,
        ":label": label.label,
        ":by": label.by,
        ":note": label.note,
        ":decided_at": label.decided_at.as_microsecond(),
        ":route": label.route,
        ":stage": label.stage,
        ":verdict": label.verdict,
        ":disposition": label.disposition,
        ":tool_name": label.tool_name,
        ":matched_rule": label.matched_rule,
        ":intent_digest": label.intent_digest,
        ":policy_digest": label.policy_digest,
    })?;
    Ok(())
}

/// Rows of which nobody knows yet, oldest first.
pub(super) fn unsettled(connection: &Connection) -> Result<Vec<(Ticket, Label)>> {
    let mut statement = connection.prepare_cached(UNSETTLED)?;
    let rows = statement.query_map([], |row| Ok((Ticket(row.get("number")?), label(row)?)))?;
    rows.collect()
}

/// Rows that count, or did, newest first.
pub(super) fn list(connection: &Connection, filter: &Filter) -> Result<Vec<Kept>> {
    let mut statement = connection.prepare_cached(LIST)?;
    let wanted = named_params! {
        ":route": filter.route,
        ":call_id": filter.call_id,
        ":before": filter.before.map(|before| i64::try_from(before).unwrap_or(i64::MAX)),
        ":limit": i64::try_from(filter.limit).unwrap_or(i64::MAX).saturating_add(1),
    };
    let kept = |row: &Row<'_>| {
        let (number, line): (i64, i64) = (row.get("number")?, row.get("line")?);
        Ok(Kept {
            number: number.unsigned_abs(),
            line: line.unsigned_abs(),
            is_last: row.get("is_last")?,
            label: label(row)?,
        })
    };
    statement.query_map(wanted, kept)?.collect()
}

fn label(row: &Row<'_>) -> Result<Label> {
    Ok(Label {
        at: time(row, "at")?,
        call_id: row.get("call_id")?,
        label: row.get("label")?,
        by: row.get("by")?,
        note: row.get("note")?,
        decided_at: time(row, "decided_at")?,
        route: row.get("route")?,
        stage: row.get("stage")?,
        verdict: row.get("verdict")?,
        disposition: row.get("disposition")?,
        tool_name: row.get("tool_name")?,
        matched_rule: row.get("matched_rule")?,
        intent_digest: row.get("intent_digest")?,
        policy_digest: row.get("policy_digest")?,
    })
}

fn time(row: &Row<'_>, name: &str) -> Result<Timestamp> {
    let micros: i64 = row.get(name)?;
    Timestamp::from_microsecond(micros).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(0, Type::Integer, Box::new(error))
    })
}
