//! Letters as rows; one that has ended is no row.

use super::super::shelf::{Fault, Outbox, Post};
use super::super::{Letter, Posted};
use super::Sqlite;
use super::values::{list, micros, rows};
use jiff::Timestamp;
use rusqlite::params;
use std::sync::Arc;

/// Looks at the oldest alone, however many there are.
const CLEAR_OLD: &str = "DELETE FROM outbox WHERE id IN (
    SELECT id FROM (SELECT id, created_at FROM outbox ORDER BY id LIMIT ?2)
    WHERE created_at < ?1)";

/// Steps from name to name in the index, not from letter to letter.
const CLEAR_FOREIGN: &str = "WITH RECURSIVE names (name) AS (
        SELECT min(webhook) FROM outbox
        UNION ALL
        SELECT (SELECT min(webhook) FROM outbox WHERE webhook > name) FROM names
        WHERE name IS NOT NULL
    ), foreign_names AS (
        SELECT name FROM names
        WHERE name IS NOT NULL AND name NOT IN (SELECT value FROM json_each(?1))
    )
    DELETE FROM outbox WHERE id IN (
        SELECT id FROM outbox WHERE webhook IN (SELECT name FROM foreign_names) LIMIT ?2)";

impl Outbox for Sqlite {
    fn post(&mut self, post: &Post<'_>) -> Result<(), Fault> {
        let mut statement = self.connection.prepare_cached(
            "INSERT INTO outbox (event_id, webhook, body, attempts, created_at, next_at)
             VALUES (?1, ?2, ?3, 0, ?4, ?4)",
        )?;
        statement.execute(params![post.event_id, post.webhook, post.body, micros(post.at)])?;
        Ok(())
    }

    fn letters(
        &mut self,
        webhook: &str,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<Letter>, Fault> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id, event_id, webhook, attempts, body FROM outbox
             WHERE webhook = ?1 AND next_at <= ?2 ORDER BY id LIMIT ?3",
        )?;
        let found = statement.query_map(params![webhook, micros(now), rows(limit)], |row| {
            Ok(Letter {
                id: row.get(0)?,
                event_id: row.get::<_, String>(1)?.into(),
                webhook: row.get::<_, String>(2)?.into(),
                attempts: row.get(3)?,
                body: row.get::<_, String>(4)?.into(),
            })
        })?;
        Ok(found.collect::<Result<_, _>>()?)
    }

    fn posted(&mut self, id: i64, posted: Posted) -> Result<(), Fault> {
        match posted {
            Posted::Taken | Posted::GivenUp => {
                self.connection.prepare_cached("DELETE FROM outbox WHERE id = ?1")?.execute([id])?
            }
            Posted::Again(at) => {
                let mut statement = self.connection.prepare_cached(
                    "UPDATE outbox SET attempts = attempts + 1, next_at = ?2 WHERE id = ?1",
                )?;
                statement.execute([id, micros(at)])?
            }
        };
        Ok(())
    }

    fn clear(
        &mut self,
        webhooks: &[Arc<str>],
        before: Timestamp,
        limit: usize,
    ) -> Result<(), Fault> {
        self.connection.prepare_cached(CLEAR_OLD)?.execute(params![micros(before), rows(limit)])?;
        let names: Vec<String> = webhooks.iter().map(|name| (**name).to_owned()).collect();
        self.connection
            .prepare_cached(CLEAR_FOREIGN)?
            .execute(params![list(&names)?, rows(limit)])?;
        Ok(())
    }
}
