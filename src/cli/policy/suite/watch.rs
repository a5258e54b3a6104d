//! `--watch`: the suite again whenever one of its files changes, until Ctrl-C.
//!
//! Files are asked for their size and time a few times a second. Rejected: a notification crate,
//! which needs a watch for each folder of each policy and intent, and sees nothing on network
//! file systems; a suite has few files and a person does not notice a third of a second.

use super::{Options, files, once};
use crate::cli::Invocation;
use crate::cli::answer::{self, Answer, Exit, Failure, Outcome};
use crate::cli::style::{Hue, Line};
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};
use tokio::{select, time};

/// How often files are looked at.
const POLL: Duration = Duration::from_millis(300);

/// What clears a terminal.
const CLEAR: &str = "\u{1b}[2J\u{1b}[H";

/// Size and time of a file; `None` where there is none.
type Stamp = Option<(u64, SystemTime)>;

/// What the files of a suite looked like.
type Stamps = BTreeMap<PathBuf, Stamp>;

/// A suite that is watched.
struct Watch<'a> {
    path: &'a Path,
    options: &'a Options,
    invocation: &'a Invocation,
}

/// Prints run after run; ends as the last one did.
pub(super) fn run(path: &Path, options: &Options, invocation: &Invocation) -> Outcome {
    let runtime = Builder::new_current_thread().enable_all().build().map_err(Failure::internal)?;
    let watch = Watch { path, options, invocation };
    runtime.block_on(watch.until_interrupted()).map(Answer::new).map_err(Failure::internal)
}

impl Watch<'_> {
    async fn until_interrupted(&self) -> io::Result<Exit> {
        let mut interrupts = signal(SignalKind::interrupt())?;
        let mut stamps = Stamps::new();
        loop {
            let exit = self.print_run(&mut stamps)?;
            while stamps == self.restamped(&stamps) {
                select! {
                    _ = interrupts.recv() => return Ok(exit),
                    () = time::sleep(POLL) => {}
                }
            }
        }
    }

    /// Runs once and prints it. The stamps are taken before the files are read, so that no change
    /// falls between the two.
    fn print_run(&self, stamps: &mut Stamps) -> io::Result<Exit> {
        let mut before = self.restamped(stamps);
        let (outcome, involved) = match once(self.path, self.options) {
            Ok(ran) => (Ok(ran.answer), ran.involved),
            Err(failure) => (Err(failure), Vec::new()),
        };
        for path in involved {
            before.entry(path).or_insert_with_key(|path| stamp(path));
        }
        *stamps = before;
        let (mut out, mut log) = (io::stdout().lock(), io::stderr().lock());
        if io::stdout().is_terminal() {
            out.write_all(CLEAR.as_bytes())?;
        }
        let paints = self.invocation.paints;
        let exit = answer::print_text(outcome, "policy test", paints, &mut out, &mut log)?;
        let line = format!("watching {} files; Ctrl-C ends", stamps.len());
        writeln!(out, "{}", Line::new().hued(Hue::Faint, line).render(paints.out))?;
        out.flush()?;
        Ok(exit)
    }

    /// The same files and those that the folder has now.
    fn restamped(&self, stamps: &Stamps) -> Stamps {
        let found = files(self.path).unwrap_or_default();
        let known = stamps.keys().cloned();
        known.chain(found).map(|path| (path.clone(), stamp(&path))).collect()
    }
}

fn stamp(path: &Path) -> Stamp {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.len(), metadata.modified().ok()?))
}
