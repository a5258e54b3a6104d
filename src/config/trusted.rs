//! Which direct peers are believed about what lies behind them.

use super::DOCUMENT;
use crate::call::peer::{NamePattern, Trusted};
use crate::yaml::{Fault, Fields, Keys, Node};
use ipnet::IpNet;
use std::net::IpAddr;

const TRUSTED: Keys = Keys { document: DOCUMENT, read: &["cidrs", "certificates"], legacy: &[] };

/// Reads `cidrs` and `certificates`, which stand under `path`; nobody is trusted where neither is.
pub(super) fn read(node: Node, path: String) -> Result<Trusted, Fault> {
    let mut fields = Fields::open(node, path, &TRUSTED)?;
    // Left empty by mistake, a list would trust nobody without a word.
    fields.refuse_empty(TRUSTED.read)?;
    let (cidrs, names) = (fields.at("cidrs"), fields.at("certificates"));
    let network = |(text, place): (String, _)| {
        network(&text).map_err(|what| Fault::validate(place, format!("`{cidrs}`: {what}")))
    };
    let networks = fields.texts("cidrs")?.into_iter().map(network).collect::<Result<_, _>>()?;
    let name = |(text, place): (String, _)| {
        NamePattern::parse(&text)
            .map_err(|what| Fault::validate(place, format!("`{names}`: {what}")))
    };
    let certificates =
        fields.texts("certificates")?.into_iter().map(name).collect::<Result<_, _>>()?;
    Ok(Trusted { networks, certificates })
}

/// Reads a network, written in the one way that means it.
pub(super) fn network(text: &str) -> Result<IpNet, String> {
    let network: IpNet = text.parse().map_err(|_| match text.parse::<IpAddr>() {
        Ok(ip) => format!("`{text}` is one address; write it as `{}`", IpNet::from(ip)),
        Err(_) => format!("`{text}` is not a network; write it as in `10.0.0.0/8`"),
    })?;
    if network.trunc() != network {
        let meant = network.trunc();
        return Err(format!(
            "`{text}` has bits behind its prefix; write `{meant}` if you mean that"
        ));
    }
    let mapped = matches!(network, IpNet::V6(v6) if v6.addr().to_ipv4_mapped().is_some());
    match mapped {
        true => Err(format!("`{text}` is IPv4 in IPv6 form; write it as IPv4")),
        false => Ok(network),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_written_in_one_way() {
        for good in ["10.0.0.0/8", "192.0.2.1/32", "2001:db8::/32", "0.0.0.0/0"] {
            assert!(network(good).is_ok(), "{good}");
        }
        for bad in ["10.0.0.1", "10.1.0.0/8", "::ffff:10.0.0.0/104", "10.0.0.0/33", "x", ""] {
            assert!(network(bad).is_err(), "{bad}");
        }
    }
}
