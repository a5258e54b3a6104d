//! Starts that must fail, and say how to mend them; starts without a config file.

use crate::support::{Gait, Recorder, Setup, get, run_to_end, send};
use std::fs;
use std::path::Path;
use tempfile::TempDir;

/// Ports that the kernel chooses, where no config file says so.
const ANY_PORT: [(&str, &str); 3] = [
    ("GAIT__SERVER__LISTEN", "127.0.0.1:0"),
    ("GAIT__TELEMETRY__LISTEN", "127.0.0.1:0"),
    ("GAIT__ADMIN__LISTEN", "127.0.0.1:0"),
];

/// A good setup to be spoilt.
fn good() -> Setup {
    Setup::fixture("security", "127.0.0.1:9".parse().unwrap())
}

/// Starts gait in `dir`; it must end with 6, serve nothing, and say all of `words`.
fn refuses(dir: &Path, words: &[&str]) {
    for arguments in
        [&["proxy", "--config", "gait.yaml"][..], &["proxy", "--config", "gait.yaml", "--check"]]
    {
        let output = run_to_end(dir, arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(6), "{arguments:?}: {said}");
        for word in words {
            assert!(said.contains(word), "{arguments:?}: no `{word}` in: {said}");
        }
        assert!(!said.contains("panicked"), "{said}");
        assert!(!dir.join("state/addresses.json").exists(), "it served");
    }
}

#[test]
fn a_policy_that_cannot_be_used_stops_the_start() {
    let dir = TempDir::new().unwrap();
    let policy = dir.path().join("policy.yaml");
    good().write(dir.path());
    let spoilt = [
        ("rules: [", "policy.yaml"),
        ("rules:\n  - name: a\n    effect: allow\n    colour: red\n", "policy.yaml:4"),
        ("default_verdict: maybe\n", "maybe"),
        ("rules:\n  - name: a\n    effect: allow\n  - effect: block\n", "rule name is required"),
        ("default_verdict: block\ndefault_verdict: allow\n", "policy.yaml:2"),
        ("null\n", "policy.yaml"),
    ];
    for (text, word) in spoilt {
        fs::write(&policy, text).unwrap();
        refuses(dir.path(), &["policy.yaml", word]);
    }
    fs::remove_file(&policy).unwrap();
    refuses(dir.path(), &["policy.yaml"]);
    // Root reads everything, so what stands for unreadable is a directory.
    fs::create_dir(&policy).unwrap();
    refuses(dir.path(), &["policy.yaml"]);
}

#[test]
fn a_config_that_cannot_be_used_stops_the_start() {
    let changes = [
        ("stage: enforce", "stage: enforced", "enforced"),
        ("stage: enforce", "stage: enforce\ncolour: red", "colour"),
        ("upstream: api", "upstream: nowhere", "nowhere"),
        ("http://127.0.0.1:9", "gopher://127.0.0.1:9", "gopher"),
        ("action: deny", "action: allow", "allow"),
        ("action: deny", "action: observe", "observe"),
        ("name: health", "name: files.read", "files.read"),
        ("risk_class: low", "risk_class: lowish", "lowish"),
        ("path: \"/health\"", "path: \"health\"", "starts with `/`"),
        ("path: \"/health\"", "path: \"/{a/b\"", "{a"),
        ("path.path", "path.nowhere", "nowhere"),
        ("methods: [GET]", "methods: [get]", "get"),
        ("127.0.0.1:0", "not an address", "not an address"),
        ("min: 0, max: 100", "min: 100, max: 0", "max"),
    ];
    for (from, to, word) in changes {
        let dir = TempDir::new().unwrap();
        let mut setup = good();
        assert!(setup.config.contains(from), "{from}");
        setup.config = setup.config.replacen(from, to, 1);
        setup.write(dir.path());
        println!("with `{to}` for `{from}`");
        refuses(dir.path(), &["gait.yaml:", word]);
    }
}

#[test]
fn a_catch_all_that_lowers_the_risk_must_say_so() {
    let dir = TempDir::new().unwrap();
    let mut setup = good();
    // The large transfer first, by predicate; what is left of the path then counts as low.
    setup.config = setup
        .config
        .replace(
            "body: { \"/amount\": { min: 0, max: 100 } }",
            "body: { \"/amount\": { min: 100 } }",
        )
        .replace("transfers.small, risk_class: low", "transfers.small, risk_class: high")
        .replace("transfers.large, risk_class: high", "transfers.large, risk_class: low");
    setup.write(dir.path());
    refuses(dir.path(), &["gait.yaml:", "allow_lower"]);
}

#[test]
fn missing_files_and_wrong_flags_end_with_6() {
    let dir = TempDir::new().unwrap();
    refuses(dir.path(), &["gait.yaml"]);
    for arguments in
        [&["proxy", "--colour"][..], &["proxy", "--upstream", "nonsense", "--policy", "x"]]
    {
        let output = run_to_end(dir.path(), arguments);
        assert_eq!(output.status.code(), Some(6), "{arguments:?}: {output:?}");
        assert!(!output.stderr.is_empty(), "{arguments:?} says why");
    }
}

#[test]
fn a_check_of_good_files_serves_nothing_and_ends_with_0() {
    let dir = TempDir::new().unwrap();
    good().write(dir.path());
    let output = run_to_end(dir.path(), &["proxy", "--config", "gait.yaml", "--check"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(!dir.path().join("state/addresses.json").exists());
}

#[test]
fn an_upstream_and_a_policy_are_enough() {
    let tool = Recorder::start();
    let url = format!("http://{}", tool.address);
    let dir = TempDir::new().unwrap();
    let policy = "default_verdict: block\nrules:\n  - name: reads\n    effect: allow\n    \
                  match: { tool_names: [http.get] }\n";
    fs::write(dir.path().join("p.yaml"), policy).unwrap();
    let arguments = ["proxy", "--upstream", &url, "--policy", "p.yaml", "--stage", "enforce"];
    let gait = Gait::launch(dir, &arguments, &ANY_PORT);
    let call = |method: &str| {
        send(
            gait.server,
            format!("{method} /a?b=c HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"),
        )
    };
    assert_eq!(send(gait.server, get("/a?b=c")).status, 200);
    assert_eq!(call("PUT").status, 403);
    let refused = call("DELETE");
    assert_eq!((refused.status, refused.json()["tool_name"].as_str()), (403, Some("http.delete")));
    assert_eq!(tool.count(), 1);
    assert_eq!(tool.seen()[0].target(), "/a?b=c");
    drop(gait);

    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("p.yaml"), policy).unwrap();
    let gait = Gait::launch(dir, &arguments[..5], &ANY_PORT);
    let passed = send(gait.server, "DELETE /a HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n");
    assert_eq!((passed.status, passed.one("Gait-Simulated")), (200, Some("block")));
}
