//! Which lines or calls are wanted.

use super::calls::Call;
use super::entry::Entry;
use super::sieve::Sieve;
use super::when::When;
use crate::policy::Verdict;
use crate::stage::{Disposition, Stage};

/// Kinds of lines that gait writes.
const KINDS: [&str; 14] = [
    "decision", "outcome", "call", "start", "stop", "reload", "recover", "approval", "stage",
    "label", "key", "batch", "seal", "expired",
];

/// What can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// The intent's tool; a `*` at the end stands for anything.
    Tool,
    /// What the policy said.
    Verdict,
    /// What the proxy did.
    Disposition,
    /// Who called; a `*` at the end stands for anything.
    Identity,
    /// The route; a `*` at the end stands for anything.
    Route,
    /// The stage that was in force.
    Stage,
    /// The risk class.
    Risk,
    /// The call, or the start of its id.
    CallId,
    /// The name of the decision.
    TraceId,
    /// One of the reason codes.
    Reason,
    /// What a line tells.
    Kind,
}

/// Why a filter is none.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadFilter {
    /// There is nothing of that name.
    #[error("nothing can be filtered by `{name}`; use {}", Field::known())]
    Name {
        /// The name.
        name: String,
    },
    /// The member has never that value.
    #[error("`{value}` is no {name}; use {known}")]
    Value {
        /// The name.
        name: &'static str,
        /// The value.
        value: String,
        /// Those that there are.
        known: String,
    },
}

/// Which lines or calls are wanted: of each field that is asked for, one of the values.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// When.
    pub when: When,
    terms: Vec<(Field, Vec<Wanted>)>,
}

/// A value that is wanted.
#[derive(Clone, Debug)]
enum Wanted {
    Exactly(String),
    StartingWith(String),
}

// === impl Field ===

impl Field {
    /// All of them.
    pub const ALL: [Field; 11] = [
        Field::Tool,
        Field::Verdict,
        Field::Disposition,
        Field::Identity,
        Field::Route,
        Field::Stage,
        Field::Risk,
        Field::CallId,
        Field::TraceId,
        Field::Reason,
        Field::Kind,
    ];

    /// The name that people use.
    pub fn as_str(self) -> &'static str {
        match self {
            Field::Tool => "tool",
            Field::Verdict => "verdict",
            Field::Disposition => "disposition",
            Field::Identity => "identity",
            Field::Route => "route",
            Field::Stage => "stage",
            Field::Risk => "risk",
            Field::CallId => "call-id",
            Field::TraceId => "trace-id",
            Field::Reason => "reason",
            Field::Kind => "kind",
        }
    }

    /// The name of the member.
    fn member(self) -> &'static str {
        match self {
            Field::Tool => "tool_name",
            Field::Risk => "risk_class",
            Field::CallId => "call_id",
            Field::TraceId => "trace_id",
            Field::Reason => "reason_codes",
            other => other.as_str(),
        }
    }

    /// Reads a name, with `-` or `_`.
    ///
    /// # Errors
    /// There is none such; the text lists those that there are.
    pub fn parse(name: &str) -> Result<Field, BadFilter> {
        let said = name.replace('_', "-");
        let found = Field::ALL.into_iter().find(|field| field.as_str() == said);
        found.ok_or_else(|| BadFilter::Name { name: name.to_owned() })
    }

    /// The names, for people.
    pub fn known() -> String {
        Field::ALL.map(Field::as_str).join(", ")
    }

    /// The values that the member can have, where these are known.
    fn values(self) -> Option<Vec<&'static str>> {
        match self {
            Field::Verdict => Some(Verdict::ALL.iter().map(|word| word.as_str()).collect()),
            Field::Disposition => Some(Disposition::ALL.iter().map(|word| word.as_str()).collect()),
            Field::Stage => Some(Stage::ALL.iter().map(|word| word.as_str()).collect()),
            Field::Kind => Some(KINDS.to_vec()),
            _ => None,
        }
    }

    /// Whether all lines of a call have the same.
    fn is_constant(self) -> bool {
        matches!(self, Field::Tool | Field::Identity | Field::Route | Field::CallId)
    }

    fn wanted(self, value: &str) -> Wanted {
        match (self, value.strip_suffix('*')) {
            (Field::Tool | Field::Identity | Field::Route, Some(start)) => {
                Wanted::StartingWith(start.to_owned())
            }
            (Field::CallId, _) => Wanted::StartingWith(value.to_owned()),
            _ => Wanted::Exactly(value.to_owned()),
        }
    }

    fn is_met(self, entry: &Entry, wanted: &[Wanted]) -> bool {
        let one = |text: &str| wanted.iter().any(|wanted| wanted.is_met(text));
        match self {
            Field::Reason => entry.texts(self.member()).any(one),
            _ => entry.text(self.member()).is_some_and(one),
        }
    }
}

// === impl Wanted ===

impl Wanted {
    fn is_met(&self, text: &str) -> bool {
        match self {
            Wanted::Exactly(value) => text == value,
            Wanted::StartingWith(start) => text.starts_with(start.as_str()),
        }
    }

    /// How such a value begins where it stands in a line.
    fn start(&self) -> String {
        match self {
            Wanted::Exactly(value) => format!("{value}\""),
            Wanted::StartingWith(start) => start.clone(),
        }
    }
}

// === impl Filter ===

impl Filter {
    /// Asks for a value more; values of one field are alternatives.
    ///
    /// # Errors
    /// The field never has that value.
    pub fn want(&mut self, field: Field, value: &str) -> Result<(), BadFilter> {
        if let Some(known) = field.values()
            && !known.contains(&value)
        {
            let (value, known) = (value.to_owned(), known.join(", "));
            return Err(BadFilter::Value { name: field.as_str(), value, known });
        }
        let wanted = field.wanted(value);
        match self.terms.iter_mut().find(|(other, _)| *other == field) {
            Some((_, values)) => values.push(wanted),
            None => self.terms.push((field, vec![wanted])),
        }
        Ok(())
    }

    /// Whether a field is asked for.
    pub fn asks_for(&self, field: Field) -> bool {
        self.terms.iter().any(|(other, _)| *other == field)
    }

    /// Whether a line is wanted.
    pub fn is_met(&self, entry: &Entry) -> bool {
        entry.time().is_some_and(|time| self.when.has(time)) && self.has_facts(entry)
    }

    /// Whether a call is wanted: for what its last line says, and when any of its lines was made.
    pub fn is_met_by(&self, call: &Call) -> bool {
        let is_then = |entry: &Entry| entry.time().is_some_and(|time| self.when.has(time));
        call.lines().any(is_then) && call.facts().is_some_and(|facts| self.has_facts(facts))
    }

    /// Lets through every line that is wanted.
    pub fn sieve(&self) -> Sieve {
        let kinds = self.terms.iter().filter(|(field, _)| *field == Field::Kind);
        let kinds = kinds.flat_map(|(_, values)| values).filter_map(|wanted| match wanted {
            Wanted::Exactly(kind) => Some(kind.clone()),
            Wanted::StartingWith(_) => None,
        });
        self.held(Sieve::lines(self.when, kinds.collect()), |field| field != Field::Kind)
    }

    /// Lets through every line of the calls that are wanted.
    pub fn sieve_of_calls(&self) -> Sieve {
        self.held(Sieve::calls(self.when), Field::is_constant)
    }

    fn held(&self, sieve: Sieve, fields: fn(Field) -> bool) -> Sieve {
        let terms = self.terms.iter().filter(|(field, _)| fields(*field));
        let starts = terms.map(|(_, values)| values.iter().map(Wanted::start).collect::<Vec<_>>());
        starts.fold(sieve, |sieve, starts| sieve.holding(&starts))
    }

    fn has_facts(&self, entry: &Entry) -> bool {
        self.terms.iter().all(|(field, wanted)| field.is_met(entry, wanted))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intent::time;

    const LINE: &str = r#"{"v":1,"seq":7,"kind":"call","time":"2026-01-02T03:04:05.000000Z","call_id":"0190-ab","route":"r","stage":"enforce","tool_name":"files.get","risk_class":"low","identity":"ada","verdict":"block","disposition":"denied","reason_codes":["x","y"],"trace_id":"t"}"#;

    fn filter(terms: &[(&str, &str)]) -> Filter {
        let mut filter = Filter::default();
        for (name, value) in terms {
            filter.want(Field::parse(name).unwrap(), value).unwrap();
        }
        filter
    }

    #[test]
    fn each_field_is_asked_by_its_name_and_the_sieve_agrees() {
        let entry = Entry::read(LINE.as_bytes()).unwrap();
        for (name, value, is_met) in [
            ("tool", "files.get", true),
            ("tool", "files.*", true),
            ("tool", "files.", false),
            ("verdict", "block", true),
            ("verdict", "allow", false),
            ("disposition", "denied", true),
            ("identity", "ad*", true),
            ("identity", "ad", false),
            ("route", "r", true),
            ("stage", "enforce", true),
            ("risk", "low", true),
            ("call-id", "0190", true),
            ("call_id", "0191", false),
            ("trace-id", "t", true),
            ("reason", "y", true),
            ("reason", "z", false),
            ("kind", "call", true),
            ("kind", "stop", false),
        ] {
            let filter = filter(&[(name, value)]);
            assert_eq!(filter.is_met(&entry), is_met, "{name} {value}");
            assert!(filter.sieve().passes(LINE.as_bytes()) >= is_met, "{name} {value}");
            assert!(filter.sieve_of_calls().passes(LINE.as_bytes()) >= is_met, "{name} {value}");
        }
    }

    #[test]
    fn values_of_one_field_are_alternatives_and_fields_are_not() {
        let entry = Entry::read(LINE.as_bytes()).unwrap();
        assert!(filter(&[("tool", "other"), ("tool", "files.get")]).is_met(&entry));
        assert!(!filter(&[("tool", "files.get"), ("identity", "bob")]).is_met(&entry));
        assert!(Filter::default().is_met(&entry));
    }

    #[test]
    fn what_can_never_be_met_is_refused() {
        let name = Field::parse("toll").unwrap_err().to_string();
        assert!(name.starts_with("nothing can be filtered by `toll`; use tool, verdict"), "{name}");
        let value = Filter::default().want(Field::Verdict, "deny").unwrap_err().to_string();
        assert!(value.starts_with("`deny` is no verdict; use "), "{value}");
        assert!(value.contains("require_approval"), "{value}");
    }

    #[test]
    fn a_call_is_wanted_for_any_of_its_times_and_its_last_facts() {
        let entry = |time: &str, more: &str| {
            let line = format!(r#"{{"v":1,"seq":1,"kind":"outcome","time":"{time}"{more}}}"#);
            Entry::read(line.as_bytes()).unwrap()
        };
        let call = Call {
            decision: Some(entry("2026-01-02T03:00:00.000000Z", r#","disposition":"forwarded""#)),
            closing: Some(entry("2026-01-02T03:05:00.000000Z", r#","disposition":"failed""#)),
        };
        let mut wanted = filter(&[("disposition", "failed")]);
        assert!(wanted.is_met_by(&call));
        wanted.when.until = time::parse("2026-01-02T03:01:00Z");
        assert!(wanted.is_met_by(&call));
        wanted.when.until = time::parse("2026-01-02T02:01:00Z");
        assert!(!wanted.is_met_by(&call));
        assert!(!filter(&[("disposition", "forwarded")]).is_met_by(&call));
    }
}
