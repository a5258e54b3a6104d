//! What looks like a credential, by its own form or by the name that it goes by.
//!
//! It is wider than the net of the format (see `credentials`), which refuses calls and must not
//! refuse good ones; here a wrong guess costs a line of evidence some of its text. It is a net for
//! accidents all the same: what somebody disguises on purpose passes it.

use crate::intent::credentials::{is_credential_key, is_harmless, is_material, is_reference};
use crate::intent::text;
use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use percent_encoding::percent_decode_str;
use std::borrow::Cow;
use std::ops::Range;

/// Well-known tokens: how they start, and how many letters and digits follow at least.
const PLAIN_TOKENS: [(&str, usize); 10] = [
    ("ghp_", 16),
    ("gho_", 16),
    ("ghu_", 16),
    ("ghs_", 16),
    ("ghr_", 16),
    ("AKIA", 12),
    ("ASIA", 12),
    ("npm_", 20),
    ("hf_", 20),
    ("dop_v1_", 20),
];
/// The same of those in which `-` and `_` may follow.
const DASHED_TOKENS: [(&str, usize); 17] = [
    ("github_pat_", 16),
    ("glpat-", 12),
    ("sk-", 16),
    ("sk_live_", 8),
    ("sk_test_", 8),
    ("rk_live_", 8),
    ("rk_test_", 8),
    ("xoxa-", 8),
    ("xoxb-", 8),
    ("xoxe-", 8),
    ("xoxp-", 8),
    ("xoxr-", 8),
    ("xoxs-", 8),
    ("xapp-", 8),
    ("AIza", 20),
    ("hvs.", 16),
    ("whsec_", 16),
];
/// How base64 of `{"` starts: the head of a JWT.
const JWT: &str = "eyJ";
const JWT_PART_BYTES_MIN: usize = 8;
const PEM: &str = "-----BEGIN ";

/// A name that ends so, written without signs and in lower case, is that of a secret.
const SECRET_ENDS: [&str; 20] = [
    "password",
    "passwords",
    "passwd",
    "passphrase",
    "pwd",
    "secret",
    "secrets",
    "token",
    "apikey",
    "accesskey",
    "secretkey",
    "privatekey",
    "signingkey",
    "authorization",
    "cookie",
    "cookies",
    "credential",
    "credentials",
    "bearer",
    "jwt",
];
/// A name that holds one of these is, too, unless it ends as the name of a reference.
const PASSWORDS: [&str; 3] = ["password", "passwd", "passphrase"];

/// Of words behind `Bearer`, those that are no part of a sentence.
const BEARER_BYTES_MIN: usize = 20;

/// Padded or not: tokens are handed on by people.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Whether a text looks like a credential, by itself or by its name.
pub fn looks_like_credential(name: &str, text: &str) -> bool {
    let by_name = spells_secret(name) && !text.trim().is_empty() && !is_reference(text);
    by_name || is_credential_key(name) && is_material(text) || holds_credential(text)
}

/// Whether a name is that of a secret.
pub(super) fn spells_secret(name: &str) -> bool {
    let lower = text::lowered(name.trim());
    let plain: String = lower.chars().filter(|c| c.is_alphanumeric()).collect();
    let plain = plain.trim_end_matches(|c: char| c.is_ascii_digit());
    plain == "pass"
        || SECRET_ENDS.iter().any(|end| plain.ends_with(end))
        || PASSWORDS.iter().any(|word| plain.contains(word)) && !is_harmless(&lower)
}

/// Whether a text holds a credential, as it stands or escaped for a URL.
pub(super) fn holds_credential(text: &str) -> bool {
    !spans(text).is_empty() || decoded(text).is_some_and(|decoded| !spans(&decoded).is_empty())
}

/// The credentials that a text holds, as it stands or escaped for a URL.
pub(super) fn credentials(text: &str) -> Vec<String> {
    let of = |text: &str| {
        let parts = spans(text).into_iter().filter_map(|span| text.get(span));
        parts.map(str::to_owned).collect::<Vec<_>>()
    };
    let escaped = decoded(text).map(|decoded| of(&decoded)).unwrap_or_default();
    of(text).into_iter().chain(escaped).collect()
}

fn decoded(text: &str) -> Option<Cow<'_, str>> {
    text.contains('%').then(|| percent_decode_str(text).decode_utf8_lossy())
}

/// Where in a text credentials stand; they may overlap.
pub(super) fn spans(text: &str) -> Vec<Range<usize>> {
    if text.contains(PEM) {
        return std::iter::once(0..text.len()).collect();
    }
    tokens(text).chain(schemes(text)).chain(pairs(text)).chain(user_infos(text)).collect()
}

// === by their own form ===

fn tokens(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut before = None;
    text.char_indices().filter_map(move |(at, this)| {
        let before = before.replace(this);
        let starts = before.is_none_or(|c: char| !c.is_ascii_alphanumeric());
        let rest = text.get(at..).filter(|_| starts)?;
        is_token(rest).then(|| at..at + run(rest, |byte| is_dashed(byte) || byte == b'.'))
    })
}

fn is_token(rest: &str) -> bool {
    let follows = |(prefix, min): &(&str, usize), fits: fn(u8) -> bool| {
        rest.strip_prefix(prefix).is_some_and(|tail| run(tail, fits) >= *min)
    };
    PLAIN_TOKENS.iter().any(|token| follows(token, |byte| byte.is_ascii_alphanumeric()))
        || DASHED_TOKENS.iter().any(|token| follows(token, is_dashed))
        || rest.strip_prefix(JWT).is_some_and(is_jwt)
}

/// Two parts at least; the second of an encrypted one may be empty.
fn is_jwt(tail: &str) -> bool {
    let head = run(tail, is_dashed);
    let body = tail.get(head..).and_then(|rest| rest.strip_prefix('.'));
    head >= JWT_PART_BYTES_MIN
        && body
            .is_some_and(|body| body.starts_with('.') || run(body, is_dashed) >= JWT_PART_BYTES_MIN)
}

/// Words behind `Bearer` and `Basic`.
fn schemes(text: &str) -> impl Iterator<Item = Range<usize>> {
    let words: Vec<(usize, &str)> = words(text).collect();
    let alone = words.len() == 2;
    let found = words.windows(2).filter_map(move |pair| {
        let [(_, scheme), (at, word)] = pair else { return None };
        let scheme = scheme.trim_matches(|c: char| !c.is_ascii_alphanumeric());
        let word = word.trim_end_matches(['"', '\'', ',', ';', ')', '}', ']']);
        let is_it = match scheme {
            _ if scheme.eq_ignore_ascii_case("bearer") => {
                is_bearer(word) || alone && word.len() > 7
            }
            _ if scheme.eq_ignore_ascii_case("basic") => is_basic(word),
            _ => false,
        };
        is_it.then(|| *at..at + word.len())
    });
    found.collect::<Vec<_>>().into_iter()
}

fn is_bearer(word: &str) -> bool {
    let has_digit = word.bytes().any(|byte| byte.is_ascii_digit());
    word.len() >= BEARER_BYTES_MIN || has_digit && word.len() > 7
}

/// A user and a password, in base64.
fn is_basic(word: &str) -> bool {
    BASE64.decode(word).is_ok_and(|decoded| decoded.contains(&b':'))
}

/// `user:password@` in a URL; a user alone may be a token, too.
fn user_infos(text: &str) -> impl Iterator<Item = Range<usize>> {
    text.match_indices("://").filter_map(|(at, mark)| {
        let start = at + mark.len();
        let rest = text.get(start..)?;
        let authority =
            rest.split(|c: char| "/?#\\\"'<>".contains(c) || c.is_whitespace()).next()?;
        authority.rfind('@').map(|end| start..start + end)
    })
}

// === by their names ===

/// Values behind `name=` and `name:`, in a query, a cookie, JSON, or a sentence.
fn pairs(text: &str) -> impl Iterator<Item = Range<usize>> {
    text.match_indices([':', '=']).filter_map(|(at, mark)| {
        let (before, after) = (text.get(..at)?, text.get(at + mark.len()..)?);
        let name = before.trim_end_matches(is_around);
        let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
        let name = name.get(name.trim_end_matches(is_part).len()..)?;
        let value = after.trim_start_matches(is_around);
        let start = text.len() - value.len();
        let value = value.split(|c: char| ends(name, c)).next()?;
        let is_it = !value.is_empty() && spells_secret(name) && !is_reference(value);
        is_it.then(|| start..start + value.len())
    })
}

/// Whether a value ends here. Those of header fields hold blanks and several parts.
fn ends(name: &str, c: char) -> bool {
    let name = name.to_ascii_lowercase();
    let is_field = ["authorization", "cookie"].iter().any(|field| name.ends_with(field));
    match is_field {
        true => matches!(c, '\r' | '\n' | '"' | '\''),
        false => c.is_whitespace() || "\"'&,;()[]{}<>".contains(c),
    }
}

/// What stands between a name, its sign and its value.
fn is_around(c: char) -> bool {
    matches!(c, '"' | '\'' | '\\') || c.is_whitespace()
}

// === text ===

/// Words with where they start.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut end = 0;
    let pieces = text.split_inclusive(char::is_whitespace).map(move |piece| {
        let start = end;
        end += piece.len();
        (start, piece.trim_end())
    });
    pieces.filter(|(_, word)| !word.is_empty())
}

/// How many bytes at the start fit.
fn run(text: &str, fits: impl Fn(u8) -> bool) -> usize {
    text.bytes().take_while(|byte| fits(*byte)).count()
}

fn is_dashed(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

#[cfg(test)]
mod tests;
