//! Random policies of few words, so that their rules meet the intents of [`super::intents`].

use super::dice::{Dice, Maker};
use super::intents as words;
use serde_json::{Map, Value, json};

const VERDICTS: &str = "allow|allow|dry_run|require_approval|block";
const WEAKER: &str = "block|require_approval";
const NAMES: &str = "a|b-c|B c|\u{3a3}\u{130}\u{212a}|<x> & \"y\"|tab\there|d/e.f|\u{e9}";

pub(crate) fn policy(dice: &mut Dice) -> Value {
    let mut out = dice.sparse(70, &[("default_verdict", |dice| dice.said(VERDICTS))]);
    if dice.percent(20) {
        out.insert("fail_closed".to_owned(), fail_closed(dice));
    }
    if dice.percent(40) {
        out.insert("scripts".to_owned(), scripts(dice));
    }
    let rules: Vec<Value> = (0..dice.below(7)).map(|_| rule(dice)).collect();
    out.insert("rules".to_owned(), rules.into());
    if dice.percent(2) {
        spoil(dice, &mut out);
    }
    out.into()
}

/// Makes something that has to be refused.
fn spoil(dice: &mut Dice, policy: &mut Map<String, Value>) {
    let rule = |name: &str, value: Value| json!([{"name": "s", "effect": "block", name: value}]);
    let (key, value) = match dice.below(16) {
        0 => ("default_verdict", json!("maybe")),
        1 => ("surprise", json!(1)),
        2 => ("schema_version", json!("2.0.0")),
        3 => ("rules", rule("name", json!(" "))),
        4 => ("rules", rule("action", json!("allow"))),
        5 => ("rules", rule("min_approvals", json!(-1))),
        6 => ("rules", rule("match", json!({"endpoint_classes": ["net.smtp"]}))),
        7 => ("rules", rule("endpoint", json!({"egress_classes": ["fs.read"]}))),
        8 => ("rules", rule("dataflow", json!({"enabled": true, "action": "allow"}))),
        9 => ("rules", rule("freeze_window", json!({"reason": "r"}))),
        10 => ("rules", rule("sandbox", json!({"allowed_user_modes": ["admin"]}))),
        11 => ("rules", rule("match", json!({"max_delegation_depth": -1}))),
        12 => ("rules", rule("allowed_credential_sources", json!(["luck"]))),
        13 => ("rules", rule("required_agent_manifest_digest", json!("abc"))),
        14 => ("scripts", json!({"max_steps": -1})),
        _ => ("fail_closed", json!({"required_fields": ["luck"]})),
    };
    policy.insert(key.to_owned(), value);
}

fn fail_closed(dice: &mut Dice) -> Value {
    let required = "targets|arg_provenance|endpoint_class|delegation|context_evidence";
    let high = super::policy::HIGH_RISK.split_whitespace().collect::<Vec<_>>().join("|");
    let mut out = dice.sparse(50, &[("risk_classes", |dice| dice.few(words::RISKS))]);
    out.insert("enabled".to_owned(), dice.flag());
    if dice.percent(50) {
        out.insert("required_fields".to_owned(), dice.few(required));
    }
    if dice.percent(50) {
        out.insert("required_high_risk_fields".to_owned(), dice.few(&high));
    }
    out.into()
}

fn scripts(dice: &mut Dice) -> Value {
    let limits: &[(&str, Maker)] = &[
        ("max_steps", |dice| dice.number("0|1|2|3|9")),
        ("require_approval_above", |dice| dice.number("0|1|2")),
        ("block_mixed_risk", Dice::flag),
    ];
    dice.sparse(50, limits).into()
}

fn rule(dice: &mut Dice) -> Value {
    let plain: &[(&str, Maker)] = &[
        ("priority", |dice| dice.number("-1|0|0|1|10")),
        ("reason_codes", |dice| dice.few_cased("r1|r2|R1")),
        ("violations", |dice| dice.few_cased("v1|v2")),
        ("min_approvals", |dice| dice.number("0|1|2|3")),
        ("require_distinct_approvers", Dice::flag),
        ("match", matcher),
        ("match", matcher),
    ];
    let mut out = dice.sparse(50, plain);
    out.insert("name".to_owned(), dice.cased(NAMES));
    out.insert(dice.one("effect|effect|action").to_owned(), dice.said(VERDICTS));
    let groups: [(usize, &[(&str, Maker)]); 4] =
        [(40, OBJECTS), (6, EVIDENCE), (12, AGENT), (12, CREDENTIAL)];
    for (percent, group) in groups {
        if dice.percent(percent) {
            out.extend(dice.sparse(30, group));
        }
    }
    out.into()
}

const OBJECTS: &[(&str, Maker)] = &[
    ("dataflow", dataflow),
    ("endpoint", endpoint),
    ("freeze_window", freeze),
    ("sandbox", sandbox),
    ("rate_limit", |dice| json!({"requests": dice.number("0|5"), "window": dice.said("hour")})),
    ("destructive_budget", |_| json!({"requests": 1})),
];
const EVIDENCE: &[(&str, Maker)] = &[
    ("require_context_evidence", Dice::flag),
    ("required_context_evidence_mode", |dice| dice.said("required|")),
    ("max_context_age_seconds", |dice| dice.number("0|60")),
    ("require_broker_credential", Dice::flag),
];
const AGENT: &[(&str, Maker)] = &[
    ("require_declared_agent", Dice::flag),
    ("allowed_agent_ids", |dice| dice.few_cased(words::AGENTS)),
    ("denied_agent_ids", |dice| dice.few_cased(words::AGENTS)),
    ("required_agent_manifest_digest", |dice| json!(dice.one(words::DIGESTS))),
    ("allowed_agent_manifest_publishers", |dice| dice.few(words::PUBLISHERS)),
    ("allowed_agent_manifest_sources", |dice| dice.few(words::SKILL_SOURCES)),
    ("required_agent_lifecycle_states", |dice| dice.few(words::STATES)),
    ("require_agent_owner", Dice::flag),
    ("require_unexpired_agent", Dice::flag),
];
const CREDENTIAL: &[(&str, Maker)] = &[
    ("block_standing_credentials", Dice::flag),
    ("allowed_credential_sources", |dice| dice.few(words::CREDENTIAL_SOURCES)),
    ("allowed_credential_issuers", |dice| dice.few_cased(words::ISSUERS)),
    ("allowed_credential_access_types", |dice| dice.few(words::ACCESS_TYPES)),
    ("max_credential_ttl_seconds", |dice| dice.number("0|300")),
    ("require_jit_credential", Dice::flag),
];

fn matcher(dice: &mut Dice) -> Value {
    let common: &[(&str, Maker)] = &[
        ("tool_name", |dice| dice.said(words::TOOLS)),
        ("tool_names", |dice| dice.few(words::TOOLS)),
        ("risk_classes", |dice| dice.few(words::RISKS)),
        ("target_kinds", |dice| dice.few(words::KINDS)),
        ("destination_kinds", |dice| dice.few(words::KINDS)),
        ("target_values", |dice| dice.few_cased(words::VALUES)),
        ("destination_values", |dice| dice.few_cased(words::VALUES)),
        ("endpoint_class", |dice| dice.few(words::CLASSES)),
        ("endpoint_classes", |dice| dice.few(words::CLASSES)),
        ("data_classes", |dice| dice.few(words::SENSITIVITIES)),
        ("destination_operations", |dice| dice.few(words::OPERATIONS)),
        ("provenance_sources", |dice| dice.few(words::PROVENANCE)),
        ("identities", |dice| dice.few_cased(words::IDENTITIES)),
        ("workspace_prefixes", |dice| dice.few_cased("/srv|/srv/a|/|C:/w|C:\\w")),
    ];
    let rare: &[(&str, Maker)] = &[
        ("discovery_method", |dice| dice.few("mcp|webmcp|unknown|manual")),
        ("tool_annotations", annotations),
        ("skill_publishers", |dice| dice.few(words::PUBLISHERS)),
        ("skill_sources", |dice| dice.few(words::SKILL_SOURCES)),
        ("context_tool_names", |dice| dice.few(words::TOOLS)),
        ("context_data_classes", |dice| dice.few(words::SENSITIVITIES)),
        ("context_endpoint_classes", |dice| dice.few(words::CLASSES)),
        ("context_autonomy_levels", |dice| dice.few("low|high")),
        ("require_delegation", Dice::flag),
        ("allowed_delegator_identities", |dice| dice.few_cased(words::IDENTITIES)),
        ("allowed_delegate_identities", |dice| dice.few_cased(words::IDENTITIES)),
        ("delegation_scopes", |dice| dice.few(words::SCOPES)),
        ("max_delegation_depth", |dice| dice.number("0|1|2")),
    ];
    let mut out = dice.sparse(7, common);
    out.extend(dice.sparse(6, rare));
    out.into()
}

fn annotations(dice: &mut Dice) -> Value {
    let hints: [(&str, Maker); 4] =
        ["readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"]
            .map(|hint| (hint, Dice::flag as Maker));
    dice.sparse(40, &hints).into()
}

fn dataflow(dice: &mut Dice) -> Value {
    let keys: &[(&str, Maker)] = &[
        ("enabled", Dice::flag),
        ("tainted_sources", |dice| dice.few(words::PROVENANCE)),
        ("destination_kinds", |dice| dice.few(words::KINDS)),
        ("destination_values", |dice| dice.few_cased(words::VALUES)),
        ("destination_operations", |dice| dice.few(words::OPERATIONS)),
        ("action", |dice| dice.said(WEAKER)),
        ("reason_code", |dice| dice.cased("tainted|")),
        ("violation", |dice| dice.cased("flow|")),
    ];
    dice.sparse(35, keys).into()
}

fn endpoint(dice: &mut Dice) -> Value {
    let paths =
        "/srv/**|/srv/a|/srv/*|/srv/[a-c]|/srv/[^a]|/s?v/a|/srv/\\a|[|/srv/a[|/**|**|*|/srv/[/]";
    let domains = "*.example.test|api.example.test|api.*|*|h?st.test|example.test|[";
    let mut out = dice.sparse(
        30,
        &[
            ("enabled", Dice::flag),
            ("egress_classes", |dice| dice.few("net.http|net.dns")),
            ("action", |dice| dice.said(WEAKER)),
            ("destructive_action", |dice| dice.said(WEAKER)),
            ("reason_code", |dice| dice.cased("ep|")),
            ("violation", |dice| dice.cased("epv|")),
        ],
    );
    for name in ["path_allowlist", "path_denylist"] {
        if dice.percent(30) {
            out.insert(name.to_owned(), dice.few_cased(paths));
        }
    }
    for name in ["domain_allowlist", "domain_denylist"] {
        if dice.percent(30) {
            out.insert(name.to_owned(), dice.few(domains));
        }
    }
    out.into()
}

fn freeze(dice: &mut Dice) -> Value {
    let zones = "UTC|UTC|Europe/Berlin|America/New_York|Nowhere/Land";
    // Both changes of the clock of the first half year, in Berlin and in New York.
    let times = "2026-01-01T00:00:00|2026-03-01T12:00:00.5|2026-03-08T02:30:00|\
        2026-03-29T02:30:00|2026-03-29T03:00:00|2026-10-25T02:30:00|2026-12-31T23:59:59|2026-02-30T00:00:00";
    let window = |dice: &mut Dice| {
        let mut out = dice.sparse(50, &[("name", |dice| dice.cased("w|x"))]);
        out.insert("start".to_owned(), dice.cased(times));
        out.insert("end".to_owned(), dice.cased(times));
        Value::from(out)
    };
    let windows: Vec<Value> = (0..1 + dice.below(2)).map(|_| window(dice)).collect();
    let mut out = dice.sparse(
        35,
        &[
            ("effect", |dice| dice.said(WEAKER)),
            ("reason", |dice| dice.cased("year end")),
            ("environments", |dice| dice.few(words::ENVIRONMENTS)),
            ("risk_classes", |dice| dice.few(words::RISKS)),
        ],
    );
    out.insert("timezone".to_owned(), dice.cased(zones));
    out.insert("windows".to_owned(), windows.into());
    out.into()
}

fn sandbox(dice: &mut Dice) -> Value {
    let keys: &[(&str, Maker)] = &[
        ("enabled", Dice::flag),
        ("allowed_network_modes", |dice| dice.few(words::NETWORK)),
        ("allowed_writable_path_prefixes", |dice| dice.few_cased("/|/tmp/|/tmp/../srv|tmp")),
        ("required_read_only_roots", |dice| dice.few_cased(words::ROOTS)),
        ("allowed_env_exposure_modes", |dice| dice.few("allowlist|full|none")),
        ("max_timeout_seconds", |dice| dice.number("0|30")),
        ("allowed_filesystem_isolations", |dice| dice.few("container|none|workspace")),
        ("allowed_user_modes", |dice| dice.few("default|root|unprivileged")),
    ];
    dice.sparse(30, keys).into()
}
