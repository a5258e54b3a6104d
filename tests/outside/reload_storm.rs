//! Many reloads under load, half of them invalid: no call fails, none is judged by a mix of two
//! snapshots, every line names what judged it, the last good one is always in force, and once it is
//! over gait does no more than before.
//!
//! Config and policy of each generation name it, and are exchanged together. 200 reloads by default;
//! `GAIT_RELOADS=1000` is what a release is held to, in 60 seconds on a machine that is its own.

use crate::support::{Conn, Folder, Gait, Recorder, audit, get, send, wait_for};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const CALLERS: usize = 64;
/// A thousand in a minute, with some room.
const STEP: Duration = Duration::from_millis(55);
/// Between two calls of one caller: they are to be many, not to keep the loads from the processor.
const PAUSE: Duration = Duration::from_millis(40);
/// What memory may grow by once it is warm, in bytes.
const GROWTH_BYTES: f64 = 16e6;

/// How long an idle gait is watched for what it does.
const IDLE: Duration = Duration::from_secs(2);
/// What it may do more after the storm, in seconds of processor; what is left over of each of the
/// loads would show many times.
const IDLE_SECONDS: f64 = 0.2;

/// Descriptors that may be open more once all callers are gone: a scrape, a segment.
const DESCRIPTORS: f64 = 4.0;

/// The paths that are called, and what is answered in every generation.
const CALLS: [(&str, u16); 3] = [("/read", 200), ("/deny", 403), ("/pay", 200)];

/// Ways to be no config.
#[derive(Clone, Copy, Debug)]
enum Broken {
    Yaml,
    UnknownKey,
    Policy,
    NoPolicy,
}

/// The files of one generation.
fn files(
    tool: SocketAddr,
    generation: usize,
    broken: Option<Broken>,
) -> Vec<(&'static str, String)> {
    let route = |name: &str, risk: &str| {
        format!(
            "  - {{ name: {name}, upstream: api, match: {{ methods: [GET], path: \"/{name}\" }}, \
             intent: {{ tool_name: {name}.g{generation}, risk_class: {risk} }} }}\n"
        )
    };
    let config = format!(
        "server: {{ listen: \"127.0.0.1:0\" }}\ntelemetry: {{ listen: \"127.0.0.1:0\" }}\n\
         admin: {{ listen: \"127.0.0.1:0\" }}\nstate_dir: ./state\npolicy: ./policy.yaml\n\
         reload: {{ watch: 100ms }}\nstage: enforce\ntimeouts: {{ drain_delay: 0ms, upstream_idle: 1s }}\n\
         upstreams: {{ api: {{ url: \"http://{tool}\" }} }}\nroutes:\n{}{}{}",
        route("read", "low"),
        route("deny", "medium"),
        route("pay", "high"),
    );
    let rule = |risk: &str, effect: &str| {
        format!(
            "  - {{ name: {risk}, effect: {effect}, match: {{ risk_classes: [{risk}] }}, \
             reason_codes: [g{generation}] }}\n"
        )
    };
    let rules = rule("low", "allow") + &rule("medium", "block") + &rule("high", "allow");
    let policy = format!("default_verdict: block\nrules:\n{rules}");
    let (config, policy) = match broken {
        Some(Broken::Yaml) => (config + "limits: {\n", Some(policy)),
        Some(Broken::UnknownKey) => (config + "colour: red\n", Some(policy)),
        Some(Broken::Policy) => (config, Some(policy + "  - { name: x, effect: perhaps }\n")),
        Some(Broken::NoPolicy) => (config, None),
        None => (config, Some(policy)),
    };
    let policy = policy.map(|policy| ("policy.yaml", policy));
    std::iter::once(("gait.yaml", config)).chain(policy).collect()
}

/// Every second generation is broken, in one way after the other.
fn broken(generation: usize) -> Option<Broken> {
    let ways = [Broken::Yaml, Broken::UnknownKey, Broken::Policy, Broken::NoPolicy];
    (generation % 2 == 1).then(|| ways[generation / 2 % ways.len()])
}

/// What the callers have seen.
#[derive(Debug, Default)]
struct Seen {
    failures: Mutex<Vec<String>>,
    done: AtomicBool,
}

/// Calls until it is told to end; gives how many calls it made.
fn drive(gait: &Gait, seen: &Seen, first: usize) -> usize {
    let mut conn = Conn::open(gait.server);
    let mut calls = 0;
    for (path, status) in CALLS.iter().cycle().skip(first) {
        if seen.done.load(Ordering::Relaxed) {
            break;
        }
        match conn.write(get(path)).try_read() {
            Ok(answer) if answer.status == *status => calls += 1,
            other => {
                seen.failures.lock().unwrap().push(format!("{path}: {other:?}"));
                conn = Conn::open(gait.server);
            }
        }
        thread::sleep(PAUSE);
    }
    calls
}

/// The generation whose policy and whose config judged a call, which must be one.
fn generation(said: &Value) -> usize {
    let tool = said["tool_name"].as_str().unwrap_or_else(|| panic!("{said}"));
    let (_, of_config) = tool.split_once('.').unwrap();
    assert_eq!(said["reason_codes"], serde_json::json!([of_config]), "a mix: {said}");
    of_config.trim_start_matches('g').parse().unwrap()
}

/// What gait has said of reloads, read as it grows.
struct Log {
    file: File,
    read: u64,
    told: usize,
}

impl Log {
    fn of(gait: &Gait) -> Log {
        Log { file: File::open(gait.dir().join("log")).unwrap(), read: 0, told: 0 }
    }

    /// How many reloads have ended.
    fn told(&mut self) -> usize {
        let mut text = String::new();
        self.file.seek(SeekFrom::Start(self.read)).unwrap();
        self.file.read_to_string(&mut text).unwrap();
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        self.read += whole as u64;
        let ends = ["\"reloaded\"", "reload refused", "nothing has changed"];
        let is_end = |line: &&str| ends.iter().any(|end| line.contains(end));
        text.truncate(whole);
        self.told += text.lines().filter(is_end).count();
        self.told
    }
}

/// Asks by the admin API, and gives the status.
fn ask(gait: &Gait, token: &str) -> u16 {
    let request = format!(
        "POST /v1/reload HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\
         Content-Length: 0\r\nConnection: close\r\n\r\n"
    );
    send(gait.listener("admin").parse().unwrap(), request).status
}

/// Exchanges the files again and again; gives how many reloads there were since the start.
fn storm(gait: &Gait, folder: &Folder, tool: SocketAddr, generations: Range<usize>) -> usize {
    let token = fs::read_to_string(gait.dir().join("state/admin.token")).unwrap();
    let (mut log, mut sure) = (Log::of(gait), 0);
    for now in generations {
        let step = Instant::now();
        let broken = broken(now);
        let before = log.told();
        folder.turn(&files(tool, now, broken));
        match now / 2 % 2 {
            0 => {
                gait.signal("HUP");
                wait_for("an end of the reload", || (log.told() > before).then_some(()));
            }
            _ => {
                let wanted = if broken.is_some() { 422 } else { 200 };
                assert_eq!(ask(gait, token.trim_end()), wanted, "{now} {broken:?}");
                sure = if broken.is_none() { now } else { sure };
            }
        }
        let judged = generation(&send(gait.server, get("/deny")).json());
        assert!((sure..=now).contains(&judged), "{judged} after {sure}, at {now}");
        assert!(judged.is_multiple_of(2), "{judged} is in force, and broken");
        thread::sleep(STEP.saturating_sub(step.elapsed()));
    }
    log.told()
}

/// Every line names a snapshot that a line before it has put in force, with the policy of that.
fn assert_named(lines: impl Iterator<Item = Value>) -> usize {
    let (mut known, mut calls) = (BTreeMap::new(), 0);
    for said in lines {
        match said["kind"].as_str().unwrap() {
            "start" | "reload" => {
                let snapshot = said["snapshot"].as_str().unwrap().to_owned();
                known.insert(snapshot, said["policy_digest"].clone());
            }
            kind @ ("call" | "decision" | "outcome") => {
                calls += usize::from(kind != "outcome");
                let digest = known.get(said["snapshot"].as_str().unwrap());
                assert_eq!(digest, Some(&said["policy_digest"]), "{said}");
                generation(&said);
            }
            _ => {}
        }
    }
    calls
}

/// Seconds of processor that gait takes while nobody calls it.
fn idles(gait: &Gait) -> f64 {
    let taken = || gait.scrape().total("process_cpu_seconds_total");
    let before = taken();
    thread::sleep(IDLE);
    taken() - before
}

#[test]
fn a_storm_of_reloads_fails_no_call_and_mixes_no_snapshot() {
    let asked = std::env::var("GAIT_RELOADS").ok().and_then(|text| text.parse().ok());
    let reloads = asked.unwrap_or(200);
    let (tool, dir, seen) = (Recorder::start(), TempDir::new().unwrap(), Seen::default());
    let folder = Folder::mount(dir.path(), &files(tool.address, 0, None));
    let mut gait = Gait::launch(dir, &["proxy", "--config", "gait.yaml"], &[]);
    let resident = || gait.scrape().total("process_resident_memory_bytes");
    let open = || gait.scrape().total("process_open_fds");
    let (alone, before) = (open(), idles(&gait));
    let (calls, ended, warm, hot, time) = thread::scope(|scope| {
        let (gait, seen) = (&gait, &seen);
        let callers: Vec<_> =
            (0..CALLERS).map(|n| scope.spawn(move || drive(gait, seen, n))).collect();
        let storm = |generations| storm(gait, &folder, tool.address, generations);
        let begun = Instant::now();
        storm(1..reloads / 4);
        let warm = resident();
        let ended = storm(reloads / 4..reloads + 1);
        let (hot, time) = (resident(), begun.elapsed());
        seen.done.store(true, Ordering::Relaxed);
        let calls: usize = callers.into_iter().map(|caller| caller.join().unwrap()).sum();
        (calls, ended, warm, hot, time)
    });
    println!("{ended} reloads in {time:?} under {calls} calls; {warm} bytes once warm, then {hot}");
    let failures = seen.failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{} failed: {:?}", failures.len(), failures.first());
    assert!(ended >= reloads, "{ended} reloads");
    assert!(hot - warm < GROWTH_BYTES, "grown by {} bytes", hot - warm);
    wait_for("all that callers and tools had open to be closed", || {
        (open() <= alone + DESCRIPTORS).then_some(())
    });
    let after = idles(&gait);
    println!("idle, {before} s of processor before and {after} s after");
    assert!(after < before + IDLE_SECONDS, "{before} s before, {after} s after");
    gait.settled().assert_law();
    gait.signal("TERM");
    assert!(gait.wait().success());
    let told = assert_named(audit(gait.dir()).lines.into_iter().map(|line| line.said));
    assert_eq!(told, calls + reloads, "each call leaves its line, also those between the reloads");
}
