//! One request as text for whoever must decide it: what will run, who wants it and why it is asked.
//!
//! What must not be missed stands first and last, since the middle is as long as a caller makes it.
//! Long parts are cut and say so; `--json` has all of them.

use super::table::{age, grants, risk, state};
use super::wire::{Change, Exhibit, Precedent, Request, Run, Voice};
use crate::cli::style::{Hue, Line, labelled};
use serde_json::Value;

/// Lines of arguments, and of a body, that are shown.
const PART_LINES_MAX: usize = 60;

/// Characters of one line that are shown.
const LINE_CHARS_MAX: usize = 400;

/// Every line.
pub(super) fn lines(request: &Request) -> Vec<Line> {
    let mut lines = loud(request);
    lines.extend(head(request));
    lines.extend(targets(&request.call));
    lines.extend(arguments(&request.call));
    lines.extend(body(&request.call));
    lines.extend(request.precedent.iter().flat_map(precedent));
    lines.extend(said(&request.voices));
    lines.extend(request.run.iter().flat_map(run));
    lines.push(Line::new());
    lines.extend(may(request));
    lines.extend(loud(request));
    lines
}

/// What nobody may overlook.
fn loud(request: &Request) -> Vec<Line> {
    let warning = "OUTCOME UNKNOWN: the call left, and nobody knows whether the tool did it. Look at \
                   the tool before anybody calls it again.";
    let unknown = (request.summary.state == "unknown").then(|| warning.to_owned());
    let omitted = match request.call.args_omitted_bytes {
        0 => None,
        bytes => {
            Some(format!("ARGUMENTS NOT SHOWN: they are {bytes} bytes, too large to be kept."))
        }
    };
    let lines = unknown.into_iter().chain(omitted);
    lines.map(|text| Line::new().hued(Hue::Red, text)).collect()
}

fn head(request: &Request) -> impl Iterator<Item = Line> {
    let (summary, call) = (&request.summary, &request.call);
    labelled([
        ("request", status(request)),
        ("call", asked(request)),
        ("tool", Line::new().hued(Hue::Strong, &*summary.tool_name)),
        ("risk", risk(&summary.risk_class)),
        ("requester", requester(request)),
        ("rule", word(&call.matched_rule)),
        ("reasons", word(&call.reason_codes.join(", "))),
        ("violations", word(&call.violations.join(", "))),
        ("route", Line::from(format!("{}, stage {}", summary.route, call.stage))),
        ("made", made(request)),
        ("waits until", waits(request)),
        ("scope", word(&request.scope.join(", "))),
        ("intent", digest(Some(&request.intent_digest))),
        ("policy", digest(Some(&request.policy_digest))),
        ("delegation", digest(request.delegation_digest.as_ref())),
    ])
}

fn status(request: &Request) -> Line {
    let summary = &request.summary;
    let line = Line::new().hued(Hue::Strong, &*summary.id).text("  ").then(state(&summary.state));
    let by = match summary.granted_by.as_slice() {
        [] => String::new(),
        names => format!(" by {}", names.join(", ")),
    };
    line.text(format!(", granted {}{by}, version {}", grants(summary), summary.version))
}

/// What is called, whole.
fn asked(request: &Request) -> Line {
    let call = &request.call;
    let or = |own: &str, other: &str| if own.is_empty() { other } else { own }.to_owned();
    let (method, path) =
        (or(&call.method, &request.summary.method), or(&call.path, &request.summary.path));
    let query = if call.query.is_empty() { String::new() } else { format!("?{}", call.query) };
    let line = Line::new().hued(Hue::Strong, format!("{method} {path}{query}"));
    let line = match call.host.as_str() {
        "" => line,
        host => line.text(format!(" on {host}")),
    };
    match call.upgrade.as_str() {
        "" => line,
        protocol => line.text(format!(", goes over to {protocol}")),
    }
}

fn requester(request: &Request) -> Line {
    let requester = &request.summary.requester;
    let line = Line::new().hued(Hue::Strong, &*requester.identity);
    let line = match (requester.proven, request.call.identity_source.as_str()) {
        (false, _) => line.hued(Hue::Yellow, "?, who has proven nothing"),
        (true, "") => line.text(", proven"),
        (true, source) => line.text(format!(", proven by {source}")),
    };
    match requester.on_behalf_of.as_slice() {
        [] => line,
        names => line.text(format!(", on behalf of {}", names.join(", "))),
    }
}

fn made(request: &Request) -> Line {
    let summary = &request.summary;
    let (at, age) = (&summary.created_at, age(summary.age_seconds));
    Line::from(format!("{at}, {age} ago; asked {}×, last {}", summary.asked, summary.asked_at))
}

fn waits(request: &Request) -> Line {
    Line::from(format!("{}; changed {}", request.summary.expires_at, request.changed_at))
}

fn digest(digest: Option<&String>) -> Line {
    match digest.filter(|digest| !digest.is_empty()) {
        Some(digest) => Line::new().hued(Hue::Faint, digest.as_str()),
        None => word(""),
    }
}

fn word(text: &str) -> Line {
    match text {
        "" => Line::new().hued(Hue::Faint, "none"),
        text => Line::from(text),
    }
}

// === what will run ===

fn targets(call: &Exhibit) -> Vec<Line> {
    let line = |target: &serde_json::Map<String, Value>| {
        let text = |name: &str| target.get(name).and_then(Value::as_str).unwrap_or("-").to_owned();
        let more =
            target.iter().filter(|(name, _)| !matches!(&***name, "kind" | "value" | "operation"));
        let more: String = more.map(|(name, value)| format!("  {name}={value}")).collect();
        let line = Line::from(format!("  {} {} ", text("operation"), text("kind")));
        line.hued(Hue::Strong, text("value")).hued(Hue::Faint, more)
    };
    part("targets", call.targets.iter().map(line))
}

fn arguments(call: &Exhibit) -> Vec<Line> {
    let pretty = match &call.args {
        Value::Null => String::new(),
        args => serde_json::to_string_pretty(args).unwrap_or_default(),
    };
    let masked = match call.masked.as_slice() {
        [] => String::new(),
        pointers => format!("arguments (masked: {})", pointers.join(", ")),
    };
    let title = if masked.is_empty() { "arguments" } else { &masked };
    part(title, cut(&pretty))
}

fn body(call: &Exhibit) -> Vec<Line> {
    let bytes = call.body_bytes;
    let kind = [call.content_type.as_str(), call.content_encoding.as_str()];
    let kind = kind.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(", ");
    let title = match kind.as_str() {
        "" => format!("body ({bytes} bytes, sha256 {})", call.body_digest),
        kind => format!("body ({bytes} bytes, {kind}, sha256 {})", call.body_digest),
    };
    match &call.body {
        Some(text) if !text.is_empty() => part(&title, cut(text)),
        _ if bytes > 0 => part(&title, [Line::from("  not shown")]),
        _ => Vec::new(),
    }
}

/// A blank line, a title, and what belongs to it; nothing where nothing does.
fn part(title: &str, lines: impl IntoIterator<Item = Line>) -> Vec<Line> {
    let mut lines = lines.into_iter().peekable();
    if lines.peek().is_none() {
        return Vec::new();
    }
    [Line::new(), Line::new().hued(Hue::Faint, title)].into_iter().chain(lines).collect()
}

/// The lines of a text, indented; says what is left out.
fn cut(text: &str) -> Vec<Line> {
    let all = text.lines().count();
    let mut lines: Vec<Line> =
        text.lines().take(PART_LINES_MAX).map(|line| Line::from("  ").then(short(line))).collect();
    if all > PART_LINES_MAX {
        let more = format!("  … {} more lines; --json has them", all - PART_LINES_MAX);
        lines.push(Line::new().hued(Hue::Yellow, more));
    }
    lines
}

fn short(text: &str) -> Line {
    let all = text.chars().count();
    if all <= LINE_CHARS_MAX {
        return Line::from(text);
    }
    let more = format!(" … {} more characters; --json has them", all - LINE_CHARS_MAX);
    let shown: String = text.chars().take(LINE_CHARS_MAX).collect();
    Line::from(shown).hued(Hue::Yellow, more)
}

// === what was before, and what was said ===

fn precedent(precedent: &Precedent) -> Vec<Line> {
    let title = format!(
        "compared with {}, approved by {} at {}",
        precedent.id,
        precedent.approvers.join(", "),
        precedent.at
    );
    let more = precedent.more.then(|| Line::new().hued(Hue::Yellow, "  … more differs than that"));
    match precedent.changes.as_slice() {
        [] => part(&title, [Line::from("  nothing differs that is shown")]),
        changes => part(&title, changes.iter().flat_map(change).chain(more)),
    }
}

fn change(change: &Change) -> impl Iterator<Item = Line> {
    let side = |name: &str, sign: &str, hue: Hue, value: &Option<Value>| {
        let value = value.as_ref()?.to_string();
        let line = Line::from("  ").hued(hue, format!("{sign} {}: ", change.at));
        let line = line.then(short(&value));
        let is_cut = change.shortened.iter().any(|part| part == name);
        Some(if is_cut { line.hued(Hue::Yellow, " … shortened") } else { line })
    };
    let sides = [
        side("before", "-", Hue::Red, &change.before),
        side("after", "+", Hue::Green, &change.after),
    ];
    sides.into_iter().flatten()
}

fn said(voices: &[Voice]) -> Vec<Line> {
    let line = |voice: &Voice| {
        let hue = if voice.word == "grant" { Hue::Green } else { Hue::Red };
        let until = voice.expires_at.as_ref().map(|until| format!(", holds until {until}"));
        let by = format!(" by {} (login {}) at {}", voice.approver, voice.login, voice.at);
        let line = Line::from("  ").hued(hue, &*voice.word).text(by);
        line.text(until.unwrap_or_default()).text(format!(": {}", voice.reason))
    };
    part("said", voices.iter().map(line))
}

fn run(run: &Run) -> Vec<Line> {
    let ended = match (&run.ended_at, &run.ending) {
        (Some(at), Some(ending)) => format!(", ended {at}: {ending}"),
        (Some(at), None) => format!(", ended {at}"),
        (None, _) => ", has not ended".to_owned(),
    };
    let status = run.status.map(|status| format!(", the tool answered {status}"));
    let text = format!("  call {} left {}{ended}", run.call_id, run.claimed_at);
    let line = Line::from(text).text(status.unwrap_or_default());
    // All other endings leave open what the tool did.
    let is_whole = run.ending.as_deref().is_none_or(|ending| ending == "completed");
    let warning = "  its answer did not come whole: ask the tool what it did";
    let warning = (!is_whole).then(|| Line::new().hued(Hue::Yellow, warning));
    part("ran", [line].into_iter().chain(warning))
}

fn may(request: &Request) -> Option<Line> {
    let may = &request.may;
    let line = match (may.grant, may.deny, &may.why_not) {
        (true, true, _) => return Some("you may grant it and deny it".into()),
        (true, false, _) => Line::from("you may grant it"),
        (false, true, _) => Line::from("you may deny it, not grant it"),
        (false, false, None) if !request.summary.is_open() => return None,
        (false, false, _) => Line::from("you may not decide it"),
    };
    Some(match &may.why_not {
        Some(reason) => line.text(": ").hued(Hue::Yellow, reason.as_str()),
        None => line,
    })
}
