//! The other end of a connection, as the connection itself proves it.
//!
//! What a caller says of itself in a header is not in here. A certificate is, because the
//! handshake has verified it; an address is, because the kernel knows it.

use crate::json::Digest;
use ipnet::IpNet;
use jiff::Timestamp;
use std::fmt;
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
    /// How the handshake came to believe it. A connection can outlive that too.
    pub proof: Proof,
}

/// A chain of certificates, and the roots that it was held against.
#[derive(Clone, PartialEq, Eq)]
pub struct Proof {
    /// Names the roots.
    pub roots: Digest,
    /// In DER, the certificate itself first.
    pub chain: Vec<Vec<u8>>,
}

impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proof({} certificates by {})", self.chain.len(), self.roots)
    }
}

/// Peers that are believed about what lies behind them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trusted {
    /// Networks that the peer's own address may be in.
    pub networks: Vec<IpNet>,
    /// Names that its verified certificate may have.
    pub certificates: Vec<NamePattern>,
}

/// A name in a certificate: a URI, in whose path `*` stands for any one segment, or a DNS name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamePattern {
    text: String,
}

impl Trusted {
    /// Whether this peer is one of them. A process behind a Unix socket has no address here, and
    /// is known by its certificate or not at all.
    pub fn trusts(&self, peer: &Peer) -> bool {
        let by_address = match peer.address {
            Address::Ip(ip) => self.networks.iter().any(|network| network.contains(&ip)),
            Address::Unix { .. } => false,
        };
        let names = |held: &Certificate| self.certificates.iter().any(|name| name.fits(held));
        by_address || peer.certificate.as_ref().is_some_and(names)
    }
}

impl NamePattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// Says how one is written.
    pub fn parse(text: &str) -> Result<NamePattern, String> {
        let (fixed, wild) = match text.split_once("://") {
            Some((scheme, rest)) => {
                let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
                (!scheme.is_empty() && !authority.is_empty(), path)
            }
            None => (!text.is_empty() && !text.contains('/'), ""),
        };
        let stars = |part: &str| part.bytes().filter(|byte| *byte == b'*').count();
        let segments = wild.split('/').filter(|segment| *segment == "*").count();
        let plain = text.bytes().all(|byte| byte.is_ascii_graphic());
        match fixed && plain && stars(text) == segments {
            true => Ok(NamePattern { text: text.to_owned() }),
            false => Err(format!(
                "`{text}` is not the name of a certificate; write a URI, in whose path `*` stands \
                 for one whole segment, or a DNS name"
            )),
        }
    }

    fn fits(&self, held: &Certificate) -> bool {
        match self.text.contains("://") {
            // One with several URIs is of nobody (SPIFFE X.509-SVID, section 2).
            true => matches!(held.uris.as_slice(), [uri] if self.fits_uri(uri)),
            false => held.dns.iter().any(|name| name.eq_ignore_ascii_case(&self.text)),
        }
    }

    fn fits_uri(&self, uri: &str) -> bool {
        let mut segments = uri.split('/');
        let fits = |own: &str| match segments.next() {
            Some(segment) => own == segment || own == "*" && !segment.is_empty(),
            None => false,
        };
        self.text.split('/').all(fits) && segments.next().is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(address: Address, uris: &[&str], dns: &[&str]) -> Peer {
        let own = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let not_after = Timestamp::UNIX_EPOCH;
        let (uris, dns, emails) = (own(uris), own(dns), Vec::new());
        let proof = Proof { roots: Digest::of(b""), chain: Vec::new() };
        let certificate = Certificate { uris, dns, emails, thumbprint: [0; 32], not_after, proof };
        let certificate =
            Some(certificate).filter(|held| !(held.uris.is_empty() && held.dns.is_empty()));
        Peer { listener: "server".into(), address, transport: Transport::Tls, certificate }
    }

    #[test]
    fn networks_and_names_are_trusted_and_nothing_beside_them() {
        let certificates = ["spiffe://prod.example/ns/*/sa/edge", "edge.example"];
        let trusted = Trusted {
            networks: vec!["10.0.0.0/8".parse().unwrap(), "2001:db8::/32".parse().unwrap()],
            certificates: certificates.map(|name| NamePattern::parse(name).unwrap()).to_vec(),
        };
        let ip = |text: &str| Address::Ip(text.parse().unwrap());
        assert!(trusted.trusts(&peer(ip("10.1.2.3"), &[], &[])));
        assert!(trusted.trusts(&peer(ip("2001:db8::1"), &[], &[])));
        assert!(!trusted.trusts(&peer(ip("11.1.2.3"), &[], &[])));
        assert!(!trusted.trusts(&peer(Address::Unix { uid: 0, gid: 0 }, &[], &[])));
        let far = ip("192.0.2.1");
        let edge = "spiffe://prod.example/ns/web/sa/edge";
        assert!(trusted.trusts(&peer(far, &[edge], &[])));
        assert!(!trusted.trusts(&peer(far, &["a:b", edge], &[])));
        assert!(trusted.trusts(&peer(far, &[], &["EDGE.example"])));
        for uri in [
            "spiffe://prod.example/ns//sa/edge",
            "spiffe://prod.example/ns/a/b/sa/edge",
            "spiffe://prod.example/ns/web/sa/edge/x",
            "spiffe://prod.example/ns/web/sa",
            "spiffe://prod.example.evil/ns/web/sa/edge",
            "edge.example",
        ] {
            assert!(!trusted.trusts(&peer(far, &[uri], &["x.edge.example"])), "{uri}");
        }
        assert!(!Trusted::default().trusts(&peer(ip("127.0.0.1"), &["a://b"], &["c"])));
    }

    #[test]
    fn a_pattern_is_wild_in_whole_segments_of_a_path_only() {
        for good in ["spiffe://a.example/*", "spiffe://a.example", "https://a/b/*/c", "a.example"] {
            assert!(NamePattern::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "*", "*.example", "spiffe://*/a", "spiffe://a/b*", "://a", "a/b", "a b"] {
            assert!(NamePattern::parse(bad).is_err(), "{bad}");
        }
    }
}
