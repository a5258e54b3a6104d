//! What a summary says of one route in one stage, as of now.

use super::counts::Counts;
use super::policy_key::PolicyKey;
use super::processes::{Last, Toll};
use super::shown::LostOutcomes;
use super::stay::{Part, Proof, Stay};
use super::summary::{CellKey, Labelled, Open, Said, Summary};
use super::tally::{begins, hour};
use super::trail::LATE_MAX;
use crate::evidence::Opinion;
use crate::json::Digest;
use crate::policy::Verdict;
use crate::stage::Stage;
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// Of a process that may be dead: a call that was decided and has no outcome after this time may have
/// none any more. A stream that runs longer looks the same.
const FLIGHT_MAX: SignedDuration = SignedDuration::from_mins(15);

/// When it is looked at, and how far back.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// Now.
    pub now: Timestamp,
    /// Not further back than this, to the hour.
    pub window: Duration,
    /// How long a request for approval waits before it expires, where no line says when it does.
    pub open_for: Duration,
    /// Whether the process that writes the log is known to live.
    pub life: Life,
    /// Digest of the policy in force.
    pub policy: Digest,
}

/// What is known of the process that writes a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// It lives: what is open will have its outcome.
    Lives,
    /// Nothing: the log may be a copy.
    Unknown,
}

/// One route in one stage.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    /// Since when it counts.
    pub from: Timestamp,
    /// Since when the route is there; `None` where nothing shows it.
    pub since: Option<Timestamp>,
    /// How that is known.
    pub proof: Option<Proof>,
    /// Calls that ended, whatever policy judged them.
    pub counts: Counts,
    /// What the policy in force did.
    pub in_force: InForce,
    /// Requests for approval.
    pub approvals: Approvals,
    /// Lines that are not there.
    pub missing: u64,
    /// Decisions that have waited long for their outcome: their process may be dead, or at it still.
    pub overdue: u64,
    /// The line that its first calls come after.
    pub(super) epoch: u64,
    /// What became of the decisions without an outcome.
    pub(super) lost: LostOutcomes,
}

/// What the policy in force did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InForce {
    /// Calls that it judged.
    pub counts: Counts,
    /// Calls that could not be judged, by it or by any policy.
    pub unjudged: u64,
    /// Calls that other policies judged.
    pub others: u64,
    /// What people said of its decisions.
    pub labels: Labels,
}

/// The calls of a stay.
#[derive(Default)]
pub(super) struct Calls {
    all: Counts,
    pub(super) in_force: InForce,
    /// When the first of them came.
    pub(super) first: Option<Timestamp>,
    lost: LostOutcomes,
}

/// What people said of decisions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Labels {
    /// Of verdicts other than `allow`: wrong ones.
    pub false_positives: u64,
    /// And right ones.
    pub right: u64,
    /// Of all others: right ones.
    pub allowed_right: u64,
    /// And those that should not have been allowed.
    pub missed: u64,
    /// Calls that could not be judged, and that is right so.
    pub dismissed: u64,
}

/// Requests for approval, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Approvals {
    /// Somebody said yes, in time.
    pub granted: u64,
    /// Somebody said no.
    pub denied: u64,
    /// Nobody said anything in time.
    pub expired: u64,
    /// There is still time.
    pub pending: u64,
    /// From the question to the decision, shortest first.
    pub waits: Vec<Duration>,
    /// Decided before the first line that names them: how long it took nobody knows.
    pub untimed: u64,
}

// === impl Summary ===

impl Summary {
    /// What the log says of a route in its stage, since nobody stands in a laxer one.
    pub fn view(&self, route: &str, stage: Stage, look: &Look) -> View {
        self.view_of(route, stage, Part::Whole, look)
    }

    /// The same of a stage that may be a part of where the route stands.
    pub(super) fn view_of(&self, route: &str, stage: Stage, part: Part, look: &Look) -> View {
        let stay = self.stay(route, stage, part);
        let since = stay.map(|stay| stay.since);
        // Of calls that came a moment before the line that says so, the labels count too.
        let late = since.and_then(|since| since.checked_sub(LATE_MAX).ok());
        let calls = self.calls(route, stage, stay, look);
        let begun = calls.first.into_iter().chain(since).min().unwrap_or(look.now);
        let begun = begun.max(late.unwrap_or(begun)).max(look.edge());
        let mut view = View {
            from: since.unwrap_or(look.now).max(look.edge()),
            since,
            proof: stay.map(|stay| stay.proof),
            counts: calls.all,
            in_force: InForce {
                labels: self.labels_since(route, stage, begun, look),
                ..calls.in_force
            },
            approvals: self.approvals_since(route, stage, begun, look),
            missing: 0,
            overdue: self.overdue(route, stage, begun, look),
            epoch: stay.map_or(0, |stay| stay.epoch),
            lost: calls.lost,
        };
        view.missing = self.holes.since(view.from, view.epoch, self.span);
        view
    }

    /// Whether the log alone shows that a route stands in `stage` or beyond, and nobody before it.
    /// What it showed before the last start says nothing: the config may be another since.
    pub fn shows_beyond(&self, route: &str, stage: Stage, look: &Look) -> bool {
        let is_there = |one: &Stage| self.view(route, *one, look).since.is_some();
        let (there, before): (Vec<Stage>, _) =
            Stage::ALL.into_iter().filter(is_there).partition(|one| *one >= stage);
        let Some(trail) = self.trails.get(route) else { return false };
        let start = self.starts.last_key_value().map_or(0, |(seq, _)| *seq);
        let is_fresh = |one: &Stage| trail.shows_since(start, *one);
        there.iter().any(is_fresh) && before.is_empty()
    }

    /// The same of a stage in which the route does not stand any more, for the whole window.
    pub fn past(&self, route: &str, stage: Stage, look: &Look) -> View {
        let (calls, from) = (self.calls(route, stage, Some(Stay::ALL), look), look.edge());
        View {
            from,
            since: None,
            proof: None,
            counts: calls.all,
            in_force: InForce {
                labels: self.labels_since(route, stage, from, look),
                ..calls.in_force
            },
            approvals: self.approvals_since(route, stage, from, look),
            missing: self.missing(from),
            overdue: 0,
            epoch: 0,
            lost: calls.lost,
        }
    }

    /// Calls of the whole gateway that no route took since then.
    pub fn strays(&self, from: Timestamp) -> u64 {
        self.strays.since(from)
    }

    /// Lines that are not there or cannot be read, since then.
    pub fn missing(&self, from: Timestamp) -> u64 {
        self.holes.since(from, 0, self.span)
    }

    /// What was done without a line, while the route was there.
    pub(super) fn toll(&self, view: &View, last: Last) -> Toll {
        let first = self.span.map_or(0, |span| span.first_seq);
        self.processes.toll(first, (view.epoch, view.from), last)
    }

    /// The stages in which calls of a route were counted, within the window.
    pub fn stages(&self, route: &str, look: &Look) -> Vec<Stage> {
        let from = hour(look.edge());
        let Some(trail) = self.trails.get(route) else { return Vec::new() };
        let has =
            |stage: &Stage| trail.cells.keys().any(|key| key.stage == *stage && key.hour >= from);
        Stage::ALL.into_iter().filter(has).collect()
    }

    /// The calls that ended in a stay. Those that came before it are not among what people may judge:
    /// what is said of them is of the stay in which they came.
    pub(super) fn calls(
        &self,
        route: &str,
        stage: Stage,
        stay: Option<Stay>,
        look: &Look,
    ) -> Calls {
        let mut calls = Calls::default();
        let (Some(trail), Some(stay)) = (self.trails.get(route), stay) else { return calls };
        let (edge, policy) = (hour(look.edge()), PolicyKey::of(&look.policy));
        let wanted =
            |key: &CellKey| key.epoch >= stay.epoch && key.stage == stage && key.hour >= edge;
        for (key, cell) in trail.cells.iter().filter(|(key, _)| wanted(key)) {
            let is_of_before = cell.is_of_before(stay.since);
            let counts = if is_of_before { cell.counts.unasked() } else { cell.counts };
            calls.first = calls.first.into_iter().chain([cell.first]).min();
            self.lose(&mut calls.lost, key.epoch, counts.lost);
            calls.all += counts;
            calls.in_force.take(key.policy, policy, &counts);
        }
        calls
    }

    fn labels_since(&self, route: &str, stage: Stage, from: Timestamp, look: &Look) -> Labels {
        let policy = PolicyKey::of(&look.policy);
        let own = |label: &&Labelled| {
            // What nothing could judge speaks against every policy, until somebody says it is right.
            let is_errors = label.verdict.is_none() && label.policy == PolicyKey::NONE;
            label.stage == stage && (label.policy == policy || is_errors) && label.begun >= from
        };
        let mut labels = Labels::default();
        for label in self.labels(route).filter(own) {
            *match (label.verdict, label.opinion) {
                // It takes out its own call alone: one that does not say so may be of a call that none counts.
                (None, Opinion::Correct) if label.dismisses => &mut labels.dismissed,
                (None, _) => continue,
                (Some(Verdict::Allow), Opinion::Missed) => &mut labels.missed,
                (Some(Verdict::Allow), _) => &mut labels.allowed_right,
                (Some(_), Opinion::FalsePositive) => &mut labels.false_positives,
                (Some(_), Opinion::Correct | Opinion::Missed) => &mut labels.right,
            } += 1;
        }
        labels
    }

    fn approvals_since(
        &self,
        route: &str,
        stage: Stage,
        from: Timestamp,
        look: &Look,
    ) -> Approvals {
        let mut approvals = Approvals::default();
        for request in self.requests.of(route) {
            let Some(asked) = &request.asked else { continue };
            if asked.stage != stage || asked.begun < from {
                continue;
            }
            let waited =
                |until: Timestamp| Duration::try_from(until.duration_since(asked.begun)).ok();
            let is_over = match request.expires {
                Some(end) => end <= look.now,
                // Lines of an older gait do not say it.
                None => waited(look.now) >= Some(look.open_for),
            };
            match request.decided {
                Some((at, said)) => approvals.answered(waited(at), said),
                None if is_over => approvals.expired += 1,
                None => approvals.pending += 1,
            }
        }
        approvals.waits.sort_unstable();
        approvals
    }

    /// Decisions without an outcome that have had all the time for one.
    fn overdue(&self, route: &str, stage: Stage, from: Timestamp, look: &Look) -> u64 {
        if look.life == Life::Lives {
            return 0;
        }
        let before = look.now.checked_sub(FLIGHT_MAX).unwrap_or(Timestamp::MIN);
        let overdue = |open: &&Open| {
            open.route == route && open.key.stage == stage && (from..before).contains(&open.begun)
        };
        self.open.values().filter(overdue).count() as u64
    }
}

// === impl Look ===

impl Look {
    /// Where the window begins: at a full hour.
    pub fn edge(&self) -> Timestamp {
        let back = SignedDuration::try_from(self.window).unwrap_or(SignedDuration::MAX);
        begins(hour(self.now.checked_sub(back).unwrap_or(Timestamp::MIN)))
    }
}

// === impl InForce ===

impl InForce {
    /// Adds calls that a policy judged; what nothing could judge speaks against every policy.
    fn take(&mut self, judge: PolicyKey, in_force: PolicyKey, counts: &Counts) {
        if judge == in_force {
            self.counts += *counts;
            self.unjudged += counts.unjudged;
        } else if judge == PolicyKey::NONE {
            self.unjudged += counts.unjudged;
        } else {
            self.others += counts.judged();
        }
    }
}

// === impl Labels ===

impl Labels {
    /// How many verdicts other than `allow` have a label.
    pub fn of_against(&self) -> u64 {
        self.false_positives + self.right
    }
}

// === impl Approvals ===

impl Approvals {
    /// Requests that somebody decided.
    pub fn decided(&self) -> u64 {
        self.granted + self.denied
    }

    /// Requests of which it is known how they ended.
    pub fn ended(&self) -> u64 {
        self.decided() + self.expired
    }

    /// All of them.
    pub fn all(&self) -> u64 {
        self.ended() + self.pending
    }

    /// The wait that this many hundredths of the decided requests did not exceed (nearest rank).
    ///
    /// Where nobody knows how long some took, they count as the longest: `None` where it is one of
    /// them.
    pub fn percentile(&self, hundredths: u64) -> Option<Duration> {
        let all = self.waits.len() as u64 + self.untimed;
        let rank = (all * hundredths).div_ceil(100).max(1);
        self.waits.get(usize::try_from(rank).ok()?.checked_sub(1)?).copied()
    }

    fn answered(&mut self, after: Option<Duration>, said: Said) {
        self.waits.extend(after);
        self.untimed += u64::from(after.is_none());
        *match said {
            Said::Yes => &mut self.granted,
            Said::No => &mut self.denied,
        } += 1;
    }
}
