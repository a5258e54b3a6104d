//! Voices, runs and spent words as rows.

use super::super::Voice;
use super::super::shelf::{Ending, Fault, Taking, Words};
use super::Sqlite;
use super::values::{micros, state};
use crate::approval::{RequestId, State};
use crate::intent::time::Time;
use rusqlite::{OptionalExtension as _, params};
use std::sync::Arc;

/// A recorded word goes with its request: what that did not need lets no second call run.
const IS_SPENT: &str = "SELECT 1 FROM spent WHERE token_id = ?1
    UNION ALL
    SELECT 1 FROM voices JOIN requests ON requests.seq = voices.request
    WHERE token_id = ?1 AND state IN ('running', 'executed', 'unknown')";

impl Words for Sqlite {
    fn speak(&mut self, id: &RequestId, voice: &Voice, token: Option<&str>) -> Result<(), Fault> {
        let mut statement = self.connection.prepare_cached(
            "INSERT INTO voices (
                request, word, approver, login, reason, at, expires_at, token_id, token
             ) SELECT seq, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9 FROM requests WHERE id = ?1",
        )?;
        statement.execute(params![
            id.as_str(),
            voice.word.as_str(),
            &*voice.approver,
            &*voice.login,
            &*voice.reason,
            micros(voice.at),
            voice.expires_at.map(micros),
            voice.token_id,
            token,
        ])?;
        Ok(())
    }

    fn token(&mut self, token_id: &str) -> Result<Option<String>, Fault> {
        let mut statement =
            self.connection.prepare_cached("SELECT token FROM voices WHERE token_id = ?1")?;
        Ok(statement.query_row([token_id], |row| row.get(0)).optional()?.flatten())
    }

    fn recorded(&mut self, token_id: &str) -> Result<Option<Arc<str>>, Fault> {
        let mut statement = self.connection.prepare_cached(
            "SELECT login FROM voices JOIN requests ON requests.seq = voices.request
             WHERE token_id = ?1 AND word = 'grant' AND state <> 'denied'",
        )?;
        let found = statement.query_row([token_id], |row| row.get::<_, String>(0)).optional()?;
        Ok(found.map(Into::into))
    }

    fn is_spent(&mut self, token_id: &str, created_at: Time) -> Result<bool, Fault> {
        if self.born_at.is_some_and(|born| created_at < Time::from_timestamp(born)) {
            return Ok(true);
        }
        Ok(self.connection.prepare_cached(IS_SPENT)?.exists([token_id])?)
    }

    fn take(&mut self, taking: &Taking<'_>) -> Result<(), Fault> {
        let Taking { id, call_id, tokens, back_to, at } = *taking;
        let mut statement = self.connection.prepare_cached(
            "INSERT INTO runs (call_id, request, back_to, claimed_at)
             SELECT ?2, seq, ?3, ?4 FROM requests WHERE id = ?1",
        )?;
        statement.execute(params![id.as_str(), call_id, back_to.as_str(), micros(at)])?;
        let mut statement = self
            .connection
            .prepare_cached("INSERT INTO spent (token_id, call_id) VALUES (?1, ?2)")?;
        for token in tokens {
            statement.execute(params![token, call_id])?;
        }
        Ok(())
    }

    fn give_back(&mut self, call_id: &str) -> Result<Option<State>, Fault> {
        self.connection
            .prepare_cached("DELETE FROM spent WHERE call_id = ?1")?
            .execute([call_id])?;
        let mut statement = self
            .connection
            .prepare_cached("DELETE FROM runs WHERE call_id = ?1 RETURNING back_to")?;
        let back_to = statement.query_row([call_id], |row| row.get::<_, String>(0)).optional()?;
        back_to.map(|text| state(&text)).transpose()
    }

    fn running(&mut self, call_id: &str) -> Result<Option<RequestId>, Fault> {
        let found = self.ids(
            "SELECT id FROM runs JOIN requests ON seq = request
             WHERE call_id = ?1 AND ended_at IS NULL",
            [call_id],
        );
        Ok(found?.pop())
    }

    fn all_running(&mut self) -> Result<Vec<Arc<str>>, Fault> {
        let mut statement = self.connection.prepare_cached(
            "SELECT call_id FROM requests JOIN runs ON request = seq WHERE state = 'running'",
        )?;
        let found = statement.query_map([], |row| row.get::<_, String>(0))?;
        Ok(found.map(|text| text.map(Into::into)).collect::<Result<_, _>>()?)
    }

    fn end(&mut self, ending: &Ending<'_>) -> Result<(), Fault> {
        let mut statement = self.connection.prepare_cached(
            "UPDATE runs SET ended_at = ?2, ending = ?3, status = ?4 WHERE call_id = ?1",
        )?;
        let Ending { call_id, at, ending, status } = *ending;
        statement.execute(params![call_id, micros(at), ending, status])?;
        Ok(())
    }
}
