//! Header fields: what is refused, what belongs to this hop, what goes on.
//!
//! gait's own fields, identity fields and forwarding facts are never believed from a caller and
//! never passed on, in any spelling that some server would fold into them (`Gait_Approval`).
//! Fields are compared after folding what is neither letter nor digit to `-`, as CGI-style servers
//! do: most fold `_`, lighttpd folds the rest as well.

use super::Malformed;
use super::credential::{folds_to, is_identity, scheme};
use http::header::{self, HeaderMap, HeaderName, HeaderValue};

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

/// Fields that say through whom a call came, or for what target; nobody may set them by hand. Those
/// that say who calls are in [`credential`](super::credential).
const OWNED: [&str; 18] = [
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
    "proxy",
];

/// The same, by prefix.
const OWNED_PREFIXES: [&str; 3] = ["gait-", "x-gait-", "x-forwarded-"];

/// Fields that say what way a call has come, and belong to whoever passes it on.
const TRACED: [&str; 3] = ["via", "traceparent", "tracestate"];

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
    discard(&mut kept, |name| is_owned(&fold(name.as_str())));
    if trailers_wanted(headers) {
        kept.insert(header::TE, HeaderValue::from_static("trailers"));
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
    fn is(&self, name: &HeaderName, value: &HeaderValue) -> bool {
        let own = |own: &String| scheme(value).eq_ignore_ascii_case(own.as_bytes());
        folds_to(name, &self.name) && self.scheme.as_ref().is_none_or(own)
    }
}

/// Moves every credential for gait, in whatever spelling of its name, from `kept` to `withheld`.
pub(super) fn withhold(kept: &mut HeaderMap, withheld: &mut HeaderMap, fields: &[CredentialField]) {
    let is_ours =
        |name: &HeaderName, value: &HeaderValue| fields.iter().any(|field| field.is(name, value));
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

/// Removes every field with such a name.
pub(super) fn discard(kept: &mut HeaderMap, is_unwanted: impl Fn(&HeaderName) -> bool) {
    let names: Vec<HeaderName> = kept.keys().filter(|name| is_unwanted(name)).cloned().collect();
    for name in names {
        kept.remove(name);
    }
}

/// The fields of an answer that go back to the caller.
pub fn returnable(mut headers: HeaderMap) -> HeaderMap {
    strip_hop(&mut headers);
    discard(&mut headers, |name| fold(name.as_str()).starts_with("gait-"));
    headers
}

/// Whether an answer says its length in two ways, or in a coding that is not undone here: the
/// caller would get the coded bytes without the field that says so.
pub fn is_ambiguous(headers: &HeaderMap) -> bool {
    let lengths = headers.get_all(header::CONTENT_LENGTH).iter().count();
    let encodings = headers.get_all(header::TRANSFER_ENCODING);
    let chunked = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"chunked");
    lengths + encodings.iter().count() > 1 || !encodings.iter().all(chunked)
}

/// Joins the `cookie` fields of an HTTP/2 request into one (RFC 9113, 8.2.3): crumbs of one list
/// there, they would be several lists to a reader of HTTP/1.
pub(super) fn join_cookies(headers: &mut HeaderMap) {
    let crumbs: Vec<&[u8]> =
        headers.get_all(header::COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if crumbs.len() > 1
        && let Ok(whole) = HeaderValue::from_bytes(&crumbs.join(b"; ".as_slice()))
    {
        headers.insert(header::COOKIE, whole);
    }
}

/// Takes off what earlier hops said of the way, as far as only gait may pass it on.
pub(super) fn remove_way(fields: &mut HeaderMap) {
    for name in TRACED {
        fields.remove(name);
    }
}

/// Sets a field; a value that no field can have is left out.
pub(super) fn put(fields: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        fields.insert(name, value);
    }
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
    let options = |value: &HeaderValue| {
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

/// Whether a field of this name, folded, says who calls, through whom, for what, or how the
/// message is framed: what only a head may say.
pub(super) fn is_claim(folded: &str) -> bool {
    is_owned(folded)
        || GUARDED.contains(&folded)
        || OVERRIDES.contains(&folded)
        || TRACED.contains(&folded)
        || HOP_BY_HOP.iter().any(|name| name.as_str() == folded)
}

pub(super) fn is_owned(folded: &str) -> bool {
    OWNED.contains(&folded)
        || OWNED_PREFIXES.iter().any(|prefix| folded.starts_with(prefix))
        || is_identity(folded)
}

/// How a CGI-style server would spell the name, in lower case.
pub fn fold(name: &str) -> String {
    let folded = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    name.chars().map(folded).collect()
}

fn trailers_wanted(headers: &HeaderMap) -> bool {
    let wants = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"trailers");
    headers.get_all(header::TE).iter().any(wants)
}

#[cfg(test)]
mod tests;
