//! A decision that somebody may judge, as its line tells it.

use super::heard::Heard;
use crate::audit::Entry;
use crate::evidence::{Labelled, Opinion};
use crate::json::Digest;
use crate::policy::Verdict;
use crate::snapshot::{REFUSED, UNMAPPED};
use crate::stage::{Disposition, Stage};
use jiff::Timestamp;

/// Why a judgement does not fit a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// There is nothing to judge.
    #[error(
        "the policy said nothing of this call, and no gate counts that: its caller was refused or did not prove who it is, or it took no route"
    )]
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

/// Reads the decision that a line of a call tells, or that none could be made.
///
/// # Errors
/// It tells nothing that a gate counts.
pub fn labelled(entry: &Entry) -> Result<Labelled, Unfit> {
    let of = read(entry).ok_or(Unfit::NoVerdict)?;
    match (entry.flag("dry_run_requested"), of.verdict) {
        (Some(true), _) => Err(Unfit::Rehearsed),
        (_, None) if !is_error(entry) => Err(Unfit::NoVerdict),
        _ => Ok(of),
    }
}

/// What the gate of evaluation errors counts, and a person may dismiss.
fn is_error(entry: &Entry) -> bool {
    let heard = Heard::read(entry).filter(|heard| ![UNMAPPED, REFUSED].contains(&&*heard.route));
    heard.is_some_and(|heard| heard.is_unjudged())
}

fn read(entry: &Entry) -> Option<Labelled> {
    let word = |name: &str, word: &str| entry.text(name) == Some(word);
    let verdict = match entry.text("verdict") {
        Some(word) => Some(Verdict::parse(word)?),
        None => None,
    };
    let digest = |name: &str| entry.text(name).and_then(Digest::parse);
    Some(Labelled {
        time: entry.text("time")?.parse::<Timestamp>().ok()?,
        route: entry.text("route")?.into(),
        stage: Stage::parse(entry.text("stage")?)?,
        verdict,
        disposition: Disposition::ALL.into_iter().find(|one| word("disposition", one.as_str()))?,
        tool_name: entry.text("tool_name").map(Into::into),
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
        (Opinion::FalsePositive, Some(Verdict::Allow)) => Err(Unfit::WasAllowed),
        (Opinion::Missed, Some(verdict)) if verdict != Verdict::Allow => Err(Unfit::NotAllowed),
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
            r#"{{"v":1,"seq":7,"kind":"call","call_id":"c","time":"2026-01-02T03:04:05.000000Z","route":"r","stage":"observe","tool_name":"t","disposition":"forwarded"{more}}}"#
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
    fn what_could_not_be_judged_may_be_right_or_not() {
        let of = labelled(&entry(r#","reason_codes":["intent_invalid"]"#)).unwrap();
        assert_eq!(of.verdict, None);
        Opinion::ALL.iter().for_each(|opinion| assert_eq!(check(*opinion, &of), Ok(())));
        assert!(labelled(&entry("")).is_ok(), "what let nobody in particular through");
        let line = r#"{"v":1,"seq":7,"kind":"call","call_id":"c","time":"2026-01-02T03:04:05Z","#;
        let stranger = r#""route":"r","stage":"enforce","disposition":"denied","reason_codes":["credentials_missing"]}"#;
        let unmapped = r#""route":"_unmapped","stage":"observe","disposition":"forwarded"}"#;
        let broken = r#""route":"r","stage":"enforce","disposition":"denied","reason_codes":["intent_invalid"]}"#;
        for no in [stranger, broken, unmapped] {
            let entry = Entry::read(format!("{line}{no}").as_bytes()).unwrap();
            assert_eq!(labelled(&entry), Err(Unfit::NoVerdict), "{no}");
        }
    }

    #[test]
    fn a_verdict_that_nobody_knows_is_not_judged() {
        assert_eq!(labelled(&entry(r#","verdict":"other""#)), Err(Unfit::NoVerdict));
        let digest = format!(r#","verdict":"block","policy_digest":"{}""#, "a".repeat(64));
        let of = labelled(&entry(&digest)).unwrap();
        assert_eq!(of.policy_digest, Digest::parse(&"a".repeat(64)));
        assert_eq!(of.time, "2026-01-02T03:04:05Z".parse::<Timestamp>().unwrap());
    }
}
