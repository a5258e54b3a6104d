//! A suite: the files `*_test.yaml` of a folder, each a policy and what it must decide.
//!
//! Everything runs in one go. A file or a case that is broken is reported with its place and the
//! rest still runs, so one typing error does not hide ten failures. Exit 5 is a policy that does
//! not do what was expected, exit 6 a suite that cannot be run whole. Rejected: tests written in a
//! language of their own, as other policy engines have them; a case here is the intent and the
//! answer, and nothing that could have a bug itself.

mod source;
mod inline;
mod shelf;
mod run;
mod report;
mod text;
mod envelope;
mod junit;
mod watch;

use super::paths;
use crate::cli::answer::{Answer, Exit, Failure, Outcome};
use crate::cli::files::{self, Existing};
use crate::cli::{Format, Invocation};
use clap::Args;
use report::Report;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// What a file of a suite is called at the end.
const SUFFIXES: [&str; 2] = ["_test.yaml", "_test.yml"];

/// How a suite is run.
#[derive(Args)]
pub(super) struct Options {
    /// Write the results as JUnit XML, for CI
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Fail where the cases match fewer of all rules than PERCENT in a hundred
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    min_coverage: Option<u8>,
    /// Run again whenever a file of the suite changes, until Ctrl-C
    #[arg(long)]
    watch: bool,
}

/// One run of a suite.
struct Ran {
    answer: Answer,
    /// Every file that was read or looked for.
    involved: Vec<PathBuf>,
}

// === impl Options ===

impl Options {
    /// Refuses what means nothing for a single intent.
    pub(super) fn refuse(&self) -> Result<(), Failure> {
        let given = [
            ("--junit", self.junit.is_some()),
            ("--min-coverage", self.min_coverage.is_some()),
            ("--watch", self.watch),
        ];
        match given.into_iter().find(|(_, given)| *given) {
            None => Ok(()),
            Some((flag, _)) => {
                Err(Failure::input(format!("{flag} goes with a suite; name one folder")))
            }
        }
    }
}

/// Whether a path that stands alone names a suite.
pub(super) fn is_suite(path: &Path) -> bool {
    path.is_dir() || path.file_name().is_some_and(is_suite_file)
}

fn is_suite_file(name: &OsStr) -> bool {
    SUFFIXES.iter().any(|suffix| name.as_bytes().ends_with(suffix.as_bytes()))
}

/// Runs the suite at `path`, once or until Ctrl-C.
pub(super) fn run(path: &Path, options: &Options, invocation: &Invocation) -> Outcome {
    match (options.watch, invocation.format) {
        (false, _) => Ok(once(path, options)?.answer),
        (true, Format::Text) => watch::run(path, options, invocation),
        (true, Format::Json) => Err(Failure::input("--watch is for people; leave out --json")),
    }
}

fn once(path: &Path, options: &Options) -> Result<Ran, Failure> {
    let (report, involved) = run::all(files(path)?);
    let report = Report { min_coverage: options.min_coverage, ..report };
    if let Some(path) = &options.junit {
        let read = involved.iter().map(PathBuf::as_path);
        files::refuse_read("junit report", path, read, "is a file of the suite")?;
        files::write("junit report", path, junit::xml(&report).as_bytes(), Existing::Replace)?;
    }
    Ok(Ran { answer: answer(&report), involved })
}

/// The files of a suite, cleaned and sorted.
fn files(path: &Path) -> Result<Vec<PathBuf>, Failure> {
    let path = paths::clean(path);
    let mut found = Vec::new();
    if path.is_dir() {
        paths::walk(&path, is_suite_file, &mut found)?;
    } else {
        found.push(path.clone());
    }
    if found.is_empty() {
        let path = path.display();
        return Err(Failure::input(format!("no files named *_test.yaml in `{path}`")));
    }
    paths::sort(&mut found);
    Ok(found)
}

fn answer(report: &Report) -> Answer {
    let complaints = report.complaints();
    let exit = match report.totals().broken {
        0 if complaints.is_empty() => Exit::Success,
        0 => Exit::Drift,
        _ => Exit::InvalidInput,
    };
    let answer = envelope::members(report, Answer::new(exit).lines(text::lines(report)));
    if complaints.is_empty() { answer } else { answer.failed(complaints.join("; ")) }
}
