//! The demo tool API: what it answers, what it remembers, and the files that come with it.

use bytes::Bytes;
use gait::demo::{self, Demo, Limits};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::SocketAddr;
use tokio::net::TcpListener;

const JSON: &str = "application/json";

/// One request, as JSON if its body looks like it. `Null` for an empty answer.
async fn ask(demo: &Demo, method: Method, path: &str, body: &'static str) -> (StatusCode, Value) {
    let (head, body) = ask_raw(demo, method, path, body.as_bytes(), JSON).await.into_parts();
    let Ok(body) = body.collect().await;
    (head.status, serde_json::from_slice(&body.to_bytes()).unwrap_or(Value::Null))
}

async fn ask_raw(
    demo: &Demo,
    method: Method,
    path: &str,
    body: &'static [u8],
    content_type: &str,
) -> Response<Full<Bytes>> {
    let mut request = Request::new(Full::new(Bytes::from_static(body)));
    *request.method_mut() = method;
    *request.uri_mut() = path.parse().unwrap_or_default();
    if let Ok(value) = content_type.parse() {
        request.headers_mut().insert("content-type", value);
    }
    demo.answer(request).await
}

#[tokio::test]
async fn a_file_lives_and_dies() {
    let demo = Demo::new();
    let path = "/v1/files/a/b%20c.txt";
    assert_eq!(ask(&demo, Method::GET, path, "").await.0, 404);
    let (status, body) = ask(&demo, Method::PUT, path, "hello").await;
    assert_eq!((status.as_u16(), body), (201, json!({"path": "a/b c.txt", "bytes": 5})));
    assert_eq!(ask(&demo, Method::PUT, path, "again!").await.0, 200);
    let (status, body) = ask(&demo, Method::GET, path, "").await;
    let wanted = json!({"path": "a/b c.txt", "bytes": 6, "content": "again!"});
    assert_eq!((status.as_u16(), body), (200, wanted));
    let (_, body) = ask(&demo, Method::GET, "/v1/files", "").await;
    assert_eq!(body["files"][0], json!({"path": "a/b c.txt", "bytes": 6}));
    assert_eq!(body["files"][1]["path"], "notes/welcome.txt");
    assert_eq!(ask(&demo, Method::DELETE, path, "").await, (StatusCode::NO_CONTENT, Value::Null));
    assert_eq!(ask(&demo, Method::DELETE, path, "").await.0, 404);
}

#[tokio::test]
async fn a_transfer_is_strict() {
    let demo = Demo::new();
    let (status, body) =
        ask(&demo, Method::POST, "/v1/transfers", r#"{"to":"bob","amount":5}"#).await;
    assert_eq!((status.as_u16(), body), (201, json!({"id": 1, "to": "bob", "amount": 5})));
    for bad in [
        "",
        "[]",
        r#"{"to":"bob"}"#,
        r#"{"to":"bob","amount":"5"}"#,
        r#"{"to":"bob","amount":0}"#,
        r#"{"to":"bob","amount":-1}"#,
        r#"{"to":"","amount":5}"#,
        r#"{"to":"bob","amount":5,"from":"eve"}"#,
        r#"{"to":"bob","amount":5}{}"#,
    ] {
        assert_eq!(ask(&demo, Method::POST, "/v1/transfers", bad).await.0, 400, "{bad}");
    }
    let plain = ask_raw(&demo, Method::POST, "/v1/transfers", b"{}", "text/plain").await;
    assert_eq!(plain.status(), 415);
    assert_eq!(demo.transfers().len(), 1);
    let (_, body) = ask(&demo, Method::GET, "/v1/transfers", "").await;
    assert_eq!(body, json!({"transfers": [{"id": 1, "to": "bob", "amount": 5}]}));
}

#[tokio::test]
async fn paths_and_methods_are_strict() {
    let demo = Demo::new();
    for path in ["/", "/v1", "/v1/files2", "/v1/log/", "/V1/files"] {
        assert_eq!(ask(&demo, Method::GET, path, "").await.0, 404, "{path}");
    }
    for path in ["/v1/files/", "/v1/files/a//b", "/v1/files/../x", "/v1/files/%2e%2e/x"] {
        assert_eq!(ask(&demo, Method::PUT, path, "x").await.0, 400, "{path}");
    }
    for path in ["/v1/files/%00", "/v1/files/%ff", "/v1/files/a%2f%2fb"] {
        assert_eq!(ask(&demo, Method::PUT, path, "x").await.0, 400, "{path}");
    }
    let refused = ask_raw(&demo, Method::PATCH, "/v1/files/a", b"", JSON).await;
    assert_eq!(refused.status(), 405);
    assert_eq!(refused.headers()["allow"], "GET, PUT, DELETE");
    let not_text = ask_raw(&demo, Method::PUT, "/v1/files/a", b"\xff", JSON).await;
    assert_eq!(not_text.status(), 415);
    assert_eq!(demo.executed().iter().filter(|entry| entry.status < 400).count(), 0);
}

#[tokio::test]
async fn memory_is_bounded() {
    let limits = Limits { files_max: 2, file_bytes_max: 8, path_bytes_max: 4, log_max: 3 };
    let demo = Demo::with_limits(limits);
    assert_eq!(ask(&demo, Method::PUT, "/v1/files/a", "12345678").await.0, 201);
    assert_eq!(ask(&demo, Method::PUT, "/v1/files/a", "123456789").await.0, 413);
    assert_eq!(ask(&demo, Method::PUT, "/v1/files/b", "x").await.0, 507);
    assert_eq!(ask(&demo, Method::PUT, "/v1/files/a", "x").await.0, 200);
    assert_eq!(ask(&demo, Method::PUT, "/v1/files/abcde", "x").await.0, 414);
    let (_, log) = ask(&demo, Method::GET, "/v1/log", "").await;
    assert_eq!((&log["total"], log["entries"].as_array().map(Vec::len)), (&json!(5), Some(3)));
    assert_eq!(demo.count(&Method::PUT), 5);
    assert!(demo.executed().iter().all(|entry| entry.path.len() <= 4));
}

#[tokio::test]
async fn the_log_is_in_order_and_does_not_log_itself() {
    let demo = Demo::new();
    ask(&demo, Method::PUT, "/v1/files/a", "x").await;
    ask(&demo, Method::GET, "/v1/log", "").await;
    ask(&demo, Method::DELETE, "/v1/files/none", "").await;
    let (_, log) = ask(&demo, Method::GET, "/v1/log", "").await;
    let wanted = json!([
        {"seq": 1, "method": "PUT", "path": "/v1/files/a", "status": 201},
        {"seq": 2, "method": "DELETE", "path": "/v1/files/none", "status": 404},
    ]);
    assert_eq!(log, json!({"total": 2, "entries": wanted}));
    let executed = demo.executed();
    assert_eq!(executed.iter().map(|entry| entry.seq).collect::<Vec<_>>(), [1, 2]);
    assert_eq!([demo.count(&Method::PUT), demo.count(&Method::GET)], [1, 0]);
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

#[tokio::test]
async fn hyper_serves_it() {
    let demo = Demo::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let two = b"PUT /v1/files/a HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\nhi\
        GET /v1/files/a HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    let client = tokio::task::spawn_blocking(move || talk(address, two));
    let (stream, _) = listener.accept().await.unwrap();
    let builder = hyper::server::conn::http1::Builder::new();
    let served = builder.serve_connection(TokioIo::new(stream), demo::service(demo.clone()));
    served.await.unwrap();
    let answers = client.await.unwrap().unwrap();
    assert!(answers.starts_with("HTTP/1.1 201 Created"), "{answers}");
    assert!(answers.contains(r#"{"bytes":2,"content":"hi","path":"a"}"#), "{answers}");
    assert_eq!(demo.executed().len(), 2);
}

#[test]
fn the_greeting_has_six_curl_lines_and_says_what_it_is() {
    let text = demo::greeting("http://127.0.0.1:1", "http://127.0.0.1:2", None);
    assert_eq!(text.lines().filter(|line| line.starts_with("  curl ")).count(), 6);
    assert!(text.contains("this is the demo"));
    assert!(text.contains(r#"'{"to":"bob","amount":500}' http://127.0.0.1:1/v1/transfers"#));
    assert!(text.contains("curl -s http://127.0.0.1:2/metrics"));
    assert_eq!(text.matches("# ").count(), 6);
    assert!(!text.contains("#token=") && !text.contains("\n\n\n"));
}

#[test]
fn the_greeting_says_where_approvals_are_given() {
    let page = "http://127.0.0.1:3/#token=t";
    let text = demo::greeting("http://127.0.0.1:1", "http://127.0.0.1:2", Some(page));
    let line = format!("  {page}");
    assert!(text.lines().any(|found| found == line), "{text}");
    assert!(!text.contains("\n\n\n"));
}

/// The words under `key` at the end of `path`, in every element of the list `list`.
fn words(document: &Value, list: &str, path: &str) -> BTreeSet<String> {
    let items = document[list].as_array().into_iter().flatten();
    let found = items.filter_map(|item| item.pointer(path));
    found
        .flat_map(|found| match found {
            Value::Array(words) => words.clone(),
            word => vec![word.clone()],
        })
        .filter_map(|word| word.as_str().map(str::to_owned))
        .collect()
}

#[test]
fn config_and_policy_name_the_same_tools_and_every_verdict() {
    let config: Value = serde_saphyr::from_str(demo::config()).unwrap();
    let policy: Value = serde_saphyr::from_str(demo::policy()).unwrap();
    let tools = words(&config, "routes", "/intent/tool_name");
    assert_eq!(tools.len(), 10);
    assert_eq!(tools, words(&policy, "rules", "/match/tool_names"));
    let verdicts = ["allow", "block", "dry_run", "require_approval"].map(str::to_owned);
    assert_eq!(words(&policy, "rules", "/effect"), BTreeSet::from(verdicts));
    let upstreams = BTreeSet::from([demo::UPSTREAM.to_owned()]);
    assert_eq!(words(&config, "routes", "/upstream"), upstreams);
    assert!(config["upstreams"][demo::UPSTREAM]["url"].is_string());
}
