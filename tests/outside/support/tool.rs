//! A tool that speaks what a modern tool speaks: TLS, HTTP/2, trailers. It runs on hyper in a
//! runtime of its own and keeps what it was asked.

use super::authority::{Authority, Pair};
use bytes::Bytes;
use http::{HeaderMap, Request, Response, Version};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, BodyStream, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;

/// A request as the tool got it.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// The version it came in.
    pub(crate) version: Version,
    /// Target, with scheme and authority over HTTP/2.
    pub(crate) uri: String,
    /// All fields.
    pub(crate) fields: HeaderMap,
}

/// How long a connection lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lasting {
    /// As long as the caller wants.
    Long,
    /// It says at the first request that it takes no other, and answers that one.
    OneCall,
}

/// How the tool listens.
#[derive(Clone, Default)]
pub(crate) struct Security {
    /// `None` is clear text.
    config: Option<Arc<ServerConfig>>,
}

/// A running tool.
pub(crate) struct Tool {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    inner: Arc<Inner>,
    _runtime: Runtime,
}

struct Inner {
    security: Mutex<Security>,
    version: Version,
    lasting: Lasting,
    connections: AtomicUsize,
    asked: Mutex<Vec<Asked>>,
}

type Answer = Response<BoxBody<Bytes, hyper::Error>>;

impl Security {
    /// TLS with this certificate; `clients` must have signed the certificate of whoever calls.
    pub(crate) fn tls(pair: &Pair, clients: Option<&Authority>, alpn: &[&str]) -> Security {
        let provider = Arc::new(default_provider());
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .unwrap();
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some(authority) => {
                let mut roots = rustls::RootCertStore::empty();
                roots
                    .add(CertificateDer::from_pem_slice(authority.pem().as_bytes()).unwrap())
                    .unwrap();
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(roots.into(), provider).build();
                builder.with_client_cert_verifier(verifier.unwrap())
            }
        };
        let chain = vec![CertificateDer::from_pem_slice(pair.cert.as_bytes()).unwrap()];
        let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap();
        let mut config = builder.with_single_cert(chain, key).unwrap();
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        Security { config: Some(Arc::new(config)) }
    }
}

impl Tool {
    /// Speaks `version` unless ALPN chooses another.
    pub(crate) fn start(security: Security, version: Version, lasting: Lasting) -> Tool {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let inner = Arc::new(Inner {
            security: Mutex::new(security),
            version,
            lasting,
            connections: AtomicUsize::new(0),
            asked: Mutex::default(),
        });
        let accepting = Arc::clone(&inner);
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                accepting.connections.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(Arc::clone(&accepting).speak(stream));
            }
        });
        Tool { address, inner, _runtime: runtime }
    }

    /// Shows another certificate from the next connection on.
    pub(crate) fn secure(&self, security: Security) {
        *self.inner.security.lock().unwrap() = security;
    }

    /// Every request so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.inner.asked.lock().unwrap().clone()
    }

    /// How many connections were accepted.
    pub(crate) fn connections(&self) -> usize {
        self.inner.connections.load(Ordering::Relaxed)
    }
}

impl Inner {
    async fn speak(self: Arc<Self>, stream: TcpStream) {
        let security = self.security.lock().unwrap().clone();
        let Some(config) = security.config else {
            let version = self.version;
            return self.serve(stream, version).await;
        };
        // A caller who does not believe the certificate is what some tests are about.
        let Ok(stream) = TlsAcceptor::from(config).accept(stream).await else { return };
        let version = match stream.get_ref().1.alpn_protocol() {
            Some(b"h2") => Version::HTTP_2,
            Some(_) => Version::HTTP_11,
            None => self.version,
        };
        self.serve(stream, version).await;
    }

    async fn serve<S: AsyncRead + AsyncWrite + Unpin + 'static>(
        self: Arc<Self>,
        stream: S,
        version: Version,
    ) {
        let stop = Arc::new(tokio::sync::Notify::new());
        let (tool, stopping) = (Arc::clone(&self), Arc::clone(&stop));
        let service = service_fn(move |request| {
            if tool.lasting == Lasting::OneCall {
                stopping.notify_one();
            }
            let tool = Arc::clone(&tool);
            async move { Ok::<_, Infallible>(tool.answer(request).await) }
        });
        let stream = TokioIo::new(stream);
        if version == Version::HTTP_2 {
            let mut connection =
                pin!(http2::Builder::new(TokioExecutor::new()).serve_connection(stream, service));
            tokio::select! {
                _ended = connection.as_mut() => return,
                () = stop.notified() => connection.as_mut().graceful_shutdown(),
            }
            let _ended = connection.await;
        } else {
            let _ended = http1::Builder::new().serve_connection(stream, service).await;
        }
    }

    async fn answer(&self, request: Request<Incoming>) -> Answer {
        let (parts, body) = request.into_parts();
        self.asked.lock().unwrap().push(Asked {
            version: parts.version,
            uri: parts.uri.to_string(),
            fields: parts.headers,
        });
        match parts.uri.path() {
            "/v1/echo" => Response::new(StreamBody::new(BodyStream::new(body)).boxed()),
            "/v1/trailers" => {
                let mut trailers = HeaderMap::new();
                trailers.insert("grpc-status", http::HeaderValue::from_static("0"));
                let frames = [Frame::data(Bytes::from_static(b"data")), Frame::trailers(trailers)];
                let frames = futures_util::stream::iter(frames.map(Ok));
                let mut answer = Response::new(StreamBody::new(frames).boxed());
                answer.headers_mut().insert("trailer", "grpc-status".parse().unwrap());
                answer
            }
            "/v1/big" => {
                let body = Full::new(Bytes::from(vec![b'x'; 3 << 20]));
                Response::new(body.map_err(|never| match never {}).boxed())
            }
            _ => {
                let read = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
                let text = format!("{:?} {}", parts.version, read.len());
                Response::new(Full::from(text).map_err(|never| match never {}).boxed())
            }
        }
    }
}
