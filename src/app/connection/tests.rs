//! A session that is resumed still says whose it is, and ends with its certificate.

use super::shake;
use crate::clock;
use crate::tls::{self, Alpn, ClientCertificates, MinVersion, Pair, Pem, ServerSpec};
use jiff::{SignedDuration, Timestamp};
use rcgen::{CertificateParams, KeyPair, SanType};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, HandshakeKind, RootCertStore};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::TlsConnector;

/// A certificate that signs itself, with its key.
struct Made {
    der: CertificateDer<'static>,
    pem: String,
    key: KeyPair,
}

fn made(name: SanType, not_after: Timestamp) -> Made {
    let mut params = CertificateParams::default();
    params.subject_alt_names = vec![name];
    params.not_after = std::time::SystemTime::from(not_after).into();
    let key = KeyPair::generate().unwrap();
    let cert = params.self_signed(&key).unwrap();
    Made { der: cert.der().clone(), pem: cert.pem(), key }
}

fn server(own: &Made, client: &Made) -> tls::Server {
    let key = own.key.serialize_pem();
    let spec = ServerSpec {
        pairs: vec![Pair {
            chain: Pem { file: "a.pem", bytes: own.pem.as_bytes() },
            key: Pem { file: "a.key", bytes: key.as_bytes() },
        }],
        min_version: MinVersion::Tls12,
        clients: ClientCertificates::Required(Pem { file: "ca.pem", bytes: client.pem.as_bytes() }),
        alpn: Alpn::Http2,
    };
    tls::server(&spec, clock::now()).unwrap()
}

fn connector(server: &Made, own: &Made, version: Version) -> TlsConnector {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(server.der.clone()).unwrap();
    let key = PrivateKeyDer::try_from(own.key.serialize_der()).unwrap();
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots)
        .with_client_auth_cert(vec![own.der.clone()], key)
        .unwrap();
    TlsConnector::from(Arc::new(config))
}

type Version = &'static rustls::SupportedProtocolVersion;

/// One handshake: its kind, and the URIs that the caller proved.
async fn once(
    server: &tls::Server,
    connector: &TlsConnector,
) -> io::Result<(Option<HandshakeKind>, Vec<String>)> {
    let (near, far) = tokio::io::duplex(64 << 10);
    let calling = async {
        let name = ServerName::try_from("a.example").unwrap();
        let mut stream = connector.connect(name, near).await.unwrap();
        // The tickets of TLS 1.3 come behind the handshake.
        let mut byte = [0];
        let _ended = stream.read(&mut byte).await;
    };
    let accepting = async {
        let (mut stream, certificate) = shake(server, far).await?;
        stream.write_all(b"x").await?;
        Ok((stream.get_ref().1.handshake_kind(), certificate.unwrap().uris))
    };
    tokio::join!(calling, accepting).1
}

const ID: &str = "spiffe://prod.example/ns/a/sa/b";

#[tokio::test]
async fn a_resumed_session_shows_its_certificate() {
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let far = clock::now() + SignedDuration::from_hours(1);
        let own = made(SanType::DnsName("a.example".try_into().unwrap()), far);
        let client = made(SanType::URI(ID.try_into().unwrap()), far);
        let (accepts, calls) = (server(&own, &client), connector(&own, &client, version));
        let first = once(&accepts, &calls).await.unwrap();
        assert_eq!(first.1, [ID]);
        assert_ne!(first.0, Some(HandshakeKind::Resumed));
        assert_eq!(
            once(&accepts, &calls).await.unwrap(),
            (Some(HandshakeKind::Resumed), vec![ID.to_owned()])
        );
        // Another config knows nothing of it.
        let reloaded = server(&own, &client);
        assert_ne!(once(&reloaded, &calls).await.unwrap().0, Some(HandshakeKind::Resumed));
    }
}

#[tokio::test]
async fn a_session_does_not_outlive_its_certificate() {
    let now = clock::now();
    let far = now + SignedDuration::from_hours(1);
    let own = made(SanType::DnsName("a.example".try_into().unwrap()), far);
    let soon = now + SignedDuration::from_secs(3);
    let client = made(SanType::URI(ID.try_into().unwrap()), soon);
    let (accepts, calls) =
        (server(&own, &client), connector(&own, &client, &rustls::version::TLS13));
    assert_eq!(once(&accepts, &calls).await.unwrap().1, [ID]);
    let left = Duration::try_from(soon.duration_since(clock::now())).unwrap_or_default();
    tokio::time::sleep(left + Duration::from_millis(1_100)).await;
    let refusal = once(&accepts, &calls).await.unwrap_err();
    assert!(refusal.to_string().contains("resumed session"), "{refusal}");
}
