//! What happens to the process and to the log itself, as evidence lines tell it.

use super::{
    approval::Approval,
    chain::Head,
    line::Members,
    rollout::{Label, StageChange},
};
use crate::{json::Digest, metrics::Missed, sign::PublicKey};
use serde::ser::SerializeMap;
use std::{collections::BTreeMap, sync::Arc};

/// An event of the process.
#[derive(Clone, Debug)]
pub enum Event {
    /// A process took up the log; the first line of its first segment.
    Start {
        /// What a crash left behind the last line of the log so far.
        torn: Option<TornTail>,
        /// What the first calls are judged by.
        in_force: Option<InForce>,
    },
    /// The process stopped in order: every call that was open has its line.
    Stop {
        /// What the process did without a line, where somebody counted.
        missed: Option<Missed>,
    },
    /// Another snapshot came into force.
    Reload(Box<Reload>),
    /// The log could not be written for a time, and now can again.
    Recover {
        /// The first error of that time.
        error: String,
        /// Decisions that were refused in it; their calls did not go out.
        withdrawn: u64,
    },
    /// Somebody said yes or no to a request for approval.
    Approval(Box<Approval>),
    /// Somebody set the stage of a route; written before it is in force.
    Stage(Box<StageChange>),
    /// Somebody judged a decision.
    Label(Box<Label>),
    /// The key that signs from here on. Signed by the one that it replaces, else by itself.
    Key(Box<SigningKey>),
    /// A batch of lines was made durable. Signed.
    Batch,
    /// The last line of a segment. Signed.
    Seal(Seal),
    /// An old segment is removed; written before it goes.
    Expired(Expired),
}

/// The snapshot that a process starts with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InForce {
    /// Its name.
    pub snapshot: Arc<str>,
    /// Its policy.
    pub policy_digest: Digest,
}

/// Bytes that are no whole line, as the next process found them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TornTail {
    /// How many, over all segments that hold any.
    pub bytes: u64,
    /// SHA-256 over them, in the order of the segments.
    pub digest: Digest,
}

/// A key of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningKey {
    /// Its public half.
    pub key: PublicKey,
    /// Id of the key that signed before, where there was another.
    pub replaces: Option<String>,
}

/// The end of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seal {
    /// The number in the segment's file name.
    pub segment: u32,
    /// `seq` of the segment's first line.
    pub first_seq: u64,
}

/// A segment that is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expired {
    /// The number in the segment's file name.
    pub segment: u32,
    /// Its last line: what the next segment continues.
    pub last: Head,
}

/// A change of snapshot.
#[derive(Clone, Debug, Default)]
pub struct Reload {
    /// The snapshot that is now in force.
    pub snapshot: Option<Arc<str>>,
    /// Its policy.
    pub policy_digest: Option<Digest>,
    /// The policy that is tried out beside it.
    pub candidate_policy_digest: Option<Digest>,
    /// Routes that are held to less than before, and `_kill_switch` where no orders are followed any
    /// more: a security event (design, section 3).
    pub lowered: Vec<String>,
    /// Routes whose callers stand elsewhere than before, and where, as people read it.
    pub stages: Vec<(String, String)>,
    /// Routes whose overlay was dropped, because the config says something else of them.
    pub dropped: Vec<String>,
    /// Routes whose overlay was over by its own word, and was let go.
    pub ended: Vec<String>,
    /// The file of the overlay, which there always is, was not there: whatever it said is lost.
    pub overlay_missing: bool,
    /// What the process did without a line by now; the ledger puts it in, whatever stands here.
    pub missed: Option<Missed>,
}

// === impl Event ===

impl Event {
    /// The member `kind`.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Event::Start { .. } => "start",
            Event::Stop { .. } => "stop",
            Event::Reload(_) => "reload",
            Event::Recover { .. } => "recover",
            Event::Approval(_) => "approval",
            Event::Stage(_) => "stage",
            Event::Label(_) => "label",
            Event::Key(_) => "key",
            Event::Batch => "batch",
            Event::Seal(_) => "seal",
            Event::Expired(_) => "expired",
        }
    }

    /// The members that the kind has of its own.
    pub(super) fn members<M: SerializeMap>(
        &self,
        members: &mut Members<M>,
    ) -> Result<(), M::Error> {
        match self {
            Event::Start { torn, in_force } => {
                members.put("version", env!("CARGO_PKG_VERSION"))?;
                members.shown("policy_digest", in_force.as_ref().map(|it| it.policy_digest))?;
                members.some("snapshot", in_force.as_ref().map(|it| &*it.snapshot))?;
                members.some("torn_tail", torn.map(|_| true))?;
                members.some("torn_bytes", torn.map(|torn| torn.bytes))?;
                members.shown("torn_digest", torn.map(|torn| torn.digest))
            }
            Event::Batch => Ok(()),
            Event::Stop { missed } => unlined(members, *missed),
            Event::Reload(reload) => {
                members.shown("policy_digest", reload.policy_digest)?;
                members.shown("candidate_policy_digest", reload.candidate_policy_digest)?;
                members.some("snapshot", reload.snapshot.as_deref())?;
                members.list("lowered", &reload.lowered)?;
                let stages: BTreeMap<&str, &str> = reload
                    .stages
                    .iter()
                    .map(|(route, stage)| (route.as_str(), stage.as_str()))
                    .collect();
                members.some("stages", Some(stages).filter(|stages| !stages.is_empty()))?;
                members.list("dropped", &reload.dropped)?;
                members.list("ended", &reload.ended)?;
                members.some("overlay_missing", reload.overlay_missing.then_some(true))?;
                unlined(members, reload.missed)
            }
            Event::Recover { error, withdrawn } => {
                members.put("error", error)?;
                members.put("withdrawn", withdrawn)
            }
            Event::Approval(approval) => approval.members(members),
            Event::Stage(change) => change.members(members),
            Event::Label(label) => label.members(members),
            Event::Key(new) => {
                members.put("public_key", new.key.to_text().trim_end())?;
                members.some("replaces", new.replaces.as_deref())
            }
            Event::Seal(seal) => {
                members.put("segment", &seal.segment)?;
                members.put("first_seq", &seal.first_seq)
            }
            Event::Expired(expired) => {
                members.put("segment", &expired.segment)?;
                members.put("last_seq", &expired.last.seq)?;
                members.shown("last_hash", Some(expired.last.hash))
            }
        }
    }
}

/// What no line tells: only so does it outlive the counters of the process.
fn unlined<M: SerializeMap>(
    members: &mut Members<M>,
    missed: Option<Missed>,
) -> Result<(), M::Error> {
    members.some("bypasses", missed.map(|missed| missed.bypasses))?;
    members.some("unrecorded", missed.map(|missed| missed.unrecorded))
}
