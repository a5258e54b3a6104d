//! Classes path, method, host, query, admin: what is called.

use super::{Row, Want};
use crate::support::{get, post};

/// All rows of this file.
pub(super) fn rows() -> Vec<Row> {
    let mut rows = plain();
    rows.extend(ambiguous());
    rows.extend(canonical());
    rows.extend(methods());
    rows.extend(hosts());
    rows.extend(queries());
    rows.extend(admin());
    rows
}

/// Controls: legitimate calls go, plainly forbidden ones do not.
fn plain() -> Vec<Row> {
    let goes = |target: &str| Row::new(format!("ctl GET {target}"), get(target), forwarded(target));
    let stays = |target: &str, status| {
        Row::new(format!("ctl POST {target}"), post(target, "{}"), Want::Refused(status))
    };
    let head = "HEAD /v1/files/a HTTP/1.1\r\nHost: api.test\r\nConnection: close\r\n\r\n";
    let delete = |target: &str| format!("DELETE {target} HTTP/1.1\r\nHost: api.test\r\n\r\n");
    vec![
        goes("/health"),
        goes("/v1/files/a"),
        goes("/v1/files/a/b/c.txt"),
        goes("/v1/payments"),
        goes("/v1/payments/7"),
        goes("/v1/query?mode=read"),
        Row::new("ctl HEAD", head, forwarded("/v1/files/a")),
        Row::new("ctl DELETE draft", delete("/v1/drafts/x"), forwarded("/v1/drafts/x")),
        Row::new("ctl DELETE file", delete("/v1/files/x"), Want::Refused(403)),
        stays("/v1/payments", 428),
        stays("/v1/payments/7/refund", 428),
        stays("/admin", 403),
        stays("/admin/users", 403),
        stays("/v1/nowhere", 403),
        stays("/v1/files/a/b/comments", 403),
        stays("/", 403),
    ]
}

/// Forwarded as it stands, without a body.
fn forwarded(target: &str) -> Want {
    Want::Forwarded(target.to_owned(), Vec::new())
}

/// Spellings that two servers could read differently are refused before any route is tried.
fn ambiguous() -> Vec<Row> {
    const TARGETS: [&str; 45] = [
        "/v1/notes/../payments",
        "/v1/notes/./x",
        "/v1/notes/..",
        "/v1/notes/.",
        "/v1/notes/..%2fpayments",
        "/v1/notes/%2e%2e/payments",
        "/v1/notes/%2E%2E%2Fpayments",
        "/v1/notes/.%2e/payments",
        "/v1/notes/%2e",
        "/v1/notes/%252e%252e/payments",
        "/v1/notes/%252fpayments",
        "/v1/notes/..;/payments",
        "/v1/notes/x;y=1",
        "/v1/notes;/x",
        "/v1/notes/%3bx",
        "/v1/notes/..\\payments",
        "/v1/notes/%5c..%5cpayments",
        "/v1/notes/x%5Cy",
        "/v1/notes/%c0%ae%c0%ae/payments",
        "/v1/notes/%c0%af",
        "/v1/notes/%e0%80%af",
        "/v1/notes/%ff",
        "/v1/notes/%u002e%u002e",
        "/v1/notes/%zz",
        "/v1/notes/%2",
        "/v1/notes/%",
        "//v1/notes/x",
        "/v1//notes/x",
        "/v1/notes//x",
        "/v1/notes/x//",
        "//admin",
        "/v1/notes/x%00",
        "/v1/notes/%00.png",
        "/v1/notes/x%0a",
        "/v1/notes/x%0d%0aEVIL",
        "/v1/notes/x%09",
        "/v1/notes/x%7f",
        "/v1/notes/%c2%85",
        "/v1/notes/%e2%80%a8",
        "/v1/notes/%ef%bc%8e%ef%bc%8e/payments",
        "/v1/notes/%e2%80%8bx",
        "/v1/notes/%ef%bb%bfx",
        "/v1/notes/e%cc%81",
        "/v1/notes/%e2%80%ae",
        "/v1/notes/%ed%a0%80",
    ];
    let mut rows: Vec<Row> = TARGETS
        .iter()
        .map(|target| Row::new(format!("path {target}"), post(target, "{}"), Want::Refused(400)))
        .collect();
    // hyper itself may refuse these before there is a request, or cut a fragment off.
    for target in ["/v1/notes/x y", "/v1/notes/x\ty", "v1/notes", "*"] {
        rows.push(Row::new(format!("path {target:?}"), post(target, "{}"), Want::Cut));
    }
    for raw in
        [&b"/v1/notes/\xff"[..], b"/v1/notes/\x01", b"/v1/notes/x\x00y", b"/v1/notes/\xc3\xa9"]
    {
        let bytes = [b"POST ", raw, b" HTTP/1.1\r\nHost: api.test\r\nContent-Length: 0\r\n\r\n"];
        rows.push(Row::new(format!("path {raw:?}"), bytes.concat(), Want::Cut));
    }
    // hyper cuts a fragment off before there is a request; so it is neither judged nor forwarded.
    let fragment = Want::Forwarded("/v1/notes/x".to_owned(), b"{}".to_vec());
    rows.push(Row::new("path fragment", post("/v1/notes/x#/../payments", "{}"), fragment));
    // Unambiguous, but not what the route says: unmapped.
    for target in ["/V1/notes/x", "/v1/Notes/x", "/v1/notes/", "/v1/notesx"] {
        rows.push(Row::new(format!("path {target}"), post(target, "{}"), Want::Refused(403)));
    }
    rows
}

/// The two spellings that are made canonical, judged and forwarded in that form.
fn canonical() -> Vec<Row> {
    [
        ("/v1/files/%61bc", "/v1/files/abc"),
        ("/v1/files/a%2Db", "/v1/files/a-b"),
        ("/v1/files/%7euser", "/v1/files/~user"),
        ("/v1/files/a%3ab", "/v1/files/a%3Ab"),
        ("/v1/files/%c3%a9", "/v1/files/%C3%A9"),
        ("/v1/files/a%20b", "/v1/files/a%20b"),
        ("/v1/files/100%25", "/v1/files/100%25"),
        ("/%76%31/files/a", "/v1/files/a"),
    ]
    .into_iter()
    .map(|(sent, seen)| Row::new(format!("path canonical {sent}"), get(sent), forwarded(seen)))
    .chain([Row::new("path canonical admin", get("/%61dmin"), Want::Refused(403))])
    .collect()
}

/// Exact upper-case methods of the route; no second opinion about the method.
fn methods() -> Vec<Row> {
    let line = |method: &str, target: &str| {
        format!("{method} {target} HTTP/1.1\r\nHost: api.test\r\nContent-Length: 0\r\n\r\n")
    };
    let mut rows: Vec<Row> = ["PUT", "PATCH", "OPTIONS", "FOO", "PROPFIND"]
        .iter()
        .map(|method| {
            Row::new(format!("method {method}"), line(method, "/v1/notes/x"), Want::Refused(403))
        })
        .collect();
    for method in ["delete", "post", "Post", "TRACE", "TRACK", "P$ST"] {
        rows.push(Row::new(
            format!("method {method}"),
            line(method, "/v1/notes/x"),
            Want::Refused(400),
        ));
    }
    for method in ["CONNECT", "POST\t", "PO ST", "POST\u{0}", "PÖST", ""] {
        rows.push(Row::new(format!("method {method:?}"), line(method, "/v1/notes/x"), Want::Cut));
    }
    rows.push(Row::new(
        "method CONNECT authority",
        "CONNECT internal.test:443 HTTP/1.1\r\nHost: internal.test:443\r\n\r\n",
        Want::Cut,
    ));
    let overrides =
        ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "X_HTTP_Method_Override"];
    for name in overrides {
        let bytes = format!(
            "POST /v1/notes/x HTTP/1.1\r\nHost: api.test\r\n{name}: DELETE\r\n\
             Content-Length: 0\r\n\r\n"
        );
        rows.push(Row::new(format!("method override {name}"), bytes, Want::Refused(400)));
    }
    for target in ["/v1/notes/x?_method=DELETE", "/v1/notes/x?%5fmethod=DELETE"] {
        rows.push(Row::new(format!("method {target}"), post(target, "{}"), Want::Refused(400)));
    }
    rows
}

/// One host, exactly the served one.
fn hosts() -> Vec<Row> {
    let with = |target: &str, hosts: &str| format!("GET {target} HTTP/1.1\r\n{hosts}\r\n");
    let cut = |name: &str, hosts: &str| {
        Row::new(format!("host {name}"), with("/health", hosts), Want::Cut)
    };
    let wrong = |host: &str| {
        let bytes = with("/health", &format!("Host: {host}\r\n"));
        Row::new(format!("host {host}"), bytes, Want::Refused(421))
    };
    let absolute = |target: &str, want| {
        Row::new(format!("host {target}"), with(target, "Host: api.test\r\n"), want)
    };
    vec![
        cut("two", "Host: api.test\r\nHost: internal.test\r\n"),
        cut("two alike", "Host: api.test\r\nHost: api.test\r\n"),
        cut("none", "X: y\r\n"),
        cut("empty", "Host:\r\n"),
        cut("list", "Host: api.test, internal.test\r\n"),
        cut("user", "Host: user@api.test\r\n"),
        cut("path", "Host: api.test/x\r\n"),
        cut("space", "Host: api.test internal.test\r\n"),
        cut("port words", "Host: api.test:http\r\n"),
        cut("folded", "Host: api.test\r\n internal.test\r\n"),
        wrong("internal.test"),
        wrong("api.test.evil.test"),
        wrong("127.0.0.1"),
        wrong("localhost"),
        absolute("http://internal.test/health", Want::Cut),
        absolute("http://api.test@internal.test/health", Want::Cut),
        absolute("http://internal.test/v1/files/a", Want::Cut),
        absolute("ftp://api.test/health", Want::Cut),
        Row::new("host case", with("/health", "Host: API.test\r\n"), forwarded("/health")),
    ]
}

/// A query predicate wants its key exactly once, spelt plainly. What it does not take falls to a
/// protected route, which refuses parameters that it does not name.
fn queries() -> Vec<Row> {
    const REFUSED: [(&str, u16); 12] = [
        ("/v1/query", 403),
        ("/v1/query?mode=write", 400),
        ("/v1/query?mode=READ", 400),
        ("/v1/query?Mode=read", 400),
        ("/v1/query?mode=", 400),
        ("/v1/query?mode", 400),
        ("/v1/query?mode=read&mode=write", 400),
        ("/v1/query?mode=write&mode=read", 400),
        ("/v1/query?mode=read&mode=read", 400),
        ("/v1/query?mode=read;mode=write", 400),
        ("/v1/query?mode=read&%6dode=write", 400),
        ("/v1/query?mode=re%zzad", 400),
    ];
    let refused = REFUSED.iter().map(|(target, status)| {
        Row::new(format!("query {target}"), get(target), Want::Refused(*status))
    });
    // Nothing here may read as `mode=write` to any server; which refusal it is, is open.
    const CUT: [&str; 5] = [
        "/v1/query?mode[]=read",
        "/v1/query?mode=read+x",
        "/v1/query?&mode=write",
        "/v1/query?mode=read%00",
        "/v1/query?mode=read%0d%0aEVIL",
    ];
    let cut =
        CUT.into_iter().map(|target| Row::new(format!("query {target}"), get(target), Want::Cut));
    refused.chain(cut).collect()
}

/// The data port serves data only.
fn admin() -> Vec<Row> {
    ["/metrics", "/livez", "/readyz", "/version", "/approvals", "/-/reload", "/debug/pprof", "/v1"]
        .into_iter()
        .map(|target| Row::new(format!("admin {target}"), get(target), Want::Refused(403)))
        .collect()
}
