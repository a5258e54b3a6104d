//! The domain of a target, read from its value (spec C4.3).
//!
//! Written by hand, not with a URL library: the digest holds the answer, so what counts is the
//! format's own grammar, and a library that repairs or rejects a little differently would give
//! another digest. A value that does not fit gives the empty domain.

use super::text::lower;

/// Of a `host` target: without scheme, path and port.
pub(super) fn of_host(value: &str) -> String {
    let value = value.strip_prefix("http://").unwrap_or(value);
    let value = value.strip_prefix("https://").unwrap_or(value);
    let value = until(value, '/');
    lower(until(value, ':').trim())
}

/// Of a `url` target; empty where it is not `[scheme:]//[userinfo@]host[:port][/path][?query]`.
pub(super) fn of_url(value: &str) -> String {
    parse_url(until(value, '#')).map(|domain| lower(&domain)).unwrap_or_default()
}

fn parse_url(url: &str) -> Option<String> {
    if url.bytes().any(|byte| byte.is_ascii_control()) {
        return None;
    }
    let before_query = until(after_scheme(url)?, '?');
    if !escapes_are_whole(before_query) {
        return None;
    }
    let authority = until(before_query, '/');
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    decode(without_port(host)?)
}

/// What follows `scheme://`, or a bare `//`, which the public tool takes for an authority too.
fn after_scheme(url: &str) -> Option<&str> {
    if let Some(rest) = url.strip_prefix("//") {
        return Some(rest);
    }
    let (scheme, rest) = url.split_once("://")?;
    is_scheme(scheme).then_some(rest)
}

fn is_scheme(scheme: &str) -> bool {
    scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

/// Whether two hex digits follow every `%`.
fn escapes_are_whole(text: &str) -> bool {
    text.split('%').skip(1).all(|after| after.get(..2).is_some_and(is_hex))
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The host, without brackets; `None` where what follows it is not a port.
fn without_port(host: &str) -> Option<&str> {
    let (host, port) = match host.strip_prefix('[') {
        Some(rest) => {
            let (inner, after) = rest.rsplit_once(']')?;
            if after.is_empty() { (inner, "") } else { (inner, after.strip_prefix(':')?) }
        }
        None => host.rsplit_once(':').unwrap_or((host, "")),
    };
    port.bytes().all(|byte| byte.is_ascii_digit()).then_some(host)
}

/// Decodes escapes of non-ASCII bytes; `None` for others and for characters no host may have.
fn decode(host: &str) -> Option<String> {
    if host.contains([' ', '"', '<', '>', '\\', '^', '`', '{', '|', '}']) {
        return None;
    }
    let mut parts = host.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        let byte = u8::from_str_radix(digits, 16).ok().filter(|byte| !byte.is_ascii())?;
        bytes.push(byte);
        bytes.extend_from_slice(rest.as_bytes());
    }
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// `text` up to the first `mark`.
fn until(text: &str, mark: char) -> &str {
    text.split_once(mark).map_or(text, |(before, _)| before)
}

#[cfg(test)]
mod tests {
    use super::{of_host, of_url};

    #[test]
    fn domains_of_hosts() {
        for (value, domain) in [
            ("API.Example.com", "api.example.com"),
            ("http://https://h.test:80/x", "h.test"),
            ("HTTP://h.test", "http"),
            ("h.test:443", "h.test"),
            ("h.test/x:1", "h.test"),
            ("h.test ", "h.test"),
        ] {
            assert_eq!(of_host(value), domain, "{value}");
        }
    }

    #[test]
    fn domains_of_urls() {
        for (value, domain) in [
            ("https://u:p@Host.Test:99/x", "host.test"),
            ("https://bücher.TEST/", "bücher.test"),
            ("https://b%C3%BCcher.test/", "bücher.test"),
            ("a+b-c.1://h", "h"),
            ("https://h?x=%zz", "h"),
            ("https://h:/", "h"),
            ("https://[::1]:8/x", "::1"),
            ("https://a@b@c/", "c"),
            ("https://h#%", "h"),
            ("//Host.test/x", "host.test"),
            ("file:///etc/passwd", ""),
            ("host.test/x", ""),
            ("1a://h", ""),
            ("https://h:x/", ""),
            ("https://[::1/", ""),
            ("https://[::1]x/", ""),
            ("https://a%20b.test/", ""),
            ("https://a b.test/", ""),
            ("https://h/%zz", ""),
            ("https://h/%4", ""),
            ("https://h/\t", ""),
        ] {
            assert_eq!(of_url(value), domain, "{value}");
        }
    }
}
