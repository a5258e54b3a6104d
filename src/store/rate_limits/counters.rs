//! The state file of E13: counters by key.

use crate::intent::members::Members;
use crate::json::{self, Node};
use serde::Serialize;
use std::collections::BTreeMap;

const SCHEMA_ID: &str = "gait.gate.rate_limit_state";
const SCHEMA_VERSION: &str = "1.0.0";

/// How often each key was counted.
#[derive(Debug, Default)]
pub(super) struct Counters(BTreeMap<String, u64>);

#[derive(Serialize)]
struct Document<'a> {
    schema_id: &'static str,
    schema_version: &'static str,
    counters: Vec<Counter<'a>>,
}

#[derive(Serialize)]
struct Counter<'a> {
    key: &'a str,
    count: u64,
}

// === impl Counters ===

impl Counters {
    /// Reads a state. An empty file is none: a counter that was lost is a limit that was lost.
    pub(super) fn from_json(bytes: &[u8]) -> Result<Counters, String> {
        let value = json::tree(bytes).map_err(|error| error.to_string())?;
        if !matches!(value, Node::Object(_)) {
            return Err("a rate limit state is one JSON object".to_owned());
        }
        let mut top = Members::of(value, "", &[&["schema_id", "schema_version", "counters"]])?;
        for (name, known) in [("schema_id", SCHEMA_ID), ("schema_version", SCHEMA_VERSION)] {
            let said = top.text(name)?;
            if said != known {
                return Err(format!("`{name}` is `{said}`, not `{known}`"));
            }
        }
        let mut counters = BTreeMap::new();
        for (key, count) in top.each("counters", counter)? {
            if let Some(twin) = counters.insert(key.clone(), count) {
                return Err(format!("`{key}` is counted twice, as {twin} and as {count}"));
            }
        }
        Ok(Counters(counters))
    }

    /// The bytes of the file, sorted by key.
    pub(super) fn to_json(&self) -> Vec<u8> {
        let counters = self.0.iter().map(|(key, count)| Counter { key, count: *count }).collect();
        let document = Document { schema_id: SCHEMA_ID, schema_version: SCHEMA_VERSION, counters };
        // Text and numbers always have a JSON form.
        let mut bytes = serde_json::to_vec_pretty(&document).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }

    /// Each key with its count.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&str, u64)> {
        self.0.iter().map(|(key, count)| (key.as_str(), *count))
    }

    /// The count of a key, 0 at first.
    pub(super) fn count(&mut self, key: String) -> &mut u64 {
        self.0.entry(key).or_default()
    }

    /// Forgets the counters of that kind of window that belong to another bucket.
    pub(super) fn keep_only(&mut self, window: &str, bucket: &str) {
        self.0.retain(|key, _| {
            let mut parts = key.split('|');
            parts.next() != Some(window) || parts.nth(1) == Some(bucket)
        });
    }
}

fn counter(value: Node<'_>, path: &str) -> Result<(String, u64), String> {
    let mut counter = Members::of(value, path, &[&["key", "count"]])?;
    let key = counter.text("key")?;
    let count = counter.integer("count")?;
    let count = u64::try_from(count).map_err(|_| format!("`{path}.count` must be >= 0"))?;
    match key.is_empty() {
        true => Err(format!("`{path}.key` is missing")),
        false => Ok((key, count)),
    }
}
