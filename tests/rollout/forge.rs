//! Lines as gait writes them, of a past that nobody wants to wait for.

use crate::chain::{self, Chain};
use crate::{POLICY, digest};
use gait::audit::Entry;
use gait::rollout::Summary;
use gait::stage::Stage;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::path::Path;
use uuid::{NoContext, Uuid};

/// Something that happened; `ago` is in seconds.
#[derive(Clone)]
pub(crate) enum Step {
    Start {
        ago: u64,
    },
    Reload {
        ago: u64,
        stages: &'static str,
    },
    /// A reload, in so many words of what was done without a line: sends stopped, calls gone.
    Told {
        ago: u64,
        missed: (u64, u64),
    },
    /// The process ends in order, and says the same; `None` is one that does not.
    Stop {
        ago: u64,
        missed: Option<(u64, u64)>,
    },
    /// Calls, one a second, with one line each, or with two where they were decided before.
    Calls(Calls),
    /// Labels for calls with a verdict other than allow, from the first that has none.
    Labels {
        wrong: usize,
        right: usize,
    },
    /// The first labelled ones are labelled anew.
    Relabel {
        opinion: &'static str,
        count: usize,
    },
    /// A label for a call that was allowed.
    Missed,
    /// So many calls that could not be judged are labelled, the first of them first.
    Unjudged {
        opinion: &'static str,
        count: usize,
        /// Their lines say that they take the calls out.
        dismisses: bool,
    },
    /// A decision whose outcome nobody wrote down.
    Lost {
        ago: u64,
        stage: Stage,
    },
    /// Requests for approval, and after how many seconds each was decided.
    Requests {
        ago: u64,
        count: u64,
        decided: Option<u64>,
        action: &'static str,
    },
    /// Requests that were granted so long before the first line that names them.
    Answered {
        ago: u64,
        count: u64,
        before: u64,
    },
    /// A word that decides nothing yet, on the last request, and one that does.
    Quorum {
        ago: u64,
        first: u64,
        second: Option<u64>,
    },
    /// Calls from here on are judged by this policy.
    Policy(&'static str),
    /// What ends what one sync made durable.
    Batch {
        ago: u64,
    },
    /// So many lines are not there.
    Gap(u64),
    /// Retention takes away so many lines at the front.
    Cut(usize),
}

/// Calls of one kind.
#[derive(Clone)]
pub(crate) struct Calls {
    pub(crate) ago: u64,
    /// How long each took.
    pub(crate) took: u64,
    pub(crate) count: u64,
    pub(crate) route: &'static str,
    pub(crate) stage: Stage,
    pub(crate) verdict: Option<&'static str>,
    pub(crate) done: &'static str,
    pub(crate) code: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) more: Value,
}

/// A log in the making.
pub(crate) struct Forge {
    pub(crate) now: Timestamp,
    pub(crate) lines: Vec<Value>,
    /// Lines that retention took.
    gone: Vec<Value>,
    seq: u64,
    calls: u64,
    /// Calls with a verdict other than allow: id, line, labels.
    against: Vec<(String, Value)>,
    labelled: usize,
    policy: String,
}

impl Step {
    pub(crate) fn calls(stage: Stage, count: u64, ago: u64) -> Calls {
        Calls {
            ago,
            took: 0,
            count,
            route: "r",
            stage,
            verdict: Some("allow"),
            done: "forwarded",
            code: "",
            kind: "call",
            // Of a caller who showed who it is.
            more: json!({"identity_source": "sso"}),
        }
    }

    pub(crate) fn allowed(stage: Stage, count: u64, ago: u64) -> Step {
        let kind = if stage == Stage::Observe { "call" } else { "outcome" };
        Step::Calls(Calls { kind, ..Step::calls(stage, count, ago) })
    }

    /// Blocked, and let through or not, as the stage has it.
    pub(crate) fn against(stage: Stage, count: u64, ago: u64) -> Step {
        let done = match stage {
            Stage::Observe => "forwarded",
            Stage::DryRun => "dry_run",
            _ => "denied",
        };
        Step::Calls(Calls { verdict: Some("block"), done, ..Step::calls(stage, count, ago) })
    }
}

impl Forge {
    pub(crate) fn new(now: Timestamp) -> Forge {
        // The lines are cut to the microsecond.
        let now = Timestamp::from_second(now.as_second()).unwrap();
        let policy = digest(POLICY).to_string();
        let (lines, gone, against) = (Vec::new(), Vec::new(), Vec::new());
        Forge { now, lines, gone, seq: 0, calls: 0, against, labelled: 0, policy }
    }

    pub(crate) fn step(&mut self, step: &Step) {
        match step {
            Step::Start { ago } => self.line(*ago, json!({"kind": "start", "version": "0"})),
            Step::Reload { ago, stages } => {
                let stages = json!({ "r": stages });
                self.line(*ago, json!({"kind": "reload", "snapshot": "s", "stages": stages}));
            }
            Step::Told { ago, missed: (bypasses, unrecorded) } => {
                let told = json!({"bypasses": bypasses, "unrecorded": unrecorded});
                self.line(*ago, with(json!({"kind": "reload", "snapshot": "s"}), told));
            }
            Step::Stop { ago, missed } => {
                let missed = missed.unzip();
                let told = json!({"bypasses": missed.0, "unrecorded": missed.1});
                self.line(*ago, with(json!({"kind": "stop"}), told));
            }
            Step::Calls(calls) => {
                (0..calls.count).for_each(|n| self.call(calls, calls.ago.saturating_sub(n)));
            }
            Step::Labels { wrong, right } => {
                let words = std::iter::repeat_n("false-positive", *wrong);
                for word in words.chain(std::iter::repeat_n("correct", *right)) {
                    let (call_id, line) = self.against[self.labelled].clone();
                    self.labelled += 1;
                    self.label(&call_id, &line, word);
                }
            }
            Step::Relabel { opinion, count } => {
                let first: Vec<_> = self.against.iter().take(*count).cloned().collect();
                for (call_id, line) in first {
                    self.label(&call_id, &line, opinion);
                }
            }
            Step::Missed => {
                let line =
                    self.lines.iter().find(|line| line["verdict"] == "allow").unwrap().clone();
                self.label(line["call_id"].as_str().unwrap(), &line, "missed");
            }
            Step::Unjudged { opinion, count, dismisses } => {
                self.unjudged(opinion, *count, *dismisses);
            }
            Step::Lost { ago, stage } => {
                let calls = Step::calls(*stage, 1, *ago);
                let (_, about) = self.about(&calls, *ago);
                self.line(*ago, with(json!({"kind": "decision"}), about));
            }
            Step::Requests { ago, count, decided, action } => {
                for _ in 0..*count {
                    let id = self.request(*ago);
                    let state = if *action == "grant" { "approved" } else { "denied" };
                    decided.iter().for_each(|wait| self.word(ago - wait, &id, action, state));
                }
            }
            Step::Answered { ago, count, before } => {
                for _ in 0..*count {
                    let id = format!("request{}", self.calls);
                    self.word(ago + before, &id, "grant", "approved");
                    self.request(*ago);
                }
            }
            Step::Quorum { ago, first, second } => {
                let id = self.request(*ago);
                self.word(ago - first, &id, "grant", "pending");
                second.iter().for_each(|wait| self.word(ago - wait, &id, "grant", "approved"));
            }
            Step::Policy(policy) => self.policy = digest(policy).to_string(),
            Step::Batch { ago } => self.line(*ago, json!({"kind": "batch"})),
            Step::Gap(lines) => self.seq += lines,
            Step::Cut(lines) => self.gone.extend(self.lines.drain(..*lines)),
        }
    }

    fn unjudged(&mut self, opinion: &str, count: usize, dismisses: bool) {
        let is_unjudged = |line: &&Value| line.get("ending").is_some() && line["verdict"].is_null();
        let lines: Vec<Value> =
            self.lines.iter().filter(is_unjudged).take(count).cloned().collect();
        for line in lines {
            self.label(line["call_id"].as_str().unwrap(), &line, opinion);
            if dismisses {
                self.lines.last_mut().unwrap()["dismisses"] = true.into();
            }
        }
    }

    fn word(&mut self, ago: u64, request: &str, action: &str, state: &str) {
        let approval = json!({"kind": "approval", "action": action, "request": request,
            "state": state, "approver": "ada", "login": "ada@desk"});
        self.line(ago, approval);
    }

    fn request(&mut self, ago: u64) -> String {
        let id = format!("request{}", self.calls);
        let more = json!({ "approval_request": id });
        let verdict = Some("require_approval");
        let calls = Step::calls(Stage::RequireApproval, 1, ago);
        self.call(&Calls { verdict, done: "denied", more, ..calls }, ago);
        id
    }

    fn call(&mut self, calls: &Calls, ago: u64) {
        let (call_id, about) = self.about(calls, ago);
        if calls.kind == "outcome" {
            self.line(ago, with(json!({"kind": "decision"}), about.clone()));
        }
        let sent = calls.done == "forwarded";
        let close = json!({"ending": "completed", "sent": sent, "duration_ms": 1.5});
        let line = with(with(json!({"kind": calls.kind}), about), close);
        if calls.verdict.is_some_and(|verdict| verdict != "allow") {
            self.against.push((call_id, line.clone()));
        }
        self.line(ago - calls.took, line);
    }

    fn about(&mut self, calls: &Calls, ago: u64) -> (String, Value) {
        self.calls += 1;
        let at = self.at(ago);
        let seconds = u64::try_from(at.as_second()).unwrap();
        let call_id = Uuid::new_v7(uuid::Timestamp::from_unix(NoContext, seconds, 0)).to_string();
        let codes = Some(calls.code).filter(|code| !code.is_empty());
        let about = json!({"call_id": call_id, "method": "DELETE", "target_digest": "00",
            "upstream": "u", "route": calls.route, "stage": calls.stage.as_str(),
            "tool_name": "t", "risk_class": "high", "protected": true, "identity": "ci",
            "verdict": calls.verdict, "disposition": calls.done,
            "policy_digest": calls.verdict.map(|_| &self.policy),
            "reason_codes": codes.map_or_else(Vec::new, |code| vec![code])});
        (call_id, with(about, calls.more.clone()))
    }

    fn label(&mut self, call_id: &str, of: &Value, opinion: &str) {
        let of = json!({"route": of["route"], "stage": of["stage"], "tool_name": of["tool_name"],
            "verdict": of["verdict"], "disposition": of["disposition"],
            "policy_digest": of["policy_digest"]});
        let label = json!({"kind": "label", "call_id": call_id, "label": opinion, "by": "ada"});
        self.line(60, with(label, of));
    }

    fn line(&mut self, ago: u64, members: Value) {
        self.seq += 1;
        let time = format!("{:.6}", self.at(ago));
        let frame = json!({"v": 1, "seq": self.seq, "time": time});
        self.lines.push(with(frame, members));
    }

    fn at(&self, ago: u64) -> Timestamp {
        self.now - SignedDuration::from_secs(i64::try_from(ago).unwrap())
    }

    /// What all lines together say.
    pub(crate) fn summary(&self) -> Summary {
        sum(&self.entries())
    }

    /// The lines as they are read.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        entries(&self.lines)
    }

    /// The same with the seals that [`Forge::write`] adds.
    pub(crate) fn summary_of_segments(&self, segments: usize) -> Summary {
        let parts = self.segments(segments).into_iter();
        let here = parts.filter(|(number, _)| !self.is_gone(*number));
        sum(&entries(&here.flat_map(|(_, lines)| lines).collect::<Vec<_>>()))
    }

    /// Writes the lines as so many segments, all but the last sealed.
    pub(crate) fn write(&self, dir: &Path, segments: usize) {
        std::fs::create_dir_all(dir).unwrap();
        let mut chain = Chain::default();
        for (number, lines) in self.segments(segments) {
            let text = chain.link(&lines);
            if !self.is_gone(number) {
                std::fs::write(dir.join(format!("{number:06}.jsonl")), text).unwrap();
            }
        }
    }

    /// With what the log says of itself, which takes numbers in the chain too.
    fn segments(&self, segments: usize) -> Vec<(u32, Vec<Value>)> {
        let each = self.lines.len().div_ceil(segments).max(1);
        let gone = Some(self.gone.clone()).filter(|lines| !lines.is_empty());
        let parts = gone.into_iter().chain(self.lines.chunks(each).map(<[Value]>::to_vec));
        let mut parts: Vec<(u32, Vec<Value>)> = (1..).zip(parts).collect();
        let last = parts.len();
        for (at, (number, lines)) in (1..).zip(&mut parts) {
            chain::introduce(lines);
            match at == last {
                true if self.gone.is_empty() => {}
                true => chain::expire(lines),
                false => chain::seal(*number, lines),
            }
        }
        chain::number(parts.iter_mut().map(|(_, lines)| lines));
        parts
    }

    /// Whether retention took that segment.
    fn is_gone(&self, number: u32) -> bool {
        number == 1 && !self.gone.is_empty()
    }
}

fn entries(lines: &[Value]) -> Vec<Entry> {
    lines.iter().map(|line| Entry::read(line.to_string().as_bytes()).unwrap()).collect()
}

/// What lines say.
pub(crate) fn sum(lines: &[Entry]) -> Summary {
    let mut summary = Summary::default();
    lines.iter().for_each(|line| summary.take(line));
    summary
}

pub(crate) fn with(mut one: Value, more: Value) -> Value {
    let Value::Object(more) = more else { return one };
    let members = more.into_iter().filter(|(_, value)| !value.is_null());
    one.as_object_mut().unwrap().extend(members);
    one
}
