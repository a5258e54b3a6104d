//! What was set by command, laid over what the config says.
//!
//! The overlay is read whenever the config is, so that a start, a reload and a check see the same.
//! Reading writes nothing: who serves takes away what has no place any more.

use super::files::Files;
use super::site::Site;
use super::{ConfigError, checks};
use crate::clock;
use crate::json::Digest;
use crate::rollout::{Overlay, OverlayError, Shelf, ShelfError};
use crate::snapshot::{Plan, UpstreamSpec};
use crate::stage::Course;
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

/// What was taken of the overlay.
#[derive(Clone, Debug)]
pub struct Taken {
    /// What the file said.
    pub found: Overlay,
    /// What holds of that.
    pub kept: Overlay,
    /// What has no place any more: the config says something else of those routes by now.
    pub dropped: Overlay,
    /// What is over by its own word. What it was set over holds again, and is in `kept`.
    pub ended: Overlay,
    /// Routes that the config does not name now, and of which something was set.
    pub asleep: Vec<String>,
    /// Whether there was a file.
    pub file: OverlayFile,
    /// What it was laid over.
    alone: Alone,
}

/// Whether the file of the overlay was there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OverlayFile {
    /// It was, if it said nothing.
    There,
    /// A process that runs always keeps one, so it has not run yet, or somebody took it away.
    Missing,
}

/// What the config alone makes of that of a plan which an overlay changes, but for the routes.
#[derive(Clone, Debug)]
struct Alone {
    digest: Digest,
    unmapped: Option<Arc<UpstreamSpec>>,
    refused: Option<Arc<UpstreamSpec>>,
}

// === impl Taken ===

impl Taken {
    /// What people should know of it.
    pub(super) fn warnings(&self) -> impl Iterator<Item = String> {
        let dropped = self.dropped.routes().into_iter().map(|route| {
            format!(
                "the stage that was set by command for route `{route}` is dropped: the config \
                 says something else of it now; set it again if it is still meant"
            )
        });
        dropped.chain(self.asleep.iter().map(|route| {
            format!(
                "a stage was set by command for route `{route}`, which the config does not name; \
                 it holds again once the route is back"
            )
        }))
    }
}

// === impl Alone ===

impl Alone {
    fn of(plan: &Plan) -> Alone {
        let Plan { digest, unmapped, refused, .. } = plan;
        Alone { digest: *digest, unmapped: unmapped.clone(), refused: refused.clone() }
    }

    /// Lays an overlay over a plan of this config, and counts what holds of it into the digest: as
    /// it will be written, so that to drop an entry and to write the rest gives no third name.
    fn lay(self, plan: &mut Plan, read: Option<Overlay>) -> Result<Taken, ShelfError> {
        let file = if read.is_some() { OverlayFile::There } else { OverlayFile::Missing };
        let found = read.unwrap_or_default();
        let mut kept = found.clone();
        let ended = kept.end(clock::now());
        let said: HashMap<&str, &Course> =
            plan.routes.iter().map(|route| (&*route.name, &route.said)).collect();
        let dropped = kept.prune(|name| said.get(name).copied().cloned());
        let is_asleep = |name: &String| !said.contains_key(name.as_str());
        let asleep = kept.routes().into_iter().filter(is_asleep).collect();
        for route in &plan.routes {
            if kept.get(&route.name).is_some_and(|set| set.lowers_unsaid(&route.said)) {
                let what = "it lowers what the config says, and no reason is given; give this entry a `reason`";
                return Err(OverlayError::Entry { route: route.name.to_string(), what }.into());
            }
        }
        for route in &mut plan.routes {
            let set = kept.get(&route.name);
            route.course = set.map_or_else(|| route.said.clone(), |set| set.over(&route.said));
        }
        (plan.unmapped, plan.refused) = (self.unmapped.clone(), self.refused.clone());
        plan.digest = match kept.is_empty() {
            true => self.digest,
            false => {
                let text = kept.to_text()?;
                Digest::of_fields(&[self.digest.to_string().as_bytes(), text.as_bytes()])
            }
        };
        Ok(Taken { found, kept, dropped, ended, asleep, file, alone: self })
    }
}

/// Lays the overlay in `state_dir` over a plan.
///
/// # Errors
/// It is there and cannot be read.
pub(super) fn take(
    plan: &mut Plan,
    site: &Site<'_>,
    state_dir: &Path,
) -> Result<Taken, ConfigError> {
    let shelf = site.environment.shelf(state_dir);
    let read = shelf.parse(site.bytes(shelf.path()));
    let taken = read.and_then(|overlay| Alone::of(plan).lay(plan, overlay));
    taken.map_err(|source| wrong(&shelf, source))
}

/// Lays the overlay that is on the shelf by now over a plan that is in force, and knows its file as
/// it is found; `None` where it is there and says what it said. What comes of it is what a load of
/// the same files would bring, but that it drops nothing: the config may be older than what was
/// set, so what has no place in it sleeps until a load.
///
/// # Errors
/// It cannot be read.
pub fn retake(
    plan: &mut Plan,
    shelf: &Shelf,
    files: &mut Files,
    before: &Taken,
) -> Result<Option<Taken>, ConfigError> {
    let read = shelf.parse(files.read_again(shelf.path()));
    let taken = read.and_then(|overlay| before.alone.clone().lay(plan, overlay));
    let mut taken = taken.map_err(|source| wrong(shelf, source))?;
    let unfit = std::mem::take(&mut taken.dropped).routes();
    if taken.kept == before.kept && taken.file == OverlayFile::There {
        return Ok(None);
    }
    if let Some(closed) = checks::close_lanes(plan) {
        tracing::warn!("{closed}");
    }
    if !unfit.is_empty() {
        tracing::warn!(
            routes = ?unfit,
            "the config in force says something else of these routes than when their stages were set by \
             command: they hold once a load finds a config that they fit, or it drops them"
        );
    }
    Ok(Some(taken))
}

/// Makes the file where there is none: from now on its absence says that it was lost. Where somebody has
/// put it back since it was looked for, what that says is not known, and is to be loaded.
///
/// # Errors
/// It cannot be read or written.
pub fn keep_file(shelf: &Shelf, files: &mut Files, taken: &Taken) -> Result<(), ShelfError> {
    if taken.file == OverlayFile::Missing {
        let written = shelf.change(|overlay| overlay.clone())?;
        if written == taken.found {
            know_written(shelf, files, &written);
        }
    }
    Ok(())
}

/// Knows the file as gait has written it; not so where somebody else has since.
pub fn know_written(shelf: &Shelf, files: &mut Files, written: &Overlay) {
    let says =
        |bytes: &[u8]| shelf.parse(Ok(bytes)).is_ok_and(|found| found.as_ref() == Some(written));
    files.know_again(shelf.path(), says);
}

fn wrong(shelf: &Shelf, source: ShelfError) -> ConfigError {
    ConfigError::Overlay { file: shelf.path().to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Environment, Source};
    use std::fs;
    use tempfile::TempDir;

    const SET: &str = r#"{"v":1,"routes":{"r":{"stage":"enforce","over":"observe","by":"ada","at":"2026-01-01T00:00:00Z"}}}"#;

    /// A config that was loaded while there was no overlay beside it.
    fn loaded(dir: &TempDir) -> (Shelf, Files, Taken) {
        let path = dir.path().join("gait.yaml");
        let text = "policy: p.yaml\nstate_dir: .\nupstreams: { api: { url: \"http://127.0.0.1:9\" } }\n\
                    routes: [{ name: r, upstream: api, intent: { tool_name: a, risk_class: low } }]";
        fs::write(&path, text).unwrap();
        fs::write(dir.path().join("p.yaml"), "default_verdict: block").unwrap();
        let gathered = Source::File(path).gather(&Environment::default());
        let taken = gathered.config.unwrap().overlay;
        assert_eq!(taken.file, OverlayFile::Missing);
        let shelf = Environment::default().shelf(dir.path());
        assert!(gathered.files.marks() == gathered.files.clone().look());
        (shelf, gathered.files, taken)
    }

    #[test]
    fn a_file_that_gait_made_is_no_change_and_one_that_was_put_back_is() {
        let dir = tempfile::tempdir().unwrap();
        let (shelf, mut files, taken) = loaded(&dir);
        keep_file(&shelf, &mut files, &taken).unwrap();
        assert!(files.marks() == files.clone().look());

        let dir = tempfile::tempdir().unwrap();
        let (shelf, mut files, taken) = loaded(&dir);
        fs::write(shelf.path(), SET).unwrap();
        keep_file(&shelf, &mut files, &taken).unwrap();
        assert!(files.marks() != files.clone().look(), "it is to be loaded");
        assert_eq!(shelf.read().unwrap().routes(), ["r"]);
    }

    #[test]
    fn what_somebody_else_wrote_is_not_known_for_what_gait_did() {
        let dir = tempfile::tempdir().unwrap();
        let (shelf, mut files, taken) = loaded(&dir);
        keep_file(&shelf, &mut files, &taken).unwrap();
        let written = shelf.change(|overlay| overlay.clone()).unwrap();
        know_written(&shelf, &mut files, &written);
        assert!(files.marks() == files.clone().look());
        fs::write(shelf.path(), SET).unwrap();
        know_written(&shelf, &mut files, &written);
        assert!(files.marks() != files.clone().look());
    }
}
