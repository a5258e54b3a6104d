//! Whether a rule's `match` fits a call (C6.3, E8 to E11).

use super::text::{integer, is_set, list, lower, lowlist, text};
use serde_json::Value;

pub(crate) fn items(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// `call` is a normalised intent, or one with a script's step put in its place.
pub(crate) fn fits(keys: &Value, call: &Value) -> bool {
    let context = &call["context"];
    let mut tools = lowlist(&keys["tool_names"]);
    tools.extend(Some(lower(&text(&keys["tool_name"]))).filter(|tool| !tool.is_empty()));
    let mut classes = lowlist(&keys["endpoint_class"]);
    classes.extend(lowlist(&keys["endpoint_classes"]));
    let target = |name: &str| every(&call["targets"], name);
    let auth = |name: &str| vec![lower(&text(&string(&context["auth_context"][name])))];
    let skill = &call["skill_provenance"];
    let given = [
        (tools, every(&Value::Array(vec![call.clone()]), "tool_name")),
        (lowlist(&keys["risk_classes"]), vec![text(&context["risk_class"])]),
        (list(&keys["identities"]), vec![text(&context["identity"])]),
        (lowlist(&keys["target_kinds"]), target("kind")),
        (lowlist(&keys["destination_kinds"]), target("kind")),
        (list(&keys["target_values"]), target("value")),
        (list(&keys["destination_values"]), target("value")),
        (classes, target("endpoint_class")),
        (lowlist(&keys["data_classes"]), target("sensitivity")),
        (lowlist(&keys["destination_operations"]), target("operation")),
        (lowlist(&keys["provenance_sources"]), every(&call["arg_provenance"], "source")),
        (lowlist(&keys["discovery_method"]), target("discovery_method")),
        (lowlist(&keys["skill_publishers"]), vec![lower(&text(&skill["publisher"]))]),
        (lowlist(&keys["skill_sources"]), vec![text(&skill["source"])]),
        (lowlist(&keys["context_tool_names"]), auth("wrkr.tool_name")),
        (lowlist(&keys["context_data_classes"]), auth("wrkr.data_class")),
        (lowlist(&keys["context_endpoint_classes"]), auth("wrkr.endpoint_class")),
        (lowlist(&keys["context_autonomy_levels"]), auth("wrkr.autonomy_level")),
    ];
    let prefixes = list(&keys["workspace_prefixes"]);
    let workspace = text(&context["workspace"]);
    given.iter().all(|(wanted, has)| wanted.is_empty() || meet(wanted, has))
        && (prefixes.is_empty() || prefixes.iter().any(|prefix| workspace.starts_with(prefix)))
        && annotations(&keys["tool_annotations"], &call["targets"])
        && delegation(keys, &call["delegation"])
}

/// A text, or nothing where the value is another type.
fn string(value: &Value) -> Value {
    if value.is_string() { value.clone() } else { Value::Null }
}

fn every(list: &Value, name: &str) -> Vec<String> {
    items(list).iter().map(|item| text(&item[name])).collect()
}

fn meet(wanted: &[String], has: &[String]) -> bool {
    wanted.iter().any(|word| has.contains(word))
}

fn annotations(hints: &Value, targets: &Value) -> bool {
    let names = [
        ("readOnlyHint", "read_only_hint"),
        ("destructiveHint", "destructive_hint"),
        ("idempotentHint", "idempotent_hint"),
        ("openWorldHint", "open_world_hint"),
    ];
    names.iter().all(|(key, member)| {
        let Some(wanted) = hints[key].as_bool() else { return true };
        items(targets).iter().any(|target| is_set(&target[member]) == wanted)
    })
}

fn delegation(keys: &Value, delegation: &Value) -> bool {
    let delegators = list(&keys["allowed_delegator_identities"]);
    let delegates = list(&keys["allowed_delegate_identities"]);
    let scopes = lowlist(&keys["delegation_scopes"]);
    let depth = &keys["max_delegation_depth"];
    let wants = is_set(&keys["require_delegation"])
        || !delegators.is_empty()
        || !delegates.is_empty()
        || !scopes.is_empty()
        || !depth.is_null();
    if !wants {
        return true;
    }
    if delegation.is_null() {
        return false;
    }
    let chain = &delegation["chain"];
    let with = |own: &str, name: &str| {
        let mut all = every(chain, name);
        all.push(text(&delegation[own]));
        all
    };
    let deepest = integer(depth).unwrap_or(0);
    (depth.is_null() || items(chain).len() as i64 <= deepest)
        && (delegators.is_empty() || meet(&delegators, &every(chain, "delegator_identity")))
        && (delegates.is_empty()
            || meet(&delegates, &with("requester_identity", "delegate_identity")))
        && (scopes.is_empty() || meet(&scopes, &with("scope_class", "scope_class")))
}
