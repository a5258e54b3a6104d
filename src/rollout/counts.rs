//! Calls of one route in one stage, counted.

use super::heard::Heard;
use crate::policy::Verdict;
use crate::stage::Disposition;
use std::ops::AddAssign;

/// Words for a verdict in a count, in order; the last is for calls without one.
pub const VERDICTS: [&str; 5] = ["allow", "dry_run", "require_approval", "block", "none"];

/// What became of calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Calls that ended, but for those that asked for a dry run.
    pub calls: u64,
    /// Of them by verdict, in the order of [`VERDICTS`].
    pub verdicts: [u64; VERDICTS.len()],
    /// And by what was done, in the order of [`Disposition::ALL`].
    pub dispositions: [u64; Disposition::ALL.len()],
    /// Sent on although the verdict was another than `allow`.
    pub would_blocks: u64,
    /// With a verdict other than `allow`, whatever was done: what a false positive can be among.
    pub against: u64,
    /// That wanted the approval of a person, or had it.
    pub for_approval: u64,
    /// That could not be judged, and not because nobody knew who called.
    pub unjudged: u64,
    /// Calls that asked for a dry run; in no other count.
    pub rehearsed: u64,
    /// Protected ones that were sent beyond observe, and no decision line stands before it.
    pub unproven: u64,
    /// Decisions whose outcome nobody wrote down.
    pub lost: u64,
}

// === impl Counts ===

impl Counts {
    /// Counts a call that ended.
    pub(super) fn take(&mut self, heard: &Heard) {
        self.unproven += u64::from(heard.is_unproven());
        if heard.is_rehearsed {
            self.rehearsed += 1;
            return;
        }
        self.calls += 1;
        add(&mut self.verdicts, verdict_index(heard.verdict));
        let done = Disposition::ALL.into_iter().position(|done| Some(done) == heard.disposition);
        done.into_iter().for_each(|done| add(&mut self.dispositions, done));
        let is_against = heard.verdict.is_some_and(|verdict| verdict != Verdict::Allow);
        self.against += u64::from(is_against);
        self.would_blocks += u64::from(is_against && heard.is_forwarded());
        self.for_approval += u64::from(heard.is_for_approval());
        self.unjudged += u64::from(heard.is_unjudged());
    }

    /// How many calls a policy judged.
    pub fn judged(&self) -> u64 {
        self.calls.saturating_sub(self.with_verdict(None))
    }

    /// These counts without what people are asked to judge.
    pub(super) fn unasked(self) -> Counts {
        Counts { against: 0, unjudged: 0, ..self }
    }

    /// How many calls had this verdict; `None` for none.
    pub fn with_verdict(&self, verdict: Option<Verdict>) -> u64 {
        self.verdicts.get(verdict_index(verdict)).copied().unwrap_or_default()
    }

    /// With how many calls this was done.
    pub fn with_disposition(&self, disposition: Disposition) -> u64 {
        let index = Disposition::ALL.into_iter().position(|one| one == disposition);
        index.and_then(|index| self.dispositions.get(index)).copied().unwrap_or_default()
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Counts) {
        self.verdicts.iter_mut().zip(other.verdicts).for_each(|(sum, more)| *sum += more);
        self.dispositions.iter_mut().zip(other.dispositions).for_each(|(sum, more)| *sum += more);
        self.calls += other.calls;
        self.would_blocks += other.would_blocks;
        self.against += other.against;
        self.for_approval += other.for_approval;
        self.unjudged += other.unjudged;
        self.rehearsed += other.rehearsed;
        self.unproven += other.unproven;
        self.lost += other.lost;
    }
}

fn verdict_index(verdict: Option<Verdict>) -> usize {
    let known = Verdict::ALL.into_iter().position(|one| Some(one) == verdict);
    known.unwrap_or(Verdict::ALL.len())
}

fn add(counts: &mut [u64], index: usize) {
    counts.get_mut(index).into_iter().for_each(|count| *count += 1);
}
