//! Patterns of paths and domains in `endpoint` (spec E2).
//!
//! A shell glob over the whole value: `*` is any run without `/`, `?` one character but `/`, a
//! class `[a-z]` or `[^a]` one character of it, also `/`, and `\` takes the next as it is. A
//! pattern that is malformed matches nothing.
//!
//! Rejected: the `glob` and `globset` crates. Their `**`, `[!a]` and `/` differ from the format's.

use std::iter::Peekable;
use std::str::Chars;

/// One element of a glob.
#[derive(Debug, PartialEq, Eq)]
enum Token {
    /// `*`.
    Run,
    /// `?`.
    Any,
    /// A character as it is.
    Literal(char),
    /// A class: inclusive ranges, or all characters but theirs.
    Class { but: bool, ranges: Vec<(char, char)> },
}

/// Whether a path matches. A pattern that ends in `/**` matches what stands before that, and
/// everything below it.
pub fn path_matches(pattern: &str, path: &str) -> bool {
    let below = |base: &str| {
        path.strip_prefix(base).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    pattern == path || pattern.strip_suffix("/**").is_some_and(below) || matches(pattern, path)
}

/// Whether a domain matches. `*.x` matches everything below `x` at any depth, not `x` itself.
pub fn domain_matches(pattern: &str, domain: &str) -> bool {
    let suffix = pattern.strip_prefix('*').filter(|suffix| suffix.starts_with('.'));
    let below = |suffix: &str| domain.ends_with(suffix);
    pattern == domain || suffix.is_some_and(below) || matches(pattern, domain)
}

/// Whether a pattern is no pattern, and matches at most the very text that it is.
pub fn is_malformed(pattern: &str) -> bool {
    tokens(pattern).is_none()
}

fn matches(pattern: &str, value: &str) -> bool {
    tokens(pattern).is_some_and(|tokens| tokens_match(&tokens, value))
}

/// `None` for a malformed pattern.
fn tokens(pattern: &str) -> Option<Vec<Token>> {
    let mut chars = pattern.chars().peekable();
    let mut tokens = Vec::new();
    while let Some(c) = chars.next() {
        tokens.push(match c {
            '*' => Token::Run,
            '?' => Token::Any,
            '\\' => Token::Literal(chars.next()?),
            '[' => class(&mut chars)?,
            c => Token::Literal(c),
        });
    }
    Some(tokens)
}

/// What follows `[`, up to and with `]`. A class is not empty.
fn class(chars: &mut Peekable<Chars<'_>>) -> Option<Token> {
    let but = chars.next_if_eq(&'^').is_some();
    let mut ranges = Vec::new();
    while ranges.is_empty() || chars.next_if_eq(&']').is_none() {
        let low = class_char(chars)?;
        let high = match chars.next_if_eq(&'-') {
            Some(_) => class_char(chars)?,
            None => low,
        };
        ranges.push((low, high));
    }
    Some(Token::Class { but, ranges })
}

fn class_char(chars: &mut Peekable<Chars<'_>>) -> Option<char> {
    match chars.next()? {
        '\\' => chars.next(),
        '-' | ']' => None,
        c => Some(c),
    }
}

impl Token {
    /// Whether it stands for this one character.
    fn takes(&self, c: char) -> bool {
        match self {
            Token::Run | Token::Any => c != '/',
            Token::Literal(literal) => *literal == c,
            Token::Class { but, ranges } => {
                ranges.iter().any(|(low, high)| (*low..=*high).contains(&c)) != *but
            }
        }
    }
}

/// Every run is first as short as can be. Only the last one need ever grow: a run cannot pass a
/// `/`, so growing an earlier one gives the later ones less and never more.
fn tokens_match(tokens: &[Token], value: &str) -> bool {
    let (mut pattern, mut rest) = (tokens, value);
    let mut last_run: Option<(&[Token], &str)> = None;
    loop {
        match pattern.split_first() {
            Some((Token::Run, after)) => {
                last_run = Some((after, rest));
                pattern = after;
                continue;
            }
            Some((token, after)) => {
                if let Some(left) = without_first(rest, |c| token.takes(c)) {
                    (pattern, rest) = (after, left);
                    continue;
                }
            }
            None if rest.is_empty() => return true,
            None => {}
        }
        let grown = last_run.and_then(|(after, from)| {
            without_first(from, |c| Token::Run.takes(c)).map(|from| (after, from))
        });
        let Some((after, from)) = grown else { return false };
        last_run = grown;
        (pattern, rest) = (after, from);
    }
}

fn without_first(text: &str, takes: impl Fn(char) -> bool) -> Option<&str> {
    let mut chars = text.chars();
    chars.next().filter(|c| takes(*c)).map(|_| chars.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        for (pattern, path) in [
            ("/srv/**", "/srv"),
            ("/srv/**", "/srv/a/b"),
            ("/srv/*/c", "/srv/ab/c"),
            ("/srv/**/c", "/srv/ab/c"),
            ("/a?c", "/abc"),
            ("/a[/]b", "/a/b"),
            ("/a[^z]b", "/a/b"),
            ("/[a-c]*x", "/bxyx"),
            (r"/\*", "/*"),
            ("*a*b", "xaab"),
            ("[", "["),
            (r"[\]]", "]"),
            ("", ""),
        ] {
            assert!(path_matches(pattern, path), "{pattern} {path}");
        }
        for (pattern, path) in [
            ("/srv/**", "/srvx"),
            ("/srv/*", "/srv/a/b"),
            ("/srv/*", "/srv"),
            ("/a?c", "/a/c"),
            ("/a[!b]c", "/axc"),
            ("[", "x"),
            ("[]a]", "a"),
            ("[a-]", "a"),
            (r"a\", "a"),
            ("*a*b", "xa/b"),
            ("", "x"),
        ] {
            assert!(!path_matches(pattern, path), "{pattern} {path}");
        }
    }

    #[test]
    fn domains() {
        for (pattern, domain) in [("*.x", "a.b.x"), ("api.*", "api.a.b"), ("x", "x"), ("*", "a.b")]
        {
            assert!(domain_matches(pattern, domain), "{pattern} {domain}");
        }
        for (pattern, domain) in [("*.x", "x"), ("*x.y", "a.b"), ("api.*", "api")] {
            assert!(!domain_matches(pattern, domain), "{pattern} {domain}");
        }
    }
}
