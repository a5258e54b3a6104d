//! A whole evidence log, checked; what is found as JSON.

use super::text;
use crate::audit::Log;
use crate::cli::answer::{Answer, Exit, Failure, Outcome};
use crate::cli::trace::place::{self, Written};
use crate::evidence::{
    self, Adopted, Broken, Head, KeptHead, Known, Removed, Report, Signer, Torn, Trust, VerifyError,
};
use crate::sign::{Half, Source};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Verifies the log in a directory.
pub(super) fn verify(path: &Path, keys: &[PathBuf], head: Option<KeptHead>) -> Outcome {
    let log = Log::open(path).map_err(Failure::input)?;
    checked(&log, keys, head).map(|report| sound(log.dir(), &report))
}

/// Checks a log against the keys and the head that somebody knows from elsewhere.
///
/// # Errors
/// Exit 2: it is not as it was written, and the line is named. Exit 6: a key or the log cannot be
/// read.
pub(in crate::cli) fn checked(
    log: &Log,
    keys: &[PathBuf],
    head: Option<KeptHead>,
) -> Result<Report, Failure> {
    let keys = keys.iter().map(|path| {
        let source = Source::one_of(Half::Public, Some(path.clone()), None)?;
        source.map(|source| source.public()).transpose()
    });
    let keys: Result<Vec<_>, _> = keys.filter_map(Result::transpose).collect();
    let trust = Trust { keys: keys.map_err(Failure::input)?, head };
    let bar = place::bar(log.bytes(), Written::AtTheEnd)?;
    let verified = evidence::verify(log.dir(), &trust, &|done, _| bar.set_position(done));
    bar.finish_and_clear();
    verified.map_err(|error| match error {
        VerifyError::Broken(broken) => failed(log.dir(), &broken),
        error => Failure::input(error),
    })
}

fn sound(dir: &Path, report: &Report) -> Answer {
    let segments = report.segments;
    let time = |time: Option<jiff::Timestamp>| time.map(|time| time.to_string());
    let answer = Answer::new(Exit::Success)
        .lines(text::of(report))
        .with("path", dir.display().to_string())
        .with("status", "sound")
        .with("lines", report.lines)
        .with("calls", report.calls)
        .with("decisions", report.decisions)
        .with("first_time", time(report.first_time))
        .with("last_time", time(report.last_time))
        .with("segments", json!({ "sealed": segments.sealed, "unsealed": segments.unsealed }))
        .with("head", of_head(report.head))
        .with("keys", report.signers.iter().map(of_signer).collect::<Vec<_>>())
        .with("covered_to", report.covered_to)
        .with("uncovered_lines", report.uncovered())
        .with("mended_tails", report.mended.iter().map(of_torn).collect::<Vec<_>>())
        .with("torn_end", report.torn.as_ref().map(of_torn))
        .with("removed", report.removed.map(of_removed))
        .with("unkeyed_lines", report.unkeyed)
        .with("adopted", report.adopted.iter().map(of_adopted).collect::<Vec<_>>())
        .with("expected_head", report.known.map(of_known));
    match report.signers.is_empty() {
        true => answer.warn(
            "no line is signed: whoever can write the files can write the log anew, unnoticed",
        ),
        false => answer,
    }
}

/// Exit 2, and the line.
fn failed(dir: &Path, broken: &Broken) -> Failure {
    let Broken { place, seq, fault } = broken;
    let file = dir.join(place.file()).display().to_string();
    let error = format!("{file}, line {}, seq {seq}: {fault}", place.line);
    Failure::new(Exit::VerificationFailed, error)
        .with("path", dir.display().to_string())
        .with("status", "broken")
        .with("fault", fault.as_str())
        .with("file", file)
        .with("segment", place.segment)
        .with("line", place.line)
        .with("seq", *seq)
}

fn of_head(head: Head) -> Value {
    json!({ "seq": head.seq, "hash": head.hash })
}

fn of_signer(signer: &Signer) -> Value {
    json!({
        "key_id": signer.key_id,
        "standing": signer.standing.as_str(),
        "from_seq": signer.from_seq,
        "signatures": signer.signatures,
    })
}

fn of_torn(torn: &Torn) -> Value {
    let Torn { place, bytes } = torn;
    json!({ "segment": place.segment, "line": place.line, "bytes": bytes })
}

fn of_adopted(adopted: &Adopted) -> Value {
    json!({ "from_seq": adopted.from_seq, "lines": adopted.lines })
}

fn of_removed(removed: Removed) -> Value {
    json!({ "segment": removed.segment, "seq": removed.last.seq, "hash": removed.last.hash })
}

fn of_known(known: Known) -> Value {
    json!({ "seq": known.seq, "newer_lines": known.newer })
}
