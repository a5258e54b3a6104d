//! `gait gate eval` as a shell sees it: keys, profiles, config, and the files it leaves behind.

mod command;
#[path = "command/shell.rs"]
mod shell;

use command::Place;
use serde_json::{Value, json};
use shell::{mode, refused, words};
use std::fs;

#[test]
fn both_files_are_required() {
    let place = Place::with("{}");
    refused(&place.run("gate eval --policy policy.yaml --json"), "both --policy and --intent");
    refused(&place.eval("extra"), "extra");
    refused(&place.eval("--policy policy.yaml"), "--policy");
}

#[test]
fn a_demand_for_approval_leaves_a_trace_and_an_audit() {
    let place = Place::with("rules: [{name: a, effect: require_approval, min_approvals: 2}]");
    let run = place.eval("--approval-token-ref ticket-7");
    let answer = run.json();
    assert_eq!(run.exit, 4);
    assert_eq!(answer["required_approvals"], 2);
    assert_eq!(answer["approval_ref"], "ticket-7");
    assert_eq!(answer["reason_codes"], json!(["approval_token_missing", "matched_rule_a"]));

    let id = answer["trace_id"].as_str().unwrap();
    assert_eq!(answer["trace_path"], format!("trace_{id}.json"));
    assert_eq!(answer["approval_audit_path"], format!("approval_audit_{id}.json"));
    let trace = place.json(format!("trace_{id}.json"));
    assert_eq!(trace["approval_token_ref"], "ticket-7");
    assert_eq!(trace["correlation_id"], answer["correlation_id"]);
    let audit = place.json(format!("approval_audit_{id}.json"));
    assert_eq!((&audit["approved"], &audit["entries"]), (&json!(false), &Value::Null));
    assert_eq!(mode(&place.path(&format!("approval_audit_{id}.json"))), 0o600);
}

#[test]
fn text_says_the_same() {
    let place = Place::with("rules: [{name: a, effect: require_approval}]");
    let run = place
        .run("gate eval --policy policy.yaml --intent intent.json --simulate --trace-out t.json");
    let want = "gate eval: verdict=allow\ntrace: t.json\n\
        simulate: would_have_blocked=true simulated_verdict=require_approval\n\
        reasons: approval_token_missing,matched_rule_a,simulate_mode_non_enforcing,\
        simulated_require_approval\napprovals: 0/1\napproval audit: approval_audit_";
    assert!(run.exit == 0 && run.out.starts_with(want), "{run:?}");
    assert!(run.log.starts_with("warning: dev mode: "), "{run:?}");
}

#[test]
fn parts_that_are_not_there_are_refused_by_name() {
    let place = Place::with("{}");
    for flag in [
        "--context-envelope e.json",
        "--approved-script-registry r.json",
        "--credential-command x",
        "--credential-env-prefix X_",
    ] {
        let run = place.eval(flag);
        refused(&run, "not supported");
        refused(&run, flag.split(' ').next().unwrap());
    }
    for (broker, part) in
        [("env", "not supported"), ("nope", "unsupported credential broker: nope")]
    {
        refused(&place.eval(&format!("--credential-broker {broker}")), part);
    }
    assert_eq!(place.eval("--credential-broker off --rate-limit-state r.json").exit, 4);
    assert!(!place.path("r.json").exists(), "nothing was counted");
    refused(&place.eval("--evaluation-time yesterday"), "invalid --evaluation-time");
}

#[test]
fn key_modes_are_strict() {
    let place = Place::with("{}");
    let warning = &place.eval("").json()["warnings"][0];
    assert!(warning.as_str().unwrap().starts_with("dev mode: ephemeral keypair"));
    refused(&place.eval("--private-key keys/k_private.key"), "dev mode does not accept");
    refused(&place.eval("--key-mode prod"), "prod mode requires a private key source");
    refused(&place.eval("--key-mode test"), "unsupported key mode");
    let prod = "--key-mode prod --private-key";
    refused(&place.eval(&format!("{prod} missing")), "read private key: ");
    refused(&place.eval(&format!("{prod} keys/k_public.key")), "invalid private key length: 32");
    refused(&place.eval(&format!("{prod} a --private-key-env B")), "set either path or env");
    refused(&place.eval("--key-mode prod --private-key-env NOT_SET"), "private key env not set");
    assert_eq!(place.eval(&format!("{prod} keys/k_private.key")).json()["warnings"], Value::Null);

    let key = fs::read_to_string(place.path("keys/k_private.key")).unwrap();
    let args = words(
        "gate eval --policy policy.yaml --intent intent.json --key-mode prod \
         --private-key-env KEY --json",
    );
    assert_eq!(place.gait(&args, &[("KEY", &key)]).exit, 4);
}

#[test]
fn a_key_is_wanted_after_the_evaluation() {
    let place = Place::with("default_verdict: deny");
    refused(&place.eval("--key-mode prod"), "invalid default_verdict");
    place.put("policy.yaml", "{}");
    place.put("intent.json", "{}");
    refused(&place.eval("--key-mode prod --private-key missing"), "tool_name is required");
}

#[test]
fn approval_keys_are_checked_when_an_approval_is_asked_for() {
    let place = Place::with("rules: [{name: a, effect: require_approval}]");
    assert_eq!(place.eval("--approval-public-key keys/k_public.key").exit, 4);
    assert_eq!(place.eval("--approval-private-key keys/k_private.key").exit, 4);
    refused(&place.eval("--approval-public-key missing"), "read public key: ");
    let both = "--approval-public-key a --approval-public-key-env B";
    refused(&place.eval(both), "public key source: set either path or env");
    place.put("policy.yaml", "default_verdict: dry_run");
    assert_eq!(place.eval("--approval-public-key missing").exit, 0);
}

#[test]
fn profile_oss_prod_is_strict() {
    let place = Place::with("default_verdict: allow");
    let prod = "--profile OSS-prod --key-mode prod --private-key keys/k_private.key";
    refused(&place.eval("--profile strict"), "unsupported --profile value");
    refused(&place.eval(&format!("{prod} --simulate")), "does not allow --simulate");
    refused(&place.eval("--profile oss-prod"), "requires --key-mode prod");
    let dev = "--profile oss-prod --private-key keys/k_private.key";
    refused(&place.eval(dev), "requires --key-mode prod");
    refused(
        &place.eval("--profile oss-prod --key-mode prod"),
        "oss-prod profile requires --private-key or --private-key-env",
    );
    refused(&place.eval(prod), "rejects policy default_verdict=allow");
    place.put("policy.yaml", "rules: [{name: a, effect: allow, match: {risk_classes: [high]}}]");
    refused(&place.eval(prod), "require_broker_credential");
    let brokered = "rules: [{name: a, effect: allow, match: {risk_classes: [high]}, \
        require_broker_credential: true}]";
    place.put("policy.yaml", brokered);
    refused(&place.eval(prod), "requires --credential-broker for high-risk policies");
    assert_eq!(
        place
            .eval(&format!(
                "{prod} --credential-broker stub --approval-public-key keys/k_public.key"
            ))
            .exit,
        4
    );
    place.put("policy.yaml", "rules: [{name: a, effect: require_approval}]");
    refused(&place.eval(prod), "requires explicit approval verify key");
    let run = place.eval(&format!("{prod} --approval-public-key keys/k_public.key"));
    assert_eq!((run.exit, &run.json()["profile"]), (4, &json!("oss-prod")));
}

#[test]
fn the_project_config_fills_in_and_flags_win() {
    let place = Place::with("default_verdict: block");
    place.put(
        ".gait/config.yaml",
        "other: {tool: x}\ngate:\n  policy: policy.yaml\n  key_mode: prod\n  \
         private_key: keys/k_private.key\n  trace_path: out/trace.json\n  credential_broker: off\n",
    );
    let run = place.run("gate eval --intent intent.json --json");
    assert_eq!((run.exit, &run.json()["trace_path"]), (3, &json!("out/trace.json")), "{run:?}");
    place.put("key.b64", fs::read(place.path("keys/k_private.key")).unwrap());
    let run = place.eval("--private-key key.b64 --trace-out t.json");
    assert_eq!((run.exit, &run.json()["trace_path"]), (3, &json!("t.json")), "{run:?}");

    refused(&place.run("gate eval --intent intent.json --no-config --json"), "both --policy");
    refused(&place.eval("--config missing.yaml"), "read project config: missing.yaml");
    let run = place.eval("--config missing.yaml --no-config");
    assert_eq!((run.exit, run.json()["trace_path"] == "out/trace.json"), (3, false), "{run:?}");
    place.put(".gait/config.yaml", "gate: {credential_command: x}");
    refused(&place.eval(""), "`gate.credential_command` in the project config is not supported");
    place.put(".gait/config.yaml", "gate: {kill_switch_state: k.json}");
    refused(&place.eval(""), "read kill switch state: k.json");
    place.put(
        ".gait/config.yaml",
        "gate: {policy: ' ', kill_switch_state: '', private_key: '', trace_path: '', profile: ''}",
    );
    assert_eq!(place.eval("").exit, 3, "what is blank is not given");
    refused(&place.run("gate eval --intent intent.json --json"), "both --policy and --intent");
    place.put(".gait/config.yaml", "gate: [");
    let run = place.eval("");
    refused(&run, "parse project config: .gait/config.yaml: line 1 column 7");
    assert!(!run.out.contains("gate: ["), "{run:?}");
    place.put(".gait/config.yaml", "");
    assert_eq!(place.eval("").exit, 3);
}

#[test]
fn a_key_that_is_named_is_not_outranked_by_the_config() {
    let place = Place::with("rules: [{name: a, effect: require_approval}]");
    assert_eq!(place.run("keys init --out-dir keys --prefix other").exit, 0);
    place.put(".gait/config.yaml", "gate: {approval_public_key: keys/other_public.key}");
    let asked = place.eval("").json();
    let digests = [&asked["intent_digest"], &asked["policy_digest"]].map(|d| d.as_str().unwrap());
    let approve = format!(
        "approve --ttl 1h --scope * --approver a --reason-code r --out t.json --key-mode prod \
         --private-key keys/k_private.key --intent-digest {} --policy-digest {}",
        digests[0], digests[1]
    );
    assert_eq!(place.run(&approve).exit, 0);
    assert_eq!(place.eval("--approval-token t.json").exit, 4);
    let named = "--approval-token t.json --approval-private-key keys/k_private.key";
    assert_eq!(place.eval(named).exit, 0);
}

// === traces ===

#[test]
fn a_trace_is_private_signed_and_breaks_when_touched() {
    let place = Place::with("rules: [{name: a, effect: block}]");
    let sign = "--key-mode prod --private-key keys/k_private.key --trace-out deep/er/t.json";
    let id = place.eval(sign).json()["trace_id"].clone();
    assert_eq!(mode(&place.path("deep/er/t.json")), 0o600);
    assert_eq!(mode(&place.path("deep")) & 0o027, 0, "nobody else may write or look in");
    assert_eq!(fs::read_dir(place.path("deep/er")).unwrap().count(), 1, "no temporary file");

    let verify = "trace verify deep/er/t.json --json --public-key";
    let run = place.run(&format!("{verify} keys/k_public.key"));
    assert_eq!((run.exit, &run.json()["signature_status"]), (0, &json!("verified")), "{run:?}");
    assert_eq!(run.json()["trace_id"], id);
    let run = place.run("trace verify --private-key keys/k_private.key deep/er/t.json");
    assert_eq!((run.exit, run.out.contains("verified")), (0, true), "{run:?}");

    assert_eq!(place.run("keys init --out-dir other").exit, 0);
    let run = place.run(&format!("{verify} other/gait_public.key"));
    assert_eq!((run.exit, &run.json()["error"]), (2, &json!("key id mismatch")));

    let text = fs::read_to_string(place.path("deep/er/t.json")).unwrap();
    place.put("deep/er/t.json", text.replace("\"verdict\": \"block\"", "\"verdict\": \"allow\""));
    let run = place.run(&format!("{verify} keys/k_public.key"));
    assert_eq!((run.exit, &run.json()["error"]), (2, &json!("signed_digest mismatch")));
    assert_eq!(run.json()["error_code"], "verification_failed");
}

#[test]
fn a_trace_that_cannot_be_written_fails_the_command() {
    let place = Place::with("default_verdict: dry_run");
    fs::create_dir(place.path("dir")).unwrap();
    std::os::unix::net::UnixListener::bind(place.path("socket")).unwrap();
    for bad in ["dir", "policy.yaml/t.json"] {
        let run = place.eval(&format!("--trace-out {bad}"));
        assert_eq!((run.exit, &run.json()["verdict"]), (1, &Value::Null), "{run:?}");
        assert_eq!(run.json()["error_code"], "internal_failure");
    }
    refused(&place.eval("--trace-out socket"), "is no regular file");
    refused(&place.eval("--trace-out ../t.json"), "must not traverse parent directories");
    assert_eq!(fs::read_dir(place.path("dir")).unwrap().count(), 0);
    let there = fs::symlink_metadata(place.path("socket")).unwrap();
    assert!(!there.is_file(), "a device would be gone for everybody");
}

#[test]
fn trace_verify_needs_a_record_and_a_key() {
    let place = Place::with("{}");
    let key = "--public-key keys/k_public.key --json";
    refused(&place.run("trace verify intent.json --json"), "public key not configured");
    refused(&place.run(&format!("trace verify missing {key}")), "read trace record: missing");
    refused(&place.run(&format!("trace verify keys {key}")), "no evidence in `keys`");
    refused(&place.run(&format!("trace verify keys/k_public.key {key}")), "parse trace record: ");
    let run = place.run(&format!("trace verify intent.json {key}"));
    assert_eq!((run.exit, &run.json()["error"]), (2, &json!("trace signature missing")));
}

#[test]
fn explain_names_the_rules_behind_a_decision() {
    let place = Place::with("rules: [{name: a, effect: require_approval, priority: 3}]");
    let answer = place.eval("--explain").json();
    let rule = json!([{"name": "a", "priority": 3, "effect": "require_approval"}]);
    assert_eq!(answer["matched_rules"], rule);
    assert_eq!(answer["reason_codes"], json!(["matched_rule_a"]));
    assert_eq!(answer["approval_required"], true);
    assert_eq!(answer["context_evidence_status"], "not_required");
    assert_eq!((&answer["freeze_window"], &answer["sandbox"]), (&Value::Null, &Value::Null));
}

#[test]
fn explain_tells_what_the_rules_ask_for_and_found() {
    let place = Place::with(
        "rules: [{name: a, effect: allow, require_context_evidence: true,
          match: {require_delegation: true, delegation_scopes: [Write]},
          freeze_window: {timezone: UTC, windows: [{start: '2020-01-01T00:00:00',
            end: '2020-01-02T00:00:00'}]}, sandbox: {enabled: true}}]",
    );
    let said = shell::INTENT.replace(
        "\"args\"",
        r#""delegation":{"requester_identity":"ada","scope_class":"write"},"args""#,
    );
    place.put("intent.json", said);
    let answer = place.eval("--explain").json();
    assert_eq!(answer["context_evidence_status"], "missing", "{answer}");
    assert_eq!(answer["require_delegation"], true);
    assert_eq!(answer["required_delegation_scopes"], json!(["write"]));
    assert_eq!(answer["freeze_window"]["status"], "inactive");
    assert_eq!(answer["sandbox"]["status"], "missing");

    place.put(
        "policy.yaml",
        "fail_closed: {enabled: true, risk_classes: [low], required_fields: [context_evidence, targets]}",
    );
    let answer = place.eval("--explain").json();
    assert_eq!(answer["missing_fields"], json!(["context_evidence", "targets"]), "{answer}");
    assert_eq!(answer["context_evidence_status"], "missing");
}

#[test]
fn explain_counts_the_approvals_that_hold() {
    let place = Place::with("rules: [{name: a, effect: require_approval}]");
    let sign = "--key-mode prod --private-key keys/k_private.key --explain";
    let asked = place.eval("").json();
    let digests = [&asked["intent_digest"], &asked["policy_digest"]].map(|d| d.as_str().unwrap());
    let approve = format!(
        "approve --ttl 1h --scope * --approver a --reason-code r --out t.json --key-mode prod \
         --private-key keys/k_private.key --intent-digest {} --policy-digest {}",
        digests[0], digests[1]
    );
    assert_eq!(place.run(&approve).exit, 0);
    let run = place.eval(&format!("{sign} --approval-token t.json"));
    assert_eq!((run.exit, &run.json()["valid_approvals"]), (0, &json!(1)), "{run:?}");
    assert_eq!(run.json()["verdict"], "require_approval", "that of the rules");
}
