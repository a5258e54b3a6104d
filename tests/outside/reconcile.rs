//! A tool's own log against the evidence: a real nginx logs what reaches it, through gait and past
//! it, and `gait trace reconcile` must name exactly what went past.

use crate::support::{Gait, Nginx, Setup, get, listen, run_to_end, send, wait_for};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;
use tempfile::TempDir;

/// How those who go past gait call themselves.
const DIRECT: &str = "direct";

/// nginx as a tool that logs every request in three forms.
struct Logging(Nginx);

impl Logging {
    fn start() -> Logging {
        let never = listen(|_, stream| {
            thread::sleep(Duration::from_secs(60));
            drop(stream);
        });
        // What people are told to write must be what works.
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/evidence.md");
        let page = fs::read_to_string(page).unwrap();
        let named = page.split("```nginx\n").nth(1).unwrap().split("```").next().unwrap();
        Logging(Nginx::start(TempDir::new().unwrap(), |address| {
            format!(
                "{named}
                log_format lines escape=json '{{\"time\":\"$time_iso8601\",\"method\":\"$request_method\",'
                  '\"request_uri\":\"$request_uri\",\"status\":$status,\"remote_addr\":\"$remote_addr\",'
                  '\"agent\":\"$http_user_agent\",\"http_traceparent\":\"$http_traceparent\"}}';
                access_log plain.log combined;
                access_log named.log gait;
                access_log lines.log lines;
                server {{
                  listen {address};
                  location /files/slow {{ proxy_pass http://{never}; }}
                  location / {{ return 200 '{{}}'; }}
                }}"
            )
        }))
    }

    fn log(&self, name: &str) -> PathBuf {
        self.0.dir.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.log(name)).unwrap()
    }

    fn wait_for_lines(&self, count: usize) {
        for name in ["plain.log", "named.log", "lines.log"] {
            wait_for(name, || (self.text(name).lines().count() >= count).then_some(()));
        }
    }

    /// The numbers of the lines that came past gait.
    fn direct_lines(&self, name: &str) -> BTreeSet<u64> {
        let text = self.text(name);
        let lines = (1..).zip(text.lines()).filter(|(_, line)| line.contains(DIRECT));
        lines.map(|(number, _)| number).collect()
    }

    /// A request past gait, with more header lines.
    fn direct(&self, method: &str, target: &str, more: &str) {
        let request = format!(
            "{method} {target} HTTP/1.1\r\nHost: h\r\nUser-Agent: {DIRECT}\r\nConnection: close\r\n\
             {more}\r\n"
        );
        assert_eq!(send(self.0.address, request).status, 200);
    }
}

fn gait(nginx: &Logging) -> Setup {
    let mut setup = Setup::fixture("json_server", nginx.0.address);
    setup.config = setup.config.replace("STAGE", "enforce");
    setup
}

fn put(target: &str) -> String {
    format!(
        "PUT {target} HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n\
         Content-Length: 2\r\n\r\n{{}}"
    )
}

/// Waits until so many calls have their last line.
fn wait_for_calls(gait: &Gait, count: usize) {
    wait_for("the closing lines", || {
        let lines = gait.evidence();
        let ended = lines.iter().filter(|line| line["ending"].is_string()).count();
        (ended >= count).then_some(())
    });
}

fn reconcile(dir: &Path, log: &Path, more: &[&str]) -> (Option<i32>, Value) {
    let log = log.to_str().unwrap();
    let words = ["trace", "reconcile", "--evidence", "state", "--access-log", log, "--json"];
    let output = run_to_end(dir, &[&words, more].concat());
    let answer = serde_json::from_slice(&output.stdout);
    (output.status.code(), answer.unwrap_or_else(|error| panic!("{error}: {output:?}")))
}

fn count(answer: &Value, name: &str) -> u64 {
    answer["summary"][name].as_u64().unwrap_or_else(|| panic!("no `{name}`: {answer}"))
}

/// Line numbers in a list of the answer.
fn lines(answer: &Value, name: &str) -> BTreeSet<u64> {
    let list = answer[name].as_array().map(Vec::as_slice).unwrap_or_default();
    list.iter().map(|one| one["line"].as_u64().unwrap()).collect()
}

/// 300 calls that go through, from six callers at once, and 20 that are refused.
fn traffic(server: SocketAddr) {
    let callers = (0..6).map(|caller| {
        thread::spawn(move || {
            for n in 0..50 {
                let target = format!("/files/{}", caller * 50 + n);
                let request = if n % 5 == 0 { put(&target) } else { get(&target) };
                assert_eq!(send(server, request).status, 200, "{target}");
            }
        })
    });
    callers.collect::<Vec<_>>().into_iter().for_each(|caller| caller.join().unwrap());
    for n in 0..20 {
        let denied = format!("DELETE /files/{n} HTTP/1.1\r\nHost: h\r\n\r\n");
        assert_ne!(send(server, denied).status, 200);
    }
}

/// The `traceparent` that the tool was given with a request for this target.
fn traceparent(nginx: &Logging, target: &str) -> String {
    let text = nginx.text("named.log");
    let line = text.lines().find(|line| line.contains(&format!("{target} HTTP"))).unwrap();
    line.rsplit('"').nth(1).unwrap().to_owned()
}

/// Seven requests that nobody permitted, each in another disguise.
fn seven_direct(nginx: &Logging) {
    let parent = |text: &str| format!("traceparent: {text}\r\n");
    let stolen = parent(&traceparent(nginx, "/files/9"));
    nginx.direct("GET", "/admin", "");
    nginx.direct("DELETE", "/files/3", "");
    nginx.direct("GET", "/files/299?x=1", "");
    nginx.direct("GET", "/files/7", "");
    nginx.direct("GET", "/files/8", &parent(&format!("00-{:032x}-{:016x}-01", 7, 7)));
    nginx.direct("GET", "/files/9", &stolen);
    nginx.direct("GET", "/files/300", &stolen);
}

#[test]
fn exactly_what_went_past_gait_is_listed() {
    let nginx = Logging::start();
    let gait = gait(&nginx).start();
    traffic(gait.server);
    wait_for_calls(&gait, 320);
    nginx.wait_for_lines(300);
    for (log, format) in [("named.log", "nginx"), ("plain.log", "nginx"), ("lines.log", "json")] {
        let (exit, answer) = reconcile(gait.dir(), &nginx.log(log), &["--format", format]);
        assert_eq!(exit, Some(0), "{log}: {answer}");
        assert_eq!((count(&answer, "matched"), count(&answer, "calls")), (300, 300));
    }

    seven_direct(&nginx);
    nginx.wait_for_lines(307);
    for (log, format) in [("named.log", "nginx"), ("lines.log", "json")] {
        let (exit, answer) = reconcile(gait.dir(), &nginx.log(log), &["--format", format]);
        assert_eq!(exit, Some(2), "{log}: {answer}");
        let (bypasses, repeats) = (lines(&answer, "bypasses"), lines(&answer, "repeats"));
        assert_eq!((bypasses.len(), repeats.len()), (6, 1), "{answer}");
        assert_eq!(&bypasses | &repeats, nginx.direct_lines(log), "{log}: {answer}");
        assert_eq!((count(&answer, "matched"), count(&answer, "missing")), (300, 0));
    }

    // Without names, a request that is like a permitted one at the same moment is told with it.
    // The skew makes it one moment also on a slow machine.
    let more = ["--format", "nginx", "--skew", "10m"];
    let (exit, answer) = reconcile(gait.dir(), &nginx.log("plain.log"), &more);
    assert_eq!((exit, count(&answer, "bypass")), (Some(2), 7), "{answer}");
    assert_eq!((count(&answer, "matched"), count(&answer, "missing")), (300, 0));
    let direct = nginx.direct_lines("plain.log");
    let sure = lines(&answer, "bypasses");
    assert!(sure.len() == 4 && sure.is_subset(&direct), "{answer}");
    let crowds = answer["crowds"].as_array().unwrap();
    assert_eq!(crowds.len(), 3, "{answer}");
    for crowd in crowds {
        let members = lines(crowd, "requests");
        let found = (crowd["excess"].as_u64().unwrap(), members.len(), (&members & &direct).len());
        assert_eq!(found, (1, 2, 1), "{answer}");
    }
}

#[test]
fn a_call_that_a_kill_cut_is_uncertain_and_what_left_no_line_is_listed() {
    let nginx = Logging::start();
    let setup = gait(&nginx);
    let gait = setup.start();
    assert_eq!(send(gait.server, get("/files/1")).status, 200);
    let server = gait.server;
    for request in [put("/files/slow1"), get("/files/slow2")] {
        thread::spawn(move || drop(crate::support::Conn::open(server).write(request).try_read()));
    }
    wait_for("both calls at the tool", || {
        (gait.scrape().total("gait_upstream_requests_total") >= 3.0).then_some(())
    });
    let dir = gait.kill();
    nginx.wait_for_lines(3);
    let gait = setup.start_in(dir);
    assert_eq!(send(gait.server, get("/files/2")).status, 200);
    wait_for_calls(&gait, 2);
    nginx.wait_for_lines(4);
    for log in ["named.log", "plain.log"] {
        let (exit, answer) = reconcile(gait.dir(), &nginx.log(log), &["--format", "nginx"]);
        assert_eq!((exit, count(&answer, "uncertain")), (Some(2), 1), "{log}: {answer}");
        let call = &answer["uncertain"][0];
        assert_eq!(call["method"], "PUT");
        assert!(call["arrived"].is_string(), "{log}: {answer}");
        let bypass = &answer["bypasses"][0];
        let told = (bypass["path"].as_str(), bypass["near_a_crash"].as_bool());
        assert_eq!(told, (Some("/files/slow2"), Some(true)), "{log}: {answer}");
        assert_eq!((count(&answer, "bypass"), count(&answer, "missing")), (1, 0));

        // Of the rest a call of unknown outcome explains a line, which is as much as can be said.
        let text = nginx.text(log);
        let rest: Vec<_> = text.lines().filter(|line| !line.contains("/files/slow2")).collect();
        let cut = gait.dir().join(log);
        fs::write(&cut, rest.join("\n")).unwrap();
        let (exit, answer) = reconcile(gait.dir(), &cut, &["--format", "nginx"]);
        assert_eq!((exit, count(&answer, "uncertain")), (Some(5), 1), "{log}: {answer}");
        assert!(answer["uncertain"][0]["arrived"].is_string(), "{log}: {answer}");
        assert_eq!((count(&answer, "bypass"), count(&answer, "missing")), (0, 0));
    }
}

#[test]
fn a_call_that_never_arrived_and_a_line_that_cannot_be_read_have_their_exit() {
    let nginx = Logging::start();
    let gait = gait(&nginx).start();
    for n in 1..=3 {
        assert_eq!(send(gait.server, get(&format!("/files/{n}"))).status, 200);
    }
    wait_for_calls(&gait, 3);
    nginx.wait_for_lines(3);
    let run = |text: &str, more: &[&str]| {
        let log = gait.dir().join("cut.log");
        fs::write(&log, text).unwrap();
        let is_format = more.first() == Some(&"--format");
        let format: &[&str] = if is_format { &[] } else { &["--format", "nginx"] };
        reconcile(gait.dir(), &log, &[format, more].concat())
    };
    let whole = nginx.text("named.log");
    let cut: String = whole.lines().take(2).map(|line| format!("{line}\n")).collect();
    let (exit, answer) = run(&cut, &[]);
    assert_eq!((exit, count(&answer, "missing")), (Some(5), 1), "{answer}");
    assert_eq!(answer["missing"][0]["route"], "files.read");
    let (exit, answer) = run(&(whole.clone() + "\u{1b}[2J noise\n"), &[]);
    assert_eq!((exit, count(&answer, "unread")), (Some(2), 1), "{answer}");
    let moved = whole.replace("GET /", "GET /base/");
    let (exit, answer) = run(&moved, &[]);
    assert_eq!((exit, count(&answer, "bypass")), (Some(2), 3), "{answer}");
    let (exit, answer) = run(&moved, &["--strip-prefix", "/base"]);
    assert_eq!(exit, Some(0), "{answer}");
    let (exit, answer) = run(&whole, &["--upstream", "other"]);
    assert_eq!((exit, count(&answer, "calls")), (Some(2), 0), "{answer}");
    for (text, more, part) in [
        ("{}\n{}\n", vec![], "no line of "),
        ("", vec!["--until", "2020-01-01"], "nothing to compare"),
        ("", vec!["--since", "yesterday"], "invalid --since"),
        ("", vec!["--field", "time=/t"], "JSON logs alone"),
        ("", vec!["--skew", "2"], "2s"),
        ("", vec!["--format", "iis"], "nginx, apache, json"),
    ] {
        let more: Vec<&str> = more;
        let (exit, answer) = run(text, &more);
        let error = answer["error"].as_str().unwrap();
        assert!(exit == Some(6) && error.contains(part), "{answer}");
    }
}

#[test]
fn people_read_what_it_is_and_no_log_steers_their_terminal() {
    let nginx = Logging::start();
    let gait = gait(&nginx).start();
    assert_eq!(send(gait.server, get("/files/1")).status, 200);
    nginx.direct("GET", "/admin", "");
    wait_for_calls(&gait, 1);
    nginx.wait_for_lines(2);
    let log = nginx.log("named.log");
    fs::write(&log, nginx.text("named.log") + "\u{1b}[2J\u{202e} noise\n").unwrap();
    let words = ["trace", "reconcile", "--evidence", "state/evidence", "--format", "nginx"];
    let output =
        run_to_end(gait.dir(), &[&words[..], &["--access-log", log.to_str().unwrap()]].concat());
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(2), "{text}");
    let [bypass, unread, summary] = text.lines().collect::<Vec<_>>()[..] else { panic!("{text}") };
    assert!(bypass.starts_with("bypass     20"), "{text}");
    assert!(bypass.contains("GET /admin  200  from 127.0.0.1  "), "{text}");
    assert!(bypass.ends_with("it came without the traceparent that gait sends"), "{text}");
    assert!(unread.contains(r"\u{1b}[2J\u{202e} noise"), "{text}");
    let want = "2 requests in 1 logs, 1 calls: 1 matched, 1 bypass, 0 repeat, 0 violation, 1 unread, \
                0 missing, 0 uncertain";
    assert_eq!(summary, want);
}
