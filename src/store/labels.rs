//! What people said of decisions: an SQLite file in the state directory, to which is only added.
//!
//! The evidence log is what counts, and the store is how it is found again: by route, by call,
//! newest first. A label is put down before its line is written and counts once that is durable, so
//! that a crash in between leaves a label of which only the log can tell whether it was said; never
//! one that the log lacks. Rejected: to read the whole log at each start.

mod rows;
mod schema;

use super::database::{self, Unusable};
use jiff::Timestamp;
use rusqlite::{Connection, TransactionBehavior, params};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// The database, in the state directory.
const DATABASE_FILE: &str = "labels.db";

/// As many labels are kept; who gives one a minute fills it in ten weeks.
pub const LABELS_MAX: i64 = 100_000;

/// The store.
#[derive(Debug)]
pub struct Labels {
    path: PathBuf,
    /// `None` until it is asked, and after anything went wrong.
    open: Mutex<Option<Connection>>,
}

/// What somebody said of a decision, and of what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// When it was said.
    pub at: Timestamp,
    /// The call.
    pub call_id: String,
    /// The word.
    pub label: String,
    /// Whose.
    pub by: String,
    /// Why.
    pub note: Option<String>,
    /// When the call was decided or had ended.
    pub decided_at: Timestamp,
    /// The route.
    pub route: String,
    /// The stage in which it stood.
    pub stage: String,
    /// What the policy said; empty where it could not.
    pub verdict: String,
    /// What was done.
    pub disposition: String,
    /// The tool; empty where the call did not tell.
    pub tool_name: String,
    /// The rule.
    pub matched_rule: Option<String>,
    /// The intent.
    pub intent_digest: Option<String>,
    /// The policy.
    pub policy_digest: Option<String>,
}

/// A label that counts, or did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Its place in the order of all.
    pub number: u64,
    /// The `seq` of its line in the evidence.
    pub line: u64,
    /// Whether it is the last word on its call.
    pub is_last: bool,
    /// What was said.
    pub label: Label,
}

/// A label that was put down, and does not count yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket(i64);

/// Which labels are wanted.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Of this route.
    pub route: Option<String>,
    /// Of this call.
    pub call_id: Option<String>,
    /// Before this number.
    pub before: Option<u64>,
    /// At most so many.
    pub limit: usize,
}

/// Why the store did not do it.
#[derive(Debug, thiserror::Error)]
pub enum LabelsError {
    /// There is no room.
    #[error(
        "the store holds {LABELS_MAX} labels and takes no more; stop gait, move labels.db away, and \
         start it: the evidence keeps what was said"
    )]
    Full,
    /// It is of no use now.
    #[error("the store of labels does not answer: {}: {why}", path.display())]
    Down {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
}

/// What went wrong inside.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("full")]
    Full,
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Unusable(#[from] Unusable),
    #[error("{0}")]
    Foreign(&'static str),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Fault {
        Fault::Unusable(error.into())
    }
}

// === impl Labels ===

impl Labels {
    /// The store in this state directory. Nothing is opened before it is asked.
    pub fn new(state_dir: &Path) -> Labels {
        Labels { path: state_dir.join(DATABASE_FILE), open: Mutex::default() }
    }

    /// Puts a label down; blocks.
    ///
    /// # Errors
    /// There is no room, or the store is of no use.
    pub fn put(&self, label: &Label) -> Result<Ticket, LabelsError> {
        self.with(|connection| {
            let change = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let kept: i64 =
                change.query_row("SELECT count(*) FROM labels", [], |row| row.get(0))?;
            if kept >= LABELS_MAX {
                return Err(Fault::Full);
            }
            rows::insert(&change, label)?;
            let ticket = Ticket(change.last_insert_rowid());
            change.commit()?;
            Ok(ticket)
        })
    }

    /// Lets a label count whose line stands in the log at `line`; blocks.
    ///
    /// # Errors
    /// The store is of no use.
    pub fn settle(&self, ticket: &Ticket, line: u64) -> Result<(), LabelsError> {
        let line = i64::try_from(line).unwrap_or(i64::MAX);
        self.with(|connection| {
            let statement = "UPDATE labels SET line = ?2 WHERE number = ?1";
            connection.prepare_cached(statement)?.execute(params![ticket.0, line])?;
            Ok(())
        })
    }

    /// Takes back a label that has no line; blocks.
    ///
    /// # Errors
    /// The store is of no use.
    pub fn withdraw(&self, ticket: &Ticket) -> Result<(), LabelsError> {
        self.with(|connection| {
            let statement = "DELETE FROM labels WHERE number = ?1 AND line IS NULL";
            connection.prepare_cached(statement)?.execute([ticket.0])?;
            Ok(())
        })
    }

    /// Labels that were put down and neither count nor were taken back; blocks.
    ///
    /// # Errors
    /// The store is of no use.
    pub fn unsettled(&self) -> Result<Vec<(Ticket, Label)>, LabelsError> {
        self.with(|connection| Ok(rows::unsettled(connection)?))
    }

    /// Those that are wanted, newest first; one more than wanted where there are more. Blocks.
    ///
    /// # Errors
    /// The store is of no use.
    pub fn list(&self, filter: &Filter) -> Result<Vec<Kept>, LabelsError> {
        self.with(|connection| Ok(rows::list(connection, filter)?))
    }

    /// Works on the open file. What went wrong may be the file's fault, so it is opened anew then.
    fn with<T>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, Fault>,
    ) -> Result<T, LabelsError> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let mut connection = match open.take() {
            Some(connection) => connection,
            None => self.connect().map_err(|fault| self.told(fault))?,
        };
        let worked = work(&mut connection);
        if matches!(worked, Ok(_) | Err(Fault::Full)) {
            *open = Some(connection);
        }
        worked.map_err(|fault| self.told(fault))
    }

    fn connect(&self) -> Result<Connection, Fault> {
        match database::create(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error.into()),
            _ => {}
        }
        let mut connection = database::connect(&self.path)?;
        schema::migrate(&mut connection)?;
        Ok(connection)
    }

    fn told(&self, fault: Fault) -> LabelsError {
        match fault {
            Fault::Full => LabelsError::Full,
            other => LabelsError::Down { path: self.path.clone(), why: other.to_string() },
        }
    }
}

#[cfg(test)]
mod tests;
