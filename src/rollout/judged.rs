//! A decision that somebody may judge, as its line tells it.

use crate::audit::Entry;
use crate::evidence::{Labelled, Opinion};
use crate::json::Digest;
use crate::policy::Verdict;
use crate::stage::{Disposition, Stage};
use jiff::Timestamp;

/// Why a judgement does not fit a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// There is nothing to judge.
    #[error("the policy said nothing of this call: no decision was possible, or it took no route")]
    NoVerdict,
    /// It only showed its decision, because its caller asked for that: no gate counts it.
    #[error(
        "this call asked for a dry run, and such calls count in no gate; label one that was meant"
    )]
    Rehearsed,
    /// What was allowed is no false positive.
    #[error(
        "the policy allowed this call, so nothing was stopped in error; `missed` says that it should have been"
    )]
    WasAllowed,
    /// What was not allowed was not missed.
    #[error(
        "the policy did not allow this call, so it was not missed; `false-positive` says that it should have been allowed"
    )]
    NotAllowed,
}

/// Reads the decision that a line of a call tells.
///
/// # Errors
/// It tells none.
pub fn labelled(entry: &Entry) -> Result<Labelled, Unfit> {
    let of = read(entry).ok_or(Unfit::NoVerdict)?;
    match entry.flag("dry_run_requested") {
        Some(true) => Err(Unfit::Rehearsed),
        _ => Ok(of),
    }
}

fn read(entry: &Entry) -> Option<Labelled> {
    let word = |name: &str, word: &str| entry.text(name) == Some(word);
    let digest = |name: &str| entry.text(name).and_then(Digest::parse);
    Some(Labelled {
        time: entry.text("time")?.parse::<Timestamp>().ok()?,
        route: entry.text("route")?.into(),
        stage: Stage::parse(entry.text("stage")?)?,
        verdict: Verdict::ALL.into_iter().find(|one| word("verdict", one.as_str()))?,
        disposition: Disposition::ALL.into_iter().find(|one| word("disposition", one.as_str()))?,
        tool_name: entry.text("tool_name")?.into(),
        matched_rule: entry.text("matched_rule").map(Into::into),
        intent_digest: digest("intent_digest"),
        policy_digest: digest("policy_digest"),
    })
}

/// Whether that can be said of it.
///
/// # Errors
/// It cannot.
pub fn check(opinion: Opinion, of: &Labelled) -> Result<(), Unfit> {
    match (opinion, of.verdict) {
        (Opinion::FalsePositive, Verdict::Allow) => Err(Unfit::WasAllowed),
        (Opinion::Missed, verdict) if verdict != Verdict::Allow => Err(Unfit::NotAllowed),
        _ => Ok(()),
    }
}

// === impl Unfit ===

impl Unfit {
    /// The stable code.
    pub fn as_str(self) -> &'static str {
        match self {
            Unfit::NoVerdict => "no_verdict",
            Unfit::Rehearsed => "rehearsed",
            Unfit::WasAllowed => "was_allowed",
            Unfit::NotAllowed => "not_allowed",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(more: &str) -> Entry {
        let line = format!(
            r#"{{"v":1,"seq":7,"kind":"call","time":"2026-01-02T03:04:05.000000Z","route":"r","stage":"observe","tool_name":"t","disposition":"forwarded"{more}}}"#
        );
        Entry::read(line.as_bytes()).unwrap()
    }

    #[test]
    fn a_judgement_fits_what_was_decided() {
        let fits = |opinion, verdict: &str| {
            let of = labelled(&entry(&format!(r#","verdict":"{verdict}""#))).unwrap();
            check(opinion, &of)
        };
        for verdict in ["block", "dry_run", "require_approval"] {
            assert_eq!(fits(Opinion::FalsePositive, verdict), Ok(()));
            assert_eq!(fits(Opinion::Missed, verdict), Err(Unfit::NotAllowed));
            assert_eq!(fits(Opinion::Correct, verdict), Ok(()));
        }
        assert_eq!(fits(Opinion::FalsePositive, "allow"), Err(Unfit::WasAllowed));
        assert_eq!(fits(Opinion::Missed, "allow"), Ok(()));
        assert_eq!(fits(Opinion::Correct, "allow"), Ok(()));
    }

    /// Any caller can ask for as many as it likes: they would thin out what is really refused.
    #[test]
    fn what_was_only_rehearsed_is_not_judged() {
        let rehearsed = entry(r#","verdict":"block","dry_run_requested":true"#);
        assert_eq!(labelled(&rehearsed), Err(Unfit::Rehearsed));
    }

    #[test]
    fn without_a_verdict_there_is_nothing_to_judge() {
        assert_eq!(labelled(&entry("")), Err(Unfit::NoVerdict));
        assert_eq!(labelled(&entry(r#","verdict":"other""#)), Err(Unfit::NoVerdict));
        let digest = format!(r#","verdict":"block","policy_digest":"{}""#, "a".repeat(64));
        let of = labelled(&entry(&digest)).unwrap();
        assert_eq!(of.policy_digest, Digest::parse(&"a".repeat(64)));
        assert_eq!(of.time, "2026-01-02T03:04:05Z".parse::<Timestamp>().unwrap());
    }
}
