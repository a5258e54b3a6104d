//! Attacks on tokens: their form, their keys, what they say.

use super::super::scene::*;
use super::{Row, bearer, good, token};
use serde_json::{Value, json};

/// A token of the right key with one thing else in its header.
fn header(over: Value) -> String {
    let mut header = P256.header();
    for (name, value) in over.as_object().unwrap() {
        header[name] = value.clone();
    }
    P256.sign_text(&header.to_string(), &claims(json!({})).to_string())
}

fn raw_header(text: &str) -> String {
    P256.sign_text(text, &claims(json!({})).to_string())
}

fn raw_claims(text: &str) -> String {
    P256.sign_text(&P256.header().to_string(), text)
}

fn with(over: Value) -> String {
    P256.sign(&claims(over))
}

/// The token with its segments changed.
fn segments(change: impl Fn(&str, &str, &str) -> String) -> String {
    let token = good();
    let parts: Vec<_> = token.split('.').collect();
    change(parts[0], parts[1], parts[2])
}

/// What a header says of how it is signed, over claims that would hold.
fn signed_as(header: Value, signature: &str) -> String {
    let claims = claims(json!({})).to_string();
    format!("{}.{}.{signature}", base64(header.to_string().as_bytes()), base64(claims.as_bytes()))
}

pub(super) fn of_form() -> Vec<Row> {
    let hs256 = {
        // The public key as the secret of an HMAC (RFC 8725, section 2.1).
        let secret = jsonwebtoken::EncodingKey::from_secret(RSA.jwk.to_string().as_bytes());
        let text = signed_as(json!({"alg": "HS256", "kid": "rsa"}), "");
        let signed = text.trim_end_matches('.');
        let algorithm = jsonwebtoken::Algorithm::HS256;
        let mac = jsonwebtoken::crypto::sign(signed.as_bytes(), &secret, algorithm).unwrap();
        format!("{signed}.{mac}")
    };
    let unused = base64(b"xyz");
    vec![
        token("no signature", &segments(|h, c, _| format!("{h}.{c}.")), "jwt_malformed"),
        token("two segments", "abc.def", "jwt_malformed"),
        token("four segments", &format!("{}.abc", good()), "jwt_malformed"),
        token("no segments", "opaque", "jwt_malformed"),
        token("padding", &segments(|h, c, s| format!("{h}=.{c}.{s}")), "jwt_malformed"),
        token("standard base64", &segments(|h, c, _| format!("{h}.{c}.a+/b")), "jwt_malformed"),
        token("trailing bits", &segments(|h, c, _| format!("{h}.{c}.YR")), "jwt_malformed"),
        token("too long", &format!("{}.a.b", "a".repeat(16 << 10)), "jwt_too_large"),
        token("header no json", &raw_header("alg"), "jwt_malformed"),
        token("header a list", &raw_header("[]"), "jwt_malformed"),
        token("alg twice", &raw_header(r#"{"alg":"none","alg":"ES256"}"#), "jwt_malformed"),
        token("kid a number", &header(json!({"kid": 1})), "jwt_malformed"),
        token("alg none", &signed_as(json!({"alg": "none"}), &unused), "jwt_algorithm_refused"),
        token("alg nOnE", &signed_as(json!({"alg": "nOnE"}), &unused), "jwt_algorithm_refused"),
        token("alg missing", &signed_as(json!({"kid": "p256"}), &unused), "jwt_algorithm_refused"),
        token("alg a list", &header(json!({"alg": ["ES256"]})), "jwt_algorithm_refused"),
        token("alg in small letters", &header(json!({"alg": "es256"})), "jwt_algorithm_refused"),
        token("alg HS256 with the public key", &hs256, "jwt_algorithm_refused"),
        token(
            "alg not pinned",
            &header(json!({"alg": "PS256", "kid": "rsa"})),
            "jwt_algorithm_refused",
        ),
        token(
            "alg of another kind of key",
            &header(json!({"alg": "RS256"})),
            "jwt_algorithm_refused",
        ),
        token("key of another kind", &header(json!({"kid": "rsa"})), "jwt_algorithm_refused"),
        token("symmetric key of the set", &header(json!({"kid": "oct"})), "jwt_key_unknown"),
        token("crit", &header(json!({"crit": ["exp"]})), "jwt_header_refused"),
        token("b64", &header(json!({"b64": false})), "jwt_header_refused"),
        token("typ of a proof", &header(json!({"typ": "dpop+jwt"})), "jwt_type_refused"),
        token("typ a number", &header(json!({"typ": 1})), "jwt_type_refused"),
        token("id token by typ", &header(json!({"typ": "application/id+jwt"})), "jwt_type_refused"),
    ]
}

pub(super) fn of_keys_and_signatures() -> Vec<Row> {
    let own = json!({"alg": "ES256", "jwk": STRANGER.jwk, "typ": "JWT"});
    let jku = json!({"alg": "ES256", "kid": "p256", "jku": "https://evil.example/keys"});
    let chain =
        json!({"alg": "ES256", "kid": "p256", "x5c": ["AAAA"], "x5u": "https://evil.example"});
    let stranger =
        |header: &Value| STRANGER.sign_text(&header.to_string(), &claims(json!({})).to_string());
    let other = P256.sign(&claims(json!({"sub": "eve"})));
    let claims_of = |token: &str| token.split('.').nth(1).unwrap().to_owned();
    let swapped = segments(|h, _, s| format!("{h}.{}.{s}", claims_of(&other)));
    let path = json!({"alg": "ES256", "kid": "../../dev/null"});
    vec![
        token(
            "another's key, our kid",
            &STRANGER.sign(&claims(json!({}))),
            "jwt_signature_invalid",
        ),
        token("key in the header", &stranger(&own), "jwt_signature_invalid"),
        token("key by jku", &stranger(&jku), "jwt_signature_invalid"),
        token("key by x5u and x5c", &stranger(&chain), "jwt_signature_invalid"),
        token("kid a path", &stranger(&path), "jwt_key_unknown"),
        token("kid empty", &header(json!({"kid": ""})), "jwt_key_unknown"),
        token("claims of another token", &swapped, "jwt_signature_invalid"),
        token(
            "signature cut",
            &segments(|h, c, s| format!("{h}.{c}.{}", s.split_at(40).0)),
            "jwt_signature_invalid",
        ),
        token(
            "signature of zeros",
            &segments(|h, c, _| format!("{h}.{c}.{}", base64(&[0; 64]))),
            "jwt_signature_invalid",
        ),
        token(
            "signature in DER",
            &segments(|h, c, _| format!("{h}.{c}.{}", base64(&[0x30, 6, 2, 1, 1, 2, 1, 1]))),
            "jwt_signature_invalid",
        ),
    ]
}

pub(super) fn of_claims() -> Vec<Row> {
    let ages = |seconds: i64| json!({"exp": NOW_SECONDS + seconds});
    let twice =
        r#"{"iss":"https://id.example","aud":"gait","sub":"eve","sub":"ada","exp":1780319999}"#;
    vec![
        token("claims no json", &raw_claims("sub"), "jwt_claims_malformed"),
        token("claims a list", &raw_claims("[1]"), "jwt_claims_malformed"),
        token("sub twice", &raw_claims(twice), "jwt_claims_malformed"),
        token("exp beyond all numbers", &raw_claims(r#"{"exp":1e400}"#), "jwt_claims_malformed"),
        token(
            "another issuer",
            &with(json!({"iss": "https://evil.example"})),
            "jwt_issuer_refused",
        ),
        token(
            "issuer with a slash",
            &with(json!({"iss": "https://id.example/"})),
            "jwt_issuer_refused",
        ),
        token("issuer a list", &with(json!({"iss": [ISSUER]})), "jwt_issuer_refused"),
        token("no issuer", &with(json!({"iss": null})), "jwt_issuer_refused"),
        token("another audience", &with(json!({"aud": "billing"})), "jwt_audience_refused"),
        token("audience as part", &with(json!({"aud": "gait-admin"})), "jwt_audience_refused"),
        token("no audience", &with(json!({"aud": null})), "jwt_audience_refused"),
        token("audiences of none", &with(json!({"aud": []})), "jwt_audience_refused"),
        token("audience a number", &with(json!({"aud": ["gait", 1]})), "jwt_claims_malformed"),
        token("expired", &with(ages(-31)), "jwt_expired"),
        token("expired at the second", &with(ages(-30)), "jwt_expired"),
        token("exp long before 1970", &with(json!({"exp": -1e300})), "jwt_expired"),
        token("exp text", &with(json!({"exp": "9999999999"})), "jwt_claims_malformed"),
        token("no exp", &with(json!({"exp": null})), "jwt_claim_missing"),
        token("not yet", &with(json!({"nbf": NOW_SECONDS + 31})), "jwt_not_yet_valid"),
        token("nbf text", &with(json!({"nbf": "0"})), "jwt_claims_malformed"),
        token(
            "issued tomorrow",
            &with(json!({"iat": NOW_SECONDS + 86_400})),
            "jwt_issued_in_future",
        ),
        token("issued long ago", &with(json!({"iat": NOW_SECONDS - 3_631})), "jwt_too_old"),
        token("no age", &with(json!({"iat": null})), "jwt_claim_missing"),
    ]
}

pub(super) fn of_facts() -> Vec<Row> {
    vec![
        token("no subject", &with(json!({"sub": null})), "jwt_claim_missing"),
        token("subject a number", &with(json!({"sub": 7})), "jwt_claim_refused"),
        token("subject empty", &with(json!({"sub": ""})), "jwt_claim_refused"),
        token("subject with space", &with(json!({"sub": "ada "})), "jwt_claim_refused"),
        token("subject with a line", &with(json!({"sub": "ada\nx"})), "jwt_claim_refused"),
        token(
            "subject from right to left",
            &with(json!({"sub": "\u{202e}ada"})),
            "jwt_claim_refused",
        ),
        token("subject too long", &with(json!({"sub": "a".repeat(513)})), "jwt_claim_refused"),
        token("subject of nobody", &with(json!({"sub": "anonymous"})), "identity_reserved"),
        token("agent an object", &with(json!({"azp": {"id": "bot"}})), "jwt_claim_refused"),
        token("workspace a list", &with(json!({"org": {"id": ["pay"]}})), "jwt_claim_refused"),
        token("scopes a number", &with(json!({"scope": 1})), "jwt_claim_refused"),
        token("bound to a key", &with(json!({"cnf": {"jkt": "x"}})), "jwt_binding_unsupported"),
        token("bound to nothing", &with(json!({"cnf": {}})), "jwt_binding_unsupported"),
        token(
            "bound to two",
            &with(json!({"cnf": {"x5t#S256": base64(&[7; 32]), "jkt": "x"}})),
            "jwt_binding_unsupported",
        ),
        token(
            "bound, no certificate",
            &with(json!({"cnf": {"x5t#S256": base64(&[7; 32])}})),
            "jwt_binding_refused",
        ),
        (
            "bound to another certificate",
            with_uris(&[SPIFFE]),
            bearer(&with(json!({"cnf": {"x5t#S256": base64(&[8; 32])}}))),
            "jwt_binding_refused",
        ),
    ]
}
