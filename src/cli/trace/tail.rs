//! `gait trace tail`: the last lines of a log, and those that come.

use super::place::{Place, is_gone, saying, width};
use super::row;
use super::wanted::pair;
use crate::audit::{Entry, Field, Filter, Follow, Passed};
use crate::cli::answer::{Answer, Exit, Failure, Outcome, escaped_json};
use crate::cli::style::{Hue, Line};
use crate::cli::{Format, Invocation};
use clap::Args;
use std::io::{self, Write as _};
use std::time::Duration;

/// How often it is asked whether lines have come.
const PAUSE: Duration = Duration::from_millis(200);

/// Lines that are held until they are shown.
const LINES_MAX: i64 = 100_000;

/// Signs what stands before it, and says nothing else.
const BATCH: &str = "batch";

const HELP: &str = "\
Lines that only sign those before them (`batch`) are left out; --filter kind=batch shows them.
With --json each line is printed as it stands in the log; a line with `ok` in it is the last.

Examples:
  gait trace tail -f --filter verdict=block
  gait trace tail -n 100 --filter tool=files.* --filter identity=ada --json";

/// `gait trace tail`.
#[derive(Args)]
#[command(after_help = HELP)]
pub(in crate::cli) struct Tail {
    /// So many lines
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(0..=LINES_MAX))]
    lines: u32,
    /// Go on with those that come, until Ctrl-C
    #[arg(short, long)]
    follow: bool,
    /// Only lines that say so, as NAME=VALUE; names are tool, verdict, disposition, identity,
    /// route, stage, risk, call-id, trace-id, reason, kind; may be repeated
    #[arg(long, value_name = "NAME=VALUE")]
    filter: Vec<String>,
    #[command(flatten)]
    place: Place,
}

/// Prints lines as they come.
struct Printer<'a> {
    filter: Filter,
    width: Option<usize>,
    invocation: &'a Invocation,
}

// === impl Tail ===

impl Tail {
    /// Shows, and follows where that is wanted.
    pub(super) fn run(&self, invocation: &Invocation) -> Outcome {
        let printer = Printer::new(self.filter()?, invocation);
        let mut back = self.place.open()?.backwards(printer.filter.sieve());
        let mut last = Vec::new();
        let follow = back.follow();
        while last.len() < self.lines as usize
            && let Some((entry, raw)) = back.next_line()
        {
            if printer.wants(&entry) {
                last.push((entry, raw));
            }
        }
        let mut out = io::stdout().lock();
        let printed =
            last.iter().rev().try_for_each(|(entry, raw)| printer.print(entry, raw, &mut out));
        drop(out);
        let passed = back.passed().clone();
        match (printed, self.follow) {
            (Ok(()), false) => Ok(saying(Answer::new(Exit::Success), &passed)),
            (Ok(()), true) => {
                printer.say(&passed)?;
                printer.follow(follow)
            }
            (Err(error), _) => ended(error),
        }
    }

    fn filter(&self) -> Result<Filter, Failure> {
        let mut filter = Filter::default();
        self.filter.iter().try_for_each(|text| pair(&mut filter, text))?;
        Ok(filter)
    }
}

/// A closed pipe is an end like another.
fn ended(error: io::Error) -> Outcome {
    if is_gone(&error) { Ok(Answer::new(Exit::Success)) } else { Err(Failure::internal(error)) }
}

// === impl Printer ===

impl<'a> Printer<'a> {
    fn new(filter: Filter, invocation: &'a Invocation) -> Printer<'a> {
        Printer { filter, width: width(invocation.format), invocation }
    }

    fn wants(&self, entry: &Entry) -> bool {
        let is_noise = entry.kind() == BATCH && !self.filter.asks_for(Field::Kind);
        !is_noise && self.filter.is_met(entry)
    }

    fn print(&self, entry: &Entry, raw: &[u8], out: &mut impl io::Write) -> io::Result<()> {
        match self.invocation.format {
            Format::Json => writeln!(out, "{}", escaped_json(&String::from_utf8_lossy(raw))),
            Format::Text => {
                let line = row::of_line(entry, self.width);
                writeln!(out, "{}", line.render(self.invocation.paints.out))
            }
        }
    }

    /// Until Ctrl-C, or until nobody reads any more.
    fn follow(&self, mut follow: Follow) -> Outcome {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(Failure::internal)?;
        runtime.block_on(async {
            tokio::select! {
                ended = self.lines(&mut follow) => ended,
                stopped = tokio::signal::ctrl_c() => {
                    stopped.map(|()| Answer::new(Exit::Success)).map_err(Failure::internal)
                }
            }
        })
    }

    async fn lines(&self, follow: &mut Follow) -> Outcome {
        loop {
            let mut out = io::stdout().lock();
            let read = follow.read(|entry, raw| match self.wants(&entry) {
                true => self.print(&entry, raw, &mut out),
                false => Ok(()),
            });
            let read = read.and_then(|passed| out.flush().map(|()| passed));
            drop(out);
            match read {
                Ok(passed) => self.say(&passed)?,
                Err(error) => return ended(error),
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Says what was passed over, beside the lines.
    fn say(&self, passed: &Passed) -> Result<(), Failure> {
        let mut log = io::stderr().lock();
        passed.sentences().iter().chain(&passed.failures).try_for_each(|text| {
            let line = Line::new().hued(Hue::Yellow, "warning:").text(format!(" {text}"));
            writeln!(log, "{}", line.render(self.invocation.paints.log)).map_err(Failure::internal)
        })
    }
}
