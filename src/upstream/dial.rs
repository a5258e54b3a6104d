//! A fresh connection to a tool: TCP, TLS where it is wanted, and the version that they agree on.

use super::link::Link;
use super::pool::{NoLink, Slot};
use super::wire::Stream;
use crate::snapshot::{Http2, UpstreamSpec};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// The name of HTTP/2 in ALPN (RFC 9113, 3.2).
const H2: &[u8] = b"h2";

/// Opens a connection.
pub(super) async fn dial(spec: &UpstreamSpec, slot: Slot) -> Result<Link, NoLink> {
    #[expect(clippy::disallowed_methods, reason = "the one place that dials a tool")]
    let stream = TcpStream::connect((spec.host.as_str(), spec.port)).await?;
    stream.set_nodelay(true)?;
    let (stream, is_http2) = match &spec.tls {
        None => (Stream::Clear(stream), spec.http2 == Http2::PriorKnowledge),
        Some(tls) => {
            let connector = TlsConnector::from(tls.config());
            let secured = connector.connect(tls.server_name(), stream).await;
            let secured = secured.map_err(NoLink::Tls)?;
            let chosen = secured.get_ref().1.alpn_protocol() == Some(H2);
            (Stream::Tls(Box::new(secured)), chosen)
        }
    };
    Ok(match is_http2 {
        true => Link::open_http2(stream, slot).await?,
        false => Link::open_http1(stream, slot).await?,
    })
}
