//! The commands as a shell sees them: arguments in, exit status and JSON out.

mod command;
#[path = "command/shell.rs"]
mod shell;

use command::Place;
use gait::json::Digest;
use serde_json::{Value, json};
use shell::{INTENT, mode, refused};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

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
    assert!(digest.starts_with(run.json()["correlation_id"].as_str().unwrap()), "{run:?}");
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
    fs::set_permissions(place.path("policy.yaml"), fs::Permissions::from_mode(0o000)).unwrap();
    if fs::read(place.path("policy.yaml")).is_ok() {
        println!("skipped: this user reads every file");
        return;
    }
    refused(&place.run("policy validate policy.yaml --json"), "policy.yaml");
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
    assert!(
        time.len() == 16 && time.ends_with('Z') && time.chars().nth(8) == Some('T'),
        "{prefix}"
    );
    assert!(place.path(&format!("keys/{prefix}_private.key")).exists());
    assert!(place.path("keys/k_private.key").exists());
}

#[test]
fn the_key_of_evidence_is_rotated_beside_the_old_one() {
    let place = Place::with("{}");
    let refusal = place.run("keys rotate --evidence state --json");
    refused(&refusal, "NAME.previous.key");
    refused(&place.run("keys rotate --evidence state --force --json"), "--force");

    assert_eq!(place.run("keys init --out-dir keys --prefix k --force").exit, 0);
    fs::create_dir_all(place.path("state")).unwrap();
    let old = fs::read(place.path("keys/k_private.key")).unwrap();
    fs::write(place.path("state/evidence_signing.key"), &old).unwrap();
    let answer = place.run("keys rotate --evidence state --json").json();
    assert_eq!(fs::read(place.path("state/evidence_signing.previous.key")).unwrap(), old);
    let new = "keys verify --json --private-key state/evidence_signing.key";
    let new = place.run(&format!("{new} --public-key state/evidence_signing.pub")).json();
    assert_eq!(new["key_id"], answer["key_id"]);
    for name in ["evidence_signing.key", "evidence_signing.previous.key"] {
        assert_eq!(mode(&place.path(&format!("state/{name}"))), 0o600);
    }
}
