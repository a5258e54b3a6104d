//! The policies of a suite, each read once, with a mark on every rule that some case matched.

use super::report::{Coverage, Unmatched};
use crate::cli::files;
use crate::policy::{Policy, source};
use crate::yaml::{self, Node, Scalar};
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
    /// Lines by rule name; a name that several rules have is not in it.
    lines: BTreeMap<String, u64>,
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
        let lines = lines(&String::from_utf8_lossy(&bytes));
        Ok(Volume { policy, matched: BTreeSet::new(), lines })
    }

    /// Marks rules, by their numbers in the order of evaluation.
    pub(super) fn mark(&mut self, rules: impl IntoIterator<Item = usize>) {
        self.matched.extend(rules);
    }

    fn coverage(&self, path: &Path) -> Coverage {
        let rules = self.policy.rules().iter().enumerate();
        let unmatched =
            rules.filter(|(number, _)| !self.matched.contains(number)).map(|(_, rule)| Unmatched {
                name: rule.name.clone(),
                line: self.lines.get(&rule.name).copied(),
            });
        Coverage {
            policy: path.to_owned(),
            digest: self.policy.digest(),
            rules: self.policy.rule_count(),
            unmatched: unmatched.collect(),
        }
    }
}

/// Where the rules of a policy that loads say their names.
fn lines(text: &str) -> BTreeMap<String, u64> {
    let root = yaml::document(text).ok().and_then(|document| document.root);
    let rules = root.and_then(|root| member(root, "rules"));
    let Some(Node { value: Scalar::List(rules), .. }) = rules else { return BTreeMap::new() };
    let mut lines = BTreeMap::new();
    let mut twins = Vec::new();
    for name in rules.into_iter().filter_map(|rule| member(rule, "name")) {
        let (Scalar::Text(text), place) = (name.value, name.place) else { continue };
        let text = text.trim().to_owned();
        if lines.insert(text.clone(), place.line).is_some() {
            twins.push(text);
        }
    }
    lines.retain(|name, _| !twins.contains(name));
    lines
}

fn member(node: Node, key: &str) -> Option<Node> {
    match node.value {
        Scalar::Map(entries) => {
            entries.into_iter().find(|entry| entry.key == key).map(|entry| entry.node)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::lines;

    #[test]
    fn a_name_that_two_rules_have_has_no_line() {
        let text = "rules:\n  - {name: a}\n  - name: b\n  - {name: c}\n  - {name: ' a '}\n";
        assert_eq!(lines(text).into_iter().collect::<Vec<_>>(), [("b".into(), 3), ("c".into(), 4)]);
    }
}
