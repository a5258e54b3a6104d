//! `gait routes test` and `gait keys api-key` as people use them: text and JSON, every outcome, every
//! refusal; nothing is touched, and no secret is shown.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a helper may stop the test")]

use serde_json::{Value, json};
use std::fs;
use std::io::{Seek as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

const SECRET: &str = "zeta-geheim-4711";

const CONFIG: &str = r#"
stage: enforce
state_dir: ./state
policy: p.yaml
unmapped: { action: deny }
upstreams: { tool: { url: "http://127.0.0.1:9" } }
routes:
  - name: read
    match: { methods: [GET], path: "/v1/{name}" }
    upstream: tool
    intent: { tool_name: read, risk_class: low }
  - name: pay
    match: { methods: [POST], path: "/pay", body: { "/amount": { min: 0, max: 9 } } }
    upstream: tool
    intent: { tool_name: pay, risk_class: high, args: body, digest: [/pin] }
  - name: ask
    match: { methods: [DELETE] }
    upstream: tool
    intent: { tool_name: ask, risk_class: high }
  - name: watched
    match: { path: "/watched" }
    stage: observe
    upstream: tool
    intent: { tool_name: watched, risk_class: low }
  - name: rehearsed
    match: { path: "/rehearsed" }
    upstream: tool
    intent: { tool_name: rehearsed, risk_class: low }
  - name: closed
    match: { path: "/closed" }
    anonymous: deny
    upstream: tool
    intent: { tool_name: read, risk_class: low }
"#;

const POLICY: &str = "\
default_verdict: block
rules:
  - name: fine
    effect: allow
    match: {tool_names: [read, pay]}
    rate_limit: {requests: 1, window: minute}
  - {name: ask, effect: require_approval, match: {tool_names: [ask]}}
  - {name: dry, effect: dry_run, match: {tool_names: [rehearsed]}}
";

/// A directory with a config and a policy.
struct Place(TempDir);

/// What a run left behind.
#[derive(Debug)]
struct Run {
    exit: i32,
    out: String,
    log: String,
}

/// Runs `gait` with these arguments, this on its standard input, and no environment.
fn gait(folder: &Path, arguments: &[&str], input: &str) -> Run {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(input.as_bytes()).unwrap();
    file.rewind().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_gait"));
    let command = command.args(arguments).current_dir(folder).env_clear().stdin(file);
    let output = command.output().unwrap();
    Run {
        exit: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        log: String::from_utf8(output.stderr).unwrap(),
    }
}

impl Run {
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or(Value::Null)
    }
}

/// Exit 6, and `part` in the error.
#[track_caller]
fn refused(run: &Run, part: &str) {
    let error = run.json()["error"].clone();
    let says = error.as_str().is_some_and(|error| error.contains(part));
    assert!(run.exit == 6 && says && run.log.is_empty(), "{part}: {run:?}");
}

fn place() -> Place {
    let place = Place(TempDir::new().unwrap());
    place.put("gait.yaml", CONFIG);
    place.put("p.yaml", POLICY);
    place
}

impl Place {
    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn put(&self, name: &str, text: impl AsRef<[u8]>) {
        fs::write(self.path(name), text).unwrap();
    }

    fn run(&self, line: &str) -> Run {
        gait(self.0.path(), &line.split(' ').collect::<Vec<_>>(), "")
    }

    fn test(&self, words: &[&str]) -> Run {
        let words = [&["routes", "test"], words, &["--config", "gait.yaml"]].concat();
        gait(self.0.path(), &words, "")
    }

    fn test_json(&self, words: &[&str]) -> (i32, Value) {
        let run = self.test(&[words, &["--json"]].concat());
        (run.exit, run.json())
    }
}

const JSON: [&str; 2] = ["--header", "Content-Type: application/json"];

#[test]
fn every_outcome_has_its_exit_code() {
    let place = place();
    let rows: [(&[&str], i32, &str, Value); 9] = [
        (&["GET", "/v1/a"], 0, "forwarded", Value::Null),
        (&["GET", "/v1/a", "--header", "Gait-Dry-Run: 1"], 0, "dry_run", json!(200)),
        (&["PUT", "/watched"], 0, "forwarded", Value::Null),
        (&["PUT", "/rehearsed"], 0, "dry_run", json!(200)),
        (&["DELETE", "/x"], 4, "denied", json!(428)),
        (&["DELETE", "/x", "--header", "Gait-Dry-Run: 1"], 4, "dry_run", json!(200)),
        (&["PUT", "/closed"], 3, "denied", json!(401)),
        (&["PUT", "/nowhere"], 3, "denied", json!(403)),
        (&["GET", "/v1//a"], 3, "denied", json!(400)),
    ];
    for (words, exit, disposition, status) in rows {
        let (found, said) = place.test_json(words);
        assert_eq!((found, said["disposition"].as_str()), (exit, Some(disposition)), "{said}");
        assert_eq!(said["status"], status, "{words:?}: {said}");
        assert_eq!((&said["ok"], &said["error"]), (&json!(true), &Value::Null), "{said}");
    }
}

#[test]
fn a_person_reads_what_happens_and_why() {
    let place = place();
    let run = place.test(&["PUT", "http://api.test:81/watched?a=1", "--peer", "::ffff:10.0.0.7"]);
    let want = "\
request      PUT /watched?a=1 from 10.0.0.7 on listener server, host api.test:81
strictness   one reading only
route        watched to upstream tool
identity     anonymous, nobody in particular
";
    assert!(run.exit == 0 && run.out.starts_with(want), "{run:?}");
    for line in [
        "rule         none\n",
        "reasons      default_block\n",
        "kill switch  the config names none\n",
        "stage        observe, not protected\n",
        "disposition  forwarded, marked as simulated\n",
        "answer       the tool's\n",
        "tool sees    forwarded: …, host: …, traceparent: …, via: …, x-forwarded-for: …",
        "\nno match  read  method: wants GET\nno match  pay   method: wants POST\n",
        "\nno match  ask   method: wants DELETE\n\n{\n  \"created_at\"",
    ] {
        assert!(run.out.contains(line), "no `{line}` in {}", run.out);
    }
}

#[test]
fn conditions_that_do_not_hold_are_named_without_what_was_sent() {
    let place = place();
    let body = format!(r#"{{"amount":10,"pin":"{SECRET}"}}"#);
    let words = [&["POST", "/pay", "--body", &body], &JSON[..]].concat();
    let run = place.test(&words);
    assert_eq!(run.exit, 3, "{run:?}");
    assert!(run.out.contains("no match  pay        body /amount: wants 0 to 9\n"), "{}", run.out);
    assert!(run.out.contains("route        _unmapped, which leads nowhere\n"), "{}", run.out);
    assert!(!run.out.contains(SECRET));
}

#[test]
fn refusals_say_who_refuses_and_why() {
    let place = place();
    let (_, said) = place.test_json(&["GET", "/v1//a"]);
    let malformed =
        json!({"code": "path_empty_segment", "status": 400, "advice": "send single slashes"});
    assert_eq!((&said["malformed"], &said["route"]), (&malformed, &json!("_refused")));
    assert_eq!(said["identity_source"], Value::Null, "nobody was asked who calls");
    let (_, said) = place.test_json(&["PUT", "/closed"]);
    assert_eq!(said["identity_refused"]["code"], "credentials_missing");
    assert_eq!((&said["route"], &said["verdict"]), (&json!("closed"), &Value::Null));
    assert_eq!(said["routes_before"].as_array().unwrap().len(), 5);
    let run = place.test(&["PUT", "/closed"]);
    assert!(run.out.contains("identity     credentials_missing (401): "), "{}", run.out);
    let words = [&["POST", "/pay", "--body", "{\"amount\":1,\"amount\":2}"], &JSON[..]].concat();
    let (exit, said) = place.test_json(&words);
    assert_eq!((exit, &said["status"]), (3, &json!(400)));
    assert_eq!(said["reason_codes"], json!(["body_not_strict_json"]));
    let (_, said) = place.test_json(&["GET", "/v1/a", "--body", "x"]);
    assert_eq!(said["malformed"]["code"], "body_not_allowed");
}

#[test]
fn nothing_is_touched_and_nothing_is_spent() {
    let place = place();
    for _ in 0..3 {
        let (exit, said) = place.test_json(&["GET", "/v1/a"]);
        // The limit is one a minute.
        assert_eq!((exit, &said["verdict"]), (0, &json!("allow")), "{said}");
        assert_eq!(said["demands"], json!(["room for a call: 1 a minute by tool_identity"]));
    }
    let mut names: Vec<_> =
        fs::read_dir(place.0.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    names.sort_unstable();
    assert_eq!(names, ["gait.yaml", "p.yaml"]);
}

#[test]
fn no_secret_is_shown() {
    let place = place();
    let pin = format!(r#"{{"amount":1,"pin":"{SECRET}"}}"#);
    place.put("body.json", &pin);
    let bearer = format!("Authorization: Bearer {SECRET}");
    let basic = format!("X-Api-Key: {SECRET}");
    let cookie = format!("Cookie: session={SECRET}");
    let fields = ["--header", &bearer, "--header", &basic, "--header", &cookie];
    let with_body = [&["POST", "/pay", "--body-file", "body.json"], &JSON[..]].concat();
    for words in [with_body.as_slice(), &["GET", "/v1/a"], &["GET", "/v1//a"], &["PUT", "/none"]] {
        for form in [&[][..], &["--json"]] {
            let run = place.test(&[words, &fields[..], form].concat());
            assert!(run.exit == 0 || run.exit == 3, "{run:?}");
            assert!(!format!("{run:?}").contains(SECRET), "{run:?}");
        }
    }
    let (_, said) = place.test_json(&[&with_body[..], &fields[..]].concat());
    assert!(said["intent"]["args"]["pin"].as_str().unwrap().starts_with("sha256:"), "{said}");
    let bad = format!("X Key: {SECRET}");
    for words in
        [&["--header", &bad][..], &["--header", SECRET], &["--header", &format!("{bearer}\u{1}")]]
    {
        let run = place.test(&[&["GET", "/v1/a"], words, &["--json"]].concat());
        refused(&run, "invalid --header");
        assert!(!format!("{run:?}").contains(SECRET), "{run:?}");
    }
    let url = format!("http://u:{SECRET}@h/v1/a");
    let run = place.test(&["GET", &url, "--json"]);
    refused(&run, "the URL holds credentials");
    assert!(!format!("{run:?}").contains(SECRET), "{run:?}");
}

#[test]
fn a_request_that_nobody_could_send_is_invalid_input() {
    let place = place();
    for (words, part) in [
        (&["G T", "/"][..], "invalid method"),
        (&["GET", "v1/a b"], "invalid URL"),
        (&["GET", "ftp://h/a"], "invalid URL"),
        (&["GET", "/v1/a", "--listener", "other"], "has no listener `other`"),
        (&["GET", "/v1/a", "--peer", "h"], "--peer"),
        (&["GET", "/v1/a", "--peer-unix", "5"], "no listener of the config is a Unix socket"),
        (
            &["GET", "/v1/a", "--peer-unix", "5", "--listener", "server"],
            "the listener `server` is no Unix socket",
        ),
        (&["GET", "/v1/a", "--cert", "p.yaml"], "asks for no certificate"),
        (&["GET", "/v1/a", "--cert", "none.pem"], "read certificate"),
        (&["GET", "/v1/a", "--peer-unix", "x"], "--peer-unix"),
        (&["GET", "/v1/a", "--at", "soon"], "--at"),
        (&["GET", "/v1/a", "--body-file", "none.json"], "read body"),
        (&["GET", "/v1/a", "--body", "x", "--body-file", "y"], "--body-file"),
        (&["GET", "/v1/a", "--upstream", "http://h:1"], "--upstream"),
        (&["GET"], "URL"),
    ] {
        refused(&place.test(&[words, &["--json"]].concat()), part);
    }
    place.put("gait.yaml", CONFIG.replace("stage: enforce", "stage: enforcee"));
    refused(&place.test(&["GET", "/v1/a", "--json"]), "unknown stage `enforcee`");
}

#[test]
fn without_a_config_it_is_the_demo_or_the_built_in_map() {
    let place = place();
    let run = place.run("routes test DELETE /v1/files/notes/welcome.txt --json");
    assert_eq!((run.exit, &run.json()["route"]), (4, &json!("files.delete")), "{run:?}");
    let flags = "--upstream http://127.0.0.1:9 --policy p.yaml --stage enforce --json";
    let run = place.run(&format!("routes test PUT /x {flags}"));
    assert_eq!((run.exit, &run.json()["route"]), (3, &json!("http.write")), "{run:?}");
}

#[test]
fn the_host_that_stands_in_is_named_where_it_matters() {
    let place = place();
    let (_, without) = place.test_json(&["DELETE", "/x"]);
    let warnings = without["warnings"].to_string();
    assert!(warnings.contains("`localhost` stands in for it"), "{warnings}");
    let (_, named) = place.test_json(&["DELETE", "/x", "--header", "host: api.test"]);
    assert_ne!(named["intent_digest"], without["intent_digest"]);
    assert_eq!(named["warnings"], Value::Null);
    let (_, by_url) = place.test_json(&["DELETE", "https://api.test/x"]);
    assert_eq!(by_url["intent_digest"], named["intent_digest"]);
}

#[test]
fn the_time_is_the_one_that_is_given() {
    let place = place();
    let window =
        "default_verdict: block\nrules: [{name: r, effect: allow, freeze_window: {timezone: UTC,
        windows: [{name: w, start: '2026-01-01T00:00:00', end: '2026-01-02T00:00:00'}]}}]";
    place.put("p.yaml", window);
    let at = |time: &str| place.test_json(&["GET", "/v1/a", "--at", time]);
    let (exit, said) = at("2026-01-01T12:00:00+01:00");
    assert_eq!((exit, &said["status"]), (3, &json!(423)), "{said}");
    assert_eq!(said["evaluated_at"], "2026-01-01T11:00:00Z");
    assert_eq!(said["until"], "2026-01-02T00:00:00Z");
    assert_eq!(at("2026-01-03T00:00:00Z").0, 0);
}

#[test]
fn a_stage_is_the_one_of_that_time_and_that_caller() {
    let place = place();
    let over = "stage_overrides: [{ route: read, stage: observe, until: '2026-12-01T00:00:00Z', \
                reason: incident }]\n";
    place.put("p.yaml", "default_verdict: block\n");
    place.put("gait.yaml", format!("{over}{CONFIG}"));
    let stage = |time: &str| place.test_json(&["GET", "/v1/a", "--at", time]).1["stage"].clone();
    assert_eq!(stage("2026-11-30T23:59:59Z"), "observe");
    assert_eq!(stage("2026-12-01T00:00:00Z"), "enforce");
    let share = "stage: { from: observe, to: dry_run, percent: 0 }\n";
    place.put("gait.yaml", CONFIG.replace("stage: enforce\n", share));
    let (_, unseated) = place.test_json(&["GET", "/v1/a"]);
    assert_eq!(unseated["stage"], "dry_run");
    let warnings = unseated["warnings"].to_string();
    assert!(
        warnings.contains("no gait has served from") && warnings.contains("`read`"),
        "{warnings}"
    );
    fs::create_dir(place.path("state")).unwrap();
    let key = place.path("state/rollout.key");
    fs::write(&key, [7; 32]).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    let (_, open) = place.test_json(&["GET", "/v1/a"]);
    assert!(open["warnings"].to_string().contains("is open to others"), "{open}");
}

// === gait keys api-key ===

/// Runs a command line with this on its standard input.
fn fed(line: &str, input: &str) -> Run {
    gait(Path::new("/"), &line.split(' ').collect::<Vec<_>>(), input)
}

#[test]
fn a_key_is_shown_once_with_the_hash_that_knows_it() {
    let place = Place(TempDir::new().unwrap());
    let run = place.run("keys api-key --json");
    let made = run.json();
    let key = made["key"].as_str().unwrap();
    assert!(key.starts_with("gait_") && key.len() == 5 + 43, "{key}");
    let other = place.run("keys api-key --json").json();
    assert_ne!(other["key"], made["key"]);
    for line in [key.to_owned(), format!("{key}\n")] {
        let run = fed("keys api-key --hash --json", &line);
        assert_eq!(run.json()["sha256"], made["sha256"]);
        assert!(!format!("{run:?}").contains(key));
    }
    let run = fed("keys api-key --hash", "abc");
    assert_eq!(run.out, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\n");
    let text = place.run("keys api-key").out;
    assert!(text.starts_with("gait_") && text.contains("\n- { sha256: "), "{text}");
    assert_eq!(fs::read_dir(place.0.path()).unwrap().count(), 0, "nothing is kept");
}

#[test]
fn what_no_header_could_hold_is_no_key() {
    for input in ["", "\n", "a b\n", "a\nb\n", "\u{e9}", &"k".repeat(9000)] {
        refused(&fed("keys api-key --hash --json", input), "is no API key");
    }
}
