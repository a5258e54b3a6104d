//! Files of the config that hang, as on a mount that does not answer.

use crate::support::{Gait, Recorder, Setup, get, run_to_end, send, wait_for};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

/// A load that hangs is given up after ten.
const AT_ONCE: Duration = Duration::from_secs(4);

/// One protected route, in enforce, whose every call is blocked.
fn setup(tool: &Recorder) -> Setup {
    let config = format!(
        "server: {{ listen: \"127.0.0.1:0\" }}\nreload: {{ watch: off }}\n\
         upstreams: {{ api: {{ url: \"http://{}\" }} }}\nroutes:\n  - name: del\n    \
         match: {{ path: \"/del\" }}\n    upstream: api\n    stage: enforce\n    \
         intent: {{ tool_name: files.delete, risk_class: high }}\n",
        tool.address
    );
    Setup { config, policy: "default_verdict: block\n".to_owned() }
}

/// Puts a pipe in the place of a file: whoever opens it to read waits for a writer.
fn hang(path: &Path) {
    fs::remove_file(path).unwrap();
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

fn demote(gait: &Gait, to: &str) -> Option<i32> {
    let why = ["--reason", "incident 42", "--json"];
    let line = [&["rollout", "demote", "--route", "del", "--to", to][..], &why].concat();
    run_to_end(gait.dir(), &line).status.code()
}

#[test]
fn a_load_that_hangs_keeps_no_stage_from_being_set_and_undoes_none() {
    let tool = Recorder::start();
    let gait = setup(&tool).start();
    let status = || send(gait.server, get("/del")).status;
    assert_eq!(status(), 403);
    let policy = gait.dir().join("policy.yaml");
    hang(&policy);
    gait.signal("HUP");
    thread::sleep(Duration::from_millis(500));
    let begun = Instant::now();
    assert_eq!(demote(&gait, "dry_run"), Some(0));
    assert!(begun.elapsed() < AT_ONCE, "{:?}", begun.elapsed());
    assert_eq!(demote(&gait, "observe"), Some(0));
    assert_eq!(status(), 200);
    assert!(!gait.log().contains("were not read within"), "it hangs on");
    // The load goes on, with what was set meanwhile.
    let next = gait.dir().join("next.yaml");
    fs::write(&next, "default_verdict: block\nrules: []\n# another\n").unwrap();
    let hanging = fs::OpenOptions::new().write(true).open(&policy).unwrap();
    fs::rename(next, &policy).unwrap();
    drop(hanging);
    let ends = ["\"reloaded\"", "nothing has changed"];
    wait_for("the load", || ends.iter().any(|end| gait.log().contains(end)).then_some(()));
    assert_eq!(status(), 200);
}
