//! A tool API behind gait: where it is, and how gait speaks to it.

use super::credential::ToolCredential;
use crate::tls::client::UpstreamTls;
use std::sync::Arc;

/// A tool API behind gait.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct UpstreamSpec {
    /// Its name in the config.
    pub name: Arc<str>,
    /// Host name or address to dial.
    pub host: String,
    /// Port to dial.
    pub port: u16,
    /// What goes into `Host`, or `:authority`.
    pub host_header: HostHeader,
    /// How TLS is spoken with it; `None` where it is http.
    pub tls: Option<UpstreamTls>,
    /// Which version it is spoken to in.
    pub http2: Http2,
    /// Its own secret.
    pub credential: Option<ToolCredential>,
}

/// What the tool sees in `Host`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum HostHeader {
    /// The upstream's own host and port.
    #[default]
    Upstream,
    /// What the caller sent.
    Preserve,
}

/// Whether HTTP/2 is spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Http2 {
    /// HTTP/1.1 alone.
    #[default]
    Off,
    /// Where the tool chooses it during the TLS handshake, else HTTP/1.1.
    Alpn,
    /// Always, in clear text (RFC 9113, 3.3).
    PriorKnowledge,
}

impl UpstreamSpec {
    /// `http` or `https`.
    pub fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }

    /// Host and port as in `Host`; the port only where it is not the scheme's own.
    pub fn authority(&self) -> String {
        let host = &self.host;
        let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
        let usual = if self.tls.is_some() { 443 } else { 80 };
        if self.port == usual { host } else { format!("{host}:{}", self.port) }
    }

    /// Scheme and authority: what `{url}` begins with.
    pub fn base_url(&self) -> String {
        format!("{}://{}", self.scheme(), self.authority())
    }

    /// Whether both are one tool: two names for one address share what their routes say of it.
    pub fn is_same_tool(&self, other: &UpstreamSpec) -> bool {
        self.port == other.port && self.host.eq_ignore_ascii_case(&other.host)
    }
}
