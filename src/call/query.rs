//! Query parameters, read so that a predicate or an argument has one answer.
//!
//! Servers differ on repeated keys, on `;`, on `key[]`, on letter case and on `+`; PHP reads
//! `user.id`, `user id` and `user[id` as `user_id`. A key that is
//! judged must therefore stand there exactly once, spelt as the config spells it, with a value
//! that reads one way.

use super::Malformed;
use percent_encoding::percent_decode_str;

/// What a query says of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// Exactly once; the decoded value.
    One(String),
    /// Not at all.
    Missing,
    /// More than once, under another spelling, or with a value that reads two ways.
    Unreadable,
}

/// Looks `name` up in a canonical query.
pub fn find(query: Option<&str>, name: &str) -> Found {
    let mut found = Found::Missing;
    for pair in pairs(query).filter(|pair| aliases(pair, name)) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let once = found == Found::Missing && key == name;
        found = match decode(value) {
            Some(value) if once => Found::One(value),
            _ => return Found::Unreadable,
        };
    }
    found
}

/// The decoded keys of a query, for a route that refuses those it does not name.
pub fn keys(query: Option<&str>) -> impl Iterator<Item = String> {
    pairs(query).filter(|pair| !pair.is_empty()).map(|pair| {
        let key = pair.split('=').next().unwrap_or_default();
        percent_decode_str(key).decode_utf8_lossy().into_owned()
    })
}

/// Keys that some frameworks take for the method.
const OVERRIDES: [&str; 4] =
    ["_method", "x-http-method-override", "x-http-method", "x-method-override"];

/// Refuses a parameter that asks for another method.
pub fn refuse_override(query: Option<&str>) -> Result<(), Malformed> {
    match pairs(query).any(|pair| OVERRIDES.iter().any(|name| aliases(pair, name))) {
        true => Err(Malformed::MethodOverride),
        false => Ok(()),
    }
}

fn pairs(query: Option<&str>) -> impl Iterator<Item = &str> {
    query.unwrap_or_default().split('&')
}

/// Whether some server would find the key `name` in `pair`: by case, by brackets, after a `;`, or
/// by PHP's rewriting of names.
fn aliases(pair: &str, name: &str) -> bool {
    pair.split(';').any(|part| {
        let key = part.split('=').next().unwrap_or_default().replace('+', " ");
        let key = percent_decode_str(&key).decode_utf8_lossy();
        let key = key.split('\0').next().unwrap_or_default().trim();
        let head = key.split('[').next().unwrap_or_default().trim();
        head.eq_ignore_ascii_case(name) || php_name(key).eq_ignore_ascii_case(&php_name(name))
    })
}

/// A name as PHP keeps it; it does so to dots, spaces, and a bracket that nothing closes.
fn php_name(name: &str) -> String {
    let head = match name.split_once('[') {
        Some((head, rest)) if rest.contains(']') && !head.is_empty() => head,
        _ => name,
    };
    head.replace([' ', '.', '['], "_")
}

/// The value, if it reads one way: UTF-8, and no `;` that could start another pair.
fn decode(value: &str) -> Option<String> {
    if value.contains(';') || value.contains('+') {
        return None;
    }
    let decoded = percent_decode_str(value).decode_utf8().ok()?;
    Some(decoded.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_plain_pair_is_found() {
        assert_eq!(find(Some("a=1&mode=re%20ad"), "mode"), Found::One("re ad".into()));
        assert_eq!(find(Some("mode"), "mode"), Found::One(String::new()));
        assert_eq!(find(Some("a=1"), "mode"), Found::Missing);
        assert_eq!(find(None, "mode"), Found::Missing);
    }

    #[test]
    fn what_reads_two_ways_is_unreadable() {
        let queries = [
            "mode=read&mode=write",
            "mode=read&mode=read",
            "mode[]=read",
            "Mode=read",
            "mode=read;mode=write",
            "x=1;mode=write&mode=read",
            "x;mode=write",
            "mode=a+b",
            "%20mode=read",
            "mode=%FF",
        ];
        for query in queries {
            assert_eq!(find(Some(query), "mode"), Found::Unreadable, "{query}");
        }
    }

    #[test]
    fn what_php_rewrites_into_the_key_is_unreadable() {
        for alias in
            ["user.id=2", "user%20id=2", "user+id=2", "user[id=2", "User.Id=2", "user.id[]=2"]
        {
            let query = format!("user_id=1&{alias}");
            assert_eq!(find(Some(&query), "user_id"), Found::Unreadable, "{query}");
        }
        assert_eq!(find(Some("user_id=1&user[id]=2"), "user_id"), Found::One("1".into()));
    }

    #[test]
    fn an_override_is_refused() {
        for query in [".method=DELETE", "[method=DELETE", "X-HTTP-Method-Override=DELETE"] {
            assert_eq!(refuse_override(Some(query)), Err(Malformed::MethodOverride), "{query}");
        }
        assert_eq!(refuse_override(Some("a=1&_Method=DELETE")), Err(Malformed::MethodOverride));
        assert_eq!(refuse_override(Some("method=x")), Ok(()));
    }
}
