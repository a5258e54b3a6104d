//! Patterns in `endpoint` that match less than they seem to. In a deny list that is a hole.

use super::Findings;
use crate::intent::time::Time;
use crate::policy::Rule;
use crate::policy::glob::{domain_matches, is_malformed, path_matches};

/// Warns of patterns that never match, or not what people mean by them, and of lists that
/// contradict each other.
pub(super) fn check(rule: &Rule, _: Time, findings: &mut Findings) {
    let Some(endpoint) = &rule.terms.endpoint else { return };
    let paths = [
        ("path_denylist", &endpoint.path_denylist, path_fault as Fault),
        ("path_allowlist", &endpoint.path_allowlist, path_fault),
        ("domain_denylist", &endpoint.domain_denylist, domain_fault),
        ("domain_allowlist", &endpoint.domain_allowlist, domain_fault),
    ];
    for (key, patterns, fault) in paths {
        for pattern in patterns {
            if let Some(fault) = fault(pattern) {
                findings.rule(rule, format!("endpoint.{key} has `{pattern}`: {fault}"));
            }
        }
    }
    let lists = [
        ("path", &endpoint.path_allowlist, &endpoint.path_denylist, path_matches as Matches),
        ("domain", &endpoint.domain_allowlist, &endpoint.domain_denylist, domain_matches),
    ];
    for (what, allowed, denied, matches) in lists {
        contradiction(rule, what, allowed, denied, matches, findings);
    }
}

type Fault = fn(&str) -> Option<&'static str>;
type Matches = fn(&str, &str) -> bool;

/// What is wrong with any pattern.
fn fault(pattern: &str) -> Option<&'static str> {
    if is_malformed(pattern) {
        Some("the pattern is malformed and matches nothing; `\\` takes the next character as it is")
    } else if pattern.contains("[!") {
        Some("`[!` is no negation; write `[^`")
    } else if pattern.contains('{') && pattern.contains('}') {
        Some("braces are taken as they stand; write one pattern for each")
    } else {
        None
    }
}

fn path_fault(pattern: &str) -> Option<&'static str> {
    let body = pattern.strip_suffix("/**").unwrap_or(pattern);
    fault(pattern).or(if body.contains("**") {
        Some("`**` counts only as a last `/**`; elsewhere it is one `*`, which stops at `/`")
    } else if pattern.len() > 1 && pattern.ends_with('/') {
        Some("a pattern that ends in `/` matches only a path that does; write `/**` for all below")
    } else {
        None
    })
}

fn domain_fault(pattern: &str) -> Option<&'static str> {
    let has_port = pattern.rsplit_once(':').is_some_and(|(host, port)| {
        !host.contains(':') && port.chars().all(|c| c.is_ascii_digit())
    });
    fault(pattern).or(if pattern.contains('/') || has_port {
        Some("a domain has no scheme, port or path, so this matches none; write the bare name")
    } else {
        None
    })
}

/// Items of an allow list that the deny list takes back.
fn contradiction(
    rule: &Rule,
    what: &str,
    allowed: &[String],
    denied: &[String],
    matches: Matches,
    findings: &mut Findings,
) {
    let denial = |item: &String| denied.iter().find(|denied| covers(denied, item, matches));
    let lost: Vec<_> = allowed.iter().filter_map(|item| Some((item, denial(item)?))).collect();
    let Some((item, denial)) = lost.first() else { return };
    let all = if lost.len() == allowed.len() { ", so that it lets none pass" } else { "" };
    let text = format!("allows {what} `{item}` and denies it with `{denial}`{all}");
    findings.rule(rule, format!("{text}; a denial always wins"));
}

/// Whether a pattern matches all that another one does, as far as that is plain to see.
fn covers(pattern: &str, other: &str, matches: Matches) -> bool {
    let is_literal = !other.contains(['*', '?', '[', '\\']);
    let is_below = |base: &str| {
        let rest = other.strip_prefix(base);
        !base.contains(['*', '?', '[', '\\']) && rest.is_some_and(|rest| rest.starts_with('/'))
    };
    pattern == other
        || (is_literal && matches(pattern, other))
        || pattern.strip_suffix("/**").is_some_and(is_below)
        || pattern.strip_prefix('*').is_some_and(|end| end.starts_with('.') && other.ends_with(end))
}
