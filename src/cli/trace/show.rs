//! `gait trace show`: what exactly ran, who allowed it, under which policy, and what speaks for
//! the lines that say so.

use super::place::{Place, saying};
use super::row::{time, verdict, word};
use crate::audit::{Call, Entry, Id, NoStory, Story};
use crate::cli::Invocation;
use crate::cli::answer::{Answer, Exit, Failure, Outcome};
use crate::cli::style::{Hue, Line};
use crate::evidence::Vouched;
use clap::Args;
use serde_json::{Map, Value, json};

/// What was asked for, in the order in which it is shown.
const ASKED: [&str; 18] = [
    "call_id",
    "method",
    "tool_name",
    "risk_class",
    "protected",
    "identity",
    "identity_source",
    "route",
    "upstream",
    "target_digest",
    "traceparent",
    "span_id",
    "parent_span_id",
    "delegation_ref",
    "args_digest",
    "intent_digest",
    "masked",
    "intent",
];

/// What was decided.
const DECIDED: [&str; 22] = [
    "stage",
    "verdict",
    "simulated",
    "dry_run_requested",
    "disposition",
    "permit",
    "reason_codes",
    "violations",
    "matched_rule",
    "candidate_verdict",
    "candidate_against",
    "candidate_reason_codes",
    "candidate_rule",
    "candidate_policy_digest",
    "approval_request",
    "approval_expires_at",
    "approvers",
    "approval_ref",
    "policy_digest",
    "snapshot",
    "asked_under",
    "trace_id",
];

/// What became of it.
const CAME: [&str; 7] =
    ["ending", "status", "answered", "sent", "request_bytes", "response_bytes", "duration_ms"];

/// Members that are shown otherwise.
const FRAME: [&str; 8] = ["v", "seq", "kind", "time", "prev", "hash", "sig", "key_id"];

const HELP: &str = "\
A line is covered where a signature stands behind it and the chain is whole up to there. That the
key is yours, and the log whole from its front, is for `gait trace verify` to say.

Examples:
  gait trace show 0199c0de-7a11
  gait trace show seq:1042 --json";

/// `gait trace show`.
#[derive(Args)]
#[command(after_help = HELP)]
pub(in crate::cli) struct Show {
    /// A call id or its first characters, a trace id, the id of an approval request, or seq:N
    id: String,
    #[command(flatten)]
    place: Place,
}

impl Show {
    /// Finds and shows.
    pub(super) fn run(&self, _: &Invocation) -> Outcome {
        let id = Id::parse(&self.id).map_err(Failure::input)?;
        let story = Story::find(&self.place.open()?, &id).map_err(|error| match error {
            NoStory::Ambiguous { ref calls, .. } => {
                Failure::input(&error).with("calls", calls.clone())
            }
            error => Failure::input(error),
        })?;
        let answer = json(Answer::new(Exit::Success), &story).lines(lines(&story));
        let answer = match story.more {
            0 => answer,
            more => answer.warn(format!(
                "{more} more calls share the id; `gait trace query --trace-id` lists them"
            )),
        };
        Ok(saying(answer, &story.passed))
    }
}

// === JSON ===

fn json(answer: Answer, story: &Story) -> Answer {
    let calls: Vec<Value> = story.calls.iter().map(|call| call_json(story, call)).collect();
    let events: Vec<Value> = story.events.iter().map(|event| line_json(story, event)).collect();
    answer.with("calls", calls).with("events", events)
}

fn call_json(story: &Story, call: &Call) -> Value {
    let under = first_seq(call).and_then(|seq| story.under.get(&seq));
    let lines: Vec<Value> = call.lines().map(|line| line_json(story, line)).collect();
    let mut said = json!({ "lines": lines, "ending": call.ending() });
    if let (Some(under), Some(members)) = (under, said.as_object_mut()) {
        members.insert("under".to_owned(), Value::Object(under.members().clone()));
    }
    said
}

fn line_json(story: &Story, line: &Entry) -> Value {
    let mut said = json!({ "line": line.members() });
    if let (Some((place, vouched)), Some(members)) =
        (story.vouched.get(&line.seq()), said.as_object_mut())
    {
        members.insert("segment".to_owned(), place.segment.into());
        members.insert("segment_line".to_owned(), place.line.into());
        members.extend(vouched_json(vouched));
    }
    said
}

fn vouched_json(vouched: &Vouched) -> Map<String, Value> {
    let (word, seq, key) = match vouched {
        Vouched::Signed { seq, key_id } => ("signed", Some(seq), Some(key_id)),
        Vouched::Refused { seq, key_id, .. } => ("refused", Some(seq), Some(key_id)),
        Vouched::Unsigned => ("unsigned", None, None),
        Vouched::Changed => ("changed", None, None),
        Vouched::Cut { seq } => ("cut", Some(seq), None),
    };
    let members = [
        ("covered", Some(word.into())),
        ("covered_by_seq", seq.map(|seq| (*seq).into())),
        ("covered_by_key", key.map(|key| key.as_str().into())),
    ];
    let members = members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    members.collect()
}

fn first_seq(call: &Call) -> Option<u64> {
    call.lines().next().map(Entry::seq)
}

// === text ===

fn lines(story: &Story) -> Vec<Line> {
    let mut lines = Vec::new();
    for call in &story.calls {
        if !lines.is_empty() {
            lines.push(Line::new());
        }
        lines.extend(call_lines(story, call));
    }
    let in_calls = |event: &&Entry| event.kind() == "approval" && !story.calls.is_empty();
    let others = story.events.iter().filter(|event| !in_calls(event));
    for event in others {
        if !lines.is_empty() {
            lines.push(Line::new());
        }
        lines.push(head(event.kind()));
        lines.extend(members(event, &[], Rest::Shown));
        lines.push(row("line", place(story, event)));
    }
    lines
}

fn call_lines(story: &Story, call: &Call) -> Vec<Line> {
    let Some(facts) = call.facts() else { return Vec::new() };
    let mut lines = vec![head("asked for")];
    // The intent stands in the decision line, where there is one.
    let intent = call.lines().find_map(|line| line.members().get("intent"));
    lines.extend(members(facts, &ASKED, Rest::Left));
    if facts.members().get("intent").is_none() {
        lines.extend(intent.map(|intent| row("intent", Line::from(intent.to_string()))));
    }
    lines.push(head("decided"));
    lines.push(row("decision", verdict(facts)));
    lines.extend(members(facts, &DECIDED, Rest::Left));
    let under = first_seq(call).and_then(|seq| story.under.get(&seq));
    lines.extend(under.map(|under| row("in force since", told(under))));
    lines.extend(approvals(story, facts));
    lines.push(head("came of it"));
    lines.push(row("outcome", Line::new().hued(Hue::Strong, word(call.ending()))));
    lines.extend(members(facts, &CAME, Rest::Shown));
    lines.push(head("recorded"));
    lines.extend(call.lines().map(|line| row(line.kind(), place(story, line))));
    lines
}

/// Who said what of the request that a call hung on.
fn approvals(story: &Story, facts: &Entry) -> Vec<Line> {
    let request = facts.text("approval_request");
    let ours = story.events.iter().filter(|event| {
        event.kind() == "approval" && request.is_some() && event.text("request") == request
    });
    ours.flat_map(|event| {
        let text = |name| event.text(name).map_or_else(|| "-".to_owned(), word);
        let said = Line::new().hued(Hue::Strong, text("action")).text(format!(
            " by {} (login {}): {}",
            text("approver"),
            text("login"),
            text("reason")
        ));
        [row("approval", said), row("", place(story, event))]
    })
    .collect()
}

fn told(under: &Entry) -> Line {
    let text = |name| under.text(name).map_or_else(String::new, |text| format!(" {}", word(text)));
    let when = time(under.time());
    match under.kind() {
        "start" => Line::from(format!("{when}, start of gait{}", text("version"))),
        _ => Line::from(format!("{when}, reload of{}", text("snapshot"))),
    }
}

/// Where a line stands, when it was made, and what speaks for it.
fn place(story: &Story, line: &Entry) -> Line {
    let said = Line::from(format!("seq {}, {}", line.seq(), time(line.time())));
    let Some((place, vouched)) = story.vouched.get(&line.seq()) else { return said };
    said.text(format!(", {place}: ")).then(cover(vouched))
}

fn cover(vouched: &Vouched) -> Line {
    let line = Line::new();
    match vouched {
        Vouched::Signed { seq, key_id } => line
            .hued(Hue::Green, "covered")
            .text(format!(" by the signature at seq {seq}, key {key_id}")),
        Vouched::Refused { seq, key_id, refusal } => {
            let why = refusal
                .as_ref()
                .map_or_else(|| "the log does not know the key".to_owned(), ToString::to_string);
            line.hued(Hue::Red, "not covered")
                .text(format!(": the signature at seq {seq}, key {key_id}, does not hold: {why}"))
        }
        Vouched::Unsigned => line.hued(Hue::Yellow, "not covered").text(": no signature behind it"),
        Vouched::Changed => line.hued(Hue::Red, "changed").text(" since it was written"),
        Vouched::Cut { seq } => line
            .hued(Hue::Red, "not covered")
            .text(format!(": the chain breaks after seq {seq}, before a signature")),
    }
}

fn head(text: &str) -> Line {
    Line::new().hued(Hue::Strong, text.to_owned())
}

/// Whether members that have no place elsewhere are shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rest {
    Shown,
    Left,
}

/// Members in the order of `names`, and those that stand in no list where they are wanted.
fn members(entry: &Entry, names: &[&str], rest: Rest) -> Vec<Line> {
    let all = entry.members();
    let listed = names.iter().filter_map(|name| all.get_key_value(*name));
    let is_known = |name: &str| {
        [&FRAME[..], &ASKED, &DECIDED, &CAME].iter().any(|list| list.contains(&name))
            && (!names.is_empty() || FRAME.contains(&name))
    };
    let others = all.iter().filter(|(name, _)| rest == Rest::Shown && !is_known(name));
    let shown = listed.chain(others);
    shown
        .filter(|(name, _)| *name != "verdict" && *name != "disposition" && *name != "ending")
        .map(|(name, value)| row(name, value_line(value)))
        .collect()
}

fn value_line(value: &Value) -> Line {
    let whole = |value: &Value| match value {
        Value::String(text) => word(text),
        other => other.to_string(),
    };
    match value {
        Value::Array(items) => Line::from(items.iter().map(whole).collect::<Vec<_>>().join(", ")),
        other => Line::from(whole(other)),
    }
}

/// A label and what it labels, in columns of one width. The log may be spoilt, and so a name.
fn row(label: &str, said: Line) -> Line {
    let label = label.replace(char::is_control, " ");
    Line::from("  ").hued(Hue::Faint, label).padded(20).text("  ").then(said)
}
