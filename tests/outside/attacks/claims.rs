//! Tokens of good keys that say what must not be believed.

use super::Row;
use super::world::{World, bound_to, claims, with, without};
use crate::support::{Signer, now};
use serde_json::{Value, json};

/// What is said by claims that cannot be read.
const MALFORMED: &str = "jwt_claims_malformed";

pub(super) fn rows(world: &World) -> Vec<Row> {
    let signer = &world.p256;
    [meant_for(signer), times(signer), subjects(signer), texts(signer), bound(world)]
        .into_iter()
        .flatten()
        .collect()
}

/// A row with a token of these claims.
fn claimed(signer: &Signer, name: &str, code: &'static str, claims: &Value) -> Row {
    literal(signer, name, code, &claims.to_string())
}

/// A row with a token whose claims are this text.
fn literal(signer: &Signer, name: &str, code: &'static str, claims: &str) -> Row {
    let token = signer.signed(&signer.header().to_string(), claims);
    Row::refused(format!("claims {name}"), code).bearer(token)
}

/// From whom, and for whom.
fn meant_for(signer: &Signer) -> Vec<Row> {
    let row = |name: &str, code, claims: &Value| claimed(signer, name, code, claims);
    vec![
        row("another issuer", "jwt_issuer_refused", &with("iss", "https://evil.test")),
        row("issuer with a slash more", "jwt_issuer_refused", &with("iss", "https://id.test/")),
        row("issuer in capitals", "jwt_issuer_refused", &with("iss", "https://ID.test")),
        row("issuer as a list", "jwt_issuer_refused", &with("iss", json!(["https://id.test"]))),
        row("no issuer", "jwt_issuer_refused", &without("iss")),
        row("another audience", "jwt_audience_refused", &with("aud", "other")),
        row("audience in capitals", "jwt_audience_refused", &with("aud", "GAIT")),
        row("audience with a suffix", "jwt_audience_refused", &with("aud", "gait.evil")),
        row("audiences in one text", "jwt_audience_refused", &with("aud", "other gait")),
        row("no audience", "jwt_audience_refused", &without("aud")),
        row("empty audiences", "jwt_audience_refused", &with("aud", json!([]))),
        row("audience as a number", MALFORMED, &with("aud", 1)),
        row("audience as an object", MALFORMED, &with("aud", json!({ "gait": true }))),
        row("audience beside a number", MALFORMED, &with("aud", json!(["gait", 1]))),
    ]
}

/// From when to when.
fn times(signer: &Signer) -> Vec<Row> {
    let now = now();
    let row = |name: &str, code, claims: &Value| claimed(signer, name, code, claims);
    let text = |name: &str, code, claims: &str| literal(signer, name, code, claims);
    let expiring = |literal: &str| with("exp", "HERE").to_string().replace("\"HERE\"", literal);
    vec![
        row("expired", "jwt_expired", &with("exp", now - 60)),
        row("expired long ago", "jwt_expired", &with("exp", 1)),
        row("expiry below zero", "jwt_expired", &with("exp", -1)),
        row("no expiry", "jwt_claim_missing", &without("exp")),
        row("expiry as text", MALFORMED, &with("exp", (now + 600).to_string())),
        row("expiry is null", MALFORMED, &with("exp", Value::Null)),
        text("expiry beyond all numbers", MALFORMED, &expiring("1e400")),
        text("expiry is not a number", MALFORMED, &expiring("NaN")),
        row("not yet valid", "jwt_not_yet_valid", &with("nbf", now + 600)),
        row("start as text", MALFORMED, &with("nbf", "0")),
        row("issued in the future", "jwt_issued_in_future", &with("iat", now + 600)),
        row("issued too long ago", "jwt_too_old", &with("iat", now - 2 * 86_400)),
        row("not issued at all", "jwt_claim_missing", &without("iat")),
    ]
}

/// About whom.
fn subjects(signer: &Signer) -> Vec<Row> {
    let row = |name: &str, code, claims: &Value| claimed(signer, name, code, claims);
    vec![
        row("no subject", "jwt_claim_missing", &without("sub")),
        row("empty subject", "jwt_claim_refused", &with("sub", "")),
        row("subject with a space", "jwt_claim_refused", &with("sub", "ada ")),
        row("subject with a line end", "jwt_claim_refused", &with("sub", "ada\nroot")),
        row("subject with what does not show", "jwt_claim_refused", &with("sub", "ada\u{200b}")),
        row("subject as a number", "jwt_claim_refused", &with("sub", 0)),
        row("subject as a list", "jwt_claim_refused", &with("sub", json!(["ada"]))),
        row("subject of nobody", "identity_reserved", &with("sub", "anonymous")),
        row("subject too long", "jwt_claim_refused", &with("sub", "r".repeat(513))),
        row("workspace as an object", "jwt_claim_refused", &with("org", json!({}))),
    ]
}

/// Texts that two readers would read differently, or not at all.
fn texts(signer: &Signer) -> Vec<Row> {
    let text = |name: &str, code, claims: &str| literal(signer, name, code, claims);
    let said = |member: &str| {
        let good = claims().to_string();
        format!("{},{member}}}", good.trim_end_matches('}'))
    };
    vec![
        text("subject twice", MALFORMED, &said(r#""sub":"root""#)),
        text("expiry twice", MALFORMED, &said(r#""exp":9999999999"#)),
        text("twice further in", MALFORMED, &said(r#""x":{"a":1,"a":2}"#)),
        text("a list", MALFORMED, "[]"),
        text("no JSON", MALFORMED, "sub=ada"),
        text("two documents", MALFORMED, &format!("{}{{}}", claims())),
    ]
}

/// Bound to what the connection does not prove.
fn bound(world: &World) -> Vec<Row> {
    let row = |name: &str, code, claims: &Value| claimed(&world.p256, name, code, claims);
    let mut both = bound_to(&world.bot);
    both["cnf"]["jkt"] = "x".into();
    vec![
        row(
            "bound to a certificate on a bare connection",
            "jwt_binding_refused",
            &bound_to(&world.bot),
        ),
        row("bound to another certificate", "jwt_binding_refused", &bound_to(&world.other_bot))
            .with(&world.bot),
        row(
            "bound to a thumbprint that is none",
            "jwt_binding_refused",
            &with("cnf", json!({ "x5t#S256": 1 })),
        )
        .with(&world.bot),
        row("bound to a key", "jwt_binding_unsupported", &with("cnf", json!({ "jkt": "x" }))),
        row("bound to a certificate and a key", "jwt_binding_unsupported", &both).with(&world.bot),
        row("bound to nothing", "jwt_binding_unsupported", &with("cnf", json!({}))),
        row("bound to text", MALFORMED, &with("cnf", "x")),
    ]
}
