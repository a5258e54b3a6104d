//! The shelf of one machine: an SQLite file that only its owner can read.
//!
//! A file that is there is never made anew: one that cannot be read, is of a newer gait, or became
//! another file while gait runs, is an error that people must mend.

mod outbox;
mod requests;
mod schema;
mod values;
mod words;

use super::shelf::{Fault, Shelf};
use crate::store::database::{self, Unusable};
use jiff::Timestamp;
use rusqlite::{Connection, ErrorCode};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// Whether the state directory has served before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Past {
    /// It is new: nothing can have run on any token.
    None,
    /// There is evidence of calls. Where the store is new all the same, nobody knows which tokens
    /// have run, so those of before are spent.
    Evidence,
}

/// Where the file is, and which it was.
#[derive(Debug)]
pub(super) struct Place {
    path: PathBuf,
    past: Past,
    mark: Option<Mark>,
}

/// Device and inode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mark(u64, u64);

/// An open file.
#[derive(Debug)]
pub(super) struct Sqlite {
    connection: Connection,
    path: PathBuf,
    mark: Mark,
    /// Tokens of before this may have run.
    born_at: Option<Timestamp>,
}

// === impl Place ===

impl Place {
    /// A file that nobody has looked at yet.
    pub(super) fn new(path: PathBuf, past: Past) -> Place {
        Place { path, past, mark: None }
    }

    /// Opens the file; makes it only where none was ever seen.
    pub(super) fn open(&mut self, now: Timestamp) -> Result<Sqlite, Fault> {
        let mark = self.found().map_err(|error| self.at(error))?;
        self.mark = Some(mark);
        let mut connection = database::connect(&self.path)?;
        let born_at = (self.past == Past::Evidence).then_some(now);
        schema::migrate(&mut connection, born_at)?;
        let born_at = schema::born_at(&connection)?;
        Ok(Sqlite { connection, path: self.path.clone(), mark, born_at })
    }

    /// The file that is there, or a new one.
    fn found(&self) -> io::Result<Mark> {
        match (Mark::of(&self.path), self.mark) {
            (Ok(there), None) => Ok(there),
            (Ok(there), Some(known)) if there == known => Ok(there),
            (Ok(_), Some(_)) => Err(other_file()),
            (Err(error), None) if error.kind() == io::ErrorKind::NotFound => {
                database::create(&self.path).and_then(|()| Mark::of(&self.path))
            }
            (Err(error), _) => Err(error),
        }
    }

    fn at(&self, error: io::Error) -> Fault {
        Fault::Broken(format!("{}: {error}", self.path.display()))
    }
}

impl Mark {
    fn of(path: &Path) -> io::Result<Mark> {
        fs::metadata(path).map(|there| Mark(there.dev(), there.ino()))
    }
}

fn other_file() -> io::Error {
    io::Error::other("it is another file than at first; put the first one back, or start anew")
}

// === impl Sqlite ===

impl Sqlite {
    /// Whether the name still leads to the file that is open.
    fn is_there(&self) -> Result<(), Fault> {
        let there = Mark::of(&self.path).and_then(|mark| match mark == self.mark {
            true => Ok(()),
            false => Err(other_file()),
        });
        there.map_err(|error| Fault::Broken(format!("{}: {error}", self.path.display())))
    }

    fn run(&self, statement: &str) -> Result<(), Fault> {
        self.connection.prepare_cached(statement)?.execute([])?;
        Ok(())
    }
}

impl Shelf for Sqlite {
    fn begin(&mut self) -> Result<(), Fault> {
        self.is_there()?;
        self.run("BEGIN IMMEDIATE")
    }

    fn mark(&mut self) -> Result<(), Fault> {
        self.run("SAVEPOINT errand")
    }

    fn keep(&mut self) -> Result<(), Fault> {
        self.run("RELEASE errand")
    }

    fn forget(&mut self) -> Result<(), Fault> {
        self.run("ROLLBACK TO errand")?;
        self.keep()
    }

    fn commit(&mut self) -> Result<(), Fault> {
        self.run("COMMIT")?;
        // What went to a file without a name does not outlive the process.
        self.is_there()
    }

    fn revision(&mut self) -> Result<u64, Fault> {
        let mut statement = self.connection.prepare_cached("SELECT revision FROM meta")?;
        let revision: i64 = statement.query_row([], |row| row.get(0))?;
        Ok(revision.unsigned_abs())
    }

    fn revise(&mut self) -> Result<(), Fault> {
        self.run("UPDATE meta SET revision = revision + 1")
    }
}

// === impl Fault ===

impl From<Unusable> for Fault {
    fn from(why: Unusable) -> Fault {
        Fault::Broken(why.to_string())
    }
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Fault {
        match error.sqlite_error_code() {
            Some(ErrorCode::ConstraintViolation) => Fault::Refused(error.to_string()),
            _ => Fault::Broken(error.to_string()),
        }
    }
}
