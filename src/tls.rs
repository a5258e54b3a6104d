//! TLS: certificates and keys become configs that rustls can use, and a peer's certificate becomes
//! the facts that an identity is made of.
//!
//! The provider of cryptography is named wherever a config is built: one that is installed for the
//! whole process depends on who installs first. Files are read elsewhere; here they are bytes with
//! a name, so that an error can say which file is wrong.
//!
//! Rejected: a resolver that reads files by itself and swaps certificates behind the snapshot's
//! back. A call would then run under a certificate that no evidence names.

mod admit;
pub mod client;
mod leaf;
mod names;
mod pem;
mod server;

pub use admit::Admission;
pub use pem::Pem;
pub use server::{Alpn, ClientCertificates, MinVersion, Pair, Server, ServerSpec, server};

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use std::sync::Arc;

/// Why certificates or keys cannot be used; names the file and the mend.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {what}")]
pub struct TlsError {
    /// The file as it was named, or what else is wrong.
    pub file: String,
    /// What is wrong with it.
    pub what: String,
}

impl TlsError {
    fn new(file: &str, what: impl Into<String>) -> TlsError {
        TlsError { file: file.to_owned(), what: what.into() }
    }
}

/// The cryptography of every config that is made here.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}
