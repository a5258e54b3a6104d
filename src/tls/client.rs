//! TLS towards a server: whom gait takes for it, and what gait shows of itself.
//!
//! Everything is settled when a config is read, so that a wrong file stops a start or a reload and
//! no call. The provider is named: a process in which two could be meant would end in a panic. No
//! early data, since it could be replayed. The system's roots are read with the config as well;
//! that they have changed is not seen by comparing two configs.
//!
//! Rejected: a switch that believes any certificate. It is always forgotten.

use crate::json::Digest;
use jiff::Timestamp;
use rustls::client::WantsClientCert;
use rustls::crypto::aws_lc_rs::{default_provider, sign};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, ConfigBuilder, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt as _;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use zeroize::Zeroize as _;

/// Who may vouch for the server.
#[derive(Clone, Copy, Debug)]
pub enum Roots<'a> {
    /// Whom the system trusts.
    System,
    /// These certificates in PEM and nobody else.
    Pem(&'a [u8]),
}

/// What gait shows when the server asks who it is, in PEM.
#[derive(Clone, Copy)]
pub struct Pair<'a> {
    /// The certificate, and those that link it to a root.
    pub chain: &'a [u8],
    /// Its private key.
    pub key: &'a [u8],
}

/// The protocols that are offered (RFC 7301).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer {
    /// `http/1.1`.
    Http1,
    /// `h2`, else `http/1.1`.
    Http2First,
}

/// How TLS is spoken with one server.
///
/// Two of them are equal where they were made of the same material.
#[derive(Clone)]
pub struct UpstreamTls {
    config: Arc<ClientConfig>,
    server_name: ServerName<'static>,
    client_not_after: Option<Timestamp>,
    material: Digest,
}

/// Why it cannot be.
#[derive(Debug, thiserror::Error)]
pub enum ClientTlsError {
    /// The system trusts nobody.
    #[error(
        "the system has no root certificates ({0}); install its bundle, such as the package \
         ca-certificates, or name a file in `ca`"
    )]
    NoSystemRoots(rustls::Error),
    /// There is no certificate among the roots, or one that is none.
    #[error("`ca` names a file without a usable certificate in PEM{0}")]
    Roots(String),
    /// There is no certificate in the chain, or one that is none.
    #[error("`client_cert` names a file without a usable certificate in PEM{0}")]
    Chain(String),
    /// There is no key, or one of an unknown kind.
    #[error(
        "`client_key` names a file without a usable private key; write it in PEM as PKCS #8, \
         PKCS #1 or SEC 1, without a passphrase"
    )]
    Key,
    /// They belong to different pairs.
    #[error("`client_cert` and `client_key` do not belong together; name the two of one pair")]
    Mismatch,
    /// No certificate can be held against it.
    #[error("`{0}` is no name that a certificate can hold; write a DNS name or an IP address")]
    ServerName(String),
    /// The provider has not what TLS needs.
    #[error("TLS cannot be set up: {0}")]
    Provider(rustls::Error),
}

impl UpstreamTls {
    /// Settles how TLS is spoken with `server_name`: a DNS name or an IP address.
    ///
    /// # Errors
    /// Names the material that cannot be used, and the mend.
    pub fn new(
        server_name: &str,
        roots: Roots<'_>,
        pair: Option<Pair<'_>>,
        offer: Offer,
    ) -> Result<UpstreamTls, ClientTlsError> {
        let name = ServerName::try_from(server_name.to_owned())
            .map_err(|_| ClientTlsError::ServerName(server_name.to_owned()))?;
        let mut material = vec![server_name.to_ascii_lowercase().into_bytes(), vec![offer as u8]];
        let builder = trusting(roots, &mut material)?;
        let shown = pair.map(|pair| certified(pair, &mut material)).transpose()?;
        let client_not_after = shown.as_ref().and_then(|shown| not_after(shown.cert.first()?));
        let mut config = match shown {
            Some(shown) => {
                builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(shown)))
            }
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = offer.protocols();
        let fields: Vec<&[u8]> = material.iter().map(Vec::as_slice).collect();
        Ok(UpstreamTls {
            config: Arc::new(config),
            server_name: name,
            client_not_after,
            material: Digest::of_fields(&fields),
        })
    }

    /// What a connection is opened with.
    pub fn config(&self) -> Arc<ClientConfig> {
        self.config.clone()
    }

    /// The name that the server's certificate must hold.
    pub fn server_name(&self) -> ServerName<'static> {
        self.server_name.clone()
    }

    /// When the client certificate expires; `None` where there is none.
    pub fn client_not_after(&self) -> Option<Timestamp> {
        self.client_not_after
    }
}

impl Offer {
    fn protocols(self) -> Vec<Vec<u8>> {
        let names: &[&[u8]] = match self {
            Offer::Http1 => &[b"http/1.1"],
            Offer::Http2First => &[b"h2", b"http/1.1"],
        };
        names.iter().map(|name| name.to_vec()).collect()
    }
}

type Builder = ConfigBuilder<ClientConfig, WantsClientCert>;

fn trusting(roots: Roots<'_>, material: &mut Vec<Vec<u8>>) -> Result<Builder, ClientTlsError> {
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(ClientTlsError::Provider)?;
    match roots {
        Roots::System => {
            material.push(b"system".to_vec());
            builder.with_platform_verifier().map_err(ClientTlsError::NoSystemRoots)
        }
        Roots::Pem(pem) => {
            let mut store = RootCertStore::empty();
            for der in certificates(pem).map_err(ClientTlsError::Roots)? {
                material.push(der.to_vec());
                store.add(der).map_err(|error| ClientTlsError::Roots(format!(": {error}")))?;
            }
            Ok(builder.with_root_certificates(store))
        }
    }
}

fn certified(pair: Pair<'_>, material: &mut Vec<Vec<u8>>) -> Result<CertifiedKey, ClientTlsError> {
    let chain = certificates(pair.chain).map_err(ClientTlsError::Chain)?;
    let mut key = PrivateKeyDer::from_pem_slice(pair.key).map_err(|_| ClientTlsError::Key)?;
    let signing = sign::any_supported_type(&key);
    material.extend(chain.iter().map(|der| der.to_vec()));
    material.push(Digest::of(key.secret_der()).to_string().into_bytes());
    key.zeroize();
    let shown = CertifiedKey::new(chain, signing.map_err(|_| ClientTlsError::Key)?);
    match shown.keys_match() {
        Ok(()) => Ok(shown),
        Err(rustls::Error::InconsistentKeys(_)) => Err(ClientTlsError::Mismatch),
        Err(error) => Err(ClientTlsError::Chain(format!(": {error}"))),
    }
}

/// The certificates in `pem`, at least one; else what follows the error's own words.
fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let found = found.map_err(|error| format!(": {error}"))?;
    if found.is_empty() { Err(String::new()) } else { Ok(found) }
}

/// When a certificate expires; `None` where that cannot be read.
fn not_after(der: &CertificateDer<'_>) -> Option<Timestamp> {
    let (_, certificate) = x509_parser::parse_x509_certificate(der).ok()?;
    Timestamp::from_second(certificate.validity().not_after.timestamp()).ok()
}

// === impl UpstreamTls ===

impl PartialEq for UpstreamTls {
    fn eq(&self, other: &UpstreamTls) -> bool {
        self.material == other.material
    }
}

impl Eq for UpstreamTls {}

impl Hash for UpstreamTls {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.material.to_string().hash(state);
    }
}

impl fmt::Debug for UpstreamTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.server_name.to_str();
        f.debug_struct("UpstreamTls").field("server_name", &name).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
