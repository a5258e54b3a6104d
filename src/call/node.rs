//! The nodes of a chain of hops, and the strict reading of lists of them (RFC 7239, 4 to 6).

use super::host::Authority;
use super::peer::{Address, Peer};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// One end of a connection, as it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Node {
    Ip(IpAddr),
    /// A process on this machine.
    Unix,
}

impl Node {
    pub(super) fn of(peer: &Peer) -> Node {
        match peer.address {
            Address::Ip(ip) => Node::Ip(ip),
            Address::Unix { .. } => Node::Unix,
        }
    }

    /// As in `X-Forwarded-For`: bare, and without a word of our own.
    pub(super) fn address(self) -> String {
        match self {
            Node::Ip(ip) => ip.to_string(),
            Node::Unix => "unknown".to_owned(),
        }
    }
}

/// As in `Forwarded`, not quoted yet: IPv6 in brackets, a name that tells nothing for a socket.
impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Node::Ip(IpAddr::V4(ip)) => ip.fmt(f),
            Node::Ip(IpAddr::V6(ip)) => write!(f, "[{ip}]"),
            Node::Unix => f.write_str("_unix"),
        }
    }
}

/// A value as a token where it is one, else in quotes. It holds neither quotes nor backslashes.
pub(super) fn quoted(value: &str) -> String {
    match !value.is_empty() && value.bytes().all(is_token) {
        true => value.to_owned(),
        false => format!("\"{value}\""),
    }
}

/// The elements of a `Forwarded`, oldest first; `None` where any of it is not as the RFC has it.
pub(super) fn elements(text: &str) -> Option<Vec<String>> {
    split(text, b',')?
        .into_iter()
        .map(|element| element_fits(element).then(|| element.to_owned()))
        .collect()
}

/// The addresses of an `X-Forwarded-For`, oldest first; `None` where one is none.
pub(super) fn addresses(text: &str) -> Option<Vec<String>> {
    let address = |hop: &str| {
        let hop = hop.trim_matches([' ', '\t']);
        (hop.parse::<Ipv6Addr>().is_ok() || is_node(hop)).then(|| hop.to_owned())
    };
    text.split(',').map(address).collect()
}

fn element_fits(element: &str) -> bool {
    let Some(pairs) = split(element, b';') else { return false };
    let mut seen: Vec<String> = Vec::new();
    pairs.into_iter().all(|pair| {
        let Some((name, value)) = pair.split_once('=') else { return false };
        let name = name.to_ascii_lowercase();
        let fresh = !name.is_empty() && name.bytes().all(is_token) && !seen.contains(&name);
        let fits = fresh && unquoted(value).is_some_and(|value| value_fits(&name, &value));
        seen.push(name);
        fits
    })
}

fn value_fits(name: &str, value: &str) -> bool {
    match name {
        "for" | "by" => is_node(value),
        "host" => Authority::is_plain(value),
        "proto" => {
            value.starts_with(|c: char| c.is_ascii_alphabetic())
                && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
        }
        _ => true,
    }
}

/// An address, `unknown` or an obfuscated name, at most with a port.
fn is_node(text: &str) -> bool {
    let (name, port) = match text.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((v6, "")) => return v6.parse::<Ipv6Addr>().is_ok(),
            Some((v6, port)) if v6.parse::<Ipv6Addr>().is_ok() => {
                ("unknown", port.strip_prefix(':'))
            }
            _ => return false,
        },
        None => match text.split_once(':') {
            Some((name, port)) => (name, Some(port)),
            None => (text, Some("_")),
        },
    };
    let digits = |port: &str| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    let is_port = |port: &str| digits(port) && port.parse::<u16>().is_ok() || is_obfuscated(port);
    (name == "unknown" || name.parse::<Ipv4Addr>().is_ok() || is_obfuscated(name))
        && port.is_some_and(|port| port == "_" && !text.contains(':') || is_port(port))
}

fn is_obfuscated(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    text.strip_prefix('_').is_some_and(|rest| !rest.is_empty() && rest.bytes().all(plain))
}

/// Splits at `mark` outside of quotes; `None` where a part is empty or a quote stays open.
fn split(text: &str, mark: u8) -> Option<Vec<&str>> {
    let (mut parts, mut start, mut quotes, mut escaped) = (Vec::new(), 0, Quotes::Closed, false);
    for (at, byte) in text.bytes().enumerate() {
        match (quotes, byte) {
            (Quotes::Open, _) if escaped => escaped = false,
            (Quotes::Open, b'\\') => escaped = true,
            (Quotes::Open, b'"') => quotes = Quotes::Closed,
            (Quotes::Closed, b'"') => quotes = Quotes::Open,
            (Quotes::Closed, byte) if byte == mark => {
                parts.push(text.get(start..at)?);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(text.get(start..)?);
    let parts: Vec<&str> = parts.into_iter().map(|part| part.trim_matches([' ', '\t'])).collect();
    (quotes == Quotes::Closed && parts.iter().all(|part| !part.is_empty())).then_some(parts)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Quotes {
    Open,
    Closed,
}

/// The value of a token or of a quoted string.
fn unquoted(value: &str) -> Option<String> {
    let Some(inner) = value.strip_prefix('"') else {
        return (!value.is_empty() && value.bytes().all(is_token)).then(|| value.to_owned());
    };
    let inner = inner.strip_suffix('"')?;
    let (mut plain, mut chars) = (String::new(), inner.chars());
    while let Some(c) = chars.next() {
        match c {
            '"' => return None,
            '\\' => plain.push(chars.next()?),
            c if c == '\t' || (' '..='~').contains(&c) => plain.push(c),
            _ => return None,
        }
    }
    Some(plain)
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_rfc_are_read() {
        for good in [
            "for=\"_gazonk\"",
            "For=\"[2001:db8:cafe::17]:4711\"",
            "for=192.0.2.60;proto=http;by=203.0.113.43",
            "for=192.0.2.43, for=198.51.100.17",
            "for=_hidden, for=_SEVKISEK",
            "for=unknown;secret=\"a\\\"b, c;d\"",
            "for=\"192.0.2.43:47011\",for=\"[2001:db8:cafe::17]\";host=\"a.test:8080\"",
        ] {
            assert!(elements(good).is_some(), "{good}");
        }
        let two = elements("for=a_b;x=\"1, 2\"").or(elements("for=_a;x=\"1, 2\", for=_b"));
        assert_eq!(two, Some(vec!["for=_a;x=\"1, 2\"".into(), "for=_b".into()]));
    }

    #[test]
    fn what_is_not_of_the_rfc_is_dropped_whole() {
        for bad in [
            "",
            ",",
            "for=192.0.2.1,",
            "for=192.0.2.1;",
            "for",
            "for=",
            "for=192.0.2.1;for=192.0.2.2",
            "for=2001:db8::1",
            "for=\"2001:db8::1\"",
            "for=192.0.2.1:80",
            "for=\"192.0.2.1:99999\"",
            "for=\"192.0.2.1:\"",
            "for=evil",
            "for=\"192.0.2.1",
            "for=192.0.2.1\";x",
            "for =192.0.2.1",
            "for=192.0.2.1, for=\"x\\\"",
            "for=_a;host=\"a b\"",
            "for=_a;proto=\"ht tp\"",
        ] {
            assert_eq!(elements(bad), None, "{bad}");
        }
    }

    #[test]
    fn addresses_are_addresses() {
        for good in ["192.0.2.1", "192.0.2.1:80", "::1", "[::1]", "[::1]:80", "unknown", "_x, ::1"]
        {
            assert!(addresses(good).is_some(), "{good}");
        }
        for bad in ["", "192.0.2", "a.test", "192.0.2.1 x", "[::1", "::1,", "[::1]x", "_", "[x]:1"]
        {
            assert_eq!(addresses(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_value_is_quoted_where_it_must_be() {
        assert_eq!(quoted("192.0.2.1"), "192.0.2.1");
        assert_eq!(quoted("[::1]"), "\"[::1]\"");
        assert_eq!(quoted("a.test:80"), "\"a.test:80\"");
    }
}
