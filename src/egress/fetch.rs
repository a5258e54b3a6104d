//! One fetch of a key set: a GET over a connection of its own.
//!
//! It follows no redirect, takes no answer but a 200, sends no credential, and reads no more than
//! a key set may be long. The address is resolved here and then dialled as it is, so that what was
//! checked is what is reached. Rejected: keeping connections, of which one in five minutes is used.

use crate::identity::keys::{KeySet, KeySetError, Remote};
use crate::snapshot::UpstreamSpec;
use crate::tls::client::{ClientTlsError, Offer, Roots, UpstreamTls};
use bytes::Bytes;
use http::{HeaderValue, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Empty, LengthLimitError, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio_rustls::TlsConnector;

/// The longest key set.
const BODY_BYTES_MAX: usize = 1 << 20;

/// Why there are no new keys. Says nothing of what the server sent but its status.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The URL has no host, or a scheme that is not taken.
    #[error("its URL is not https with a host")]
    Url,
    /// The name leads nowhere.
    #[error("its host cannot be resolved: {0}")]
    Resolve(io::Error),
    /// A tool is there.
    #[error("its address is that of an upstream, where only permitted calls go")]
    Tool,
    /// Nobody answers there.
    #[error("cannot connect: {0}")]
    Connect(io::Error),
    /// TLS cannot be spoken.
    #[error(transparent)]
    Setup(#[from] ClientTlsError),
    /// TLS failed.
    #[error("TLS failed: {0}")]
    Tls(io::Error),
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
    let fetched = tokio::time::timeout(remote.timeout, exchange(remote, upstreams));
    let body = fetched.await.map_err(|_| FetchError::Late)??;
    Ok(KeySet::parse(&body)?)
}

async fn exchange(remote: &Remote, upstreams: &[Arc<UpstreamSpec>]) -> Result<Bytes, FetchError> {
    let place = Place::of(&remote.url, remote.allow_http)?;
    let stream = dial(&place, upstreams).await?;
    if !place.secure {
        return get(stream, &remote.url).await;
    }
    let roots = remote.ca.as_ref().map_or(Roots::System, |pem| Roots::Pem(pem));
    let tls = UpstreamTls::new(place.host, roots, None, Offer::Http1)?;
    let connector = TlsConnector::from(tls.config());
    let stream = connector.connect(tls.server_name(), stream).await.map_err(FetchError::Tls)?;
    get(stream, &remote.url).await
}

/// Where a URL leads.
struct Place<'u> {
    secure: bool,
    /// Without the brackets of an IPv6 address.
    host: &'u str,
    port: u16,
}

impl Place<'_> {
    fn of(url: &Uri, allow_http: bool) -> Result<Place<'_>, FetchError> {
        let secure = match url.scheme_str() {
            Some("https") => true,
            Some("http") if allow_http => false,
            _ => return Err(FetchError::Url),
        };
        let host = url.host().filter(|host| !host.is_empty()).ok_or(FetchError::Url)?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let port = url.port_u16().unwrap_or(if secure { 443 } else { 80 });
        Ok(Place { secure, host, port })
    }
}

/// Connects, unless a tool is there, by name or by address.
async fn dial(place: &Place<'_>, upstreams: &[Arc<UpstreamSpec>]) -> Result<TcpStream, FetchError> {
    let addresses: Vec<SocketAddr> =
        lookup_host((place.host, place.port)).await.map_err(FetchError::Resolve)?.collect();
    // On another port there is another server.
    for tool in upstreams.iter().filter(|tool| tool.port == place.port) {
        if tool.host.eq_ignore_ascii_case(place.host) {
            return Err(FetchError::Tool);
        }
        // A name that leads nowhere leads to no tool.
        let Ok(tools) = lookup_host((tool.host.as_str(), tool.port)).await else { continue };
        let canonical = |address: &SocketAddr| address.ip().to_canonical();
        let tools: Vec<_> = tools.map(|address| canonical(&address)).collect();
        if addresses.iter().any(|address| tools.contains(&canonical(address))) {
            return Err(FetchError::Tool);
        }
    }
    connect(&addresses).await.map_err(FetchError::Connect)
}

/// The first address that answers.
async fn connect(addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    let mut failure = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in addresses {
        #[expect(clippy::disallowed_methods, reason = "no tool is there, which is checked above")]
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

async fn get(stream: impl AsyncRead + AsyncWrite + Unpin, url: &Uri) -> Result<Bytes, FetchError> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let request = request(url)?;
    let exchange = async {
        let answer = sender.send_request(request).await?;
        match answer.status() {
            StatusCode::OK => whole(Limited::new(answer.into_body(), BODY_BYTES_MAX)).await,
            status => Err(FetchError::Status(status)),
        }
    };
    tokio::pin!(exchange, connection);
    tokio::select! {
        biased;
        body = &mut exchange => body,
        // What had come by then is still to be read.
        _ = &mut connection => exchange.await,
    }
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

fn request(url: &Uri) -> Result<Request<Empty<Bytes>>, FetchError> {
    let target = url.path_and_query().map_or("/", |target| target.as_str());
    let host = url.authority().ok_or(FetchError::Url)?.as_str();
    // Whoever wrote a user into the URL did not want it shown; the config refuses it.
    let host = host.rsplit('@').next().unwrap_or(host);
    let mut request = Request::new(Empty::new());
    *request.uri_mut() = target.parse().map_err(|_| FetchError::Url)?;
    let headers = request.headers_mut();
    headers.insert(header::HOST, HeaderValue::from_str(host).map_err(|_| FetchError::Url)?);
    let accepted = HeaderValue::from_static("application/jwk-set+json, application/json");
    headers.insert(header::ACCEPT, accepted);
    let agent = HeaderValue::from_static(concat!("gait/", env!("CARGO_PKG_VERSION")));
    headers.insert(header::USER_AGENT, agent);
    Ok(request)
}
