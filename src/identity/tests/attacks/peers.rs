//! Attacks by fields and by peers: spellings, repetitions, strangers, contradictions.

use super::super::scene::*;
use super::{Row, bearer, good};

pub(super) fn of_fields() -> Vec<Row> {
    let one =
        |name, field, value: &str, code| (name, peer(), vec![(field, value.to_owned())], code);
    let text = |name, value: &str, code| one(name, "authorization", value, code);
    let twice = || vec![("x-api-key", KEY.to_owned()), ("x-api-key", KEY.to_owned())];
    let beside = |field| vec![("x-api-key", KEY.to_owned()), (field, KEY.to_owned())];
    vec![
        text("no token", "Bearer", "credential_malformed"),
        text("an empty token", "Bearer ", "credential_malformed"),
        text("two spaces", &format!("Bearer  {}", good()), "credential_malformed"),
        text("a tab", &format!("Bearer\t{}", good()), "credential_malformed"),
        text("space in front", &format!(" Bearer {}", good()), "credential_malformed"),
        text(
            "two in one field",
            &format!("Bearer {}, Bearer {}", good(), good()),
            "credential_malformed",
        ),
        text("an opaque token", "bEaReR opaque", "jwt_malformed"),
        ("key twice", peer(), twice(), "credential_repeated"),
        ("key in another spelling", peer(), beside("x_api_key"), "credential_spelling"),
        one("only another spelling", "x.api.key", KEY, "credential_spelling"),
        one("unknown key", "x-api-key", "guess", "api_key_unknown"),
        one(
            "digest for the key",
            "x-api-key",
            &crate::json::Digest::of(KEY.as_bytes()).to_string(),
            "api_key_unknown",
        ),
        one("empty key", "x-api-key", "", "credential_malformed"),
        one("key with space", "x-api-key", &format!("{KEY} "), "api_key_unknown"),
        one("expired key", "x-api-key", "old", "api_key_expired"),
    ]
}

fn user(name: &'static str) -> Vec<(&'static str, String)> {
    vec![(name, "ada".to_owned())]
}

fn and(
    mut fields: Vec<(&'static str, String)>,
    name: &'static str,
    value: &str,
) -> Vec<(&'static str, String)> {
    fields.push((name, value.to_owned()));
    fields
}

pub(super) fn of_strangers() -> Vec<Row> {
    let row = |name, peer, fields| (name, peer, fields, "identity_header_untrusted");
    let alone = |name| row(name, peer(), user(name));
    let named = || user("x-auth-request-user");
    let token = and(bearer(&good()), "x-auth-request-user", "ada");
    vec![
        row("with a token", peer(), token),
        row("with a certificate", with_uris(&[SPIFFE]), named()),
        row("of a mapped address", from("::ffff:11.0.0.1"), named()),
        row("a process", process_of(1_000), user("x-auth-request-org")),
        alone("x-auth-request-user"),
        alone("x-auth-request-org"),
        alone("x_auth_request_user"),
        alone("x.auth.request.user"),
        alone("x-auth-request-email"),
        alone("x-remote-user"),
        alone("X_Remote_User"),
        alone("remote-user"),
        alone("x-forwarded-user"),
        alone("x-forwarded-client-cert"),
        alone("x-client-cert"),
        alone("x-ssl-client-cert"),
    ]
}

pub(super) fn of_edges() -> Vec<Row> {
    let row = |name, fields, code| (name, from("10.1.2.3"), fields, code);
    let says = |value: &str| and(vec![], "x-auth-request-user", value);
    let ada = || user("x-auth-request-user");
    vec![
        row("spelt twice", and(ada(), "x_auth_request_user", "eve"), "credential_spelling"),
        row("twice", and(ada(), "x-auth-request-user", "eve"), "credential_repeated"),
        row(
            "field twice",
            and(and(ada(), "x-auth-request-org", "a"), "x-auth-request-org", "b"),
            "credential_repeated",
        ),
        row("joined", says("ada, eve"), "identity_header_invalid"),
        row("empty", says(""), "identity_header_invalid"),
        row("no text", says("a\u{85}da"), "identity_header_invalid"),
        row("nobody", says("anonymous"), "identity_reserved"),
        row(
            "another than the token",
            and(bearer(&good()), "x-auth-request-user", "eve"),
            "credentials_conflict",
        ),
    ]
}

pub(super) fn of_contradictions() -> Vec<Row> {
    let row = |name, fields, code| (name, peer(), fields, code);
    let beside = |token: &str, key| and(bearer(token), "x-api-key", key);
    vec![
        row("token and key of two", beside(&good(), "ci"), "credentials_conflict"),
        row("good token, bad key", beside(&good(), "guess"), "api_key_unknown"),
        row("good key, bad token", beside("a.b.c", KEY), "jwt_malformed"),
    ]
}

pub(super) fn of_connections() -> Vec<Row> {
    let row = |name, uris: &[&str], code| (name, with_uris(uris), vec![], code);
    let mut expired = with_uris(&[SPIFFE]);
    expired.certificate.as_mut().unwrap().not_after = "2026-06-01T11:59:59Z".parse().unwrap();
    let unmatched = "certificate_unmatched";
    vec![
        ("expired", expired.clone(), vec![], "certificate_expired"),
        ("expired, good token", expired, bearer(&good()), "certificate_expired"),
        row("of nobody", &["spiffe://prod.example/ns/pay"], unmatched),
        row("of another domain", &["spiffe://evil.example/ns/pay/sa/bot"], unmatched),
        row("without a URI", &[], unmatched),
        row("two URIs", &[SPIFFE, "spiffe://x/y"], "certificate_ambiguous"),
        row("two URIs, one of the edge", &[EDGE, "spiffe://x/y"], "certificate_ambiguous"),
        ("of nobody, good token", with_uris(&["spiffe://x/y"]), bearer(&good()), unmatched),
        ("root", process_of(0), vec![], "unix_user_unknown"),
        ("root, good token", process_of(0), bearer(&good()), "unix_user_unknown"),
    ]
}
