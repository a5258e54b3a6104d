//! The host that the caller names: one, plainly spelt, and served here.

use super::Malformed;
use http::{Version, header, request::Parts};

/// A lower-case host with an optional port. Empty only for a request without a reading.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Authority {
    text: String,
}

/// Which hosts a listener serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostRule {
    /// Any.
    Any,
    /// These; an entry without a port serves every port.
    Only(Vec<String>),
}

impl Authority {
    /// Reads `Host`, and checks it against an absolute-form target, or `:authority`, which stands
    /// for an absent `Host` (RFC 9113, 8.3.1).
    pub(super) fn read(parts: &Parts) -> Result<Authority, Malformed> {
        let mut hosts = parts.headers.get_all(header::HOST).iter();
        let Some(host) = hosts.next() else { return Authority::without_host(parts) };
        if hosts.next().is_some() {
            return Err(Malformed::HostDuplicate);
        }
        let authority = Authority::parse(host.to_str().map_err(|_| Malformed::HostSpelling)?)?;
        match parts.uri.authority() {
            Some(named) if Authority::parse(named.as_str())? != authority => {
                Err(Malformed::HostMismatch)
            }
            _ => Ok(authority),
        }
    }

    fn without_host(parts: &Parts) -> Result<Authority, Malformed> {
        let named = parts.uri.authority().filter(|_| parts.version == Version::HTTP_2);
        Authority::parse(named.ok_or(Malformed::HostMissing)?.as_str())
    }

    /// Reads `host`, `host:port`, `[v6]` or `[v6]:port`.
    fn parse(text: &str) -> Result<Authority, Malformed> {
        let (host, port) = split(text).ok_or(Malformed::HostSpelling)?;
        let named = !host.is_empty()
            && !host.ends_with('.')
            && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
        if !(named || is_v6(host)) || !port.is_none_or(is_port) {
            return Err(Malformed::HostSpelling);
        }
        Ok(Authority { text: text.to_ascii_lowercase() })
    }

    /// Host and port as forwarded with `host: preserve`.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    fn host(&self) -> &str {
        split(&self.text).map_or("", |(host, _)| host)
    }
}

impl HostRule {
    /// Whether `authority` is served.
    pub fn serves(&self, authority: &Authority) -> bool {
        match self {
            HostRule::Any => true,
            HostRule::Only(hosts) => {
                hosts.iter().any(|host| host == authority.as_str() || host == authority.host())
            }
        }
    }
}

/// Splits a port off, minding the colons of an IPv6 address.
fn split(text: &str) -> Option<(&str, Option<&str>)> {
    if let Some(rest) = text.strip_prefix('[') {
        let end = rest.find(']')? + 2;
        let (host, port) = (text.get(..end)?, text.get(end..)?);
        return match port.strip_prefix(':') {
            None if port.is_empty() => Some((host, None)),
            port => Some((host, Some(port?))),
        };
    }
    match text.split_once(':') {
        Some((host, port)) => Some((host, Some(port))),
        None => Some((text, None)),
    }
}

fn is_v6(host: &str) -> bool {
    let inner = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    inner.is_some_and(|inner| inner.parse::<std::net::Ipv6Addr>().is_ok())
}

fn is_port(port: &str) -> bool {
    port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|n| n > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses_with_a_port_at_most() {
        for good in ["api.test", "API.test:80", "127.0.0.1:8080", "[::1]", "[::1]:9"] {
            assert!(Authority::parse(good).is_ok(), "{good}");
        }
        let bad = ["", ":80", "a:", "a:0", "a:x", "a:80:80", "u@a", "a, b", "a/b", "[::1", "[x]"];
        for bad in bad.into_iter().chain(["a.", "a b", "a#", "[::1]x", "a:99999", "a:+1"]) {
            assert_eq!(Authority::parse(bad), Err(Malformed::HostSpelling), "{bad}");
        }
    }

    #[test]
    fn http2_names_its_host_above_the_fields() {
        let read = |version, host: Option<&str>| {
            let request = http::Request::get("https://API.test/a").version(version);
            let request =
                host.into_iter().fold(request, |request, host| request.header("host", host));
            Authority::read(&request.body(()).unwrap().into_parts().0)
        };
        let named = Ok(Authority { text: "api.test".into() });
        assert_eq!(read(Version::HTTP_2, None), named);
        assert_eq!(read(Version::HTTP_2, Some("api.TEST")), named);
        assert_eq!(read(Version::HTTP_2, Some("b.test")), Err(Malformed::HostMismatch));
        assert_eq!(read(Version::HTTP_11, None), Err(Malformed::HostMissing));
    }

    #[test]
    fn a_rule_serves_what_it_names() {
        let rule = HostRule::Only(vec!["api.test".into(), "b.test:81".into()]);
        let serves = |text| rule.serves(&Authority::parse(text).unwrap());
        assert!(serves("API.test") && serves("api.test:8080") && serves("b.test:81"));
        assert!(!serves("b.test") && !serves("x.api.test") && !serves("api.test.evil"));
    }
}
