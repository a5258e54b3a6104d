//! Collectors that do as they are told, and what became of each batch.

use super::*;
use crate::metrics::{ExporterLabel, Limits, Metrics};
use crate::snapshot::{HostHeader, Http2};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

const TAKEN: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

/// A collector, and how often it was asked.
struct Place {
    address: SocketAddr,
    listener: TcpListener,
}

impl Place {
    async fn new() -> Place {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Place { address: listener.local_addr().unwrap(), listener }
    }

    /// Gives these answers, one to each connection, the last one to all that follow; an empty one
    /// is never given.
    async fn answer(self, answers: &[&str]) {
        let mut held = JoinSet::new();
        for at in 0_usize.. {
            let (mut stream, _) = self.listener.accept().await.unwrap();
            let answer = answers[at.min(answers.len() - 1)].to_owned();
            held.spawn(async move {
                let mut request = vec![0; 4096];
                let _read = stream.read(&mut request).await;
                let _gone = stream.write_all(answer.as_bytes()).await;
                if answer.is_empty() {
                    std::future::pending::<()>().await;
                }
            });
        }
    }
}

/// Lines that were sent, dropped and rejected of a batch of three.
async fn told(answers: &[&str], tools: Vec<Arc<UpstreamSpec>>) -> [f64; 3] {
    let place = Place::new().await;
    let url = format!("http://{}/v1/traces", place.address).parse().unwrap();
    tell(url, place.answer(answers), tools).await
}

async fn tell(
    url: Uri,
    collector: impl Future<Output = ()>,
    tools: Vec<Arc<UpstreamSpec>>,
) -> [f64; 3] {
    let metrics = Metrics::new(Limits { series_max: 10_000 }, &[]);
    let otlp = Arc::new(Otlp {
        signals: Vec::new(),
        headers: Vec::new(),
        ca: None,
        timeout: Duration::from_millis(300),
        queue_lines: 1,
        service: String::new(),
        resource: Vec::new(),
    });
    let own = metrics.export(ExporterLabel::OtlpTraces);
    let mut teller = Collector::new(otlp, (Signal::Traces, url), own);
    let millis = Duration::from_millis;
    teller.patience = Patience { first: millis(1), longest: millis(5), tries: 3 };
    let batch = Batch { body: Bytes::from_static(b"x"), lines: 3 };
    tokio::select! {
        () = collector => panic!("a collector never ends"),
        () = teller.tell(&batch, || tools.clone()) => {}
    }
    let text = metrics.render();
    ["sent", "dropped", "rejected"].map(|outcome| {
        let series = format!("{{exporter=\"otlp_traces\",outcome=\"{outcome}\"}} ");
        let line = text.lines().find_map(|line| line.split_once(&series)).unwrap();
        line.1.parse().unwrap()
    })
}

#[tokio::test]
async fn what_is_taken_is_sent_also_at_the_second_try() {
    assert_eq!(told(&[TAKEN], Vec::new()).await, [3.0, 0.0, 0.0]);
    for busy in ["429 Slow", "502 Bad", "503 Busy", "504 Late"] {
        let busy = format!("HTTP/1.1 {busy}\r\nRetry-After: 99\r\nContent-Length: 0\r\n\r\n");
        assert_eq!(told(&[&busy, TAKEN], Vec::new()).await, [3.0, 0.0, 0.0], "{busy}");
    }
    let silent_then_hung_up = ["", "HTTP/1.1 200 OK\r\nContent-Le", TAKEN];
    assert_eq!(told(&silent_then_hung_up, Vec::new()).await, [3.0, 0.0, 0.0]);
}

#[tokio::test]
async fn what_is_refused_is_not_told_again() {
    for code in ["400 Bad", "401 Who", "413 Large", "500 Oops", "301 Gone"] {
        let refusal = format!("HTTP/1.1 {code}\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n");
        assert_eq!(told(&[&refusal, TAKEN], Vec::new()).await, [0.0, 0.0, 3.0], "{code}");
    }
    let part = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n\u{a}\u{2}\u{8}\u{2}";
    assert_eq!(told(&[part], Vec::new()).await, [1.0, 0.0, 2.0]);
    let all_spans = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n\u{a}\u{2}\u{8}\u{6}";
    assert_eq!(told(&[all_spans], Vec::new()).await, [0.0, 0.0, 3.0], "two spans a line");
}

#[tokio::test]
async fn who_never_takes_it_is_given_up() {
    for answer in ["", "garbage, and no HTTP\r\n\r\n", "HTTP/1.1 503 Busy\r\n\r\n"] {
        assert_eq!(told(&[answer], Vec::new()).await, [0.0, 3.0, 0.0], "{answer}");
    }
    let gone = Place::new().await.address;
    let url = format!("http://{gone}/v1/traces").parse().unwrap();
    assert_eq!(tell(url, std::future::pending(), Vec::new()).await, [0.0, 3.0, 0.0]);
}

#[tokio::test]
async fn a_2xx_is_believed_whatever_comes_behind_it() {
    for body in ["Content-Length: 6\r\n\r\n<html>", "Content-Length: 9\r\n\r\nshort"] {
        let answer = format!("HTTP/1.1 200 OK\r\n{body}");
        assert_eq!(told(&[&answer], Vec::new()).await, [3.0, 0.0, 0.0], "{body}");
    }
}

#[tokio::test]
async fn no_tool_is_ever_told() {
    let place = Place::new().await;
    let tool = Arc::new(UpstreamSpec {
        name: "tool".into(),
        host: "localhost".into(),
        port: place.address.port(),
        host_header: HostHeader::Upstream,
        tls: None,
        http2: Http2::Off,
        credential: None,
    });
    let url = format!("http://{}/v1/traces", place.address).parse().unwrap();
    assert_eq!(tell(url, place.answer(&[TAKEN]), vec![tool]).await, [0.0, 3.0, 0.0]);
}
