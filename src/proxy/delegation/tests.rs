//! What the header may look like, and whose delegation it is.

use super::super::tokens::{TOKENS_BYTES_MAX, TOKENS_MAX};
use super::*;
use crate::delegation::Grant;
use crate::identity::sources::ANONYMOUS;
use crate::intent::time;
use crate::sign::PrivateKey;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD as PADDED, URL_SAFE_NO_PAD};
use http::HeaderName;

fn now() -> Time {
    time::parse("2026-03-01T12:00:00Z").unwrap()
}

fn token(key: &PrivateKey, delegator: &str, delegate: &str) -> Vec<u8> {
    let grant = Grant {
        delegator_identity: delegator.to_owned(),
        delegate_identity: delegate.to_owned(),
        scope: vec!["write".to_owned()],
        scope_class: String::new(),
        intent_digest: String::new(),
        policy_digest: String::new(),
        created_at: time::parse("2026-03-01T11:00:00Z").unwrap(),
        expires_at: time::parse("2026-03-01T12:30:00Z").unwrap(),
    };
    serde_json::to_vec(&grant.mint(key).unwrap()).unwrap()
}

fn known(source: &str) -> Known {
    Known { caller: Arc::new(Caller::named("ada", "/w")), source: source.into() }
}

fn headers(fields: &[(&str, &str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in fields {
        let name: HeaderName = name.parse().unwrap();
        map.append(name, value.parse().unwrap());
    }
    map
}

fn read(fields: &[(&str, &str)], keys: &[&PrivateKey]) -> Result<Sender, Refusal> {
    let keys = Keys::new(keys.iter().map(|key| key.public()));
    Sender::read(known("keys"), &headers(fields), &keys, now())
}

#[test]
fn tokens_stand_in_any_base64_with_commas_or_in_fields_of_their_own() {
    let key = PrivateKey::generate().unwrap();
    let (a, b) = (token(&key, "boss", "lead"), token(&key, "lead", "ada"));
    let (standard, url) = (|bytes| PADDED.encode(bytes), |bytes| URL_SAFE_NO_PAD.encode(bytes));
    for fields in [
        vec![format!("{} , {}", standard(&a), url(&b))],
        vec![url(&b), standard(&a)],
        vec![standard(&a).trim_end_matches('=').to_owned(), standard(&b)],
    ] {
        let fields: Vec<_> = fields.iter().map(|value| ("Gait-Delegation", &**value)).collect();
        let sender = read(&fields, &[&key]).unwrap();
        let said = sender.known.caller.delegation.as_ref().unwrap();
        assert_eq!((&*said.requester_identity, said.chain.len()), ("ada", 2));
        assert_eq!(sender.mandate.unwrap().token_ids().split(',').count(), 2);
    }
}

#[test]
fn without_the_header_nothing_is_said() {
    let key = PrivateKey::generate().unwrap();
    let sender = read(&[("x-other", "a")], &[&key]).unwrap();
    assert!(sender.mandate.is_none() && sender.known.caller.delegation.is_none());
}

#[test]
fn what_cannot_be_read_is_refused_and_not_left_out() {
    let key = PrivateKey::generate().unwrap();
    let good = PADDED.encode(token(&key, "lead", "ada"));
    let many = vec![good.as_str(); TOKENS_MAX + 1].join(",");
    let long = "A".repeat(TOKENS_BYTES_MAX + 1);
    let trailing = format!("{good},");
    let invalid = Refusal::DelegationInvalid;
    for (name, value, refusal) in [
        ("gait_delegation", good.as_str(), Refusal::DelegationSpelling),
        ("gait.delegation", "", Refusal::DelegationSpelling),
        ("gait-delegation", "", invalid),
        ("gait-delegation", ",", invalid),
        ("gait-delegation", &trailing, invalid),
        ("gait-delegation", "?", invalid),
        ("gait-delegation", "a-+b", invalid),
        ("gait-delegation", "e30=", invalid),
        ("gait-delegation", &many, Refusal::DelegationTooMuch),
        ("gait-delegation", &long, Refusal::DelegationTooMuch),
    ] {
        assert_eq!(read(&[(name, value)], &[&key]).unwrap_err(), refusal, "{name}: {value}");
    }
    assert_eq!(read(&[("gait-delegation", &good)], &[]).unwrap_err(), Refusal::DelegationNotTaken);
}

#[test]
fn every_code_of_a_token_is_told() {
    let shown = [Code::Invalid, Code::SignatureMissing, Code::SignatureInvalid, Code::Expired];
    for code in shown.into_iter().chain([Code::DelegateMismatch, Code::ChainMismatch]) {
        assert_eq!(refusal(code).code(), code.as_str());
    }
}

#[test]
fn nobody_in_particular_is_nobody_s_delegate() {
    let key = PrivateKey::generate().unwrap();
    let good = PADDED.encode(token(&key, "lead", "ada"));
    let keys = Keys::new([key.public()]);
    let fields = headers(&[("gait-delegation", &good)]);
    let refused = Sender::read(known(ANONYMOUS), &fields, &keys, now()).unwrap_err();
    assert_eq!(refused, Refusal::DelegationNotForCaller);
    assert!(Sender::read(known("keys"), &fields, &keys, now()).is_ok());
}
