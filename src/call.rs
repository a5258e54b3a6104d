//! One HTTP request, read so that it cannot be ambiguous.
//!
//! A [`Call`] is what is judged and what is forwarded: the same bytes, rebuilt from parsed parts,
//! with one framing. It is immutable once read. [`Head::read`] is strictness: it runs before
//! routing, on every request, and refuses what two servers could read differently.
//! [`Head::as_came`] is the one exception, for upstreams whose every route still observes: the
//! request goes on in the spelling it came in, and is counted.
//!
//! Rejected: forwarding hyper's own request after judging a parsed copy of it. That is how a
//! proxy comes to execute something other than what it judged.

pub mod path;
pub mod query;
pub mod headers;
pub mod credential;
pub mod host;
pub mod arriving;
pub mod body;
pub mod peer;
pub mod screen;
pub mod trailers;
pub mod forwarding;
pub mod trace_context;
pub mod upgrade;
mod node;
mod malformed;

pub use body::Body;
pub use malformed::Malformed;

use crate::json::Digest;
use headers::CredentialField;
use host::{Authority, HostRule};
use http::{Extensions, HeaderMap, HeaderName, Method, Version, header, request::Parts};
use path::Target;
use trace_context::Spans;
use upgrade::Upgrade;

/// Request line and header fields, read strictly.
#[derive(Clone, Debug)]
pub struct Head {
    method: Method,
    target: Target,
    authority: Authority,
    headers: HeaderMap,
    withheld: HeaderMap,
    facts: HeaderMap,
    spans: Option<Spans>,
    upgrade: Upgrade,
    extensions: Extensions,
}

/// Whether a tool sees the credentials that its callers show to gait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CallerCredential {
    /// They stay here.
    #[default]
    Withheld,
    /// They go on.
    Passed,
}

/// A whole request: what is judged and, if permitted, what is sent.
#[derive(Debug)]
pub struct Call {
    head: Head,
    body: Body,
}

impl Head {
    /// Reads a request head strictly.
    ///
    /// # Errors
    /// The first thing that two servers could read differently, or that no tool needs.
    pub fn read(parts: &Parts, hosts: &HostRule) -> Result<Head, Malformed> {
        method(&parts.method)?;
        scheme(parts)?;
        let authority = Authority::read(parts)?;
        let target = Target::read(parts.uri.path(), parts.uri.query())?;
        query::refuse_override(target.query())?;
        headers::check(&parts.headers)?;
        trailers::announced(&parts.headers)?;
        framing(parts)?;
        if !hosts.serves(&authority) {
            return Err(Malformed::HostUnknown);
        }
        let head = Head::assemble(parts, target, authority);
        Ok(Head { upgrade: Upgrade::read(parts), ..head })
    }

    /// Refuses a body where none belongs, although no field announced it, as in HTTP/2.
    ///
    /// # Errors
    /// [`Malformed::BodyNotAllowed`].
    pub fn takes(&self, body: &impl http_body::Body) -> Result<(), Malformed> {
        match body.is_end_stream() || !is_bodiless(&self.method) {
            true => Ok(()),
            false => Err(Malformed::BodyNotAllowed),
        }
    }

    /// The head as it came, without a reading: nothing but what belongs to this hop is taken off.
    pub fn as_came(parts: &Parts) -> Head {
        let text = parts.uri.path_and_query().map_or("/", |target| target.as_str());
        let authority = Authority::read(parts).unwrap_or_default();
        Head::assemble(parts, Target::as_came(text), authority)
    }

    fn assemble(parts: &Parts, target: Target, authority: Authority) -> Head {
        let mut headers = headers::forwardable(&parts.headers);
        if parts.version == Version::HTTP_2 {
            headers::join_cookies(&mut headers);
        }
        Head {
            method: parts.method.clone(),
            target,
            authority,
            headers,
            withheld: HeaderMap::new(),
            facts: HeaderMap::new(),
            spans: None,
            upgrade: Upgrade::None,
            extensions: parts.extensions.clone(),
        }
    }

    /// Upper-case token.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// Canonical path and query.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// The host that the caller named.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// What the request offers to go over to.
    pub fn upgrade(&self) -> &Upgrade {
        &self.upgrade
    }

    /// Header fields as forwarded: hop-by-hop and gait's own are gone.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// Takes the credentials for gait out of what conditions, intents and tools see.
    pub fn withhold(&mut self, fields: &[CredentialField]) {
        headers::withhold(&mut self.headers, &mut self.withheld, fields);
    }

    /// Takes off what nobody may see: not even a tool that gets the credentials of its callers.
    pub fn discard(&mut self, is_unwanted: impl Fn(&HeaderName) -> bool) {
        headers::discard(&mut self.headers, is_unwanted);
    }

    /// Sets what gait itself says of the way of the call, such as `Forwarded`. It stands for
    /// whatever the caller said of it.
    pub fn state(&mut self, facts: HeaderMap, spans: Option<Spans>) {
        self.facts = facts;
        self.spans = spans;
    }

    /// The spans of the call, where they are stated.
    pub fn spans(&self) -> Option<Spans> {
        self.spans
    }

    /// The fields to forward, and the spelling of their names on the wire.
    pub fn into_fields(self, credential: CallerCredential) -> (HeaderMap, Extensions) {
        let mut fields = self.headers;
        if credential == CallerCredential::Passed {
            fields.extend(self.withheld);
        }
        headers::remove_way(&mut fields);
        fields.extend(self.facts);
        (fields, self.extensions)
    }
}

impl Call {
    /// Joins a head and its body.
    pub fn new(head: Head, body: Body) -> Call {
        Call { head, body }
    }

    /// What was read before the body.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// The body, buffered or streaming.
    pub fn body(&self) -> &Body {
        &self.body
    }

    /// SHA-256 over everything that is forwarded and was judged: method, authority, target,
    /// content type and raw body, each with its length (design section 4, point 10); also what
    /// makes them mean something else, where it is there: a content coding, and another protocol.
    /// `None` while the body streams: then the bytes are not known yet.
    pub fn fingerprint(&self) -> Option<Digest> {
        let content_type = self.head.headers.get(header::CONTENT_TYPE);
        let mut fields = vec![
            self.head.method.as_str().as_bytes(),
            self.head.authority.as_str().as_bytes(),
            self.head.target.as_str().as_bytes(),
            content_type.map_or(b"".as_slice(), |value| value.as_bytes()),
            self.body.whole()?,
        ];
        if let Some(coding) = self.head.headers.get(header::CONTENT_ENCODING) {
            fields.extend([b"content-encoding".as_slice(), coding.as_bytes()]);
        }
        if let Upgrade::To(protocol) = &self.head.upgrade {
            fields.extend([b"upgrade".as_slice(), protocol.as_bytes()]);
        }
        Some(Digest::of_fields(&fields))
    }

    /// Takes the call apart, to be sent.
    pub fn into_parts(self) -> (Head, Body) {
        (self.head, self.body)
    }
}

/// Tokens of upper-case letters; `CONNECT` and `TRACE` are for proxies, not for tools.
fn method(method: &Method) -> Result<(), Malformed> {
    let token = method.as_str();
    if !token.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-') {
        return Err(Malformed::MethodSpelling);
    }
    match token {
        "CONNECT" | "TRACE" | "TRACK" => Err(Malformed::MethodRefused),
        _ => Ok(()),
    }
}

fn is_bodiless(method: &Method) -> bool {
    [Method::GET, Method::HEAD].contains(method)
}

/// An absolute target names http or https: another scheme is another protocol.
fn scheme(parts: &Parts) -> Result<(), Malformed> {
    match parts.uri.scheme_str() {
        None | Some("http" | "https") => Ok(()),
        Some(_) => Err(Malformed::TargetScheme),
    }
}

/// One framing, no body where none belongs, and no expectation but `100-continue`.
fn framing(parts: &Parts) -> Result<(), Malformed> {
    let encodings = parts.headers.get_all(header::TRANSFER_ENCODING);
    let lengths = parts.headers.get_all(header::CONTENT_LENGTH);
    let chunked = encodings.iter().count();
    if encodings.iter().any(|value| !value.as_bytes().eq_ignore_ascii_case(b"chunked"))
        || chunked > 1
        || lengths.iter().count() + chunked > 1
    {
        return Err(Malformed::Framing);
    }
    let declares_body = chunked > 0 || lengths.iter().any(|value| value.as_bytes() != b"0");
    if declares_body && is_bodiless(&parts.method) {
        return Err(Malformed::BodyNotAllowed);
    }
    let expects = parts.headers.get_all(header::EXPECT);
    if expects.iter().any(|value| !value.as_bytes().eq_ignore_ascii_case(b"100-continue")) {
        return Err(Malformed::Expectation);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(method: &str, uri: &str, fields: &[(&str, &str)]) -> Parts {
        let mut request = http::Request::builder().method(method).uri(uri);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    fn read(method: &str, fields: &[(&str, &str)]) -> Result<Head, Malformed> {
        Head::read(&parts(method, "/a", fields), &HostRule::Any)
    }

    #[test]
    fn framing_is_one_or_refused() {
        let host = ("host", "h");
        assert!(read("POST", &[host, ("content-length", "3")]).is_ok());
        assert!(read("POST", &[host, ("transfer-encoding", "Chunked")]).is_ok());
        let refused = [
            vec![host, ("content-length", "3"), ("content-length", "3")],
            vec![host, ("content-length", "3"), ("transfer-encoding", "chunked")],
            vec![host, ("transfer-encoding", "gzip, chunked")],
            vec![host, ("transfer-encoding", "chunked"), ("transfer-encoding", "chunked")],
        ];
        for fields in refused {
            assert_eq!(read("POST", &fields).err(), Some(Malformed::Framing), "{fields:?}");
        }
        let body = read("GET", &[host, ("content-length", "3")]).err();
        assert_eq!(body, Some(Malformed::BodyNotAllowed));
        let expect = read("POST", &[host, ("expect", "x")]).err();
        assert_eq!(expect, Some(Malformed::Expectation));
    }

    #[test]
    fn a_body_that_no_field_announces_is_refused_as_well() {
        let host = ("host", "h");
        let (body, none) =
            (http_body_util::Full::new(&b"x"[..]), http_body_util::Empty::<&[u8]>::new());
        for method in ["GET", "HEAD"] {
            let head = read(method, &[host]).unwrap();
            assert_eq!(head.takes(&body), Err(Malformed::BodyNotAllowed));
            assert_eq!(head.takes(&none), Ok(()));
        }
        assert_eq!(read("DELETE", &[host]).unwrap().takes(&body), Ok(()));
    }

    #[test]
    fn cookies_of_http2_are_one_field() {
        let mut parts = parts("GET", "https://h/a", &[("cookie", "a=1"), ("cookie", "b=2")]);
        parts.version = Version::HTTP_2;
        let head = Head::read(&parts, &HostRule::Any).unwrap();
        assert_eq!(head.headers().get_all("cookie").iter().collect::<Vec<_>>(), ["a=1; b=2"]);
        assert_eq!(head.authority().as_str(), "h");
    }

    #[test]
    fn only_upper_case_methods_that_tools_know() {
        let host = ("host", "h");
        assert_eq!(read("delete", &[host]).err(), Some(Malformed::MethodSpelling));
        assert_eq!(read("TRACE", &[host]).err(), Some(Malformed::MethodRefused));
        assert!(read("PROPFIND", &[host]).is_ok());
    }

    #[test]
    fn another_scheme_is_another_protocol() {
        let read = |uri| Head::read(&parts("GET", uri, &[("host", "h")]), &HostRule::Any);
        assert!(read("http://h/a").is_ok());
        assert_eq!(read("ftp://h/a").err(), Some(Malformed::TargetScheme));
    }

    #[test]
    fn the_fingerprint_binds_every_part() {
        let call = |method: &str, uri: &str, body: &'static str| {
            let parts = parts(method, uri, &[("host", "h")]);
            let head = Head::read(&parts, &HostRule::Any).unwrap();
            Call::new(head, Body::of_bytes(body.as_bytes().into())).fingerprint().unwrap()
        };
        let base = call("POST", "/a", "x");
        assert_ne!(base, call("PUT", "/a", "x"));
        assert_ne!(base, call("POST", "/a?b", "x"));
        assert_ne!(base, call("POST", "/a", "y"));
        assert_eq!(base, call("POST", "/%61", "x"));
    }

    #[test]
    fn the_fingerprint_binds_what_makes_the_same_bytes_mean_something_else() {
        let call = |fields: &[(&'static str, &'static str)]| {
            let fields: Vec<_> = [("host", "h")].iter().chain(fields).copied().collect();
            let head = Head::read(&parts("GET", "/a", &fields), &HostRule::Any).unwrap();
            Call::new(head, Body::Empty).fingerprint().unwrap()
        };
        let base = call(&[]);
        assert_eq!(base, call(&[("accept", "*/*")]));
        assert_ne!(base, call(&[("content-encoding", "gzip")]));
        assert_ne!(call(&[("content-encoding", "br")]), call(&[("content-encoding", "gzip")]));
        assert_ne!(base, call(&[("connection", "upgrade"), ("upgrade", "websocket")]));
    }
}
