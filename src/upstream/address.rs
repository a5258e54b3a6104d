//! For whom a request is, in the form that the version of its connection wants.
//!
//! HTTP/1.1 says it in `Host` beside a target in origin form; HTTP/2 in `:authority`, `:scheme` and
//! `:path`, without `Host` (RFC 9113, 8.3.1). A request that comes back from a connection that
//! died before a byte left may meet another version on the next one, so either form can be put
//! on again.

use super::outgoing::Outgoing;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderValue, Request, Uri, Version, header};

/// For whom a request is.
pub(super) struct Address {
    host: HeaderValue,
    target: PathAndQuery,
    scheme: Scheme,
}

impl Address {
    /// The judged target, at a host. `None` where one of them cannot stand in a request.
    pub(super) fn new(scheme: &str, host: &str, target: &str) -> Option<Address> {
        Some(Address {
            host: HeaderValue::from_str(host).ok()?,
            target: target.parse().ok()?,
            scheme: scheme.parse().ok()?,
        })
    }

    /// Addresses a request. `None` where HTTP/2 has no form for the host.
    pub(super) fn put_on(&self, request: &mut Request<Outgoing>, version: Version) -> Option<()> {
        if version == Version::HTTP_2 {
            *request.uri_mut() = self.absolute()?;
            request.headers_mut().remove(header::HOST);
        } else {
            *request.uri_mut() = Uri::from(self.target.clone());
            request.headers_mut().insert(header::HOST, self.host.clone());
        }
        Some(())
    }

    fn absolute(&self) -> Option<Uri> {
        let authority = Authority::try_from(self.host.as_bytes()).ok()?;
        let builder = Uri::builder().scheme(self.scheme.clone()).authority(authority);
        builder.path_and_query(self.target.clone()).build().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::Body;
    use std::time::Duration;

    #[tokio::test]
    async fn either_form_takes_the_place_of_the_other() {
        let address = Address::new("https", "bank:8443", "/a?b=%41").unwrap();
        let mut request = Request::new(Outgoing::new(Body::Empty, Duration::ZERO));
        for _ in 0..2 {
            address.put_on(&mut request, Version::HTTP_2).unwrap();
            assert_eq!(request.uri(), "https://bank:8443/a?b=%41");
            assert!(!request.headers().contains_key(header::HOST));
            address.put_on(&mut request, Version::HTTP_11).unwrap();
            assert_eq!(request.uri(), "/a?b=%41");
            assert_eq!(request.headers()[header::HOST], "bank:8443");
        }
    }

    #[tokio::test]
    async fn a_target_keeps_its_spelling_and_a_host_that_is_none_is_not_invented() {
        for target in ["/", "/a//b/../c", "/%2f%2F", "*", "/a?", "/a?b?c"] {
            let address = Address::new("http", "h", target).unwrap();
            let absolute = address.absolute().unwrap();
            assert_eq!(absolute.path_and_query().unwrap().as_str(), target);
        }
        let nobody = Address::new("http", "", "/").unwrap();
        let mut request = Request::new(Outgoing::new(Body::Empty, Duration::ZERO));
        assert_eq!(nobody.put_on(&mut request, Version::HTTP_2), None);
        assert_eq!(nobody.put_on(&mut request, Version::HTTP_11), Some(()));
    }
}
