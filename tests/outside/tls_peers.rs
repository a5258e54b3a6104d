//! curl and nghttp as callers under TLS. A missing one fails the test: what was not tried has not
//! been shown.

use crate::support::{Authority, Caller, Gait, Recorder, Setup, Then, wait_for};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;

const CONFIG: &str = r#"
server:
  listen: "127.0.0.1:0"
  tls: { certificates: [ { cert: a.pem, key: a.key }, { cert: b.pem, key: b.key } ] }
listeners:
  - name: modern
    listen: "127.0.0.1:0"
    tls: { certificates: [ { cert: a.pem, key: a.key } ], min_version: "1.3" }
  - name: mesh
    listen: "127.0.0.1:0"
    tls:
      certificates: [ { cert: a.pem, key: a.key } ]
      client_certificates: required
      client_ca: ca.pem
  - { name: clear, listen: "127.0.0.1:0" }
  - { name: prior, listen: "127.0.0.1:0", http2: prior_knowledge }
  - name: old
    listen: "127.0.0.1:0"
    http2: off
    tls: { certificates: [ { cert: a.pem, key: a.key } ] }
stage: enforce
upstreams: { api: { url: "http://UPSTREAM" } }
identity:
  sources:
    - name: mesh
      certificate: { match: ["spiffe://prod.test/ns/{workspace}/sa/{agent_id}"] }
routes:
  - name: open
    match: { methods: [GET, POST], path: "/open/{rest*}" }
    upstream: api
    intent: { tool_name: api.open, risk_class: low }
  - name: closed
    match: { methods: [GET, POST], path: "/closed/{rest*}" }
    upstream: api
    anonymous: deny
    capture: full
    intent: { tool_name: api.closed, risk_class: low }
"#;

/// A tool that says where its answers end, and what they come to.
const TRAILED: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTrailer: X-Checksum\r\n\
                       Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Checksum: c0ffee\r\n\r\n";

struct Bench {
    gait: Gait,
    authority: Authority,
    /// Lives as long as the gait before it.
    tool: Recorder,
}

impl Bench {
    fn start() -> Bench {
        Bench::before(Recorder::start())
    }

    fn before(tool: Recorder) -> Bench {
        let (authority, dir) = (Authority::new("ours"), TempDir::new().unwrap());
        authority.server(&["a.test", "api.test"]).write(dir.path(), "a");
        authority.server(&["b.test"]).write(dir.path(), "b");
        authority.client(&["spiffe://prod.test/ns/pay/sa/bot"]).write(dir.path(), "bot");
        Authority::new("theirs")
            .client(&["spiffe://prod.test/ns/pay/sa/bot"])
            .write(dir.path(), "evil");
        std::fs::write(dir.path().join("ca.pem"), authority.pem()).unwrap();
        let config = CONFIG.replace("UPSTREAM", &tool.address.to_string());
        let setup = Setup { config, policy: "default_verdict: allow\n".into() };
        Bench { gait: setup.start_in(dir), authority, tool }
    }

    fn at(&self, listener: &str) -> SocketAddr {
        if listener == "server" {
            self.gait.server
        } else {
            self.gait.listener(listener).parse().unwrap()
        }
    }

    fn file(&self, name: &str) -> String {
        Path::join(self.gait.dir(), name).display().to_string()
    }

    /// What curl says of one call: status and version of HTTP, or why there was none.
    fn curl(&self, listener: &str, host: &str, path: &str, options: &[&str]) -> (String, String) {
        let port = self.at(listener).port();
        let scheme = if ["clear", "prior"].contains(&listener) { "http" } else { "https" };
        let (url, ca) = (format!("{scheme}://{host}:{port}{path}"), self.file("ca.pem"));
        let resolve = format!("{host}:{port}:127.0.0.1");
        let said = "%{http_code} %{http_version}";
        let fixed = ["-sv", "--cacert", &ca, "--resolve", &resolve, "-o", "/dev/null", "-w", said];
        let output = run("curl", &[&fixed, options, &[&url]].concat());
        (String::from_utf8_lossy(&output.stdout).into_owned(), text(&output))
    }
}

/// Runs a program to its end.
fn run(program: &str, arguments: &[&str]) -> Output {
    let output =
        Command::new("timeout").args(["--signal=KILL", "20", program]).args(arguments).output();
    let output = output.expect("`timeout` starts: install coreutils");
    let missing = output.status.code() == Some(127);
    assert!(!missing, "`{program}` is missing: install curl, nghttp2-client");
    output
}

/// What a program wrote, both streams.
fn text(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("{}{}", text(&output.stdout), text(&output.stderr))
}

#[test]
fn curl_speaks_every_version_that_a_listener_has() {
    let bench = Bench::start();
    let old = ["--tlsv1.2", "--tls-max", "1.2"];
    for (listener, host, options, said, shown) in [
        ("server", "a.test", ["--tlsv1.3", "--http2"].as_slice(), "200 2", "TLSv1.3"),
        ("server", "b.test", &["--tlsv1.3", "--http2"], "200 2", "CN="),
        ("server", "a.test", &["--tlsv1.3", "--http1.1"], "200 1.1", "TLSv1.3"),
        ("server", "a.test", &[old.as_slice(), &["--http1.1"]].concat(), "200 1.1", "TLSv1.2"),
        ("server", "a.test", &[old.as_slice(), &["--http2"]].concat(), "200 2", "TLSv1.2"),
        ("server", "c.test", &[], "000 0", "subject name"),
        (
            "server",
            "a.test",
            &["--tls-max", "1.1", "--ciphers", "ALL:@SECLEVEL=0"],
            "000 0",
            "alert",
        ),
        ("modern", "a.test", &["--http2"], "200 2", "TLSv1.3"),
        ("modern", "a.test", &old, "000 0", "alert"),
        ("old", "a.test", &["--http2"], "200 1.1", "server accepted http/1.1"),
        ("clear", "a.test", &["--http1.1"], "200 1.1", ""),
        ("clear", "a.test", &["--http2"], "200 1.1", ""),
        ("clear", "a.test", &["--http2-prior-knowledge"], "000 0", ""),
        ("prior", "a.test", &["--http2-prior-knowledge"], "200 2", ""),
        ("prior", "a.test", &["--http1.1"], "200 1.1", ""),
    ] {
        let (got, all) = bench.curl(listener, host, "/open/x", options);
        let fits = got.starts_with(said) && all.contains(shown);
        assert!(fits, "{listener} {host} {options:?}: wanted {said}, {shown}; got {got}\n{all}");
    }
    let sent = bench.tool.take();
    assert!(sent.len() >= 9 && sent.iter().all(|seen| seen.target() == "/open/x"), "{sent:?}");
}

#[test]
fn a_spiffe_id_is_who_calls() {
    let bench = Bench::start();
    let (cert, key) = (bench.file("bot.pem"), bench.file("bot.key"));
    for version in ["--http2", "--http1.1"] {
        let shown = [version, "--cert", &cert, "--key", &key];
        let (got, all) = bench.curl("mesh", "a.test", "/closed/x", &shown);
        assert!(got.starts_with("200"), "{version}: {all}");
    }
    let calls = wait_for("both lines", || {
        let lines = bench.gait.evidence().into_iter();
        let calls: Vec<_> = lines.filter(|line| line["disposition"] == "forwarded").collect();
        Some(calls).filter(|calls| calls.len() >= 2)
    });
    assert_eq!(calls.len(), 2, "{calls:?}");
    for call in calls {
        assert_eq!(call["identity"], "spiffe://prod.test/ns/pay/sa/bot");
        let context = &call["intent"]["context"];
        assert_eq!(
            (&context["workspace"], &context["agent_id"]),
            (&"pay".into(), &"bot".into()),
            "{call}"
        );
    }
    let (cert, key) = (bench.file("evil.pem"), bench.file("evil.key"));
    for options in [vec![], vec!["--cert", &cert, "--key", &key]] {
        let (got, all) = bench.curl("mesh", "a.test", "/closed/x", &options);
        assert!(got.starts_with("000"), "{options:?}: {all}");
    }
    let (got, _) = bench.curl("server", "a.test", "/closed/x", &["--http2"]);
    assert!(got.starts_with("401"), "nobody on a route for somebody: {got}");
    assert_eq!(bench.tool.take().len(), 2);
    let failures = [("listener", "mesh")];
    assert!(bench.gait.scrape().sum("gait_tls_handshake_failures_total", &failures) >= 2.0);
}

#[test]
fn nghttp_gets_answers_with_their_trailers() {
    let tool = Recorder::answering(|_, stream| {
        std::io::Write::write_all(stream, TRAILED.as_bytes())?;
        Ok(Then::Keep)
    });
    let bench = Bench::before(tool);
    for (scheme, listener) in [("https", "server"), ("http", "prior")] {
        let url = format!("{scheme}://127.0.0.1:{}/open/x", bench.at(listener).port());
        let all =
            text(&run("nghttp", &["-v", "-H", "te: trailers", "-H", ":authority: a.test", &url]));
        for wanted in [":status: 200", "abc", "x-checksum: c0ffee"] {
            assert!(all.contains(wanted), "{scheme}: no `{wanted}` in\n{all}");
        }
        let (data, trailers) = (all.find("recv DATA"), all.find("x-checksum: c0ffee"));
        assert!(data < trailers, "{scheme}: the trailer does not come last:\n{all}");
    }
    // Several streams on one connection.
    let url = format!("https://127.0.0.1:{}/open/x", bench.at("server").port());
    let all = text(&run("nghttp", &["-v", "-m", "20", "-H", ":authority: a.test", &url]));
    assert_eq!(all.matches(":status: 200").count(), 20, "{all}");
}

#[test]
fn a_refused_head_is_not_asked_for_its_body() {
    let bench = Bench::start();
    let caller = Caller::of(&bench.authority.pem());
    let ask = |path: &str| {
        let mut conn = caller.open(bench.gait.server);
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: api.test\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"
        );
        conn.write(head);
        conn
    };
    let refused = ask("/closed/x").read();
    assert_eq!((refused.status, refused.interim), (401, vec![]), "no body is wanted");
    assert_eq!(bench.tool.count(), 0);
    let mut conn = ask("/open/x");
    conn.write("hi");
    let taken = conn.read();
    assert_eq!((taken.status, taken.interim), (200, vec![100]));
    assert_eq!(bench.tool.take()[0].body, b"hi");
}
