//! What a candidate policy would have changed, as the evidence tells it.
//!
//! A line names the candidate that its call was judged beside: shortened in the id of its snapshot,
//! and in full where the candidate said something else. So calls without a difference count as
//! compared, and calls of other times do not, whatever order the lines have come in. Rejected: to
//! count from the `reload` line that brought the candidate; calls that were under way then belong
//! to the snapshot before, and retention may have taken the line.
//!
//! Only closing lines count, one a call. Memory is bounded: groups beyond [`GROUPS_MAX`] are
//! counted together.

use crate::audit::{Entry, When};
use crate::policy::Verdict;
use serde::{Serialize, Serializer};
use std::collections::{BTreeMap, VecDeque};

/// Groups that are told apart.
pub const GROUPS_MAX: usize = 1_000;

/// Kinds of lines that name a candidate.
pub const KINDS: [&str; 3] = ["reload", "call", "outcome"];

/// The least that names a candidate.
pub const DIGEST_CHARS_MIN: usize = 8;

/// Hex digits of a digest.
const DIGEST_CHARS: usize = 64;

/// What is asked.
#[derive(Clone, Debug)]
pub struct Question {
    /// Which candidate.
    pub candidate: CandidateId,
    /// Of this route only.
    pub route: Option<String>,
    /// Of calls that ended then.
    pub when: When,
    /// Call ids that are kept of each group.
    pub examples_max: usize,
}

/// The digest of a candidate, or how it begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct CandidateId(String);

/// A fold over the lines of a log.
#[derive(Debug)]
pub struct Diff {
    question: Question,
    found: Found,
    pairs: BTreeMap<(Verdict, Verdict), u64>,
    groups: BTreeMap<Group, Calls>,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Found {
    /// The candidate, as fully as the log names it.
    pub candidate_policy_digest: CandidateId,
    /// Calls that both policies judged.
    pub compared: u64,
    /// Calls beside the candidate that neither could judge.
    pub unjudged: u64,
    /// Calls of which the candidate says something else.
    pub differing: u64,
    /// Those of them to which it is stricter.
    pub stricter: u64,
    /// Those to which it is laxer.
    pub laxer: u64,
    /// When the first compared call ended.
    pub first: Option<String>,
    /// When the last did.
    pub last: Option<String>,
    /// How often each verdict became which; what is stricter first.
    pub pairs: Vec<Pair>,
    /// Equal differences together: what is stricter first, then what is frequent.
    pub groups: Vec<Difference>,
    /// Differing calls of groups for which there was no room.
    pub other: u64,
}

/// Calls whose verdict would become another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Pair {
    /// The verdict of the policy in force.
    #[serde(serialize_with = "word")]
    pub from: Verdict,
    /// That of the candidate.
    #[serde(serialize_with = "word")]
    pub to: Verdict,
    /// How many.
    pub count: u64,
}

/// Equal differences.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// What they have in common.
    #[serde(flatten)]
    pub group: Group,
    /// How many calls.
    pub count: u64,
    /// Ids of the newest of them, oldest first.
    pub examples: Vec<String>,
}

/// What equal differences have in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Group {
    /// The verdict of the policy in force.
    #[serde(serialize_with = "word")]
    pub from: Verdict,
    /// That of the candidate.
    #[serde(serialize_with = "word")]
    pub to: Verdict,
    /// The rules of the policy in force, comma-joined; `None` for its default.
    pub rule: Option<String>,
    /// Those of the candidate.
    pub candidate_rule: Option<String>,
    /// The tool.
    pub tool: String,
    /// The caller; `None` for one who was not who it said.
    pub caller: Option<String>,
}

/// Where a line stands to those that were taken before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    After,
    Before,
}

/// The calls of a group.
#[derive(Debug, Default)]
struct Calls {
    count: u64,
    newest: VecDeque<String>,
}

fn word<S: Serializer>(verdict: &Verdict, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(verdict.as_str())
}

// === impl CandidateId ===

impl CandidateId {
    /// Reads a digest, or at least its first [`DIGEST_CHARS_MIN`] digits; `None` for anything else.
    pub fn parse(text: &str) -> Option<CandidateId> {
        let is_hex = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f');
        let fits = (DIGEST_CHARS_MIN..=DIGEST_CHARS).contains(&text.len());
        (fits && text.bytes().all(is_hex)).then(|| CandidateId(text.to_owned()))
    }

    /// The candidate that a line names.
    pub fn of(entry: &Entry) -> Option<CandidateId> {
        let full = entry.text("candidate_policy_digest");
        full.or_else(|| beside(entry)).and_then(CandidateId::parse)
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether both can be the same candidate.
    fn meets(&self, other: &str) -> bool {
        self.0.starts_with(other) || other.starts_with(&self.0)
    }
}

/// The candidate in the id of the line's snapshot: its third part.
fn beside(entry: &Entry) -> Option<&str> {
    entry.text("snapshot")?.split('-').nth(2)
}

// === impl Diff ===

impl Diff {
    /// Nothing was read yet.
    pub fn new(question: Question) -> Diff {
        let found = Found {
            candidate_policy_digest: question.candidate.clone(),
            compared: 0,
            unjudged: 0,
            differing: 0,
            stricter: 0,
            laxer: 0,
            first: None,
            last: None,
            pairs: Vec::new(),
            groups: Vec::new(),
            other: 0,
        };
        Diff { question, found, pairs: BTreeMap::new(), groups: BTreeMap::new() }
    }

    /// Takes a line, of whatever kind, that stands behind all that were taken.
    pub fn take(&mut self, entry: &Entry) {
        self.take_at(entry, Place::After);
    }

    /// Takes one that stands before them.
    pub fn take_older(&mut self, entry: &Entry) {
        self.take_at(entry, Place::Before);
    }

    fn take_at(&mut self, entry: &Entry, place: Place) {
        let Some(id) = CandidateId::of(entry).filter(|id| self.question.candidate.meets(&id.0))
        else {
            return;
        };
        if id.0.len() > self.found.candidate_policy_digest.0.len() {
            self.found.candidate_policy_digest = id;
        }
        if matches!(entry.kind(), "call" | "outcome") && self.is_asked(entry) {
            self.call(entry, place);
        }
    }

    /// What was found so far.
    pub fn found(self) -> Found {
        let mut pairs: Vec<Pair> =
            self.pairs.into_iter().map(|((from, to), count)| Pair { from, to, count }).collect();
        pairs.sort_by_key(|pair| (is_laxer(pair.from, pair.to), std::cmp::Reverse(pair.count)));
        let mut groups: Vec<Difference> = self.groups.into_iter().map(difference).collect();
        groups.sort_by_key(|one| {
            (is_laxer(one.group.from, one.group.to), std::cmp::Reverse(one.count))
        });
        Found { pairs, groups, ..self.found }
    }

    fn is_asked(&self, entry: &Entry) -> bool {
        let Question { route, when, .. } = &self.question;
        route.as_deref().is_none_or(|route| entry.text("route") == Some(route))
            && entry.time().is_some_and(|time| when.has(time))
    }

    fn call(&mut self, entry: &Entry, place: Place) {
        if entry.text("verdict").is_none() {
            self.found.unjudged += 1;
            return;
        }
        self.found.compared += 1;
        let time = entry.text("time").map(str::to_owned);
        let Found { first, last, .. } = &mut self.found;
        let (near, far) = match place {
            Place::After => (last, first),
            Place::Before => (first, last),
        };
        *far = far.take().or_else(|| time.clone());
        *near = time;
        if let Some(group) = Group::of(entry) {
            self.differs(group, entry.text("call_id").unwrap_or_default(), place);
        }
    }

    fn differs(&mut self, group: Group, call_id: &str, place: Place) {
        self.found.differing += 1;
        match is_laxer(group.from, group.to) {
            true => self.found.laxer += 1,
            false => self.found.stricter += 1,
        }
        *self.pairs.entry((group.from, group.to)).or_default() += 1;
        if self.groups.len() >= GROUPS_MAX && !self.groups.contains_key(&group) {
            self.found.other += 1;
            return;
        }
        let calls = self.groups.entry(group).or_default();
        calls.count += 1;
        let is_full = calls.newest.len() >= self.question.examples_max;
        match place {
            Place::Before if is_full => {}
            Place::Before => calls.newest.push_front(call_id.to_owned()),
            Place::After => {
                calls.newest.push_back(call_id.to_owned());
                is_full.then(|| calls.newest.pop_front());
            }
        }
    }
}

// === impl Found ===

impl Found {
    /// The same with no more groups; the calls of the rest are counted together.
    pub fn of_groups(mut self, max: usize) -> Found {
        let rest = self.groups.split_off(max.min(self.groups.len()));
        self.other += rest.iter().map(|one| one.count).sum::<u64>();
        self
    }
}

fn is_laxer(from: Verdict, to: Verdict) -> bool {
    to < from
}

fn difference((group, calls): (Group, Calls)) -> Difference {
    Difference { group, count: calls.count, examples: calls.newest.into() }
}

// === impl Group ===

impl Group {
    /// What a line says of a difference, where it tells of one.
    fn of(entry: &Entry) -> Option<Group> {
        let verdict = |name| entry.text(name).and_then(Verdict::parse);
        let (to, own) = (verdict("candidate_verdict")?, verdict("verdict")?);
        let text = |name| entry.text(name).map(str::to_owned);
        Some(Group {
            from: verdict("candidate_against").unwrap_or(own),
            to,
            rule: text("matched_rule"),
            candidate_rule: text("candidate_rule"),
            tool: text("tool_name").unwrap_or_default(),
            caller: text("identity"),
        })
    }
}

#[cfg(test)]
mod tests;
