//! The config of a listener that speaks TLS.
//!
//! TLS 1.2 and 1.3, no 0-RTT: early data can be replayed by whoever saw it. Sessions resume by
//! tickets whose key belongs to this very config, so that a session from before a reload, or from
//! a listener that asks for less, proves nothing here. A resumed session carries the certificate
//! that its first handshake verified; whether that still holds is for the accepting side to check.

use super::leaf::{self, Own};
use super::names::Names;
use super::pem::Pem;
use super::{TlsError, provider};
use crate::json::Digest;
use jiff::Timestamp;
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::Ticketer;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};
use rustls::{ServerConfig, SupportedProtocolVersion};
use std::fmt;
use std::sync::Arc;

/// What a listener speaks.
pub struct ServerSpec<'a> {
    /// Certificates with their keys; the first answers unknown names.
    pub pairs: Vec<Pair<'a>>,
    /// The lowest version.
    pub min_version: MinVersion,
    /// What callers must show.
    pub clients: ClientCertificates<'a>,
    /// What is spoken inside.
    pub alpn: Alpn,
}

/// A certificate chain and the key of its first certificate.
pub struct Pair<'a> {
    /// The chain, the server's own certificate first.
    pub chain: Pem<'a>,
    /// The private key.
    pub key: Pem<'a>,
}

/// The lowest version of TLS that is spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MinVersion {
    /// 1.2 and 1.3.
    #[default]
    Tls12,
    /// 1.3 alone.
    Tls13,
}

/// Whether callers are asked for a certificate.
#[derive(Clone, Copy)]
pub enum ClientCertificates<'a> {
    /// They are not.
    None,
    /// They are, and may have none; a wrong one ends the handshake.
    Optional(Pem<'a>),
    /// They must have one of these roots.
    Required(Pem<'a>),
}

/// The protocols that are offered inside (RFC 7301).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alpn {
    /// HTTP/1.1 alone.
    Http1,
    /// HTTP/2 where the caller can, else HTTP/1.1.
    Http2,
}

/// A listener's TLS, ready to accept.
#[derive(Clone)]
pub struct Server {
    /// What rustls needs.
    pub config: Arc<ServerConfig>,
    /// Until when each certificate holds, in the order of the config.
    pub not_after: Vec<Timestamp>,
    /// What it holds callers' certificates against.
    pub(super) clients: Arc<dyn ClientCertVerifier>,
    /// Names the roots in it.
    pub(super) roots: Digest,
    /// The lowest version.
    min_version: MinVersion,
}

/// Checks everything and builds the config.
///
/// # Errors
/// Names the file that cannot be read or does not fit, and says why: not PEM, key and certificate
/// that do not belong together, one that does not hold at `now`, one that no caller would ever be
/// shown.
pub fn server(spec: &ServerSpec<'_>, now: Timestamp) -> Result<Server, TlsError> {
    let provider = provider();
    let (mut pairs, mut not_after) = (Vec::new(), Vec::new());
    for (index, pair) in spec.pairs.iter().enumerate() {
        let (key, own) = pair.open(&provider, now)?;
        if index > 0 && own.dns.is_empty() {
            let what = "the certificate has no DNS name (SAN), so no caller would ever be shown it";
            return Err(pair.chain.wrong(what));
        }
        not_after.push(own.not_after);
        pairs.push((Arc::new(key), own.dns));
    }
    let broken = |error: rustls::Error| TlsError::new("tls", error.to_string());
    let clients = spec.clients.verifier(&provider)?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&spec.min_version.versions())
        .map_err(broken)?
        .with_client_cert_verifier(clients.clone())
        .with_cert_resolver(Arc::new(Names::new(pairs)));
    config.alpn_protocols = spec.alpn.offered();
    config.max_early_data_size = 0;
    config.ticketer = Ticketer::new().map_err(broken)?;
    let roots = Digest::of(spec.clients.roots());
    let min_version = spec.min_version;
    Ok(Server { config: Arc::new(config), not_after, clients, roots, min_version })
}

impl Server {
    /// Whether it asks of callers just what another does; its own certificates do not count.
    pub fn asks_as(&self, other: &Server) -> bool {
        let asks = |server: &Server| {
            let clients = &server.clients;
            let wants = (clients.offer_client_auth(), clients.client_auth_mandatory());
            (server.min_version, wants, server.roots)
        };
        asks(self) == asks(other)
    }
}

impl Pair<'_> {
    fn open(
        &self,
        provider: &CryptoProvider,
        now: Timestamp,
    ) -> Result<(CertifiedKey, Own), TlsError> {
        let chain = self.chain.certificates()?;
        let own = match chain.first() {
            Some(first) => leaf::own(first, now).map_err(|what| self.chain.wrong(what))?,
            None => return Err(self.chain.wrong("holds no certificate")),
        };
        let key = provider.key_provider.load_private_key(self.key.key()?);
        let key = key.map_err(|_| self.key.wrong("the private key is of no kind that TLS uses"))?;
        let pair = CertifiedKey::new(chain, key);
        match pair.keys_match() {
            Ok(()) => Ok((pair, own)),
            Err(_) => {
                let what = format!("the private key does not belong to {}", self.chain.file);
                Err(self.key.wrong(what))
            }
        }
    }
}

impl ClientCertificates<'_> {
    fn roots(&self) -> &[u8] {
        match self {
            ClientCertificates::None => b"",
            ClientCertificates::Optional(pem) | ClientCertificates::Required(pem) => pem.bytes,
        }
    }

    fn verifier(
        &self,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
        let (ClientCertificates::Optional(pem) | ClientCertificates::Required(pem)) = self else {
            return Ok(WebPkiClientVerifier::no_client_auth());
        };
        let roots = Arc::new(pem.roots()?);
        let builder = WebPkiClientVerifier::builder_with_provider(roots, provider.clone());
        let builder = match self {
            ClientCertificates::Optional(_) => builder.allow_unauthenticated(),
            _ => builder,
        };
        builder.build().map_err(|error| pem.wrong(error.to_string()))
    }
}

impl MinVersion {
    fn versions(self) -> Vec<&'static SupportedProtocolVersion> {
        match self {
            MinVersion::Tls12 => vec![&TLS13, &TLS12],
            MinVersion::Tls13 => vec![&TLS13],
        }
    }
}

impl Alpn {
    fn offered(self) -> Vec<Vec<u8>> {
        let http1 = b"http/1.1".to_vec();
        match self {
            Alpn::Http1 => vec![http1],
            Alpn::Http2 => vec![b"h2".to_vec(), http1],
        }
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("not_after", &self.not_after).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, CertifiedKey as Made, KeyPair, generate_simple_self_signed};

    fn made(names: &[&str]) -> (String, String) {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let Made { cert, signing_key } = generate_simple_self_signed(names).unwrap();
        (cert.pem(), signing_key.serialize_pem())
    }

    fn try_pairs(pairs: &[(&str, &str)]) -> Result<Server, String> {
        let pem = |file, text: &'static str| Pem { file, bytes: text.as_bytes() };
        let leak = |text: &str| -> &'static str { text.to_owned().leak() };
        let pairs = pairs.iter().map(|(chain, key)| Pair {
            chain: pem("api.pem", leak(chain)),
            key: pem("api.key", leak(key)),
        });
        let spec = ServerSpec {
            pairs: pairs.collect(),
            min_version: MinVersion::Tls13,
            clients: ClientCertificates::None,
            alpn: Alpn::Http2,
        };
        server(&spec, crate::clock::now()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_pair_that_fits_is_taken_and_leaves_early_data_off() {
        let (chain, key) = made(&["a.example"]);
        let server = try_pairs(&[(&chain, &key)]).unwrap();
        assert_eq!(server.config.max_early_data_size, 0);
        assert_eq!(server.config.alpn_protocols, [b"h2".to_vec(), b"http/1.1".to_vec()]);
        assert_eq!(server.not_after.len(), 1);
        assert!(!format!("{server:?}").contains("key"));
    }

    #[test]
    fn what_does_not_fit_is_refused_by_the_name_of_its_file() {
        let ((chain, key), (_, other)) = (made(&["a.example"]), made(&["b.example"]));
        let nameless = made(&[]);
        let mut old = CertificateParams::new(vec!["a.example".to_owned()]).unwrap();
        old.not_after = rcgen::date_time_ymd(2020, 1, 1);
        let pair = KeyPair::generate().unwrap();
        let old = (old.self_signed(&pair).unwrap().pem(), pair.serialize_pem());
        let ok = (chain.as_str(), key.as_str());
        for (pairs, said) in [
            (vec![(chain.as_str(), other.as_str())], "api.key: the private key does not belong"),
            (vec![("", key.as_str())], "api.pem: holds no certificate"),
            (vec![(key.as_str(), key.as_str())], "api.pem: holds no certificate"),
            (vec![(chain.as_str(), "")], "api.key: holds no private key"),
            (vec![(chain.as_str(), chain.as_str())], "api.key: holds no private key"),
            (vec![(&old.0, &old.1)], "api.pem: the certificate expired at 2020-01-01"),
            (vec![ok, (&nameless.0, &nameless.1)], "api.pem: the certificate has no DNS name"),
        ] {
            let refusal = try_pairs(&pairs).unwrap_err();
            assert!(refusal.starts_with(said), "{refusal}");
            assert!(!refusal.contains("BEGIN PRIVATE"), "{refusal}");
        }
        assert!(try_pairs(&[(&nameless.0, &nameless.1)]).is_ok(), "the first needs no name");
    }

    #[test]
    fn roots_for_callers_must_be_certificates() {
        let (chain, key) = made(&["a.example"]);
        let pem = |file, text| Pem { file, bytes: str::as_bytes(text) };
        for (roots, ok) in [(chain.as_str(), true), ("", false), (key.as_str(), false)] {
            let spec = ServerSpec {
                pairs: vec![Pair { chain: pem("api.pem", &chain), key: pem("api.key", &key) }],
                min_version: MinVersion::Tls12,
                clients: ClientCertificates::Required(pem("ca.pem", roots)),
                alpn: Alpn::Http1,
            };
            let built = server(&spec, crate::clock::now());
            assert_eq!(built.is_ok(), ok, "{built:?}");
            assert!(built.err().is_none_or(|error| error.file == "ca.pem"));
        }
    }
}
