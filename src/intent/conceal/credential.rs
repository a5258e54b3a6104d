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
const DASHED_TOKENS: [(&str, usize); 21] = [
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
    ("SG.", 16),
    ("whsec_", 16),
    ("ya29.", 16),
    ("GOCSPX-", 16),
    ("pypi-AgE", 12),
];
/// So many credentials are told that end at one place, each in the one before.
const NESTED_MAX: usize = 8;

/// How base64 of `{"` starts: the head of a JWT.
const JWT: &str = "eyJ";
const JWT_PART_BYTES_MIN: usize = 8;
const PEM: &str = "-----BEGIN ";

/// A name that ends so, written without signs and in lower case, is that of a secret.
const SECRET_ENDS: [&str; 25] = [
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
    "accountkey",
    "sessionid",
    "sessid",
    "amzsignature",
    "googsignature",
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
/// A name that is one of these, or ends so behind a sign, is that of a secret: as the end of a word
/// they would be found everywhere.
const SECRET_WORDS: [&str; 5] = ["pass", "otp", "pin", "sid", "sig"];
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
    let signs = |c: char| !c.is_alphanumeric();
    let word = lower.trim_end_matches(signs).rsplit(signs).next().unwrap_or_default();
    let is =
        |word: &str| SECRET_WORDS.contains(&word.trim_end_matches(|c: char| c.is_ascii_digit()));
    is(word)
        || is(plain)
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
    let mut heads = Ends::new(text, |c| !is_dashed(c));
    let mut ends = Ends::new(text, |c| !is_dashed(c) && c != '.');
    text.char_indices().filter_map(move |(at, this)| {
        let before = before.replace(this);
        let starts = before.is_none_or(|c: char| !c.is_ascii_alphanumeric());
        let rest = text.get(at..).filter(|_| starts)?;
        let mut is_jwt = || is_jwt(text, at, heads.after(at).0);
        let is_one = is_token(rest) || (rest.starts_with(JWT) && is_jwt());
        if !is_one {
            return None;
        }
        let (end, asked) = ends.after(at);
        (asked < NESTED_MAX).then_some(at..end)
    })
}

fn is_token(rest: &str) -> bool {
    let follows = |(prefix, min): &(&str, usize), fits: fn(char) -> bool| {
        rest.strip_prefix(prefix).is_some_and(|tail| holds(tail, *min, fits))
    };
    PLAIN_TOKENS.iter().any(|token| follows(token, |c| c.is_ascii_alphanumeric()))
        || DASHED_TOKENS.iter().any(|token| follows(token, is_dashed))
}

/// Two parts at least; the second of an encrypted one may be empty.
fn is_jwt(text: &str, at: usize, head_end: usize) -> bool {
    let body = text.get(head_end..).and_then(|rest| rest.strip_prefix('.'));
    head_end - at >= JWT.len() + JWT_PART_BYTES_MIN
        && body
            .is_some_and(|body| body.starts_with('.') || holds(body, JWT_PART_BYTES_MIN, is_dashed))
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
    let mut fields = Ends::new(text, |c| matches!(c, '\r' | '\n' | '"' | '\''));
    let mut ends = Ends::new(text, |c| c.is_whitespace() || "\"'&,;()[]{}<>".contains(c));
    text.match_indices([':', '=']).filter_map(move |(at, mark)| {
        let (before, after) = (text.get(..at)?, text.get(at + mark.len()..)?);
        let name = before.trim_end_matches(is_around);
        let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
        let name = name.get(name.trim_end_matches(is_part).len()..)?;
        if !spells_secret(name) {
            return None;
        }
        let start = text.len() - after.trim_start_matches(is_around).len();
        let ends = if is_field(name) { &mut fields } else { &mut ends };
        let (end, asked) = ends.after(start);
        let value = text.get(start..end).filter(|value| !value.is_empty())?;
        // The last that is looked at is hidden whatever it is: so are all that it holds.
        let is_it = asked < NESTED_MAX && (asked + 1 == NESTED_MAX || !is_reference(value));
        is_it.then_some(start..end)
    })
}

/// Whether values of that name hold blanks and several parts, as those of header fields do.
fn is_field(name: &str) -> bool {
    ["authorization", "cookie"].iter().any(|field| {
        let start = name.len().checked_sub(field.len());
        let end = start.and_then(|start| name.get(start..));
        end.is_some_and(|end| end.eq_ignore_ascii_case(field))
    })
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

/// Whether at least so many characters at the start fit.
fn holds(text: &str, min: usize, fits: impl Fn(char) -> bool) -> bool {
    text.chars().take_while(|c| fits(*c)).take(min).count() == min
}

fn is_dashed(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_')
}

/// Where what begins in a text ends. Asked from left to right it looks at every character once,
/// whatever the text: callers choose it.
struct Ends<'t> {
    text: &'t str,
    stops: fn(char) -> bool,
    end: Option<usize>,
    asked: usize,
}

// === impl Ends ===

impl<'t> Ends<'t> {
    fn new(text: &'t str, stops: fn(char) -> bool) -> Ends<'t> {
        Ends { text, stops, end: None, asked: 0 }
    }

    /// The end of what begins at `start`, and how often the same end was told before.
    fn after(&mut self, start: usize) -> (usize, usize) {
        if let Some(end) = self.end.filter(|end| start <= *end) {
            self.asked += 1;
            return (end, self.asked);
        }
        let rest = self.text.get(start..).unwrap_or_default();
        let end = rest.find(self.stops).map_or(self.text.len(), |len| start + len);
        (self.end, self.asked) = (Some(end), 0);
        (end, 0)
    }
}

#[cfg(test)]
mod tests;
