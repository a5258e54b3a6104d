//! A policy that is tried out: it tells exactly what it would change, and changes nothing.

use crate::support::{
    Approver, Conn, Dice, Gait, Recorder, Response, Scrape, Setup, run_to_end, send, wait_for,
};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use tempfile::TempDir;

const ROUTES: [(&str, &str, &str); 5] = [
    ("items.read", "GET", "low"),
    ("items.add", "POST", "low"),
    ("items.change", "PATCH", "medium"),
    ("items.send", "PUT", "medium"),
    ("items.delete", "DELETE", "high"),
];

const POLICY: &str = "default_verdict: block
rules:
  - {name: go, effect: allow, match: {tool_names: [items.read, items.add]}}
  - {name: ask, effect: require_approval, match: {tool_names: [items.change]}}
  - {name: try, effect: dry_run, match: {tool_names: [items.send]}}
";

/// Adding is blocked, changing goes, sending wants an approval; the rest is as it was.
const NEXT: &str = "default_verdict: block
rules:
  - {name: go, effect: allow, match: {tool_names: [items.read]}}
  - {name: freely, effect: allow, match: {tool_names: [items.change]}}
  - {name: ask, effect: require_approval, match: {tool_names: [items.send]}}
";

/// Route, verdict in force, verdict of the candidate.
const PLANTED: [(&str, &str, &str); 3] = [
    ("items.add", "allow", "block"),
    ("items.change", "require_approval", "allow"),
    ("items.send", "dry_run", "require_approval"),
];

fn setup(tool: SocketAddr, stage: &str, more: &str) -> Setup {
    let route = |(name, method, risk): (&str, &str, &str)| {
        format!(
            "  - {{ name: {name}, match: {{ methods: [{method}], path: \"/items/{{id}}\" }}, \
             upstream: tool, capture: full, intent: {{ tool_name: {name}, risk_class: {risk}, \
             args: {{ id: path.id }} }} }}\n"
        )
    };
    let config = format!(
        "server: {{ listen: \"127.0.0.1:0\" }}\nstage: {stage}\nunmapped: {{ action: deny }}\n\
         {more}upstreams: {{ tool: {{ url: \"http://{tool}\" }} }}\nroutes:\n{}",
        ROUTES.map(route).concat()
    );
    let config = match stage {
        "observe" => config.replace("unmapped: { action: deny }\n", ""),
        _ => config,
    };
    Setup { config, policy: POLICY.to_owned() }
}

/// Starts one with this candidate.
fn trying(setup: &Setup, candidate: &str) -> Gait {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("next.yaml"), candidate).unwrap();
    setup.clone().with("candidate_policy: next.yaml\n").start_in(dir)
}

fn request(method: &str, id: u64) -> String {
    let body = if method == "GET" || method == "DELETE" { "" } else { "content-length: 0\r\n" };
    format!("{method} /items/{id} HTTP/1.1\r\nhost: h\r\n{body}\r\n")
}

/// Mixed calls, the same for the same seed: the route, and the answer.
fn calls(gait: &Gait, seed: u64, count: usize) -> Vec<(&'static str, Response)> {
    let (mut dice, mut conn) = (Dice::new(seed), Conn::open(gait.server));
    let mut calls = Vec::with_capacity(count);
    for _ in 0..count {
        let (route, method, _) = ROUTES[dice.below(ROUTES.len() as u64) as usize];
        let id = dice.below(3);
        calls.push((route, conn.write(request(method, id)).read()));
    }
    calls
}

/// An answer without ids and times.
fn plain(answer: &Response) -> (u16, Vec<(String, String)>, String) {
    let body = answer.text();
    let read: Value = serde_json::from_str(&body).unwrap_or_default();
    let ids: Vec<_> =
        ["call_id", "approval_id"].iter().filter_map(|name| read[*name].as_str()).collect();
    let same = |text: &str| ids.iter().fold(text.to_owned(), |text, id| text.replace(id, "ID"));
    let own = |(name, _): &&(String, String)| {
        !["date", "gait-call-id"].contains(&name.to_lowercase().as_str())
    };
    let fields = answer.fields.iter().filter(own).map(|(name, value)| (name.clone(), same(value)));
    (answer.status, fields.collect(), same(&body))
}

/// The closing lines, once there are so many.
fn closed(gait: &Gait, count: usize) -> Vec<Value> {
    wait_for("the lines", || {
        let lines = gait.evidence();
        let ended = lines.into_iter().filter(|line| line["ending"].is_string());
        let ended: Vec<_> = ended.collect();
        (ended.len() == count).then_some(ended)
    })
}

/// A scrape that counts so many differences or more. A line is counted a little after it is written.
fn differing(gait: &Gait, count: usize) -> Scrape {
    wait_for("the differences", || {
        let scrape = gait.scrape();
        (scrape.total("gait_policy_diff_total") >= count as f64).then_some(scrape)
    })
}

fn diff(dir: &Path, more: &[&str]) -> (Option<i32>, Value) {
    let arguments = [&["rollout", "diff", "--evidence", "state", "--json"], more].concat();
    let output = run_to_end(dir, &arguments);
    (output.status.code(), serde_json::from_slice(&output.stdout).unwrap())
}

fn replay(dir: &Path, policy: &str, more: &[&str]) -> Value {
    let words = ["replay", "--evidence", "state/evidence", "--policies", policy, "--json"];
    let output = run_to_end(dir, &[&words, more].concat());
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Call ids by what is planted for their route.
fn planted(calls: &[(&str, Response)]) -> BTreeMap<String, (&'static str, &'static str)> {
    let of = |(route, answer): &(&str, Response)| {
        let (_, from, to) = PLANTED.into_iter().find(|(planted, _, _)| planted == route)?;
        Some((answer.one("gait-call-id")?.to_owned(), (from, to)))
    };
    calls.iter().filter_map(of).collect()
}

#[test]
fn exactly_the_planted_calls_differ_and_no_answer_does() {
    let (tool, other) = (Recorder::start(), Recorder::start());
    let gait = trying(&setup(tool.address, "enforce", ""), NEXT);
    let names = gait.scrape().values("gait_policy_diff_total", "route");
    assert_eq!(names.len(), ROUTES.len() + 1, "all routes, and what does not fit: {names:?}");
    assert_eq!(gait.scrape().total("gait_policy_diff_total"), 0.0);
    let made = calls(&gait, 7, 1_000);
    let lines = closed(&gait, 1_000);
    let want = planted(&made);
    let found: BTreeMap<String, (&str, &str)> = lines
        .iter()
        .filter(|line| line["candidate_verdict"].is_string())
        .map(|line| {
            let word = |name: &str| line[name].as_str().unwrap();
            (word("call_id").to_owned(), (word("candidate_against"), word("candidate_verdict")))
        })
        .map(|(id, (from, to))| {
            let pair = PLANTED.into_iter().find(|(_, a, b)| (*a, *b) == (from, to)).unwrap();
            (id, (pair.1, pair.2))
        })
        .collect();
    assert!(found.len() > 500, "{}", found.len());
    assert_eq!(found, want);
    let scrape = differing(&gait, want.len());
    for (route, from, to) in PLANTED {
        let labels = [("route", route), ("from", from), ("to", to)];
        let of_route = made.iter().filter(|(name, _)| *name == route).count();
        assert_eq!(scrape.sum("gait_policy_diff_total", &labels), of_route as f64, "{route}");
    }
    assert_eq!(scrape.total("gait_policy_diff_total"), want.len() as f64);
    assert_eq!(scrape.total("gait_candidate_errors_total"), 0.0);

    let alone = setup(other.address, "enforce", "").start();
    let same = calls(&alone, 7, 1_000);
    for ((route, with), (_, without)) in made.iter().zip(&same) {
        assert_eq!(plain(with), plain(without), "{route}");
    }
    assert_eq!(tool.count(), other.count(), "the tool saw as many calls");
    assert!(alone.scrape().values("gait_policy_diff_total", "route").is_empty());
    closed(&alone, 1_000);

    let online = ["rollout", "diff", "--examples", "100", "--json"];
    let asked = run_to_end(gait.dir(), &online);
    assert_eq!(asked.status.code(), Some(0), "{asked:?}");
    let told: Value = serde_json::from_slice(&asked.stdout).unwrap();
    let failing = run_to_end(gait.dir(), &["rollout", "diff", "--fail-on-diff"]);
    assert_eq!(failing.status.code(), Some(5), "{failing:?}");

    let dir = gait.kill();
    let (_, read) = diff(dir.path(), &["--examples", "100"]);
    for name in ["candidate_policy_digest", "compared", "differing", "pairs", "groups"] {
        assert_eq!(told[name], read[name], "the gait that ran said the same: {name}");
    }
    as_the_command_says(dir.path(), &want);
    let (exit, none) = diff(alone.kill().path(), &[]);
    assert_eq!(exit, Some(6), "{none}");
}

/// `gait rollout diff` finds the same, and so does a replay of what was kept.
fn as_the_command_says(dir: &Path, want: &BTreeMap<String, (&str, &str)>) {
    let (exit, told) = diff(dir, &["--examples", "100"]);
    assert_eq!((exit, &told["compared"]), (Some(0), &json!(1_000)), "{told}");
    assert_eq!(told["differing"], json!(want.len()));
    let groups = told["groups"].as_array().unwrap();
    assert_eq!(groups.len(), 3, "{told}");
    for group in groups {
        let word = |name: &str| group[name].as_str().unwrap();
        let of = |pair: &&(&str, &str)| **pair == (word("from"), word("to"));
        assert_eq!(group["count"], json!(want.values().filter(of).count()), "{group}");
        let examples = group["examples"].as_array().unwrap();
        assert_eq!(examples.len(), 100);
        assert!(examples.iter().all(|id| want.contains_key(id.as_str().unwrap())));
    }
    assert_eq!(groups[2]["to"], "allow", "what is laxer comes last");
    assert_eq!(diff(dir, &["--fail-on-diff"]).0, Some(5));
    let (exit, none) = diff(dir, &["--route", "items.read", "--fail-on-diff"]);
    assert_eq!((exit, &none["differing"]), (Some(0), &Value::Null), "{none}");
    assert_eq!(diff(dir, &["--candidate", "0000000000000000", "--fail-on-diff"]).0, Some(6));

    let same = replay(dir, "policy.yaml", &[]);
    let changed = (&same["intents"], &same["policies"][0]["changed"]);
    assert_eq!(changed, (&json!(1_000), &json!(0)), "{}", same["changes"]);
    replay(dir, "next.yaml", &["--out", "differences.jsonl"]);
    let text = fs::read_to_string(dir.join("differences.jsonl")).unwrap();
    let ids = text.lines().map(|line| {
        let line: Value = serde_json::from_str(line).unwrap();
        line["call_id"].as_str().unwrap().to_owned()
    });
    assert_eq!(ids.collect::<BTreeSet<_>>(), want.keys().cloned().collect());
}

#[test]
fn a_candidate_that_blocks_everything_stops_nothing_in_any_stage() {
    for stage in ["observe", "dry_run", "require_approval", "enforce"] {
        let tool = Recorder::start();
        let mut open = setup(tool.address, stage, "");
        open.policy = "default_verdict: allow\n".to_owned();
        let gait = trying(&open, "default_verdict: block\n");
        for (route, method, _) in ROUTES {
            let answer = send(gait.server, request(method, 1));
            assert_eq!(answer.status, 200, "{stage}: {route}");
        }
        assert_eq!(tool.count(), ROUTES.len(), "{stage}");
        let lines = closed(&gait, ROUTES.len());
        assert!(lines.iter().all(|line| line["candidate_verdict"] == "block"), "{stage}");
        let scrape = differing(&gait, ROUTES.len());
        assert_eq!(scrape.total("gait_policy_diff_total"), ROUTES.len() as f64);
    }
}

#[test]
fn a_call_that_waited_is_counted_once_by_what_the_rules_said() {
    let tool = Recorder::start();
    let mut config = setup(tool.address, "enforce", "");
    let sha256 = gait::json::Digest::of(b"key-of-ann");
    let key = format!("{{ sha256: {sha256}, identity: ann }}");
    config.config = config
        .config
        .replace("- { name: items.change,", "- { name: items.change, hold: 10s,")
        + &format!("identity: {{ sources: [ {{ name: keys, api_key: {{ keys: [{key}] }} }} ] }}\n");
    let gait = trying(&config, "default_verdict: block\n");
    let (desk, server) = (Approver::local(&gait), gait.server);
    let request = request("PATCH", 1).replace("host: h", "host: h\r\nx-api-key: key-of-ann");
    let call = std::thread::spawn(move || send(server, request).status);
    desk.grant(&desk.pending());
    assert_eq!(call.join().unwrap(), 200);
    let line = closed(&gait, 1).remove(0);
    assert_eq!((&line["verdict"], &line["permit"]), (&json!("allow"), &json!("approved")));
    assert_eq!(line["candidate_against"], "require_approval");
    let labels = [("from", "require_approval"), ("to", "block")];
    let scrape = differing(&gait, 1);
    assert_eq!(scrape.sum("gait_policy_diff_total", &labels), 1.0);
    assert_eq!(scrape.total("gait_policy_diff_total"), 1.0);
    let dir = gait.kill();
    let (_, told) = diff(dir.path(), &[]);
    assert_eq!(
        (&told["compared"], &told["groups"][0]["from"]),
        (&json!(1), &json!("require_approval"))
    );
    let same = replay(dir.path(), "policy.yaml", &[]);
    assert_eq!(
        (&same["intents"], &same["policies"][0]["changed"]),
        (&json!(1), &json!(0)),
        "{same}"
    );
}

/// Writes the candidate and asks for a reload.
fn reload(gait: &Gait, candidate: &str, is_taken: f64) {
    fs::write(gait.dir().join("next.yaml"), candidate).unwrap();
    let stamp = |gait: &Gait| {
        let scrape = gait.scrape();
        (
            scrape.total("gait_config_last_reload_successful"),
            scrape.total("gait_config_last_reload_success_timestamp_seconds"),
        )
    };
    let before = stamp(gait);
    gait.signal("HUP");
    wait_for("the reload", || {
        let (taken, at) = stamp(gait);
        (taken == is_taken && (is_taken == 0.0 || at > before.1)).then_some(())
    });
}

#[test]
fn a_candidate_that_cannot_be_used_stops_the_start_and_keeps_what_is_in_force() {
    let tool = Recorder::start();
    let setup = setup(tool.address, "enforce", "");
    let dir = TempDir::new().unwrap();
    let with = setup.clone().with("candidate_policy: next.yaml\n");
    with.write(dir.path());
    for (text, word) in
        [(None, "next.yaml"), (Some("rules: ["), "next.yaml"), (Some("colour: red\n"), "colour")]
    {
        let write = |text| fs::write(dir.path().join("next.yaml"), text).unwrap();
        text.into_iter().for_each(write);
        for arguments in [
            &["proxy", "--config", "gait.yaml"][..],
            &["proxy", "--config", "gait.yaml", "--check"],
        ] {
            let output = run_to_end(dir.path(), arguments);
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(6), "{said}");
            for word in [word, "candidate policy: ", "`candidate_policy` in the config"] {
                assert!(said.contains(word), "no `{word}` in: {said}");
            }
        }
    }

    let gait = trying(&setup, "default_verdict: block\n");
    let call = || send(gait.server, request("GET", 1));
    call();
    assert_eq!(differing(&gait, 1).total("gait_policy_diff_total"), 1.0);
    reload(&gait, "rules: [", 0.0);
    call();
    // The old candidate is still tried.
    assert_eq!(differing(&gait, 2).total("gait_policy_diff_total"), 2.0);
    reload(&gait, "default_verdict: allow\nrules: []\n", 1.0);
    let output = run_to_end(gait.dir(), &["proxy", "--config", "gait.yaml", "--check", "--json"]);
    let checked: Value = serde_json::from_slice(&output.stdout).unwrap();
    let digest = &checked["candidate_policy_digest"];
    assert_eq!(digest.as_str().map(str::len), Some(64), "{checked}");
    wait_for("the line of the reload", || {
        let last = gait.evidence().into_iter().rfind(|line| line["kind"] == "reload")?;
        (last["candidate_policy_digest"] == *digest).then_some(())
    });
}
