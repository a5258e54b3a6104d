//! From a call to a judged intent: the rules, and what stands over them.
//!
//! In the order of the format: the rules; hosts that cannot be read; orders to stop (spec E15);
//! what the rules ask for beside their verdict: tokens for a delegation (E8), and what nobody can
//! show here (E14); last the limits (E13), which count what is left to be counted. All of it is
//! settled before the stage is asked, so that a stage that does not enforce shows what enforcing
//! would do.
//!
//! A policy that is tried out is judged beside it by the same steps (`candidate`), and acts on nothing.
//!
//! Where a policy asks for none of this, nothing is allocated or locked for it.

mod candidate;

use self::candidate::Matter;
use super::domains;
use crate::call::Call;
use crate::call::body::Content;
use crate::case::{Bar, Cause, Judged, Why, Wish};
use crate::delegation::{Delegated, Mandate, NOT_GRANTED, Outcome, Question};
use crate::gate;
use crate::identity::Known;
use crate::intent::pattern::Captures;
use crate::intent::rest::Binding;
use crate::intent::time::Time;
use crate::intent::{Intent, IntentError};
use crate::json::Digest;
use crate::kill_switch::{ACTIVE, UNAVAILABLE};
use crate::limits::RATE_STATE_FULL;
use crate::policy::freeze::{FreezeFinding, FreezeStatus};
use crate::policy::{Decision, Policy, Verdict};
use crate::snapshot::{Lane, Route, Snapshot};
use crate::stage::Protection;
use crate::store::approvals::Claim;
use crate::store::rate_limits::{Charged, Full, Live};
use crate::store::switch::{Order, Switch};
use crate::trace;
use jiff::Timestamp;
use std::sync::OnceLock;

/// The reason and the violation of a target whose host cannot be read in one way only.
const DOMAIN_UNKNOWN: &str = "endpoint_domain_unknown";

/// What a call is judged by.
pub(super) struct Bench<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) lane: &'a Lane,
    pub(super) wish: Wish,
    pub(super) switch: &'a Switch,
    pub(super) limits: &'a Live,
    /// The words that were taken for it, where it runs on an approval.
    pub(super) claim: Option<&'a Claim>,
}

/// A decision in the making.
struct Ruling {
    decision: Decision,
    bar: Option<Bar>,
    delegated: Option<Delegated>,
}

/// The intent of a call.
pub(super) fn intent(
    route: &Route,
    call: &Call,
    known: &Known,
    captures: &Captures,
    content: &Content,
    binding: Binding,
) -> Result<Intent, Cause> {
    let draft = route.mapping.draft(call, captures, content, &known.caller, binding);
    let draft = draft.map_err(|unfit| Cause::Intent { code: unfit.code, detail: unfit.detail })?;
    let intent = draft.normalise();
    intent.map_err(|error| Cause::Intent { code: error.code(), detail: advice(&error) })
}

/// What to do about an intent that the format refuses.
fn advice(error: &IntentError) -> String {
    match error.path() {
        Some(path) => format!(
            "{path} looks like a raw credential: send a reference, or have the gateway's route \
             list its pointer under `digest`"
        ),
        None => error.to_string(),
    }
}

// === impl Bench ===

impl Bench<'_> {
    /// The decision on an intent, with all that stands over it.
    ///
    /// # Errors
    /// The call cannot be counted.
    pub(super) fn judge(
        &self,
        intent: Intent,
        mandate: Option<&Mandate>,
        now: Timestamp,
    ) -> Result<Judged, Cause> {
        let (policy, at) = (&self.snapshot.policy, Time::from_timestamp(now));
        let order = self.switch.order(&intent, at);
        let matter = Matter { intent: &intent, mandate, order, at };
        let mut ruling = self.rule(policy, &matter);
        let candidate = self.dissent(&matter, ruling.decision.verdict);
        let policy_digest = policy.digest();
        let charged = self.charge(&mut ruling, &intent, now)?;
        let Ruling { decision, bar, delegated } = ruling;
        let trace_id = trace::trace_id(policy_digest, intent.digest(), decision.verdict);
        let delegation_ref = mandate.map(Mandate::token_ids);
        Ok(Judged {
            intent,
            decision,
            policy_digest,
            trace_id,
            bar,
            charged,
            delegated,
            candidate,
            delegation_ref,
            approved: None,
            kept: OnceLock::new(),
        })
    }

    /// What a policy says, with all that stands over it but the limits.
    fn rule(&self, policy: &Policy, matter: &Matter<'_>) -> Ruling {
        let Matter { intent, mandate, at, .. } = *matter;
        let mut ruling = Ruling::of(policy.decide(intent, at));
        if ruling.decision.matched_rule.is_some() && domains::are_unknown(policy, intent) {
            let bar = Bar { why: Why::Domain, until: None };
            ruling.block(bar, &[DOMAIN_UNKNOWN], &[DOMAIN_UNKNOWN]);
        }
        // What lacks required facts is blocked for that, as the format has it.
        if let Some(order) = &matter.order
            && !policy.fails_closed(intent)
        {
            self.heed_order(order, intent, &mut ruling);
        }
        ruling.heed_delegation(mandate, intent, self.snapshot.policy.digest(), at);
        ruling.heed_broker(self.claim);
        ruling
    }

    /// Stops what is ordered to stop, and the riskiest where nobody knows what is.
    fn heed_order(&self, order: &Order, intent: &Intent, ruling: &mut Ruling) {
        match order {
            Order::Stop { outcome, until } => {
                let bar = Bar { why: Why::Stopped, until: *until };
                ruling.block(bar, &outcome.reason_codes, &[ACTIVE]);
            }
            Order::Unknown if self.is_guarded(intent) => {
                // No rule is asked.
                *ruling = Ruling::of(Decision::of(Verdict::Block));
                let bar = Bar { why: Why::SwitchLost, until: None };
                ruling.block(bar, &[UNAVAILABLE], &[UNAVAILABLE]);
            }
            Order::Unknown => {}
        }
    }

    fn is_guarded(&self, intent: &Intent) -> bool {
        self.lane.protection == Protection::Protected
            || matches!(intent.context().risk_class.as_str(), "high" | "critical")
    }

    /// Counts the call against the limits of its rules, where it is one to be counted.
    fn charge(
        &self,
        ruling: &mut Ruling,
        intent: &Intent,
        now: Timestamp,
    ) -> Result<Option<Charged>, Cause> {
        let Decision { verdict, demands, .. } = &ruling.decision;
        if demands.rate_limit.is_none() && demands.destructive_budget.is_none() {
            return Ok(None);
        }
        let toll = gate::toll(self.lane, self.wish, *verdict, self.claim);
        let bytes_max = self.snapshot.plan.limits.rate_state_bytes;
        let tally = self.limits.charge(demands, intent, toll, now, bytes_max);
        let tally = tally.map_err(|Full| Cause::Fault(RATE_STATE_FULL))?;
        let until = tally.renewed_at.map(Time::from_timestamp);
        for counted in tally.exceeded {
            let code = counted.exceeded();
            ruling.block(Bar { why: Why::Limit, until }, &[code], &[code]);
        }
        Ok(tally.charged)
    }
}

// === impl Ruling ===

impl Ruling {
    fn of(decision: Decision) -> Ruling {
        let frozen = decision.details.freeze_window.as_ref().filter(|found| blocks(found));
        let bar = frozen.map(|found| Bar { why: Why::Freeze, until: Some(found.window_end) });
        Ruling { decision, bar, delegated: None }
    }

    /// Holds the tokens that were shown against the intent.
    ///
    /// Also where no rule wants a proof: the intent claims what they say, and rules match on it.
    /// One that is for another intent must not lend its delegator to this.
    fn heed_delegation(
        &mut self,
        mandate: Option<&Mandate>,
        intent: &Intent,
        policy: Digest,
        now: Time,
    ) {
        let bar = Bar { why: Why::Delegation, until: None };
        let demand = self.decision.demands.delegation.clone();
        let scopes = demand.as_ref().map_or(&[][..], |demand| &demand.scopes);
        let question = Question { intent, policy, scopes, now };
        if demand.is_none() {
            if let Some(code) = mandate.and_then(|mandate| mandate.misfit(&question)) {
                self.block(bar, &[code.as_str()], &[NOT_GRANTED]);
            }
            return;
        }
        let unanswered = || (Outcome::unanswered(), None);
        let (outcome, delegated) = mandate.map_or_else(unanswered, |one| one.answer(&question));
        self.delegated = delegated;
        match outcome.violation {
            Some(violation) => self.block(bar, &outcome.reason_codes, &[violation]),
            None => add(&mut self.decision.reason_codes, &outcome.reason_codes),
        }
    }

    /// Blocks for want of a broker. Only what would run needs a credential.
    fn heed_broker(&mut self, claim: Option<&Claim>) {
        let runs = self.decision.verdict == Verdict::Allow || claim.is_some();
        if self.decision.demands.broker.is_some() && runs {
            let (reason, violation) = ("broker_credential_required", "broker_credential_missing");
            self.block(Bar { why: Why::Broker, until: None }, &[reason], &[violation]);
        }
    }

    fn block(&mut self, bar: Bar, reason_codes: &[&str], violations: &[&str]) {
        self.decision.verdict = Verdict::Block;
        add(&mut self.decision.reason_codes, reason_codes);
        add(&mut self.decision.violations, violations);
        if self.bar.is_none_or(|known| known.why < bar.why) {
            self.bar = Some(bar);
        }
    }
}

/// Keeps the list sorted and unique.
fn add(list: &mut Vec<String>, words: &[&str]) {
    list.extend(words.iter().map(|word| (*word).to_owned()));
    list.sort_unstable();
    list.dedup();
}

/// Whether an open window blocks, and not for want of a zone or a range.
fn blocks(found: &FreezeFinding) -> bool {
    found.status == FreezeStatus::Active && found.effect == Verdict::Block
}

#[cfg(test)]
mod tests;
