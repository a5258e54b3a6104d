//! One line of an access log, as far as a comparison needs it.

use super::span::Span;

/// What a line says.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Reading {
    /// A request arrived.
    Request(Box<Request>),
    /// Somebody connected and asked nothing that the server could read as a request.
    NoRequest,
    /// A line about something else, such as another logger of the same server.
    Other,
}

/// A request that arrived.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Request {
    /// Microseconds since 1970.
    pub(super) time: i64,
    /// The method, as it came.
    pub(super) method: String,
    /// Path and query, as they came.
    pub(super) target: String,
    /// The tool's status.
    pub(super) status: Option<u16>,
    /// Who connected, where the line says it.
    pub(super) client: Option<String>,
    /// What the `traceparent` names, where the line has one.
    pub(super) span: Option<Span>,
}

/// Why a line cannot be read. Each may be a call that nobody permitted, so none is passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unread {
    /// Longer than any line of an access log should be.
    #[error("it is too long")]
    TooLong,
    /// Not JSON, not an object, or with a member twice.
    #[error("it is no JSON object")]
    Json,
    /// The line has another shape.
    #[error("it does not have the form of this format")]
    Shape,
    /// The moment is missing or unknown.
    #[error("it has no time that can be read")]
    Time,
    /// Method or path are missing.
    #[error("it has no method and path that can be read")]
    Request,
}

/// Splits `METHOD TARGET HTTP/1.1`, where a target may hold spaces; the version is left out by
/// HTTP/0.9. Of a target in absolute form the path is taken.
pub(super) fn split(line: &str) -> Option<(&str, &str)> {
    let (method, rest) = line.split_once(' ')?;
    let target = match rest.rsplit_once(' ') {
        Some((target, version)) if version.starts_with("HTTP/") => target,
        _ => rest,
    };
    let is_method = !method.is_empty() && method.bytes().all(|byte| byte.is_ascii_graphic());
    (is_method && !target.is_empty()).then(|| (method, origin_form(target)))
}

/// The path of `http://host/path`; any other target stays.
pub(super) fn origin_form(target: &str) -> &str {
    let rest = target.strip_prefix("http://").or_else(|| target.strip_prefix("https://"));
    match rest.map(|rest| rest.find(['/', '?']).and_then(|at| rest.get(at..))) {
        Some(Some(path)) if path.starts_with('/') => path,
        Some(_) => "/",
        None => target,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_line_has_a_method_and_a_target() {
        for (line, want) in [
            ("GET /a?b HTTP/1.1", Some(("GET", "/a?b"))),
            ("GET /a b HTTP/2.0", Some(("GET", "/a b"))),
            ("GET /a", Some(("GET", "/a"))),
            ("PUT http://tool:1/a HTTP/1.1", Some(("PUT", "/a"))),
            ("PUT http://tool:1 HTTP/1.1", Some(("PUT", "/"))),
            ("OPTIONS * HTTP/1.1", Some(("OPTIONS", "*"))),
            ("\u{16}\u{3}\u{1} x", None),
            ("GET", None),
            ("GET  HTTP/1.1", None),
        ] {
            assert_eq!(split(line), want, "{line}");
        }
    }
}
