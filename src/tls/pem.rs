//! PEM text as certificates, keys and roots.

use super::TlsError;
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem};

/// The bytes of a PEM file.
#[derive(Clone, Copy)]
pub struct Pem<'a> {
    /// The file as it was named, for errors.
    pub file: &'a str,
    /// What stands in it.
    pub bytes: &'a [u8],
}

impl Pem<'_> {
    /// An error that names the file.
    pub(super) fn wrong(&self, what: impl Into<String>) -> TlsError {
        TlsError::new(self.file, what)
    }

    /// The certificates, in the order of the file; at least one.
    pub(super) fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, TlsError> {
        let read: Result<Vec<_>, pem::Error> = CertificateDer::pem_slice_iter(self.bytes).collect();
        match read {
            Ok(found) if found.is_empty() => {
                Err(self
                    .wrong("holds no certificate; it must be PEM, `-----BEGIN CERTIFICATE-----`"))
            }
            Ok(found) => Ok(found),
            Err(error) => Err(self.wrong(format!("is not readable PEM: {error}"))),
        }
    }

    /// The private key; errors say nothing of what stands in the file.
    pub(super) fn key(&self) -> Result<PrivateKeyDer<'static>, TlsError> {
        PrivateKeyDer::from_pem_slice(self.bytes).map_err(|_| {
            self.wrong(
                "holds no private key; it must be PEM, PKCS #8, PKCS #1 or SEC 1, not encrypted",
            )
        })
    }

    /// Certificates to trust; every one of them must be usable.
    pub(super) fn roots(&self) -> Result<RootCertStore, TlsError> {
        let mut roots = RootCertStore::empty();
        for certificate in self.certificates()? {
            roots.add(certificate).map_err(|error| {
                self.wrong(format!("holds a certificate that is no root: {error}"))
            })?;
        }
        Ok(roots)
    }
}
