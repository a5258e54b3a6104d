//! Class log: what a caller writes becomes neither a label, nor a line of its own, nor a leak.

use super::Bench;
use crate::support::{get, send};
use std::fs;

#[test]
fn a_caller_cannot_make_series() {
    let bench = Bench::start();
    let before = bench.gait.scrape();
    for n in 0..300 {
        let bytes =
            format!("M{} /x{n}?y{n} HTTP/1.1\r\nHost: h{n}.test\r\n\r\n", "A".repeat(n % 9));
        send(bench.gait.server, bytes);
        send(bench.gait.server, get(&format!("/unmapped/{n}")));
    }
    let after = bench.gait.settled();
    assert_eq!(before.series(), after.series(), "every reachable series is there from the start");
    let routes = after.values("gait_calls_total", "route");
    let foreign = |route: &&String| route.contains("unmapped/") || route.starts_with("/x");
    assert_eq!(routes.iter().find(foreign), None);
    assert!(routes.iter().any(|route| route == "files.read"), "{routes:?}");
}

#[test]
fn a_caller_cannot_forge_lines_or_have_secrets_kept() {
    const SECRET: &str = "hunter2hunter2";
    let bench = Bench::start();
    for target in
        ["/v1/files/a?token=hunter2hunter2", "/v1/files/hunter2hunter2", "/hunter2hunter2"]
    {
        let bytes = format!(
            "GET {target} HTTP/1.1\r\nHost: api.test\r\nAuthorization: Bearer {SECRET}\r\n\
             Cookie: s={SECRET}\r\nUser-Agent: x\\n{{\"level\":\"ERROR\"}}\r\n\r\n"
        );
        send(bench.gait.server, bytes);
    }
    let body = format!("{{\"tool\":\"delete_file\",\"note\":\"{SECRET}\"}}");
    send(bench.gait.server, crate::support::post("/v1/tools/invoke", &body));
    bench.gait.settled();
    let log = bench.gait.log();
    assert!(!log.contains(SECRET), "a secret in the log: {log}");
    for line in log.lines() {
        let parsed: Result<serde_json::Value, _> = serde_json::from_str(line);
        assert!(parsed.is_ok_and(|line| line["level"] != "ERROR"), "{line}");
    }
    for entry in fs::read_dir(bench.gait.dir().join("state/evidence")).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        assert!(!text.contains(SECRET), "a secret in the evidence: {text}");
    }
}
