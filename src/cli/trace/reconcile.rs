//! `gait trace reconcile`: what a tool's own log says against what the evidence says.
//!
//! The logs are read before the evidence: a gait that runs may end calls between the two readings,
//! and a line without its call would look like a bypass, a call without its line is only missing.

mod report;
mod text;

use super::place::Place;
use super::wanted::time;
use crate::audit::reconcile::{
    Arrivals, FIELD_NAMES, Findings, Format, Period, Permits, ReadFailed, Reader, Skew,
};
use crate::audit::{Calls, Edge, Log, Passed, Told, When};
use crate::cli::answer::{Failure, Outcome};
use crate::cli::{Format as Printed, Invocation};
use crate::intent::duration;
use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use report::Report;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufReader, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What is read of a log at a time.
const BLOCK_BYTES: usize = 256 << 10;
/// The name of standard input.
const STDIN: &str = "-";
const TEMPLATE: &str =
    "{wide_bar} {percent:>3}% of {total_bytes}, {binary_bytes_per_sec}, {eta} left";

const HELP: &str = "\
Verify the evidence first (gait trace verify): this takes its word.

A line of the log is explained by the traceparent in it, where the log has that; else by method,
path, status and time. nginx writes it with a log_format such as
  '$remote_addr - $remote_user [$time_local] \"$request\" $status $body_bytes_sent '
  '\"$http_referer\" \"$http_user_agent\" \"$http_traceparent\"'

Exit, the worst of:
  6  a log, flag or the evidence cannot be used, or there is nothing to compare
  2  a bypass, a repeat, a broken law, or a line that cannot be read: it may be any of them
  5  a call that was sent is missing from the log, or only one of unknown outcome explains a line
  0  every line has its call, and every call its line

Examples:
  gait trace reconcile --evidence state --access-log access.log --format nginx
  zcat access.log.2.gz | gait trace reconcile --access-log - --access-log access.log --format nginx
  gait trace reconcile --access-log app.log --format json --field method=/req/verb --since 24h";

/// A tool's own log against the evidence
#[derive(Args)]
#[command(after_help = HELP)]
pub(in crate::cli) struct Reconcile {
    #[command(flatten)]
    place: Place,
    /// An access log of the tool, `-` for standard input; may be repeated
    #[arg(long, value_name = "FILE", required = true)]
    access_log: Vec<PathBuf>,
    /// What the logs are written in: nginx, apache, json, caddy, traefik or envoy
    #[arg(long, value_name = "FORMAT", value_parser = format)]
    format: Format,
    /// Where a JSON log has a fact: time, method, path, query, request, status, client or
    /// traceparent, and a JSON Pointer; may be repeated
    #[arg(long, value_name = "NAME=POINTER", value_parser = field)]
    field: Vec<(String, String)>,
    /// The upstream whose logs these are, where the evidence has several; may be repeated
    #[arg(long, value_name = "NAME")]
    upstream: Vec<String>,
    /// From then on: RFC 3339, a date, or a time ago such as 15m, 2h or 7d
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Up to then
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// How far the clocks of gait and the tool may differ
    #[arg(long, value_name = "DURATION", default_value = "2s", value_parser = skew)]
    skew: Duration,
    /// A path that the tool puts before those that gait sends, such as /base
    #[arg(long, value_name = "PATH", value_parser = prefix)]
    strip_prefix: Option<String>,
    /// Show at most so many of each kind; --json has all
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: usize,
}

fn format(word: &str) -> Result<Format, String> {
    let known = || Format::ALL.map(Format::as_str).join(", ");
    let found = Format::ALL.into_iter().find(|format| format.as_str() == word);
    found.ok_or_else(|| format!("write one of {}", known()))
}

fn field(text: &str) -> Result<(String, String), String> {
    let (name, pointer) = text
        .split_once('=')
        .ok_or_else(|| format!("write NAME=POINTER, with one of {}", FIELD_NAMES.join(", ")))?;
    Ok((name.to_owned(), pointer.to_owned()))
}

fn skew(text: &str) -> Result<Duration, String> {
    let read = duration::positive(text).and_then(|read| Duration::try_from(read).ok());
    read.ok_or_else(|| "write it like 2s or 500ms".to_owned())
}

fn prefix(text: &str) -> Result<String, String> {
    let is_path = text.len() > 1 && text.starts_with('/') && !text.ends_with('/');
    is_path.then(|| text.to_owned()).ok_or_else(|| "write it like /base".to_owned())
}

impl Reconcile {
    pub(super) fn run(self, invocation: &Invocation) -> Outcome {
        let period = Period::from(self.when()?);
        let reader = Reader::new(self.format, &self.field).map_err(Failure::input)?;
        let log = self.place.open()?;
        let bar = self.bar(invocation, log.bytes())?;
        let arrivals = Arrivals::new(reader, period, self.strip_prefix.clone());
        let arrivals = self.arrivals(arrivals, &bar)?;
        let (permits, passed) = self.permits(&log, period, &bar)?;
        bar.finish_and_clear();
        self.refuse_unnamed(&permits)?;
        if arrivals.list().is_empty() && permits.list().is_empty() && arrivals.garbled().is_empty()
        {
            let what = "nothing to compare: neither the logs nor the evidence have a call then";
            return Err(Failure::input(what));
        }
        let found = Findings::of(&arrivals, &permits, Skew::new(self.skew));
        let upstreams = &self.upstream;
        Report { arrivals: &arrivals, permits: &permits, found: &found, passed: &passed, upstreams }
            .outcome(self.limit)
    }

    fn when(&self) -> Result<When, Failure> {
        let since = time(Edge::Since, "--since", self.since.as_deref())?;
        let until = time(Edge::Until, "--until", self.until.as_deref())?;
        Ok(When { since, until })
    }

    fn arrivals(&self, mut arrivals: Arrivals, bar: &ProgressBar) -> Result<Arrivals, Failure> {
        for path in &self.access_log {
            let name = path.display().to_string();
            let read = match path == Path::new(STDIN) {
                true => arrivals.read("stdin", io::stdin().lock()),
                false => File::open(path).map_err(ReadFailed::Io).and_then(|file| {
                    let file = BufReader::with_capacity(BLOCK_BYTES, bar.wrap_read(file));
                    arrivals.read(&name, file)
                }),
            };
            read.map_err(|error| Failure::input(format!("read access log: {name}: {error}")))?;
            self.refuse_unread(&arrivals)?;
        }
        Ok(arrivals)
    }

    /// A log of which nothing can be read is in another format.
    fn refuse_unread(&self, arrivals: &Arrivals) -> Result<(), Failure> {
        let Some(log) = arrivals.logs().last() else { return Ok(()) };
        if log.unread == 0 || log.unread < log.lines {
            return Ok(());
        }
        let (name, word, example) = (&log.name, self.format.as_str(), self.format.example());
        let found = log
            .first_unread
            .as_ref()
            .map(|one| format!(": line {}, `{}`: {}", one.line, one.text, one.why));
        let found = found.unwrap_or_default();
        Err(Failure::input(format!(
            "no line of {name} can be read as {word}{found}; a line should be like `{example}`; give \
             another --format, or name the places with --field"
        )))
    }

    fn permits(
        &self,
        log: &Log,
        period: Period,
        bar: &ProgressBar,
    ) -> Result<(Permits, Passed), Failure> {
        let wanted: BTreeSet<String> = self.upstream.iter().cloned().collect();
        let (mut permits, mut calls) = (Permits::new(period, wanted), Calls::default());
        let told_bar = bar.clone();
        let mut scan = log.scan().telling(move |bytes| told_bar.inc(bytes));
        let mut fault = Ok(());
        let mut told = |permits: &mut Permits, told: Told| {
            if let (Told::Call(call), true) = (told, fault.is_ok()) {
                fault = permits.call(call.decision.as_ref(), call.closing.as_ref());
            }
        };
        while let Some(found) = scan.next_line() {
            permits.line(&found.entry);
            calls.take(found.entry, |one| told(&mut permits, one));
        }
        calls.rest(|one| told(&mut permits, one));
        fault.map_err(Failure::input)?;
        match scan.passed().failures.first() {
            Some(failure) => Err(Failure::internal(failure)),
            None => Ok((permits, scan.passed().clone())),
        }
    }

    /// Calls to another tool could explain what arrived at this one.
    fn refuse_unnamed(&self, permits: &Permits) -> Result<(), Failure> {
        let upstreams: Vec<_> = permits.upstreams().keys().map(String::as_str).collect();
        if !self.upstream.is_empty() || upstreams.len() < 2 {
            return Ok(());
        }
        Err(Failure::input(format!(
            "the evidence has calls to several upstreams: {}; say with --upstream whose logs these are",
            upstreams.join(", ")
        )))
    }

    /// For people who wait; standard input has no length, so it is not counted.
    fn bar(&self, invocation: &Invocation, evidence_bytes: u64) -> Result<ProgressBar, Failure> {
        let bytes = |path: &PathBuf| path.metadata().map_or(0, |there| there.len());
        let total = evidence_bytes + self.access_log.iter().map(bytes).sum::<u64>();
        let target = match invocation.format {
            Printed::Text if io::stderr().is_terminal() => ProgressDrawTarget::stderr_with_hz(10),
            _ => ProgressDrawTarget::hidden(),
        };
        let style = ProgressStyle::with_template(TEMPLATE).map_err(Failure::internal)?;
        let bar = ProgressBar::with_draw_target(Some(total), target);
        bar.set_style(style);
        Ok(bar)
    }
}
