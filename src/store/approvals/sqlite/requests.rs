//! Requests as rows.

use super::super::shelf::{Fault, Key, Record, Requests};
use super::super::{Entry, Filter, Run, Voice, Word};
use super::Sqlite;
use super::values::{
    id, integer, list, micros, number, parts, raw, rows, shape, state, time, words,
};
use crate::approval::{Proof, RequestId, Requester, Shape};
use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, Params, Row, named_params, params};
use std::time::Duration;

const ADD: &str = "INSERT INTO requests (
        id, state, version, intent_digest, policy_digest, delegation_digest, route, tool_name,
        risk_class, identity, proven, behalf, required, scope, shape, exhibit, open_for,
        created_at, expires_at, due_at, changed_at, asked_at, asked
    ) VALUES (
        :id, :state, :version, :intent_digest, :policy_digest, :delegation_digest, :route,
        :tool_name, :risk_class, :identity, :proven, :behalf, :required, :scope, :shape, :exhibit,
        :open_for, :created_at, :expires_at, :due_at, :changed_at, :asked_at, :asked
    )";

const LIST: &str = "SELECT seq, id FROM requests
    WHERE (?1 IS NULL OR state = ?1) AND (?2 IS NULL OR tool_name = ?2)
        AND (?3 IS NULL OR seq < (SELECT seq FROM requests WHERE id = ?3))
    ORDER BY seq DESC LIMIT ?4";

/// With a state, the index of states has them in order.
const LIST_OF_STATE: &str = "SELECT seq, id FROM requests
    WHERE state = ?1 AND (?2 IS NULL OR tool_name = ?2)
        AND (?3 IS NULL OR seq < (SELECT seq FROM requests WHERE id = ?3))
    ORDER BY seq DESC LIMIT ?4";

const PRECEDENT: &str = "SELECT older.id FROM requests AS own JOIN requests AS older
    ON older.tool_name = own.tool_name AND older.state = 'executed' AND older.seq < own.seq
    WHERE own.id = ?1 ORDER BY older.seq DESC LIMIT 1";

/// A no that still holds has not ended.
const PRUNE: &str = "DELETE FROM requests WHERE seq IN (
    SELECT seq FROM requests WHERE changed_at < ?1 AND expires_at < ?1
        AND state IN ('executed', 'expired', 'unknown', 'denied')
    ORDER BY changed_at LIMIT ?2)";

impl Requests for Sqlite {
    fn newest(&mut self, key: &Key<'_>, limit: usize) -> Result<Vec<RequestId>, Fault> {
        let Key { intent_digest, policy_digest, route } = key;
        self.ids(
            "SELECT id FROM requests WHERE intent_digest = ?1 AND policy_digest = ?2
             AND route = ?3 ORDER BY seq DESC LIMIT ?4",
            params![intent_digest, policy_digest, route, rows(limit)],
        )
    }

    fn load(&mut self, id: &RequestId) -> Result<Option<Record>, Fault> {
        let mut statement =
            self.connection.prepare_cached("SELECT * FROM requests WHERE id = ?1")?;
        let mut found = statement.query([id.as_str()])?;
        let Some(row) = found.next()? else { return Ok(None) };
        let seq: i64 = row.get("seq")?;
        let mut record = record(row)?;
        record.entry.voices = self.voices(seq)?;
        record.entry.run = self.run_of(seq)?;
        Ok(Some(record))
    }

    fn add(&mut self, record: &Record) -> Result<(), Fault> {
        let entry = &record.entry;
        let requester = &entry.requester;
        let open_for = i64::try_from(record.open_for.as_micros()).unwrap_or(i64::MAX);
        self.connection.prepare_cached(ADD)?.execute(named_params! {
            ":id": entry.id.as_str(),
            ":state": entry.state.as_str(),
            ":version": integer(entry.version),
            ":intent_digest": entry.intent_digest,
            ":policy_digest": entry.policy_digest,
            ":delegation_digest": entry.delegation_digest,
            ":route": &*entry.route,
            ":tool_name": &*entry.tool_name,
            ":risk_class": &*entry.risk_class,
            ":identity": &*requester.identity,
            ":proven": requester.proof == Proof::Proven,
            ":behalf": list(&requester.behalf)?,
            ":required": integer(entry.required),
            ":scope": list(&entry.scope)?,
            ":shape": parts(&record.shape)?,
            ":exhibit": entry.exhibit.get(),
            ":open_for": open_for,
            ":created_at": micros(entry.created_at),
            ":expires_at": micros(entry.expires_at),
            ":due_at": record.due_at.map(micros),
            ":changed_at": micros(entry.changed_at),
            ":asked_at": micros(entry.asked_at),
            ":asked": integer(entry.asked),
        })?;
        Ok(())
    }

    fn save(&mut self, record: &Record) -> Result<(), Fault> {
        let entry = &record.entry;
        let mut statement = self.connection.prepare_cached(
            "UPDATE requests SET state = ?2, version = ?3, expires_at = ?4, due_at = ?5,
             changed_at = ?6 WHERE id = ?1",
        )?;
        statement.execute(params![
            entry.id.as_str(),
            entry.state.as_str(),
            integer(entry.version),
            micros(entry.expires_at),
            record.due_at.map(micros),
            micros(entry.changed_at),
        ])?;
        Ok(())
    }

    fn asked(&mut self, id: &RequestId, count: u64, at: Timestamp) -> Result<(), Fault> {
        let mut statement = self.connection.prepare_cached(
            "UPDATE requests SET asked = asked + ?2, asked_at = ?3 WHERE id = ?1",
        )?;
        statement.execute(params![id.as_str(), integer(count), micros(at)])?;
        Ok(())
    }

    fn list(&mut self, filter: &Filter) -> Result<Vec<RequestId>, Fault> {
        let mut found = Vec::new();
        for state in &filter.states {
            found.extend(self.page(LIST_OF_STATE, Some(state.as_str()), filter)?);
        }
        if filter.states.is_empty() {
            found = self.page(LIST, None, filter)?;
        }
        found.sort_unstable_by(|one, other| other.cmp(one));
        found.dedup();
        found.iter().take(filter.limit.saturating_add(1)).map(|(_, text)| id(text)).collect()
    }

    fn precedent(&mut self, id: &RequestId) -> Result<Option<RequestId>, Fault> {
        Ok(self.ids(PRECEDENT, [id.as_str()])?.pop())
    }

    fn shape(&mut self, intent_digest: &str) -> Result<Option<Shape>, Fault> {
        let mut statement = self.connection.prepare_cached(
            "SELECT shape FROM requests WHERE intent_digest = ?1 ORDER BY seq DESC LIMIT 1",
        )?;
        let text =
            statement.query_row([intent_digest], |row| row.get::<_, String>(0)).optional()?;
        text.map(|text| shape(&text)).transpose()
    }

    fn due(&mut self, now: Timestamp, limit: usize) -> Result<Vec<RequestId>, Fault> {
        self.ids(
            "SELECT id FROM requests WHERE due_at <= ?1 ORDER BY due_at LIMIT ?2",
            params![micros(now), rows(limit)],
        )
    }

    fn pending(&mut self, identity: Option<&str>) -> Result<u64, Fault> {
        let text = match identity {
            None => "SELECT count(*) FROM requests WHERE state = 'pending' AND ?1 IS NULL",
            Some(_) => "SELECT count(*) FROM requests WHERE state = 'pending' AND identity = ?1",
        };
        let mut statement = self.connection.prepare_cached(text)?;
        number(statement.query_row([identity], |row| row.get(0))?)
    }

    fn oldest_pending(&mut self) -> Result<Option<Timestamp>, Fault> {
        let mut statement = self.connection.prepare_cached(
            "SELECT created_at FROM requests WHERE state = 'pending' ORDER BY seq LIMIT 1",
        )?;
        let oldest = statement.query_row([], |row| row.get::<_, i64>(0)).optional()?;
        oldest.map(time).transpose()
    }

    fn prune(&mut self, before: Timestamp, limit: usize) -> Result<(), Fault> {
        let mut statement = self.connection.prepare_cached(PRUNE)?;
        statement.execute(params![micros(before), rows(limit)])?;
        Ok(())
    }
}

impl Sqlite {
    /// The ids that a query finds, in its order.
    pub(super) fn ids(&self, query: &str, params: impl Params) -> Result<Vec<RequestId>, Fault> {
        let mut statement = self.connection.prepare_cached(query)?;
        let mut found = statement.query(params)?;
        let mut ids = Vec::new();
        while let Some(row) = found.next()? {
            ids.push(id(&row.get::<_, String>(0)?)?);
        }
        Ok(ids)
    }

    fn page(
        &self,
        query: &str,
        state: Option<&str>,
        filter: &Filter,
    ) -> Result<Vec<(i64, String)>, Fault> {
        let mut statement = self.connection.prepare_cached(query)?;
        let before = filter.before.as_ref().map(RequestId::as_str);
        let limit = rows(filter.limit.saturating_add(1));
        let page = params![state, filter.tool_name, before, limit];
        let found = statement.query_map(page, |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(found.collect::<Result<_, _>>()?)
    }

    fn voices(&self, request: i64) -> Result<Vec<Voice>, Fault> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT * FROM voices WHERE request = ?1 ORDER BY seq")?;
        let mut found = statement.query([request])?;
        let mut voices = Vec::new();
        while let Some(row) = found.next()? {
            voices.push(voice(row)?);
        }
        Ok(voices)
    }

    fn run_of(&self, request: i64) -> Result<Option<Run>, Fault> {
        let mut statement =
            self.connection.prepare_cached("SELECT * FROM runs WHERE request = ?1")?;
        let mut found = statement.query([request])?;
        found.next()?.map(run).transpose()
    }
}

fn record(row: &Row<'_>) -> Result<Record, Fault> {
    let text = |name: &str| row.get::<_, String>(name);
    let whole = |name: &str| row.get::<_, i64>(name);
    let proof = if row.get("proven")? { Proof::Proven } else { Proof::Unproven };
    let identity = text("identity")?.into();
    let entry = Entry {
        id: id(&text("id")?)?,
        state: state(&text("state")?)?,
        version: number(whole("version")?)?,
        route: text("route")?.into(),
        tool_name: text("tool_name")?.into(),
        risk_class: text("risk_class")?.into(),
        requester: Requester { identity, proof, behalf: words(&text("behalf")?)? },
        required: number(whole("required")?)?,
        created_at: time(whole("created_at")?)?,
        expires_at: time(whole("expires_at")?)?,
        changed_at: time(whole("changed_at")?)?,
        asked_at: time(whole("asked_at")?)?,
        asked: number(whole("asked")?)?,
        intent_digest: text("intent_digest")?,
        policy_digest: text("policy_digest")?,
        delegation_digest: text("delegation_digest")?,
        scope: words(&text("scope")?)?,
        exhibit: raw(text("exhibit")?)?,
        voices: Vec::new(),
        run: None,
    };
    let due_at: Option<i64> = row.get("due_at")?;
    Ok(Record {
        entry,
        shape: shape(&text("shape")?)?,
        open_for: Duration::from_micros(number(whole("open_for")?)?),
        due_at: due_at.map(time).transpose()?,
    })
}

fn voice(row: &Row<'_>) -> Result<Voice, Fault> {
    let text = |name: &str| row.get::<_, String>(name);
    let expires_at: Option<i64> = row.get("expires_at")?;
    Ok(Voice {
        word: if text("word")? == Word::Grant.as_str() { Word::Grant } else { Word::Deny },
        approver: text("approver")?.into(),
        login: text("login")?.into(),
        reason: text("reason")?.into(),
        at: time(row.get("at")?)?,
        expires_at: expires_at.map(time).transpose()?,
        token_id: row.get("token_id")?,
    })
}

fn run(row: &Row<'_>) -> Result<Run, Fault> {
    let ended_at: Option<i64> = row.get("ended_at")?;
    Ok(Run {
        call_id: row.get::<_, String>("call_id")?.into(),
        claimed_at: time(row.get("claimed_at")?)?,
        ended_at: ended_at.map(time).transpose()?,
        ending: row.get::<_, Option<String>>("ending")?.map(Into::into),
        status: row.get("status")?,
    })
}
