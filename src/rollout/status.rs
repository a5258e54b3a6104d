//! How the rollout stands: one value for people, machines and the page.

use super::counts::{Counts, VERDICTS};
use super::facts::{Facts, RouteFacts, Unmapped};
use super::gates::{Check, check};
use super::lanes;
use super::stay::Proof;
use super::summary::Summary;
use super::view::View;
use super::wilson::wilson;
use crate::snapshot::Gates;
use crate::stage::{Disposition, Stage};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// How the rollout stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Status {
    /// When it was looked.
    pub at: Timestamp,
    /// How far back, in seconds.
    pub window_seconds: u64,
    /// What the gates want.
    pub gates: Gates,
    /// The log that it was read from.
    pub evidence: Evidence,
    /// Sends that the seam before the tools stopped; `null` where nobody knows.
    pub bypasses: Option<u64>,
    /// What becomes of calls that no route takes: `denied`, or the name of an upstream.
    pub unmapped: String,
    /// Calls within the window that no route took, but for what a stranger did not get.
    pub unmapped_calls: u64,
    /// In the order of the config.
    pub routes: Vec<RouteStatus>,
}

/// How complete the log is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Evidence {
    /// `seq` of the last line.
    pub last_seq: u64,
    /// Time of the first line.
    pub first_time: Option<Timestamp>,
    /// Lines that are missing, within the window.
    pub missing_lines: u64,
    /// What there was no room to remember.
    pub dropped: u64,
    /// Calls that went out without a line; `null` where nobody knows.
    pub unrecorded: Option<u64>,
}

/// One route.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RouteStatus {
    /// Its name.
    pub route: String,
    /// Where its callers stand, as people read it.
    pub standing: String,
    /// Where they stand first, then where they stood within the window.
    pub stages: Vec<StageStatus>,
    /// The gates to the next stage; none in the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<Check>,
}

/// One route in one stage.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StageStatus {
    /// The stage.
    #[serde(serialize_with = "super::gates::stage_word")]
    pub stage: Stage,
    /// The share of the known callers that stand there now, 0 to 1.
    pub share: f64,
    /// Since when it is there; `null` where nothing in the log shows it.
    pub since: Option<Timestamp>,
    /// What says so.
    pub proof: Option<Proof>,
    /// Days in the stage.
    pub days: f64,
    /// Since when is counted.
    pub from: Timestamp,
    /// Calls that ended.
    pub calls: u64,
    /// Those that the policy in force judged, where others judged some: `labels` are of these alone.
    pub policy_calls: Option<u64>,
    /// By verdict.
    pub verdicts: BTreeMap<&'static str, u64>,
    /// By what was done.
    pub dispositions: BTreeMap<&'static str, u64>,
    /// Sent on although the verdict was another than `allow`.
    pub would_blocks: u64,
    /// Answered with their decision.
    pub dry_runs: u64,
    /// Calls that could not be judged.
    pub evaluation_errors: u64,
    /// Calls that asked for a dry run; in no other count.
    pub dry_runs_requested: u64,
    /// Protected calls that went out beyond observe without a decision line.
    pub undecided_sends: u64,
    /// Decisions without an outcome.
    pub lost_outcomes: u64,
    /// What people said of decisions of the policy in force.
    pub labels: Labels,
    /// Requests for approval.
    pub approvals: Approvals,
}

/// What people said of decisions.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Labels {
    /// Verdicts other than `allow`.
    pub against: u64,
    /// Of them with a label.
    pub labelled: u64,
    /// Of those, wrong ones.
    pub false_positives: u64,
    /// Allowed, and should not have been.
    pub missed: u64,
    /// Evaluation errors that somebody found right: no gate counts them.
    pub dismissed: u64,
    /// Share of false positives among the labelled; `null` without any.
    pub rate: Option<f64>,
    /// Where that share lies, at least.
    pub rate_low: f64,
    /// And at most.
    pub rate_high: f64,
}

/// Requests for approval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Approvals {
    /// All.
    pub demanded: u64,
    /// With a yes.
    pub granted: u64,
    /// With a no.
    pub denied: u64,
    /// With neither, in time.
    pub expired: u64,
    /// That wait.
    pub pending: u64,
    /// Half of the decided ones were decided within these seconds.
    pub p50_seconds: Option<f64>,
    /// And 19 of 20.
    pub p95_seconds: Option<f64>,
}

impl Status {
    /// Of all routes of the config, or of one.
    pub fn of(summary: &Summary, facts: &Facts, route: Option<&str>) -> Status {
        let wanted = |one: &&RouteFacts| route.is_none_or(|wanted| *one.name == *wanted);
        let edge = facts.look.edge();
        let unmapped = match &facts.unmapped {
            Unmapped::Denied => "denied".to_owned(),
            Unmapped::GoTo(upstream) => upstream.to_string(),
        };
        let span = summary.span();
        Status {
            at: facts.look.now,
            window_seconds: facts.look.window.as_secs(),
            gates: facts.gates,
            evidence: Evidence {
                last_seq: span.map_or(0, |span| span.last_seq),
                first_time: span.map(|span| span.first_time),
                missing_lines: summary.missing(edge),
                dropped: summary.dropped(),
                unrecorded: facts.counters.unrecorded,
            },
            bypasses: facts.counters.bypasses,
            unmapped,
            unmapped_calls: summary.strays(edge),
            routes: facts
                .routes
                .iter()
                .filter(wanted)
                .map(|route| RouteStatus::of(summary, facts, route))
                .collect(),
        }
    }
}

impl RouteStatus {
    fn of(summary: &Summary, facts: &Facts, route: &RouteFacts) -> RouteStatus {
        let shares = route.standing.shares();
        let seen = summary.stages(&route.name, &facts.look);
        let here = shares.iter().filter(|(_, share)| *share > 0.0);
        let gone = shares.iter().filter(|(stage, share)| *share <= 0.0 && seen.contains(stage));
        let stage = |(stage, share): &(Stage, f64)| {
            let view = match *share > 0.0 {
                true => lanes::view(summary, route, *stage, &facts.look),
                false => summary.past(&route.name, *stage, &facts.look),
            };
            StageStatus::of(*stage, *share, &view, facts)
        };
        let next = Stage::ALL.into_iter().find(|stage| *stage > route.standing.laxest());
        RouteStatus {
            route: route.name.to_string(),
            standing: route.standing.to_string(),
            stages: here.chain(gone).map(stage).collect(),
            next: next.and_then(|to| check(summary, facts, &route.name, to).ok()),
        }
    }
}

impl StageStatus {
    fn of(stage: Stage, share: f64, view: &View, facts: &Facts) -> StageStatus {
        let Counts { calls, would_blocks, unjudged, rehearsed, unproven, lost, .. } = view.counts;
        let there = view.since.map(|since| facts.look.now.duration_since(since));
        let words = Disposition::ALL.map(Disposition::as_str);
        StageStatus {
            stage,
            share,
            since: view.since,
            proof: view.proof,
            days: there.map_or(0.0, |there| there.as_secs_f64() / 86_400.0),
            from: view.from,
            calls,
            policy_calls: (view.in_force.others > 0).then(|| view.in_force.counts.judged()),
            verdicts: VERDICTS.into_iter().zip(view.counts.verdicts).collect(),
            dispositions: words.into_iter().zip(view.counts.dispositions).collect(),
            would_blocks,
            dry_runs: view.counts.with_disposition(Disposition::DryRun),
            evaluation_errors: unjudged,
            dry_runs_requested: rehearsed,
            undecided_sends: unproven,
            lost_outcomes: lost + view.overdue,
            labels: Labels::of(view, facts.gates.confidence),
            approvals: Approvals::of(view),
        }
    }
}

impl Labels {
    fn of(view: &View, confidence: f64) -> Labels {
        let said = &view.in_force.labels;
        let (against, labelled) = (view.in_force.counts.against, said.of_against());
        let wrong = said.false_positives;
        let rate = (labelled > 0).then(|| wrong as f64 / labelled as f64);
        let sure = wilson(wrong, labelled, confidence);
        // Where all are labelled nothing is left to be guessed.
        let exact = rate.filter(|_| labelled >= against);
        Labels {
            against,
            labelled,
            false_positives: wrong,
            missed: said.missed,
            dismissed: said.dismissed,
            rate,
            rate_low: exact.unwrap_or(sure.low),
            rate_high: exact.unwrap_or(sure.high),
        }
    }
}

impl Approvals {
    fn of(view: &View) -> Approvals {
        let all = &view.approvals;
        let percentile =
            |hundredths| all.percentile(hundredths).as_ref().map(Duration::as_secs_f64);
        Approvals {
            demanded: all.all(),
            granted: all.granted,
            denied: all.denied,
            expired: all.expired,
            pending: all.pending,
            p50_seconds: percentile(50),
            p95_seconds: percentile(95),
        }
    }
}
