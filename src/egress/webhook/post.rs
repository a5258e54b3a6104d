//! One try to tell one letter: a POST over a connection of its own.

use super::signature::signature;
use crate::clock;
use crate::egress::dial::{DialError, Goal, dial};
use crate::egress::exchange::{exchange, request, retry_after};
use crate::egress::post::PostError;
use crate::snapshot::{UpstreamSpec, Webhook, WebhookTransport};
use crate::store::approvals::Letter;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use jiff::Timestamp;
use std::sync::Arc;
use std::time::Duration;

/// What is read of an answer, so that its sender sees it taken. Nobody looks at it.
const ANSWER_BYTES_MAX: usize = 4 << 10;

/// For so long is waited for that.
const ANSWER_PATIENCE: Duration = Duration::from_millis(250);

/// Tells `letter` to `webhook`, where no tool of `tools` may be.
pub(super) async fn post(
    webhook: &Webhook,
    letter: &Letter,
    tools: &[Arc<UpstreamSpec>],
) -> Result<(), PostError> {
    let told = tokio::time::timeout(webhook.timeout, tell(webhook, letter, tools));
    told.await.map_err(|_| PostError::Late)?
}

async fn tell(
    webhook: &Webhook,
    letter: &Letter,
    tools: &[Arc<UpstreamSpec>],
) -> Result<(), PostError> {
    let allow_http = webhook.transport == WebhookTransport::Plain;
    let stream =
        dial(Goal { url: &webhook.url, ca: webhook.ca.as_deref(), allow_http }, tools).await?;
    exchange(stream, signed(webhook, letter, clock::now())?, heard).await
}

/// The request of a letter, as Standard Webhooks wants it.
fn signed(
    webhook: &Webhook,
    letter: &Letter,
    now: Timestamp,
) -> Result<Request<Full<Bytes>>, PostError> {
    let body = Bytes::copy_from_slice(letter.body.as_bytes());
    let mut request = request(Method::POST, &webhook.url, body).ok_or(DialError::Url)?;
    let seconds = now.as_second();
    let signature = signature(&webhook.secret, &letter.event_id, seconds, &letter.body)
        .map_err(|_| PostError::Unfit("its secret cannot sign"))?;
    let value = |text: &str| {
        let unfit = |_| PostError::Unfit("the event has a name that cannot be sent");
        HeaderValue::from_str(text).map_err(unfit)
    };
    let headers = request.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert("webhook-id", value(&letter.event_id)?);
    headers.insert("webhook-timestamp", HeaderValue::from(seconds));
    headers.insert("webhook-signature", value(&signature)?);
    Ok(request)
}

/// Takes a 2xx for a yes.
async fn heard(answer: Response<Incoming>) -> Result<(), PostError> {
    let status = answer.status();
    let retry_after = match status {
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
            retry_after(answer.headers(), clock::now())
        }
        _ => None,
    };
    // The status has said it all: whatever comes of the rest changes nothing.
    let rest = Limited::new(answer.into_body(), ANSWER_BYTES_MAX).collect();
    drop(tokio::time::timeout(ANSWER_PATIENCE, rest).await);
    if status.is_success() { Ok(()) } else { Err(PostError::Status { status, retry_after }) }
}
