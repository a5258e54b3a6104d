//! API keys that are none, and two credentials at once.

use super::world::{KEY, OLD_KEY, World, claims, with};
use super::{Row, cut};
use crate::support::now;

/// Another caller than the one with the good key.
const GRACE: &str = "grace";

pub(super) fn rows(world: &World) -> Vec<Row> {
    let mut rows = keys();
    rows.extend(conflicts(world));
    rows
}

fn keys() -> Vec<Row> {
    let shown = |name: &str, code, value: &str| {
        Row::refused(format!("key {name}"), code).field("X-Api-Key", value)
    };
    let unknown = "api_key_unknown";
    vec![
        shown("that nobody has", unknown, "Gait-key-ffffffffffffffffff"),
        shown("in other case", unknown, &KEY.to_lowercase()),
        shown("cut short", unknown, cut(KEY)),
        shown("with more behind it", unknown, &format!("{KEY}0")),
        shown("in quotes", unknown, &format!("\"{KEY}\"")),
        shown("with a scheme", unknown, &format!("Bearer {KEY}")),
        shown("with another after a comma", unknown, &format!("{KEY}, {OLD_KEY}")),
        shown("that is its digest", unknown, &"ab".repeat(32)),
        shown("that is no text", unknown, "\u{fc}\u{fc}\u{fc}"),
        shown("that has expired", "api_key_expired", OLD_KEY),
        shown("that is empty", "credential_malformed", ""),
        shown("twice", "credential_repeated", KEY).field("X-Api-Key", KEY),
        shown("once more, otherwise spelt", "credential_spelling", KEY).field("X_Api_Key", KEY),
        Row::refused("key otherwise spelt", "credential_spelling").field("X.Api.Key", KEY),
        Row::refused("key in Authorization", "jwt_malformed").bearer(KEY),
    ]
}

/// Two callers at once, and one good credential beside one that is not.
fn conflicts(world: &World) -> Vec<Row> {
    let token = |subject: &str| world.p256.token(&with("sub", subject));
    let expired = world.p256.token(&with("exp", now() - 60));
    let row = |name: &str, code| Row::refused(format!("both {name}"), code);
    let conflict = "credentials_conflict";
    vec![
        row("a token and another's key", conflict).bearer(token(GRACE)).field("X-Api-Key", KEY),
        row("a key and another's trusted header", conflict)
            .field("X-Api-Key", KEY)
            .field("X-Auth-Request-User", GRACE)
            .at_edge(),
        row("a token and another's trusted header", conflict)
            .bearer(token("ada"))
            .field("X-Auth-Request-User", GRACE)
            .at_edge(),
        row("a token and a header that is not trusted", "identity_header_untrusted")
            .bearer(world.p256.token(&claims()))
            .field("X-Auth-Request-User", "ada"),
        row("a token and a bad key", "api_key_unknown")
            .bearer(world.p256.token(&claims()))
            .field("X-Api-Key", "Gait-key-ffffffffffffffffff"),
        row("a bad token and a key", "jwt_expired").bearer(&*expired).field("X-Api-Key", KEY),
        row("a bad token and a certificate", "jwt_expired").bearer(&*expired).with(&world.bot),
        row("a bad key and a certificate", "api_key_expired")
            .field("X-Api-Key", OLD_KEY)
            .with(&world.bot),
        row("a header that is not trusted and a certificate", "identity_header_untrusted")
            .field("X-Auth-Request-User", GRACE)
            .with(&world.bot),
    ]
}
