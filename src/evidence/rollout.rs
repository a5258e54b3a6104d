//! What people did to the rollout, as evidence lines tell it: a stage that was set, a decision that
//! was judged.
//!
//! A change of stage is durable before anything of it is written elsewhere: whatever executes more
//! than before has a name and a reason in the log. Free text is masked where it looks like a
//! credential.

use super::chain::Head;
use super::line::Members;
use crate::intent::conceal;
use crate::json::Digest;
use crate::policy::Verdict;
use crate::stage::{Disposition, Stage, Standing};
use jiff::Timestamp;
use serde::Serialize;
use serde::ser::SerializeMap;
use std::sync::Arc;

/// A stage that somebody set for a route.
#[derive(Clone, Debug)]
pub struct StageChange {
    /// The route.
    pub route: Arc<str>,
    /// Where its callers stood.
    pub from: Standing,
    /// Where they will stand.
    pub to: Standing,
    /// Until when, where it ends by itself.
    pub until: Option<Timestamp>,
    /// Where they stand after that.
    pub then: Option<Standing>,
    /// Up or down.
    pub via: Via,
    /// Logged in as.
    pub by: Arc<str>,
    /// Why, in words.
    pub reason: Option<Arc<str>>,
    /// What was looked at before.
    pub gates: Vec<GateFact>,
    /// Why nothing was, where somebody went on all the same.
    pub unread: Option<Arc<str>>,
    /// The log up to which it was looked at.
    pub head: Option<Head>,
}

/// By which command a stage was set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Via {
    /// Its gates were met.
    Promote,
    /// Its gates were not met, and somebody said so and why.
    ForcedPromote,
    /// Back.
    Demote,
}

/// One gate, as it was found when a stage was set.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GateFact {
    /// Which.
    pub name: &'static str,
    /// `met`, `not_met` or `not_enough_data`.
    pub verdict: &'static str,
    /// What was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// What was wanted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
}

/// What a person says of a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Opinion {
    /// It was not allowed and should have been.
    FalsePositive,
    /// It is right.
    Correct,
    /// It was allowed and should not have been.
    Missed,
}

/// A person's judgement of a decision.
#[derive(Clone, Debug)]
pub struct Label {
    /// The call that was decided on.
    pub call_id: Arc<str>,
    /// What is said.
    pub opinion: Opinion,
    /// Logged in as.
    pub by: Arc<str>,
    /// Why, in words.
    pub note: Option<Arc<str>>,
    /// What was decided, from the log itself; without a verdict only what a gate counts.
    pub of: Labelled,
}

/// The decision that a label is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Labelled {
    /// When the call was closed or decided.
    pub time: Timestamp,
    /// Its route.
    pub route: Arc<str>,
    /// The stage in which it stood.
    pub stage: Stage,
    /// What the policy said; `None` where it could not.
    pub verdict: Option<Verdict>,
    /// What was done.
    pub disposition: Disposition,
    /// The tool, where the call told.
    pub tool_name: Option<Arc<str>>,
    /// The rule.
    pub matched_rule: Option<Arc<str>>,
    /// The intent.
    pub intent_digest: Option<Digest>,
    /// The policy that decided: what people say of it says nothing of the next one.
    pub policy_digest: Option<Digest>,
}

// === impl Via ===

impl Via {
    /// All of them, in metric order.
    pub const ALL: [Via; 3] = [Via::Promote, Via::ForcedPromote, Via::Demote];

    /// The word in lines and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Via::Promote => "promote",
            Via::ForcedPromote => "forced_promote",
            Via::Demote => "demote",
        }
    }
}

// === impl Opinion ===

impl Opinion {
    /// All of them, in metric order.
    pub const ALL: [Opinion; 3] = [Opinion::FalsePositive, Opinion::Correct, Opinion::Missed];

    /// The word on the command line, in lines and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Opinion::FalsePositive => "false-positive",
            Opinion::Correct => "correct",
            Opinion::Missed => "missed",
        }
    }

    /// Reads the word; `None` for any other.
    pub fn parse(word: &str) -> Option<Opinion> {
        Opinion::ALL.into_iter().find(|opinion| opinion.as_str() == word)
    }
}

// === impl StageChange ===

impl StageChange {
    /// Gives every member to the line, in its order.
    pub(super) fn members<M: SerializeMap>(
        &self,
        members: &mut Members<M>,
    ) -> Result<(), M::Error> {
        members.put("route", &*self.route)?;
        members.shown("from", Some(self.from))?;
        members.shown("to", Some(self.to))?;
        members.shown("until", self.until)?;
        members.shown("then", self.then)?;
        members.put("via", self.via.as_str())?;
        members.put("by", &*self.by)?;
        text(members, "reason", self.reason.as_deref())?;
        members.some("gates", Some(&self.gates).filter(|gates| !gates.is_empty()))?;
        members.some("unread", self.unread.as_deref())?;
        members.some("head_seq", self.head.map(|head| head.seq))?;
        members.shown("head_hash", self.head.map(|head| head.hash))
    }
}

// === impl Label ===

impl Label {
    /// Whether it takes its call out of those that could not be judged. It must say so: labels of such
    /// calls were given before, also of ones that count no more.
    fn dismisses(&self) -> bool {
        self.of.verdict.is_none() && self.opinion == Opinion::Correct
    }

    /// Gives every member to the line, in its order.
    pub(super) fn members<M: SerializeMap>(
        &self,
        members: &mut Members<M>,
    ) -> Result<(), M::Error> {
        let of = &self.of;
        members.put("call_id", &*self.call_id)?;
        members.put("label", self.opinion.as_str())?;
        members.some("dismisses", self.dismisses().then_some(true))?;
        members.put("by", &*self.by)?;
        text(members, "note", self.note.as_deref())?;
        members.put("route", &*of.route)?;
        members.put("stage", of.stage.as_str())?;
        members.some("tool_name", of.tool_name.as_deref())?;
        members.some("verdict", of.verdict.map(Verdict::as_str))?;
        members.put("disposition", of.disposition.as_str())?;
        members.some("matched_rule", of.matched_rule.as_deref())?;
        members.shown("policy_digest", of.policy_digest)?;
        members.shown("intent_digest", of.intent_digest)
    }
}

/// Free text, without what looks like a credential.
fn text<M: SerializeMap>(
    members: &mut Members<M>,
    key: &'static str,
    said: Option<&str>,
) -> Result<(), M::Error> {
    members.some(key, said.map(conceal::text).as_deref())
}
