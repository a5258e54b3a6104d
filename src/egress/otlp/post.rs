//! One try to tell a collector: a POST over a connection of its own.

use super::Batch;
use crate::clock;
use crate::egress::dial::{DialError, Goal, dial};
use crate::egress::exchange::{exchange, request, retry_after};
use crate::egress::post::PostError;
use crate::snapshot::{Otlp, Signal, UpstreamSpec};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Response, Uri};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceResponse;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message as _;
use std::sync::Arc;
use std::time::Duration;

/// What is read of an answer.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// For so long is waited for what comes behind a 2xx.
const ANSWER_PATIENCE: Duration = Duration::from_secs(1);

/// What a collector said of a batch that it took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Taken {
    /// Spans or records that it did not want.
    pub(super) rejected: u64,
    /// Whether it said anything that the protocol knows.
    pub(super) understood: bool,
}

/// Tells `batch` to the collector, where no tool of `tools` may be.
pub(super) async fn post(
    otlp: &Otlp,
    url: &Uri,
    signal: Signal,
    batch: &Batch,
    tools: &[Arc<UpstreamSpec>],
) -> Result<Taken, PostError> {
    let told = async {
        // The config has seen to it that only a collector that may be is told in the clear.
        let allow_http = url.scheme_str() == Some("http");
        let stream = dial(Goal { url, ca: otlp.ca.as_deref(), allow_http }, tools).await?;
        let mut request = request(Method::POST, url, batch.body.clone()).ok_or(DialError::Url)?;
        let headers = request.headers_mut();
        otlp.headers.iter().for_each(|header| header.put_into(headers));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
        exchange(stream, request, |answer| heard(answer, signal)).await
    };
    tokio::time::timeout(otlp.timeout, told).await.map_err(|_| PostError::Late)?
}

async fn heard(answer: Response<Incoming>, signal: Signal) -> Result<Taken, PostError> {
    let status = answer.status();
    if !status.is_success() {
        let retry_after = retry_after(answer.headers(), clock::now());
        return Err(PostError::Status { status, retry_after });
    }
    // The status has said it all: what comes after is for the counters.
    let body = Limited::new(answer.into_body(), ANSWER_BYTES_MAX).collect();
    let body = tokio::time::timeout(ANSWER_PATIENCE, body).await.ok().and_then(Result::ok);
    let rejected = body.and_then(|body| rejected(&body.to_bytes(), signal));
    Ok(Taken { rejected: rejected.unwrap_or_default(), understood: rejected.is_some() })
}

/// How many it did not want; `None` where the answer is none of the protocol, also of its JSON form.
fn rejected(body: &Bytes, signal: Signal) -> Option<u64> {
    let binary = || match signal {
        Signal::Traces => ExportTraceServiceResponse::decode(body.as_ref())
            .map(|said| said.partial_success.map(|part| part.rejected_spans)),
        Signal::Logs => ExportLogsServiceResponse::decode(body.as_ref())
            .map(|said| said.partial_success.map(|part| part.rejected_log_records)),
    };
    let text = || serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(body).ok();
    match binary() {
        Ok(count) => u64::try_from(count.unwrap_or_default()).ok(),
        Err(_) => text().map(|_| 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_that_is_refused_is_counted() {
        // Field 1 of the answer, and in it field 1: seven.
        let body = Bytes::from_static(&[0x0a, 0x02, 0x08, 0x07]);
        assert_eq!(Signal::ALL.map(|signal| rejected(&body, signal)), [Some(7); 2]);
        let read = |body: &'static [u8]| rejected(&Bytes::from_static(body), Signal::Logs);
        assert_eq!([read(b""), read(b"{}"), read(b"{\"partialSuccess\":{}}")], [Some(0); 3]);
        assert_eq!([read(b"<html>"), read(b"ok"), read(&[0xff; 9])], [None; 3]);
    }
}
