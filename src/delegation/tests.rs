//! One test per code, that no byte of a token can be changed, and how links find their tokens.

use super::*;
use crate::intent::time::{self, Time};
use crate::json::Digest;
use crate::sign::{PrivateKey, PublicKey, Signature};
use serde_json::{Value, json};

/// A token that the public tool accepts, and the key it is signed with.
const FOREIGN: &str = r#"{"schema_id": "gait.gate.delegation_token", "schema_version": "1.0.0", "created_at": "2026-01-01T00:00:00Z", "producer_version": "gen", "token_id": "dt-1", "delegator_identity": "pilot.3-0", "delegate_identity": "nora-1", "scope": ["read"], "expires_at": "2999-01-01T00:00:00Z", "scope_class": "write", "signature": {"alg": "ed25519", "key_id": "fdf72a088f18f7399e8c52bce448441501f759a595a86980e5d9a422a01e5d55", "sig": "VFj2DKjDwdb7py3UNlz3QYsGvG8YcSR8b3xnXxPJGHNQsvDrq6fxt+B6AyN55ngrd5VVFg9YT4pm5u9JhvWdDg==", "signed_digest": "0f998b184766813e33cb2a49376fb1e112d1bbd2f5c8c72f798538d8bd710b86"}}"#;
const FOREIGN_KEY: &str = "Zr5+Myx6RTMyvZ0Kf32wVfXF7xoGraZtmLOftoEMRzo=";

fn at(text: &str) -> Time {
    time::parse(text).unwrap()
}

fn now() -> Time {
    at("2026-03-01T12:00:00Z")
}

fn key() -> PrivateKey {
    let seven =
        "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwfqSmxj4pxSCr71UHsTLsX5lUd2rr6+e5JCHuppFEbSLA==";
    PrivateKey::parse(seven).unwrap()
}

fn grant() -> Grant {
    Grant {
        delegator_identity: " lead ".to_owned(),
        delegate_identity: "ada".to_owned(),
        scope: vec!["Write".to_owned()],
        scope_class: " Ops ".to_owned(),
        intent_digest: Digest::of(b"intent").to_string(),
        policy_digest: Digest::of(b"policy").to_string(),
        created_at: at("2026-03-01T11:00:00Z"),
        expires_at: at("2026-03-01T12:30:00Z"),
    }
}

fn value() -> Value {
    serde_json::to_value(grant().mint(&key()).unwrap()).unwrap()
}

fn read(value: &Value) -> Token {
    Token::read(value.to_string().as_bytes()).unwrap()
}

fn wanted() -> Wanted {
    Wanted {
        intent_digest: Some(Digest::of(b"intent")),
        policy_digest: Some(Digest::of(b"policy")),
        scope: vec!["admin".to_owned(), "write".to_owned()],
    }
}

fn unproven(change: impl FnOnce(&mut Value)) -> Code {
    let mut value = value();
    change(&mut value);
    prove(&read(&value), &key().public(), now()).unwrap_err()
}

/// The code with which the minted token is refused for `link` and `wanted`.
fn uncovered(link: (&str, &str), wanted: &Wanted) -> Option<Code> {
    let proven = prove(&read(&value()), &key().public(), now()).unwrap();
    let link = Link { delegator: Some(link.0), delegate: Some(link.1) };
    proven.covers(link, wanted).err()
}

#[test]
fn a_minted_token_is_normal_and_delegates() {
    let value = value();
    assert_eq!((&value["scope"], &value["scope_class"]), (&json!(["write"]), &json!("ops")));
    let id = format!(
        "lead:ada:write:ops:{}:{}:2026-03-01T12:30:00Z",
        Digest::of(b"intent"),
        Digest::of(b"policy")
    );
    assert_eq!(value["token_id"], *Digest::of(id.as_bytes()).to_string().get(..24).unwrap());
    assert_eq!(uncovered(("lead", "ada"), &wanted()), None);
    let free = Grant { intent_digest: String::new(), policy_digest: String::new(), ..grant() };
    let token = free.mint(&key()).unwrap();
    assert_eq!((token.intent_digest(), token.policy_digest()), (None, None));
    let proven = prove(&token, &key().public(), now()).unwrap();
    assert_eq!(proven.covers(Link::default(), &Wanted::default()), Ok(()));
}

#[test]
fn a_token_of_the_public_tool_proves_its_link() {
    let token = Token::read(FOREIGN.as_bytes()).unwrap();
    let proven = prove(&token, &PublicKey::parse(FOREIGN_KEY).unwrap(), now()).unwrap();
    let link = Link { delegator: Some("pilot.3-0"), delegate: Some("nora-1") };
    for (scope, covers) in [("write", true), ("read", true), ("admin", false)] {
        let wanted = Wanted { scope: vec![scope.to_owned()], ..wanted() };
        assert_eq!(proven.covers(link, &wanted).is_ok(), covers, "{scope}");
    }
}

#[test]
fn every_fault_has_its_code() {
    for name in ["token_id", "delegator_identity", "delegate_identity", "scope", "expires_at"] {
        assert_eq!(unproven(|token| token[name] = Value::Null), Code::Invalid, "{name}");
    }
    for (name, bad) in [
        ("created_at", Value::Null),
        ("schema_id", json!("gait.gate.approval_token")),
        ("schema_version", json!("1")),
        ("intent_digest", json!("ab")),
        ("policy_digest", json!("ab")),
    ] {
        assert_eq!(unproven(|token| token[name] = bad.clone()), Code::Invalid, "{name} {bad}");
    }
    assert_eq!(unproven(|token| token["signature"] = Value::Null), Code::SignatureMissing);
    assert_eq!(unproven(|token| token["scope"] = json!(["*"])), Code::SignatureInvalid);
    let token = read(&value());
    let late = prove(&token, &key().public(), token.expires_at());
    assert_eq!(late, Err(Code::Expired));

    assert_eq!(uncovered(("Lead", "bob"), &wanted()), Some(Code::DelegatorMismatch));
    assert_eq!(uncovered(("lead", "bob"), &wanted()), Some(Code::DelegateMismatch));
    let digest = Some(Digest::of(b"other"));
    for (wanted, code) in [
        (Wanted { intent_digest: digest, policy_digest: digest, ..wanted() }, Code::IntentMismatch),
        (Wanted { intent_digest: None, ..wanted() }, Code::IntentMismatch),
        (Wanted { policy_digest: digest, ..wanted() }, Code::PolicyMismatch),
        (Wanted { scope: vec!["admin".to_owned()], ..wanted() }, Code::ScopeMismatch),
    ] {
        assert_eq!(uncovered(("lead", "ada"), &wanted), Some(code));
    }
}

#[test]
fn a_scope_or_the_scope_class_must_meet_one_of_those_wanted() {
    let covers = |scope: &str, class: &str, wanted_scope: &[&str]| {
        let (scope, scope_class) = (vec![scope.to_owned()], class.to_owned());
        let token = Grant { scope, scope_class, ..grant() }.mint(&key()).unwrap();
        let scope = wanted_scope.iter().map(|&scope| scope.to_owned()).collect();
        let proven = prove(&token, &key().public(), now()).unwrap();
        proven.covers(Link::default(), &Wanted { scope, ..wanted() }).is_ok()
    };
    assert!(covers("read", "", &[]));
    assert!(covers("read", "write", &["admin", "write"]));
    assert!(covers("*", "", &["admin"]));
    assert!(covers("read", "*", &["admin"]));
    assert!(!covers("read", "", &["admin", "write"]));
}

#[test]
fn no_byte_of_a_token_can_be_changed() {
    let text = value().to_string().into_bytes();
    let original = meaning(&read(&value()));
    for place in 0..text.len() {
        for flip in [1, 0x20] {
            let mut changed = text.clone();
            changed[place] ^= flip;
            let Ok(changed) = Token::read(&changed) else { continue };
            let proven = prove(&changed, &key().public(), now());
            let untouched = meaning(&changed) == original;
            assert_eq!(proven.is_ok(), untouched, "byte {place} ^ {flip}: {proven:?}");
        }
    }
}

/// What a token says: its normal form and its signature. A key id may be missing.
fn meaning(token: &Token) -> (Option<Token>, Option<Signature>) {
    let mut signature = token.signature.clone();
    if let Some(signature) = signature.as_mut().filter(|s| s.key_id == key().public().id()) {
        signature.key_id.clear();
    }
    (token.normal().map(|normal| normal.unsigned().clone()), signature)
}

#[test]
fn a_grant_that_lacks_something_is_refused() {
    let refused = |change: fn(&mut Grant)| {
        let mut grant = grant();
        change(&mut grant);
        grant.mint(&key()).unwrap_err()
    };
    assert_eq!(refused(|grant| grant.scope.clear()), GrantError::Scope);
    assert_eq!(refused(|grant| grant.delegator_identity.clear()), GrantError::Delegator);
    assert_eq!(refused(|grant| grant.delegate_identity.clear()), GrantError::Delegate);
    assert_eq!(refused(|grant| grant.intent_digest.push('0')), GrantError::IntentDigest);
    assert_eq!(refused(|grant| grant.policy_digest.push('0')), GrantError::PolicyDigest);
    assert_eq!(refused(|grant| grant.expires_at = grant.created_at), GrantError::Lifetime);
}

// === chains ===

fn text(delegator: &str, delegate: &str) -> String {
    let (delegator_identity, delegate_identity) = (delegator.to_owned(), delegate.to_owned());
    let grant = Grant { delegator_identity, delegate_identity, ..grant() };
    serde_json::to_string(&grant.mint(&key()).unwrap()).unwrap()
}

fn ask(texts: &[&String], links: &[(&'static str, &'static str)]) -> Outcome {
    let shown: Vec<_> = texts.iter().map(|t| Shown { name: "t", bytes: t.as_bytes() }).collect();
    let chain = Chain {
        requester: "ada",
        links: links.to_vec(),
        digest: Digest::of(b"chain"),
        scope_class: "",
        token_ref: "",
    };
    evaluate(&shown, &key().public(), &wanted(), &chain, now()).unwrap()
}

/// Delegator, delegate and code of each entry.
fn codes(outcome: &Outcome) -> Vec<String> {
    let entries = serde_json::to_value(&outcome.entries).unwrap();
    let text = |entry: &Value, name: &str| entry[name].as_str().unwrap_or_default().to_owned();
    let line = |entry: &Value| {
        let names = ["delegator_identity", "delegate_identity", "error_code"];
        names.map(|name| text(entry, name)).join(" ").replace("delegation_token_", "")
    };
    entries.as_array().unwrap().iter().map(line).collect()
}

#[test]
fn a_chain_is_proven_link_by_link() {
    let (first, second) = (text("boss", "lead"), text("lead", "ada"));
    let links = [("boss", "lead"), ("lead", "ada")];
    let none = ask(&[], &links);
    assert_eq!(none, Outcome::unanswered());
    assert_eq!(none.reason_codes, ["delegation_token_missing"]);

    let whole = ask(&[&second, &first], &links);
    assert!(whole.is_granted() && whole.valid == 2 && whole.delegation_ref.contains(','));
    assert_eq!(whole.reason_codes, ["delegation_granted"]);
    assert_eq!(codes(&whole), ["boss lead ", "lead ada "]);

    let half = ask(&[&second], &links);
    assert_eq!((half.valid, half.delegation_ref.as_str()), (1, ""));
    assert_eq!(half.reason_codes, ["delegation_chain_insufficient", "delegation_token_missing"]);
    assert_eq!(half.violation, Some("delegation_not_granted"));
    assert_eq!(codes(&half), ["boss lead missing", "lead ada "]);
}

#[test]
fn tokens_that_no_link_used_are_told_why() {
    let (good, other) = (text("lead", "ada"), text("lead", "bob"));
    let spare = ask(&[&good, &good, &other], &[("lead", "ada")]);
    assert!(spare.is_granted());
    assert_eq!(codes(&spare), ["lead ada ", "lead ada chain_mismatch", "lead bob chain_mismatch"]);
    assert_eq!(spare.reason_codes, ["delegation_granted"]);

    let broken = good.replace("[\"write\"]", "[\"*\"]");
    let wrong = ask(&[&broken, &other], &[("lead", "ada")]);
    assert_eq!(
        codes(&wrong),
        ["lead ada missing", "lead ada signature_invalid", "lead bob delegate_mismatch"]
    );
}

#[test]
fn an_empty_chain_is_one_link_to_the_requester() {
    let granted = ask(&[&text("anybody", "ada")], &[]);
    assert!(granted.is_granted() && granted.valid == 1);
    let refused = ask(&[&text("anybody", "bob")], &[]);
    assert_eq!(codes(&refused), [" ada missing", "anybody bob delegate_mismatch"]);
}
