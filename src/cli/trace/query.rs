//! `gait trace query`: the calls of a log that fit, as a table or as JSON lines.
//!
//! Held are the newest that are shown, never all that are found.

use super::place::{Place, is_gone, saying, watched, width};
use super::row;
use super::wanted::{Wanted, want};
use crate::audit::{Call, Calls, Entry, Field, Filter, Log, Passed, Told};
use crate::cli::answer::{Answer, Exit, Failure, Outcome, escaped};
use crate::cli::{Format, Invocation};
use crate::intent::time::Time;
use clap::Args;
use serde_json::Value;
use std::collections::VecDeque;
use std::io::{self, BufWriter, Write as _};

/// What a person is shown without asking for more.
const SHOWN: usize = 100;

/// What is held at most, to be shown.
const SHOWN_MAX: usize = 100_000;

const HELP: &str = "\
A row is a call: its last line, which repeats all that is known of it. One whose outcome nobody
wrote down has the kind `decision`. With --kind, a row is a line of that kind.
People see the newest 100; --limit shows more. With --json all are printed, oldest first, one JSON
object a line; a line with `ok` in it is the last.

Examples:
  gait trace query --since 2h --verdict block
  gait trace query --tool 'files.*' --identity ada --json | jq -r '.call_id // empty'
  gait trace query --kind approval --since 2026-01-02";

/// `gait trace query`.
#[derive(Args)]
#[command(after_help = HELP)]
pub(in crate::cli) struct Query {
    /// Lines of this kind instead of calls: approval, reload, start, key and so on
    #[arg(long, value_name = "KIND")]
    kind: Vec<String>,
    /// The newest N only
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=SHOWN_MAX as i64))]
    limit: Option<u32>,
    /// Only say how many there are
    #[arg(long, conflicts_with = "limit")]
    count: bool,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    wanted: Wanted,
}

/// What is found.
struct Row {
    time: Option<Time>,
    facts: Entry,
}

/// Takes what is found.
struct Finds {
    count: u64,
    held: VecDeque<Row>,
    how: How,
}

/// What becomes of what is found.
#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    Counted,
    /// The newest are held.
    Held(usize),
    /// Printed as JSON at once.
    Printed,
}

// === impl Query ===

impl Query {
    /// Finds and shows.
    pub(super) fn run(&self, invocation: &Invocation) -> Outcome {
        let mut filter = self.wanted.filter()?;
        want(&mut filter, Field::Kind, &self.kind)?;
        let log = self.place.open()?;
        let how = self.how(invocation.format);
        let mut finds = Finds { count: 0, held: VecDeque::new(), how };
        let passed = match find(&log, &filter, &mut finds) {
            Ok(passed) => passed,
            Err(Stopped::Gone) => return Ok(Answer::new(Exit::Success)),
            Err(Stopped::Failed(failure)) => return Err(failure),
        };
        let answer = finds.answer(invocation.format, self.noun());
        answer.map(|answer| saying(answer, &passed))
    }

    fn how(&self, format: Format) -> How {
        match (self.count, self.limit, format) {
            (true, _, _) => How::Counted,
            (_, Some(limit), _) => How::Held(limit as usize),
            (_, None, Format::Text) => How::Held(SHOWN),
            (_, None, Format::Json) => How::Printed,
        }
    }

    fn noun(&self) -> &'static str {
        if self.kind.is_empty() { "calls" } else { "lines" }
    }
}

/// Why a search was not ended.
pub(super) enum Stopped {
    /// Nobody reads any more.
    Gone,
    Failed(Failure),
}

impl From<io::Error> for Stopped {
    fn from(error: io::Error) -> Stopped {
        if is_gone(&error) { Stopped::Gone } else { Stopped::Failed(Failure::internal(error)) }
    }
}

impl From<Failure> for Stopped {
    fn from(failure: Failure) -> Stopped {
        Stopped::Failed(failure)
    }
}

fn find(log: &Log, filter: &Filter, finds: &mut Finds) -> Result<Passed, Stopped> {
    if !filter.asks_for(Field::Kind) {
        let mut out = BufWriter::new(io::stdout().lock());
        let passed = each_call(log, filter, |call| finds.call(call, &mut out))?;
        out.flush()?;
        return Ok(passed);
    }
    let (mut scan, bar) = watched(log, filter.sieve())?;
    let mut out = BufWriter::new(io::stdout().lock());
    while let Some(found) = scan.next_line() {
        if filter.is_met(&found.entry) {
            finds.take(Row { time: found.entry.time(), facts: found.entry }, &mut out)?;
        }
    }
    out.flush()?;
    bar.finish_and_clear();
    Ok(scan.passed().clone())
}

/// Gives every call that fits, as its end is known; says what was passed over.
pub(super) fn each_call(
    log: &Log,
    filter: &Filter,
    mut to: impl FnMut(Call) -> io::Result<()>,
) -> Result<Passed, Stopped> {
    let (mut scan, bar) = watched(log, filter.sieve_of_calls())?;
    let (mut calls, mut written) = (Calls::default(), Ok(()));
    let mut told = |told, written: &mut io::Result<()>| match told {
        Told::Call(call) if written.is_ok() && filter.is_met_by(&call) => *written = to(*call),
        _ => {}
    };
    while let Some(found) = scan.next_line() {
        calls.take(found.entry, |one| told(one, &mut written));
        std::mem::replace(&mut written, Ok(()))?;
    }
    calls.rest(|one| told(one, &mut written));
    written?;
    bar.finish_and_clear();
    Ok(scan.passed().clone())
}

// === impl Finds ===

impl Finds {
    fn call(&mut self, call: Call, out: &mut impl io::Write) -> io::Result<()> {
        let time = call.time();
        match call.closing.or(call.decision) {
            Some(facts) => self.take(Row { time, facts }, out),
            None => Ok(()),
        }
    }

    fn take(&mut self, row: Row, out: &mut impl io::Write) -> io::Result<()> {
        self.count += 1;
        match self.how {
            How::Counted => {}
            How::Printed => print(&row, out)?,
            How::Held(most) => {
                if self.held.len() == most {
                    self.held.pop_front();
                }
                self.held.push_back(row);
            }
        }
        Ok(())
    }

    fn answer(self, format: Format, noun: &str) -> Outcome {
        let answer = Answer::new(Exit::Success).with("count", self.count);
        match (self.how, format) {
            (How::Counted, _) => Ok(answer.line(self.count.to_string())),
            (How::Printed, _) => Ok(answer),
            (How::Held(_), Format::Json) => {
                let mut out = BufWriter::new(io::stdout().lock());
                let printed = self.held.iter().try_for_each(|row| print(row, &mut out));
                printed.and_then(|()| out.flush()).map_err(Failure::internal)?;
                Ok(answer)
            }
            (How::Held(_), Format::Text) => Ok(self.shown(answer, noun)),
        }
    }

    fn shown(self, answer: Answer, noun: &str) -> Answer {
        let more = self.count - self.held.len() as u64;
        let width = width(Format::Text);
        let answer = match (self.count, noun) {
            (0, noun) => answer.line(format!("no {noun}")),
            (_, "calls") => {
                let rows = self.held.iter().map(|row| row::of_call(row.time, &row.facts, width));
                answer.lines(row::table(rows.collect()))
            }
            _ => answer.lines(self.held.iter().map(|row| row::of_line(&row.facts, width))),
        };
        match more {
            0 => answer,
            more => answer.warn(format!("{more} older {noun} are not shown; --limit shows more")),
        }
    }
}

fn print(row: &Row, out: &mut impl io::Write) -> io::Result<()> {
    writeln!(out, "{}", escaped(&Value::Object(row.facts.members().clone())))
}
