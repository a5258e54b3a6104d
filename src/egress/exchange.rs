//! One request and its answer over a connection of its own. No redirect is followed.

use super::dial::Stream;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, Uri, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use std::time::Duration;

/// A request for what stands at `url`, without any credential; `None` where it has no host.
pub(super) fn request(method: Method, url: &Uri, body: Bytes) -> Option<Request<Full<Bytes>>> {
    let target = url.path_and_query().map_or("/", |target| target.as_str());
    let host = url.authority()?.as_str();
    // Whoever wrote a user into the URL did not want it shown; the config refuses it.
    let host = host.rsplit('@').next().unwrap_or(host);
    let mut request = Request::new(Full::new(body));
    *request.method_mut() = method;
    *request.uri_mut() = target.parse().ok()?;
    let headers = request.headers_mut();
    headers.insert(header::HOST, HeaderValue::from_str(host).ok()?);
    let agent = HeaderValue::from_static(concat!("gait/", env!("CARGO_PKG_VERSION")));
    headers.insert(header::USER_AGENT, agent);
    Some(request)
}

/// Sends `request`, and lets `read` make something of the answer. Bounded by the caller.
pub(super) async fn exchange<T, E, F>(
    stream: Box<dyn Stream>,
    request: Request<Full<Bytes>>,
    read: impl FnOnce(Response<Incoming>) -> F,
) -> Result<T, E>
where
    E: From<hyper::Error>,
    F: Future<Output = Result<T, E>>,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let exchange = async {
        let answer = sender.send_request(request).await?;
        read(answer).await
    };
    tokio::pin!(exchange, connection);
    tokio::select! {
        biased;
        read = &mut exchange => read,
        // What had come by then is still to be read.
        _ = &mut connection => exchange.await,
    }
}

/// For how long an answer asks to be left alone: seconds, or a date (RFC 9110, section 10.2.3).
pub(super) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?;
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    at.duration_since(now).try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let read = |text: &str| {
            let value = HeaderValue::from_str(text).unwrap();
            retry_after(&HeaderMap::from_iter([(header::RETRY_AFTER, value)]), now)
        };
        assert_eq!(read("120"), Some(Duration::from_secs(120)));
        let date = read("Thu, 01 Jan 2026 00:10:00 GMT");
        assert_eq!(date, Some(Duration::from_secs(600)));
        for text in ["Wed, 31 Dec 2025 23:00:00 GMT", "-1", "soon", "", "99999999999999999999"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
