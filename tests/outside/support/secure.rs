//! A caller that speaks TLS: what it trusts, offers and shows is the test's choice.

use super::authority::Pair;
use super::{Conn, PATIENCE};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::io::{self, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

/// A connection with TLS under it.
pub(crate) type Secure = StreamOwned<ClientConnection, TcpStream>;

/// How a caller goes about its handshake.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    /// The roots it trusts, as PEM.
    pub(crate) roots: String,
    /// The server name it asks for.
    pub(crate) name: &'static str,
    /// The certificate it shows where it is asked for one.
    pub(crate) shows: Option<Pair>,
    /// The protocols it offers inside.
    pub(crate) alpn: &'static [&'static str],
    /// The versions it speaks.
    pub(crate) versions: &'static [&'static rustls::SupportedProtocolVersion],
}

/// TLS 1.2 alone.
pub(crate) static ONLY_12: &[&rustls::SupportedProtocolVersion] = &[&TLS12];
/// TLS 1.3 alone.
pub(crate) static ONLY_13: &[&rustls::SupportedProtocolVersion] = &[&TLS13];

impl Caller {
    /// One that trusts `roots`, asks for `api.test` and shows nothing.
    pub(crate) fn of(roots: &str) -> Caller {
        let roots = roots.to_owned();
        Caller { roots, name: "api.test", shows: None, alpn: &[], versions: rustls::ALL_VERSIONS }
    }

    /// Whom it asks for.
    pub(crate) fn server(&self) -> ServerName<'static> {
        ServerName::try_from(self.name).unwrap()
    }

    /// What rustls needs.
    pub(crate) fn config(&self) -> ClientConfig {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut roots = RootCertStore::empty();
        for root in CertificateDer::pem_slice_iter(self.roots.as_bytes()) {
            roots.add(root.unwrap()).unwrap();
        }
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(self.versions)
            .unwrap()
            .with_root_certificates(roots);
        let mut config = match &self.shows {
            Some(pair) => {
                let chain = CertificateDer::pem_slice_iter(pair.cert.as_bytes());
                let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap();
                let chain = chain.collect::<Result<_, _>>().unwrap();
                builder.with_client_auth_cert(chain, key).unwrap()
            }
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = self.alpn.iter().map(|word| word.as_bytes().to_vec()).collect();
        config
    }

    /// Dials and shakes hands. With TLS 1.3 a refused client certificate shows on the first read.
    pub(crate) fn try_open(&self, address: SocketAddr) -> io::Result<Conn<Secure>> {
        self.try_over(TcpStream::connect(address)?)
    }

    /// Shakes hands on a connection that is there already.
    pub(crate) fn try_over(&self, stream: TcpStream) -> io::Result<Conn<Secure>> {
        let session = ClientConnection::new(Arc::new(self.config()), self.server()).unwrap();
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let mut secure = StreamOwned::new(session, stream);
        while secure.conn.is_handshaking() {
            secure.conn.complete_io(&mut secure.sock)?;
        }
        secure.flush()?;
        Ok(Conn::over(secure))
    }

    /// The same; a handshake that fails ends the test.
    pub(crate) fn open(&self, address: SocketAddr) -> Conn<Secure> {
        self.try_open(address).expect("a TLS handshake")
    }

    /// The status of one GET; an error where the handshake or the connection fails.
    pub(crate) fn get(&self, address: SocketAddr, path: &str) -> io::Result<u16> {
        let mut conn = self.try_open(address)?;
        conn.write(super::get(path)).try_read().map(|answer| answer.status)
    }
}
