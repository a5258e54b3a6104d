//! One rule of a policy file (spec C2.2, C2.3).

use super::{DOCUMENT, blocks, count, guards, matcher, plain, terms, verdict_mend};
use crate::intent::text::{list, shown, trimmed, word};
use crate::policy::{Rule, Terms, Verdict, reason};
use crate::yaml::{Fault, Fields, Keys, Node};

const RULE: Keys = Keys {
    document: DOCUMENT,
    read: &[
        "name",
        "priority",
        "effect",
        "action",
        "match",
        "reason_codes",
        "violations",
        "min_approvals",
        "require_distinct_approvers",
        "dataflow",
        "endpoint",
        "require_context_evidence",
        "required_context_evidence_mode",
        "max_context_age_seconds",
        "require_declared_agent",
        "allowed_agent_ids",
        "denied_agent_ids",
        "required_agent_manifest_digest",
        "allowed_agent_manifest_publishers",
        "allowed_agent_manifest_sources",
        "required_agent_lifecycle_states",
        "require_agent_owner",
        "require_unexpired_agent",
        "block_standing_credentials",
        "allowed_credential_sources",
        "allowed_credential_issuers",
        "allowed_credential_access_types",
        "max_credential_ttl_seconds",
        "require_jit_credential",
        "freeze_window",
        "sandbox",
        "rate_limit",
        "destructive_budget",
        "require_broker_credential",
        "broker_reference",
        "broker_scopes",
    ],
    legacy: &[],
};

/// Reads the rule at `index` of the list.
pub(super) fn read(node: Node, index: usize) -> Result<Rule, Fault> {
    let mut fields = Fields::open(node, format!("rules[{index}]"), &RULE)?;
    let (name, place) = fields.text("name")?;
    let name = trimmed(name);
    if name.is_empty() {
        let what = format!("rule name is required; give `{}` a text", fields.at("name"));
        return Err(Fault::validate(place, what));
    }
    let effect = effect(&mut fields, &name)?;
    let (priority, _) = fields.integer("priority")?;
    let matcher = matcher::read(fields.take("match"), &fields.at("match"), &name)?;
    let mut reason_codes = list(plain(fields.texts("reason_codes")?));
    let violations = list(plain(fields.texts("violations")?));
    let min_approvals = count(&mut fields, "min_approvals", &name)?;
    let distinct = fields.flag("require_distinct_approvers")?;
    let line = fields.place().line;
    let terms = read_terms(&mut fields, &name)?;
    let digested_reason_codes = reason_codes.clone();
    if reason_codes.is_empty() {
        reason_codes.push(reason::of_rule(&name));
    }
    Ok(Rule {
        name,
        line,
        priority,
        effect,
        matcher,
        digested_reason_codes,
        violations,
        min_approvals,
        require_distinct_approvers: distinct || min_approvals > 1,
        reason_codes,
        terms,
    })
}

fn read_terms(fields: &mut Fields, name: &str) -> Result<Terms, Fault> {
    Ok(Terms {
        dataflow: blocks::dataflow(fields, name)?,
        endpoint: blocks::endpoint(fields, name)?,
        context: terms::context(fields, name)?,
        agent: terms::agent(fields, name)?,
        credential: terms::credential(fields, name)?,
        freeze_window: guards::freeze_window(fields, name)?,
        sandbox: guards::sandbox(fields, name)?,
        broker: terms::broker(fields)?,
        rate_limit: blocks::rate_limit(fields, name)?,
        destructive_budget: blocks::destructive_budget(fields, name)?,
    })
}

fn effect(fields: &mut Fields, name: &str) -> Result<Verdict, Fault> {
    let (said, place) = fields.text("effect")?;
    let (alias, alias_place) = fields.text("action")?;
    let (said, alias, name) = (word(said), word(alias), shown(name));
    if !said.is_empty() && !alias.is_empty() && said != alias {
        let what = format!("rule action must match effect for `{name}`; remove one");
        return Err(Fault::validate(alias_place, what));
    }
    let (said, place) = if said.is_empty() { (alias, alias_place) } else { (said, place) };
    if said.is_empty() {
        let what = format!("rule effect is required for `{name}`; {}", verdict_mend());
        return Err(Fault::validate(fields.place(), what));
    }
    Verdict::parse(&said).ok_or_else(|| {
        let said = shown(&said);
        let what = format!("invalid rule effect `{said}` for `{name}`; {}", verdict_mend());
        Fault::validate(place, what)
    })
}
