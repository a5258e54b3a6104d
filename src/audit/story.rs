//! Everything that a log says of one call: its lines, what people said of it, under which
//! snapshot it was judged, and what speaks for its lines.
//!
//! The log is read three times, each time for other words, so that no more is held than what is
//! shown.

use super::calls::{Call, Calls, Told};
use super::entry::Entry;
use super::log::Log;
use super::passed::Passed;
use super::sieve::Sieve;
use crate::evidence::{Place, Vouched, vouched};
use crate::sign::PublicKey;
use std::collections::{BTreeMap, BTreeSet};

/// So many calls are told at once.
const CALLS_MAX: usize = 20;

/// Calls beyond those are counted up to this many.
const COUNTED_MAX: usize = 100_000;

/// An id that is only begun has at least so many characters.
pub const PREFIX_CHARS_MIN: usize = 4;

/// What tells one thing from another in a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Id {
    /// A place in the chain.
    Seq(u64),
    /// A call, or the start of its id; a decision; a request for approval.
    Name(String),
}

/// What was found.
#[derive(Debug, Default)]
pub struct Story {
    /// The calls, oldest first.
    pub calls: Vec<Call>,
    /// Calls beyond those that are told.
    pub more: usize,
    /// Lines about no call: what people said of the request, or the line that was asked for.
    pub events: Vec<Entry>,
    /// By `seq` of the first line of a call: the line since which its snapshot is in force.
    pub under: BTreeMap<u64, Entry>,
    /// By `seq`: where the line stands, and what speaks for it.
    pub vouched: BTreeMap<u64, (Place, Vouched)>,
    /// What was passed over.
    pub passed: Passed,
}

/// Why there is no story.
#[derive(Debug, thiserror::Error)]
pub enum NoStory {
    /// The text is none of the ids that there are.
    #[error(
        "`{0}` is no id; give a call id or its first {PREFIX_CHARS_MIN} characters or more, a \
         trace id, the id of an approval request, or seq:N"
    )]
    NoId(String),
    /// Nothing in the log has it.
    #[error("nothing in the evidence has the id `{0}`")]
    Unknown(String),
    /// Several calls begin so.
    #[error("`{id}` begins the ids of several calls: {}", .calls.join(", "))]
    Ambiguous {
        /// What was asked for.
        id: String,
        /// Some of them.
        calls: Vec<String>,
    },
}

// === impl Id ===

impl Id {
    /// Reads what somebody asks for.
    ///
    /// # Errors
    /// It is no id.
    pub fn parse(text: &str) -> Result<Id, NoStory> {
        let refused = || NoStory::NoId(text.to_owned());
        let said = text.trim().to_ascii_lowercase();
        if let Some(number) = said.strip_prefix("seq:") {
            return number.parse().map(Id::Seq).map_err(|_| refused());
        }
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '-';
        let is_name = said.len() >= PREFIX_CHARS_MIN && said.len() <= 64 && said.chars().all(fits);
        is_name.then_some(Id::Name(said)).ok_or_else(refused)
    }

    /// How people write it.
    fn shown(&self) -> String {
        match self {
            Id::Seq(seq) => format!("seq:{seq}"),
            Id::Name(name) => name.clone(),
        }
    }

    fn sieve(&self) -> Sieve {
        match self {
            Id::Seq(seq) => Sieve::at(*seq),
            Id::Name(name) => Sieve::default().holding(std::slice::from_ref(name)),
        }
    }

    fn names(&self, entry: &Entry) -> bool {
        match self {
            Id::Seq(seq) => entry.seq() == *seq,
            Id::Name(name) => {
                let is = |member| entry.text(member) == Some(name);
                let begins = |id: &str| id.starts_with(name.as_str());
                entry.text("call_id").is_some_and(begins)
                    || is("trace_id")
                    || is("approval_request")
                    || is("request")
            }
        }
    }
}

// === impl Story ===

impl Story {
    /// Looks for all that a log says of an id.
    ///
    /// # Errors
    /// Nothing has that id, or several calls begin so.
    pub fn find(log: &Log, id: &Id) -> Result<Story, NoStory> {
        let found = Found::find(log, id);
        if found.lines.is_empty() {
            return Err(NoStory::Unknown(id.shown()));
        }
        // A line of a call stands for the call.
        let call = found.lines.iter().find_map(|(_, line)| line.text("call_id"));
        if let (Id::Seq(_), Some(call)) = (id, call) {
            return Story::find(log, &Id::Name(call.to_owned()));
        }
        found.refuse_several(id)?;
        Ok(found.story(log))
    }

    /// All lines, oldest first.
    pub fn lines(&self) -> impl Iterator<Item = &Entry> {
        self.calls.iter().flat_map(Call::lines).chain(&self.events)
    }
}

/// The lines that have an id.
struct Found {
    lines: Vec<(Place, Entry)>,
    /// Calls that have no room.
    more: BTreeSet<String>,
    passed: Passed,
}

// === impl Found ===

impl Found {
    fn find(log: &Log, id: &Id) -> Found {
        let mut scan = log.scan_for(id.sieve());
        let (mut lines, mut more, mut calls) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
        while let Some(found) = scan.next_line() {
            if !id.names(&found.entry) {
                continue;
            }
            let call = found.entry.text("call_id").unwrap_or_default().to_owned();
            if calls.len() >= CALLS_MAX && !calls.contains(&call) {
                if more.len() < COUNTED_MAX {
                    more.insert(call);
                }
                continue;
            }
            calls.insert(call);
            lines.push((found.place, found.entry));
        }
        Found { lines, more, passed: scan.passed().clone() }
    }

    /// An id that is only begun must begin one call's alone.
    fn refuse_several(&self, id: &Id) -> Result<(), NoStory> {
        let Id::Name(name) = id else { return Ok(()) };
        let begun = self.lines.iter().filter_map(|(_, line)| line.text("call_id"));
        let begun: BTreeSet<&str> = begun.filter(|call| call.starts_with(name.as_str())).collect();
        if begun.len() < 2 {
            return Ok(());
        }
        let calls = begun.into_iter().map(str::to_owned).collect();
        Err(NoStory::Ambiguous { id: id.shown(), calls })
    }

    fn story(self, log: &Log) -> Story {
        let mut places: BTreeMap<u64, Place> = BTreeMap::new();
        let (mut calls, mut story) = (Calls::default(), Story::default());
        let (mut told_calls, mut events) = (Vec::new(), Vec::new());
        let mut told = |told| match told {
            Told::Call(call) => told_calls.push(*call),
            Told::Event(entry) => events.push(*entry),
        };
        for (place, entry) in self.lines {
            places.insert(entry.seq(), place);
            calls.take(entry, &mut told);
        }
        calls.rest(told);
        (story.calls, story.events) = (told_calls, events);
        (story.more, story.passed) = (self.more.len(), self.passed);
        let keys = story.surround(log, &mut places);
        story.vouch(log, &places, &keys);
        story
    }
}

impl Story {
    /// Reads what stands around the calls: what people said, and what was in force. Gives the
    /// keys that the log knows.
    fn surround(
        &mut self,
        log: &Log,
        places: &mut BTreeMap<u64, Place>,
    ) -> BTreeMap<String, PublicKey> {
        let requests = self.lines().filter_map(|line| line.text("approval_request"));
        let requests: BTreeSet<String> = requests.map(str::to_owned).collect();
        let firsts = self.calls.iter().filter_map(|call| call.lines().next());
        let firsts: Vec<(u64, Option<String>)> =
            firsts.map(|line| (line.seq(), line.text("snapshot").map(str::to_owned))).collect();
        let kinds = ["approval", "reload", "start", "key"].map(str::to_owned).to_vec();
        let mut scan = log.scan_for(Sieve::lines(Default::default(), kinds));
        let mut keys = BTreeMap::new();
        while let Some(found) = scan.next_line() {
            let entry = found.entry;
            match entry.kind() {
                "approval" => {
                    let is_ours = entry.text("request").is_some_and(|id| requests.contains(id));
                    if is_ours && places.insert(entry.seq(), found.place).is_none() {
                        self.events.push(entry);
                    }
                }
                "key" => {
                    let key = entry.text("public_key").map(PublicKey::parse);
                    if let Some(Ok(key)) = key {
                        keys.insert(key.id(), key);
                    }
                }
                _ => self.came_into_force(&entry, &firsts),
            }
        }
        self.events.sort_by_key(Entry::seq);
        keys
    }

    /// A start or a reload; the last before a call that names its snapshot is what was in force.
    fn came_into_force(&mut self, entry: &Entry, firsts: &[(u64, Option<String>)]) {
        for (seq, snapshot) in firsts {
            let is_other =
                entry.kind() == "reload" && entry.text("snapshot") != snapshot.as_deref();
            if entry.seq() < *seq && !is_other {
                self.under.insert(*seq, entry.clone());
            }
        }
    }

    /// Asks for each line what speaks for it.
    fn vouch(
        &mut self,
        log: &Log,
        places: &BTreeMap<u64, Place>,
        keys: &BTreeMap<String, PublicKey>,
    ) {
        let key = |id: &str| keys.get(id).cloned();
        for (seq, place) in places {
            let said = vouched(log.raw_from(*place), key);
            self.vouched.insert(*seq, (*place, said));
        }
    }
}
