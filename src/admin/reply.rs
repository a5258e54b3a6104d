//! How answers are made, and what every one of them tells a browser.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use serde::Serialize;

/// Nothing runs or is loaded but what gait serves itself, nobody frames it, and no form leaves it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      img-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

const EVERYWHERE: [(HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

/// A JSON answer.
pub(super) fn json(status: StatusCode, value: &impl Serialize) -> Response<Bytes> {
    match serde_json::to_vec(value) {
        Ok(body) => typed(status, "application/json", body.into()),
        Err(error) => {
            tracing::error!(%error, "an answer of the admin listener has no JSON form");
            typed(StatusCode::INTERNAL_SERVER_ERROR, "application/json", Bytes::new())
        }
    }
}

/// An answer of this media type.
pub(super) fn typed(status: StatusCode, media: &'static str, body: Bytes) -> Response<Bytes> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
    response
}

/// The same with the version of what it shows (RFC 9110, 8.8.3).
pub(super) fn tagged(mut response: Response<Bytes>, version: u64) -> Response<Bytes> {
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{version}\"")) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

/// The same with what every answer says.
pub(super) fn secured(mut response: Response<Bytes>) -> Response<Bytes> {
    let fields = EVERYWHERE.map(|(name, value)| (name, HeaderValue::from_static(value)));
    response.headers_mut().extend(fields);
    response
}
