//! The way to those who are no tools: resolved, checked against the tools, dialled, encrypted.
//!
//! The address is resolved here and then dialled as it is, so that what was checked is what is
//! reached. Rejected: keeping connections, of which one in minutes is used.

use crate::snapshot::UpstreamSpec;
use crate::tls::client::{ClientTlsError, Offer, Roots, UpstreamTls};
use http::Uri;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio_rustls::TlsConnector;

/// Where to, and how.
#[derive(Clone, Copy, Debug)]
pub(super) struct Goal<'g> {
    /// A URL with a host.
    pub(super) url: &'g Uri,
    /// Roots to believe it by, in PEM; the system's where there is none.
    pub(super) ca: Option<&'g [u8]>,
    /// Whether plain HTTP will do.
    pub(super) allow_http: bool,
}

/// Why nobody is reached. Says nothing of what a server sent.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
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
}

/// A connection, in the clear or not.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// Connects to `goal`, which no tool of `upstreams` may be.
pub(super) async fn dial(
    goal: Goal<'_>,
    upstreams: &[Arc<UpstreamSpec>],
) -> Result<Box<dyn Stream>, DialError> {
    let place = Place::of(goal)?;
    let stream = past_tools(&place, upstreams).await?;
    if !place.secure {
        return Ok(Box::new(stream));
    }
    let roots = goal.ca.map_or(Roots::System, Roots::Pem);
    let tls = UpstreamTls::new(place.host, roots, None, Offer::Http1)?;
    let connector = TlsConnector::from(tls.config());
    let stream = connector.connect(tls.server_name(), stream).await.map_err(DialError::Tls)?;
    Ok(Box::new(stream))
}

/// Where a URL leads.
struct Place<'u> {
    secure: bool,
    /// Without the brackets of an IPv6 address.
    host: &'u str,
    port: u16,
}

impl Place<'_> {
    fn of(goal: Goal<'_>) -> Result<Place<'_>, DialError> {
        let secure = match goal.url.scheme_str() {
            Some("https") => true,
            Some("http") if goal.allow_http => false,
            _ => return Err(DialError::Url),
        };
        let host = goal.url.host().filter(|host| !host.is_empty()).ok_or(DialError::Url)?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let port = goal.url.port_u16().unwrap_or(if secure { 443 } else { 80 });
        Ok(Place { secure, host, port })
    }
}

/// Connects, unless a tool is there, by name or by address.
async fn past_tools(
    place: &Place<'_>,
    upstreams: &[Arc<UpstreamSpec>],
) -> Result<TcpStream, DialError> {
    let addresses: Vec<SocketAddr> =
        lookup_host((place.host, place.port)).await.map_err(DialError::Resolve)?.collect();
    // On another port there is another server.
    for tool in upstreams.iter().filter(|tool| tool.port == place.port) {
        if tool.host.eq_ignore_ascii_case(place.host) {
            return Err(DialError::Tool);
        }
        // A name that leads nowhere leads to no tool.
        let Ok(tools) = lookup_host((tool.host.as_str(), tool.port)).await else { continue };
        let tools: Vec<_> = tools.map(|address| machine(&address)).collect();
        if addresses.iter().any(|address| tools.contains(&machine(address))) {
            return Err(DialError::Tool);
        }
    }
    connect(&addresses).await.map_err(DialError::Connect)
}

/// Where an address leads. Those of loopback and none at all lead here: whoever listens on one may
/// listen on all of them.
fn machine(address: &SocketAddr) -> IpAddr {
    match address.ip().to_canonical() {
        ip if ip.is_loopback() || ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        ip => ip,
    }
}

/// The first address that answers. No call goes there, which is for the caller to see to.
pub(super) async fn connect(addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    let mut failure = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in addresses {
        #[expect(clippy::disallowed_methods, reason = "whoever names the addresses has looked")]
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}
