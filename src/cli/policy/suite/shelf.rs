//! The policies of a suite, each read once, with a mark on every rule that some case matched.

use super::report::{Coverage, Unmatched};
use crate::cli::files;
use crate::policy::{Policy, source};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Policies by their cleaned paths.
#[derive(Default)]
pub(super) struct Shelf {
    volumes: BTreeMap<PathBuf, Result<Volume, String>>,
}

/// A policy and which of its rules were matched.
pub(super) struct Volume {
    pub(super) policy: Policy,
    matched: BTreeSet<usize>,
}

impl Shelf {
    /// The policy at `path`, read if it was not yet.
    ///
    /// # Errors
    /// It cannot be read, or is no policy; the same text each time.
    pub(super) fn get(&mut self, path: &Path) -> Result<&mut Volume, String> {
        let volume = self.volumes.entry(path.to_owned()).or_insert_with(|| Volume::load(path));
        volume.as_mut().map_err(|error| error.clone())
    }

    /// The paths that were asked for.
    pub(super) fn paths(&self) -> impl Iterator<Item = PathBuf> {
        self.volumes.keys().cloned()
    }

    /// What the cases left out, policy by policy.
    pub(super) fn coverage(&self) -> Vec<Coverage> {
        let loaded =
            self.volumes.iter().filter_map(|(path, volume)| Some((path, volume.as_ref().ok()?)));
        loaded.map(|(path, volume)| volume.coverage(path)).collect()
    }
}

impl Volume {
    fn load(path: &Path) -> Result<Volume, String> {
        let bytes = files::read("policy", path).map_err(|failure| failure.to_string())?;
        let policy = source::parse(&path.display().to_string(), &bytes);
        let policy = policy.map_err(|error| error.to_string())?;
        Ok(Volume { policy, matched: BTreeSet::new() })
    }

    /// Marks rules, by their numbers in the order of evaluation.
    pub(super) fn mark(&mut self, rules: impl IntoIterator<Item = usize>) {
        self.matched.extend(rules);
    }

    fn coverage(&self, path: &Path) -> Coverage {
        let rules = self.policy.rules().iter().enumerate();
        let unmatched = rules
            .filter(|(number, _)| !self.matched.contains(number))
            .map(|(_, rule)| Unmatched { name: rule.name.clone(), line: rule.line });
        Coverage {
            policy: path.to_owned(),
            digest: self.policy.digest(),
            rules: self.policy.rule_count(),
            unmatched: unmatched.collect(),
        }
    }
}
