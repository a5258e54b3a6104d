//! What a command says, as one JSON object or as text, and the exit code that goes with it.
//!
//! The JSON object is the public envelope (spec C8.3): sorted keys, empty members left out,
//! `<`, `>` and `&` escaped, one line. The exit code is a value that the command chooses; it never
//! depends on words in a text.

use super::style::{Hue, Line, Paints, is_unseen};
use serde_json::{Map, Value};
use std::fmt::{self, Write as _};
use std::io;

/// How a command ends (spec C8.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exit {
    /// Done; the verdict, if any, lets the call go or simulates it.
    Success,
    /// The machine did not do its part: a file could not be written.
    Internal,
    /// A signature does not hold.
    VerificationFailed,
    /// The verdict is `block`.
    Blocked,
    /// The verdict is `require_approval`.
    ApprovalRequired,
    /// A gate of the rollout is not met.
    GatesNotMet,
    /// There is not enough data to say whether a gate is met.
    NotEnoughData,
    /// What is decided is not what was expected (spec C8.1, regression drift).
    Drift,
    /// Usage, flags, files that cannot be read or do not mean anything.
    InvalidInput,
}

/// What a command found out.
#[derive(Debug)]
pub(super) struct Answer {
    exit: Exit,
    body: Map<String, Value>,
    text: Vec<Line>,
    warnings: Vec<String>,
    error: Option<String>,
}

/// Why a command could not do what was asked.
#[derive(Debug)]
pub(super) struct Failure {
    exit: Exit,
    error: String,
    body: Map<String, Value>,
}

/// What every command returns.
pub(super) type Outcome = Result<Answer, Failure>;

/// The members that an error adds to the envelope.
struct Kind {
    code: &'static str,
    category: &'static str,
    hint: &'static str,
}

// === impl Exit ===

impl Exit {
    /// The process exit status.
    pub(super) fn code(self) -> u8 {
        match self {
            Exit::Success => 0,
            Exit::Internal => 1,
            Exit::VerificationFailed => 2,
            Exit::Blocked | Exit::GatesNotMet => 3,
            Exit::ApprovalRequired | Exit::NotEnoughData => 4,
            Exit::Drift => 5,
            Exit::InvalidInput => 6,
        }
    }

    /// Whether the command did its work; a refusing verdict is an answer, not a failure.
    fn is_ok(self) -> bool {
        let gates = matches!(self, Exit::GatesNotMet | Exit::NotEnoughData);
        gates || matches!(self, Exit::Success | Exit::Blocked | Exit::ApprovalRequired)
    }

    /// Code and category are the same word for these exits, but for drift (spec C8.3).
    fn kind(self) -> Kind {
        const GENERIC: &str = "retry after checking local environment and logs";
        let (code, hint) = match self {
            Exit::InvalidInput => ("invalid_input", "check command usage and input schema"),
            Exit::VerificationFailed => {
                ("verification_failed", "re-run verify after checking artifact integrity")
            }
            Exit::Blocked => ("policy_blocked", "inspect reason_codes and adjust policy or intent"),
            Exit::ApprovalRequired => {
                ("approval_required", "provide a valid approval token and retry")
            }
            Exit::GatesNotMet => ("gates_not_met", "do what the gates that are not met say"),
            Exit::NotEnoughData => ("not_enough_data", "wait for more calls, or label more"),
            Exit::Drift => ("regress_failed", GENERIC),
            Exit::Success | Exit::Internal => ("internal_failure", GENERIC),
        };
        let category = if self == Exit::Drift { "internal_failure" } else { code };
        Kind { code, category, hint }
    }
}

// === impl Answer ===

impl Answer {
    /// An answer that says nothing yet.
    pub(super) fn new(exit: Exit) -> Answer {
        Answer { exit, body: Map::new(), text: Vec::new(), warnings: Vec::new(), error: None }
    }

    /// Adds a member; empty ones are left out when printed.
    pub(super) fn with(mut self, name: &str, value: impl Into<Value>) -> Answer {
        self.body.insert(name.to_owned(), value.into());
        self
    }

    /// Adds a line of text, for people.
    pub(super) fn line(mut self, line: impl Into<Line>) -> Answer {
        self.text.push(line.into());
        self
    }

    /// Adds lines of text, for people.
    pub(super) fn lines(mut self, lines: impl IntoIterator<Item = Line>) -> Answer {
        self.text.extend(lines);
        self
    }

    /// Ends in another way.
    pub(super) fn ending(mut self, exit: Exit) -> Answer {
        self.exit = exit;
        self
    }

    /// Says what went wrong beside everything else that there is to say.
    pub(super) fn failed(mut self, error: impl Into<String>) -> Answer {
        self.error = Some(error.into());
        self
    }

    /// Adds a warning: a member of the JSON object, a line on stderr otherwise.
    pub(super) fn warn(mut self, warning: impl Into<String>) -> Answer {
        self.warnings.push(warning.into());
        self
    }
}

// === impl Failure ===

impl Failure {
    /// The caller gave something that cannot be used: exit 6.
    pub(super) fn input(error: impl ToString) -> Failure {
        Failure::new(Exit::InvalidInput, error)
    }

    /// The machine failed: exit 1.
    pub(super) fn internal(error: impl ToString) -> Failure {
        Failure::new(Exit::Internal, error)
    }

    /// Any other failure.
    pub(super) fn new(exit: Exit, error: impl ToString) -> Failure {
        Failure { exit, error: error.to_string(), body: Map::new() }
    }

    /// Whether it is the machine that failed: it may go better another time.
    pub(super) fn is_internal(&self) -> bool {
        self.exit == Exit::Internal
    }

    /// Adds a member.
    pub(super) fn with(mut self, name: &str, value: impl Into<Value>) -> Failure {
        self.body.insert(name.to_owned(), value.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.error)
    }
}

// === printing ===

/// Prints the envelope on one line of `out`.
pub(super) fn print_json(
    outcome: Outcome,
    correlation_id: &str,
    out: &mut impl io::Write,
) -> io::Result<Exit> {
    let (exit, mut body, error) = match outcome {
        Ok(answer) => {
            let mut body = answer.body;
            body.insert("warnings".to_owned(), answer.warnings.into());
            (answer.exit, body, answer.error)
        }
        Err(failure) => (failure.exit, failure.body, Some(failure.error)),
    };
    body.retain(|_, value| !is_empty(value));
    body.insert("ok".to_owned(), (exit.is_ok() && error.is_none()).into());
    body.insert("correlation_id".to_owned(), correlation_id.into());
    if let Some(error) = error {
        add_error(&mut body, exit.kind(), error);
    }
    writeln!(out, "{}", escaped(&Value::Object(body)))?;
    out.flush()?;
    Ok(exit)
}

/// Prints lines on `out`, and warnings and errors on `log`.
pub(super) fn print_text(
    outcome: Outcome,
    command: &str,
    paints: Paints,
    out: &mut impl io::Write,
    log: &mut impl io::Write,
) -> io::Result<Exit> {
    let (answer, error) = match outcome {
        Ok(mut answer) => {
            let error = answer.error.take();
            (answer, error)
        }
        Err(failure) => (Answer::new(failure.exit), Some(failure.error)),
    };
    for warning in &answer.warnings {
        let line = Line::new().hued(Hue::Yellow, "warning:").text(format!(" {warning}"));
        writeln!(log, "{}", line.render(paints.log))?;
    }
    answer.text.iter().try_for_each(|line| writeln!(out, "{}", line.render(paints.out)))?;
    out.flush()?;
    if let Some(error) = error {
        let line = Line::new().hued(Hue::Red, format!("{command} error:"));
        writeln!(log, "{}", line.text(format!(" {error}")).render(paints.log))?;
    }
    Ok(answer.exit)
}

fn add_error(body: &mut Map<String, Value>, kind: Kind, error: String) {
    for (name, value) in [
        ("error", error.into()),
        ("error_code", kind.code.into()),
        ("error_category", kind.category.into()),
        ("hint", kind.hint.into()),
        ("retryable", Value::Bool(false)),
    ] {
        body.insert(name.to_owned(), value);
    }
}

/// The envelope's form of JSON, in which nothing can steer a terminal either.
pub(super) fn escaped(value: &Value) -> String {
    escaped_json(&value.to_string())
}

/// The same of JSON text. These characters occur in strings only, so replacing them is exact.
pub(super) fn escaped_json(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' | '>' | '&' => escape(c, &mut escaped),
            c if c.is_control() || is_unseen(c) => escape(c, &mut escaped),
            c => escaped.push(c),
        }
    }
    escaped
}

fn escape(c: char, out: &mut String) {
    for unit in c.encode_utf16(&mut [0; 2]) {
        // Writing to a string cannot fail.
        let _ = write!(out, "\\u{unit:04x}");
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(value) => !value,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::style::Paint;

    fn json(outcome: Outcome) -> String {
        let mut out = Vec::new();
        print_json(outcome, "c0", &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_envelope_is_sorted_escaped_and_leaves_out_what_is_empty() {
        let answer = Answer::new(Exit::Blocked)
            .with("verdict", "block")
            .with("reason_codes", vec!["<&>"])
            .with("violations", Vec::<String>::new())
            .with("rule_count", 0)
            .with("simulate_mode", false);
        assert_eq!(
            json(Ok(answer)),
            "{\"correlation_id\":\"c0\",\"ok\":true,\"reason_codes\":[\"\\u003c\\u0026\\u003e\"],\
             \"verdict\":\"block\"}\n"
        );
    }

    #[test]
    fn what_is_unseen_is_escaped_and_means_the_same() {
        let text = "\u{1b}[2J\u{202e}\u{9b}\u{7f}\u{e0041}\u{2028}é";
        let line = json(Ok(Answer::new(Exit::Success).with("t", text)));
        assert!(line.contains(r"\u001b[2J\u202e\u009b\u007f\udb40\udc41\u2028é"), "{line}");
        assert_eq!(serde_json::from_str::<Value>(&line).unwrap()["t"], text);
    }

    #[test]
    fn an_error_brings_its_code_hint_and_retryable() {
        let line = json(Err(Failure::input("no timeout, no lock").with("path", "p")));
        assert_eq!(
            line,
            "{\"correlation_id\":\"c0\",\"error\":\"no timeout, no lock\",\
             \"error_category\":\"invalid_input\",\"error_code\":\"invalid_input\",\
             \"hint\":\"check command usage and input schema\",\"ok\":false,\"path\":\"p\",\
             \"retryable\":false}\n"
        );
    }

    #[test]
    fn drift_has_a_code_and_a_category_of_its_own() {
        let answer = Answer::new(Exit::Drift).with("cases_failed", 1).failed("1 case failed");
        let line = json(Ok(answer));
        for part in
            ["\"cases_failed\":1", "\"error_category\":\"internal_failure\"", "\"ok\":false"]
        {
            assert!(line.contains(part), "{line}");
        }
        assert!(line.contains("\"error_code\":\"regress_failed\""), "{line}");
    }

    #[test]
    fn text_goes_to_out_and_trouble_to_the_log() {
        let (mut out, mut log) = (Vec::new(), Vec::new());
        let answer = Answer::new(Exit::Success).line("done").warn("but");
        let failure = Err(Failure::internal("full"));
        let plain = Paints { out: Paint::Plain, log: Paint::Plain };
        print_text(Ok(answer), "keys init", plain, &mut out, &mut log).unwrap();
        let exit = print_text(failure, "keys init", plain, &mut out, &mut log).unwrap();
        assert_eq!(exit.code(), 1);
        assert_eq!(String::from_utf8(out).unwrap(), "done\n");
        assert_eq!(String::from_utf8(log).unwrap(), "warning: but\nkeys init error: full\n");
    }
}
