//! Rules that believe what an intent says about itself.

use super::Findings;
use crate::intent::time::Time;
use crate::policy::Rule;
use crate::policy::endpoint::Endpoint;

/// Warns of a rule that rests on endpoint class, domain or inventory data (spec, "Where we differ", 11).
pub(super) fn check(rule: &Rule, _: Time, findings: &mut Findings) {
    let inventory = &rule.matcher.inventory;
    let endpoint = rule.terms.endpoint.as_ref();
    let has = |list: fn(&Endpoint) -> bool| endpoint.is_some_and(list);
    let worked_out: Vec<&str> = given([
        ("match.endpoint_classes", !rule.matcher.endpoint_classes.is_empty()),
        ("endpoint.domain_allowlist", has(|endpoint| !endpoint.domain_allowlist.is_empty())),
        ("endpoint.domain_denylist", has(|endpoint| !endpoint.domain_denylist.is_empty())),
        ("endpoint.egress_classes", has(|endpoint| !endpoint.egress_classes.is_empty())),
    ]);
    if !worked_out.is_empty() {
        let keys = worked_out.join(", ");
        findings.rule(
            rule,
            format!(
                "rests on {keys}: an intent file may state class and domain freely; the proxy \
                 works them out itself"
            ),
        );
    }
    let stated: Vec<&str> = given([
        ("context_tool_names", !inventory.tool_names.is_empty()),
        ("context_data_classes", !inventory.data_classes.is_empty()),
        ("context_endpoint_classes", !inventory.endpoint_classes.is_empty()),
        ("context_autonomy_levels", !inventory.autonomy_levels.is_empty()),
    ]);
    if !stated.is_empty() {
        let keys = stated.join(", ");
        findings.rule(
            rule,
            format!("rests on {keys}: without an inventory, an intent may state them freely"),
        );
    }
}

fn given<const N: usize>(keys: [(&'static str, bool); N]) -> Vec<&'static str> {
    keys.into_iter().filter(|(_, given)| *given).map(|(key, _)| key).collect()
}
