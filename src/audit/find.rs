//! One call, found by its id: the newest segment first, since people ask about what just happened.

use super::entry::Entry;
use super::filter::{Field, Filter};
use super::log::Log;
use super::sieve::Sieve;

/// As many characters has a whole id.
const ID_CHARS: usize = 36;

/// As many ids are named where several begin so.
const NAMED_MAX: usize = 3;

/// Why there is no such call.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoCall {
    /// Nothing in the log has that id.
    #[error("no call in the evidence has the id `{0}`")]
    Unknown(String),
    /// Several calls begin so.
    #[error("`{id}` begins the ids of several calls: {}; give more of it", .calls.join(", "))]
    Ambiguous {
        /// What was asked for.
        id: String,
        /// Some of them.
        calls: Vec<String>,
    },
    /// There was no time to read all of the log.
    #[error("the log is too long to be searched in time; give the whole id of a newer call")]
    Cut,
}

impl Log {
    /// The line that says most of the call with this id, or of the one whose id begins so.
    /// `goes_on` is asked before each segment.
    ///
    /// # Errors
    /// There is none, or several begin so, or it was told to stop.
    pub fn find_call(&self, id: &str, goes_on: impl Fn() -> bool) -> Result<Entry, NoCall> {
        let sieve = sieve(id);
        let mut found: Vec<Entry> = Vec::new();
        for (number, path) in self.segments().iter().rev() {
            if !goes_on() {
                return Err(NoCall::Cut);
            }
            let mut lines = self.segment_backwards((*number, path.clone()), sieve.clone());
            while let Some((entry, _)) = lines.next_line() {
                take(&mut found, entry, id);
            }
            let is_whole = id.len() == ID_CHARS;
            if found.len() >= NAMED_MAX || is_whole && !found.is_empty() {
                break;
            }
        }
        only(found, id)
    }
}

/// Lines of calls whose ids begin so.
fn sieve(id: &str) -> Sieve {
    let kinds = ["decision", "outcome", "call"].map(str::to_owned).to_vec();
    Sieve::lines(super::When::default(), kinds).holding(&[id.to_owned()])
}

/// Keeps the last line of each call, which comes first.
fn take(found: &mut Vec<Entry>, entry: Entry, id: &str) {
    let Some(call) = entry.text("call_id").filter(|call| call.starts_with(id)) else { return };
    let is_known = found.iter().any(|known| known.text("call_id") == Some(call));
    if !is_known && found.len() < NAMED_MAX {
        found.push(entry);
    }
}

fn only(mut found: Vec<Entry>, id: &str) -> Result<Entry, NoCall> {
    match (found.pop(), found.is_empty()) {
        (Some(call), true) => Ok(call),
        (None, _) => Err(NoCall::Unknown(id.to_owned())),
        (Some(last), false) => {
            let calls = found.iter().chain([&last]).filter_map(|one| one.text("call_id"));
            let calls = calls.map(str::to_owned).collect();
            Err(NoCall::Ambiguous { id: id.to_owned(), calls })
        }
    }
}

impl Filter {
    /// For the labels that were given to a call.
    pub fn labels_of(call_id: &str) -> Filter {
        let mut filter = Filter::default();
        // Both are fields that take any value of these.
        let _ = filter.want(Field::Kind, "label").and(filter.want(Field::CallId, call_id));
        filter
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "0199c0de-7a11-7000-8000-00000000000a";
    const B: &str = "0199c0de-7a11-7000-8000-00000000000b";

    fn log() -> (tempfile::TempDir, Log) {
        let dir = tempfile::tempdir().unwrap();
        let line = |seq: u64, kind: &str, id: &str| {
            format!(
                "{{\"v\":1,\"seq\":{seq},\"kind\":\"{kind}\",\"time\":\"2026-01-02T03:04:05.000000Z\",\
                 \"call_id\":\"{id}\",\"prev\":\"p\",\"hash\":\"h\"}}\n"
            )
        };
        let first = line(1, "decision", A) + &line(2, "call", B) + &line(3, "label", B);
        std::fs::write(dir.path().join("000001.jsonl"), first).unwrap();
        std::fs::write(dir.path().join("000002.jsonl"), line(4, "outcome", A)).unwrap();
        let log = Log::open(dir.path()).unwrap();
        (dir, log)
    }

    #[test]
    fn a_call_is_found_by_its_id_or_how_that_begins() {
        let (_dir, log) = log();
        let seq = |id: &str| log.find_call(id, || true).map(|entry| entry.seq());
        assert_eq!((seq(A), seq(B)), (Ok(4), Ok(2)), "by its last line");
        assert_eq!(seq("0199c1"), Err(NoCall::Unknown("0199c1".to_owned())));
        let several = seq("0199c0de").unwrap_err().to_string();
        assert!(several.contains(A) && several.contains(B), "{several}");
        assert_eq!(log.find_call(A, || false), Err(NoCall::Cut));
    }

    #[test]
    fn the_labels_of_a_call_are_no_lines_of_another() {
        let (_dir, log) = log();
        let labels = |id: &str| {
            let filter = Filter::labels_of(id);
            let mut lines = log.backwards(filter.sieve());
            let mut next = || lines.next_line().filter(|(entry, _)| filter.is_met(entry));
            next().map(|(entry, _)| entry.seq())
        };
        assert_eq!((labels(A), labels(B)), (None, Some(3)));
    }
}
