//! An answer that is not the tool's: problem details (RFC 9457), and the same members for a dry
//! run. Pure text: what the members are worth is known above.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use serde::{Serialize, Serializer};

/// A kind of problem; its URI is part of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The request could be read in more than one way, or not at all.
    MalformedRequest,
    /// It has no valid intent.
    InvalidIntent,
    /// It named a host that is not served here.
    UnknownHost,
    /// Nobody knows who calls.
    Unauthenticated,
    /// No route takes it.
    Unmapped,
    /// The policy blocks it.
    Blocked,
    /// An order to stop is in force, or a freeze window is open.
    Locked,
    /// A rate limit or a budget is used up.
    LimitReached,
    /// The policy wants an approval.
    ApprovalRequired,
    /// The approval that it was shown with, or asked for, does not let it run.
    ApprovalRefused,
    /// It was judged and not executed.
    DryRun,
    /// gait could not do its part, and fails closed.
    FailClosed,
    /// The tool could not be reached, or broke off.
    UpstreamFailed,
    /// The tool was too late.
    UpstreamLate,
}

/// Whether the tool executed the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Executed {
    /// Certainly not.
    No,
    /// Bytes had left; nobody can say.
    Unknown,
}

/// The members of the answer. Absent ones are left out; lists are always there.
#[derive(Clone, Debug, Serialize)]
pub struct Problem {
    /// URI of the kind.
    #[serde(rename = "type", serialize_with = "uri")]
    pub kind: Kind,
    /// Short, the same for every problem of the kind.
    pub title: &'static str,
    /// The HTTP status.
    #[serde(serialize_with = "status")]
    pub status: StatusCode,
    /// What happened and what to do, for this call.
    pub detail: String,
    /// `urn:uuid:` and the call id.
    pub instance: String,
    /// Whether the tool executed the call.
    pub executed: Executed,
    /// The verdict, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<&'static str>,
    /// What gait did with the call.
    pub disposition: &'static str,
    /// Sorted reason codes.
    pub reason_codes: Vec<String>,
    /// Sorted violations.
    pub violations: Vec<String>,
    /// Names of the rules that matched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub matched_rule: Option<String>,
    /// The stage in force.
    pub stage: &'static str,
    /// The intent's tool.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_name: Option<String>,
    /// Digest of the intent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub intent_digest: Option<String>,
    /// Digest of the policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy_digest: Option<String>,
    /// Names the decision.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
    /// Names the call.
    pub call_id: String,
    /// How many approvals are needed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub required_approvals: Option<u64>,
    /// How many were given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub valid_approvals: Option<u64>,
    /// Names the request that waits for approval.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approval_id: Option<String>,
    /// Where people find it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approval_url: Option<String>,
    /// In a dry run: the status that the call would have got.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub would_status: Option<u16>,
    /// When the call may go again, as far as what stops it is known; RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// For `Retry-After`, in seconds.
    #[serde(skip)]
    pub retry_after: Option<u64>,
}

impl Kind {
    /// The stable URI.
    pub fn uri(self) -> &'static str {
        match self {
            Kind::MalformedRequest => "urn:gait:problem:malformed-request",
            Kind::InvalidIntent => "urn:gait:problem:invalid-intent",
            Kind::UnknownHost => "urn:gait:problem:unknown-host",
            Kind::Unauthenticated => "urn:gait:problem:unauthenticated",
            Kind::Unmapped => "urn:gait:problem:unmapped",
            Kind::Blocked => "urn:gait:problem:blocked",
            Kind::Locked => "urn:gait:problem:locked",
            Kind::LimitReached => "urn:gait:problem:limit-reached",
            Kind::ApprovalRequired => "urn:gait:problem:approval-required",
            Kind::ApprovalRefused => "urn:gait:problem:approval-refused",
            Kind::DryRun => "urn:gait:decision:dry-run",
            Kind::FailClosed => "urn:gait:problem:fail-closed",
            Kind::UpstreamFailed => "urn:gait:problem:upstream-failed",
            Kind::UpstreamLate => "urn:gait:problem:upstream-late",
        }
    }

    /// The title of every problem of this kind.
    pub fn title(self) -> &'static str {
        match self {
            Kind::MalformedRequest => "the request is ambiguous or malformed",
            Kind::InvalidIntent => "the request does not fit its route",
            Kind::UnknownHost => "this host is not served here",
            Kind::Unauthenticated => "the caller is not known",
            Kind::Unmapped => "no route takes this request",
            Kind::Blocked => "the policy blocks this call",
            Kind::Locked => "this call is stopped for now",
            Kind::LimitReached => "a limit of the policy is used up",
            Kind::ApprovalRequired => "this call needs an approval",
            Kind::ApprovalRefused => "no approval lets this call run",
            Kind::DryRun => "this call was judged and not executed",
            Kind::FailClosed => "the gateway could not do its part and fails closed",
            Kind::UpstreamFailed => "the tool could not be reached",
            Kind::UpstreamLate => "the tool did not answer in time",
        }
    }

    /// The error type of `Proxy-Status` (RFC 9209, 2.3); a dry run is none.
    fn proxy_error(self) -> Option<&'static str> {
        Some(match self {
            Kind::DryRun => return None,
            Kind::MalformedRequest | Kind::InvalidIntent | Kind::UnknownHost => {
                "http_request_error"
            }
            Kind::Unauthenticated
            | Kind::Unmapped
            | Kind::Blocked
            | Kind::Locked
            | Kind::LimitReached
            | Kind::ApprovalRequired
            | Kind::ApprovalRefused => "http_request_denied",
            Kind::FailClosed => "proxy_internal_error",
            Kind::UpstreamFailed => "destination_unavailable",
            Kind::UpstreamLate => "http_response_timeout",
        })
    }
}

impl Problem {
    /// The whole answer. A dry run is plain JSON: nothing went wrong.
    pub fn response(&self) -> Response<Bytes> {
        let body = serde_json::to_vec(self).unwrap_or_default();
        let mut response = Response::new(Bytes::from(body));
        *response.status_mut() = self.status;
        let media = match self.kind {
            Kind::DryRun => "application/json",
            _ => "application/problem+json",
        };
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        self.proxy_status(headers);
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.kind == Kind::Unauthenticated {
            let error = self.reason_codes.first().map_or("", String::as_str);
            put(headers, header::WWW_AUTHENTICATE, &challenge(error));
        }
        self.approval(headers);
        response
    }

    /// Where the approval is to be had: a place for people, or at least its name.
    fn approval(&self, headers: &mut HeaderMap) {
        let Some(id) = &self.approval_id else { return };
        let place = self.approval_url.clone().unwrap_or_else(|| format!("urn:gait:approval:{id}"));
        put(headers, header::LINK, &format!("<{place}>; rel=\"approval\""));
        if self.approval_url.is_some() {
            put(headers, header::LOCATION, &place);
        }
    }

    fn proxy_status(&self, headers: &mut HeaderMap) {
        let detail = self.reason_codes.first().map_or(self.disposition, String::as_str);
        let detail: String = detail.chars().filter(|c| is_token(*c)).collect();
        let value = match self.kind.proxy_error() {
            Some(error) => format!("gait; error={error}; details=\"{detail}\""),
            None => format!("gait; details=\"{detail}\""),
        };
        put(headers, header::HeaderName::from_static("proxy-status"), &value);
    }
}

/// What a caller may show, and what was wrong with what it showed (RFC 6750, section 3).
fn challenge(error: &str) -> String {
    match error {
        "" | "credentials_missing" => "Bearer realm=\"gait\"".to_owned(),
        code => {
            format!("Bearer realm=\"gait\", error=\"invalid_token\", error_description=\"{code}\"")
        }
    }
}

/// Characters that stand in a structured string without escapes.
fn is_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_-.:".contains(c)
}

fn put(headers: &mut HeaderMap, name: header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

fn uri<S: Serializer>(kind: &Kind, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(kind.uri())
}

fn status<S: Serializer>(status: &StatusCode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u16(status.as_u16())
}

impl Serialize for Executed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Executed::No => serializer.serialize_bool(false),
            Executed::Unknown => serializer.serialize_str("unknown"),
        }
    }
}
