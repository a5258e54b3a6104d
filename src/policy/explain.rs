//! Why a policy decided as it did, rule by rule.
//!
//! The evaluation itself is asked, not a second one that could disagree: each rule's answer is
//! what [`Match::miss`](super::Match) and [`Say`] gave, and the decision is made from those very
//! answers. Only the index is left out, for a rule that it skips has an answer too.

use super::matcher::MatchKey;
use super::say::{Heeded, Say, Term};
use super::subject::Subject;
use super::{Decision, Match, Policy, Rule, Verdict, fail_closed, script};
use crate::intent::time::Time;
use crate::intent::{Intent, Script};
use std::ops::Range;

/// Why a decision is what it is.
#[derive(Debug)]
pub struct Explanation<'p> {
    /// The decision; the same as [`Policy::decide`] gives.
    pub decision: Decision,
    /// Where the answer comes from.
    pub ground: Ground<'p>,
}

/// Where the answer comes from.
#[derive(Debug)]
pub enum Ground<'p> {
    /// The intent lacks what `fail_closed` requires; no rule was looked at.
    FailedClosed(Vec<Lack>),
    /// The rules, or the default where none matches.
    Rules(Vec<RuleReport<'p>>),
    /// The steps of a script, each with its own decision, and limits on the whole.
    Steps {
        /// In order.
        steps: Vec<StepReport<'p>>,
        /// What the limits on the whole changed, if anything.
        limits: Option<TermReport>,
    },
}

/// One thing that `fail_closed` requires and the intent lacks.
#[derive(Debug, PartialEq, Eq)]
pub struct Lack {
    /// Why the intent is blocked.
    pub reason_code: String,
    /// What it violates: `missing_` and a field, or `endpoint_class_unknown`.
    pub violation: String,
}

/// What became of one step.
#[derive(Debug)]
pub struct StepReport<'p> {
    /// The step's tool.
    pub tool_name: String,
    /// The decision on it alone.
    pub decision: Decision,
    /// The rules, in the order of evaluation.
    pub rules: Vec<RuleReport<'p>>,
}

/// What became of one rule.
#[derive(Debug)]
pub struct RuleReport<'p> {
    /// The rule.
    pub rule: &'p Rule,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of a rule.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A key of `match` does not fit.
    Missed(Miss),
    /// It matches, but the rules of a lower priority number had decided.
    TooLate,
    /// It matches and counts.
    Spoke(Spoken),
}

/// The first key of `match` that does not fit.
#[derive(Debug, PartialEq, Eq)]
pub struct Miss {
    /// Which.
    pub key: MatchKey,
    /// What the rule wants.
    pub wanted: String,
    /// What the intent has.
    pub got: String,
}

/// What a rule that counts said.
#[derive(Debug, PartialEq, Eq)]
pub struct Spoken {
    /// Its effect after all its terms.
    pub effect: Verdict,
    /// Whether that is the verdict; only then its reasons count.
    pub standing: Standing,
    /// Its own reasons, and those of its terms, in the order in which they arose.
    pub reason_codes: Vec<String>,
    /// Its violations, likewise.
    pub violations: Vec<String>,
    /// What each of its terms did, in the order in which they are heeded.
    pub terms: Vec<TermReport>,
}

/// What one term did to an effect. One that holds changes nothing and gives no reason.
#[derive(Debug, PartialEq, Eq)]
pub struct TermReport {
    /// Which.
    pub term: Term,
    /// The effect before it.
    pub from: Verdict,
    /// The effect after it.
    pub to: Verdict,
    /// What it gave as reasons.
    pub reason_codes: Vec<String>,
    /// What it reported as violated.
    pub violations: Vec<String>,
}

/// Whether a rule's effect is the verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is.
    GivesVerdict,
    /// Another rule of the same priority is stricter.
    Outranked,
}

impl Policy {
    /// The decision on an intent, `at` a time, and why it is so.
    pub fn explain(&self, intent: &Intent, at: Time) -> Explanation<'_> {
        if let Some(missing) = fail_closed::check(&self.fail_closed, intent) {
            let decision = missing.decision();
            let lacks = missing.pairs();
            let lacks = lacks.map(|(reason_code, violation)| Lack { reason_code, violation });
            return Explanation { decision, ground: Ground::FailedClosed(lacks.collect()) };
        }
        match intent.script() {
            Some(script) => self.explain_script(intent, script, at),
            None => {
                let (decision, rules) = self.explain_rules(&Subject::of(intent), at);
                Explanation { decision, ground: Ground::Rules(rules) }
            }
        }
    }

    fn explain_script(&self, intent: &Intent, script: &Script, at: Time) -> Explanation<'_> {
        let steps = script.steps.iter().map(|step| {
            let (decision, rules) = self.explain_rules(&Subject::step(intent, step), at);
            StepReport { tool_name: step.tool_name.clone(), decision, rules }
        });
        let steps: Vec<_> = steps.collect();
        let decisions: Vec<_> = steps.iter().map(|step| step.decision.clone()).collect();
        let decision = script::decision_of(self, intent, script, decisions);
        let limits = TermReport::of_limits(&steps, &decision);
        Explanation { decision, ground: Ground::Steps { steps, limits } }
    }

    fn explain_rules(&self, subject: &Subject<'_>, at: Time) -> (Decision, Vec<RuleReport<'_>>) {
        let misses: Vec<_> = self.rules.iter().map(|rule| rule.matcher.miss(subject)).collect();
        let mut matching = self.rules.iter().zip(&misses).filter(|(_, miss)| miss.is_none());
        let priority = matching.next().map(|(rule, _)| rule.priority);
        let speaks = |rule: &Rule, miss: &Option<MatchKey>| {
            miss.is_none() && Some(rule.priority) == priority
        };
        let speaking = self.rules.iter().zip(&misses).filter(|(rule, miss)| speaks(rule, miss));
        let says: Vec<_> = speaking.map(|(rule, _)| Say::of(rule, subject, at)).collect();
        let decision = self.decision_of(&says);
        let mut says = says.into_iter();
        let reports = self.rules.iter().zip(misses).map(|(rule, miss)| {
            let outcome = match miss {
                Some(key) => Outcome::Missed(Miss::of(key, &rule.matcher, subject)),
                None if Some(rule.priority) != priority => Outcome::TooLate,
                None => says.next().map_or(Outcome::TooLate, |say| {
                    Outcome::Spoke(Spoken::of(&say, decision.verdict))
                }),
            };
            RuleReport { rule, outcome }
        });
        let reports = reports.collect();
        (decision, reports)
    }
}

impl Spoken {
    fn of(say: &Say<'_>, verdict: Verdict) -> Spoken {
        Spoken {
            effect: say.effect,
            standing: match say.effect == verdict {
                true => Standing::GivesVerdict,
                false => Standing::Outranked,
            },
            reason_codes: say.reason_codes().map(str::to_owned).collect(),
            violations: say.violations().map(str::to_owned).collect(),
            terms: TermReport::all_of(say),
        }
    }
}

impl TermReport {
    /// What the terms of a rule did, those that hold too.
    fn all_of(say: &Say<'_>) -> Vec<TermReport> {
        let mut effect = say.rule.effect;
        let spoke = |term| say.heeded.iter().find(|heeded| heeded.term == term);
        let boundary = spoke(Term::DestructiveBoundary).map(|heeded| heeded.term);
        let terms = say.rule.terms.in_force().chain(boundary);
        let reports = terms.map(|term| {
            let report = spoke(term).map_or_else(
                || TermReport::holding(term, effect),
                |heeded| TermReport::of(heeded, say),
            );
            effect = report.to;
            report
        });
        reports.collect()
    }

    fn of(heeded: &Heeded, say: &Say<'_>) -> TermReport {
        let part = |all: &[&str], range: &Range<usize>| {
            let part = all.get(range.clone()).unwrap_or_default();
            part.iter().map(|word| (*word).to_owned()).collect()
        };
        TermReport {
            term: heeded.term,
            from: heeded.from,
            to: heeded.to,
            reason_codes: part(&say.reason_codes, &heeded.reasons),
            violations: part(&say.violations, &heeded.violations),
        }
    }

    fn holding(term: Term, effect: Verdict) -> TermReport {
        let nothing = Vec::new;
        let (reason_codes, violations) = (nothing(), nothing());
        TermReport { term, from: effect, to: effect, reason_codes, violations }
    }

    /// What the limits on a whole script added to what its steps came to.
    fn of_limits(steps: &[StepReport<'_>], whole: &Decision) -> Option<TermReport> {
        let added = |codes: &[String], of: fn(&Decision) -> &[String]| -> Vec<String> {
            let in_step =
                |code: &&String| steps.iter().any(|step| of(&step.decision).contains(code));
            codes.iter().filter(|code| !in_step(code)).cloned().collect()
        };
        let report = TermReport {
            term: Term::ScriptLimits,
            from: steps.iter().map(|step| step.decision.verdict).max()?,
            to: whole.verdict,
            reason_codes: added(&whole.reason_codes, |decision| &decision.reason_codes),
            violations: added(&whole.violations, |decision| &decision.violations),
        };
        (report.from != report.to || !report.reason_codes.is_empty()).then_some(report)
    }
}

impl Miss {
    fn of(key: MatchKey, matcher: &Match, subject: &Subject<'_>) -> Miss {
        Miss { key, wanted: matcher.wanted(key), got: subject.shown(key) }
    }
}
