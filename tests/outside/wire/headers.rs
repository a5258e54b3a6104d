//! Classes hdr, proto, log: what stands beside the call.

use super::{Row, Want};

/// All rows of this file.
pub(super) fn rows() -> Vec<Row> {
    let mut rows = spoofed();
    rows.extend(hop_by_hop());
    rows.extend(malformed());
    rows.extend(protocols());
    rows
}

/// A note with these header lines, each ended by CRLF.
fn note(lines: &str) -> String {
    format!("POST /v1/notes/x HTTP/1.1\r\nHost: api.test\r\n{lines}Content-Length: 2\r\n\r\nhi")
}

/// The same, to a call that needs an approval.
fn payment(lines: &str) -> String {
    format!(
        "POST /v1/payments HTTP/1.1\r\nHost: api.test\r\nContent-Type: application/json\r\n\
         {lines}Content-Length: 2\r\n\r\n{{}}"
    )
}

/// Names that only gait, or a trusted proxy before it, may set.
const SPOOFED: [&str; 26] = [
    "Gait-Verdict",
    "Gait-Disposition",
    "Gait-Call-Id",
    "Gait-Simulated",
    "Gait-Approval",
    "gait-approval",
    "GAIT-IDENTITY",
    "Gait-Anything-At-All",
    "gait_approval",
    "Gait_Verdict",
    "Forwarded",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Proto",
    "X-Forwarded-Port",
    "X-Forwarded-Prefix",
    "X-Forwarded-User",
    "X_Forwarded_For",
    "X-Real-IP",
    "True-Client-IP",
    "X-Original-URL",
    "X-Rewrite-URL",
    "X-Client-IP",
    "X-Remote-User",
    "X-Authenticated-User",
    "X-Forwarded-Client-Cert",
];

/// A spoofed name never reaches the tool and never changes a verdict.
fn spoofed() -> Vec<Row> {
    let stripped = SPOOFED.chunks(1).map(|name| {
        let bytes = note(&format!("{}: /admin\r\n", name[0]));
        Row::new(format!("hdr spoofed {}", name[0]), bytes, Want::Stripped(name))
    });
    let powerless =
        ["Gait-Verdict: allow", "Gait-Approval: x", "Gait-Dry-Run: false", "X-User: root"]
            .into_iter()
            .map(|line| {
                let want =
                    if line.starts_with("Gait-Approval") { Want::Cut } else { Want::Refused(428) };
                Row::new(format!("hdr powerless {line}"), payment(&format!("{line}\r\n")), want)
            });
    let nul = Row::new("hdr spoofed with NUL", note("Gait-Ver\0dict: allow\r\n"), Want::Cut);
    stripped.chain(powerless).chain([nul]).collect()
}

/// Fields of one hop stay on that hop, and `Connection` cannot take ours away.
fn hop_by_hop() -> Vec<Row> {
    let hop = |lines: &str, gone: &'static [&'static str]| {
        Row::new(format!("hdr hop {lines:?}"), note(lines), Want::Stripped(gone))
    };
    let nominated = |name: &str| {
        let lines = format!("Connection: {name}\r\n");
        Row::new(format!("hdr nominates {name}"), note(&lines), Want::Refused(400))
    };
    vec![
        hop("Connection: x-secret\r\nX-Secret: 1\r\n", &["X-Secret", "Connection"]),
        hop("Keep-Alive: timeout=5\r\n", &["Keep-Alive"]),
        hop("Proxy-Connection: keep-alive\r\n", &["Proxy-Connection"]),
        hop("Proxy-Authorization: Basic eDp5\r\n", &["Proxy-Authorization"]),
        hop("TE: gzip\r\n", &["TE"]),
        hop("Trailer: X-Late\r\n", &["Trailer"]),
        nominated("host"),
        nominated("content-length"),
        nominated("transfer-encoding"),
        nominated("authorization"),
        nominated("keep-alive, gait-call-id"),
        Row::new(
            "hdr two authorizations",
            note("Authorization: Bearer a\r\nAuthorization: Bearer b\r\n"),
            Want::Refused(400),
        ),
        Row::new(
            "hdr two content types",
            payment("Content-Type: text/plain\r\n"),
            Want::Refused(400),
        ),
    ]
}

/// Bytes that are no header field.
fn malformed() -> Vec<Row> {
    [
        "X : y\r\n",
        "X\t: y\r\n",
        " X: y\r\n",
        "X y\r\n",
        ": y\r\n",
        "X: a\r\n b\r\n",
        "X: a\r\n\tb\r\n",
        "X: a\0b\r\n",
        "X: a\rb\r\n",
        "X: a\x01b\r\n",
        "X: a\x7fb\r\n",
        "X(): y\r\n",
        "X\u{e9}: y\r\n",
        "X: a\rEVIL: b\r\n",
    ]
    .into_iter()
    .map(|line| Row::new(format!("hdr malformed {line:?}"), note(line), Want::Cut))
    .collect()
}

/// Other protocols and versions, upgrades, expectations.
fn protocols() -> Vec<Row> {
    let version = |version: &str, want| {
        let bytes = format!("GET /health {version}\r\nHost: api.test\r\n\r\n");
        Row::new(format!("proto version {version}"), bytes, want)
    };
    let expect = |value: &str| {
        Row::new(format!("proto expect {value}"), note(&format!("Expect: {value}\r\n")), Want::Cut)
    };
    let upgrade = |lines: &str| {
        let bytes = format!("GET /health HTTP/1.1\r\nHost: api.test\r\n{lines}\r\n");
        Row::new(format!("proto upgrade {lines:?}"), bytes, Want::Safe)
    };
    vec![
        version("HTTP/1.2", Want::Cut),
        version("HTTP/2.0", Want::Cut),
        version("HTTP/0.9", Want::Cut),
        version("http/1.1", Want::Cut),
        version("HTTP/1.1 ", Want::Cut),
        version("HTTP/11", Want::Cut),
        version("HTPP/1.1", Want::Cut),
        Row::new("proto 0.9", "GET /health\r\n\r\n", Want::Cut),
        Row::new("proto h2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Want::Cut),
        Row::new(
            "proto 1.0",
            "GET /health HTTP/1.0\r\nHost: api.test\r\n\r\n",
            Want::Forwarded("/health".into(), Vec::new()),
        ),
        Row::new(
            "proto 1.0 chunked",
            "POST /v1/notes/x HTTP/1.0\r\nHost: api.test\r\nTransfer-Encoding: chunked\r\n\r\n\
             2\r\nhi\r\n0\r\n\r\n",
            Want::Cut,
        ),
        expect("200-ok"),
        expect("100-continue, x"),
        expect(""),
        upgrade(
            "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n",
        ),
        upgrade("Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"),
        Row::new(
            "proto upgrade and a pipelined call",
            "GET /health HTTP/1.1\r\nHost: api.test\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\n\
             POST /v1/payments?EVIL HTTP/1.1\r\nHost: api.test\r\nContent-Length: 0\r\n\r\n",
            Want::Safe,
        ),
        Row::new("proto TLS hello", "\x16\x03\x01\x02\0\x01\0\x01\u{fc}\x03\x03", Want::Cut),
        Row::new("proto blank lines only", "\r\n\r\n\r\n\r\n\r\nX\r\n\r\n", Want::Cut),
    ]
}
