//! How a listener speaks: what of it can change without a restart.

use crate::call::peer::Transport;
use crate::tls;
use std::sync::Arc;

/// A listener as the config has it, but for where it listens.
#[derive(Clone, Debug)]
pub struct Listener {
    /// Its name: a metric label, and what a connection is told by.
    pub name: Arc<str>,
    /// How callers come to HTTP/2.
    pub http2: Http2,
    /// Its certificates; `None` speaks in the clear.
    pub tls: Option<tls::Server>,
}

/// How HTTP/2 is agreed on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Http2 {
    /// It is not spoken.
    #[default]
    Off,
    /// In the TLS handshake.
    Alpn,
    /// The caller just begins with it, in the clear; HTTP/1.1 is spoken too.
    PriorKnowledge,
}

impl Listener {
    /// Whether it encrypts.
    pub fn transport(&self) -> Transport {
        match self.tls {
            Some(_) => Transport::Tls,
            None => Transport::Clear,
        }
    }
}
