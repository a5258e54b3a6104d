//! What goes on while a replay runs: a progress bar for people, and the file of differences.

use crate::cli::answer::Failure;
use crate::cli::files::Growing;
use crate::replay::Listener;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{self, IsTerminal as _, Write as _};
use std::path::Path;

/// How often the bar is drawn anew, in hertz.
const DRAWS_PER_SECOND: u8 = 10;

const TEMPLATE: &str =
    "{wide_bar} {percent:>3}% of {total_bytes}, {binary_bytes_per_sec}, {eta} left";

/// Whether there is a progress bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bar {
    /// On standard error, if a person reads that.
    OnTerminal,
    /// No.
    None,
}

/// Listens to a replay.
pub(super) struct Watch {
    bar: ProgressBar,
    out: Option<Growing>,
}

impl Watch {
    /// Begins the bar and the file.
    ///
    /// # Errors
    /// Exit 1: the file cannot be made.
    pub(super) fn begin(bar: Bar, bytes: u64, out: Option<&Path>) -> Result<Watch, Failure> {
        let out = out.map(|path| Growing::begin("differences", path)).transpose()?;
        let target = match bar {
            Bar::OnTerminal if io::stderr().is_terminal() => {
                ProgressDrawTarget::stderr_with_hz(DRAWS_PER_SECOND)
            }
            _ => ProgressDrawTarget::hidden(),
        };
        let bar = ProgressBar::with_draw_target(Some(bytes), target);
        let style = ProgressStyle::with_template(TEMPLATE).map_err(Failure::internal)?;
        bar.set_style(style);
        Ok(Watch { bar, out })
    }

    /// Takes the bar away and gives the file its name.
    ///
    /// # Errors
    /// Exit 1: the file cannot be kept.
    pub(super) fn end(self) -> Result<(), Failure> {
        self.bar.finish_and_clear();
        self.out.map_or(Ok(()), Growing::keep)
    }
}

impl Listener for Watch {
    fn batch(&mut self, bytes: u64, lines: &[u8]) -> io::Result<()> {
        self.bar.inc(bytes);
        self.out.as_mut().map_or(Ok(()), |out| out.write_all(lines))
    }
}
