//! Whether a state directory had stages that were set by command, where the file of them is not there.
//!
//! A process always keeps the file, so the log is asked whether one that kept it has served: it
//! says when a stage is set, and where routes stand that are not where they stood. Whether a config
//! or a command moved those it does not say, so either counts. Where the log cannot tell, because
//! its front has expired, it cannot be read or is too long, the stages are lost: a loss that is
//! told and was none costs a look, one that is not told leaves routes open. Rejected: to take every
//! log without the file for a loss, as each upgrade from a gait that kept none is one.

use crate::app::reload::Lost;
use crate::audit::{Entry, Field, Filter, Log};
use crate::clock;
use crate::config::{OverlayFile, Taken};
use crate::store::approvals::Past;
use std::path::Path;
use std::time::Duration;

/// Lines that may tell of stages.
const KINDS: [&str; 2] = ["stage", "reload"];

/// A start waits no longer for what the log says of stages.
const SEARCH_MAX: Duration = Duration::from_secs(2);

/// The number of the first segment of a log.
const FIRST: u32 = 1;

/// Asks the log, where the file is missing. To be asked before the log is started.
pub(super) fn lost(state_dir: &Path, overlay: &Taken, past: Past) -> Lost {
    match (overlay.file, past) {
        (OverlayFile::There, _) | (_, Past::None) => Lost::Nothing,
        (OverlayFile::Missing, Past::Evidence) if may_have_set(state_dir, SEARCH_MAX) => {
            Lost::Stages
        }
        (OverlayFile::Missing, Past::Evidence) => Lost::File,
    }
}

/// Whether a stage may have been set by command: the log says so, or does not tell in time.
fn may_have_set(state_dir: &Path, search_max: Duration) -> bool {
    let (mut told, begun) = (Filter::default(), clock::instant());
    let Ok(log) = Log::open(state_dir) else { return true };
    let has_front = log.segments().first().is_some_and(|(number, _)| *number == FIRST);
    if !has_front || KINDS.into_iter().any(|kind| told.want(Field::Kind, kind).is_err()) {
        return true;
    }
    let is_late = || begun.elapsed() > search_max;
    let mut lines = log.backwards(told.sieve());
    let mut found = std::iter::from_fn(|| lines.next_line_until(is_late));
    found.any(|(entry, _)| tells_of_stages(&entry)) || is_late() || lines.passed().has_lines()
}

fn tells_of_stages(entry: &Entry) -> bool {
    let stages = entry.members().get("stages").and_then(|stages| stages.as_object());
    entry.kind() == "stage" || stages.is_some_and(|stages| !stages.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn line(seq: u64, kind: &str, more: &str) -> String {
        let time = "2026-01-02T03:04:05.000000Z";
        format!(
            "{{\"v\":1,\"seq\":{seq},\"kind\":\"{kind}\",\"time\":\"{time}\",{more}\"prev\":\"p\",\"hash\":\"h\"}}\n"
        )
    }

    fn asked(segments: &[(&str, String)], search_max: Duration) -> bool {
        let state = tempfile::tempdir().unwrap();
        let folder = state.path().join("evidence");
        fs::create_dir(&folder).unwrap();
        segments.iter().for_each(|(name, text)| fs::write(folder.join(name), text).unwrap());
        may_have_set(state.path(), search_max)
    }

    #[test]
    fn a_whole_log_without_a_stage_says_that_none_was_set() {
        let calls = line(1, "start", "") + &line(2, "call", "") + &line(3, "reload", "");
        let of = |more: String| asked(&[("000001.jsonl", calls.clone() + &more)], SEARCH_MAX);
        assert!(!of(String::new()) && !of("{\"v\":1,\"seq\":4,\"ki".to_owned()));
        assert!(of(line(4, "stage", "")));
        assert!(of(line(4, "reload", "\"stages\":{\"a\":\"enforce\"},") + &line(5, "call", "")));
        assert!(!of(line(4, "reload", "\"stages\":{},")));
    }

    #[test]
    fn a_log_that_cannot_tell_has_lost_what_it_may_have_told() {
        let calls = line(4, "start", "") + &line(5, "call", "");
        let of = |name: &str, text: &str| asked(&[(name, text.to_owned())], SEARCH_MAX);
        assert!(!of("000001.jsonl", &calls), "though it is the whole log that is there");
        assert!(of("000002.jsonl", &calls), "its front has expired");
        assert!(asked(&[], SEARCH_MAX), "there is none to be opened");
        assert!(of("000001.jsonl", &format!("{calls}no line\n")));
        let long = line(4, "call", "").repeat(1_000);
        let of = |search_max| asked(&[("000001.jsonl", long.clone())], search_max);
        assert!(of(Duration::ZERO) && !of(SEARCH_MAX));
    }
}
