//! TLS towards whoever publishes keys.
//!
//! The provider is named: a process in which two could be meant would end in a panic. Nothing of
//! gait is shown to the server, and there is no switch that believes any certificate.

use crate::identity::keys::Remote;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt as _;
use std::sync::Arc;
use tokio_rustls::TlsConnector;

/// What a connection to `host` is secured with: the system's roots, or those that the config
/// names.
///
/// # Errors
/// Says which of the two cannot be used.
pub(super) fn settings(
    remote: &Remote,
    host: &str,
) -> Result<(TlsConnector, ServerName<'static>), String> {
    let name = ServerName::try_from(host.to_owned())
        .map_err(|_| "its host is no name that a certificate can hold".to_owned())?;
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let builder = match &remote.ca {
        Some(pem) => builder.with_root_certificates(roots(pem)?),
        None => builder
            .with_platform_verifier()
            .map_err(|error| format!("the system's roots cannot be had ({error}); set `ca`"))?,
    };
    let mut config = builder.with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok((TlsConnector::from(Arc::new(config)), name))
}

fn roots(pem: &[u8]) -> Result<RootCertStore, String> {
    let mut store = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|error| format!("`ca` is not PEM: {error}"))?;
        store.add(certificate).map_err(|error| format!("`ca` holds no root: {error}"))?;
    }
    if store.is_empty() { Err("`ca` holds no certificate".to_owned()) } else { Ok(store) }
}
