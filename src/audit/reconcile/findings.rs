//! What a comparison finds.

use super::arrivals::Arrivals;
use super::permits::{Certainty, Permits, Sent};
use super::{by_moment, by_name};
use std::time::Duration;

/// Most logs cut a moment off to its second.
const GRAIN_MICROS: i64 = 1_000_000;

/// How far the clocks of both sides may differ.
#[derive(Clone, Copy, Debug)]
pub struct Skew(i64);

/// Everything that does not agree. Arrivals and calls are named by their places in the lists.
#[derive(Debug, Default)]
pub struct Findings {
    /// Arrivals that no call explains.
    pub bypasses: Vec<Bypass>,
    /// Arrivals of which only some are explained, and nobody can say which.
    pub crowds: Vec<Crowd>,
    /// Arrivals that came by a name that was used already.
    pub repeats: Vec<Repeat>,
    /// Calls that were surely sent and did not arrive.
    pub missing: Vec<usize>,
    /// Calls of which the evidence does not know whether they were sent.
    pub uncertain: Vec<Uncertain>,
    arrived: Vec<Option<usize>>,
    settled: Vec<bool>,
    skew: Skew,
}

/// An arrival that no call explains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bypass {
    /// Which.
    pub arrival: usize,
    /// What is wrong with it.
    pub why: Why,
}

/// Why no call explains an arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// Nothing like it was sent.
    #[error("gait sent no such request")]
    NoCall,
    /// Such requests were sent, but not then.
    #[error("gait sent such a request at other times, not at this one")]
    NotThen,
    /// It has none, and gait would have given it one.
    #[error("it came without the traceparent that gait sends")]
    NoName,
    /// It has one that gait made for no call.
    #[error("its traceparent is that of no call that gait sent")]
    UnknownName,
    /// It has one of a call that asked for something else.
    #[error("its traceparent is that of a call with another method or path")]
    OtherRequest,
    /// It has one of a call of another time.
    #[error("its traceparent is that of a call of another time")]
    OtherTime,
}

/// Arrivals that could be exchanged for one another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crowd {
    /// All of them.
    pub arrivals: Vec<usize>,
    /// How many of them no call explains.
    pub excess: usize,
}

/// An arrival by a name that was used already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repeat {
    /// Which.
    pub arrival: usize,
    /// The arrival that was the call.
    pub first: usize,
    /// The call.
    pub call: usize,
}

/// A call of unknown outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Uncertain {
    /// Which.
    pub call: usize,
    /// The arrival that it explains.
    pub arrival: Option<usize>,
}

// === impl Skew ===

impl Skew {
    /// Allows for as much either way.
    pub fn new(skew: Duration) -> Skew {
        Skew(i64::try_from(skew.as_micros()).unwrap_or(i64::MAX / 4))
    }

    /// When a log may say that a call arrived.
    pub(super) fn window(self, sent: &Sent) -> (i64, i64) {
        (sent.from.saturating_sub(self.0 + GRAIN_MICROS), sent.to.saturating_add(self.0))
    }
}

impl Default for Skew {
    fn default() -> Skew {
        Skew::new(Duration::from_secs(2))
    }
}

// === impl Why ===

impl Why {
    /// The word for programs.
    pub fn as_str(self) -> &'static str {
        match self {
            Why::NoCall => "no_call",
            Why::NotThen => "not_then",
            Why::NoName => "no_traceparent",
            Why::UnknownName => "unknown_traceparent",
            Why::OtherRequest => "traceparent_of_another_request",
            Why::OtherTime => "traceparent_of_another_time",
        }
    }
}

// === impl Findings ===

impl Findings {
    /// Compares both sides.
    pub fn of(arrivals: &Arrivals, permits: &Permits, skew: Skew) -> Findings {
        let mut found = Findings {
            arrived: vec![None; permits.list().len()],
            settled: vec![false; arrivals.list().len()],
            skew,
            ..Findings::default()
        };
        by_name::take(arrivals, permits, skew, &mut found);
        by_moment::take(arrivals, permits, skew, &mut found);
        for (call, sent) in permits.list().iter().enumerate() {
            let arrival = found.arrived.get(call).copied().flatten();
            match (sent.certainty, arrival) {
                (Certainty::Sent, None) => found.missing.push(call),
                (Certainty::Unknown, arrival) => found.uncertain.push(Uncertain { call, arrival }),
                _ => {}
            }
        }
        found.sort(arrivals);
        found
    }

    /// Arrivals that a call explains.
    pub fn matched(&self) -> usize {
        self.arrived.iter().flatten().count()
    }

    /// Arrivals that no call explains, also those in crowds.
    pub fn bypass_count(&self) -> usize {
        self.bypasses.len() + self.crowds.iter().map(|crowd| crowd.excess).sum::<usize>()
    }

    /// Whether an arrival is near the death of a gait that did not stop in order: a call that is not
    /// protected, in flight then, leaves no line.
    pub fn died_near(&self, permits: &Permits, moment: i64) -> bool {
        permits.died_near(moment, self.skew.0)
    }

    /// Notes that an arrival was a call.
    pub(super) fn pair(&mut self, arrival: usize, call: usize) {
        self.settle(arrival);
        if let Some(slot) = self.arrived.get_mut(call) {
            *slot = Some(arrival);
        }
    }

    /// Notes that it is known what an arrival is.
    pub(super) fn settle(&mut self, arrival: usize) {
        if let Some(slot) = self.settled.get_mut(arrival) {
            *slot = true;
        }
    }

    pub(super) fn is_settled(&self, arrival: usize) -> bool {
        self.settled.get(arrival).copied().unwrap_or_default()
    }

    pub(super) fn has_arrived(&self, call: usize) -> bool {
        self.arrived.get(call).copied().flatten().is_some()
    }

    /// As they came.
    fn sort(&mut self, arrivals: &Arrivals) {
        let time = |place: usize| (arrivals.list().get(place).map(|one| one.time), place);
        self.bypasses.sort_unstable_by_key(|bypass| time(bypass.arrival));
        self.repeats.sort_unstable_by_key(|repeat| time(repeat.arrival));
        for crowd in &mut self.crowds {
            crowd.arrivals.sort_unstable_by_key(|arrival| time(*arrival));
        }
        self.crowds.sort_unstable_by_key(|crowd| crowd.arrivals.first().map(|one| time(*one)));
    }
}

#[cfg(test)]
mod tests;
