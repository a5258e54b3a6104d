//! The other end of a connection, as the connection itself proves it.
//!
//! What a caller says of itself in a header is not in here. A certificate is, because the
//! handshake has verified it; an address is, because the kernel knows it.

use jiff::Timestamp;
use std::net::IpAddr;
use std::sync::Arc;

/// The other end of one connection; made when it is accepted.
#[derive(Clone, Debug)]
pub struct Peer {
    /// The name of the listener that took the connection.
    pub listener: Arc<str>,
    /// Where it comes from.
    pub address: Address,
    /// Whether the connection is encrypted.
    pub transport: Transport,
    /// What it proved to hold, where the listener asks for it.
    pub certificate: Option<Certificate>,
}

/// Where a connection comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Address {
    /// Over a network; an IPv4 address in IPv6 form is written as IPv4.
    Ip(IpAddr),
    /// Over a Unix socket, from a process of this user and group.
    Unix {
        /// User id.
        uid: u32,
        /// Group id.
        gid: u32,
    },
}

/// How bytes travel on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// As they are.
    Clear,
    /// Inside TLS.
    Tls,
}

/// The names in a client certificate whose chain the handshake has verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// URI names, SPIFFE IDs among them, in the order of the certificate.
    pub uris: Vec<String>,
    /// DNS names.
    pub dns: Vec<String>,
    /// Mail addresses.
    pub emails: Vec<String>,
    /// SHA-256 of the DER form (RFC 8705, section 3.1).
    pub thumbprint: [u8; 32],
    /// Until when it holds. A connection can outlive it.
    pub not_after: Timestamp,
}
