//! One fetch of a key set: a GET over a connection of its own.
//!
//! It follows no redirect, takes no answer but a 200, sends no credential, and reads no more than
//! a key set may be long.

use super::dial::{DialError, Goal, dial};
use super::exchange::{exchange, request};
use crate::identity::keys::{KeySet, KeySetError, Remote};
use crate::snapshot::UpstreamSpec;
use bytes::Bytes;
use http::{HeaderValue, Method, StatusCode, header};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use std::sync::Arc;

/// The longest key set.
const BODY_BYTES_MAX: usize = 1 << 20;

/// Why there are no new keys. Says nothing of what the server sent but its status.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The server is not reached.
    #[error(transparent)]
    Dial(#[from] DialError),
    /// The exchange broke off.
    #[error("the exchange broke off: {0}")]
    Exchange(#[from] hyper::Error),
    /// The answer was another than 200.
    #[error("answered {0}; 200 is wanted, and redirects are not followed")]
    Status(StatusCode),
    /// The answer was too long.
    #[error("the answer is larger than {BODY_BYTES_MAX} bytes")]
    Length,
    /// The answer was no key set.
    #[error("the answer is no key set: {0}")]
    Keys(#[from] KeySetError),
    /// It took too long.
    #[error("no whole answer in time")]
    Late,
}

/// Fetches the key set of `remote`, which no tool of `upstreams` may serve.
pub(super) async fn fetch(
    remote: &Remote,
    upstreams: &[Arc<UpstreamSpec>],
) -> Result<KeySet, FetchError> {
    let fetched = tokio::time::timeout(remote.timeout, get(remote, upstreams));
    let body = fetched.await.map_err(|_| FetchError::Late)??;
    Ok(KeySet::parse(&body)?)
}

async fn get(remote: &Remote, upstreams: &[Arc<UpstreamSpec>]) -> Result<Bytes, FetchError> {
    let ca = remote.ca.as_ref().map(|pem| pem.as_slice());
    let goal = Goal { url: &remote.url, ca, allow_http: remote.allow_http };
    let mut request = request(Method::GET, &remote.url, Bytes::new()).ok_or(DialError::Url)?;
    let accepted = HeaderValue::from_static("application/jwk-set+json, application/json");
    request.headers_mut().insert(header::ACCEPT, accepted);
    let stream = dial(goal, upstreams).await?;
    exchange(stream, request, async |answer| match answer.status() {
        StatusCode::OK => whole(Limited::new(answer.into_body(), BODY_BYTES_MAX)).await,
        status => Err(FetchError::Status(status)),
    })
    .await
}

async fn whole(body: Limited<hyper::body::Incoming>) -> Result<Bytes, FetchError> {
    match body.collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(FetchError::Length),
        Err(error) => Err(error
            .downcast::<hyper::Error>()
            .map_or(FetchError::Late, |error| FetchError::Exchange(*error))),
    }
}
