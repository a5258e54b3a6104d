//! `gait approvals` as a shell and a terminal see it, against an admin API that is only its
//! contract.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a helper may stop the test")]

#[path = "../command/mod.rs"]
mod command;
mod fake;

use command::{Place, Run};
use fake::{Fake, TOKEN, request};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, ChildStdout, Command, Stdio};

fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(str::to_owned).collect()
}

impl Place {
    /// Runs one command line.
    fn run(&self, line: &str) -> Run {
        self.gait(&words(line), &[])
    }
}

/// A place whose state directory leads to `fake`.
fn place(fake: &Fake) -> Place {
    let place = Place::new();
    lead(&place, fake);
    place.put("state/admin.token", format!("{TOKEN}\n"));
    place
}

/// From now on the state directory leads to `fake`.
fn lead(place: &Place, fake: &Fake) {
    let at = fake.at.to_string();
    place.put("state/addresses.json", json!({ "admin": at }).to_string());
    assert_eq!(place.json("state/addresses.json")["admin"], at);
}

/// Exit 6, and `part` in the error.
#[track_caller]
fn refused(run: &Run, part: &str) {
    let answer = run.json();
    let error = answer["error"].as_str().unwrap_or_default();
    let is_input = run.exit == 6 && answer["error_code"] == "invalid_input";
    assert!(is_input && answer["ok"] == false && error.contains(part), "{part}: {run:?}");
}

/// Exit 1, and `part` in the error.
#[track_caller]
fn failed(run: &Run, part: &str) {
    let answer = run.json();
    let error = answer["error"].as_str().unwrap_or_default();
    assert!(run.exit == 1 && error.contains(part), "{part}: {run:?}");
}

fn nothing_steers(text: &str) {
    let steers = |c: char| c.is_control() && c != '\n' || matches!(c, '\u{202a}'..='\u{202e}');
    assert!(!text.contains(steers), "{text:?}");
}

// === list and show ===

#[test]
fn a_list_has_the_oldest_that_wait_first() {
    let requests = ["aaaa", "bbbb", "cccc", "dddd"].map(|id| id.repeat(3));
    let [a, b, c, d] = &requests;
    let mut proven = request(c, "pending", 600);
    proven["requester"] = json!({"identity": "ci", "proven": true});
    proven["tool_name"] = json!("other");
    let fake = Fake::serve(vec![
        request(a, "approved", 900),
        request(b, "pending", 60),
        proven,
        request(d, "executed", 1800),
    ]);
    let place = place(&fake);
    let run = place.run("approvals list");
    let lines: Vec<&str> = run.out.lines().collect();
    assert_eq!((run.exit, lines.len()), (0, 4), "{run:?}");
    for (line, parts) in [
        (1, [c.as_str(), "10m", "pending", "other", " ci "]),
        (2, [b.as_str(), "1m", "pending", "0/1", "anonymous?"]),
        (3, [a.as_str(), "15m", "approved", "high", "POST /publish"]),
    ] {
        parts.iter().for_each(|part| assert!(lines[line].contains(part), "{part}: {run:?}"));
    }
    let ids = |run: &Run| -> Vec<String> {
        let answer = run.json();
        assert_eq!(answer["ok"], true, "{run:?}");
        let rows = answer["approvals"].as_array().cloned().unwrap_or_default();
        rows.iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(ids(&place.run("approvals list --json --state executed")), [d.as_str()]);
    assert_eq!(ids(&place.run("approvals list --json --tool other")), [c.as_str()]);
    assert_eq!(ids(&place.run("approvals list --json --state all")).len(), 4);
    assert!(place.run("approvals list --state denied").out.contains("no requests"));
    let run = place.run("approvals list --limit 1");
    assert!(run.log.contains("2 more") && run.out.contains(c.as_str()), "{run:?}");
    refused(&place.run("approvals list --json --state nope"), "use all, or some of approved");
}

#[test]
fn what_a_caller_says_is_shown_and_never_obeyed() {
    let mut hostile = request("abcdefghjkmn", "pending", 5);
    let nasty = "a\u{1b}[2J\u{202e}\u{9b}31m\nrisk  low\r\u{7}\u{e0041}";
    hostile["call"]["args"] = json!({ nasty: nasty });
    hostile["call"]["path"] = json!(nasty);
    hostile["call"]["body"] = json!(nasty);
    hostile["call"]["targets"] =
        json!([{"kind": nasty, "value": nasty, "operation": nasty, nasty: nasty}]);
    for name in ["path", "tool_name", "risk_class", "route"] {
        hostile[name] = json!(nasty);
    }
    hostile["requester"]["identity"] = json!(nasty);
    hostile["precedent"] = json!({"id": nasty, "at": "t", "approvers": [nasty],
        "changes": [{"at": nasty, "before": nasty, "after": nasty}]});
    let place = place(&Fake::serve(vec![hostile]));
    for command in ["list", "show abcd"] {
        for flags in ["", "--json", "--color never"] {
            let run = place.run(&format!("approvals {command} {flags}"));
            assert_eq!(run.exit, 0, "{run:?}");
            nothing_steers(&run.out);
        }
    }
    let run = place.run("approvals show abcd");
    assert!(run.out.contains(r"a\u{1b}[2J\u{202e}\u{9b}31m\nrisk  low\r\u{7}\u{e0041}"), "{run:?}");
    assert!(!run.out.lines().any(|line| line == "risk  low"), "{run:?}");
    let colour = place.gait(&words("approvals list --color always"), &[("NO_COLOR", "1")]);
    assert!(colour.out.contains("\u{1b}[33mpending"), "{colour:?}");
}

#[test]
fn a_request_is_shown_whole() {
    let mut unknown = request("abcdefghjkmn", "unknown", 5);
    unknown["run"] = json!({"call_id": "c1", "claimed_at": "t1", "ended_at": "t2",
        "ending": "outcome unknown", "status": null});
    unknown["voices"] = json!([{"word": "grant", "approver": "ada", "login": "ada@desk",
        "reason": "seen", "at": "t0", "expires_at": "t9"}]);
    unknown["precedent"] = json!({"id": "p", "at": "t", "approvers": ["ada"],
        "changes": [{"at": "/args/amount", "before": 1, "after": 1000}, {"at": "/args/to", "after": "x"}]});
    unknown["call"]["body"] = json!(vec!["line"; 70].join("\n"));
    let place = place(&Fake::serve(vec![unknown.clone(), request("abzzzzzzzzzz", "pending", 1)]));
    let text = place.run("approvals show abcd").out;
    for part in [
        "OUTCOME UNKNOWN",
        "POST /publish?a=1 on files.example.com",
        "anonymous?, who has proven nothing",
        "  write path /srv/a",
        "arguments (masked: /password)",
        "    \"to\": \"all\"",
        "publish_needs_approval",
        "  - /args/amount: 1\n  + /args/amount: 1000\n  + /args/to: \"x\"\n",
        "  grant by ada (login ada@desk) at t0, holds until t9: seen",
        "  call c1 left t1, ended t2: outcome unknown",
        "10 more lines; --json has them",
        "  its answer did not come whole: ask the tool what it did",
        "you may grant it and deny it",
    ] {
        assert!(text.contains(part), "{part}:\n{text}");
    }
    let mut answer = place.run("approvals show abcdefghjkmn --json").json();
    let members = answer.as_object_mut().unwrap();
    assert_eq!(members.remove("ok"), Some(json!(true)));
    members.remove("correlation_id").unwrap();
    for (name, value) in members.iter() {
        assert_eq!(*value, unknown[name], "{name}");
    }
    refused(&place.run("approvals show --json abc"), "at least its first 4 characters");
    refused(&place.run("approvals show --json ab/../x"), "is no id");
    refused(&place.run("approvals show --json zzzz"), "there is no request `zzzz`");
    refused(&place.run("approvals show --json zzzzzzzzzzzz"), "there is no request");
}

#[test]
fn what_is_not_shown_is_said() {
    let mut cut = request("abcdefghjkmn", "pending", 5);
    let call = cut["call"].as_object_mut().unwrap();
    call.remove("args");
    call.insert("args_omitted_bytes".to_owned(), json!(70_000));
    cut["precedent"] = json!({"id": "p", "at": "t", "approvers": [], "more": true,
        "changes": [{"at": "/path", "before": "/a", "after": "/b", "shortened": ["after"]}]});
    let mut empty = request("bbbbbbbbbbbb", "pending", 5);
    empty["call"] = Value::Null;
    let place = place(&Fake::serve(vec![cut, empty]));
    let text = place.run("approvals show abcd").out;
    for part in [
        "ARGUMENTS NOT SHOWN: they are 70000 bytes",
        "  not shown\n",
        "  + /path: \"/b\" … shortened\n  … more differs than that\n",
    ] {
        assert!(text.contains(part), "{part}:\n{text}");
    }
    assert!(place.run("approvals show bbbb").out.contains("POST /publish"));
}

#[test]
fn a_prefix_must_be_of_one_request() {
    let (one, other) =
        (request("abcdefghjkmn", "pending", 9), request("abcdzzzzzzzz", "executed", 5));
    let place = place(&Fake::serve(vec![one, request("mmmmmmmmmmmm", "denied", 7), other]));
    refused(
        &place.run("approvals grant --json abcd --reason r"),
        "may be `abcdefghjkmn` or `abcdzzzzzzzz`",
    );
    assert_eq!(place.run("approvals deny abcde --reason r").exit, 0);
}

// === words ===

#[test]
fn a_grant_names_the_version_and_hands_over_the_token() {
    let requests = ["abcdefghjkmn", "bbbbbbbbbbbb", "cccccccccccc"];
    let fake = Fake::serve(requests.map(|id| request(id, "pending", 5)).to_vec());
    let place = place(&fake);
    let run =
        place.gait(&["approvals", "grant", "abcd", "--reason", "it's ok", "--ttl", "5m"], &[]);
    assert_eq!((run.exit, run.log.as_str()), (0, ""), "{run:?}");
    assert!(run.out.starts_with("granted abcdefghjkmn: approved, 1/1 approvals\n"), "{run:?}");
    assert!(run.out.ends_with("\nGait-Approval: dG9rZW4=\n"), "{run:?}");
    let said = (
        "/v1/approvals/abcdefghjkmn/grant".to_owned(),
        "\"1\"".to_owned(),
        json!({"reason": "it's ok", "ttl": "5m"}),
    );
    assert_eq!(fake.asked("POST"), [said]);

    let run =
        place.run("approvals grant bbbb --json --reason r --yes --if-match 1 --token-out new/t");
    let answer = run.json();
    assert_eq!((&answer["ok"], &answer["token_path"]), (&json!(true), &json!("new/t")), "{run:?}");
    assert_eq!(answer["approval"]["state"], "approved");
    assert_eq!(answer["token"], json!({"expires_at": "2026-01-02T04:15:00Z"}));
    assert_eq!(std::fs::read_to_string(place.path("new/t")).unwrap(), "dG9rZW4=\n");
    let mode = std::fs::metadata(place.path("new/t")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let again = "approvals grant cccc --json --reason r --token-out new/t";
    refused(&place.run(again), "`new/t` exists already");
    refused(
        &place.run("approvals grant cccc --json --reason r --if-match 7"),
        "version 1 now, not 7",
    );
    assert_eq!(fake.asked("POST").len(), 2, "nothing was said");
    let run = place.run("approvals grant cccc --reason r --token-out state");
    assert_eq!(run.exit, 6, "{run:?}");
}

#[test]
fn a_proven_caller_gets_no_token() {
    let mut proven = request("abcdefghjkmn", "pending", 5);
    proven["requester"] = json!({"identity": "ci", "proven": true, "on_behalf_of": ["ada"]});
    let place = place(&Fake::serve(vec![proven]));
    assert!(place.run("approvals show abcd").out.contains("ci, proven, on behalf of ada"));
    let run = place.run("approvals grant abcd --json --reason r");
    assert_eq!((run.exit, &run.json()["token"]), (0, &Value::Null), "{run:?}");
}

#[test]
fn a_refusal_says_why() {
    let fake = Fake::serve(vec![request("abcdefghjkmn", "pending", 5)]);
    let place = place(&fake);
    let grant = "approvals grant --json abcd --reason r";
    for (status, reason, part) in [
        (403, "approver_is_requester", "approver_is_requester: no; somebody else"),
        (403, "approver_out_of_scope", "approver_out_of_scope: no; ask an approver"),
        (403, "approver_not_authorized", "`approvals.approvers`"),
        (409, "executed", "executed: no; `gait approvals show abcdefghjkmn`"),
        (409, "already_granted", "already_granted: no"),
    ] {
        fake.refuse(status, json!({"detail": "no", "reason": reason}));
        let run = place.run(grant);
        refused(&run, part);
        assert_eq!(run.json()["reason"], reason);
    }
    for (status, part) in [(412, "has changed since"), (400, "no"), (413, "no"), (421, "no")] {
        fake.refuse(status, json!({"detail": "no"}));
        refused(&place.run(grant), part);
    }
    fake.refuse(503, json!({"detail": "the store does not answer"}));
    failed(&place.run(grant), "the store does not answer");
    assert_eq!(place.run("approvals grant abcd").exit, 6, "a reason is wanted");
    let run = place.run("approvals deny abcd --reason no");
    assert_eq!(run.out, "denied abcdefghjkmn: denied, 0/1 approvals\n");
}

// === where and with what ===

#[test]
fn gait_is_found_by_its_state_directory_or_by_name() {
    let fake = Fake::serve(vec![]);
    let (at, empty) = (fake.at.to_string(), Place::new());
    failed(
        &empty.run("approvals list --json"),
        "gait is not running here: no addresses.json in state; name it",
    );
    empty.put("config/state/addresses.json", json!({"server": "x"}).to_string());
    failed(&empty.run("approvals list --json"), "the gait of config/state has no admin listener");
    empty.put("config/state/addresses.json", json!({"admin": at}).to_string());
    refused(&empty.run("approvals list --json"), "name a file with --token-file");
    empty.put("t", TOKEN);
    let list = |flags: &str, env: &[(&str, &str)]| {
        let run = empty.gait(&words(&format!("approvals list --json {flags}")), env);
        assert_eq!(run.exit, 0, "{flags}: {run:?}");
    };
    list("--token-file t", &[]);
    list("", &[("GAIT_ADMIN_TOKEN", TOKEN)]);
    list(&format!("--state-dir none --admin http://{at}/ --token-file t"), &[]);
    list("--state-dir none", &[("GAIT_ADMIN", &at), ("GAIT_ADMIN_TOKEN", TOKEN)]);
    list("--token-file t", &[("GAIT_ADMIN", ""), ("GAIT_ADMIN_TOKEN", "wrong")]);
    empty.put("elsewhere/addresses.json", json!({"admin": at}).to_string());
    empty.put("elsewhere/admin.token", TOKEN);
    list("", &[("GAIT__STATE_DIR", "elsewhere")]);
    let run = empty.gait(&words("approvals list --json"), &[("GAIT_ADMIN_TOKEN", "wrong")]);
    refused(&run, "gait does not know this token");
    empty.put("t", "two words");
    refused(&empty.run("approvals list --json --token-file t"), "printable ASCII");
}

#[test]
fn a_state_directory_of_somebody_else_does_not_get_the_token() {
    let fake = Fake::serve(vec![]);
    let place = Place::new();
    place.put("t", TOKEN);
    let list = |flags: &str| {
        place
            .gait(&words(&format!("approvals list --json {flags}")), &[("GAIT_ADMIN_TOKEN", TOKEN)])
    };
    // Whoever put a directory into one's way says where the token goes: gait writes addresses alone.
    for scheme in ["https", "http"] {
        let away = format!("{scheme}://localhost:{}", fake.at.port());
        place.put("state/addresses.json", json!({ "admin": away }).to_string());
        refused(&list(""), "no address as gait writes it");
    }
    lead(&place, &fake);
    assert_eq!(list("").exit, 0);
    // Only root can give a file away.
    let file = place.path("state/addresses.json");
    if std::os::unix::fs::chown(&file, Some(65_534), None).is_err() {
        return;
    }
    refused(&list(""), "belongs to somebody else");
    assert_eq!(list("--state-dir state").exit, 0, "it was named");
}

#[test]
fn a_token_goes_nowhere_in_the_clear() {
    let place = place(&Fake::serve(vec![]));
    let run = place.run("approvals list --json --admin http://192.0.2.7:9901");
    refused(&run, "`192.0.2.7` is not this machine");
    refused(&place.run("approvals list --json --admin ftp://localhost"), "is no address");
    failed(
        &place.run("approvals list --json --admin 127.0.0.1:1"),
        "cannot be reached at http://127.0.0.1:1",
    );
    failed(&place.run("approvals list --json --admin unix:none"), "cannot be reached at unix:none");
}

// === watching ===

struct Watching {
    child: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
}

impl Watching {
    fn start(place: &Place, flags: &str) -> Watching {
        let mut child = Command::new(env!("CARGO_BIN_EXE_gait"))
            .args(words(&format!("approvals watch {flags}")))
            .current_dir(place.path(""))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Watching { child, lines }
    }

    fn line(&mut self) -> String {
        self.lines.next().unwrap().unwrap()
    }

    /// Ends it as Ctrl-C does; exit status, what was still printed, and the log.
    fn interrupt(mut self) -> (Option<i32>, Vec<String>, String) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
        let rest = self.lines.map(Result::unwrap).collect();
        let mut log = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        (self.child.wait().unwrap().code(), rest, log)
    }
}

#[test]
fn a_watch_prints_what_changes_and_outlives_a_restart() {
    let (waits, over) =
        (request("abcdefghjkmn", "pending", 5), request("eeeeeeeeeeee", "executed", 300));
    let fake = Fake::serve(vec![over.clone(), waits.clone()]);
    let place = place(&fake);
    let mut watch = Watching::start(&place, "--json");
    let mut next = || {
        let value: Value = serde_json::from_str(&watch.line()).unwrap();
        let id = value["id"].as_str().unwrap_or_default().to_owned();
        format!("{id} {}", value["state"].as_str().unwrap_or_default())
    };
    assert_eq!(next(), "abcdefghjkmn pending");
    fake.put(request("bbbbbbbbbbbb", "pending", 1));
    assert_eq!(next(), "bbbbbbbbbbbb pending");
    let mut denied = waits;
    (denied["state"], denied["version"]) = (json!("denied"), json!(2));
    fake.put(denied.clone());
    assert_eq!(next(), "abcdefghjkmn denied");

    fake.stop();
    let mut granted = request("bbbbbbbbbbbb", "approved", 1);
    granted["version"] = json!(2);
    let later = Fake::serve(vec![over, denied, granted]);
    lead(&place, &later);
    fake.put(request("cccccccccccc", "pending", 1));
    assert_eq!(next(), "bbbbbbbbbbbb approved");
    let (exit, rest, log) = watch.interrupt();
    assert_eq!((exit, rest.len()), (Some(0), 1), "{rest:?}");
    assert!(rest[0].contains("\"ok\":true"), "{rest:?}");
    assert!(log.contains("trying again") && log.contains("gait is there again"), "{log}");
}

#[test]
fn a_watch_of_states_shows_those_alone() {
    let mut over = request("eeeeeeeeeeee", "executed", 300);
    over["path"] = json!("/\u{1b}[2J\u{202e}");
    let fake = Fake::serve(vec![over, request("abcdefghjkmn", "pending", 120)]);
    let place = place(&fake);
    let mut watch = Watching::start(&place, "--state executed,unknown");
    let line = watch.line();
    assert!(
        line.contains("eeeeeeeeeeee  executed") && line.ends_with(r"POST /\u{1b}[2J\u{202e}"),
        "{line}"
    );
    fake.put(request("bbbbbbbbbbbb", "pending", 60));
    fake.put(request("cccccccccccc", "unknown", 2));
    assert!(watch.line().contains("cccccccccccc"));
    assert_eq!(watch.interrupt().0, Some(0));
    assert_eq!(Place::new().run("approvals watch").exit, 1, "there is no gait");
}

// === a person at a terminal ===

/// Types `answer` at the question of a grant in a terminal; what the terminal showed.
fn at_a_terminal(place: &Place, answer: &str, flags: &str) -> (Option<i32>, String) {
    let gait = env!("CARGO_BIN_EXE_gait");
    let mut script = Command::new("script")
        .args([
            "-qec",
            &format!("stty rows 20 cols 70; exec {gait} approvals {flags}"),
            "/dev/null",
        ])
        .current_dir(place.path(""))
        .env("TERM", "xterm")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut typed = script.stdin.take().unwrap();
    let mut shown = Vec::new();
    let mut out = script.stdout.take().unwrap();
    let mut byte = [0];
    while out.read(&mut byte).unwrap_or(0) == 1 {
        shown.push(byte[0]);
        if shown.ends_with(b"[y/N] ") {
            typed.write_all(answer.as_bytes()).unwrap();
        }
    }
    let exit = script.wait().unwrap().code();
    (exit, String::from_utf8(shown).unwrap())
}

#[test]
fn a_person_sees_the_request_and_is_asked() {
    let mut hostile = request("abcdefghjkmn", "pending", 5);
    hostile["call"]["args"] = json!({"to": "\u{202e}\u{1b}]0;x\u{7}"});
    let fake = Fake::serve(vec![hostile, request("bbbbbbbbbbbb", "pending", 5)]);
    let place = place(&fake);
    let (exit, shown) = at_a_terminal(&place, "n\n", "grant abcd --reason r");
    assert_eq!(exit, Some(6), "{shown}");
    assert!(shown.contains("not granted") && shown.contains("\u{1b}[33mpending"), "{shown}");
    assert!(shown.contains(r"\u{202e}\u001b]0;x\u0007"), "{shown}");
    assert!(!shown.contains('\u{202e}') && !shown.contains("\u{1b}]0"), "{shown}");
    assert!(fake.asked("POST").is_empty());
    let (exit, shown) = at_a_terminal(&place, "y\n", "grant abcd --reason r");
    assert!(exit == Some(0) && shown.contains("Gait-Approval: dG9rZW4="), "{shown}");
    let (exit, shown) = at_a_terminal(&place, "", "grant bbbb --reason r --yes");
    assert!(exit == Some(0) && !shown.contains("[y/N]"), "{shown}");
    let (_, shown) = at_a_terminal(&place, "", "list --color never --state all");
    let widest = shown.lines().map(|line| line.trim_end().chars().count()).max();
    assert!(widest <= Some(70) && shown.contains('…'), "{shown}");
}
