//! Every case of every file, in order.

use super::inline;
use super::report::{CaseReport, Difference, End, FileReport, Judged, Report};
use super::shelf::{Shelf, Volume};
use super::source::{self, Case, Expect, Given, Slot, Suite};
use crate::cli::files;
use crate::cli::policy::{judge, paths};
use crate::clock;
use crate::intent::time::Time;
use crate::intent::{self, Draft, Intent};
use crate::json;
use crate::policy::Decision;
use crate::yaml::{Fault, Place};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// A run under way.
struct Run {
    shelf: Shelf,
    /// When cases are judged that name no time.
    now: Time,
    involved: Vec<PathBuf>,
}

/// Runs all files; also says every file that had a part in it.
pub(super) fn all(files: Vec<PathBuf>) -> (Report, Vec<PathBuf>) {
    let mut run = Run { shelf: Shelf::default(), now: judge::now(), involved: files.clone() };
    let files = files.into_iter().map(|path| run.file(path)).collect();
    let report = Report { files, coverage: run.shelf.coverage(), min_coverage: None };
    run.involved.extend(run.shelf.paths());
    paths::sort(&mut run.involved);
    (report, run.involved)
}

impl Run {
    fn file(&mut self, path: PathBuf) -> FileReport {
        let started = clock::instant();
        let cases = self.cases(&path).unwrap_or_else(|(place, error)| {
            let (name, end) = ("the file".to_owned(), End::Broken(error));
            vec![CaseReport { name, place, end, took: started.elapsed() }]
        });
        FileReport { path, cases }
    }

    /// # Errors
    /// The file or its policy means nothing, and where.
    fn cases(&mut self, path: &Path) -> Result<Vec<CaseReport>, (Place, String)> {
        let nowhere = |error: String| (Place::default(), error);
        let bytes = files::read("test", path).map_err(|failure| nowhere(failure.to_string()))?;
        let text = String::from_utf8(bytes)
            .map_err(|_| nowhere("the file is not UTF-8; save it as UTF-8".to_owned()))?;
        let Suite { policy, policy_place, cases } =
            source::parse(&text).map_err(|fault| (fault.place, fault.what))?;
        let volume =
            self.shelf.get(&beside(path, &policy)).map_err(|error| (policy_place, error))?;
        let (now, involved) = (self.now, &mut self.involved);
        Ok(cases.into_iter().map(|slot| report(path, slot, volume, now, involved)).collect())
    }
}

fn report(
    file: &Path,
    slot: Slot,
    volume: &mut Volume,
    now: Time,
    involved: &mut Vec<PathBuf>,
) -> CaseReport {
    let started = clock::instant();
    let Slot { name, place, case } = slot;
    let judged = case.and_then(|case| {
        if let Given::File(name) = &case.intent {
            involved.push(beside(file, name));
        }
        let intent =
            intent(file, &case).map_err(|what| Fault::validate(case.intent_place, what))?;
        Ok(judge(volume, &intent, &case, now))
    });
    let (place, end) = match judged {
        Ok(judged) => (place, End::Judged(Box::new(judged))),
        Err(fault) => (fault.place, End::Broken(fault.what)),
    };
    CaseReport { name, place, end, took: started.elapsed() }
}

fn judge(volume: &mut Volume, intent: &Intent, case: &Case, now: Time) -> Judged {
    let at = case.at.unwrap_or(now);
    let decision = judge::decide(&volume.policy, intent, at);
    volume.mark(judge::rule_numbers(&volume.policy, intent, &decision));
    Judged {
        policy_digest: volume.policy.digest(),
        intent_digest: intent.digest(),
        expected: case.expect.verdict,
        differences: differences(&case.expect, &decision),
        decision,
    }
}

fn differences(expect: &Expect, got: &Decision) -> Vec<Difference> {
    let rule = got.matched_rule.clone().unwrap_or_default();
    let members: [(&str, Option<Value>, Value); 5] = [
        ("verdict", Some(expect.verdict.as_str().into()), got.verdict.as_str().into()),
        ("matched_rule", expect.matched_rule.clone().map(Value::from), rule.into()),
        (
            "reason_codes",
            expect.reason_codes.clone().map(Value::from),
            got.reason_codes.clone().into(),
        ),
        ("violations", expect.violations.clone().map(Value::from), got.violations.clone().into()),
        ("min_approvals", expect.min_approvals.map(Value::from), got.min_approvals.into()),
    ];
    let different = members.into_iter().filter_map(|(member, expected, got)| {
        let expected = expected?;
        (expected != got).then_some(Difference { member, expected, got })
    });
    different.collect()
}

// === intents ===

/// The intent of a case. Nothing is laid over a file without being asked for, so its bytes are
/// then read as they are.
fn intent(file: &Path, case: &Case) -> Result<Intent, String> {
    let (base, origin) = match &case.intent {
        Given::Inline(intent) => (intent.clone(), String::new()),
        Given::File(name) => {
            let path = beside(file, name);
            let bytes = files::read("intent", &path).map_err(|failure| failure.to_string())?;
            let origin = format!("{}: ", path.display());
            if case.with == source::nothing() {
                return normal(&bytes).map_err(|error| format!("{origin}{error}"));
            }
            let value = json::parse(&bytes).map_err(|error| format!("{origin}{error}"))?;
            (value, origin)
        }
    };
    let intent = inline::laid_over(base, case.with.clone());
    normal(intent.to_string().as_bytes()).map_err(|error| format!("{origin}{error}"))
}

fn normal(bytes: &[u8]) -> Result<Intent, String> {
    intent::read::from_json(bytes).and_then(Draft::normalise).map_err(|error| error.to_string())
}

/// A path that is written in `file`.
fn beside(file: &Path, name: &str) -> PathBuf {
    paths::clean(&file.parent().unwrap_or(Path::new("")).join(name))
}
