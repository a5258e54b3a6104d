//! Whether rules about domains can be asked about a target.
//!
//! The format leaves a target out of the domain lists where it cannot read a host, and reads some
//! values that a tool reads differently. A list that is stepped around by an odd spelling holds
//! nobody, so here such a target is unknown, and what is unknown is denied.

use crate::intent::{Intent, Kind, Target};
use crate::policy::{Policy, Rule};
use std::net::{Ipv4Addr, Ipv6Addr};

/// Whether some target names a host that cannot be read in one way only, and a rule that matches
/// lists domains.
pub(super) fn are_unknown(policy: &Policy, intent: &Intent) -> bool {
    let steps = intent.script().into_iter().flat_map(|script| &script.steps);
    let mut targets = intent.targets().iter().chain(steps.flat_map(|step| &step.targets));
    targets.any(|target| !has_plain_host(target))
        && policy.matched(intent).into_iter().any(lists_domains)
}

fn lists_domains(rule: &Rule) -> bool {
    let lists = |endpoint: &crate::policy::endpoint::Endpoint| {
        !endpoint.domain_allowlist.is_empty() || !endpoint.domain_denylist.is_empty()
    };
    rule.terms.endpoint.as_ref().is_some_and(lists)
}

/// Whether everybody takes the target's host for what its domain says; also where it has none to
/// name.
fn has_plain_host(target: &Target) -> bool {
    match target.kind {
        Kind::Url => is_plain(&target.endpoint_domain) && has_plain_user(&target.value),
        Kind::Host => is_plain(&target.endpoint_domain) && is_bare(&target.value),
        _ => true,
    }
}

/// Whether nothing that stands before the host of a URL could be taken for it. Some readers end
/// the host at `\`, and of several `@` some take the first: `http://evil\@host`, `http://a@evil@host`.
fn has_plain_user(url: &str) -> bool {
    let rest = url.split_once("//").map_or("", |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let user = authority.rsplit_once('@').map_or("", |(user, _)| user);
    user.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:%".contains(&byte))
}

/// A `host` value with nothing before its host, but for the scheme that the format takes off.
fn is_bare(value: &str) -> bool {
    let value = value.strip_prefix("http://").unwrap_or(value);
    let value = value.strip_prefix("https://").unwrap_or(value);
    let end = value.find([':', '/']).unwrap_or(value.len());
    let (host, rest) = value.split_at_checked(end).unwrap_or_default();
    let port = rest.strip_prefix(':').map(|rest| rest.split('/').next().unwrap_or_default());
    let is_port = |port: &str| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    is_plain(host) && port.is_none_or(is_port)
}

/// A host name, or an address in its plain form.
fn is_plain(host: &str) -> bool {
    if host.contains(':') {
        // One address in another spelling, or an IPv4 address in its clothes, is on no list.
        let plain =
            |address: Ipv6Addr| address.to_ipv4_mapped().is_none() && address.to_string() == host;
        return host.parse().is_ok_and(plain);
    }
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let mut labels = host.split('.');
    if !labels.all(|label| !label.is_empty() && label.bytes().all(letter)) {
        return false;
    }
    // Whoever resolves it takes a number at the end for an address: `127.1`, `0x7f000001`.
    let last = host.rsplit('.').next().unwrap_or_default();
    let is_number = last.starts_with("0x") || last.bytes().all(|byte| byte.is_ascii_digit());
    !is_number || host.parse::<Ipv4Addr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intent::{ContextDraft, Draft, TargetDraft};
    use crate::policy::source;

    fn intent(kind: &str, value: &str) -> Intent {
        let target =
            TargetDraft { kind: kind.into(), value: value.into(), ..TargetDraft::default() };
        let context = ContextDraft {
            identity: "a".into(),
            workspace: "w".into(),
            risk_class: "low".into(),
            ..ContextDraft::default()
        };
        let draft =
            Draft { tool_name: "t".into(), targets: vec![target], context, ..Draft::default() };
        draft.normalise().unwrap()
    }

    fn unknown(endpoint: &str, kind: &str, value: &str) -> bool {
        let policy = format!("rules: [{{name: r, effect: allow, endpoint: {endpoint}}}]");
        are_unknown(&source::parse("p", policy.as_bytes()).unwrap(), &intent(kind, value))
    }

    const LIST: &str = "{domain_denylist: [evil.test]}";

    #[test]
    fn plain_hosts_are_known() {
        for (kind, value) in [
            ("url", "https://Api.Test:8443/x?y=//z"),
            ("url", "http://user:p%40ss@h/"),
            ("url", "http://h/a@b?c=d\\@e"),
            ("url", "http://127.0.0.1/"),
            ("url", "http://[::1]:80/"),
            ("host", "api.test"),
            ("host", "API.test:443"),
            ("host", "https://api.test:443/x"),
            ("host", "10.0.0.1:80"),
            ("path", "/no/host"),
            ("table", "evil"),
        ] {
            assert!(!unknown(LIST, kind, value), "{kind} {value}");
        }
    }

    #[test]
    fn what_two_could_read_differently_is_unknown() {
        for (kind, value) in [
            ("url", "evil.test/x"),
            ("url", "http:/evil.test"),
            ("url", "http:\\\\evil.test"),
            ("url", "https://evil.test./"),
            ("url", "https://ｅvil.test/"),
            ("url", "https://evil.test;x/"),
            ("url", "https:///evil.test"),
            ("url", "http://2130706433/"),
            ("url", "http://0x7f.1/"),
            ("url", "http://0x7f000001/"),
            ("url", "http://127.1/"),
            ("url", "file:///etc/passwd"),
            ("url", "http://evil.test\\@api.test/"),
            ("url", "http://evil.test\\x@api.test/"),
            ("url", "//evil.test\\@api.test/"),
            ("url", "http://a@evil.test:80@api.test/"),
            ("url", "http://evil.test／@api.test/"),
            ("url", "http://evil.test @api.test/"),
            ("url", "http://[0:0:0:0:0:0:0:1]/"),
            ("url", "http://[::ffff:127.0.0.1]/"),
            ("url", "http://[::127.0.0.1]/"),
            ("host", "HTTP://evil.test"),
            ("host", "http://https://https://evil.test"),
            ("host", "user@evil.test"),
            ("host", "[::1]:80"),
            ("host", "api.test:80@evil.test"),
            ("host", "evil.test\\x"),
            ("host", "ftp://evil.test"),
        ] {
            assert!(unknown(LIST, kind, value), "{kind} {value}");
        }
    }

    #[test]
    fn only_rules_that_match_and_list_domains_ask() {
        let odd = ("url", "evil.test/x");
        assert!(unknown("{domain_allowlist: [api.test]}", odd.0, odd.1));
        assert!(!unknown("{egress_classes: [net.http]}", odd.0, odd.1));
        let elsewhere = "rules: [{name: r, effect: allow, match: {tool_names: [other]},
            endpoint: {domain_allowlist: [api.test]}}]";
        let policy = source::parse("p", elsewhere.as_bytes()).unwrap();
        assert!(!are_unknown(&policy, &intent(odd.0, odd.1)));
    }
}
