//! Tokens that are signed wrongly, by the wrong key, or are no tokens.

use super::world::{World, claims};
use super::{Row, cut};
use crate::support::{Signer, b64, hmac, message};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use jsonwebtoken::Algorithm;
use serde_json::{Value, json};

pub(super) fn rows(world: &World) -> Vec<Row> {
    [unsigned(world), confused(world), headers(world), keys(world), shapes(world), fields(world)]
        .into_iter()
        .flatten()
        .collect()
}

fn row(name: impl AsRef<str>, code: &'static str, token: impl Into<String>) -> Row {
    Row::refused(format!("token {}", name.as_ref()), code).bearer(token)
}

/// The header of a key with one member changed.
fn header(signer: &Signer, name: &str, value: impl Into<Value>) -> String {
    let mut header = signer.header();
    header[name] = value.into();
    header.to_string()
}

/// No signature at all.
fn unsigned(world: &World) -> Vec<Row> {
    let claims = claims().to_string();
    let stub = b64(b"no signature is as good as this one");
    let mut rows = Vec::new();
    for word in ["none", "None", "NONE", "nOnE", "", "null"] {
        let signed = message(&header(&world.p256, "alg", word), &claims);
        rows.push(row(
            format!("alg `{word}`"),
            "jwt_algorithm_refused",
            format!("{signed}.{stub}"),
        ));
    }
    let none = message(&header(&world.p256, "alg", "none"), &claims);
    let good = message(&world.p256.header().to_string(), &claims);
    rows.push(row("alg none, no signature", "jwt_malformed", format!("{none}.")));
    rows.push(row("with its signature cut off", "jwt_malformed", format!("{good}.")));
    rows.push(row("with a made-up signature", "jwt_signature_invalid", format!("{good}.{stub}")));
    let zeros = b64(&[0; 64]);
    rows.push(row(
        "with zeros for a signature",
        "jwt_signature_invalid",
        format!("{good}.{zeros}"),
    ));
    rows
}

/// One algorithm taken for another.
fn confused(world: &World) -> Vec<Row> {
    let claims = claims();
    let text = claims.to_string();
    let (rsa, p256) = (&world.rsa, &world.p256);
    let hs = |signer: &Signer, secret: &[u8]| hmac(secret, &header(signer, "alg", "HS256"), &text);
    let der = STANDARD.decode(pem_body(&rsa.public_pem())).unwrap();
    let jwk = rsa.jwk().to_string();
    vec![
        row(
            "HS256 by the public RSA key",
            "jwt_algorithm_refused",
            hs(rsa, rsa.public_pem().as_bytes()),
        ),
        row("HS256 by its DER form", "jwt_algorithm_refused", hs(rsa, &der)),
        row("HS256 by its JWK", "jwt_algorithm_refused", hs(rsa, jwk.as_bytes())),
        row(
            "HS256 by the public EC key",
            "jwt_algorithm_refused",
            hs(p256, p256.public_pem().as_bytes()),
        ),
        row("HS256 by nothing", "jwt_algorithm_refused", hs(rsa, b"")),
        row(
            "RS256 by name of an EC key",
            "jwt_algorithm_refused",
            rsa.signed(&header(rsa, "kid", "ec-1"), &text),
        ),
        row(
            "ES256 by name of an RSA key",
            "jwt_algorithm_refused",
            p256.signed(&header(p256, "kid", "rsa-1"), &text),
        ),
        row(
            "PS256",
            "jwt_algorithm_refused",
            rsa.signed_as(Algorithm::PS256, &header(rsa, "alg", "PS256"), &text),
        ),
        row(
            "PS256 that says RS256",
            "jwt_signature_invalid",
            rsa.signed_as(Algorithm::PS256, &rsa.header().to_string(), &text),
        ),
        row(
            "RS384",
            "jwt_algorithm_refused",
            rsa.signed_as(Algorithm::RS384, &header(rsa, "alg", "RS384"), &text),
        ),
        row(
            "RS512 that says RS256",
            "jwt_signature_invalid",
            rsa.signed_as(Algorithm::RS512, &rsa.header().to_string(), &text),
        ),
        row("EdDSA by a key of the issuer", "jwt_algorithm_refused", world.ed25519.token(&claims)),
        row(
            "rs256 in lower case",
            "jwt_algorithm_refused",
            rsa.signed(&header(rsa, "alg", "rs256"), &text),
        ),
        row(
            "alg is a list",
            "jwt_algorithm_refused",
            rsa.signed(&header(rsa, "alg", json!(["RS256"])), &text),
        ),
        row("no alg", "jwt_algorithm_refused", rsa.signed(r#"{"kid":"rsa-1"}"#, &text)),
        row("a signature in ASN.1 form", "jwt_signature_invalid", p256.signed_in_asn1(&claims)),
    ]
}

fn pem_body(pem: &str) -> String {
    pem.lines().filter(|line| !line.starts_with('-')).collect()
}

/// Headers that bring their own key or rules.
fn headers(world: &World) -> Vec<Row> {
    let text = claims().to_string();
    let mallory = &world.mallory_p256;
    let own = |name: &str, value: Value| mallory.signed(&header(mallory, name, value), &text);
    let good =
        |name: &str, value: Value| world.p256.signed(&header(&world.p256, name, value), &text);
    let mut keyless = mallory.header();
    keyless.as_object_mut().unwrap().remove("kid");
    keyless["jwk"] = mallory.jwk();
    let twice = r#"{"alg":"none","typ":"JWT","kid":"ec-1","alg":"ES256"}"#;
    let invalid = "jwt_signature_invalid";
    vec![
        row("with an embedded jwk", invalid, own("jwk", mallory.jwk())),
        row(
            "with an embedded jwk and no kid",
            invalid,
            mallory.signed(&keyless.to_string(), &text),
        ),
        row("with a jku", invalid, own("jku", json!("http://127.0.0.1:9/keys.json"))),
        row("with an x5u", invalid, own("x5u", json!("http://127.0.0.1:9/cert.pem"))),
        row("with an x5c", invalid, own("x5c", json!([STANDARD.encode("a certificate")]))),
        row("with crit", "jwt_header_refused", good("crit", json!(["exp"]))),
        row("with an empty crit", "jwt_header_refused", good("crit", json!([]))),
        row("with b64 false", "jwt_header_refused", good("b64", json!(false))),
        row("with a member twice in its header", "jwt_malformed", world.p256.signed(twice, &text)),
        row("with a header that is a list", "jwt_malformed", world.p256.signed("[]", &text)),
        row(
            "with a header that is no JSON",
            "jwt_malformed",
            world.p256.signed("{alg:ES256}", &text),
        ),
        row("of another type", "jwt_type_refused", good("typ", json!("secevent+jwt"))),
        row("with a number for a type", "jwt_type_refused", good("typ", json!(1))),
        row("of no type", "jwt_type_refused", good("typ", json!(""))),
    ]
}

/// Keys that are not the issuer's.
fn keys(world: &World) -> Vec<Row> {
    let claims = claims();
    let text = claims.to_string();
    let kid = |kid: Value| world.p256.signed(&header(&world.p256, "kid", kid), &text);
    let unknown = "jwt_key_unknown";
    vec![
        row("by a stranger's RSA key", "jwt_signature_invalid", world.mallory_rsa.token(&claims)),
        row("by a stranger's EC key", "jwt_signature_invalid", world.mallory_p256.token(&claims)),
        row("by the partner's key", unknown, world.partner.token(&claims)),
        row(
            "of the partner by our key",
            unknown,
            world.p256.token(&super::world::with("iss", "https://partner.test")),
        ),
        row("by an unknown key", unknown, kid(json!("ec-2"))),
        row("by a key in other case", unknown, kid(json!("EC-1"))),
        row("by a key with a space", unknown, kid(json!("ec-1 "))),
        row("by a path", unknown, kid(json!("../../../../dev/null"))),
        row("by a URL", unknown, kid(json!("http://127.0.0.1:9/key"))),
        row("by a query", unknown, kid(json!("ec-1' OR '1'='1"))),
        row("by no name", unknown, kid(json!(""))),
        row("by a number", "jwt_malformed", kid(json!(1))),
        row("by null", "jwt_malformed", kid(Value::Null)),
        row("by a list of keys", "jwt_malformed", kid(json!(["ec-1"]))),
    ]
}

/// What is not three segments of base64url.
fn shapes(world: &World) -> Vec<Row> {
    let good = world.p256.token(&claims());
    let parts: Vec<&str> = good.split('.').collect();
    let [head, claims, signature] = parts[..] else { panic!("three segments") };
    // Two bytes over a multiple of three: one character of padding.
    let spaces = " ".repeat(2 + (3 - world.p256.header().to_string().len() % 3));
    let padded = URL_SAFE.encode(format!("{}{spaces}", world.p256.header()));
    assert!(padded.ends_with('='), "a header with padding");
    let malformed = |name: &str, token: String| row(name, "jwt_malformed", token);
    vec![
        malformed("cut short", cut(&good).to_owned()),
        malformed("of one segment", head.to_owned()),
        malformed("of two segments", format!("{head}.{claims}")),
        malformed("of four segments", format!("{good}.{signature}")),
        malformed("of five segments", format!("{good}..")),
        malformed("without a header", format!(".{claims}.{signature}")),
        malformed("without claims", format!("{head}..{signature}")),
        malformed("with padding", format!("{good}=")),
        malformed("with a padded header", format!("{padded}.{claims}.{signature}")),
        malformed("in another alphabet", format!("{head}.{claims}.{}/", cut(signature))),
        malformed("with trailing bits", trailing_bits(&good)),
        row("of 20 KiB", "jwt_too_large", format!("{head}.{}.{signature}", "A".repeat(20 << 10))),
        row("with one byte less of signature", "jwt_signature_invalid", shortened(&good)),
    ]
}

/// The same token, its last character changed in the bits that no byte holds.
fn trailing_bits(token: &str) -> String {
    let (rest, last) = token.split_at(token.len() - 1);
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let at = alphabet.iter().position(|c| last.as_bytes() == [*c]).unwrap();
    format!("{rest}{}", char::from(alphabet[at ^ 1]))
}

fn shortened(token: &str) -> String {
    let (rest, signature) = token.rsplit_once('.').unwrap();
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(signature).unwrap();
    format!("{rest}.{}", b64(&bytes[..63]))
}

/// A good token, shown wrongly.
fn fields(world: &World) -> Vec<Row> {
    let token = world.p256.token(&claims());
    let other = world.rsa.token(&claims());
    let shown = |name: &str, code, value: String| {
        Row::refused(format!("token shown {name}"), code).field("Authorization", value)
    };
    let malformed = "credential_malformed";
    let twice = super::Want::Refused(400, "header_repeated");
    vec![
        shown("with no token", malformed, "Bearer".into()),
        shown("after two spaces", malformed, format!("Bearer  {token}")),
        shown("after a tab", malformed, format!("Bearer\t{token}")),
        shown("after two schemes", malformed, format!("Bearer Bearer {token}")),
        shown("with another after a comma", malformed, format!("Bearer {token},{other}")),
        shown(
            "with another after comma and space",
            malformed,
            format!("Bearer {token}, Bearer {other}"),
        ),
        shown("in quotes", malformed, format!("Bearer \"{token}\"")),
        shown("with a space inside", malformed, format!("Bearer {}", token.replacen('.', ". ", 1))),
        shown("with a NUL written out", malformed, format!("Bearer {token}%00")),
        Row::new("token shown twice", twice).bearer(&*token).bearer(other),
        Row::refused("token shown in the key's field", "api_key_unknown").field("X-Api-Key", token),
    ]
}
