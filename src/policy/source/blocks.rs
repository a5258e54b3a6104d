//! Terms of a rule that are mappings of their own: dataflow, endpoint and the two limits
//! (spec E1, E2, E13).
//!
//! A mapping that is there and enables nothing is not in force; the format then neither checks
//! the words in it nor digests them.

use super::matcher::{exact, lowered};
use super::{DOCUMENT, guard_word, vocabulary};
use crate::intent::EndpointClass;
use crate::intent::text::{shown, trimmed, word};
use crate::policy::Verdict;
use crate::policy::dataflow::{self, Dataflow, True};
use crate::policy::endpoint::{self, Endpoint};
use crate::policy::limit::{Limit, Scope, Window};
use crate::yaml::{Fault, Fields, Keys, Place};

const DATAFLOW: Keys = Keys {
    document: DOCUMENT,
    read: &[
        "enabled",
        "tainted_sources",
        "destination_kinds",
        "destination_values",
        "destination_operations",
        "action",
        "reason_code",
        "violation",
    ],
    legacy: &[],
};

const ENDPOINT: Keys = Keys {
    document: DOCUMENT,
    read: &[
        "enabled",
        "path_allowlist",
        "path_denylist",
        "domain_allowlist",
        "domain_denylist",
        "egress_classes",
        "action",
        "destructive_action",
        "reason_code",
        "violation",
    ],
    legacy: &[],
};

const LIMIT: Keys =
    Keys { document: DOCUMENT, read: &["requests", "window", "scope"], legacy: &[] };

/// Reads `dataflow`.
pub(super) fn dataflow(fields: &mut Fields, rule: &str) -> Result<Option<Dataflow>, Fault> {
    let path = fields.at("dataflow");
    let mut fields = Fields::open(fields.take("dataflow"), path, &DATAFLOW)?;
    let fields = &mut fields;
    let enabled = fields.flag("enabled")?;
    let mut tainted_sources = lowered(fields, "tainted_sources")?;
    let destination_kinds = lowered(fields, "destination_kinds")?;
    let destination_values = exact(fields, "destination_values")?;
    let destination_operations = lowered(fields, "destination_operations")?;
    let action = fields.text("action")?;
    let reason_code = or(fields, "reason_code", dataflow::REASON_CODE)?;
    let violation = or(fields, "violation", dataflow::VIOLATION)?;
    let lists =
        [&tainted_sources, &destination_kinds, &destination_values, &destination_operations];
    if !enabled && lists.iter().all(|list| list.is_empty()) {
        return Ok(None);
    }
    if tainted_sources.is_empty() {
        tainted_sources = dataflow::TAINTED.map(str::to_owned).to_vec();
    }
    Ok(Some(Dataflow {
        enabled: True,
        tainted_sources,
        destination_kinds,
        destination_values,
        destination_operations,
        action: guard_word(action, "dataflow.action", rule)?.unwrap_or(Verdict::RequireApproval),
        reason_code,
        violation,
    }))
}

/// Reads `endpoint`.
pub(super) fn endpoint(fields: &mut Fields, rule: &str) -> Result<Option<Endpoint>, Fault> {
    let path = fields.at("endpoint");
    let mut fields = Fields::open(fields.take("endpoint"), path, &ENDPOINT)?;
    let fields = &mut fields;
    let enabled = fields.flag("enabled")?;
    let path_allowlist = exact(fields, "path_allowlist")?;
    let path_denylist = exact(fields, "path_denylist")?;
    let domain_allowlist = lowered(fields, "domain_allowlist")?;
    let domain_denylist = lowered(fields, "domain_denylist")?;
    let egress = fields.texts("egress_classes")?;
    let action = fields.text("action")?;
    let destructive = fields.text("destructive_action")?;
    let reason_code = or(fields, "reason_code", endpoint::VIOLATION)?;
    let violation = or(fields, "violation", endpoint::VIOLATION)?;
    let lists = [&path_allowlist, &path_denylist, &domain_allowlist, &domain_denylist];
    let named = egress.iter().chain([&destructive]).any(|(text, _)| !text.trim().is_empty());
    if !enabled && !named && lists.iter().all(|list| list.is_empty()) {
        return Ok(None);
    }
    Ok(Some(Endpoint {
        enabled: True,
        path_allowlist,
        path_denylist,
        domain_allowlist,
        domain_denylist,
        egress_classes: egress_classes(egress, rule)?,
        action: guard_word(action, "endpoint.action", rule)?.unwrap_or(Verdict::Block),
        destructive_action: guard_word(destructive, "endpoint.destructive_action", rule)?,
        reason_code,
        violation,
    }))
}

fn egress_classes(said: Vec<(String, Place)>, rule: &str) -> Result<Vec<EndpointClass>, Fault> {
    let rule = shown(rule);
    let network = |said: &str| said.is_empty() || said.starts_with("net.");
    let known = |said: &str| EndpointClass::parse(said).is_some();
    let inland = said.iter().find(|(text, _)| {
        let text = word(text.clone());
        known(&text) && !network(&text)
    });
    if let Some((text, place)) = inland {
        let what = format!(
            "endpoint.egress_class must be network class for `{rule}`, not `{}`",
            shown(text)
        );
        return Err(Fault::validate(*place, what));
    }
    let refusal = |word| format!("unsupported endpoint.egress_class {word} for `{rule}`");
    vocabulary(said, EndpointClass::parse, refusal, || "net.dns, net.http".to_owned())
}

/// Reads `rate_limit`; no requests means no limit, whatever else stands there.
pub(super) fn rate_limit(fields: &mut Fields, rule: &str) -> Result<Option<Limit>, Fault> {
    let (mut said, requests, place) = limit(fields, "rate_limit")?;
    if requests < 0 {
        let what = format!("rate_limit.requests must be >= 0 for `{}`", shown(rule));
        return Err(Fault::validate(place, what));
    }
    if requests == 0 {
        return Ok(None);
    }
    read_limit(&mut said, requests, "rate_limit", rule).map(Some)
}

/// Reads `destructive_budget`; one that says anything must have requests.
pub(super) fn destructive_budget(fields: &mut Fields, rule: &str) -> Result<Option<Limit>, Fault> {
    let (mut said, requests, place) = limit(fields, "destructive_budget")?;
    if requests > 0 {
        return read_limit(&mut said, requests, "destructive_budget", rule).map(Some);
    }
    let (window, scope) = (said.text("window")?.0, said.text("scope")?.0);
    if requests == 0 && window.trim().is_empty() && scope.trim().is_empty() {
        return Ok(None);
    }
    let what = format!("destructive_budget.requests must be >= 1 for `{}`", shown(rule));
    Err(Fault::validate(place, what))
}

fn limit(fields: &mut Fields, key: &str) -> Result<(Fields, i64, Place), Fault> {
    let path = fields.at(key);
    let mut said = Fields::open(fields.take(key), path, &LIMIT)?;
    let (requests, place) = said.integer("requests")?;
    Ok((said, requests, place))
}

fn read_limit(said: &mut Fields, requests: i64, key: &str, rule: &str) -> Result<Limit, Fault> {
    let window = limit_word(said, key, "window", rule, Window::parse, Window::known)?;
    let scope = limit_word(said, key, "scope", rule, Scope::parse, Scope::known)?;
    Ok(Limit {
        requests: requests.unsigned_abs(),
        window: window.unwrap_or(Window::Minute),
        scope: scope.unwrap_or(Scope::ToolIdentity),
    })
}

fn limit_word<T>(
    said: &mut Fields,
    block: &str,
    key: &str,
    rule: &str,
    parse: fn(&str) -> Option<T>,
    known: fn() -> String,
) -> Result<Option<T>, Fault> {
    let (text, place) = said.text(key)?;
    let text = word(text);
    if text.is_empty() {
        return Ok(None);
    }
    parse(&text).map(Some).ok_or_else(|| {
        let (text, rule) = (shown(&text), shown(rule));
        let what =
            format!("unsupported {block}.{key} `{text}` for `{rule}`; known are {}", known());
        Fault::validate(place, what)
    })
}

/// Trimmed text, or a default where there is none.
fn or(fields: &mut Fields, key: &str, default: &str) -> Result<String, Fault> {
    let text = trimmed(fields.text(key)?.0);
    Ok(if text.is_empty() { default.to_owned() } else { text })
}
