//! One test per code, and that no byte of a token can be changed.

use super::*;
use crate::intent::read::from_json;
use crate::intent::time::{self, Time};
use crate::json::Digest;
use crate::sign::{PrivateKey, Signature};
use serde_json::{Value, json};

fn at(text: &str) -> Time {
    time::parse(text).unwrap()
}

fn now() -> Time {
    at("2026-03-01T12:00:00Z")
}

fn wanted() -> Wanted {
    Wanted {
        intent_digest: Digest::of(b"intent"),
        policy_digest: Digest::of(b"policy"),
        delegation_digest: None,
        scope: vec!["tool:files.write".to_owned()],
        targets: 3,
        operations: 3,
    }
}

fn grant() -> Grant {
    Grant {
        intent_digest: format!(" {} ", Digest::of(b"intent").to_string().to_uppercase()),
        policy_digest: Digest::of(b"policy").to_string(),
        delegation_binding_digest: String::new(),
        approver_identity: " ann ".to_owned(),
        reason_code: "looked_ok".to_owned(),
        scope: vec!["zz".to_owned(), " TOOL:files.write ".to_owned(), String::new()],
        max_targets: 3,
        max_ops: 3,
        created_at: at("2026-03-01T11:00:00.5Z"),
        expires_at: at("2026-03-01T12:30:00.25Z"),
    }
}

fn key() -> PrivateKey {
    let seven =
        "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwfqSmxj4pxSCr71UHsTLsX5lUd2rr6+e5JCHuppFEbSLA==";
    PrivateKey::parse(seven).unwrap()
}

fn value() -> Value {
    serde_json::to_value(grant().mint(&key()).unwrap()).unwrap()
}

fn read(value: &Value) -> Token {
    Token::read(value.to_string().as_bytes()).unwrap()
}

/// The code with which the minted token is refused after `change`.
fn refused(change: impl FnOnce(&mut Value)) -> Code {
    let mut value = value();
    change(&mut value);
    validate(&read(&value), &key().public(), &wanted(), now()).unwrap_err()
}

/// The code with which the minted token is refused where something else is wanted.
fn refused_for(change: impl FnOnce(&mut Wanted)) -> Code {
    let mut wanted = wanted();
    change(&mut wanted);
    validate(&read(&value()), &key().public(), &wanted, now()).unwrap_err()
}

#[test]
fn a_minted_token_is_normal_and_approves() {
    let value = value();
    assert_eq!(value["scope"], json!(["tool:files.write", "zz"]));
    assert_eq!(value["approver_identity"], "ann");
    assert_eq!(value["intent_digest"], Digest::of(b"intent").to_string());
    assert_eq!(value["expires_at"], "2026-03-01T12:30:00.25Z");
    assert_eq!(value.get("delegation_binding_digest"), None);
    let id = format!(
        "{}:{}:ann:looked_ok:tool:files.write,zz:3:3:2026-03-01T12:30:00.25Z",
        Digest::of(b"intent"),
        Digest::of(b"policy")
    );
    assert_eq!(value["token_id"], *Digest::of(id.as_bytes()).to_string().get(..24).unwrap());
    let token = read(&value);
    let valid = validate(&token, &key().public(), &wanted(), now()).unwrap();
    assert_eq!((valid.token_id(), valid.approver_identity()), (token.token_id(), "ann"));
    assert_eq!(token.key_id(), Some(key().public().id().as_str()));
}

#[test]
fn every_fault_of_a_token_has_its_code() {
    let unset = |name: &str| name.to_owned();
    for name in ["token_id", "approver_identity", "reason_code", "scope", "expires_at"]
        .into_iter()
        .chain(["created_at", "intent_digest", "policy_digest"])
        .map(unset)
    {
        assert_eq!(refused(|token| token[&name] = Value::Null), Code::Invalid, "{name}");
    }
    for (name, bad) in [
        ("schema_id", json!("x")),
        ("schema_version", json!("2.0.0")),
        ("intent_digest", json!("ab")),
        ("delegation_binding_digest", json!("ab")),
        ("scope", json!([" ", ""])),
        ("reason_code", json!(" \t")),
        ("max_targets", json!(-1)),
        ("max_ops", json!(-1)),
        ("created_at", json!("0001-01-01T01:00:00+01:00")),
    ] {
        assert_eq!(refused(|token| token[name] = bad.clone()), Code::Invalid, "{name} {bad}");
    }
    assert_eq!(refused(|token| token["signature"] = Value::Null), Code::SignatureMissing);
    assert_eq!(refused(|token| token["signature"] = json!({})), Code::SignatureInvalid);
    assert_eq!(refused(|token| token["max_ops"] = json!(4)), Code::SignatureInvalid);
    let same_time = |token: &mut Value| token["expires_at"] = json!("2026-03-01T13:30:00.25+01:00");
    assert_eq!(refused(same_time), Code::SignatureInvalid);
    let other = PrivateKey::generate().unwrap().public();
    let token = read(&value());
    assert_eq!(validate(&token, &other, &wanted(), now()), Err(Code::SignatureInvalid));
}

#[test]
fn a_true_token_for_something_else_has_its_code() {
    use Code::*;
    let digest = Digest::of(b"other");
    assert_eq!(refused_for(|wanted| wanted.intent_digest = digest), IntentMismatch);
    assert_eq!(refused_for(|wanted| wanted.policy_digest = digest), PolicyMismatch);
    let delegated = |wanted: &mut Wanted| wanted.delegation_digest = Some(digest);
    assert_eq!(refused_for(delegated), DelegationBindingMismatch);
    assert_eq!(refused_for(|wanted| wanted.scope.push("phase:apply".to_owned())), ScopeMismatch);
    assert_eq!(refused_for(|wanted| wanted.targets = 4), MaxTargetsExceeded);
    assert_eq!(refused_for(|wanted| wanted.operations = 4), MaxOpsExceeded);
    let everything = |wanted: &mut Wanted| {
        *wanted =
            Wanted { intent_digest: digest, policy_digest: digest, targets: 9, ..wanted.clone() }
    };
    assert_eq!(refused_for(everything), IntentMismatch);
}

#[test]
fn a_token_ends_at_its_last_instant() {
    let token = read(&value());
    let check = |now: &str| validate(&token, &key().public(), &wanted(), at(now)).err();
    assert_eq!(check("2026-03-01T12:30:00.249999999Z"), None);
    assert_eq!(check("2026-03-01T12:30:00.25Z"), Some(Code::Expired));
    // There is no "not before".
    assert_eq!(check("2020-01-01T00:00:00Z"), None);
}

#[test]
fn zero_is_no_bound_a_star_is_every_scope_and_a_delegation_is_bound() {
    let (scope, delegation) = (vec!["*".to_owned()], Digest::of(b"delegation"));
    let delegation_binding_digest = delegation.to_string();
    let grant = Grant { max_targets: 0, max_ops: 0, scope, delegation_binding_digest, ..grant() };
    let token = grant.mint(&key()).unwrap();
    let wanted = Wanted { targets: 99, operations: 99, ..wanted() };
    let check = |wanted: &Wanted| validate(&token, &key().public(), wanted, now()).err();
    assert_eq!(check(&wanted), None);
    let bound = Wanted { delegation_digest: Some(delegation), ..wanted };
    assert_eq!(check(&bound), None);
}

#[test]
fn what_does_not_change_the_meaning_does_not_break_the_signature() {
    let mut value = value();
    value["extra"] = json!({"a": 1});
    value["approver_identity"] = json!("\tann ");
    value["scope"] = json!(["ZZ", "zz", "Tool:Files.write"]);
    value["created_at"] = json!("2026-03-01T11:00:00.500+00:00");
    value["schema_id"] = Value::Null;
    value["signature"]["key_id"] = json!("");
    assert!(validate(&read(&value), &key().public(), &wanted(), now()).is_ok());
}

#[test]
fn no_byte_of_a_token_can_be_changed() {
    let text = value().to_string().into_bytes();
    let original = meaning(&read(&value()));
    let mut refused = 0;
    for place in 0..text.len() {
        for flip in [1, 0x20] {
            let mut changed = text.clone();
            changed[place] ^= flip;
            let Ok(changed) = Token::read(&changed) else { continue };
            let verdict = validate(&changed, &key().public(), &wanted(), now());
            let untouched = meaning(&changed) == original;
            assert_eq!(verdict.is_ok(), untouched, "byte {place} ^ {flip}: {verdict:?}");
            refused += usize::from(!untouched);
        }
    }
    assert!(refused > text.len() / 2, "{refused}");
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
fn texts_that_are_no_tokens_are_not_judged() {
    for (text, part) in [
        ("", "EOF"),
        ("[]", "must be an object"),
        (r#"{"scope":["a"],"scope":["*"]}"#, "duplicate member `scope`"),
        (r#"{"Scope":["*"]}"#, "`token.Scope` must be written `scope`"),
        (r#"{"signature":{"Sig":""}}"#, "`token.signature.Sig` must be written `sig`"),
        (r#"{"scope":"*"}"#, "`token.scope` must be a list"),
        (r#"{"scope":[1]}"#, "`token.scope[0]` must be text"),
        (r#"{"max_ops":1.0}"#, "`token.max_ops` must be an integer"),
        (r#"{"max_ops":"1"}"#, "`token.max_ops` must be an integer"),
        (r#"{"expires_at":"tomorrow"}"#, "`token.expires_at` is `tomorrow`"),
        (r#"{"expires_at":5}"#, "`token.expires_at` must be text"),
        (r#"{"signature":[]}"#, "`token.signature` must be an object"),
    ] {
        let error = Token::read(text.as_bytes()).unwrap_err().to_string();
        assert!(error.starts_with("parse approval token: ") && error.contains(part), "{error}");
    }
    let long = format!("{{\"x\":\"{}\"}}", "x".repeat(64 << 10));
    assert!(Token::read(long.as_bytes()).unwrap_err().to_string().contains("longer than 65536"));
    assert_eq!(
        validate(&Token::read(b"null").unwrap(), &key().public(), &wanted(), now()),
        Err(Code::Invalid)
    );
}

#[test]
fn a_grant_that_lacks_something_is_refused() {
    let refused = |change: fn(&mut Grant)| {
        let mut grant = grant();
        change(&mut grant);
        grant.mint(&key()).unwrap_err()
    };
    assert_eq!(refused(|grant| grant.scope = vec![" ".into()]), GrantError::Scope);
    assert_eq!(refused(|grant| grant.intent_digest.push('x')), GrantError::IntentDigest);
    assert_eq!(refused(|grant| grant.policy_digest.clear()), GrantError::PolicyDigest);
    let bad = |grant: &mut Grant| grant.delegation_binding_digest = "x".into();
    assert_eq!(refused(bad), GrantError::DelegationBindingDigest);
    assert_eq!(refused(|grant| grant.approver_identity = " ".into()), GrantError::Approver);
    assert_eq!(refused(|grant| grant.reason_code.clear()), GrantError::ReasonCode);
    assert_eq!(refused(|grant| grant.max_targets = -1), GrantError::MaxTargets);
    assert_eq!(refused(|grant| grant.max_ops = -1), GrantError::MaxOps);
    assert_eq!(refused(|grant| grant.expires_at = grant.created_at), GrantError::Lifetime);
    assert_eq!(refused(|grant| grant.created_at = time::ZERO), GrantError::Lifetime);
}

#[test]
fn what_an_intent_needs_follows_from_its_targets_and_phase() {
    let wanted = |phase: &str, targets: &str| {
        let text = format!(
            r#"{{"tool_name":"Files.Write","targets":[{targets}],
                "context":{{"identity":"a","workspace":"/","risk_class":"low","phase":"{phase}"}}}}"#
        );
        let intent = from_json(text.as_bytes()).unwrap().normalise().unwrap();
        Wanted::of(&intent, Digest::of(b"policy"))
    };
    let (read, delete) = (
        r#"{"kind":"path","value":"/a","operation":"read"}"#,
        r#"{"kind":"path","value":"/a","operation":"delete"}"#,
    );
    let none = wanted("apply", "");
    assert_eq!((none.targets, none.operations), (0, 1));
    assert_eq!(none.scope, ["tool:files.write"]);
    let both = wanted("apply", &format!("{read},{delete},{read}"));
    assert_eq!((both.targets, both.operations), (2, 2));
    assert_eq!(both.scope, ["destructive:apply", "phase:apply", "tool:files.write"]);
    assert_eq!(wanted("plan", delete).scope, ["tool:files.write"]);
    assert_eq!(wanted("apply", read).scope, ["tool:files.write"]);

    let script = |steps: &str, own: &str| {
        let text = format!(
            r#"{{"script":{{"steps":[{steps}]}},"targets":[{own}],
                "context":{{"identity":"a","workspace":"/","risk_class":"low"}}}}"#
        );
        let intent = from_json(text.as_bytes()).unwrap().normalise().unwrap();
        let wanted = Wanted::of(&intent, Digest::of(b"policy"));
        (wanted.targets, wanted.operations)
    };
    let step = |targets: &str| format!(r#"{{"tool_name":"t","targets":[{targets}]}}"#);
    let steps = [step(&format!("{read},{delete}")), step(""), step(read)].join(",");
    assert_eq!(script(&steps, ""), (3, 3));
    assert_eq!(script(&step(""), &format!("{read},{delete}")), (2, 1));
}

#[test]
fn a_quorum_counts_tokens_and_people() {
    let text = |approver: &str| {
        let grant = Grant { approver_identity: approver.to_owned(), ..grant() };
        serde_json::to_string(&grant.mint(&key()).unwrap()).unwrap()
    };
    let ask = |texts: &[String], min_approvals, approvers| {
        let shown: Vec<_> =
            texts.iter().map(|t| Shown { name: "t", bytes: t.as_bytes() }).collect();
        let demand = Demand { min_approvals, approvers };
        evaluate(&shown, &key().public(), &wanted(), &demand, now()).unwrap()
    };
    let (ann, bob) = (text("ann"), text("bob"));
    let bad = ann.replace("looked_ok", "looked");
    let blank = ann.replace("\"ann\"", "\" ann\"");

    let none = ask(&[], 0, Approvers::Any);
    assert_eq!((none.required, none.entries.as_ref(), none.is_granted()), (1, None, false));
    assert_eq!(none.reason_codes, ["approval_token_missing"]);

    let one = ask(&[bad.clone(), ann.clone()], 1, Approvers::Distinct);
    assert!(one.is_granted());
    assert_eq!(one.reason_codes, ["approval_granted", "approval_token_signature_invalid"]);
    assert_eq!((one.valid, one.approvers.as_slice()), (1, ["ann".to_owned()].as_slice()));
    assert_eq!(one.entries.map(|entries| entries.len()), Some(2));

    // A copy counts, unless people are counted; white space makes nobody somebody else.
    let copied = [ann.clone(), blank];
    assert!(ask(&copied, 2, Approvers::Any).is_granted());
    let distinct = ask(&copied, 2, Approvers::Distinct);
    assert_eq!((distinct.valid, distinct.approval_ref.as_str()), (2, ""));
    assert_eq!(distinct.reason_codes, ["approval_distinct_approvers_required"]);
    assert_eq!(distinct.violation, Some("approval_not_granted"));

    let both = ask(&[ann.clone(), bob], 2, Approvers::Distinct);
    assert!(both.is_granted() && both.approval_ref.contains(','));
    assert_eq!(
        ask(&[ann, bad], 2, Approvers::Distinct).reason_codes,
        [
            "approval_chain_insufficient",
            "approval_distinct_approvers_required",
            "approval_token_signature_invalid"
        ]
    );
    let many = vec![Shown { name: "t", bytes: b"{}" }; 65];
    let demand = Demand { min_approvals: 1, approvers: Approvers::Any };
    let error = evaluate(&many, &key().public(), &wanted(), &demand, now()).unwrap_err();
    assert_eq!(error, ReadError::TooMany { kind: "approval", count: 65 });
}
