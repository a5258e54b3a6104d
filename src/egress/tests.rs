//! A key server that does as it is told, and what becomes of the keys.

use super::fetch::fetch;
use super::*;
use crate::identity::keys::{KeyRing, Remote, Stale};
use crate::metrics::{Limits, Metrics};
use crate::snapshot::{HostHeader, Http2, UpstreamSpec};
use rcgen::{CertificateParams, CertifiedIssuer, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::PrivateKeyDer;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// One key (RFC 8037, appendix A.2).
const SET: &str = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"a","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;

/// How a server answers.
#[derive(Clone)]
struct Script {
    answer: String,
    after: Duration,
    tls: Option<TlsAcceptor>,
}

/// A server, what it was asked and how often.
struct Server {
    port: u16,
    asked: Arc<AtomicUsize>,
    heads: mpsc::UnboundedReceiver<String>,
    _task: JoinSet<()>,
}

fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

fn answering(answer: String) -> Script {
    Script { answer, after: Duration::ZERO, tls: None }
}

async fn serve(script: Script) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let asked = Arc::new(AtomicUsize::new(0));
    let (said, heads) = mpsc::unbounded_channel();
    let (mut task, count) = (JoinSet::new(), asked.clone());
    task.spawn(async move {
        let mut calls = JoinSet::new();
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let (script, count, said) = (script.clone(), count.clone(), said.clone());
            calls.spawn(async move {
                match &script.tls {
                    None => answer(stream, &script, &count, &said).await,
                    Some(tls) => {
                        let Ok(stream) = tls.accept(stream).await else { return };
                        answer(stream, &script, &count, &said).await;
                    }
                }
            });
        }
    });
    Server { port, asked, heads, _task: task }
}

async fn answer(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    script: &Script,
    asked: &AtomicUsize,
    said: &mpsc::UnboundedSender<String>,
) {
    let mut head = vec![0; 4096];
    let read = stream.read(&mut head).await.unwrap();
    asked.fetch_add(1, Ordering::SeqCst);
    let _ = said.send(String::from_utf8_lossy(&head[..read]).into_owned());
    tokio::time::sleep(script.after).await;
    // Whoever has heard enough hangs up.
    let _ = stream.write_all(script.answer.as_bytes()).await;
    let _ = stream.shutdown().await;
}

impl Server {
    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    fn remote(&self) -> Remote {
        Remote {
            source: "sso".into(),
            url: format!("http://127.0.0.1:{}/keys.json?a=b", self.port).parse().unwrap(),
            refresh: Duration::from_secs(300),
            keep: Duration::from_secs(3_600),
            timeout: Duration::from_secs(5),
            ca: None,
            allow_http: true,
        }
    }

    fn tool(&self, host: &str) -> Arc<UpstreamSpec> {
        Arc::new(UpstreamSpec {
            name: "tool".into(),
            host: host.into(),
            port: self.port,
            host_header: HostHeader::Upstream,
            tls: None,
            http2: Http2::Off,
            credential: None,
        })
    }
}

/// A fetcher whose fetches run.
fn fetcher() -> (Fetcher, JoinSet<()>, Metrics) {
    let metrics = Metrics::new(Limits { series_max: 1_000 }, &[]);
    let (fetcher, mut wanted) = Fetcher::new(metrics.clone());
    let mut house = JoinSet::new();
    house.spawn(async move {
        let mut running = JoinSet::new();
        while let Some(fetch) = wanted.recv().await {
            running.spawn(fetch);
        }
    });
    (fetcher, house, metrics)
}

fn shown(metrics: &Metrics, series: &str) -> f64 {
    let text = metrics.render();
    let line = text.lines().find_map(|line| line.strip_prefix(series)).unwrap();
    line.trim().parse().unwrap()
}

async fn refused(script: Script, change: impl FnOnce(&mut Remote)) -> FetchError {
    let server = serve(script).await;
    let mut remote = server.remote();
    change(&mut remote);
    fetch(&remote, &[]).await.unwrap_err()
}

/// What a call tells of which the keys did not do.
fn stale(ring: &Arc<KeyRing>) -> Stale {
    Stale { ring: ring.clone(), seen: ring.held() }
}

#[tokio::test]
async fn a_key_set_is_asked_for_plainly_and_put_into_its_ring() {
    let mut server = serve(answering(ok(SET))).await;
    let (fetcher, _house, metrics) = fetcher();
    let ring = Arc::new(KeyRing::fetched(server.remote()));
    fetcher.configure(&[], [&ring].into_iter());
    assert_eq!(shown(&metrics, "gait_jwks_failures_total{source=\"sso\"}"), 0.0);
    assert_eq!(fetcher.refresh(&stale(&ring)).await, Refreshed::Fetched);
    assert_eq!(ring.held().unwrap().keys.keys().len(), 1);
    assert!(shown(&metrics, "gait_jwks_last_success_timestamp_seconds{source=\"sso\"}") > 1e9);
    let head = server.heads.recv().await.unwrap().to_ascii_lowercase();
    assert!(head.starts_with("get /keys.json?a=b http/1.1\r\n"), "{head}");
    assert!(head.contains(&format!("host: 127.0.0.1:{}\r\n", server.port)), "{head}");
    assert!(!head.contains("authorization") && !head.contains("cookie"), "{head}");
}

#[tokio::test]
async fn many_who_ask_at_once_wait_for_one_fetch() {
    let slow = Script { after: Duration::from_millis(200), ..answering(ok(SET)) };
    let server = serve(slow).await;
    let (fetcher, _house, _) = fetcher();
    let ring = Arc::new(KeyRing::fetched(server.remote()));
    let seen = stale(&ring);
    let asked = (0..50).map(|_| fetcher.refresh(&seen));
    let mut refreshed = futures_util::future::join_all(asked).await;
    assert_eq!(refreshed.pop(), Some(Refreshed::Earlier), "it waited with the others");
    assert_eq!(refreshed.first(), Some(&Refreshed::Fetched));
    assert_eq!(server.asked(), 1);
    // Who looked before there were keys looks at them before any are fetched.
    assert_eq!(fetcher.refresh(&seen).await, Refreshed::Earlier);
    assert_eq!(server.asked(), 1);
}

#[tokio::test]
async fn who_leaves_breaks_nothing_off() {
    let slow = Script { after: Duration::from_secs(2), ..answering(ok(SET)) };
    let server = serve(slow).await;
    let (fetcher, _house, _) = fetcher();
    let ring = Arc::new(KeyRing::fetched(server.remote()));
    for _ in 0..20 {
        let left =
            tokio::time::timeout(Duration::from_millis(5), fetcher.refresh(&stale(&ring))).await;
        assert!(left.is_err());
    }
    assert_eq!(fetcher.refresh(&stale(&ring)).await, Refreshed::Earlier);
    assert_eq!(server.asked(), 1, "they left the same fetch twenty times");
}

#[tokio::test]
async fn a_flood_of_wishes_does_not_flood_the_issuer() {
    let server = serve(answering(ok(SET))).await;
    let (fetcher, _house, _) = fetcher();
    let ring = Arc::new(KeyRing::fetched(server.remote()));
    let mut limited = 0;
    for _ in 0..200 {
        limited += usize::from(fetcher.refresh(&stale(&ring)).await == Refreshed::Limited);
    }
    assert!((60..=70).contains(&server.asked()), "{}", server.asked());
    assert_eq!(limited + server.asked(), 200);
    // The house is not bound by what callers have used up.
    let due = Arc::new(KeyRing::fetched(server.remote()));
    let before = server.asked();
    fetcher.keep([&due].into_iter());
    fetcher.fill([&due].into_iter()).await;
    fetcher.keep([&due].into_iter());
    assert_eq!(server.asked(), before + 1, "fetched at once, and then not due for long");
}

#[tokio::test]
async fn what_is_no_key_set_changes_nothing() {
    let redirect = "HTTP/1.1 302 Found\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n";
    let huge = " ".repeat((1 << 20) + 1);
    let short = "HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n{";
    let rows = [
        (redirect.to_owned(), "answered 302 Found"),
        ("HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n".to_owned(), "answered 500"),
        ("HTTP/1.1 204 None\r\n\r\n".to_owned(), "answered 204"),
        (ok(&huge), "larger than 1048576 bytes"),
        (ok("<html>"), "no key set"),
        (ok("{\"keys\":[]}"), "no key set"),
        (short.to_owned(), "broke off"),
        ("garbage\r\n\r\n".to_owned(), "broke off"),
        (String::new(), "broke off"),
    ];
    for (answer, want) in rows {
        let error = refused(answering(answer), |_| {}).await.to_string();
        assert!(error.contains(want), "{want} is not in {error}");
    }
    let server = serve(answering(redirect.to_owned())).await;
    let (fetcher, _house, metrics) = fetcher();
    let ring = Arc::new(KeyRing::fetched(server.remote()));
    ring.store(crate::identity::keys::KeySet::parse(SET.as_bytes()).unwrap(), crate::clock::now());
    assert_eq!(fetcher.refresh(&stale(&ring)).await, Refreshed::Failed);
    assert!(ring.held().is_some(), "what was held stays");
    assert_eq!(shown(&metrics, "gait_jwks_failures_total{source=\"sso\"}"), 1.0);
}

#[tokio::test]
async fn a_server_that_is_slow_or_gone_is_not_waited_for() {
    let slow = Script { after: Duration::from_secs(60), ..answering(ok(SET)) };
    let error = refused(slow, |remote| remote.timeout = Duration::from_millis(50)).await;
    assert!(matches!(error, FetchError::Late), "{error}");
    let gone = serve(answering(String::new())).await.remote();
    let error = fetch(&gone, &[]).await.unwrap_err();
    assert!(
        matches!(error, FetchError::Dial(DialError::Connect(_)) | FetchError::Exchange(_)),
        "{error}"
    );
    let nowhere = "http://no-such-host.invalid/".parse().unwrap();
    let error = fetch(&Remote { url: nowhere, ..gone }, &[]).await.unwrap_err();
    assert!(matches!(error, FetchError::Dial(DialError::Resolve(_))), "{error}");
}

#[tokio::test]
async fn no_tool_is_asked_for_keys() {
    let server = serve(answering(ok(SET))).await;
    let by_name = format!("http://localhost:{}/", server.port).parse().unwrap();
    let by_name = Remote { url: by_name, ..server.remote() };
    for (remote, tool) in [
        (server.remote(), server.tool("127.0.0.1")),
        (server.remote(), server.tool("localhost")),
        (server.remote(), server.tool("::ffff:127.0.0.1")),
        (by_name.clone(), server.tool("LocalHost")),
        (by_name, server.tool("127.0.0.1")),
    ] {
        let error = fetch(&remote, &[tool]).await.unwrap_err();
        assert!(matches!(error, FetchError::Dial(DialError::Tool)), "{error}");
    }
    assert_eq!(server.asked(), 0);
    let other = Arc::new(UpstreamSpec { port: 1, ..(*server.tool("127.0.0.1")).clone() });
    assert!(fetch(&server.remote(), &[other, server.tool("no-such-host.invalid")]).await.is_ok());
}

#[tokio::test]
async fn clear_text_is_only_for_those_who_say_so() {
    let server = serve(answering(ok(SET))).await;
    let strict = Remote { allow_http: false, ..server.remote() };
    assert!(matches!(fetch(&strict, &[]).await.unwrap_err(), FetchError::Dial(DialError::Url)));
    assert_eq!(server.asked(), 0);
}

/// A server's side of TLS for 127.0.0.1, and the root that vouches for it.
fn secured() -> (TlsAcceptor, String) {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
    let own = CertifiedIssuer::self_signed(params, key).unwrap();
    let key = PrivateKeyDer::try_from(own.key().serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![own.der().clone()], key)
        .unwrap();
    (TlsAcceptor::from(Arc::new(config)), own.pem())
}

#[tokio::test]
async fn tls_believes_the_roots_of_the_config_and_nobody_else() {
    let (tls, pem) = secured();
    let server = serve(Script { tls: Some(tls), ..answering(ok(SET)) }).await;
    let url = format!("https://127.0.0.1:{}/", server.port).parse().unwrap();
    let ca = |pem: &str| Some(Arc::new(pem.as_bytes().to_vec()));
    let remote = Remote { url, ca: ca(&pem), allow_http: false, ..server.remote() };
    assert!(fetch(&remote, &[]).await.is_ok());
    let (_, other) = secured();
    let stranger = fetch(&Remote { ca: ca(&other), ..remote.clone() }, &[]).await.unwrap_err();
    assert!(matches!(stranger, FetchError::Dial(DialError::Tls(_))), "{stranger}");
    let system = fetch(&Remote { ca: None, ..remote.clone() }, &[]).await.unwrap_err();
    assert!(
        matches!(
            system,
            FetchError::Dial(DialError::Tls(_)) | FetchError::Dial(DialError::Setup(_))
        ),
        "{system}"
    );
    let named = format!("https://localhost:{}/", server.port).parse().unwrap();
    let misnamed = fetch(&Remote { url: named, ..remote }, &[]).await.unwrap_err();
    assert!(matches!(misnamed, FetchError::Dial(DialError::Tls(_))), "{misnamed}");
    assert_eq!(server.asked(), 1);
}

#[tokio::test]
async fn keys_of_a_file_are_never_fetched() {
    let (fetcher, _house, _) = fetcher();
    let keys = crate::identity::keys::KeySet::parse(SET.as_bytes()).unwrap();
    let ring = Arc::new(KeyRing::fixed(keys));
    assert_eq!(fetcher.refresh(&stale(&ring)).await, Refreshed::Fixed);
}

#[tokio::test]
async fn where_nobody_runs_fetches_nobody_waits() {
    let metrics = Metrics::new(Limits { series_max: 1_000 }, &[]);
    let (fetcher, wanted) = Fetcher::new(metrics);
    drop(wanted);
    let server = serve(answering(ok(SET))).await;
    let ring = Arc::new(KeyRing::fetched(server.remote()));
    let waited = tokio::time::timeout(Duration::from_secs(1), fetcher.refresh(&stale(&ring))).await;
    assert_eq!(waited.unwrap(), Refreshed::Failed);
}
