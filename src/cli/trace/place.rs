//! Which log is read, and how far the reading is.

use crate::audit::{Log, Passed, Scan, Sieve};
use crate::cli::answer::{Answer, Exit, Failure};
use crate::cli::{Format, state_dir};
use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{self, IsTerminal as _};
use std::path::PathBuf;

/// Smaller logs are read before a bar could be seen.
const BAR_BYTES_MIN: u64 = 32 << 20;

/// How often the bar is drawn anew, in hertz.
const DRAWS_PER_SECOND: u8 = 10;

const TEMPLATE: &str =
    "{wide_bar} {percent:>3}% of {total_bytes}, {binary_bytes_per_sec}, {eta} left";

/// Where the evidence is.
#[derive(Args)]
pub(in crate::cli) struct Place {
    /// The evidence: a state directory, or the folder `evidence` in it
    /// [default: GAIT__STATE_DIR, else ./state, or ./config/state if only that exists]
    #[arg(long, value_name = "DIR")]
    evidence: Option<PathBuf>,
}

/// When a command writes to standard output. What is written to a terminal while a bar is drawn
/// would stand in the bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// While it reads.
    Meanwhile,
    /// Once all is read.
    AtTheEnd,
}

impl Place {
    /// Opens the log.
    ///
    /// # Errors
    /// Exit 6: there is none.
    pub(in crate::cli) fn open(&self) -> Result<Log, Failure> {
        Log::open(&state_dir::or_found(self.evidence.as_deref())).map_err(|error| {
            let mend = if self.evidence.is_none() { "; name it with --evidence" } else { "" };
            Failure::input(format!("{error}{mend}"))
        })
    }
}

/// Begins a reading that shows a person how far it is, where that takes long.
///
/// # Errors
/// None for the bar of this module.
pub(in crate::cli) fn watched(log: &Log, sieve: Sieve) -> Result<(Scan, ProgressBar), Failure> {
    let bar = bar(log.bytes(), Written::Meanwhile)?;
    let told = bar.clone();
    Ok((log.scan_for(sieve).telling(move |bytes| told.inc(bytes)), bar))
}

/// A bar on standard error, where a person looks at that and it takes long.
///
/// # Errors
/// None for the bar of this module.
pub(super) fn bar(bytes: u64, written: Written) -> Result<ProgressBar, Failure> {
    let is_apart = written == Written::AtTheEnd || !io::stdout().is_terminal();
    let target = match io::stderr().is_terminal() && is_apart && bytes >= BAR_BYTES_MIN {
        true => ProgressDrawTarget::stderr_with_hz(DRAWS_PER_SECOND),
        false => ProgressDrawTarget::hidden(),
    };
    let bar = ProgressBar::with_draw_target(Some(bytes), target);
    bar.set_style(ProgressStyle::with_template(TEMPLATE).map_err(Failure::internal)?);
    Ok(bar)
}

/// Says in an answer what was passed over. What could not be read at all makes it exit 1.
pub(in crate::cli) fn saying(answer: Answer, passed: &Passed) -> Answer {
    let answer = passed.sentences().into_iter().fold(answer, Answer::warn);
    match passed.failures.first() {
        Some(failure) => {
            answer.ending(Exit::Internal).failed(format!("{failure}; the rest was read"))
        }
        None => answer,
    }
}

/// Whether nobody reads any more what is written.
pub(super) fn is_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::BrokenPipe
}

/// How wide lines may be; `None` where nobody looks at them on a terminal.
pub(in crate::cli) fn width(format: Format) -> Option<usize> {
    let terminal = io::stdout().is_terminal().then(terminal_size::terminal_size).flatten();
    terminal.filter(|_| format == Format::Text).map(|(width, _)| usize::from(width.0))
}
