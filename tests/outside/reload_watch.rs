//! Files that change are taken up without a signal: behind links, half written, or not at all where
//! nobody is to look.

use crate::support::{Authority, Caller, Folder, Gait, Recorder, Setup, get, send, wait_for};
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const ALLOW: &str = "default_verdict: allow\n";
const BLOCK: &str = "default_verdict: block\n";
const WATCHED: &str = "reload: { watch: 100ms }\n";
/// A little less than what lies between two looks.
const LOOK: Duration = Duration::from_millis(90);
/// Two looks a second apart, a load, and a machine that has other things to do.
const TAKEN_UP: Duration = Duration::from_secs(4);

/// What lets more through has to rest for five seconds more.
const LAXER_TAKEN_UP: Duration = Duration::from_secs(11);

/// A reload is answered by calls a moment before it is told.
fn assert_well(gait: &Gait) {
    wait_for("all to be well", || {
        (!gait.telemetry("/readyz?verbose").text().contains("[!]")).then_some(())
    });
}

/// A config whose one route is called by the name of this tool.
fn config(tool: &Recorder, name: &str, server: &str) -> String {
    format!(
        "server: {server}\nstage: enforce\nupstreams: {{ api: {{ url: \"http://{}\" }} }}\n\
         routes:\n  - name: read\n    match: {{ methods: [GET], path: \"/v1/{{rest*}}\" }}\n    \
         upstream: api\n    intent: {{ tool_name: {name}, risk_class: low }}\n",
        tool.address
    )
}

fn start(tool: &Recorder, policy: &str, more: &str) -> Gait {
    let config = config(tool, "one", "{ listen: \"127.0.0.1:0\" }") + more;
    Setup { config, policy: policy.to_owned() }.start()
}

fn status(gait: &Gait) -> u16 {
    send(gait.server, get("/v1/a")).status
}

#[test]
fn a_folder_that_is_exchanged_behind_links_is_taken_up_whole() {
    let (tool, authority, dir) =
        (Recorder::start(), Authority::new("ours"), TempDir::new().unwrap());
    let server =
        "{ listen: \"127.0.0.1:0\", tls: { certificates: [ { cert: s.pem, key: s.key } ] } }";
    let head = "telemetry: { listen: \"127.0.0.1:0\" }\nadmin: { listen: \"127.0.0.1:0\" }\n\
                state_dir: ./state\npolicy: ./policy.yaml\n";
    let generation = |name: &str, policy: &str| {
        let pair = authority.server(&["api.test"]);
        let files = [
            ("gait.yaml", format!("{head}{}", config(&tool, name, server))),
            ("policy.yaml", policy.to_owned()),
            ("s.pem", pair.cert.clone()),
            ("s.key", pair.key.clone()),
        ];
        (files, pair)
    };
    let (files, _) = generation("one", ALLOW);
    let folder = Folder::mount(dir.path(), &files);
    let gait = Gait::launch(dir, &["proxy", "--config", "gait.yaml"], &[]);
    let caller = Caller::of(&authority.pem());
    assert_eq!(caller.get(gait.server, "/v1/a").unwrap(), 200);
    // A tool that is called otherwise may be half of a name.
    for (name, policy, wanted) in [("two", BLOCK, 403), ("three", ALLOW, 200)] {
        let (files, pair) = generation(name, policy);
        let turned = Instant::now();
        folder.turn(&files);
        wait_for("the new policy", || {
            (caller.get(gait.server, "/v1/a").unwrap() == wanted).then_some(())
        });
        assert!(turned.elapsed() < LAXER_TAKEN_UP, "{:?}", turned.elapsed());
        let conn = caller.open(gait.server);
        let shown = conn.stream().conn.peer_certificates().unwrap()[0].to_vec();
        assert_eq!(shown, pair.der(), "the certificate of the same generation");
        wait_for("the line of a call", || {
            let lines = gait.evidence();
            lines.iter().any(|line| line["tool_name"] == name).then_some(())
        });
    }
    let log = gait.log();
    assert_eq!((log.matches("\"reloaded\"").count(), log.contains("refused")), (2, false), "{log}");
    gait.settled().assert_law();
}

#[test]
fn a_file_that_is_half_written_is_not_taken_up() {
    let tool = Recorder::start();
    let gait = start(&tool, ALLOW, "");
    let path = gait.dir().join("policy.yaml");
    let half = "default_verdict: allow\nrules: [\n";
    fs::write(&path, half).unwrap();
    // Longer than a look takes, shorter than the time between two.
    for piece in ["  { name: no, effect: block,\n", "    match: { tool_names: [one] } }\n"] {
        thread::sleep(Duration::from_millis(100));
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(piece.as_bytes()).unwrap();
    }
    OpenOptions::new().append(true).open(&path).unwrap().write_all(b"]\n").unwrap();
    wait_for("the whole policy", || (status(&gait) == 403).then_some(()));
    assert!(!gait.log().contains("refused"), "{}", gait.log());
}

#[test]
fn half_a_file_that_is_valid_by_itself_lets_nothing_through() {
    let tool = Recorder::start();
    let gait = start(&tool, BLOCK, WATCHED);
    assert_eq!(status(&gait), 403);
    // The writer comes to the stage last: without it the route would observe.
    let path = gait.dir().join("gait.yaml");
    let whole = fs::read_to_string(&path).unwrap().replace("tool_name: one", "tool_name: two");
    let half = whole.replace("stage: enforce\n", "");
    assert_ne!(half, whole);
    fs::write(&path, &half).unwrap();
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(2) {
        assert_eq!(status(&gait), 403, "after {:?}", began.elapsed());
        thread::sleep(Duration::from_millis(20));
    }
    let mut file = OpenOptions::new().append(true).open(&path).unwrap();
    file.write_all(b"stage: enforce\n").unwrap();
    wait_for("the whole config", || gait.log().contains("\"reloaded\"").then_some(()));
    assert_eq!(status(&gait), 403);
    assert!(gait.log().contains("let through more than before"));
    assert!(!gait.telemetry("/readyz?verbose").text().contains("[!]"));
    assert_eq!(tool.count(), 0);
    // What stays as it is means what it says.
    fs::write(&path, &half).unwrap();
    wait_for("word of it", || {
        let told = gait.telemetry("/readyz?verbose").text();
        let names = told.contains("(_refused, _unmapped, read)");
        (told.contains("[!]reload waits since") && names).then_some(())
    });
    // Who touches it every other second keeps nothing out.
    let began = Instant::now();
    while status(&gait) == 403 && began.elapsed() < LAXER_TAKEN_UP {
        thread::sleep(Duration::from_secs(2));
        fs::write(&path, &half).unwrap();
    }
    wait_for("what was lowered", || (status(&gait) == 200).then_some(()));
    let lowered = |line: &serde_json::Value| line["lowered"].to_string().contains("read");
    wait_for("its line", || gait.evidence().iter().any(lowered).then_some(()));
}

#[test]
fn half_a_policy_that_asks_for_fewer_approvals_waits_for_the_rest_of_it() {
    let tool = Recorder::start();
    let whole = "rules:\n  - name: two\n    match: { tool_names: [one] }\n    \
                 effect: require_approval\n    min_approvals: 2\n";
    let gait = start(&tool, whole, WATCHED);
    let in_force = || gait.scrape().values("gait_snapshot_info", "policy");
    let before = in_force();
    fs::write(gait.dir().join("policy.yaml"), whole.replace("    min_approvals: 2\n", "")).unwrap();
    let began = Instant::now();
    while began.elapsed() < Duration::from_millis(2_500) {
        assert_eq!(in_force(), before, "after {:?}", began.elapsed());
        thread::sleep(Duration::from_millis(50));
    }
    // Whoever means it is met after the rest, and it is no security event.
    wait_for("the policy that stays", || (in_force() != before).then_some(()));
    wait_for("its line", || {
        gait.evidence()
            .into_iter()
            .find(|line| line["kind"] == "reload" && line["lowered"].is_null())
    });
}

#[test]
fn a_file_that_never_rests_is_refused_once() {
    let tool = Recorder::start();
    let gait = start(&tool, ALLOW, WATCHED);
    let path = gait.dir().join("policy.yaml");
    let (mut text, began) = (BLOCK.to_owned(), Instant::now());
    let (mut written, mut longest) = (began, Duration::ZERO);
    while began.elapsed() < Duration::from_secs(3) {
        text.push_str("# more\n");
        fs::write(&path, &text).unwrap();
        longest = longest.max(written.elapsed());
        written = Instant::now();
        thread::sleep(Duration::from_millis(7));
    }
    let log = gait.log();
    let refusals = log.matches("changes while it is read").count();
    // Where the disk kept the writer for longer than between two looks, the file did rest.
    assert!(refusals == 1 || longest > LOOK && refusals > 1, "after {longest:?}: {log}");
    wait_for("the policy at rest", || (status(&gait) == 403).then_some(()));
    assert_well(&gait);
}

#[test]
fn what_is_wrong_is_said_once_and_mended_by_the_next_change() {
    let tool = Recorder::start();
    let gait = start(&tool, ALLOW, WATCHED);
    let path = gait.dir().join("policy.yaml");
    fs::write(&path, "default_verdict: perhaps\n").unwrap();
    let told = wait_for("the refusal", || {
        let told = gait.telemetry("/readyz?verbose");
        assert_eq!(told.status, 200);
        told.text().contains("[!]reload refused since").then(|| told.text())
    });
    assert!(told.contains("policy.yaml:1:") && told.contains("`perhaps`"), "{told}");
    assert!(told.contains("[+]snapshot ok: ") && told.contains(" in force since "), "{told}");
    thread::sleep(Duration::from_secs(1));
    assert_eq!(gait.log().matches("reload refused").count(), 1, "{}", gait.log());
    assert_eq!(status(&gait), 200);
    fs::write(&path, BLOCK).unwrap();
    wait_for("the mended policy", || (status(&gait) == 403).then_some(()));
    assert_well(&gait);
}

#[test]
fn a_touched_file_makes_no_snapshot() {
    let tool = Recorder::start();
    let gait = start(&tool, ALLOW, WATCHED);
    let path = gait.dir().join("policy.yaml");
    let text = fs::read(&path).unwrap();
    for _ in 0..3 {
        thread::sleep(Duration::from_millis(50));
        fs::write(&path, &text).unwrap();
    }
    gait.signal("HUP");
    wait_for("a load", || gait.log().contains("nothing has changed").then_some(()));
    assert!(!gait.evidence().iter().any(|line| line["kind"] == "reload"));
    assert!(!gait.log().contains("\"reloaded\""));
}

#[test]
fn nobody_looks_where_nobody_is_to() {
    let tool = Recorder::start();
    let gait = start(&tool, ALLOW, "reload: { watch: off }\n");
    fs::write(gait.dir().join("policy.yaml"), BLOCK).unwrap();
    thread::sleep(TAKEN_UP);
    assert_eq!(status(&gait), 200);
    gait.signal("HUP");
    wait_for("the new policy", || (status(&gait) == 403).then_some(()));
}

/// Has a load hang on a file, and gives what it said: whoever opens it to read waits for a writer.
fn hang(gait: &Gait, path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    fs::remove_file(path).unwrap();
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
    wait_for("the load that hangs to be given up", || {
        gait.log().contains("were not read within").then_some(())
    });
    text
}

#[test]
fn a_config_that_hangs_keeps_nobody_from_asking() {
    let tool = Recorder::start();
    let gait = start(&tool, ALLOW, WATCHED);
    let config = gait.dir().join("gait.yaml");
    let text = hang(&gait, &config);
    assert_eq!(status(&gait), 200);
    let stop = text.replace("stage: enforce", "stage: observe");
    fs::remove_file(&config).unwrap();
    fs::write(&config, stop).unwrap();
    fs::write(gait.dir().join("policy.yaml"), BLOCK).unwrap();
    wait_for("another config", || gait.log().contains("\"reloaded\"").then_some(()));
    assert_eq!(status(&gait), 200, "in observe");
}

#[test]
fn what_hung_waits_for_rest_like_any_change_once_it_has_ended() {
    let tool = Recorder::start();
    let gait = start(&tool, BLOCK, WATCHED);
    let config = gait.dir().join("gait.yaml");
    let text = hang(&gait, &config);
    let hanging = OpenOptions::new().write(true).open(&config).unwrap();
    // In one step, as the looks are to find nothing in between.
    let other = gait.dir().join("other.yaml");
    fs::write(&other, text.replace("stage: enforce", "stage: observe")).unwrap();
    fs::rename(other, &config).unwrap();
    drop(hanging);
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(3) {
        assert_eq!(status(&gait), 403, "after {:?}", began.elapsed());
        thread::sleep(Duration::from_millis(20));
    }
    wait_for("what was lowered", || (status(&gait) == 200).then_some(()));
}
