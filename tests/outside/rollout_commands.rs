//! Labels, promote and demote on a gait that runs, and what a kill at any moment leaves of them.
//!
//! `GAIT_KILLS` sets how many kills there are, and `GAIT_KILLS_SEED` where the dice begin.

mod kept;

use crate::support::{
    Approver, Conn, Dice, Gait, Recorder, Response, Setup, audit, run_to_end, send, wait_for,
};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Kills, unless the environment says otherwise.
const KILLS: u64 = 12;

/// One protected route in `stage` whose every call is blocked.
fn setup(tool: &Recorder, stage: &str) -> Setup {
    let config = format!(
        "server: {{ listen: \"127.0.0.1:0\" }}\nreload: {{ watch: off }}\n\
         unmapped: {{ action: deny }}\n\
         rollout: {{ gates: {{ min_calls: 4, min_time: 0s, min_labels: 3 }} }}\n\
         upstreams: {{ api: {{ url: \"http://{}\" }} }}\nroutes:\n  - name: del\n    \
         match: {{ path: \"/del\" }}\n    upstream: api\n    stage: {stage}\n    \
         intent: {{ tool_name: files.delete, risk_class: high }}\n",
        tool.address
    );
    Setup { config, policy: "default_verdict: block\n".to_owned() }
}

fn call(gait: &Gait) -> u16 {
    let head = "GET /del HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
    send(gait.server, head).status
}

/// Exit and answer of a command.
fn run(gait: &Gait, line: &[&str]) -> (i32, Value) {
    let arguments: Vec<&str> = ["rollout"].iter().chain(line).chain(&["--json"]).copied().collect();
    let run = run_to_end(gait.dir(), &arguments);
    let answer = serde_json::from_slice(&run.stdout);
    (run.status.code().unwrap(), answer.unwrap_or_else(|error| panic!("{error}: {run:?}")))
}

fn step<'a>(word: &'a str, to: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&[word, "--route", "del", "--to", to], more].concat()
}

fn overlay(dir: &Path) -> Option<Value> {
    let text = fs::read(dir.join("state/rollout.json")).ok()?;
    Some(serde_json::from_slice(&text).expect("a whole overlay"))
}

fn is_empty(gait: &Gait) -> bool {
    overlay(gait.dir()).is_some_and(|overlay| overlay["routes"] == json!({}))
}

/// The ids of the calls that the log has, once there are `count`.
fn calls(gait: &Gait, count: usize) -> Vec<String> {
    wait_for("lines of calls", || {
        let lines = gait.evidence();
        let of_calls = lines.iter().filter(|line| line["kind"] == "call");
        let ids: Vec<String> =
            of_calls.map(|line| line["call_id"].as_str().unwrap().to_owned()).collect();
        (ids.len() >= count).then_some(ids)
    })
}

#[test]
fn a_route_goes_on_once_its_decisions_are_labelled_and_back_at_any_time() {
    let tool = Recorder::start();
    let gait = setup(&tool, "observe").start();
    (0..4).for_each(|_| assert_eq!(call(&gait), 200));
    let ids = calls(&gait, 4);
    let (exit, refused) = run(&gait, &step("promote", "dry_run", &[]));
    assert_eq!((exit, &refused["verdict"]), (4, &"not_enough_data".into()), "{refused}");
    assert!(refused["error"].as_str().unwrap().contains("false_positives"), "{refused}");
    assert!(is_empty(&gait), "nothing was set");

    let begun = ids[0].get(..4).unwrap();
    for (id, word, part) in [
        (&*ids[0], "missed", "did not allow"),
        (begun, "correct", "several calls"),
        ("ffffffff", "correct", "no call in the evidence"),
    ] {
        let (exit, refused) = run(&gait, &["label", id, word]);
        let error = refused["error"].as_str().unwrap();
        assert!(exit == 6 && error.contains(part), "{refused}");
    }
    assert_eq!(run(&gait, &["label", &ids[0], "false-positive", "--note", "as agreed"]).0, 0);
    for id in &ids {
        let (exit, said) = run(&gait, &["label", id, "correct"]);
        assert_eq!((exit, &said["label"]["verdict"]), (0, &"block".into()), "{said}");
    }
    let local = Approver::local(&gait);
    let listed = local.get(&format!("/v1/labels?route=del&call_id={}", ids[0]));
    let counts: Vec<_> = listed["labels"].as_array().unwrap().iter().collect();
    assert_eq!((&counts[0]["label"], &counts[0]["counts"]), (&"correct".into(), &true.into()));
    assert_eq!((&counts[1]["note"], &counts[1]["counts"]), (&"as agreed".into(), &false.into()));
    assert_eq!(gait.scrape().sum("gait_labels_total", &[("label", "correct")]), 4.0);

    let (exit, told) = run(&gait, &step("promote", "dry_run", &["--dry-run"]));
    assert_eq!(exit, 0, "{told}");
    assert!(told["diff"].as_str().unwrap().contains("+      \"stage\": \"dry_run\""), "{told}");
    assert!(is_empty(&gait) && call(&gait) == 200, "it was only told");
    let fifth = calls(&gait, 5).pop().unwrap();
    assert_eq!(run(&gait, &step("promote", "dry_run", &[])).0, 4, "one more is not labelled");
    assert_eq!(run(&gait, &["label", &fifth, "correct"]).0, 0);
    let (exit, done) = run(&gait, &step("promote", "dry_run", &[]));
    assert_eq!(exit, 0, "{done}");
    let before = tool.count();
    let answer = send(gait.server, "GET /del HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    assert_eq!(answer.json()["executed"], false);
    assert_eq!(tool.count(), before, "in force with the answer");
    let set = overlay(gait.dir()).unwrap();
    assert_eq!(
        (&set["routes"]["del"]["stage"], &set["routes"]["del"]["by"]),
        (&"dry_run".into(), &"local".into())
    );

    back_and_forced(&gait, &tool);
}

/// What may be done without asking the gates, and what may not.
fn back_and_forced(gait: &Gait, tool: &Recorder) {
    let before = tool.count();
    let why = ["--reason", "incident 42"];
    let (exit, refused) = run(gait, &step("demote", "enforce", &why));
    assert!(exit == 6 && refused["reason"] == "would_raise", "{refused}");
    assert_eq!(run(gait, &step("demote", "observe", &[])).0, 6, "a reason is asked for");
    let (exit, done) =
        run(gait, &step("demote", "observe", &[&why[..], &["--for", "1h"]].concat()));
    assert_eq!((exit, &done["change"]["after"]), (0, &"dry_run".into()), "{done}");
    assert_eq!((call(gait), tool.count()), (200, before + 1));
    let (exit, refused) = run(gait, &step("promote", "observe", &[]));
    assert!(exit == 6 && refused["reason"] == "no_step", "{refused}");
    let (exit, refused) = run(gait, &step("promote", "enforce", &["--force"]));
    assert_eq!(exit, 6, "{refused}");
    let half = ["--force", "--reason", "audit", "--percent", "50"];
    let (exit, refused) = run(gait, &step("promote", "enforce", &half));
    assert!(exit == 6 && refused["reason"] == "would_lower", "{refused}");
    let forced = ["--force", "--reason", "audit", "--percent", "100"];
    let (exit, done) = run(gait, &step("promote", "enforce", &forced));
    assert_eq!((exit, &done["change"]["via"]), (0, &"forced_promote".into()), "{done}");
    assert_eq!(call(gait), 403);
    let scrape = gait.scrape();
    let via = |via: &str| scrape.sum("gait_stage_changes_total", &[("route", "del"), ("via", via)]);
    assert_eq!((via("promote"), via("forced_promote"), via("demote")), (1.0, 1.0, 1.0));
    assert!(gait.log().contains("security event: a stage is set back"));
    let lines = gait.evidence();
    let stages: Vec<&Value> = lines.iter().filter(|line| line["kind"] == "stage").collect();
    assert_eq!(stages.len(), 3);
    assert!(stages.iter().all(|line| line["by"] == "local"), "{stages:?}");
    assert_eq!(stages[2]["reason"], "audit");
}

#[test]
fn what_cannot_be_recorded_or_loaded_is_not_said_to_be_done() {
    let tool = Recorder::start();
    let observing = setup(&tool, "enforce");
    let gait = observing.start();
    let down = step("demote", "observe", &["--reason", "incident"]);
    // A config that cannot be loaded keeps nobody from setting a stage over the one in force.
    fs::write(gait.dir().join("policy.yaml"), "rules: none").unwrap();
    gait.signal("HUP");
    wait_for("the refusal", || gait.log().contains("reload refused").then_some(()));
    let (exit, done) = run(&gait, &down);
    assert_eq!((exit, call(&gait)), (0, 200), "{done}");
    let told = gait.telemetry("/readyz?verbose").text();
    assert!(told.contains("[!]reload refused since"), "it is as broken as before: {told}");
    assert_eq!(run(&gait, &step("promote", "enforce", &["--force", "--reason", "r"])).0, 0);
    assert_eq!(call(&gait), 403);
    assert_eq!(run(&gait, &down).0, 0);
    assert_eq!((call(&gait), gait.scrape().sum("gait_rollout_dropped_total", &[])), (200, 0.0));
    observing.write(gait.dir());
    gait.signal("HUP");
    wait_for("the load", || gait.log().contains("nothing has changed").then_some(()));
    assert_eq!(call(&gait), 200);
    // An overlay that cannot be read: nothing is said.
    let path = gait.dir().join("state/rollout.json");
    fs::write(&path, "{}").unwrap();
    let before = gait.evidence().iter().filter(|line| line["kind"] == "stage").count();
    let (exit, refused) = run(&gait, &step("promote", "enforce", &["--force", "--reason", "r"]));
    assert_eq!((exit, &refused["reason"]), (1, &"overlay_unavailable".into()), "{refused}");
    let after = gait.evidence().iter().filter(|line| line["kind"] == "stage").count();
    assert_eq!((before, after, fs::read_to_string(&path).unwrap().as_str()), (3, 3, "{}"));
}

#[test]
fn an_overlay_that_is_gone_is_told_before_anything_is_set() {
    let tool = Recorder::start();
    let gait = setup(&tool, "observe").start();
    let up = step("promote", "require_approval", &["--force", "--reason", "r"]);
    assert_eq!((run(&gait, &up).0, call(&gait)), (0, 403));
    let path = gait.dir().join("state/rollout.json");
    fs::remove_file(&path).unwrap();
    let on = step("promote", "enforce", &["--force", "--reason", "r"]);
    let (exit, refused) = run(&gait, &on);
    assert_eq!((exit, &refused["reason"]), (1, &"overlay_unavailable".into()), "{refused}");
    assert!(refused.to_string().contains("put it back, or reload"), "{refused}");
    assert_eq!((call(&gait), path.exists()), (403, false));
    gait.signal("HUP");
    wait_for("the loss", || (call(&gait) == 200 && path.exists()).then_some(()));
    let is_told = |line: &Value| line["overlay_missing"] == true;
    wait_for("its line", || gait.evidence().iter().any(is_told).then_some(()));
    assert_eq!((run(&gait, &up).0, call(&gait)), (0, 403));
    // Also where the config cannot be loaded, and nothing was set.
    assert_eq!(run(&gait, &step("demote", "observe", &["--reason", "r"])).0, 0);
    fs::write(gait.dir().join("policy.yaml"), "rules: none").unwrap();
    fs::remove_file(&path).unwrap();
    gait.signal("HUP");
    wait_for("the file", || path.exists().then_some(()));
    assert_eq!((run(&gait, &up).0, call(&gait)), (0, 403));
}

#[test]
fn a_log_that_cannot_be_read_keeps_nobody_from_forcing_a_stage() {
    let tool = Recorder::start();
    let gait = setup(&tool, "observe").start();
    // As a disk answers that gives a segment back no more.
    fs::create_dir(gait.dir().join("state/evidence/000099.jsonl")).unwrap();
    let (exit, refused) = run(&gait, &step("promote", "enforce", &[]));
    assert_eq!(exit, 1, "{refused}");
    let (exit, done) = run(&gait, &step("promote", "enforce", &["--force", "--reason", "audit"]));
    assert_eq!((exit, &done["change"]["gates"]), (0, &Value::Array(Vec::new())), "{done}");
    assert_eq!(call(&gait), 403);
    fs::remove_dir(gait.dir().join("state/evidence/000099.jsonl")).unwrap();
    let lines = gait.evidence();
    let line = lines.iter().find(|line| line["kind"] == "stage").unwrap();
    assert!(line["unread"].as_str().unwrap().contains("cannot"), "{line}");
}

// === whatever is done, and whenever it dies ===

const STAGES: [&str; 4] = ["observe", "dry_run", "require_approval", "enforce"];

/// One wish of the dice, as path and body.
fn wish(dice: &mut Dice, ids: &[String]) -> (String, Value) {
    let to = *dice.pick(&STAGES);
    let percent = dice.hits(40).then(|| dice.below(101));
    let mut body = json!({ "to": to });
    let add = |body: &mut Value, name: &str, value: Value| body[name] = value;
    if let Some(percent) = percent {
        add(&mut body, "percent", percent.into());
    }
    if dice.hits(70) {
        add(&mut body, "reason", "the dice".into());
    }
    match dice.below(10) {
        0..4 => {
            if dice.hits(75) {
                add(&mut body, "force", true.into());
            }
            if dice.hits(20) {
                add(&mut body, "dry_run", true.into());
            }
            ("/v1/rollout/del/promote".to_owned(), body)
        }
        4..8 => ("/v1/rollout/del/demote".to_owned(), body),
        _ => {
            let label = *dice.pick(&["false-positive", "correct", "missed"]);
            ("/v1/labels".to_owned(), json!({ "call_id": dice.pick(ids), "label": label }))
        }
    }
}

/// Sends a wish, and reads the answer as far as there is one.
fn ask(address: SocketAddr, token: &str, path: &str, body: &Value) -> Option<Response> {
    let body = body.to_string();
    let mut conn = Conn::try_open(address).ok()?;
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    conn.write(head).try_read().ok()
}

/// Holds what stands, and what stood, against the lines that say who wanted it.
fn check(dir: &Path) -> usize {
    let audit = audit(dir);
    let mut wanted: Vec<&Value> = Vec::new();
    for line in &audit.lines {
        let said = &line.said;
        match said["kind"].as_str().unwrap() {
            "stage" => {
                assert!(said["by"] == "local" && said["to"].is_string(), "{said}");
                assert!(said["via"] == "promote" || said["reason"] == "the dice", "{said}");
                wanted.push(said);
            }
            "reload" => {
                if let Some(stands) = said["stages"]["del"].as_str() {
                    let is_wanted = wanted.iter().any(|line| line["to"] == stands);
                    assert!(is_wanted || STAGES.contains(&stands), "nobody wanted: {said}");
                }
            }
            _ => {}
        }
    }
    if let Some(entry) = overlay(dir).and_then(|set| set["routes"].get("del").cloned()) {
        let time = |text: &Value| text.as_str().unwrap().parse::<Timestamp>().unwrap();
        let is_own =
            |line: &&&Value| time(&line["time"]) == time(&entry["at"]) && line["by"] == entry["by"];
        let line = wanted.iter().find(is_own).unwrap_or_else(|| panic!("no line of {entry}"));
        let stage = entry["stage"].as_str().unwrap();
        assert!(line["to"].as_str().unwrap().starts_with(stage), "{line} {entry}");
    }
    wanted.len()
}

fn from_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect(name))
}

#[test]
fn no_kill_leaves_a_stage_that_nobody_is_recorded_to_want() {
    let kills = from_environment("GAIT_KILLS").unwrap_or(KILLS);
    let clock = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    let seed = from_environment("GAIT_KILLS_SEED").unwrap_or(clock.as_millis() as u64);
    eprintln!("GAIT_KILLS={kills} GAIT_KILLS_SEED={seed}");
    let mut dice = Dice::new(seed);
    let tool = Recorder::start();
    let mut gait = setup(&tool, "observe").start();
    (0..4).for_each(|_| assert_eq!(call(&gait), 200));
    let ids = calls(&gait, 4);
    // However the dice fall, there is a stage to look for.
    let local = Approver::local(&gait);
    let sure = json!({ "to": "enforce", "force": true, "reason": "the dice" });
    let answer = ask(local.address, &local.token, "/v1/rollout/del/promote", &sure);
    assert_eq!(answer.expect("an answer").status, 200);
    let (mut done, mut changes) = (1, 0);
    for _ in 0..kills {
        let own = *dice.pick(&STAGES);
        let local = Approver::local(&gait);
        for _ in 0..dice.below(8) {
            let (path, body) = wish(&mut dice, &ids);
            let token = if dice.hits(10) { "nobody" } else { &local.token };
            let answer = ask(local.address, token, &path, &body).expect("an answer");
            let status = answer.status;
            // 500: the config was changed in the midst of it.
            let is_meant = [200, 400, 401, 409, 500].contains(&status);
            assert!(is_meant, "{path} {body}: {}", answer.text());
            assert!(token != "nobody" || status == 401);
            done += usize::from(status == 200);
            if dice.hits(15) {
                setup(&tool, own).write(gait.dir());
                gait.signal("HUP");
            }
        }
        let (path, body) = wish(&mut dice, &ids);
        let asking = thread::spawn(move || ask(local.address, &local.token, &path, &body));
        thread::sleep(Duration::from_micros(dice.below(12_000)));
        let dir = gait.kill();
        let _answer = asking.join();
        changes = check(dir.path());
        gait = Gait::launch(dir, &["proxy", "--config", "gait.yaml"], &[]);
        let listed = Approver::local(&gait).get("/v1/labels?limit=200");
        let lines = gait.evidence();
        let said = lines.iter().filter(|line| line["kind"] == "label");
        let said: Vec<u64> = said.map(|line| line["seq"].as_u64().unwrap()).collect();
        let kept = listed["labels"].as_array().unwrap();
        let kept: Vec<u64> = kept.iter().rev().map(|one| one["seq"].as_u64().unwrap()).collect();
        assert_eq!(kept, said, "the store has what the log has");
    }
    eprintln!("{done} wishes were met, {changes} stages were set");
    assert!(changes > 0, "what was set is not recorded");
}
