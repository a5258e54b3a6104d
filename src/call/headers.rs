//! Header fields: what is refused, what belongs to this hop, what goes on.
//!
//! gait's own fields, identity fields and forwarding facts are never believed from a caller and
//! never passed on, in any spelling that some server would fold into them (`Gait_Approval`).
//! Fields are compared after folding what is neither letter nor digit to `-`, as CGI-style servers
//! do: most fold `_`, lighttpd folds the rest as well.

use super::Malformed;
use super::credential::{folds_to, scheme};
use http::header::{self, HeaderMap, HeaderName};

/// Hop-by-hop fields (RFC 9110, 7.6.1), removed both ways.
const HOP_BY_HOP: [HeaderName; 8] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::PROXY_AUTHENTICATE,
    header::TE,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("http2-settings"),
];

/// Fields that say who calls, through whom, or for what target; nobody may set them by hand.
const OWNED: [&str; 28] = [
    "forwarded",
    "x-real-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "true-client-ip",
    "cf-connecting-ip",
    "fastly-client-ip",
    "x-original-url",
    "x-original-uri",
    "x-original-host",
    "x-original-method",
    "x-rewrite-url",
    "x-override-url",
    "x-envoy-original-path",
    "x-forwarded",
    "x-host",
    "x-http-host-override",
    "x-remote-user",
    "remote-user",
    "x-authenticated-user",
    "x-authenticated-userid",
    "x-webauth-user",
    "x-user",
    "x-user-id",
    "x-identity",
    "x-client-cert",
    "x-ssl-client-cert",
    "proxy",
];

/// The same, by prefix.
const OWNED_PREFIXES: [&str; 4] = ["gait-", "x-gait-", "x-forwarded-", "x-auth-request-"];

/// Fields that ask a framework to take another method.
const OVERRIDES: [&str; 6] = [
    "x-http-method-override",
    "x-http-method",
    "x-method-override",
    "http-method-override",
    "x-http-verb",
    "-method",
];

/// Fields that stand once: of two, one server takes the first and another the last.
const SINGLE: [HeaderName; 5] = [
    header::AUTHORIZATION,
    header::PROXY_AUTHORIZATION,
    header::CONTENT_TYPE,
    header::CONTENT_ENCODING,
    header::CONTENT_RANGE,
];

/// Fields whose meaning must not hang on how a server folds their name.
const GUARDED: [&str; 14] = [
    "host",
    "content-length",
    "content-type",
    "content-encoding",
    "content-range",
    "transfer-encoding",
    "authorization",
    "proxy-authorization",
    "cookie",
    "connection",
    "expect",
    "upgrade",
    "te",
    "trailer",
];

/// What `Connection` may name without another word.
const CONNECTION_OPTIONS: [&str; 7] =
    ["close", "keep-alive", "te", "upgrade", "http2-settings", "proxy-connection", "trailer"];

/// Refuses fields that two servers could read differently.
///
/// # Errors
/// A method override, a guarded name in another spelling, a single field twice, or a `Connection`
/// that names a field which is not the sender's to remove.
pub fn check(headers: &HeaderMap) -> Result<(), Malformed> {
    for name in headers.keys() {
        let folded = fold(name.as_str());
        if OVERRIDES.contains(&folded.as_str()) {
            return Err(Malformed::MethodOverride);
        }
        if folded != name.as_str() && GUARDED.contains(&folded.as_str()) {
            return Err(Malformed::HeaderSpelling);
        }
    }
    if SINGLE.iter().any(|name| headers.get_all(name).iter().nth(1).is_some()) {
        return Err(Malformed::HeaderRepeated);
    }
    for option in connection_options(headers) {
        let option = fold(&option?);
        if is_owned(&option) || GUARDED.contains(&option.as_str()) && !is_option(&option) {
            return Err(Malformed::ConnectionNomination);
        }
    }
    Ok(())
}

/// The fields that go on to the tool: without this hop's, without gait's, without those that
/// `Connection` names.
pub fn forwardable(headers: &HeaderMap) -> HeaderMap {
    let mut kept = headers.clone();
    strip_hop(&mut kept);
    kept.remove(header::EXPECT);
    kept.remove(header::TRAILER);
    kept.remove(header::PROXY_AUTHORIZATION);
    let owned: Vec<HeaderName> =
        kept.keys().filter(|name| is_owned(&fold(name.as_str()))).cloned().collect();
    for name in owned {
        kept.remove(name);
    }
    if trailers_wanted(headers) {
        kept.insert(header::TE, header::HeaderValue::from_static("trailers"));
    }
    kept
}

/// A field that carries a credential for gait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialField {
    /// Its name, folded.
    pub name: String,
    /// The scheme that is gait's, lower case; of any other scheme it is the tool's. `None` where
    /// the whole field is gait's.
    pub scheme: Option<String>,
}

impl CredentialField {
    fn is(&self, name: &HeaderName, value: &header::HeaderValue) -> bool {
        let own = |own: &String| scheme(value).eq_ignore_ascii_case(own.as_bytes());
        folds_to(name, &self.name) && self.scheme.as_ref().is_none_or(own)
    }
}

/// Moves every credential for gait, in whatever spelling of its name, from `kept` to `withheld`.
pub(super) fn withhold(kept: &mut HeaderMap, withheld: &mut HeaderMap, fields: &[CredentialField]) {
    let is_ours = |name: &HeaderName, value: &header::HeaderValue| {
        fields.iter().any(|field| field.is(name, value))
    };
    let names: Vec<HeaderName> = kept
        .iter()
        .filter(|(name, value)| is_ours(name, value))
        .map(|(name, _)| name.clone())
        .collect();
    for name in names {
        if let header::Entry::Occupied(entry) = kept.entry(name) {
            let (name, values) = entry.remove_entry_mult();
            for value in values {
                withheld.append(name.clone(), value);
            }
        }
    }
}

/// The fields of an answer that go back to the caller.
pub fn returnable(mut headers: HeaderMap) -> HeaderMap {
    strip_hop(&mut headers);
    let ours: Vec<HeaderName> =
        headers.keys().filter(|name| fold(name.as_str()).starts_with("gait-")).cloned().collect();
    for name in ours {
        headers.remove(name);
    }
    headers
}

/// Whether an answer says its length in two ways, or in a coding that is not undone here: the
/// caller would get the coded bytes without the field that says so.
pub fn is_ambiguous(headers: &HeaderMap) -> bool {
    let lengths = headers.get_all(header::CONTENT_LENGTH).iter().count();
    let encodings = headers.get_all(header::TRANSFER_ENCODING);
    let chunked = |value: &http::HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"chunked");
    lengths + encodings.iter().count() > 1 || !encodings.iter().all(chunked)
}

/// Removes the fixed hop-by-hop fields and those that `Connection` names.
fn strip_hop(headers: &mut HeaderMap) {
    if headers.contains_key(header::CONNECTION) {
        let named: Vec<String> =
            connection_options(headers).filter_map(Result::ok).filter(|o| !is_guarded(o)).collect();
        for name in named {
            headers.remove(name.as_str());
        }
    }
    for name in &HOP_BY_HOP {
        headers.remove(name);
    }
}

/// The lower-cased options of every `Connection` field.
fn connection_options(
    headers: &HeaderMap,
) -> impl Iterator<Item = Result<String, Malformed>> + use<'_> {
    let options = |value: &http::HeaderValue| {
        let text = value.to_str().map(str::to_ascii_lowercase);
        let text = text.map_err(|_| Malformed::ConnectionNomination);
        let split = |text: String| {
            text.split(',').map(|option| Ok(option.trim().to_owned())).collect::<Vec<_>>()
        };
        text.map_or_else(|error| vec![Err(error)], split)
    };
    headers.get_all(header::CONNECTION).iter().flat_map(options)
}

fn is_option(option: &str) -> bool {
    CONNECTION_OPTIONS.contains(&option)
}

fn is_guarded(name: &str) -> bool {
    GUARDED.contains(&name)
}

pub(super) fn is_owned(folded: &str) -> bool {
    OWNED.contains(&folded) || OWNED_PREFIXES.iter().any(|prefix| folded.starts_with(prefix))
}

/// How a CGI-style server would spell the name, in lower case.
pub fn fold(name: &str) -> String {
    let folded = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    name.chars().map(folded).collect()
}

fn trailers_wanted(headers: &HeaderMap) -> bool {
    let wants = |value: &http::HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"trailers");
    headers.get_all(header::TE).iter().any(wants)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), header::HeaderValue::from_static(value))
        };
        fields.iter().map(pair).fold(HeaderMap::new(), |mut map, (name, value)| {
            map.append(name, value);
            map
        })
    }

    #[test]
    fn owned_fields_go_in_every_spelling() {
        let kept = forwardable(&map(&[
            ("gait-approval", "t"),
            ("gait_approval", "t"),
            ("x-forwarded-for", "1"),
            ("x_forwarded_for", "1"),
            ("x.forwarded.host", "1"),
            ("gait.verdict", "allow"),
            ("forwarded", "for=1"),
            ("x-real-ip", "1"),
            ("x-custom", "kept"),
            ("x_custom", "kept"),
            ("connection", "keep-alive, x-hop"),
            ("x-hop", "gone"),
            ("te", "trailers"),
            ("upgrade", "h2c"),
        ]));
        let mut names: Vec<_> = kept.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["te", "x-custom", "x_custom"]);
    }

    #[test]
    fn nominations_and_folds_are_refused() {
        let rows = [
            (map(&[("connection", "gait-approval")]), Malformed::ConnectionNomination),
            (map(&[("connection", "close, Authorization")]), Malformed::ConnectionNomination),
            (map(&[("connection", "x-forwarded-for")]), Malformed::ConnectionNomination),
            (map(&[("content_length", "3")]), Malformed::HeaderSpelling),
            (map(&[("authorization", "a"), ("authorization", "b")]), Malformed::HeaderRepeated),
            (map(&[("x-http-method-override", "DELETE")]), Malformed::MethodOverride),
            (map(&[("x_http_method_override", "DELETE")]), Malformed::MethodOverride),
            (map(&[("x.http.method.override", "DELETE")]), Malformed::MethodOverride),
            (map(&[("_method", "DELETE")]), Malformed::MethodOverride),
            (map(&[("content.length", "3")]), Malformed::HeaderSpelling),
            (map(&[("connection", "gait_approval")]), Malformed::ConnectionNomination),
            (map(&[("content-type", "a/b"), ("content-type", "c/d")]), Malformed::HeaderRepeated),
            (map(&[("authorization", "a"), ("authorization", "b")]), Malformed::HeaderRepeated),
        ];
        for (headers, want) in rows {
            assert_eq!(check(&headers), Err(want), "{headers:?}");
        }
        assert_eq!(check(&map(&[("connection", "Upgrade, TE, keep-alive")])), Ok(()));
    }

    #[test]
    fn an_answer_has_one_length() {
        let (length, coding) = ("content-length", "transfer-encoding");
        assert!(!is_ambiguous(&map(&[])) && !is_ambiguous(&map(&[(coding, "Chunked")])));
        for fields in [
            vec![(length, "1"), (length, "1")],
            vec![(length, "1"), (coding, "chunked")],
            vec![(coding, "gzip, chunked")],
            vec![(coding, "gzip"), (coding, "chunked")],
            vec![(coding, "gzip")],
        ] {
            assert!(is_ambiguous(&map(&fields)), "{fields:?}");
        }
    }

    #[test]
    fn an_answer_cannot_speak_for_gait() {
        let kept = returnable(map(&[("gait-verdict", "allow"), ("connection", "x"), ("x", "1")]));
        assert!(kept.is_empty());
    }
}
