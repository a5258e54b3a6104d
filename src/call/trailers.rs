//! Trailers: what comes behind a body, when everything was already judged.
//!
//! No trailer of a caller is passed on: nobody judged it, and a tool that folds trailers into the
//! header would believe it. One whose name says who calls, through whom, with what credential, or
//! how the message is framed ends the call: it was sent to be believed behind the judge's back.
//! Rejected: passing on what looks harmless. What is harmless is for the tool to say.

use super::Malformed;
use super::headers::{self, fold};
use http::HeaderMap;
use http::header;
use std::sync::Arc;

/// Names that carry credentials by custom, beside those that the head guards.
const CREDENTIALS: [&str; 8] = [
    "api-key",
    "apikey",
    "x-api-key",
    "x-auth-token",
    "x-access-token",
    "set-cookie",
    "www-authenticate",
    "authentication-info",
];

/// The names that a trailer may not have. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Reserved {
    /// What the config calls a credential, folded.
    own: Arc<[String]>,
}

/// What is done with the trailers of a body that streams.
#[derive(Clone, Debug)]
pub enum Trailers {
    /// They are dropped: every route of the tool observes.
    Dropped,
    /// One with a reserved name breaks the body off; the others are dropped.
    Checked(Reserved),
}

impl Reserved {
    /// The fixed names, and these of the config.
    pub fn new<'a>(names: impl Iterator<Item = &'a str>) -> Reserved {
        Reserved { own: names.map(fold).collect() }
    }

    /// Refuses trailers of which one has a reserved name, however it is spelt.
    ///
    /// # Errors
    /// [`Malformed::TrailerNotAllowed`].
    pub fn check(&self, trailers: &HeaderMap) -> Result<(), Malformed> {
        match trailers.keys().any(|name| self.has(&fold(name.as_str()))) {
            true => Err(Malformed::TrailerNotAllowed),
            false => Ok(()),
        }
    }

    fn has(&self, folded: &str) -> bool {
        is_reserved(folded) || self.own.iter().any(|own| own == folded)
    }
}

/// Refuses a head whose `Trailer` announces what no trailer may be called.
///
/// # Errors
/// [`Malformed::TrailerNotAllowed`], also where the field cannot be read.
pub(super) fn announced(head: &HeaderMap) -> Result<(), Malformed> {
    let reserved = |value: &header::HeaderValue| match value.to_str() {
        Ok(text) => text.split(',').any(|name| is_reserved(&fold(name.trim()))),
        Err(_) => true,
    };
    match head.get_all(header::TRAILER).iter().any(reserved) {
        true => Err(Malformed::TrailerNotAllowed),
        false => Ok(()),
    }
}

fn is_reserved(folded: &str) -> bool {
    headers::is_claim(folded) || CREDENTIALS.contains(&folded)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderName;
    use http::header::HeaderValue;

    fn one(name: &str) -> HeaderMap {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        [(name, HeaderValue::from_static("v"))].into_iter().collect()
    }

    #[test]
    fn claims_are_refused_in_every_spelling() {
        let reserved = Reserved::new(["X-Edge-User"].into_iter());
        let refused = [
            "Gait-Approval",
            "gait_verdict",
            "gait.anything",
            "X-Gait-Y",
            "Forwarded",
            "X_Forwarded_For",
            "X-Real-IP",
            "X-Auth-Request-User",
            "X-User",
            "Authorization",
            "Proxy_Authorization",
            "Cookie",
            "X-Api-Key",
            "Host",
            "Content-Length",
            "Transfer_Encoding",
            "Connection",
            "TE",
            "Trailer",
            "Via",
            "traceparent",
            "x_http_method_override",
            "x_edge.user",
        ];
        for name in refused {
            assert_eq!(reserved.check(&one(name)), Err(Malformed::TrailerNotAllowed), "{name}");
        }
        for name in ["Digest", "Server-Timing", "x-amz-checksum-sha256", "grpc-status"] {
            assert_eq!(reserved.check(&one(name)), Ok(()), "{name}");
        }
        assert_eq!(Reserved::default().check(&one("x-edge-user")), Ok(()));
    }

    #[test]
    fn an_announcement_is_refused_like_the_trailer() {
        let head = |text| [(header::TRAILER, HeaderValue::from_bytes(text).unwrap())];
        let announced = |text| announced(&head(text).into_iter().collect());
        assert_eq!(announced(b"Digest, server-timing"), Ok(()));
        for text in [b"Digest, Gait_Approval".as_slice(), b"authorization", b"\xff"] {
            assert_eq!(announced(text), Err(Malformed::TrailerNotAllowed));
        }
    }
}
