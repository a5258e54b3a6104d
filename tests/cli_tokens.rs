//! `gait approve` and `gait delegate` as a shell sees them: what lies in the file, what is said.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a helper may stop the test")]

mod command;
#[path = "command/shell.rs"]
mod shell;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use command::Place;
use gait::json::{self, Digest};
use gait::sign::{PublicKey, Signature};
use serde_json::{Value, json};
use shell::{mode, refused};
use std::fs;

const POLICY: &str =
    "rules: [{name: eyes, effect: require_approval, match: {tool_names: [files.write]}}]";
const KEY: &str = "--key-mode prod --private-key keys/k_private.key";
const DELEGATE: &str =
    "delegate mint --json --delegator lead --delegate ada --scope write --ttl 1h";

/// `approve` for the place's own intent and policy.
fn approve(place: &Place) -> String {
    let asked = place.eval("").json();
    let (intent, policy) = (&asked["intent_digest"], &asked["policy_digest"]);
    assert_eq!(asked["required_approvals"], 1, "{asked}");
    format!(
        "approve --json --intent-digest {} --policy-digest {} --ttl 1h30m --approver ann \
         --reason-code ok --scope zz,TOOL:files.write,zz {KEY}",
        intent.as_str().unwrap(),
        policy.as_str().unwrap()
    )
}

fn key(place: &Place) -> PublicKey {
    PublicKey::parse(&fs::read_to_string(place.path("keys/k_public.key")).unwrap()).unwrap()
}

/// Checks the signature over the file without it, as anybody could.
fn verifies(place: &Place, mut token: Value) -> bool {
    let signature = token.as_object_mut().unwrap().remove("signature").unwrap();
    let text = |name: &str| signature[name].as_str().unwrap().to_owned();
    assert_eq!(STANDARD.decode(text("sig")).unwrap().len(), 64);
    let signature = Signature {
        alg: text("alg"),
        key_id: text("key_id"),
        sig: text("sig"),
        signed_digest: text("signed_digest"),
    };
    key(place).verify(&signature, json::digest(&token).unwrap().as_bytes()).is_ok()
}

fn text<'a>(token: &'a Value, name: &str) -> &'a str {
    token[name].as_str().unwrap_or_default()
}

fn short(text: &str) -> String {
    Digest::of(text.as_bytes()).to_string().chars().take(24).collect()
}

// === approve ===

#[test]
fn an_approval_is_written_for_its_owner_alone_and_signed() {
    let place = Place::with(POLICY);
    let run = place.run(&format!("{} --max-targets 2", approve(&place)));
    let answer = run.json();
    assert_eq!((run.exit, &answer["ok"], &answer["warnings"]), (0, &json!(true), &Value::Null));
    assert_eq!(answer["description"], "signed approval token created");
    assert_eq!(answer["scope"], json!(["tool:files.write", "zz"]));
    assert_eq!((&answer["max_targets"], &answer["max_ops"]), (&json!(2), &Value::Null));
    assert_eq!(
        (text(&answer, "reason_code"), text(&answer, "key_id")),
        ("ok", key(&place).id().as_str())
    );
    let path = format!("approval_{}.json", text(&answer, "token_id"));
    assert_eq!(text(&answer, "token_path"), path);
    assert_eq!(mode(&place.path(&path)), 0o600);

    let token = place.json(&path);
    let id = format!(
        "{}:{}:ann:ok:tool:files.write,zz:2:0:{}",
        text(&token, "intent_digest"),
        text(&token, "policy_digest"),
        text(&token, "expires_at")
    );
    assert_eq!((text(&token, "token_id"), short(&id)), (text(&answer, "token_id"), short(&id)));
    assert_eq!(text(&token, "schema_id"), "gait.gate.approval_token");
    assert_eq!(token.get("max_ops"), None);
    assert!(verifies(&place, token.clone()));
    let seconds = text(&answer, "expires_at").trim_end_matches('Z').to_owned();
    assert!(text(&token, "expires_at").starts_with(&seconds) && seconds.len() == 19);
    let written = fs::read_to_string(place.path(&path)).unwrap();
    assert!(written.starts_with("{\n  \"schema_id\": ") && written.ends_with("}\n"), "{written}");
}

#[test]
fn an_approval_lasts_as_long_as_it_says() {
    let place = Place::with(POLICY);
    assert_eq!(place.run(&format!("{} --out a/t.json", approve(&place))).exit, 0);
    let token = place.json("a/t.json");
    let at = |name| text(&token, name).parse::<jiff::Timestamp>().unwrap();
    assert_eq!((at("expires_at") - at("created_at")).get_seconds(), 5400);
}

#[test]
fn without_a_key_an_approval_is_for_trying_out() {
    let place = Place::with(POLICY);
    let line = approve(&place).replace(KEY, "");
    let warning =
        "dev mode: ephemeral keypair generated; signatures will not verify across machines";
    assert_eq!(place.run(&line).json()["warnings"], json!([warning]));
    let run = place.run(&line.replace("--json", ""));
    assert_eq!((run.exit, run.log.as_str()), (0, format!("warning: {warning}\n").as_str()));
    assert!(run.out.starts_with("approve: token_id=") && run.out.contains("expires: "), "{run:?}");
}

#[test]
fn what_an_approval_lacks_is_said_in_order() {
    let place = Place::with(POLICY);
    let line = approve(&place);
    for (flag, value, error) in [
        ("--max-ops", "-1", "max_ops must be >= 0"),
        ("--max-targets", "-1", "max_targets must be >= 0"),
        ("--reason-code", " ", "reason code is required"),
        ("--approver", "", "approver identity is required"),
        (
            "--delegation-binding-digest",
            "ab",
            "delegation_binding_digest must be sha256 hex when set",
        ),
        ("--policy-digest", "ab", "policy_digest must be sha256 hex"),
        ("--intent-digest", "ab", "intent_digest must be sha256 hex"),
        ("--key-mode", "dev", "dev mode does not accept explicit key sources"),
        ("--private-key-env", "K", "private key source: set either path or env"),
        ("--scope", " , ", "scope is required"),
        ("--ttl", "0s", "invalid --ttl, expected positive duration"),
        ("--ttl", "2600000h", "invalid --ttl, expected positive duration"),
        ("--max-ops", "x", "invalid value 'x'"),
    ] {
        let mut args = shell::words(&line);
        match args.iter().position(|arg| arg == flag) {
            Some(at) => args[at + 1] = value.to_owned(),
            None => args.extend([flag.to_owned(), value.to_owned()]),
        }
        refused(&place.gait(&args, &[]), error);
    }
    // The first in order wins, whatever else is wrong.
    let nothing = "approve --json --max-ops -1";
    for (more, error) in [
        ("", "invalid --ttl"),
        ("--ttl 5m", "scope is required"),
        ("--ttl 5m --scope * --key-mode prod", "prod mode requires a private key source"),
        ("--ttl 5m --scope * --key-mode x", "unsupported key mode"),
        ("--ttl 5m --scope *", "intent_digest must be sha256 hex"),
    ] {
        refused(&place.run(&format!("{nothing} {more}")), error);
    }
    let files = fs::read_dir(place.path("")).unwrap();
    let mut names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    assert!(
        !names.any(|name| name.starts_with("approval_") && !name.starts_with("approval_audit"))
    );
}

#[test]
fn a_token_that_cannot_be_written_is_the_machines_failure() {
    let place = Place::with(POLICY);
    fs::create_dir(place.path("dir")).unwrap();
    let run = place.run(&format!("{} --out dir", approve(&place)));
    assert_eq!((run.exit, text(&run.json(), "error_code")), (1, "internal_failure"), "{run:?}");
}

// === delegate ===

#[test]
fn a_delegation_is_written_signed_and_verified() {
    let place = Place::with(POLICY);
    let run = place.run(&format!("{DELEGATE} --scope-class OPS {KEY}"));
    let answer = run.json();
    assert_eq!((run.exit, text(&answer, "description")), (0, "signed delegation token created"));
    let path = text(&answer, "token_path");
    assert_eq!(path, format!("delegation_{}.json", text(&answer, "token_id")));
    assert_eq!(mode(&place.path(path)), 0o600);
    let token = place.json(path);
    let id = format!("lead:ada:write:ops:::{}", text(&token, "expires_at"));
    assert_eq!(text(&token, "token_id"), short(&id));
    assert!(verifies(&place, token));

    let verify = format!("delegate verify --token {path} --json");
    let run =
        place.run(&format!("{verify} --public-key keys/k_public.key --scope ops,x --delegate ada"));
    let answer = run.json();
    assert_eq!((run.exit, &answer["valid"]), (0, &json!(true)), "{run:?}");
    assert_eq!(text(&answer, "delegator_identity"), "lead");
    assert_eq!(place.run(&format!("{verify} --private-key keys/k_private.key")).exit, 0);
    let text =
        place.run(&format!("{verify} --private-key keys/k_private.key").replace("--json", ""));
    assert!(text.out.contains("ada acts for lead until "), "{text:?}");
}

#[test]
fn a_delegation_that_does_not_hold_is_told_why() {
    let place = Place::with(POLICY);
    let bound = "1".repeat(64);
    let mint = format!("{DELEGATE} --out t.json --intent-digest {bound} {KEY}");
    assert_eq!(place.run(&mint).exit, 0);
    assert_eq!(place.run("keys init --out-dir other --prefix k").exit, 0);
    let verify = |flags: &str| place.run(&format!("delegate verify --json --token {flags}"));
    let own = "t.json --public-key keys/k_public.key";
    let other = "2".repeat(64);
    for (flags, code) in [
        ("--delegator bob", "delegation_token_delegator_mismatch"),
        ("--delegate bob", "delegation_token_delegate_mismatch"),
        (&format!("--intent-digest {other}"), "delegation_token_intent_mismatch"),
        ("--scope admin", "delegation_token_scope_mismatch"),
    ] {
        let run = verify(&format!("{own} {flags}"));
        refused(&run, code);
        assert_eq!(run.json()["reason_codes"], json!([code]));
    }
    assert_eq!(verify(&format!("{own} --intent-digest {bound} --policy-digest {other}")).exit, 0);
    refused(&verify(&format!("{own} --intent-digest x")), "intent_digest must be sha256 hex");
    refused(&verify("t.json"), "public key not configured");
    refused(&verify("absent.json --public-key keys/k_public.key"), "read delegation token: ");
    place.put("not.json", "{");
    refused(&verify("not.json --public-key keys/k_public.key"), "parse delegation token: ");

    let run = verify("t.json --public-key other/k_public.key");
    assert_eq!((run.exit, text(&run.json(), "error_code")), (2, "verification_failed"), "{run:?}");
    let mut token = place.json("t.json");
    token["signature"] = Value::Null;
    place.put("t.json", token.to_string());
    let run = verify(own);
    assert_eq!(run.json()["reason_codes"], json!(["delegation_token_signature_missing"]));
    assert_eq!(run.exit, 2);
}

#[test]
fn what_a_delegation_lacks_is_said() {
    let place = Place::with(POLICY);
    for (flag, value, error) in [
        ("lead", "", "delegator identity is required"),
        ("ada", " ", "delegate identity is required"),
        ("write", ",", "scope is required"),
        ("1h", "1d", "invalid --ttl"),
    ] {
        let args: Vec<String> = shell::words(DELEGATE)
            .into_iter()
            .map(|word| if word == flag { value.to_owned() } else { word })
            .collect();
        refused(&place.gait(&args, &[]), error);
    }
    for name in ["intent", "policy"] {
        let line = format!("{DELEGATE} --{name}-digest x");
        refused(&place.run(&line), &format!("{name}_digest must be sha256 hex when set"));
    }
}
