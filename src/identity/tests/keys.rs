//! Key sets as issuers publish them, and rings that are refilled.

use super::scene::*;
use crate::identity::Refusal;
use crate::identity::keys::{KeyRing, KeySet, KeySetError, Remote};
use crate::intent::time;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

fn parse(keys: Value) -> Result<usize, KeySetError> {
    KeySet::parse(json!({ "keys": keys }).to_string().as_bytes()).map(|set| set.keys().len())
}

fn with(base: &Signer, over: Value) -> Value {
    let mut jwk = base.jwk.clone();
    for (name, value) in over.as_object().unwrap() {
        jwk[name] = value.clone();
    }
    jwk
}

#[test]
fn rings_are_equal_where_the_same_keys_are_trusted() {
    let of = |keys: &[&Value]| KeyRing::fixed(set(keys));
    let (rsa, curve) = (&RSA.jwk, &P256.jwk);
    assert!(of(&[rsa, curve]) == of(&[rsa, curve]) && of(&[rsa]) != of(&[rsa, curve]));
    assert!(of(&[curve]) != of(&[&STRANGER.jwk]), "another key of the same name");
    let (here, there) = (KeyRing::fetched(remote("a")), KeyRing::fetched(remote("b")));
    let refilled = KeyRing::fetched(remote("a"));
    refilled.store(set(&[rsa]), jiff::Timestamp::UNIX_EPOCH);
    assert!(here == refilled && here != there && here != of(&[rsa]));
}

#[test]
fn what_is_not_used_is_left_out() {
    let good = &P256.jwk;
    for odd in [
        json!({"kty": "oct", "k": "AAAA"}),
        json!({"kty": "AKP"}),
        json!({}),
        with(&P256, json!({"use": "enc"})),
        with(&P256, json!({"use": 1})),
        with(&P256, json!({"key_ops": ["sign"]})),
        with(&P256, json!({"alg": "RS256"})),
        with(&P256, json!({"alg": "ECDH-ES"})),
        with(&P256, json!({"crv": "P-384"})),
        with(&P256, json!({"crv": "secp256k1"})),
        with(&P256, json!({"x": "AA=="})),
        with(&P256, json!({"kid": 1})),
        with(&ED, json!({"crv": "X25519"})),
        with(&RSA, json!({"e": "AQ"})),
        with(&RSA, json!({"e": "BA"})),
        with(&RSA, json!({"n": base64(&[0xff; 128])})),
        with(&RSA, json!({"n": base64(&[0xff; 1_025])})),
        with(&RSA, json!({"n": base64(&[[0; 1].as_slice(), &[0x7f; 256]].concat())})),
    ] {
        assert_eq!(parse(json!([good, odd])), Ok(1), "{odd}");
        assert_eq!(parse(json!([odd])), Err(KeySetError::Empty), "{odd}");
    }
    assert_eq!(parse(json!([with(&P256, json!({"key_ops": ["verify"]})), RSA.jwk, ED.jwk])), Ok(3));
}

#[test]
fn what_is_no_set_is_refused() {
    assert_eq!(KeySet::parse(b"[]").unwrap_err(), KeySetError::Shape);
    assert_eq!(KeySet::parse(br#"{"keys":[1]}"#).unwrap_err(), KeySetError::Shape);
    assert_eq!(parse(json!(vec![&P256.jwk; 257])), Err(KeySetError::Keys));
    assert_eq!(parse(json!(vec![&P256.jwk; 256])), Ok(256));
    let long = [br#"{"keys":[]}"#.as_slice(), &vec![b' '; 1 << 20]].concat();
    assert_eq!(KeySet::parse(&long).unwrap_err(), KeySetError::Bytes);
    let twice = br#"{"keys":[],"keys":[]}"#;
    assert!(matches!(KeySet::parse(twice), Err(KeySetError::Json(_))));
    let private = parse(json!([RSA.jwk, with(&P256, json!({"d": "AAAA"}))]));
    assert_eq!(private, Err(KeySetError::Private { index: 2, member: "d" }));
}

fn remote(source: &str) -> Remote {
    Remote {
        source: source.into(),
        url: http::Uri::from_static("https://id.example/keys"),
        refresh: Duration::from_secs(300),
        keep: Duration::from_secs(3_600),
        timeout: Duration::from_secs(5),
        ca: None,
        allow_http: false,
    }
}

fn of(source: &str) -> crate::identity::Sources {
    all(vec![of_tokens(source, ISSUER, KeyRing::fetched(remote(source)))])
}

#[test]
fn a_ring_is_asked_for_again_only_where_other_keys_could_help() {
    let sources = of("sso");
    let ring = sources.rings().next().unwrap().clone();
    let ask = |token: String| {
        let refused = ask(&sources, &peer(), &[("authorization", &format!("Bearer {token}"))]);
        refused.map(|_| ()).map_err(|refused| {
            assert!(refused.stale.as_ref().is_none_or(|stale| Arc::ptr_eq(&stale.ring, &ring)));
            (refused.refusal, refused.stale.is_some())
        })
    };
    let token = || P256.sign(&claims(json!({})));
    assert_eq!(ask(token()), Err((Refusal::JwtKeysUnavailable, true)));
    ring.store(set(&[&RSA.jwk]), "2026-06-01T11:59:00Z".parse().unwrap());
    assert_eq!(ask(token()), Err((Refusal::JwtKeyUnknown, true)));
    ring.store(set(&[&STRANGER.jwk]), "2026-06-01T11:59:00Z".parse().unwrap());
    assert_eq!(ask(token()), Err((Refusal::JwtSignatureInvalid, false)));
    let unnamed = P256.sign_text(r#"{"alg":"ES256"}"#, &claims(json!({})).to_string());
    assert_eq!(ask(unnamed), Err((Refusal::JwtSignatureInvalid, true)));
    ring.store(keys(), "2026-06-01T11:00:00Z".parse().unwrap());
    assert_eq!(ask(token()), Ok(()));
    ring.store(keys(), "2026-06-01T10:59:59Z".parse().unwrap());
    assert_eq!(ask(token()), Err((Refusal::JwtKeysUnavailable, true)));
}

#[test]
fn keys_of_a_file_never_grow_old_and_are_never_fetched() {
    let sources = all(vec![of_tokens("sso", ISSUER, KeyRing::fixed(set(&[&RSA.jwk])))]);
    let token = format!("Bearer {}", P256.sign(&claims(json!({}))));
    let refused = ask(&sources, &peer(), &[("authorization", &token)]).unwrap_err();
    assert!(refused.stale.is_none());
    let ring = sources.rings().next().unwrap();
    assert!(ring.is_usable(&ring.held().unwrap(), time::parse("9999-01-01T00:00:00Z").unwrap()));
}

#[test]
fn a_reload_keeps_the_keys_that_are_fetched_in_the_same_way() {
    let (old, mut same, mut other) = (of("sso"), of("sso"), of("other"));
    let held = old.rings().next().unwrap();
    same.adopt(&old);
    other.adopt(&old);
    assert!(Arc::ptr_eq(same.rings().next().unwrap(), held));
    assert!(!Arc::ptr_eq(other.rings().next().unwrap(), held));
}
