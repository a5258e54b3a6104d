//! Rate limits and destructive budgets over HTTP: who is counted, for how long, and what a restart
//! knows of it.

use crate::support::{
    Conn, Gait, Peer, Recorder, Response, Setup, clear_of_the_hour, send, wait_for,
};
use serde_json::Value;
use std::fs;
use std::thread;
use std::time::{Duration, SystemTime};

/// A gait whose calls `POST /VERDICT/...` get that verdict by a rule that sets `limits`.
fn setup(stage: &str, limits: &str, upstream: &Recorder) -> Setup {
    let mut config = format!(
        "server: {{ listen: \"127.0.0.1:0\" }}\nstage: {stage}\nunmapped: {{ action: deny }}\n\
         upstreams: {{ tool: {{ url: \"http://{}\" }} }}\nroutes:\n",
        upstream.address
    );
    let mut policy = String::from("default_verdict: block\nrules:\n");
    for verdict in ["allow", "dry_run", "require_approval", "block"] {
        config.push_str(&format!(
            "  - {{ name: {verdict}, match: {{ methods: [POST], path: \"/{verdict}/{{x}}\" }}, \
             upstream: tool, intent: {{ tool_name: tool.{verdict}, risk_class: RISK }} }}\n"
        ));
        policy.push_str(&format!(
            "  - {{ name: {verdict}-it, effect: {verdict}, match: {{ tool_names: \
             [tool.{verdict}] }}, {limits} }}\n"
        ));
    }
    Setup { config: config.replace("RISK", "high"), policy }
}

const TWO_AN_HOUR: &str = "rate_limit: { requests: 2, window: hour, scope: tool }";

fn call(gait: &Gait, path: &str) -> Response {
    call_with(gait, path, "")
}

fn call_with(gait: &Gait, path: &str, lines: &str) -> Response {
    send(
        gait.server,
        format!("POST {path} HTTP/1.1\r\nHost: h\r\n{lines}Content-Length: 0\r\n\r\n"),
    )
}

/// The statuses of so many calls.
fn statuses(gait: &Gait, path: &str, calls: usize) -> Vec<u16> {
    (0..calls).map(|_| call(gait, path).status).collect()
}

/// The counters that are on disk.
fn counters(gait: &Gait) -> Vec<(String, u64)> {
    let file = fs::read(gait.dir().join("state/rate_limits.json")).unwrap_or_default();
    let state: Value = serde_json::from_slice(&file).unwrap_or_default();
    let counters = state["counters"].as_array().cloned().unwrap_or_default();
    let counter = |counter: &Value| {
        let key = counter["key"].as_str().unwrap().to_owned();
        (key, counter["count"].as_u64().unwrap())
    };
    counters.iter().map(counter).collect()
}

#[test]
fn a_limit_is_answered_429_and_says_when_to_come_back() {
    clear_of_the_hour();
    let tool = Recorder::start();
    let gait = setup("enforce", TWO_AN_HOUR, &tool).start();
    assert_eq!(statuses(&gait, "/allow/a", 3), [200, 200, 429]);
    let refused = call(&gait, "/allow/b");
    assert_eq!(refused.status, 429);
    let (body, wait) = (refused.json(), refused.one("Retry-After").unwrap());
    assert_eq!(body["type"], "urn:gait:problem:limit-reached");
    assert_eq!((&body["verdict"], &body["executed"]), (&"block".into(), &false.into()));
    let codes = body["reason_codes"].as_array().unwrap();
    assert!(codes.contains(&"rate_limit_exceeded".into()), "{body}");
    assert_eq!(body["violations"], serde_json::json!(["rate_limit_exceeded"]));
    let left = 3_600 - SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs() % 3_600;
    let wait: u64 = wait.parse().unwrap();
    assert!(wait.abs_diff(left) <= 2, "{wait} and {left}");
    assert!(body["until"].as_str().unwrap().ends_with(":00:00Z"), "{body}");
    assert_eq!(tool.count(), 2);
    gait.settled().assert_law();
    wait_for("the gauge", || (gait.scrape().total("gait_rate_counters") == 1.0).then_some(()));
}

#[test]
fn a_minute_s_limit_is_renewed_when_the_minute_is_over() {
    let tool = Recorder::start();
    let limit = "rate_limit: { requests: 1, window: minute, scope: identity }";
    let gait = setup("enforce", limit, &tool).start();
    // From wherever in the minute this begins: within 61 seconds it is refused, then passes.
    let refused = wait_for("a refusal", || {
        let answer = call(&gait, "/allow/a");
        (answer.status == 429).then_some(answer)
    });
    let wait: u64 = refused.one("Retry-After").unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    if wait > 1 {
        thread::sleep(Duration::from_secs(wait - 1));
    }
    wait_for("the next minute", || (call(&gait, "/allow/a").status == 200).then_some(()));
}

#[test]
fn what_only_shows_its_decision_spends_nothing() {
    clear_of_the_hour();
    let tool = Recorder::start();
    let gait = setup("enforce", TWO_AN_HOUR, &tool).start();
    let dry = |path: &str| call_with(&gait, path, "Gait-Dry-Run: true\r\n");
    for _ in 0..3 {
        assert_eq!(dry("/allow/a").json()["would_status"], 200);
        assert_eq!(call(&gait, "/dry_run/a").status, 200);
        // Whoever waits for an approval asks again and again.
        assert_eq!(call(&gait, "/require_approval/a").status, 428);
    }
    assert_eq!(statuses(&gait, "/allow/a", 3), [200, 200, 429]);
    let told = dry("/allow/a");
    assert_eq!(told.status, 200);
    assert_eq!((&told.json()["would_status"], told.one("Retry-After")), (&429.into(), None));
    // What is blocked is counted, as the format has it.
    assert_eq!(statuses(&gait, "/block/a", 3), [403, 403, 429]);
    assert_eq!(tool.count(), 2);
}

#[test]
fn every_stage_counts_what_it_lets_out() {
    clear_of_the_hour();
    let tool = Recorder::start();
    let gait = setup("observe", TWO_AN_HOUR, &tool).start();
    for verdict in ["allow", "dry_run", "require_approval", "block"] {
        let path = format!("/{verdict}/a");
        let simulated: Vec<_> = (0..3).map(|_| call(&gait, &path)).collect();
        assert!(simulated.iter().all(|answer| answer.status == 200), "observe refuses nothing");
        let last = simulated.last().unwrap();
        assert_eq!(last.one("Gait-Simulated"), Some("block"), "{verdict}");
    }
    assert_eq!(tool.count(), 12);
    let lines = wait_for("every line", || {
        let lines = gait.evidence();
        (lines.iter().filter(|line| line["kind"] == "call").count() == 12).then_some(lines)
    });
    let over = |line: &&Value| line["reason_codes"].to_string().contains("rate_limit_exceeded");
    assert_eq!(lines.iter().filter(over).count(), 4, "the third of each");
    drop(gait);

    let gait = setup("dry_run", TWO_AN_HOUR, &tool).start();
    for _ in 0..3 {
        let told = call(&gait, "/block/a").json();
        assert_eq!(told["would_status"], 403, "a stage that only answers spends nothing");
    }
    assert_eq!(statuses(&gait, "/allow/a", 2), [200, 200]);
    assert_eq!(call(&gait, "/allow/a").json()["would_status"], 429);
    gait.settled().assert_law();
}

#[test]
fn a_limit_that_only_observes_tells_no_caller_to_wait() {
    clear_of_the_hour();
    let tool = Recorder::start();
    let mut setup = setup("observe", TWO_AN_HOUR, &tool);
    // Nobody listens there.
    setup.config = setup.config.replace(&tool.address.to_string(), "127.0.0.1:9");
    let gait = setup.start();
    assert_eq!(statuses(&gait, "/allow/a", 2), [502, 502]);
    let failed = call(&gait, "/allow/a");
    assert_eq!((failed.status, failed.one("Gait-Simulated")), (502, Some("block")));
    assert_eq!((failed.one("Retry-After"), failed.json().get("until")), (None, None));
    gait.settled().assert_law();
}

#[test]
fn exactly_as_many_pass_as_the_limit_says() {
    const LIMIT: usize = 100;
    const CALLERS: usize = 64;
    clear_of_the_hour();
    let tool = Recorder::start();
    let limit = format!("rate_limit: {{ requests: {LIMIT}, window: hour }}");
    let gait = setup("enforce", &limit, &tool).start();
    let passed: usize = thread::scope(|scope| {
        let callers: Vec<_> = (0..CALLERS).map(|_| scope.spawn(|| drive(&gait, 10))).collect();
        callers.into_iter().map(|caller| caller.join().unwrap()).sum()
    });
    assert_eq!((passed, tool.count()), (LIMIT, LIMIT));
    let scrape = gait.settled();
    scrape.assert_law();
    assert_eq!(scrape.total("gait_upstream_requests_total"), LIMIT as f64);
}

/// How many of so many calls on one connection pass.
fn drive(gait: &Gait, calls: usize) -> usize {
    let mut conn = Conn::open(gait.server);
    let one = "POST /allow/a HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n";
    let statuses = (0..calls).map(|_| conn.write(one).read().status);
    statuses
        .inspect(|status| assert!([200, 429].contains(status), "{status}"))
        .filter(|status| *status == 200)
        .count()
}

#[test]
fn a_restart_goes_on_counting() {
    clear_of_the_hour();
    let tool = Recorder::start();
    let setup = setup("enforce", TWO_AN_HOUR, &tool);
    let setup = setup.with("timeouts: { drain_delay: 0ms }\n");
    let mut gait = setup.start();
    assert_eq!(call(&gait, "/allow/a").status, 200);
    // Right after the call, so that what drains is what writes.
    gait.signal("TERM");
    assert!(gait.wait().success(), "{}", gait.log());
    assert_eq!(counters(&gait).len(), 1);
    let gait = setup.start_in(gait.kill());
    assert_eq!(call(&gait, "/allow/a").status, 200);
    wait_for("the counters on disk", || {
        counters(&gait).iter().any(|(_, count)| *count == 2).then_some(())
    });
    // Even a kill forgets nothing that was written.
    let gait = setup.start_in(gait.kill());
    assert_eq!(call(&gait, "/allow/a").status, 429);
    let [(key, 2)] = &counters(&gait)[..] else { panic!("{:?}", counters(&gait)) };
    assert!(key.starts_with("hour|tool|") && key.ends_with(":00:00Z|tool.allow"), "{key}");
}

#[test]
fn counters_that_cannot_be_read_stop_the_start() {
    let tool = Recorder::start();
    let dir = tempfile::TempDir::new().unwrap();
    setup("enforce", TWO_AN_HOUR, &tool).write(dir.path());
    fs::create_dir(dir.path().join("state")).unwrap();
    fs::write(dir.path().join("state/rate_limits.json"), "{").unwrap();
    let output = crate::support::run_to_end(dir.path(), &["proxy", "--config", "gait.yaml"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(6), "{said}");
    assert!(said.contains("parse rate limit state") && said.contains("rate_limits.json"), "{said}");
}

#[test]
fn counters_that_cannot_be_written_are_told_and_still_count() {
    clear_of_the_hour();
    let tool = Recorder::start();
    let gait = setup("enforce", TWO_AN_HOUR, &tool).start();
    // A directory takes the file's place.
    fs::create_dir(gait.dir().join("state/rate_limits.json")).unwrap();
    assert_eq!(statuses(&gait, "/allow/a", 3), [200, 200, 429]);
    wait_for("the failures", || {
        (gait.scrape().total("gait_rate_state_failures_total") > 0.0).then_some(())
    });
    fs::remove_dir(gait.dir().join("state/rate_limits.json")).unwrap();
    wait_for("the counters on disk", || (counters(&gait).len() == 1).then_some(()));
}

#[test]
fn without_room_for_a_counter_a_call_is_refused() {
    clear_of_the_hour();
    let tool = Recorder::start();
    // A tool for each path, and so a counter.
    let mut setup = setup("enforce", TWO_AN_HOUR, &tool);
    for n in 0..100 {
        setup.config.push_str(&format!(
            "  - {{ name: t{n}, match: {{ path: \"/t{n}\" }}, upstream: tool, intent: {{ tool_name: \
             t{n}, risk_class: low }} }}\n"
        ));
    }
    let mut setup = setup.with("limits: { rate_state_bytes: 4096 }\n");
    setup.policy = format!("rules: [ {{ name: all, effect: allow, {TWO_AN_HOUR} }} ]\n");
    let gait = setup.start();
    let refused = (0..100).map(|n| call(&gait, &format!("/t{n}"))).find(|a| a.status != 200);
    let refused = refused.expect("a bound");
    assert_eq!((refused.status, refused.one("Retry-After")), (503, Some("1")));
    assert_eq!(refused.json()["reason_codes"], serde_json::json!(["rate_limit_state_full"]));
    assert_eq!(call(&gait, "/t0").status, 200, "what has a counter goes on");
    assert_eq!(call(&gait, "/t0").status, 429);
    gait.settled().assert_law();
}

#[test]
fn a_budget_counts_destruction_alone() {
    // What a peer installs takes its time.
    let peer = Peer::start();
    clear_of_the_hour();
    let mut setup = Setup::fixture("json_server", peer.address);
    setup.config = setup.config.replace("STAGE", "observe");
    setup.policy = "rules: [ { name: all, effect: allow, destructive_budget: \
                    { requests: 1, window: hour, scope: identity } } ]\n"
        .to_owned();
    let gait = setup.start();
    let delete = |file: &str| {
        let bytes = format!("DELETE {file} HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n");
        send(gait.server, bytes).one("Gait-Simulated").map(str::to_owned)
    };
    let read = || send(gait.server, "GET /files/2 HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_eq!(delete("/files/1").as_deref(), Some("require_approval"));
    assert_eq!(delete("/files/3").as_deref(), Some("block"), "over the budget");
    for _ in 0..3 {
        assert_eq!(read().one("Gait-Verdict"), Some("allow"));
    }
    assert_eq!(peer.executed("DELETE /files"), 2, "observe lets all of it out");
    gait.settled().assert_law();
}
