//! The telemetry listener's answers, as values and once over the wire.

use bytes::Bytes;
use gait::metrics::{Limits, Metrics};
use gait::telemetry::{Check, Readiness, Refused, Sources, answer};
use http::{Method, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::io::{Read, Write};
use std::net::SocketAddr;
use tokio::net::TcpListener;

/// Asks with a readiness of the caller's choice.
async fn ask(method: Method, uri: &str, readiness: &Readiness) -> (Response<()>, String) {
    let metrics = Metrics::new(Limits { series_max: 1000 }, &[]);
    let sources = Sources {
        metrics: &metrics,
        readiness,
        snapshot: Some("s1"),
        evidence: None,
        evidence_trouble: Some("the disk refuses: no storage space"),
    };
    let uri = uri.parse().unwrap_or_default();
    let (head, body) = answer(&method, &uri, &sources).into_parts();
    let Ok(body) = body.collect().await;
    (Response::from_parts(head, ()), String::from_utf8_lossy(&body.to_bytes()).into_owned())
}

fn ready() -> Readiness {
    let readiness = Readiness::new();
    Check::ALL.into_iter().for_each(|check| readiness.pass(check));
    readiness
}

#[tokio::test]
async fn livez_depends_on_nothing() {
    let (head, body) = ask(Method::GET, "/livez", &Readiness::new()).await;
    assert_eq!((head.status(), body.as_str()), (StatusCode::OK, "ok\n"));
}

#[tokio::test]
async fn readyz_needs_every_check() {
    let (head, body) = ask(Method::GET, "/readyz", &ready()).await;
    assert_eq!((head.status(), body.as_str()), (StatusCode::OK, "ok\n"));
    for check in Check::ALL {
        let readiness = ready();
        readiness.fail(check);
        let (head, body) = ask(Method::GET, "/readyz", &readiness).await;
        assert_eq!(head.status(), StatusCode::SERVICE_UNAVAILABLE);
        let why = match check {
            Check::Evidence => ": the disk refuses: no storage space",
            _ => "",
        };
        assert!(body.contains(&format!("[-]{} failed{why}\n", check.as_str())), "{body}");
        assert_eq!(body.matches("[+]").count(), 3);
    }
}

#[tokio::test]
async fn readyz_verbose_lists_each_check() {
    let told = "[+]snapshot ok\n[+]evidence ok\n[+]state ok\n[+]shutdown ok\nreadyz check passed\n";
    for uri in ["/readyz?verbose", "/readyz?verbose=1", "/readyz?x=1&verbose"] {
        assert_eq!(ask(Method::GET, uri, &ready()).await.1, told);
    }
    assert_eq!(ask(Method::GET, "/readyz?verbosely", &ready()).await.1, "ok\n");
}

#[tokio::test]
async fn readyz_says_what_is_in_force_and_what_was_refused_and_stays_ready() {
    let at = |second| jiff::Timestamp::from_second(second).unwrap();
    let readiness = ready();
    readiness.in_force_since(at(0));
    readiness.refuses(Refused::new("config a.yaml:1:1: no", at(60)));
    readiness.refuses(Refused::new("config a.yaml:2:1: neither", at(61)));
    let (head, body) = ask(Method::GET, "/readyz?verbose", &readiness).await;
    assert_eq!(head.status(), StatusCode::OK);
    assert!(body.contains("[+]snapshot ok: s1 in force since 1970-01-01T00:00:00Z\n"), "{body}");
    let refused = "[!]reload refused since 1970-01-01T00:01:00Z: config a.yaml:2:1: neither; the \
                   snapshot in force stays\n";
    assert!(body.contains(refused), "{body}");
    assert_eq!(ask(Method::GET, "/readyz", &readiness).await.1, "ok\n");
    readiness.loads();
    let (_, body) = ask(Method::GET, "/readyz?verbose", &readiness).await;
    assert!(!body.contains("[!]") && body.contains("since 1970"), "{body}");
}

#[tokio::test]
async fn version_names_snapshot_and_evidence() {
    let (head, body) = ask(Method::GET, "/version", &ready()).await;
    assert_eq!(head.headers()["content-type"], "application/json");
    let told: serde_json::Value = serde_json::from_str(&body).unwrap();
    let version = env!("CARGO_PKG_VERSION");
    let wanted = serde_json::json!({"version": version, "snapshot": "s1", "evidence_head": null});
    assert_eq!(told, wanted);
}

#[tokio::test]
async fn other_paths_and_methods_are_refused() {
    for path in ["/", "/metrics/", "/Metrics", "//metrics", "/healthz"] {
        let (head, _) = ask(Method::GET, path, &ready()).await;
        assert_eq!(head.status(), StatusCode::NOT_FOUND, "{path}");
    }
    let (head, _) = ask(Method::POST, "/metrics", &ready()).await;
    assert_eq!(head.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(head.headers()["allow"], "GET, HEAD");
}

#[tokio::test]
async fn head_is_the_head_of_get() {
    for path in ["/metrics", "/livez", "/readyz", "/version", "/evidence/head"] {
        let (get, body) = ask(Method::GET, path, &ready()).await;
        let (head, none) = ask(Method::HEAD, path, &ready()).await;
        assert_eq!(get.headers()["content-type"], head.headers()["content-type"]);
        assert_eq!(get.headers()["content-length"], body.len().to_string());
        assert!(none.is_empty());
    }
}

/// Sends literal bytes and reads until the other side closes.
#[expect(clippy::disallowed_methods, reason = "a test is a client")]
fn talk(address: SocketAddr, bytes: &[u8]) -> std::io::Result<String> {
    let mut stream = std::net::TcpStream::connect(address)?;
    stream.write_all(bytes)?;
    let mut answers = String::new();
    stream.read_to_string(&mut answers)?;
    Ok(answers)
}

/// Serves one connection, as `app` does.
async fn serve_one(listener: TcpListener) -> hyper::Result<()> {
    let (metrics, readiness) = (Metrics::new(Limits { series_max: 1000 }, &[]), ready());
    let service = service_fn(async |request: hyper::Request<hyper::body::Incoming>| {
        let (metrics, readiness) = (&metrics, &readiness);
        let sources =
            Sources { metrics, readiness, snapshot: None, evidence: None, evidence_trouble: None };
        let response: Response<Full<Bytes>> = answer(request.method(), request.uri(), &sources);
        Ok::<_, std::convert::Infallible>(response)
    });
    let Ok((stream, _)) = listener.accept().await else { return Ok(()) };
    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await
}

#[tokio::test]
async fn hyper_serves_the_answers() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let two = b"HEAD /livez HTTP/1.1\r\nhost: a\r\n\r\n\
        GET /metrics HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    let client = tokio::task::spawn_blocking(move || talk(address, two));
    let (served, answers) = tokio::join!(serve_one(listener), client);
    served.unwrap();
    let answers = answers.unwrap().unwrap();
    let (first, second) = answers.split_once("\r\n\r\n").unwrap();
    assert!(first.contains("content-length: 3"), "{first}");
    assert!(second.starts_with("HTTP/1.1 200 OK"), "{second}");
    assert!(second.contains("content-type: text/plain; version=0.0.4"), "{second}");
}
