//! Random intents of few words.

use super::dice::{Dice, Maker};
use serde_json::{Map, Value, json};

pub(crate) const TOOLS: &str = "repo.read|files.rm|exec/run|mail|a/save/|web.fetch|\u{130}x";
pub(crate) const RISKS: &str = "low|medium|high|critical";
pub(crate) const KINDS: &str = "path|url|host|repo|table|queue|other";
pub(crate) const VALUES: &str = "/srv/a|/srv/b/c|/etc/x|https://u@API.example.test:8443/x?q=1|\
    //host.test/x|http://[::1]:80/|https://a%20b/|https://api.a.example.test|host.test|\
    http://https://Api.Example.test:1/z|rm -rf|t1";
pub(crate) const OPERATIONS: &str = "read|write|delete|exec|lookup|append|truncate|odd";
pub(crate) const CLASSES: &str = "fs.read|fs.write|fs.delete|proc.exec|net.http|net.dns|other";
pub(crate) const SENSITIVITIES: &str = "secret|public";
pub(crate) const PROVENANCE: &str = "user|external|tool_output|system";
pub(crate) const IDENTITIES: &str = "ada|Ada|lead|bob";
pub(crate) const AGENTS: &str = "agent-1|Agent-1|agent-2";
pub(crate) const PUBLISHERS: &str = "acme|umbrella";
pub(crate) const SKILL_SOURCES: &str = "registry|git";
pub(crate) const STATES: &str = "approved|reviewed|Active";
pub(crate) const SCOPES: &str = "write|read|*";
pub(crate) const CREDENTIAL_SOURCES: &str = "stub|vault_dynamic|github_pat|unknown";
pub(crate) const ACCESS_TYPES: &str = "jit|standing|static|unknown";
pub(crate) const ISSUERS: &str = "vault|Vault|okta";
pub(crate) const ENVIRONMENTS: &str = "prod|dev";
pub(crate) const NETWORK: &str = "disabled|egress_allowlist|full";
pub(crate) const ROOTS: &str = "/usr/|/etc|/usr/lib/..|/";
pub(crate) const DIGESTS: &str = "abababababababababababababababababababababababababababababababab|\
    ABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABAB|\
    0000000000000000000000000000000000000000000000000000000000000000";

pub(crate) fn intent(dice: &mut Dice) -> Value {
    let mut out = call(dice, "tool_name");
    if dice.percent(20) {
        let steps: Vec<Value> =
            (0..1 + dice.below(4)).map(|_| call(dice, "tool_name").into()).collect();
        out.insert("script".to_owned(), json!({"steps": steps}));
        if dice.percent(70) {
            out.remove("targets");
            out.remove("arg_provenance");
        }
    }
    let skill: Maker = |dice| {
        json!({"skill_name": "s", "source": dice.said(SKILL_SOURCES),
            "publisher": dice.cased("acme|ACME|umbrella"), "digest": dice.one(DIGESTS)})
    };
    out.extend(dice.sparse(30, &[("skill_provenance", skill), ("delegation", delegation)]));
    out.insert("context".to_owned(), context(dice));
    if dice.percent(2) {
        spoil(dice, &mut out);
    }
    out.into()
}

/// Makes something that has to be refused.
fn spoil(dice: &mut Dice, intent: &mut Map<String, Value>) {
    let (key, value) = match dice.below(9) {
        0 => ("tool_name", json!(7)),
        1 => ("targets", json!([{"kind": "lockbox", "value": "x"}])),
        2 => ("arg_provenance", json!([{"arg_path": "$.a", "source": "luck"}])),
        3 => ("args", json!({"api_token": "abcdefgh12345678"})),
        4 => ("context", json!({"identity": "ada", "workspace": "/", "risk_class": " "})),
        5 => ("script", json!({"steps": []})),
        6 => (
            "delegation",
            json!({"requester_identity": "a", "chain": [{"delegator_identity": "b", "delegate_identity": "c"}]}),
        ),
        7 => ("skill_provenance", json!({"skill_name": "s"})),
        _ => ("args", json!({" ": 1})),
    };
    intent.insert(key.to_owned(), value);
}

/// A tool with its arguments and what it touches: a whole intent, or one step.
fn call(dice: &mut Dice, tool: &str) -> Map<String, Value> {
    let mut out = Map::new();
    out.insert(tool.to_owned(), dice.said(TOOLS));
    let args: &[(&str, Maker)] = &[
        ("n", |dice| dice.number("0|9007199254740991|-5")),
        (" t ", |dice| dice.cased("x|\u{fb33}|<>&")),
        ("l", |dice| json!([1.5, 1e21, -0.0, null, {"\u{20ac}": dice.flag()}])),
        ("access_key", |dice| dice.cased("ref:k|short|env:KEY")),
    ];
    out.insert("args".to_owned(), dice.sparse(20, args).into());
    let targets: Vec<Value> = (0..dice.below(4)).map(|_| target(dice)).collect();
    out.insert("targets".to_owned(), targets.into());
    let provenance: Vec<Value> = (0..dice.below(3))
        .map(|_| json!({"arg_path": dice.cased("$.a|$.b"), "source": dice.said(PROVENANCE)}))
        .collect();
    out.insert("arg_provenance".to_owned(), provenance.into());
    out
}

fn target(dice: &mut Dice) -> Value {
    let kind = dice.said(KINDS);
    let values = match kind.as_str().unwrap().trim().to_lowercase().as_str() {
        "path" => "/srv/a|/srv/b/c|/etc/x|/srv|/srv/a/../x|/srv//",
        "url" => {
            "https://u@API.example.test:8443/x?q=1|//host.test/x|http://[::1]:80/|http://[::1]|http://[::1]x|http://[::1|https://a%20b/|https://api.a.example.test|x%zz://h|http://h/%zz|https://host.test#f|ftp://B\u{fc}cher.test"
        }
        "host" => "host.test|http://https://Api.Example.test:1/z|api.a.example.test:53|HTTP://x",
        _ => VALUES,
    };
    let members: &[(&str, Maker)] = &[
        ("endpoint_class", |dice| dice.said(CLASSES)),
        ("endpoint_domain", |dice| dice.said("api.example.test|host.test|a/b.example.test")),
        ("destructive", |dice| dice.percent(20).into()),
        ("discovery_method", |dice| dice.said("mcp|webmcp|static-mcp|dynamic mcp|a2a")),
        ("read_only_hint", Dice::flag),
        ("destructive_hint", |dice| dice.percent(20).into()),
        ("idempotent_hint", Dice::flag),
        ("open_world_hint", Dice::flag),
        ("sensitivity", |dice| dice.said(SENSITIVITIES)),
    ];
    let mut out = dice.sparse(15, members);
    out.insert("kind".to_owned(), kind);
    out.insert("value".to_owned(), dice.cased(values));
    out.insert("operation".to_owned(), dice.said("read|read|write|delete|exec|lookup|append||odd"));
    out.into()
}

fn delegation(dice: &mut Dice) -> Value {
    let people: Vec<&str> = (0..4).map(|_| dice.one("ada|Ada|lead|bob")).collect();
    let times: &[(&str, Maker)] = &[
        ("issued_at", |dice| json!(dice.one("2026-01-01T00:00:00+01:00|2026-01-01T00:00:00.10Z"))),
        ("expires_at", |dice| json!(dice.one("2027-01-01T00:00:00Z|2026-02-01T00:00:00-05:30"))),
        ("scope_class", |dice| dice.said(SCOPES)),
    ];
    let length = dice.below(4);
    let link = |dice: &mut Dice, pair: &[&str]| {
        let mut out = dice.sparse(30, times);
        out.insert("delegator_identity".to_owned(), pair[0].into());
        out.insert("delegate_identity".to_owned(), pair[1].into());
        Value::from(out)
    };
    let chain: Vec<Value> = people[..=length].windows(2).map(|pair| link(dice, pair)).collect();
    let mut out = dice.sparse(30, times);
    out.insert("requester_identity".to_owned(), people[length].into());
    out.insert("token_refs".to_owned(), dice.few_cased("t1|t2"));
    out.insert("chain".to_owned(), chain.into());
    out.into()
}

fn context(dice: &mut Dice) -> Value {
    let members: &[(&str, Maker)] = &[
        ("phase", |dice| dice.said("plan|apply")),
        ("agent_id", |dice| dice.cased(AGENTS)),
        ("agent_identity", agent),
        ("sandbox", sandbox),
        ("auth_context", auth),
        ("environment", |dice| dice.said(ENVIRONMENTS)),
        ("run_id", |dice| dice.cased("r1|r2")),
        ("job_id", |dice| dice.cased("j1|j2")),
        ("repo", |dice| dice.cased("r")),
        ("workflow_id", |dice| dice.cased("w")),
        ("approval_ref", |dice| dice.cased("a|")),
        ("wrkr_inventory_ref", |dice| dice.cased("i")),
        ("agent_action_bom_ref", |dice| dice.cased("b")),
        ("credential_ref", |dice| dice.cased("ref:c|c|")),
        ("credential_source", |dice| dice.said(CREDENTIAL_SOURCES)),
        ("credential_access_type", |dice| dice.said(ACCESS_TYPES)),
        ("credential_issuer", |dice| dice.cased(ISSUERS)),
        ("credential_ttl_seconds", |dice| dice.number("0|60|300|301")),
        ("credential_run_binding", |dice| dice.cased("r1|r2")),
        ("credential_job_binding", |dice| dice.cased("j1|j2")),
        // The first is the binding of no targets at all.
        ("credential_target_binding", |dice| {
            json!(
                dice.one("4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945|other")
            )
        }),
        ("context_set_digest", |dice| json!(dice.one(DIGESTS))),
        ("context_evidence_mode", |dice| dice.said("required|best_effort")),
        ("context_refs", |dice| dice.few_cased("b|a")),
    ];
    let share = 15 + dice.below(80);
    let mut out = dice.sparse(share, members);
    out.insert("identity".to_owned(), dice.cased(IDENTITIES));
    out.insert("workspace".to_owned(), dice.cased("/srv/app|/srv/|C:\\w\\x|/other"));
    out.insert("risk_class".to_owned(), dice.said(RISKS));
    out.into()
}

fn auth(dice: &mut Dice) -> Value {
    let members: &[(&str, Maker)] = &[
        ("wrkr.tool_name", |dice| dice.said(TOOLS)),
        ("wrkr.data_class", |dice| dice.said(SENSITIVITIES)),
        ("wrkr.endpoint_class", |dice| dice.said(CLASSES)),
        (
            "wrkr.autonomy_level",
            |dice| if dice.percent(20) { json!(1) } else { dice.said("low|high|") },
        ),
        ("context_age_seconds", |dice| dice.number("5|-1|90")),
    ];
    dice.sparse(60, members).into()
}

fn agent(dice: &mut Dice) -> Value {
    let members: &[(&str, Maker)] = &[
        ("lifecycle_states", |dice| dice.few_cased("approved|reviewed|active|Active")),
        ("owner", |dice| dice.cased("o|")),
        ("publisher", |dice| dice.cased("acme|ACME|umbrella")),
        ("manifest_digest", |dice| json!(dice.one(DIGESTS))),
        ("source", |dice| dice.said(SKILL_SOURCES)),
        ("issued_at", |_| json!("2026-01-01T00:00:00Z")),
        ("expires_at", |dice| {
            json!(dice.one(
                "2026-03-01T12:00:00Z|2026-03-01T12:00:00.000000001Z|2027-01-01T00:00:00+02:00"
            ))
        }),
        ("revoked", |dice| dice.percent(20).into()),
    ];
    dice.sparse(70, members).into()
}

fn sandbox(dice: &mut Dice) -> Value {
    let members: &[(&str, Maker)] = &[
        ("network_mode", |dice| dice.said(NETWORK)),
        ("env_exposure_mode", |dice| dice.said("allowlist|full|none")),
        ("filesystem_isolation", |dice| dice.said("container|none|workspace")),
        ("user_mode", |dice| dice.said("default|root|unprivileged")),
        ("timeout_seconds", |dice| dice.number("5|5|31|0")),
        ("writable_paths", |dice| dice.few_cased("/tmp|/tmp/x/|./|/srv/a|/tmpx")),
        ("read_only_roots", |dice| dice.few_cased(ROOTS)),
        ("evidence_ref", |dice| dice.cased("proof:abc123abc123abc123|short")),
        ("evidence_digest", |dice| json!(dice.one(DIGESTS))),
    ];
    let share = dice.number("50|95|100").as_u64().unwrap() as usize;
    dice.sparse(share, members).into()
}
