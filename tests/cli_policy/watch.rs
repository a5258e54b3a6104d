//! `--watch`, from the first run to Ctrl-C.

use crate::command::Place;
use crate::shell::INTENT;
use crate::suite;
use std::fs::{self, File};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

/// A `--watch` under way, its output in `out`.
struct Watching<'a> {
    place: &'a Place,
    child: Child,
}

impl Watching<'_> {
    fn start(place: &Place) -> Watching<'_> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gait"));
        command.args(["policy", "test", "t", "--watch"]).current_dir(place.path(""));
        command.env_clear().stdin(Stdio::null()).stderr(Stdio::null());
        let child = command.stdout(File::create(place.path("out")).unwrap()).spawn().unwrap();
        Watching { place, child }
    }

    /// Waits until `count` runs have ended; gives the last.
    #[track_caller]
    fn run(&mut self, count: usize) -> String {
        for _ in 0..200 {
            let out = fs::read_to_string(self.place.path("out")).unwrap();
            let runs: Vec<&str> = out.split("Ctrl-C ends\n").collect();
            if runs.len() == count + 1 {
                return runs[count - 1].to_owned();
            }
            sleep(Duration::from_millis(100));
        }
        let _ = self.child.kill();
        panic!("no run {count}: {}", fs::read_to_string(self.place.path("out")).unwrap());
    }

    /// Ctrl-C; gives the exit code.
    fn interrupt(mut self) -> Option<i32> {
        let id = self.child.id().to_string();
        assert!(Command::new("sh").args(["-c", "kill -INT $0", &id]).status().unwrap().success());
        self.child.wait().unwrap().code()
    }
}

#[test]
fn a_watched_suite_runs_again_when_a_file_of_it_changes() {
    let place = suite("  - {name: a, intent: ../intent.json, expect: require_approval}\n");
    let mut watching = Watching::start(&place);
    assert!(watching.run(1).contains("1 case: 1 passed"));
    place.put("intent.json", INTENT.replace("files.write", "files.wipe"));
    assert!(watching.run(2).contains("1 case: 0 passed, 1 failed"));
    place.put("policy.yaml", "default_verdict: require_approval\n");
    assert!(watching.run(3).contains("1 case: 1 passed"));
    place.put("t/b_test.yaml", "policy: [\n");
    assert!(watching.run(4).contains("2 cases: 1 passed, 1 broken"));
    assert_eq!(watching.interrupt(), Some(6));
}

#[test]
fn an_interrupted_watch_ends_as_its_last_run_did() {
    for (verdict, exit) in [("require_approval", 0), ("allow", 5)] {
        let case = format!("  - {{name: a, intent: ../intent.json, expect: {verdict}}}\n");
        let place = suite(&case);
        let mut watching = Watching::start(&place);
        watching.run(1);
        assert_eq!(watching.interrupt(), Some(exit));
    }
}
