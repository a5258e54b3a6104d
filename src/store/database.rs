//! An SQLite file that only its owner can read.
//!
//! WAL with `synchronous=FULL`: a commit that returned outlives a power cut, and a commit without
//! a change writes nothing. A file that is there is never made anew: one that cannot be read is an
//! error that people must mend.

use super::file;
use rusqlite::{Connection, OpenFlags};
use std::fs::File;
use std::io;
use std::path::Path;
use std::time::Duration;

/// Others than gait have no business here; who only looks is gone by then.
const BUSY: Duration = Duration::from_millis(250);
/// Every statement is kept.
const STATEMENTS_MAX: usize = 64;

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unusable {
    /// SQLite says no.
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    /// What is committed would not be durable.
    #[error("journal mode is {0}, WAL is needed")]
    Mode(String),
    /// It is no whole database any more.
    #[error("the file is damaged: {0}")]
    Damaged(String),
}

/// An empty file, of mode 0600 before SQLite sees it; its companions take the mode from it.
///
/// # Errors
/// There is one, or the system says no.
pub(super) fn create(path: &Path) -> io::Result<()> {
    file::make_parent(path)?;
    file::create(path)?.sync_all()?;
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

/// Opens a file that is there.
///
/// # Errors
/// It is no database, or not a whole one.
pub(super) fn connect(path: &Path) -> Result<Connection, Unusable> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    let mode: String =
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    if mode != "wal" {
        return Err(Unusable::Mode(mode));
    }
    let found: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    match found.as_str() {
        "ok" => Ok(connection),
        _ => Err(Unusable::Damaged(found)),
    }
}
