//! Refusals, as problem details (RFC 9457).

use super::reply;
use crate::rollout::Check;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use serde::Serialize;

/// What a client may do about a refusal, where that is a header field.
type Field = (HeaderName, HeaderValue);

/// A refusal.
#[derive(Debug)]
pub(super) struct Problem {
    kind: Kind,
    detail: String,
    reason: Option<&'static str>,
    field: Option<Box<Field>>,
    check: Option<Box<Check>>,
}

/// A kind of refusal; its URI is part of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The request cannot be read.
    Malformed,
    /// Nobody knows who asks.
    Unauthorized,
    /// Whoever asks may not.
    Forbidden,
    /// A page of somebody else asks.
    ForeignOrigin,
    /// There is nothing there.
    NotFound,
    /// It is not done by that method.
    MethodNotAllowed,
    /// It is too late, or was said before.
    Conflict,
    /// It does not fit how things stand.
    Unfit,
    /// The evidence does not say that a route may go on.
    GatesNotMet,
    /// A part of it is done, and people must see to the rest.
    Halfway,
    /// It has changed since it was looked at.
    Changed,
    /// The body is too large.
    TooLarge,
    /// The body is not JSON.
    NotJson,
    /// The host is not ours.
    Misdirected,
    /// It is not said what was looked at.
    ConditionRequired,
    /// What would come into force cannot be used.
    ReloadRefused,
    /// Too many wait.
    Busy,
    /// The store or the evidence log cannot do its part.
    Unavailable,
}

#[derive(Serialize)]
struct Shown<'a> {
    r#type: String,
    title: &'static str,
    status: u16,
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    /// What was looked at.
    #[serde(flatten)]
    check: Option<&'a Check>,
}

// === impl Kind ===

impl Kind {
    /// Last part of the URI, title and status.
    fn face(self) -> (&'static str, &'static str, StatusCode) {
        match self {
            Kind::Malformed => ("malformed", "the request cannot be read", StatusCode::BAD_REQUEST),
            Kind::Unauthorized => {
                ("unauthorized", "a bearer token is needed", StatusCode::UNAUTHORIZED)
            }
            Kind::Forbidden => ("forbidden", "this login may not do that", StatusCode::FORBIDDEN),
            Kind::ForeignOrigin => ("foreign-origin", "another site asks", StatusCode::FORBIDDEN),
            Kind::NotFound => ("not-found", "there is no such thing", StatusCode::NOT_FOUND),
            Kind::MethodNotAllowed => {
                ("method-not-allowed", "not by this method", StatusCode::METHOD_NOT_ALLOWED)
            }
            Kind::GatesNotMet => ("gates-not-met", "a gate is not met", StatusCode::CONFLICT),
            Kind::Halfway => {
                ("halfway", "it is written, and not in force", StatusCode::INTERNAL_SERVER_ERROR)
            }
            Kind::Unfit => ("unfit", "it does not fit how things stand", StatusCode::CONFLICT),
            Kind::Conflict => ("conflict", "it is decided already", StatusCode::CONFLICT),
            Kind::Changed => {
                ("changed", "it has changed since you looked", StatusCode::PRECONDITION_FAILED)
            }
            Kind::TooLarge => ("too-large", "the body is too large", StatusCode::PAYLOAD_TOO_LARGE),
            Kind::NotJson => {
                ("not-json", "the body must be JSON", StatusCode::UNSUPPORTED_MEDIA_TYPE)
            }
            Kind::Misdirected => {
                ("misdirected", "this host is not served here", StatusCode::MISDIRECTED_REQUEST)
            }
            Kind::ConditionRequired => {
                ("condition-required", "say what you looked at", StatusCode::PRECONDITION_REQUIRED)
            }
            Kind::ReloadRefused => (
                "reload-refused",
                "what the files say cannot be used; the snapshot in force stays",
                StatusCode::UNPROCESSABLE_ENTITY,
            ),
            Kind::Busy => ("busy", "too many wait", StatusCode::SERVICE_UNAVAILABLE),
            Kind::Unavailable => {
                ("unavailable", "gait cannot do its part", StatusCode::SERVICE_UNAVAILABLE)
            }
        }
    }
}

// === impl Problem ===

impl Problem {
    pub(super) fn new(kind: Kind, detail: impl Into<String>) -> Problem {
        Problem { kind, detail: detail.into(), reason: None, field: None, check: None }
    }

    /// What is said of it.
    pub(super) fn detail(&self) -> &str {
        &self.detail
    }

    /// With a code for machines.
    pub(super) fn because(self, reason: &'static str) -> Problem {
        Problem { reason: Some(reason), ..self }
    }

    /// With the gates that were asked.
    pub(super) fn checked(self, check: Check) -> Problem {
        Problem { check: Some(Box::new(check)), ..self }
    }

    pub(super) fn malformed(detail: impl Into<String>) -> Problem {
        Problem::new(Kind::Malformed, detail)
    }

    pub(super) fn not_allowed(allow: &'static str) -> Problem {
        let detail = format!("this path takes {allow}");
        Problem::new(Kind::MethodNotAllowed, detail).with(header::ALLOW, allow)
    }

    /// RFC 6750, section 3.
    pub(super) fn unauthorized(detail: &str, challenge: &'static str) -> Problem {
        Problem::new(Kind::Unauthorized, detail).with(header::WWW_AUTHENTICATE, challenge)
    }

    /// Too many wait; `seconds` for `Retry-After`.
    pub(super) fn busy(detail: &str, seconds: &'static str) -> Problem {
        Problem::new(Kind::Busy, detail).with(header::RETRY_AFTER, seconds)
    }

    fn with(self, name: HeaderName, value: &'static str) -> Problem {
        Problem { field: Some(Box::new((name, HeaderValue::from_static(value)))), ..self }
    }

    pub(super) fn response(self) -> Response<Bytes> {
        let (word, title, status) = self.kind.face();
        let shown = Shown {
            r#type: format!("urn:gait:admin:{word}"),
            title,
            status: status.as_u16(),
            detail: &self.detail,
            reason: self.reason,
            check: self.check.as_deref(),
        };
        let mut response = reply::json(status, &shown);
        let headers = response.headers_mut();
        let media = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, media);
        headers.extend(self.field.map(|field| *field));
        response
    }
}

impl From<crate::store::approvals::Down> for Problem {
    fn from(down: crate::store::approvals::Down) -> Problem {
        let detail = format!("{down}; look at gait's log");
        Problem::new(Kind::Unavailable, detail).because(crate::store::approvals::UNAVAILABLE)
    }
}
