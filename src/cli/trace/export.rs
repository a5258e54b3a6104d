//! `gait trace export`: one call as a signed record of its own, or many calls for other tools.

use super::place::{Place, is_gone, saying};
use super::query::{Stopped, each_call};
use super::wanted::Wanted;
use crate::audit::public::{self, Source};
use crate::audit::{Call, Field, Filter, Id, Log, Passed, Story, csv, ocsf, otlp};
use crate::cli::answer::{Answer, Exit, Failure, Outcome, escaped};
use crate::cli::files::{self, Growing};
use crate::cli::verify_key::Given;
use crate::cli::{Format as Printed, Invocation};
use crate::evidence::Vouched;
use crate::sign::{Half, PrivateKey};
use crate::trace;
use clap::{Args, ValueEnum};
use serde::Serialize;
use std::collections::BTreeSet;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// The key that signs the evidence, in the state directory.
const KEY_FILE: &str = "evidence_signing.key";

const HELP: &str = "\
With an id, the call becomes one signed record in the public trace format, which
`gait trace verify FILE --public-key KEY` checks without the log. Every line of the call must be
covered by a signature of the key that signs the record, or of one named with --public-key. If the log kept the intent as it
was judged, the record is whole. Else it holds what the line says, and what only the intent says is
empty: created_at, the context but the caller, provenance and delegation. `policy_id`,
`policy_version` and `latency_ms` are in no line and always empty.

With --format, all calls that fit are written: csv with a fixed head (RFC 4180; words that a
spreadsheet would run begin with '), ocsf, API Activity events of OCSF 1.5.0, or one message of OTLP
with the log record (otlp-json) or the spans (otlp-json-spans) of each call; these are one JSON object
a line. None holds targets or args. Calls whose trace nobody wants kept have no spans.

Examples:
  gait trace export 0199c0de-7a11 --out call.json
  gait trace export --format csv --since 7d --disposition denied --out denied.csv
  gait trace export --format ocsf --since 15m";

/// `gait trace export`.
#[derive(Args)]
#[command(after_help = HELP)]
#[command(group(clap::ArgGroup::new("what").args(["id", "format"]).required(true)))]
pub(in crate::cli) struct Export {
    /// The call: its id or the first characters of it, or seq:N
    id: Option<String>,
    /// Write many calls in this form
    #[arg(long, value_name = "FORMAT")]
    format: Option<Format>,
    /// Write here instead of standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Private key file that signs the record [default: STATE_DIR/evidence_signing.key]
    #[arg(long, value_name = "FILE", requires = "id")]
    private_key: Option<PathBuf>,
    /// Environment variable that holds that key
    #[arg(long, value_name = "NAME", requires = "id")]
    private_key_env: Option<String>,
    /// Public key file that the log may be signed with too, such as one from before a rotation;
    /// may be repeated
    #[arg(long, value_name = "FILE", requires = "id")]
    public_key: Vec<PathBuf>,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    wanted: Wanted,
}

/// Forms for other tools.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Comma-separated values, for spreadsheets.
    Csv,
    /// API Activity events of the Open Cybersecurity Schema Framework, as JSON lines.
    Ocsf,
    /// Log records of OpenTelemetry, as JSON lines.
    OtlpJson,
    /// Spans of OpenTelemetry, as JSON lines.
    OtlpJsonSpans,
}

impl Export {
    /// Writes what was asked for.
    pub(super) fn run(&self, invocation: &Invocation) -> Outcome {
        if self.out.is_none() && invocation.format == Printed::Json && self.format.is_some() {
            return Err(Failure::input("--json tells what was written; name a file with --out"));
        }
        let filter = self.wanted.filter()?;
        let log = self.place.open()?;
        match (&self.id, self.format) {
            (Some(id), _) => {
                self.refuse_filters(&filter)?;
                self.record(&log, id, invocation.format)
            }
            (None, format) => self.calls(&log, &filter, format.unwrap_or(Format::Csv)),
        }
    }

    fn refuse_filters(&self, filter: &Filter) -> Result<(), Failure> {
        let is_filtered = Field::ALL.into_iter().any(|field| filter.asks_for(field))
            || filter.when != Default::default();
        match is_filtered {
            true => Err(Failure::input("filters go with --format; an id names one call")),
            false => Ok(()),
        }
    }

    // === one call ===

    fn record(&self, log: &Log, id: &str, printed: Printed) -> Outcome {
        let id = Id::parse(id).map_err(Failure::input)?;
        let story = Story::find(log, &id).map_err(Failure::input)?;
        let call = one(&story)?;
        let exported = public::record(call).map_err(Failure::input)?;
        let key = self.key(log)?;
        self.refuse_unsigned(&story, call, &key)?;
        let record = exported.record.signed(&key).map_err(Failure::internal)?;
        let bytes = trace::to_file(&record).map_err(Failure::internal)?;
        let answer = Answer::new(Exit::Success)
            .with("trace_id", record.trace_id())
            .with("verdict", record.verdict())
            .with("key_id", record.key_id())
            .with("intent_kept", exported.source == Source::Intent);
        let answer = match (&self.out, printed) {
            (Some(path), _) => {
                files::write("trace", path, &bytes, files::Existing::Replace)?;
                let path = path.display().to_string();
                answer.line(format!("trace export: wrote {path}")).with("path", path)
            }
            (None, Printed::Json) => {
                let record = serde_json::to_value(&record).map_err(Failure::internal)?;
                answer.with("record", record)
            }
            (None, Printed::Text) => match print(&bytes) {
                Err(error) if !is_gone(&error) => return Err(Failure::internal(error)),
                _ => answer,
            },
        };
        Ok(saying(answer, &story.passed))
    }

    /// The record says under its key what the log says, so somebody trusted must have said it there.
    fn refuse_unsigned(&self, story: &Story, call: &Call, key: &PrivateKey) -> Result<(), Failure> {
        let mut trusted = BTreeSet::from([key.public().id()]);
        for path in &self.public_key {
            let given = Given { path: Some(path.clone()), env: None };
            let source = given.source(Half::Public)?;
            let read = source.map(|source| source.public()).transpose().map_err(Failure::input)?;
            trusted.extend(read.map(|key| key.id()));
        }
        match call.lines().find_map(|line| unsigned(story, line.seq(), &trusted)) {
            Some(why) => Err(Failure::new(Exit::VerificationFailed, why)),
            None => Ok(()),
        }
    }

    fn key(&self, log: &Log) -> Result<PrivateKey, Failure> {
        let given = Given { path: self.private_key.clone(), env: self.private_key_env.clone() };
        let default = log.dir().parent().unwrap_or(Path::new(".")).join(KEY_FILE);
        let is_given = given.path.is_some() || given.env.is_some();
        let given = given.or(Given { path: Some(default), env: None });
        let source = given.source(Half::Private)?;
        let key = source.map(|source| source.private()).transpose().map_err(|error| {
            let mend = if is_given { "" } else { "; name the key with --private-key" };
            Failure::input(format!("{error}{mend}"))
        });
        key?.ok_or_else(|| Failure::input("no key signs; name one with --private-key"))
    }

    // === many calls ===

    fn calls(&self, log: &Log, filter: &Filter, format: Format) -> Outcome {
        let mut count = 0_u64;
        let written = match &self.out {
            Some(path) => {
                let mut file = Growing::begin("export", path)?;
                let passed = write(log, filter, format, &mut file, &mut count);
                passed.and_then(|passed| Ok(file.keep().map(|()| passed)?))
            }
            None => {
                let mut out = BufWriter::new(io::stdout().lock());
                let passed = write(log, filter, format, &mut out, &mut count);
                passed.and_then(|passed| Ok(out.flush().map(|()| passed)?))
            }
        };
        let passed = match written {
            Ok(passed) => passed,
            Err(Stopped::Gone) => return Ok(Answer::new(Exit::Success)),
            Err(Stopped::Failed(failure)) => return Err(failure),
        };
        let answer = Answer::new(Exit::Success).with("count", count);
        let answer = match &self.out {
            Some(path) => {
                let path = path.display().to_string();
                let said = format!("trace export: wrote {count} calls to {path}");
                answer.line(said).with("path", path)
            }
            None => answer,
        };
        Ok(saying(answer, &passed))
    }
}

/// The one call that an id names.
fn one(story: &Story) -> Result<&Call, Failure> {
    match (story.calls.as_slice(), story.more) {
        ([call], 0) => Ok(call),
        ([], _) => Err(Failure::input("the id names no call; give the id of one")),
        (calls, _) => {
            let facts = calls.iter().filter_map(Call::facts);
            let ids: Vec<&str> = facts.filter_map(|facts| facts.text("call_id")).collect();
            let ids = ids.join(", ");
            Err(Failure::input(format!("several calls share the id; give one of theirs: {ids}")))
        }
    }
}

/// Why no trusted signature covers a line, if none does.
fn unsigned(story: &Story, seq: u64, trusted: &BTreeSet<String>) -> Option<String> {
    let why = match story.vouched.get(&seq).map(|(_, said)| said) {
        Some(Vouched::Signed { key_id, .. }) if trusted.contains(key_id) => return None,
        Some(Vouched::Signed { key_id, .. }) => {
            format!("key `{key_id}` signed it; if you trust that key give it with --public-key")
        }
        Some(Vouched::Refused { seq, .. }) => format!("the signature at seq {seq} does not hold"),
        Some(Vouched::Unsigned) => "no signature follows it yet".to_owned(),
        Some(Vouched::Changed) => "it was changed".to_owned(),
        Some(Vouched::Cut { seq }) => format!("the chain breaks behind seq {seq}"),
        None => "nothing speaks for it".to_owned(),
    };
    Some(format!("the line at seq {seq} is not covered by a trusted signature: {why}"))
}

fn print(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)?;
    out.flush()
}

fn write(
    log: &Log,
    filter: &Filter,
    format: Format,
    out: &mut impl Write,
    count: &mut u64,
) -> Result<Passed, Stopped> {
    if format == Format::Csv {
        csv::head(out)?;
    }
    let origin = otlp::Origin::new("gait", &[]);
    each_call(log, filter, |call| {
        let facts = call.facts().map(std::slice::from_ref).unwrap_or_default();
        match format {
            Format::Csv => csv::row(&call, out)?,
            Format::Ocsf => match ocsf::event(&call) {
                Some(event) => writeln!(out, "{}", escaped(&event))?,
                None => return Ok(()),
            },
            Format::OtlpJson => message(out, &otlp::logs(&origin, facts))?,
            Format::OtlpJsonSpans if otlp::is_traced(facts) => {
                message(out, &otlp::traces(&origin, facts))?;
            }
            // Of a call whose trace nobody wanted kept nothing is written, so it does not count.
            Format::OtlpJsonSpans => return Ok(()),
        }
        *count += 1;
        Ok(())
    })
}

/// A message of OTLP, on a line of its own.
fn message(out: &mut impl Write, message: &impl Serialize) -> io::Result<()> {
    writeln!(out, "{}", escaped(&serde_json::to_value(message)?))
}
