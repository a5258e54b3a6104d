//! What time does by itself, in steps that delay nobody for long.

use super::super::shelf::Fault;
use super::{Turn, is_waiting};
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// Rows that one step changes of each kind.
const STEP_ROWS: usize = 256;
/// A letter that nobody took for so long is news to nobody.
const LETTER_AGE_MAX: Duration = Duration::from_secs(7 * 24 * 3600);

/// How many wait, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Swept {
    /// Requests that are pending.
    pub(in super::super) pending: u64,
    /// Age of the oldest; zero where there is none.
    pub(in super::super) oldest: Duration,
}

impl Turn<'_> {
    /// Ends what is over, writes down who asked again, forgets what is old.
    pub(in super::super) fn sweep(&mut self) -> Result<Swept, Fault> {
        for id in self.shelf.due(self.now, STEP_ROWS)? {
            let Some(record) = self.current(&id)? else { continue };
            if is_waiting(record.entry.state) {
                self.postpone(record)?;
            }
        }
        for (id, (count, at)) in &self.office.asked {
            self.shelf.asked(id, *count, *at)?;
        }
        self.forget()?;
        let oldest = self.shelf.oldest_pending()?;
        let age = oldest.and_then(|at| Duration::try_from(self.now.duration_since(at)).ok());
        Ok(Swept { pending: self.shelf.pending(None)?, oldest: age.unwrap_or_default() })
    }

    /// One of its grants ended, and the others are still enough.
    fn postpone(&mut self, mut record: super::Record) -> Result<(), Fault> {
        record.due_at = super::due_at(&record.entry, self.now);
        self.shelf.save(&record)
    }

    /// Forgets what config says is old; before there is a config, nothing.
    fn forget(&mut self) -> Result<(), Fault> {
        let Some(rules) = &self.office.rules else { return Ok(()) };
        self.shelf.prune(earlier(self.now, rules.retention), STEP_ROWS)?;
        self.shelf.clear(&rules.webhooks, earlier(self.now, LETTER_AGE_MAX), STEP_ROWS)
    }
}

fn earlier(now: Timestamp, span: Duration) -> Timestamp {
    let span = SignedDuration::try_from(span).unwrap_or(SignedDuration::MAX);
    now.checked_sub(span).unwrap_or(Timestamp::MIN)
}
