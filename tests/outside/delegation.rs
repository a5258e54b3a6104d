//! Delegation tokens in a header: in whose name a call is made, and what that allows.

use crate::support::{Gait, Recorder, Response, Setup, run_to_end, send, wait_for};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use tempfile::TempDir;

/// `ci-key`, hashed.
const KEY_SHA256: &str = "21974faad09c41084fe7e836c08fe39d0a0f09ad32a03d21de2ea760ad72715f";

/// Calls of `ci-bot` are allowed where `lead` has a token for them.
const POLICY: &str = "default_verdict: block\nrules:\n  - name: delegated\n    effect: allow\n    \
    match: { tool_names: [t], allowed_delegator_identities: [lead], require_delegation: true, \
    delegation_scopes: [ops] }\n";

/// A gait, its tool, and the keys of those who delegate.
struct Scene {
    gait: Gait,
    tool: Recorder,
}

fn run(dir: &Path, arguments: &[&str]) {
    let ended = run_to_end(dir, arguments);
    assert!(ended.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&ended.stderr));
}

impl Scene {
    fn start(delegation: &str) -> Scene {
        let (dir, tool) = (TempDir::new().unwrap(), Recorder::start());
        for prefix in ["first", "second", "stranger"] {
            run(dir.path(), &["keys", "init", "--out-dir", "keys", "--prefix", prefix]);
        }
        let config = format!(
            "server: {{ listen: \"127.0.0.1:0\" }}\nstage: enforce\nunmapped: {{ action: deny }}\n\
             identity:\n  sources: [ {{ name: keys, api_key: {{ keys: [ {{ sha256: {KEY_SHA256}, \
             identity: ci-bot }} ] }} }} ]\n{delegation}upstreams: {{ tool: {{ url: \
             \"http://{}\" }} }}\nroutes:\n  - {{ name: r, match: {{ methods: [GET], path: \"/x\" \
             }}, upstream: tool, intent: {{ tool_name: t, risk_class: high, targets: [ {{ kind: \
             path, value: \"/x\", operation: read }} ] }} }}\n",
            tool.address
        );
        let setup = Setup { config, policy: POLICY.to_owned() };
        Scene { gait: setup.start_in(dir), tool }
    }

    fn delegating() -> Scene {
        Scene::start("  delegation: { keys: [keys/first_public.key, keys/second_public.key] }\n")
    }

    /// The text of a token for two hours, unless `more` says otherwise.
    fn token(&self, key: &str, from: &str, to: &str, more: &[&str]) -> Vec<u8> {
        let private = format!("keys/{key}_private.key");
        let base = ["delegate", "mint", "--delegator", from, "--delegate", to];
        let end = ["--key-mode", "prod", "--private-key", &private, "--out", "token.json"];
        let said = |flag: &str| more.contains(&flag);
        let mut arguments: Vec<&str> = base.iter().chain(&end).chain(more).copied().collect();
        for (flag, value) in [("--scope", "read"), ("--scope-class", "ops"), ("--ttl", "2h")] {
            if !said(flag) {
                arguments.extend([flag, value]);
            }
        }
        let _none = fs::remove_file(self.gait.dir().join("token.json"));
        run(self.gait.dir(), &arguments);
        fs::read(self.gait.dir().join("token.json")).unwrap()
    }

    /// A call of `ci-bot` with these further header lines.
    fn call(&self, lines: &[String]) -> Response {
        let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
        let request = format!(
            "GET /x HTTP/1.1\r\nHost: a\r\nX-Api-Key: ci-key\r\nConnection: close\r\n{lines}\r\n"
        );
        send(self.gait.server, request)
    }

    /// A call with these tokens in one field.
    fn show(&self, tokens: &[&Vec<u8>]) -> Response {
        let tokens: Vec<String> = tokens.iter().map(|token| STANDARD.encode(token)).collect();
        self.call(&[format!("Gait-Delegation: {}", tokens.join(", "))])
    }

    /// The call is refused with this code, and the tool has heard nothing.
    fn refused(&self, answer: &Response, code: &str) -> Value {
        let body = answer.json();
        assert_eq!(answer.status, 403, "{code}: {body}");
        assert!(body["reason_codes"].as_array().unwrap().contains(&json!(code)), "{code}: {body}");
        assert_eq!(self.tool.count(), 0, "{code}");
        body
    }

    /// The first line of the evidence with this digest of an intent.
    fn line(&self, digest: &Value) -> Value {
        let fits = |line: &Value| line["intent_digest"] == *digest;
        wait_for("the line", || self.gait.evidence().into_iter().find(fits))
    }
}

/// The digest of the intent that the tool was called for last.
fn digest(scene: &Scene) -> Value {
    let has = |line: &&Value| line["kind"] == "outcome";
    let line = wait_for("an outcome", || scene.gait.evidence().iter().rfind(has).cloned());
    line["intent_digest"].clone()
}

#[test]
fn a_token_for_the_caller_lets_the_call_go_and_stays_here() {
    let scene = Scene::delegating();
    let token = scene.token("first", "lead", "ci-bot", &[]);
    let answer = scene.show(&[&token]);
    assert_eq!((answer.status, answer.one("Gait-Verdict")), (200, Some("allow")));
    let seen = scene.tool.take();
    assert_eq!(seen.len(), 1);
    assert!(seen[0].fields.iter().all(|(name, _)| !name.to_lowercase().starts_with("gait-")));
    let line = scene.line(&digest(&scene));
    assert_eq!(line["reason_codes"], json!(["delegation_granted", "matched_rule_delegated"]));
    let id = serde_json::from_slice::<Value>(&token).unwrap()["token_id"].clone();
    assert_eq!((&line["delegation_ref"], &line["identity"]), (&id, &json!("ci-bot")));
    let (log, signature) = (scene.gait.log(), STANDARD.encode(&token));
    assert!(!log.contains(&signature) && !log.contains("ci-key"), "{log}");
    scene.gait.settled().assert_law();
    // Without one no rule speaks for the call.
    let body = scene.refused(&scene.call(&[]), "default_block");
    assert_eq!(body["verdict"], "block");
}

#[test]
fn a_renewed_token_gives_the_same_intent_and_one_may_name_it() {
    let scene = Scene::delegating();
    let before = scene.token("first", "lead", "ci-bot", &[]);
    assert_eq!(scene.show(&[&before]).status, 200);
    let first = digest(&scene);
    let renewed = scene.token("second", "lead", "ci-bot", &["--ttl", "3h"]);
    assert_ne!(before, renewed);
    assert_eq!(scene.show(&[&renewed]).status, 200);
    assert_eq!(digest(&scene), first);
    let bound =
        scene.token("first", "lead", "ci-bot", &["--intent-digest", first.as_str().unwrap()]);
    assert_eq!(scene.show(&[&bound]).status, 200);
    assert_eq!(scene.tool.take().len(), 3);
    let elsewhere = scene.token("first", "lead", "ci-bot", &["--intent-digest", &"a".repeat(64)]);
    let body = scene.refused(&scene.show(&[&elsewhere]), "delegation_token_intent_mismatch");
    assert_eq!(body["violations"], json!(["delegation_not_granted"]));
    assert_eq!(body["intent_digest"], first);
    assert!(body["detail"].as_str().unwrap().contains("Gait-Delegation"), "{body}");
}

#[test]
fn a_chain_in_any_order_ends_at_the_caller() {
    let scene = Scene::delegating();
    let upper = scene.token("first", "lead", "team", &[]);
    let lower = scene.token("second", "team", "ci-bot", &[]);
    assert_eq!(scene.show(&[&upper, &lower]).status, 200);
    let straight = digest(&scene);
    let fields =
        [&lower, &upper].map(|token| format!("Gait-Delegation: {}", URL_SAFE_NO_PAD.encode(token)));
    assert_eq!(scene.call(&fields).status, 200);
    assert_eq!(digest(&scene), straight);
    assert_eq!(scene.tool.take().len(), 2);
    scene.refused(&scene.show(&[&upper]), "delegation_token_delegate_mismatch");
    scene.refused(&scene.show(&[&lower, &lower]), "delegation_token_chain_mismatch");
    let body = scene.refused(&scene.show(&[&lower]), "default_block");
    assert_eq!(body["matched_rule"], Value::Null, "`team` is nobody of the rule's: {body}");
    // The last link has the wanted class, the one before has nothing of the kind.
    let narrow = scene.token("first", "lead", "team", &["--scope-class", "other"]);
    let body = scene.refused(&scene.show(&[&narrow, &lower]), "delegation_token_scope_mismatch");
    assert!(body["reason_codes"].to_string().contains("delegation_chain_insufficient"), "{body}");
}

#[test]
fn what_is_wrong_with_a_token_is_told() {
    let scene = Scene::delegating();
    let stale = scene.token("first", "lead", "ci-bot", &["--ttl", "1ms"]);
    std::thread::sleep(std::time::Duration::from_millis(20));
    scene.refused(&scene.show(&[&stale]), "delegation_token_expired");
    let strange = scene.token("stranger", "lead", "ci-bot", &[]);
    scene.refused(&scene.show(&[&strange]), "delegation_token_signature_invalid");
    let other = scene.token("first", "lead", "eve", &[]);
    scene.refused(&scene.show(&[&other]), "delegation_token_delegate_mismatch");
    let good = STANDARD.encode(scene.token("first", "lead", "ci-bot", &[]));
    for (line, code) in [
        ("Gait-Delegation: ?".to_owned(), "delegation_token_invalid"),
        (format!("Gait-Delegation: {good},"), "delegation_token_invalid"),
        (format!("Gait_Delegation: {good}"), "delegation_header_spelling"),
        (format!("Gait-Delegation: {}", vec!["e30"; 17].join(",")), "delegation_tokens_too_many"),
    ] {
        scene.refused(&scene.call(&[line]), code);
    }
    // Somebody without a name is nobody's delegate.
    let nameless = format!(
        "GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\nGait-Delegation: {good}\r\n\r\n"
    );
    let answer = send(scene.gait.server, nameless);
    scene.refused(&answer, "delegation_token_delegate_mismatch");
    let refused = scene.gait.scrape();
    let reason = |code| refused.sum("gait_identity_refused_total", &[("reason", code)]);
    assert_eq!(reason("delegation_token_delegate_mismatch"), 2.0);
    assert_eq!(reason("delegation_token_expired"), 1.0);
}

#[test]
fn where_nobody_s_word_counts_no_token_is_taken() {
    let scene = Scene::start("");
    let good = scene.token("first", "lead", "ci-bot", &[]);
    let body = scene.refused(&scene.show(&[&good]), "delegation_not_taken");
    assert_eq!(body["type"], "urn:gait:problem:blocked");
    let log = scene.gait.log();
    assert!(log.contains("rule `delegated` never matches here"), "{log}");
}
