//! What the test knows by itself: what people said, what the tool did, and how each request stood
//! when it was seen last.

use jiff::Timestamp;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// States that nothing comes back from.
const ENDS: [&str; 4] = ["executed", "expired", "unknown", "denied"];

/// All of it.
#[derive(Debug, Default)]
pub(super) struct Book {
    pub(super) requests: BTreeMap<String, Seen>,
    pub(super) said: Vec<Said>,
    pub(super) signed: Vec<Signed>,
    pub(super) answered: Vec<Answered>,
    /// Tokens in the form of their header, of all histories: anybody may have them.
    pub(super) tokens: Vec<String>,
    pub(super) restarts: usize,
    /// Claims that gait gave back, by its own count.
    pub(super) given_back: usize,
}

/// A request, as it was seen last.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) path: String,
    pub(super) state: String,
    pub(super) version: u64,
}

/// A call that was answered, by gait or by the tool.
#[derive(Clone, Debug)]
pub(super) struct Answered {
    pub(super) path: String,
    pub(super) attempt: usize,
    pub(super) status: u16,
    pub(super) call_id: String,
}

/// Something that an approver was about to say through the API; whether it was heard shows later.
#[derive(Clone, Debug)]
pub(super) struct Said {
    pub(super) id: String,
    pub(super) approver: &'static str,
    pub(super) word: &'static str,
    pub(super) from: Timestamp,
}

/// A token that an approver signed with a key of their own.
#[derive(Clone, Debug)]
pub(super) struct Signed {
    pub(super) intent: String,
    pub(super) policy: String,
    pub(super) approver: &'static str,
    pub(super) from: Timestamp,
    pub(super) until: Timestamp,
}

impl Book {
    /// Notes how a request stands, and checks that it could have come there.
    pub(super) fn see(&mut self, request: &Value) {
        let text = |name: &str| request[name].as_str().unwrap_or_else(|| panic!("{request}"));
        let (path, state) = (text("path").to_owned(), text("state").to_owned());
        let version = request["version"].as_u64().expect("a version");
        let now = Seen { path, state, version };
        let Some(before) = self.requests.get(text("id")) else {
            self.requests.insert(text("id").to_owned(), now);
            return;
        };
        // Answers overtake each other on their way here.
        if now.version < before.version {
            return;
        }
        let same = now.state == before.state;
        assert!(now.path == before.path, "another call: {before:?}, then {now:?}");
        assert!(same || now.version > before.version, "unsaid: {before:?}, then {now:?}");
        assert!(same || !ENDS.contains(&&*before.state), "came back: {before:?}, then {now:?}");
        self.requests.insert(text("id").to_owned(), now);
    }

    /// Every call that was asked for.
    pub(super) fn paths(&self) -> BTreeSet<String> {
        self.requests.values().map(|seen| seen.path.clone()).collect()
    }
}
