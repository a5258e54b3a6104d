//! Peers that are believed more than others: by their network, or by their certificate.

use super::pattern::{Pattern, San};
use crate::call::peer::{Address, Certificate, Peer};
use ipnet::IpNet;

/// Which direct peers are trusted. Either list suffices.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trust {
    /// Networks. Nothing on the way can be seen, so the network itself must keep strangers out.
    pub networks: Vec<IpNet>,
    /// Names in certificates.
    pub certificates: Vec<Pattern>,
}

impl Trust {
    /// Whether this peer is.
    pub fn holds(&self, peer: &Peer) -> bool {
        self.holds_network(peer.address)
            || peer.certificate.as_ref().is_some_and(|certificate| self.names(certificate))
    }

    /// Whether the certificate is of a trusted peer. One with several URIs is of nobody (SPIFFE
    /// X.509-SVID, section 2).
    pub(super) fn names(&self, certificate: &Certificate) -> bool {
        self.certificates.iter().any(|pattern| {
            let names = pattern.san().names(certificate);
            let sole = pattern.san() != San::Uri || names.len() == 1;
            sole && names.iter().any(|name| pattern.take(name).is_some())
        })
    }

    fn holds_network(&self, address: Address) -> bool {
        match address {
            Address::Ip(ip) => {
                self.networks.iter().any(|network| network.contains(&ip.to_canonical()))
            }
            Address::Unix { .. } => false,
        }
    }
}
