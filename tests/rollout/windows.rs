//! What counts, and since when: calls that end late, and what lies before the window.

use crate::{POLICY, digest};
use gait::audit::Entry;
use gait::rollout::{Life, Look, Summary, View};
use gait::stage::Stage::{self, DryRun, RequireApproval};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::time::Duration;
use uuid::{NoContext, Uuid};

/// Lines of one log; `ago` is in seconds.
pub(crate) struct Tape {
    now: Timestamp,
    pub(crate) lines: Vec<Entry>,
    calls: u64,
}

impl Tape {
    fn new() -> Tape {
        let now = "2026-06-15T12:34:56Z".parse().unwrap();
        Tape { now, lines: Vec::new(), calls: 0 }
    }

    fn at(&self, ago: i64) -> Timestamp {
        self.now - SignedDuration::from_secs(ago)
    }

    fn line(&mut self, ago: i64, kind: &str, more: Value) {
        let seq = self.lines.last().map_or(1, |line| line.seq() + 1);
        let mut line = json!({"v": 1, "seq": seq, "kind": kind, "prev": "p", "hash": "h",
            "time": format!("{:.6}", self.at(ago))});
        line.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.lines.push(Entry::read(line.to_string().as_bytes()).unwrap());
    }

    fn reload(&mut self, ago: i64, stages: &str) {
        self.line(ago, "reload", json!({"stages": {"r": stages}}));
    }

    /// What a line says of a call that came so long ago and was blocked.
    fn blocked(&mut self, stage: Stage, ago: i64) -> Value {
        self.calls += 1;
        let (seconds, nanos) = (self.at(ago).as_second() as u64, self.calls as u32 % 1_000_000);
        let id = Uuid::new_v7(uuid::Timestamp::from_unix(NoContext, seconds, nanos));
        json!({"call_id": id.to_string(), "route": "r", "stage": stage.as_str(), "tool_name": "t",
            "verdict": "block", "disposition": "denied", "protected": true, "sent": false,
            "policy_digest": digest(POLICY).to_string(), "reason_codes": []})
    }

    fn label(&mut self, ago: i64, call: &Value) {
        let mut label = call.clone();
        label["label"] = "correct".into();
        self.line(ago, "label", label);
    }

    fn summary(&self) -> Summary {
        let mut summary = Summary::default();
        self.lines.iter().for_each(|line| summary.take(line));
        summary
    }

    fn look(&self) -> Look {
        let (window, open_for) = (Duration::from_secs(30 * 24 * HOUR), Duration::from_secs(HOUR));
        Look { now: self.now, window, open_for, life: Life::Lives, policy: digest(POLICY) }
    }

    fn view(&self, stage: Stage) -> View {
        self.summary().view("r", stage, &self.look())
    }
}

const HOUR: u64 = 3_600;
const DAY: i64 = 86_400;

#[test]
fn a_label_counts_once_its_call_has_ended() {
    let mut tape = Tape::new();
    tape.reload(5 * DAY, "dry_run");
    let call = tape.blocked(DryRun, DAY);
    tape.line(DAY, "decision", call.clone());
    tape.label(DAY - 10, &call);
    let view = tape.view(DryRun);
    assert_eq!((view.in_force.labels.right, view.in_force.counts.against), (0, 0), "{view:?}");
    tape.line(DAY - 20, "outcome", call);
    let view = tape.view(DryRun);
    assert_eq!((view.in_force.labels.right, view.in_force.counts.against), (1, 1), "{view:?}");
}

#[test]
fn a_long_call_drags_nothing_of_an_earlier_stay_along() {
    let mut tape = Tape::new();
    tape.reload(9 * DAY, "require_approval");
    let mut long = tape.blocked(RequireApproval, 8 * DAY);
    long["verdict"] = "allow".into();
    tape.line(8 * DAY, "decision", long.clone());
    let mut early = tape.blocked(RequireApproval, 7 * DAY);
    early["approval_request"] = "request".into();
    tape.line(7 * DAY, "call", early.clone());
    tape.label(7 * DAY, &early);
    tape.reload(5 * DAY, "enforce");
    tape.reload(3 * DAY, "require_approval");
    // It came just before the stay, and was late.
    let late = tape.blocked(RequireApproval, 3 * DAY + 1);
    tape.line(3 * DAY, "call", late.clone());
    tape.label(3 * DAY, &late);
    tape.line(2 * DAY, "outcome", long);
    let view = tape.view(RequireApproval);
    assert_eq!((view.in_force.labels.right, view.approvals.all()), (1, 0), "{view:?}");
}
