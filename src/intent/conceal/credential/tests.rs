//! What must be taken for a credential, and what must not.

use super::*;

#[test]
fn names_that_spell_a_secret() {
    for name in [
        "password",
        "Password",
        "user_password",
        "newPassword",
        "password2",
        "pass",
        "PWD",
        "password_confirmation",
        "passphrase",
        "secret",
        "client-secret",
        "clientSecret",
        "token",
        "access_token",
        "X-Auth-Token",
        "refreshToken",
        "apiKey",
        "api_key",
        "x-api-key",
        "APIKEY",
        "secretAccessKey",
        "private_key",
        "Authorization",
        "proxy-authorization",
        "Cookie",
        "set-cookie",
        "credentials",
        "id_jwt",
        "otp",
        "pin",
        "sid",
        "connect.sid",
        "sessionId",
        "sig",
    ] {
        assert!(looks_like_credential(name, "hunter2"), "{name}");
        assert!(!looks_like_credential(name, " "), "{name}");
    }
    for name in [
        "",
        "token_count",
        "max_tokens",
        "tokenizer",
        "password_hash",
        "secret_name",
        "key",
        "compass",
        "secretary",
        "author",
        "cookie_policy",
        "token_type",
        "path",
        "passenger",
        "shipping",
        "spin",
        "inside",
        "design",
    ] {
        assert!(!looks_like_credential(name, "hunter2"), "{name}");
    }
    for reference in ["env:PASSWORD", "ref:vault/db", "sha256:ab", "STUB:x", "cmd:pass show db"] {
        assert!(!looks_like_credential("password", reference), "{reference}");
    }
    // What the format takes for material under a name that only holds the word.
    assert!(looks_like_credential("tokens", "abcd1234efgh5678"));
    assert!(!looks_like_credential("names", "abcd1234efgh5678"));
}

/// Texts with the part that must not be seen in braces.
const CREDENTIALS: [&str; 46] = [
    "{ghp_0123456789abcdefghijABCDEFGHIJ012345}",
    "use {github_pat_11ABCDEFG0123456789_abcdefghijklmnop} please",
    "({gho_0123456789abcdef})",
    "{glpat-abcdefghij0123456789}",
    "{sk-proj-abcdefghijklmnop0123}",
    "{sk-ant-api03-abcdefghijklmnop}",
    "{sk_live_0123456789}",
    "{xoxb-1234-5678-abcdef}",
    "{AKIAIOSFODNN7EXAMPLE}",
    "{AIzaSyA0123456789abcdefghijklmnopqrstu}",
    "{npm_0123456789abcdefghij0123456789abcdef}",
    "{whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw}",
    "{eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl}",
    "{eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..aXY.dGV4dA.dGFn}",
    "{-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----}",
    "Bearer {opaque-and-short}",
    "bearer {abcdefgh1}",
    "sent Authorization {Basic YWRhOmh1bnRlcjI=}",
    "Basic {YTpi}",
    "curl -H 'Authorization: {Bearer} {abcd1234}'",
    "https://{ada:hunter2}@example.test/x",
    "https://{ghp_token}@github.test",
    "clone ssh://{git}@example.test now",
    "https://example.test/x?a=1&access_token={hunter2}&b=2",
    "/v1/x?password={hunter2}#there",
    "password: {hunter2}",
    "the token={a}, then",
    "{\"user\": \"ada\", \"password\": \"{hunter2}\"}",
    "{\\\"apiKey\\\":\\\"{k}\\\"}",
    "PASSWORD={hunter2} ./run",
    "Cookie: {session=abcdef}",
    "x=1; client_secret={s}",
    "key-{ghp_0123456789abcdef}",
    "a\u{a0}password\u{2003}=\u{a0}{hünter2}",
    "ключ: {AKIAIOSFODNN7EXAMPLE}",
    "db://{a:b@c}@host/path",
    "https://b.test/c?sv=2024&sig={aGVsbG8lM0Q}&se=1",
    "/o?X-Amz-Signature={0123456789abcdef}&a=1",
    "/o?X-Goog-Signature={0123456789abcdef}",
    "AccountName=a;AccountKey={aGVsbG8=};EndpointSuffix=x",
    "{ya29.a0AfH6SMBx-0123456789_abc}",
    "{GOCSPX-0123456789abcdef_-ABCDEFGHIJ}",
    "{SG.0123456789abcdefABCDEF.0123456789abcdefghij0123}",
    "{pypi-AgEIcHlwaS5vcmcCJDAwMDAwMDAw}",
    "otp={493021}&a=1",
    "PHPSESSIONID={493021}",
];

#[test]
fn texts_that_hold_a_credential() {
    for marked in CREDENTIALS {
        let text = unmarked(marked);
        assert!(holds_credential(&text), "{text}");
        let shown = super::super::text(&text).into_owned();
        for part in secrets(marked) {
            assert!(!shown.contains(&part), "{part} is seen in {shown}");
        }
    }
}

/// Braces that hold a secret have no quote behind the first.
fn secrets(marked: &str) -> Vec<String> {
    let parts = marked.split('{').skip(1).filter_map(|rest| rest.split_once('}'));
    let parts = parts.map(|(part, _)| part.to_owned()).filter(|part| !part.contains("\": \""));
    // A scheme alone is no secret.
    let parts = parts.map(|part| part.replace("Basic ", ""));
    parts.filter(|part| part.len() > 3 && part != "Bearer").collect()
}

fn unmarked(marked: &str) -> String {
    marked.replace(['{', '}'], "")
}

#[test]
fn a_credential_is_found_behind_the_escapes_of_a_url() {
    for text in
        ["/x?%70assword=hunter2", "https%3A%2F%2Fada%3Ahunter2%40h.test", "%67hp_0123456789abcdef"]
    {
        assert!(holds_credential(text), "{text}");
        assert_eq!(super::super::text(text), "***");
    }
}

#[test]
fn texts_that_hold_none() {
    for text in [
        "",
        "a plain sentence, with a colon: and an a=b",
        "the Basic plan",
        "basic authentication is off",
        "the bearer presented a letter",
        "Bearer bond",
        "risk-assessment-of-the-whole-thing",
        "sk-learn",
        "npm_config_cache",
        "https://example.test/a@b?token_count=5",
        "ada@example.test",
        "mailto:ada@example.test",
        "token: ",
        "max_tokens=4096",
        "password=\"\"",
        "password_hash=abc",
        "secret=env:DB_PASSWORD",
        "eyJ is how it starts.",
        "eyJhbGciOiJIUzI1NiJ9",
        "AKIA",
        "2026-01-02T03:04:05Z",
        "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        "0198f3a2-7c4d-7b61-8f7e-2d7c5b0a1e9f",
        "100%",
    ] {
        assert!(!holds_credential(text), "{text}");
        assert_eq!(super::super::text(text), text);
    }
}

#[test]
fn every_token_of_the_format_is_known_here() {
    use crate::intent::credentials::TOKEN_PREFIXES;
    let known: Vec<&str> =
        PLAIN_TOKENS.iter().chain(&DASHED_TOKENS).map(|(prefix, _)| *prefix).collect();
    assert!(TOKEN_PREFIXES.iter().all(|prefix| known.contains(prefix)));
}

/// A search that begins anew at every sign would not end in hours.
#[test]
fn a_long_text_is_looked_through_once() {
    for piece in
        ["a=", "password=", "cookie=", "token=env:", "sk-", "eyJ-", "eyJaaaaaaaa.", "a:// "]
    {
        let text = piece.repeat((1 << 17) / piece.len());
        let found: usize = spans(&text).iter().map(ExactSizeIterator::len).sum();
        assert!(found <= 16 * text.len(), "{piece}: {found}");
    }
}

#[test]
fn what_stands_in_a_secret_is_secret_too() {
    let found = credentials("Cookie: a=1; token=hunter2; password=pass=x1y2z3");
    for part in ["hunter2", "x1y2z3"] {
        assert!(found.iter().any(|found| found == part), "{part} in {found:?}");
    }
    assert!(holds_credential(&format!("{}hunter2", "token=env:".repeat(99))));
}
