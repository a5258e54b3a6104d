//! What counts, and since when: calls that end late, and what lies before the window.
//!
//! What is let go must not be missed: whatever the status and the gates say of a log, they say the
//! same where all of it is kept in mind.

use crate::{POLICY, digest};
use gait::audit::{Entry, Log};
use gait::rollout::{
    Cache, Counters, Facts, GateVerdict, Life, Look, RouteFacts, Status, Summary, Unmapped, View,
    check, read,
};
use gait::snapshot::Gates;
use gait::stage::Stage::{self, DryRun, Observe, RequireApproval};
use gait::stage::{Percent, Standing};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::time::Duration;
use uuid::{NoContext, Uuid};

/// Lines of one log; `ago` is in seconds.
pub(crate) struct Tape {
    now: Timestamp,
    pub(crate) lines: Vec<Entry>,
    calls: u64,
    policy: String,
}

impl Tape {
    fn new() -> Tape {
        let now = "2026-06-15T12:34:56Z".parse().unwrap();
        Tape { now, lines: Vec::new(), calls: 0, policy: digest(POLICY).to_string() }
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

    /// The lines from here on have a number more.
    fn gap(&mut self, ago: i64) {
        let seq = self.lines.last().map_or(1, |line| line.seq() + 2);
        let batch = json!({"v": 1, "seq": seq, "kind": "batch", "prev": "p", "hash": "h",
            "time": format!("{:.6}", self.at(ago))});
        self.lines.push(Entry::read(batch.to_string().as_bytes()).unwrap());
    }

    /// What a line says of a call that came so long ago and was blocked.
    fn blocked(&mut self, stage: Stage, ago: i64) -> Value {
        self.calls += 1;
        let (seconds, nanos) = (self.at(ago).as_second() as u64, self.calls as u32 % 1_000_000);
        let id = Uuid::new_v7(uuid::Timestamp::from_unix(NoContext, seconds, nanos));
        json!({"call_id": id.to_string(), "route": "r", "stage": stage.as_str(), "tool_name": "t",
            "verdict": "block", "disposition": "denied", "protected": true, "sent": false,
            "policy_digest": self.policy, "reason_codes": []})
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

    fn facts(&self, standing: Standing, window: u64) -> Facts {
        let look = Look { window: Duration::from_secs(window * DAY as u64), ..self.look() };
        let gates = Gates { window: look.window, ..Gates::default() };
        let counters = Counters { bypasses: Some(2), unrecorded: Some(3) };
        let route = |name: &str| RouteFacts { name: name.into(), standing, observing: Vec::new() };
        let routes = vec![route("r"), route("s")];
        Facts { look, gates, counters, unmapped: Unmapped::Denied, routes }
    }

    /// Writes the lines as segments that end before these places.
    fn write(&self, dir: &std::path::Path, ends: &[usize]) {
        std::fs::create_dir_all(dir).unwrap();
        let mut from = 0;
        for (at, end) in ends.iter().copied().chain([self.lines.len()]).enumerate() {
            let lines = self.lines[from..end].iter();
            let text: String = lines.map(|line| format!("{}\n", json!(line.members()))).collect();
            std::fs::write(dir.join(format!("{:06}.jsonl", at + 1)), text).unwrap();
            from = end;
        }
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

/// Labels count by when their call came, so nobody could settle what a call of an earlier stay adds.
#[test]
fn what_came_in_an_earlier_stay_is_not_to_be_labelled_in_this_one() {
    let mut tape = Tape::new();
    tape.reload(9 * DAY, "require_approval");
    let (held, mut broken) =
        (tape.blocked(RequireApproval, 8 * DAY), tape.blocked(RequireApproval, 8 * DAY));
    for name in ["verdict", "policy_digest"] {
        broken[name] = Value::Null;
    }
    broken["identity_source"] = "sso".into();
    tape.reload(5 * DAY, "enforce");
    tape.reload(3 * DAY, "require_approval");
    for call in [&held, &broken] {
        tape.line(2 * DAY, "call", call.clone());
        tape.label(2 * DAY, call);
    }
    let own = tape.blocked(RequireApproval, DAY);
    tape.line(DAY, "call", own.clone());
    tape.label(DAY, &own);
    let of = tape.view(RequireApproval).in_force;
    assert_eq!((of.counts.against, of.labels.right), (1, 1), "{of:?}");
    assert_eq!((of.unjudged, of.labels.dismissed), (0, 0), "{of:?}");

    // The clock was set back: it came and ended in this stay, only its times say otherwise.
    let mut set_back = tape.blocked(RequireApproval, 8 * DAY);
    set_back["tool_name"] = "other".into();
    tape.line(8 * DAY, "call", set_back);
    let of = tape.view(RequireApproval).in_force;
    assert_eq!((of.counts.against, of.labels.right), (3, 1), "{of:?}");
}

#[test]
fn a_request_ends_when_it_was_said_to() {
    let mut tape = Tape::new();
    tape.reload(5 * DAY, "require_approval");
    for (request, ends) in [("over", Some(DAY + 60)), ("open", Some(-60)), ("old", None)] {
        let mut call = tape.blocked(RequireApproval, 2 * DAY);
        call["approval_request"] = request.into();
        if let Some(ends) = ends {
            call["approval_expires_at"] = tape.at(ends).to_string().into();
        }
        tape.line(2 * DAY, "call", call);
    }
    // A yes of two gave it longer.
    let mut again = tape.blocked(RequireApproval, 2 * DAY - 60);
    again["approval_request"] = "over".into();
    again["approval_expires_at"] = tape.at(DAY).to_string().into();
    let counts = |tape: &Tape, now: i64, hours: u64| {
        let open_for = Duration::from_secs(hours * HOUR);
        let look = Look { open_for, now: tape.at(now), ..tape.look() };
        let approvals = tape.summary().view("r", RequireApproval, &look).approvals;
        (approvals.expired, approvals.pending)
    };
    // Of a line that does not say it the config of today has to.
    assert_eq!(counts(&tape, 0, 1), (2, 1));
    assert_eq!(counts(&tape, 0, 72), (1, 2));
    assert_eq!(counts(&tape, DAY + 30, 72), (1, 2));
    tape.line(2 * DAY - 60, "call", again);
    assert_eq!(counts(&tape, DAY + 30, 72), (0, 3));
    assert_eq!(counts(&tape, DAY, 72), (1, 2));
}

/// What a log says, read from its segments.
fn read_all(dir: &std::path::Path) -> Summary {
    let log = Log::open(dir).unwrap();
    read(&log, &mut Cache::default(), Timestamp::UNIX_EPOCH, || true).unwrap()
}

#[test]
fn a_line_that_cannot_be_read_is_a_missing_one() {
    let mut tape = Tape::new();
    tape.reload(5 * DAY, "dry_run");
    for ago in (1..9).rev() {
        let call = tape.blocked(DryRun, ago * 1_000);
        tape.line(ago * 1_000, "call", call);
    }
    let missing = |summary: &Summary| summary.view("r", DryRun, &tape.look()).missing;
    for (segment, line, wanted) in [(1, 2, 1), (1, 4, 1), (2, 0, 1), (2, 2, 1), (2, 3, 1)] {
        let dir = tempfile::tempdir().unwrap();
        tape.write(dir.path(), &[5]);
        assert_eq!(missing(&read_all(dir.path())), 0);
        let path = dir.path().join(format!("{segment:06}.jsonl"));
        let text = std::fs::read_to_string(&path).unwrap();
        let spoilt = |(at, text): (usize, &str)| if at == line { "{]}" } else { text }.to_owned();
        let text: Vec<String> = text.lines().enumerate().map(spoilt).collect();
        std::fs::write(&path, text.join("\n") + "\n").unwrap();
        assert_eq!(missing(&read_all(dir.path())), wanted, "segment {segment}, line {line}");
    }
}

#[test]
fn a_segment_that_retention_takes_meanwhile_is_not_missing() {
    let mut tape = Tape::new();
    tape.reload(5 * DAY, "dry_run");
    (1..9).for_each(|ago| tape.line(DAY - ago, "batch", json!({})));
    let dir = tempfile::tempdir().unwrap();
    tape.write(dir.path(), &[3, 6]);
    let (log, mut cache) = (Log::open(dir.path()).unwrap(), Cache::default());
    let all = read(&log, &mut cache, Timestamp::UNIX_EPOCH, || true).unwrap();
    assert_eq!((all.missing(Timestamp::UNIX_EPOCH), all.span().unwrap().first_seq), (0, 1));
    // It was listed, and is gone when its turn comes.
    std::fs::remove_file(dir.path().join("000001.jsonl")).unwrap();
    for mut cache in [cache, Cache::default()] {
        let rest = read(&log, &mut cache, Timestamp::UNIX_EPOCH, || true).unwrap();
        assert_eq!((rest.missing(Timestamp::UNIX_EPOCH), rest.span().unwrap().first_seq), (0, 4));
    }
}

#[test]
fn a_clock_that_is_set_back_hides_no_gap() {
    let mut tape = Tape::new();
    tape.gap(9 * DAY);
    tape.gap(8 * DAY);
    tape.reload(3 * DAY, "dry_run");
    let missing = |tape: &Tape| tape.view(DryRun).missing;
    assert_eq!(missing(&tape), 0, "it was before the stay");
    tape.gap(6 * DAY);
    assert_eq!(missing(&tape), 1);
    tape.line(DAY, "batch", json!({}));
    assert_eq!(missing(&tape), 1);
}

/// Numbers that look random.
struct Dice(u64);

impl Dice {
    fn throw(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % sides
    }
}

const STANDS: [&str; 6] = [
    "observe",
    "dry_run",
    "require_approval",
    "dry_run for 25 %, else observe",
    "require_approval for 10 %, else dry_run",
    "enforce for 100 %, else observe",
];

/// Sixty days in which anything may happen.
fn random_tape(dice: &mut Dice) -> Tape {
    let mut tape = Tape::new();
    let mut ago = 60 * DAY;
    let (mut open, mut judged, mut requests): (Vec<Value>, Vec<Value>, u64) = Default::default();
    tape.line(ago, "start", json!({}));
    let steps = 60 + dice.throw(200);
    for _ in 0..steps {
        ago -= (dice.throw(2 * 60 * DAY as u64 / steps) as i64).min(ago);
        let route = ["r", "r", "r", "s", "_unmapped"][dice.throw(5) as usize];
        match dice.throw(24) {
            // Nobody writes the outcomes of a process that is gone.
            0 => {
                open.clear();
                tape.line(ago, "start", json!({}));
            }
            1 => tape.line(ago, "stop", json!({"bypasses": dice.throw(2), "unrecorded": 0})),
            2 | 3 => {
                let stands = STANDS[dice.throw(6) as usize];
                tape.line(ago, "reload", json!({"stages": {route: stands}}));
            }
            4 => tape.line(ago, "reload", json!({"bypasses": 1, "unrecorded": dice.throw(2)})),
            5 => tape.gap(ago),
            6 | 7 if !open.is_empty() => {
                let call = open.swap_remove(dice.throw(open.len() as u64) as usize);
                tape.line(ago, "outcome", call);
            }
            8 | 9 if !judged.is_empty() => {
                let call = judged[dice.throw(judged.len() as u64) as usize].clone();
                tape.label(ago, &call);
            }
            10 | 11 => {
                let state = ["approved", "denied"][dice.throw(2) as usize];
                let request = format!("request{}", dice.throw(requests + 1));
                tape.line(ago, "approval", json!({"request": request, "state": state}));
            }
            kind => {
                let late = [0, 1, 3_000, 20_000, 3 * DAY][dice.throw(5) as usize];
                let stage = Stage::ALL[dice.throw(12).saturating_sub(8) as usize];
                let mut call = tape.blocked(stage, ago + late);
                call["route"] = route.into();
                if dice.throw(3) == 0 {
                    call["verdict"] = "allow".into();
                }
                if dice.throw(4) == 0 {
                    // Now and then one that was named before.
                    requests += dice.throw(2);
                    call["approval_request"] = format!("request{requests}").into();
                }
                judged.push(call.clone());
                match kind {
                    12..16 => {
                        tape.line(ago, "decision", call.clone());
                        open.push(call);
                    }
                    _ => tape.line(ago, "call", call),
                }
            }
        }
    }
    tape
}

fn sum(lines: &[Entry], edge: Timestamp) -> Summary {
    let mut summary = Summary::since(edge);
    lines.iter().for_each(|line| summary.take(line));
    summary
}

#[track_caller]
fn same(found: &Summary, facts: &Facts, wanted: &Status, round: u64) {
    let found = Status::of(found, facts, None);
    let (found, wanted) = (format!("{found:#?}"), format!("{wanted:#?}"));
    let first = found.lines().zip(wanted.lines()).find(|(one, other)| one != other);
    assert_eq!(first, None, "{round}: {} s", facts.look.window.as_secs());
}

#[test]
fn what_is_let_go_is_never_missed() {
    let mut dice = Dice(0x2545_f491_4f6c_dd1d);
    for round in 0..300 {
        let tape = random_tape(&mut dice);
        let standing = match dice.throw(3) {
            0 => Standing::Whole(DryRun),
            1 => Standing::Whole(Observe),
            _ => {
                let percent = Percent::new(25).unwrap();
                Standing::Shared { from: Observe, to: DryRun, percent }
            }
        };
        let facts = tape.facts(standing, 1 + dice.throw(40));
        let edge = facts.look.edge();
        let wanted = Status::of(&tape.summary(), &facts, None);
        same(&sum(&tape.lines, edge), &facts, &wanted, round);
        // Cut in parts, each of which reaches further back, and joined in two ways.
        let (mut joined, mut twice) = (Summary::since(edge), Summary::since(edge));
        let mut rest = tape.lines.as_slice();
        while !rest.is_empty() {
            let (part, later) = rest.split_at(1 + dice.throw(rest.len() as u64) as usize);
            let back = SignedDuration::from_hours(dice.throw(200) as i64);
            let part = sum(part, edge - back);
            joined.extend(&part);
            let mut less = Summary::since(edge - back / 2);
            less.extend(&part);
            twice.extend(&less);
            rest = later;
        }
        same(&joined, &facts, &wanted, round);
        same(&twice, &facts, &wanted, round);
    }
}

#[test]
fn a_window_that_grows_finds_what_was_let_go() {
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    for round in 0..20 {
        let tape = random_tape(&mut dice);
        let dir = tempfile::tempdir().unwrap();
        let third = tape.lines.len() / 3;
        tape.write(dir.path(), &[third, 2 * third]);
        let (log, mut cache) = (Log::open(dir.path()).unwrap(), Cache::default());
        for window in [2, 40, 10, 59, 1, 30] {
            let facts = tape.facts(Standing::Whole(Observe), window);
            let found = read(&log, &mut cache, facts.look.edge(), || true).unwrap();
            let wanted = Status::of(&tape.summary(), &facts, None);
            same(&found, &facts, &wanted, round);
        }
    }
}

/// More requests than can be kept in mind, most of them long ago.
#[test]
fn a_log_that_is_kept_for_years_keeps_no_gate_shut() {
    let mut tape = Tape::new();
    tape.line(400 * DAY, "start", json!({}));
    tape.reload(399 * DAY, "require_approval");
    let many = (1 << 17) + 100;
    for n in 0..many {
        let mut call = tape.blocked(RequireApproval, 390 * DAY - n * 200);
        call["approval_request"] = format!("request{n}").into();
        tape.line(390 * DAY - n * 200, "call", call);
    }
    for n in 0..10 {
        let mut call = tape.blocked(RequireApproval, 5 * DAY - n);
        call["approval_request"] = format!("late{n}").into();
        tape.line(5 * DAY - n, "call", call);
    }
    let counters = Counters { bypasses: Some(0), unrecorded: Some(0) };
    let facts = Facts { counters, ..tape.facts(Standing::Whole(RequireApproval), 30) };
    let verdict = |summary: &Summary| {
        let check = check(summary, &facts, "r", Stage::Enforce).unwrap();
        let evidence = check.gates.into_iter().find(|gate| gate.name == "evidence");
        (evidence.unwrap().verdict, summary.dropped())
    };
    let since = sum(&tape.lines, facts.look.edge());
    assert_eq!(since.view("r", RequireApproval, &facts.look).approvals.all(), 10);
    assert_eq!(verdict(&since), (GateVerdict::Met, 0));
    assert_eq!(verdict(&tape.summary()), (GateVerdict::NotEnoughData, 110));
}
