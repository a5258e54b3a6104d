//! The commands as a shell sees them: arguments in, exit status, JSON and files out.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop anywhere")]

mod command;

use command::{Place, Run};
use gait::json::Digest;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

const POLICIES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/policies");

const INTENT: &str = r#"{"created_at":"2026-01-02T03:04:05Z","tool_name":"files.write","args":{},
    "context":{"identity":"ada","workspace":"/srv","risk_class":"low","request_id":"r"}}"#;

/// Words with `@` for the shipped policies.
fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(|word| word.replacen('@', &format!("{POLICIES}/"), 1)).collect()
}

impl Place {
    /// A place with `policy.yaml`, `intent.json` and the key pair `keys/k_{private,public}.key`.
    fn with(policy: &str) -> Place {
        let place = Place::new();
        place.put("policy.yaml", policy);
        place.put("intent.json", INTENT);
        assert_eq!(place.run("keys init --out-dir keys --prefix k").exit, 0);
        place
    }

    fn run(&self, line: &str) -> Run {
        self.gait(&words(line), &[])
    }

    /// `gate eval` over the place's two files.
    fn eval(&self, flags: &str) -> Run {
        self.run(&format!("gate eval --policy policy.yaml --intent intent.json --json {flags}"))
    }
}

/// Exit 6 with the whole envelope, and `part` in the error.
#[track_caller]
fn refused(run: &Run, part: &str) {
    let answer = run.json();
    let error = answer["error"].as_str().unwrap_or_default();
    assert!(run.exit == 6 && error.contains(part), "{part}: {run:?}");
    for (name, want) in [
        ("ok", json!(false)),
        ("error_code", json!("invalid_input")),
        ("error_category", json!("invalid_input")),
        ("hint", json!("check command usage and input schema")),
        ("retryable", json!(false)),
    ] {
        assert_eq!(answer[name], want, "{name}");
    }
}

fn mode(path: &std::path::Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

// === the rollout guide ===

#[test]
fn the_commands_of_the_rollout_guide_answer_as_it_says() {
    let place = Place::new();
    for (policy, intent, exit, verdict) in [
        ("base_low_risk", "read", 0, "allow"),
        ("base_medium_risk", "write", 4, "require_approval"),
        ("base_high_risk", "delete", 3, "block"),
        ("base_high_risk", "write", 4, "require_approval"),
    ] {
        let (policy, intent) =
            (format!("@{policy}.yaml"), format!("@intents/intent_{intent}.json"));
        let test = place.run(&format!("policy test {policy} {intent} --json"));
        let eval = format!("gate eval --policy {policy} --intent {intent} --json");
        for run in [test, place.run(&eval)] {
            assert_eq!((run.exit, &run.json()["verdict"]), (exit, &json!(verdict)), "{run:?}");
        }
        let run = place.run(&format!("{eval} --simulate"));
        assert_eq!((run.exit, &run.json()["simulated_verdict"]), (0, &json!(verdict)), "{run:?}");
    }
}

#[test]
fn every_shipped_policy_is_valid_and_has_no_surprise() {
    let place = Place::new();
    let files = ["base_low_risk", "base_medium_risk", "base_high_risk"].map(str::to_owned);
    let stages = ["observe", "dry_run", "require_approval", "enforce"];
    for name in files.into_iter().chain(stages.map(|stage| format!("stages/{stage}"))) {
        let run = place.run(&format!("policy validate @{name}.yaml --json"));
        assert_eq!((run.exit, &run.json()["warnings"]), (0, &Value::Null), "{name}: {run:?}");
    }
}

#[test]
fn the_stage_policies_rise() {
    let place = Place::new();
    for (stage, write, delete) in [
        ("dry_run", "dry_run", "require_approval"),
        ("require_approval", "require_approval", "require_approval"),
        ("enforce", "require_approval", "block"),
        ("observe", "require_approval", "block"),
    ] {
        for (intent, want) in [("read", "allow"), ("write", write), ("delete", delete)] {
            let run = place.run(&format!(
                "policy test @stages/{stage}.yaml @intents/intent_{intent}.json --json"
            ));
            assert_eq!(run.json()["verdict"], want, "{stage} {intent}");
        }
    }
}

// === the frame ===

#[test]
fn help_and_version_are_answers_and_wrong_usage_is_exit_6() {
    let place = Place::new();
    for line in ["--help", "gate eval --help", "policy test -h", "--version"] {
        let run = place.run(line);
        assert!(run.exit == 0 && !run.out.is_empty() && run.log.is_empty(), "{run:?}");
    }
    for line in
        ["", "nope", "policy", "policy nope", "policy test a", "policy test a b c", "--nope"]
    {
        let run = place.run(line);
        assert!(run.exit == 6 && run.out.is_empty() && !run.log.is_empty(), "{line}: {run:?}");
        refused(&place.run(&format!("{line} --json")), "");
    }
}

#[test]
fn flags_may_stand_anywhere() {
    let place = Place::with("default_verdict: block");
    let digest = |line: &str| place.run(line).json()["policy_digest"].clone();
    let want = digest("policy validate policy.yaml --json");
    assert!(want.is_string());
    for line in [
        "--json policy validate policy.yaml",
        "policy --json validate policy.yaml",
        "policy validate --json policy.yaml",
        "policy test policy.yaml --json intent.json",
    ] {
        assert_eq!(digest(line), want, "{line}");
    }
}

#[test]
fn the_correlation_id_comes_from_the_arguments() {
    let place = Place::with("{}");
    let run = place.run("policy validate policy.yaml --json");
    let digest = Digest::of(b"gait\x1fpolicy\x1fvalidate\x1fpolicy.yaml\x1f--json").to_string();
    assert_eq!(run.json()["correlation_id"], digest[..24]);
}

#[test]
fn exit_codes_do_not_depend_on_words() {
    let place = Place::new();
    place.put("lock timeout/contention.yaml", "rules: [{name: blockade}]");
    let args = ["policy", "validate", "lock timeout/contention.yaml", "--json"];
    refused(&place.gait(&args, &[]), "blockade");
}

#[test]
fn explain_says_a_sentence_or_the_reasons() {
    let place = Place::with("fail_closed: {enabled: true, required_fields: [targets]}");
    place.put("high.json", INTENT.replace("\"low\"", "\"high\""));
    let run = place.run("policy test --explain");
    assert_eq!((run.exit, run.out.lines().count()), (0, 1));

    let run = place.run("gate eval --policy policy.yaml --intent high.json --explain --json");
    let answer = run.json();
    assert_eq!(run.exit, 3, "{run:?}");
    assert_eq!(answer["schema_id"], "gait.gate.policy_explain");
    assert_eq!(answer["missing_fields"], json!(["targets"]));
    assert_eq!(answer["fail_closed_reason_codes"], json!(["fail_closed_missing_targets"]));
    let proof = answer["proof_refs"][0].as_str().unwrap();
    assert_eq!(place.json(proof)["verdict"], "block");
}

#[test]
fn explain_names_the_rules_behind_a_decision() {
    let place = Place::with("rules: [{name: a, effect: require_approval, priority: 3}]");
    let answer = place.eval("--explain").json();
    let rule = json!([{"name": "a", "priority": 3, "effect": "require_approval"}]);
    assert_eq!(answer["matched_rules"], rule);
    assert_eq!(answer["reason_codes"], json!(["matched_rule_a"]));
    assert_eq!(answer["approval_required"], true);
}

// === files that are not what they should be ===

#[test]
fn a_policy_mistake_names_file_line_and_field() {
    let place = Place::with("rules:\n  - name: a\n    effect: allow\n    colour: red\n");
    let run = place.run("policy validate policy.yaml --json");
    refused(&run, "policy.yaml:4:5");
    refused(&run, "colour");
    let text = place.run("policy validate policy.yaml");
    assert!(text.log.starts_with("policy validate error: "), "{text:?}");
    refused(&place.eval(""), "policy.yaml:4:5");
}

#[test]
fn an_intent_mistake_names_file_and_field() {
    let place = Place::with("{}");
    place.put("intent.json", r#"{"tool_name":"t","Args":{}}"#);
    refused(&place.eval(""), "intent.json: parse intent json: ");
    place.put("intent.json", r#"{"tool_name":"t","context":{"identity":"a"}}"#);
    refused(&place.eval(""), "context.workspace is required");
}

#[test]
fn what_cannot_be_read_is_invalid_input() {
    let place = Place::with("{}");
    fs::create_dir(place.path("dir")).unwrap();
    place.put("big.json", vec![b' '; (4 << 20) + 1]);
    place.put("latin1.json", b"{\"tool_name\":\"\xe9\"}");
    place.put("empty.json", "");
    for bad in ["dir", "missing", "big.json", "latin1.json", "empty.json", "/dev/null"] {
        refused(&place.run(&format!("policy test policy.yaml {bad} --json")), "");
    }
    for bad in ["dir", "missing", "latin1.json"] {
        refused(&place.run(&format!("policy test {bad} intent.json --json")), bad);
        refused(&place.run(&format!("policy validate {bad} --json")), bad);
    }
}

#[test]
fn an_unreadable_file_is_invalid_input() {
    let place = Place::with("{}");
    fs::set_permissions(place.path("policy.yaml"), fs::Permissions::from_mode(0)).unwrap();
    if fs::read(place.path("policy.yaml")).is_ok() {
        println!("skipped: this user reads every file");
        return;
    }
    refused(&place.run("policy validate policy.yaml --json"), "policy.yaml");
}

// === gate eval ===

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
        "--approval-token t.json",
        "--approval-token-chain a,b",
        "--delegation-token t.json",
        "--kill-switch-state k.json",
        "--wrkr-inventory i.json",
        "--context-envelope e.json",
        "--approved-script-registry r.json",
        "--credential-broker stub",
        "--credential-ref x",
    ] {
        let run = place.eval(flag);
        refused(&run, "not supported");
        refused(&run, flag.split(' ').next().unwrap());
    }
    assert_eq!(place.eval("--credential-broker off --rate-limit-state r.json").exit, 4);
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
    refused(&place.eval(prod), "rejects policy default_verdict=allow");
    place.put("policy.yaml", "rules: [{name: a, effect: allow, match: {risk_classes: [high]}}]");
    refused(&place.eval(prod), "require_broker_credential");
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
    refused(&place.eval("--config a --no-config"), "--no-config");
    place.put(".gait/config.yaml", "gate: {kill_switch_state: k.json}");
    refused(&place.eval(""), "`gate.kill_switch_state` in the project config is not supported");
    place.put(".gait/config.yaml", "gate: [");
    refused(&place.eval(""), "parse project config: .gait/config.yaml");
    place.put(".gait/config.yaml", "");
    assert_eq!(place.eval("").exit, 3);
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
    for bad in ["dir", "policy.yaml/t.json"] {
        let run = place.eval(&format!("--trace-out {bad}"));
        assert_eq!((run.exit, &run.json()["verdict"]), (1, &Value::Null), "{run:?}");
        assert_eq!(run.json()["error_code"], "internal_failure");
    }
    refused(&place.eval("--trace-out ../t.json"), "must not traverse parent directories");
    assert_eq!(fs::read_dir(place.path("dir")).unwrap().count(), 0);
}

#[test]
fn trace_verify_needs_a_record_and_a_key() {
    let place = Place::with("{}");
    let key = "--public-key keys/k_public.key --json";
    refused(&place.run("trace verify intent.json --json"), "public key not configured");
    refused(&place.run(&format!("trace verify missing {key}")), "read trace record: missing");
    refused(&place.run(&format!("trace verify keys {key}")), "read trace record: keys");
    refused(&place.run(&format!("trace verify keys/k_public.key {key}")), "parse trace record: ");
    let run = place.run(&format!("trace verify intent.json {key}"));
    assert_eq!((run.exit, &run.json()["error"]), (2, &json!("trace signature missing")));
}

// === keys ===

#[test]
fn key_pairs_are_private_and_never_overwritten_unasked() {
    let place = Place::with("{}");
    let private = fs::read(place.path("keys/k_private.key")).unwrap();
    assert_eq!(mode(&place.path("keys/k_private.key")), 0o600);
    refused(&place.run("keys init --out-dir keys --prefix k --json"), "already exists");
    refused(&place.run("keys init --prefix ../k --json"), "invalid --prefix");
    assert_eq!(fs::read(place.path("keys/k_private.key")).unwrap(), private);

    let run = place.run("keys verify --json --private-key keys/k_private.key");
    assert_eq!(run.json()["public_key_source"], "derived");
    let pair = "--private-key keys/k_private.key --public-key keys/k_public.key";
    assert_eq!(place.run(&format!("keys verify {pair}")).exit, 0);
    assert_eq!(place.run("keys init --out-dir keys --prefix k --force").exit, 0);
    assert_ne!(fs::read(place.path("keys/k_private.key")).unwrap(), private);
    assert_eq!(place.run(&format!("keys verify {pair}")).exit, 0);

    assert_eq!(place.run("keys init").exit, 0);
    let mixed = "--private-key keys/k_private.key --public-key gait-out/keys/gait_public.key";
    refused(&place.run(&format!("keys verify --json {mixed}")), "does not match");
    refused(&place.run("keys verify --json"), "no private key");
}

#[test]
fn rotation_makes_a_pair_with_the_time_in_its_name() {
    let place = Place::with("{}");
    let answer = place.run("keys rotate --out-dir keys --prefix k --json").json();
    let prefix = answer["prefix"].as_str().unwrap();
    let time = prefix.strip_prefix("k_").unwrap();
    assert!(time.len() == 16 && time.ends_with('Z') && time[8..].starts_with('T'), "{prefix}");
    assert!(place.path(&format!("keys/{prefix}_private.key")).exists());
    assert!(place.path("keys/k_private.key").exists());
}
