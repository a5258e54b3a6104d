//! Processes that wrote the log, and what they say that they did without a line.
//!
//! A counter of a process proves nothing of the one before. So the lines `reload` and `stop` tell how
//! the counters stand, and what lies between two of them is what happened in between. Of a process
//! that ended without its last word nobody knows. A word is as late as the latest line before it: a
//! machine that lost its power often starts with a clock that is behind. Rejected: the counters of
//! the process that runs alone, which a restart sets to nought.

use super::ticks::Ticks;
use crate::audit::Entry;
use crate::metrics::Missed;
use jiff::Timestamp;
use serde_json::Value;
use std::collections::BTreeMap;

/// Words of processes.
const WORDS_MAX: usize = 1 << 16;

/// What processes said, by `seq`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Processes(BTreeMap<u64, Word>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Word {
    at: Timestamp,
    said: Said,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Said {
    Start,
    /// So it stands by now.
    Counts(Missed),
    /// So it stood in the end; `None` where it did not say.
    Stop(Option<Missed>),
}

/// How it stands with the process that wrote the last line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Last {
    /// It runs, and counted so far.
    Runs(Missed),
    /// It may run still: so it counted, where that is known.
    MayRun(Option<Missed>),
}

/// What was done without a line, since a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Toll {
    pub(super) missed: Missed,
    /// Processes that ended without a word of it.
    pub(super) mute: u64,
    /// `seq` of the line that shows the last of them; 0 for none.
    pub(super) last_mute: u64,
    /// Whether the last process is one of which nobody knows how it stands.
    pub(super) is_open: bool,
}

// === impl Processes ===

impl Processes {
    /// Takes the next line, at the latest time so far; what there is no room for is ticked in
    /// `dropped`.
    pub(super) fn take(&mut self, entry: &Entry, at: Timestamp, dropped: &mut Ticks) {
        let said = match entry.kind() {
            "start" => Some(Said::Start),
            // What is nought says nothing that the start did not.
            "reload" => missed(entry).filter(|it| *it != Missed::default()).map(Said::Counts),
            "stop" => Some(Said::Stop(missed(entry))),
            _ => None,
        };
        if let Some(said) = said {
            self.put(entry.seq(), Word { at, said }, dropped);
        }
    }

    /// Adds what was said later, and not before `since`.
    pub(super) fn extend(&mut self, later: &Processes, since: Timestamp, dropped: &mut Ticks) {
        for (seq, word) in &later.0 {
            self.put(*seq, Word { at: word.at.max(since), ..*word }, dropped);
        }
    }

    /// Whether the process before that start said how it ended.
    pub(super) fn ended_in_order(&self, start: u64) -> bool {
        let before = self.0.range(..start).next_back();
        before.is_some_and(|(_, word)| matches!(word.said, Said::Stop(Some(_))))
    }

    /// What was done without a line after the line `epoch` and since `from`, in a log that begins with
    /// the line `first`.
    pub(super) fn toll(&self, first: u64, (epoch, from): (u64, Timestamp), last: Last) -> Toll {
        let mut toll = Toll::default();
        // Of a process whose start is not there any more, nothing is known at first.
        let mut runs = self.0.first_key_value().is_none_or(|(seq, _)| *seq > first);
        let mut base = Missed::default();
        for (seq, word) in &self.0 {
            let is_late = *seq > epoch && word.at >= from;
            let counted = match word.said {
                Said::Start => {
                    if runs && is_late {
                        toll.hush(*seq);
                    }
                    base = Missed::default();
                    None
                }
                Said::Stop(None) => {
                    if is_late {
                        toll.hush(*seq);
                    }
                    None
                }
                Said::Counts(missed) | Said::Stop(Some(missed)) => Some(missed),
            };
            counted.filter(|_| is_late).into_iter().for_each(|it| toll.add(it, base));
            base = counted.unwrap_or(base);
            runs = !matches!(word.said, Said::Stop(_));
        }
        let base = if runs { base } else { Missed::default() };
        match last {
            Last::Runs(missed) => toll.add(missed, base),
            Last::MayRun(Some(missed)) if runs => toll.add(missed, base),
            Last::MayRun(_) => toll.is_open = runs,
        }
        toll
    }

    fn put(&mut self, seq: u64, word: Word, dropped: &mut Ticks) {
        self.0.insert(seq, word);
        if self.0.len() > WORDS_MAX
            && let Some((_, oldest)) = self.0.pop_first()
        {
            dropped.add(oldest.at, 1);
        }
    }
}

// === impl Toll ===

impl Toll {
    /// A process ended without a word; the line `seq` shows it.
    fn hush(&mut self, seq: u64) {
        self.mute += 1;
        self.last_mute = self.last_mute.max(seq);
    }

    /// Whatever a log says of itself: a count too large for us is as bad as the largest.
    fn add(&mut self, until: Missed, base: Missed) {
        let Missed { bypasses, unrecorded } = &mut self.missed;
        *bypasses = bypasses.saturating_add(until.bypasses.saturating_sub(base.bypasses));
        *unrecorded = unrecorded.saturating_add(until.unrecorded.saturating_sub(base.unrecorded));
    }
}

fn missed(entry: &Entry) -> Option<Missed> {
    let count = |name: &str| entry.members().get(name).and_then(Value::as_u64);
    Some(Missed { bypasses: count("bypasses")?, unrecorded: count("unrecorded")? })
}
