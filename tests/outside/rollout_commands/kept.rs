//! What is in force beside a stage that is set, and what becomes of the file that keeps it.

use super::*;
use crate::support::SmallDisk;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use tempfile::TempDir;

fn force(gait: &Gait, to: &str) -> (i32, Value) {
    run(gait, &step("promote", to, &["--force", "--reason", "audit"]))
}

/// The same, looked at all the time.
fn watched(tool: &Recorder, stage: &str) -> Setup {
    let Setup { config, policy } = setup(tool, stage);
    Setup { config: config.replace("watch: off", "watch: 100ms"), policy }
}

#[test]
fn who_sets_stage_after_stage_keeps_no_change_of_the_config_out() {
    let tool = Recorder::start();
    let gait = watched(&tool, "dry_run").start();
    let refusals = || gait.log().matches("reload refused").count();
    let set = |rounds: usize| {
        for _ in 0..rounds {
            assert_eq!(run(&gait, &step("demote", "observe", &["--reason", "incident"])).0, 0);
            assert_eq!(force(&gait, "enforce").0, 0);
        }
    };
    set(40);
    assert_eq!(refusals(), 0, "{}", gait.log());
    // A change that lets nothing more through, so that it has no need to rest.
    let more = "rules: [{ name: all, effect: block }]\ndefault_verdict: block\n";
    fs::write(gait.dir().join("policy.yaml"), more).unwrap();
    let in_force = || gait.log().contains("\"reloaded\"");
    wait_for("the policy", || {
        set(1);
        in_force().then_some(())
    });
    assert_eq!(refusals(), 0, "{}", gait.log());
    let told = gait.telemetry("/readyz?verbose").text();
    assert!(!told.contains("[!]reload"), "{told}");
}

#[test]
fn who_sets_a_stage_puts_nothing_else_in_force() {
    let tool = Recorder::start();
    let gait = setup(&tool, "observe").start();
    let id = || gait.scrape().values("gait_snapshot_info", "config");
    let before = id();
    // What lies on the disk would allow all, and take the route away.
    let other = setup(&tool, "observe").config.replace("name: del", "name: other");
    Setup { config: other, policy: "default_verdict: allow\n".to_owned() }.write(gait.dir());
    assert_eq!(force(&gait, "enforce").0, 0);
    assert_eq!(call(&gait), 403, "by the policy in force");
    assert_eq!(run(&gait, &step("demote", "observe", &["--reason", "incident"])).0, 0);
    assert_eq!(call(&gait), 200);
    assert_eq!(force(&gait, "dry_run").0, 0);
    let (set, lines) = (id(), gait.evidence());
    assert_ne!(set, before);
    let loads: Vec<&Value> = lines.iter().filter(|line| line["kind"] == "reload").collect();
    assert_eq!(loads.len(), 3, "{loads:?}");
    let policies = loads.iter().map(|line| &line["policy_digest"]);
    assert!(policies.clone().all(|digest| *digest == loads[0]["policy_digest"]));
    // A start from the config in force and the overlay is the same snapshot.
    setup(&tool, "observe").write(gait.dir());
    let gait = Gait::launch(gait.kill(), &["proxy", "--config", "gait.yaml"], &[]);
    assert_eq!(gait.scrape().values("gait_snapshot_info", "config"), set);
}

#[test]
fn stages_that_vanish_with_their_file_are_told_and_those_that_end_are_let_go() {
    let tool = Recorder::start();
    let gait = setup(&tool, "observe").start();
    assert!(!gait.log().contains("overlay is gone"), "a first start has nothing to lose");
    let missing = |gait: &Gait| {
        let lines = gait.evidence();
        lines.iter().filter(|line| line["overlay_missing"] == true).count()
    };
    // As after an upgrade from a gait that kept none.
    let dir = gait.kill();
    fs::remove_file(dir.path().join("state/rollout.json")).unwrap();
    let gait = Gait::launch(dir, &["proxy", "--config", "gait.yaml"], &[]);
    assert!(gait.log().contains("nothing says that a stage was set by command"));
    assert!(!gait.log().contains("overlay is gone") && missing(&gait) == 0 && is_empty(&gait));
    assert_eq!(force(&gait, "enforce").0, 0);
    fs::remove_file(gait.dir().join("state/rollout.json")).unwrap();
    gait.signal("HUP");
    wait_for("the line", || (missing(&gait) == 1).then_some(()));
    assert!(gait.log().contains("security event: the overlay is gone"));
    wait_for("the file", || is_empty(&gait).then_some(()));
    assert_eq!(call(&gait), 200);

    assert_eq!(force(&gait, "enforce").0, 0);
    let until = ["--reason", "incident", "--for", "1s"];
    let (exit, done) = run(&gait, &step("demote", "dry_run", &until));
    assert_eq!((exit, &done["change"]["after"]), (0, &"enforce".into()), "{done}");
    let lines = gait.evidence();
    let line = lines.iter().rfind(|line| line["kind"] == "stage").unwrap();
    assert_eq!((&line["then"], line["until"].is_string()), (&"enforce".into(), true), "{line}");
    wait_for("the end", || (call(&gait) == 403).then_some(()));
    gait.signal("HUP");
    wait_for("the entry", || {
        let set = overlay(gait.dir()).unwrap();
        let entry = &set["routes"]["del"];
        (entry["stage"] == "enforce" && entry["until"].is_null()).then_some(())
    });
    let ended = |line: &Value| line["ended"] == json!(["del"]) && line["dropped"].is_null();
    wait_for("its line", || gait.evidence().iter().any(ended).then_some(()));
    assert_eq!(call(&gait), 403);

    let dir = gait.kill();
    fs::remove_file(dir.path().join("state/rollout.json")).unwrap();
    let gait = Gait::launch(dir, &["proxy", "--config", "gait.yaml"], &[]);
    assert!(gait.log().contains("security event: the overlay is gone"));
    wait_for("the line", || (missing(&gait) == 2).then_some(()));
    let gait = Gait::launch(gait.kill(), &["proxy", "--config", "gait.yaml"], &[]);
    assert_eq!(missing(&gait), 2, "once is enough");
}

#[test]
fn who_goes_back_need_not_wait_for_an_overlay_that_is_gone() {
    let tool = Recorder::start();
    let gait = setup(&tool, "observe").start();
    assert_eq!(force(&gait, "enforce").0, 0);
    let path = gait.dir().join("state/rollout.json");
    fs::remove_file(&path).unwrap();
    assert_eq!(call(&gait), 403, "it still holds");
    let back = step("demote", "require_approval", &["--reason", "incident"]);
    let (exit, done) = run(&gait, &back);
    assert_eq!((exit, call(&gait)), (0, 403), "{done}");
    let diff = done["diff"].as_str().unwrap();
    assert!(diff.contains("-      \"stage\": \"enforce\""), "what it said is known: {diff}");
    let lost = |line: &&Value| line["overlay_missing"] == true;
    let told = wait_for("the loss", || gait.evidence().iter().find(lost).cloned());
    assert_eq!(told["stages"], json!({ "del": "require_approval" }));
    assert!(gait.log().contains("security event: the overlay was lost"));
    gait.signal("HUP");
    wait_for("the load", || gait.log().contains("nothing has changed").then_some(()));
    assert_eq!(overlay(gait.dir()).unwrap()["routes"]["del"]["stage"], "require_approval");
    assert_eq!(gait.evidence().iter().filter(lost).count(), 1);
    // An older copy in its place is no reason to bring a route on, and none to stay.
    fs::write(&path, "{\"v\":1,\"routes\":{}}").unwrap();
    let (exit, refused) = force(&gait, "enforce");
    assert_eq!((exit, &refused["reason"]), (1, &"overlay_unavailable".into()), "{refused}");
    assert!(refused.to_string().contains("reload first"), "{refused}");
    assert_eq!(run(&gait, &step("demote", "dry_run", &["--reason", "incident"])).0, 0);
    assert_eq!(overlay(gait.dir()).unwrap()["routes"]["del"]["stage"], "dry_run");
    assert_eq!(gait.evidence().iter().filter(lost).count(), 2);
}

#[test]
fn who_goes_back_need_not_mend_an_overlay_first() {
    let tool = Recorder::start();
    let gait = setup(&tool, "observe").start();
    let path = gait.dir().join("state/rollout.json");
    let spoil: [fn(&Path); 4] = [
        |path| fs::write(path, "{\"v\":1,").unwrap(),
        |path| fs::set_permissions(path, Permissions::from_mode(0o666)).unwrap(),
        |path| fs::write(path, vec![b' '; 5 << 20]).unwrap(),
        |path| fs::write(path, b"").unwrap(),
    ];
    for (at, spoil) in (1..).zip(spoil) {
        assert_eq!(force(&gait, "require_approval").0, 0);
        spoil(&path);
        gait.signal("HUP");
        let refusals = || gait.log().matches("reload refused").count();
        wait_for("the refusal", || (refusals() == at).then_some(()));
        let (exit, refused) = force(&gait, "enforce");
        assert_eq!((exit, &refused["reason"]), (1, &"overlay_unavailable".into()), "{refused}");
        let (exit, done) = run(&gait, &step("demote", "dry_run", &["--reason", "incident"]));
        assert_eq!((exit, call(&gait)), (0, 200), "{done}");
        assert_eq!(overlay(gait.dir()).unwrap()["routes"]["del"]["stage"], "dry_run");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let lost = |line: &&Value| line["overlay_missing"] == true;
        wait_for("its line", || (gait.evidence().iter().filter(lost).count() == at).then_some(()));
        wait_for("the next load", || {
            let told = gait.telemetry("/readyz?verbose").text();
            (!told.contains("reload refused")).then_some(())
        });
    }
    assert_eq!(tool.count(), 0);
}

#[test]
fn an_overlay_that_was_deployed_with_its_config_holds_whoever_asks_for_the_load() {
    let tool = Recorder::start();
    let gait = setup(&tool, "observe").start();
    assert_eq!(force(&gait, "dry_run").0, 0);
    let set = json!({ "v": 1, "routes": { "del": {
        "stage": "enforce", "over": "dry_run", "by": "ada", "at": "2026-01-01T00:00:00Z"
    } } });
    setup(&tool, "dry_run").write(gait.dir());
    fs::write(gait.dir().join("state/rollout.json"), set.to_string()).unwrap();
    let told = Approver::local(&gait).send("POST", "/v1/reload", "", "");
    assert_eq!((told.status, call(&gait)), (200, 403), "{}", told.text());
    assert_eq!(overlay(gait.dir()).unwrap(), set);
    assert!(gait.evidence().iter().all(|line| line["dropped"].is_null()));
    // Also where the first load of both is refused.
    let set = json!({ "v": 1, "routes": { "del": {
        "stage": "require_approval", "over": "enforce", "by": "ada", "at": "2026-01-01T00:00:00Z",
        "reason": "incident"
    } } });
    setup(&tool, "enforce").write(gait.dir());
    fs::write(gait.dir().join("policy.yaml"), "rules: none").unwrap();
    fs::write(gait.dir().join("state/rollout.json"), set.to_string()).unwrap();
    gait.signal("HUP");
    wait_for("the refusal", || gait.log().contains("reload refused").then_some(()));
    wait_for("the overlay", || gait.log().contains("or it drops them").then_some(()));
    setup(&tool, "enforce").write(gait.dir());
    gait.signal("HUP");
    let stands = || {
        gait.evidence()
            .iter()
            .rev()
            .find_map(|line| line["stages"]["del"].as_str().map(str::to_owned))
    };
    wait_for("what was set", || (stands()? == "require_approval").then_some(()));
    assert_eq!(overlay(gait.dir()).unwrap(), set);
    assert!(gait.evidence().iter().all(|line| line["dropped"].is_null()));
}

#[test]
fn an_overlay_that_said_nothing_is_no_loss() {
    let tool = Recorder::start();
    let gait = setup(&tool, "observe").start();
    let path = gait.dir().join("state/rollout.json");
    fs::remove_file(&path).unwrap();
    gait.signal("HUP");
    wait_for("the file", || is_empty(&gait).then_some(()));
    fs::remove_file(&path).unwrap();
    // Also where the config cannot be loaded.
    fs::write(gait.dir().join("policy.yaml"), "rules: none").unwrap();
    gait.signal("HUP");
    wait_for("the file", || is_empty(&gait).then_some(()));
    let log = gait.log();
    assert_eq!(log.matches("nothing says that a stage was set by command").count(), 2, "{log}");
    assert!(!log.contains("security event"), "{log}");
    assert!(gait.evidence().iter().all(|line| line["overlay_missing"].is_null()));
    assert_eq!(force(&gait, "dry_run").0, 0);
}

#[test]
fn a_stage_that_was_dropped_does_not_come_back_where_the_file_cannot_be_written() {
    let dir = TempDir::new().unwrap();
    fs::create_dir(dir.path().join("state")).unwrap();
    let Some(disk) = SmallDisk::at(&dir.path().join("state")) else { return };
    let tool = Recorder::start();
    let gait = setup(&tool, "enforce").start_in(dir);
    assert_eq!(run(&gait, &step("demote", "observe", &["--reason", "incident"])).0, 0);
    assert_eq!((call(&gait), tool.count()), (200, 1));
    let load = |stage: &str, said: &str| {
        let before = gait.log().matches(said).count();
        setup(&tool, stage).write(gait.dir());
        gait.signal("HUP");
        wait_for(said, || (gait.log().matches(said).count() > before).then_some(()));
    };
    // Nothing can take the place of a file that something is mounted on.
    let stuck = disk.make_read_only("rollout.json");
    load("dry_run", "dropped stages stay there");
    assert_eq!((call(&gait), tool.count()), (200, 1), "the config holds");
    fs::write(gait.dir().join("policy.yaml"), "default_verdict: block\nrules: []\n").unwrap();
    let loaded = || gait.log().matches("\"reloaded\"").count();
    let before = loaded();
    gait.signal("HUP");
    wait_for("another load", || (loaded() > before).then_some(()));
    let dropped = |line: &&Value| line["dropped"] == json!(["del"]);
    assert_eq!(gait.evidence().iter().filter(dropped).count(), 1, "told once");
    assert_eq!(gait.scrape().sum("gait_rollout_dropped_total", &[]), 1.0);
    load("enforce", "a stage that was dropped would hold again");
    assert_eq!((call(&gait), tool.count()), (200, 1), "and not what was dropped");
    // Nobody has to ask again once the disk can be written.
    drop(stuck);
    wait_for("the config", || (call(&gait) == 403).then_some(()));
    assert!(is_empty(&gait) && tool.count() == 1);
    assert!(gait.log().contains("the overlay is brought up to date"));
}

#[test]
fn what_gait_writes_itself_is_no_change() {
    let tool = Recorder::start();
    let gait = watched(&tool, "observe").start();
    let logged = |said: &str| gait.log().matches(said).count();
    assert_eq!(force(&gait, "dry_run").0, 0);
    watched(&tool, "enforce").write(gait.dir());
    wait_for("the file", || is_empty(&gait).then_some(()));
    // Ten looks.
    thread::sleep(Duration::from_secs(1));
    assert_eq!((logged("\"reloaded\""), call(&gait)), (1, 403), "{}", gait.log());
}

#[test]
fn a_start_on_half_a_config_takes_nothing_from_the_disk_until_it_has_rested() {
    let tool = Recorder::start();
    let watched = |stage: &str| watched(&tool, stage);
    let gait = watched("dry_run").start();
    assert_eq!(force(&gait, "enforce").0, 0);
    let dir = gait.kill();
    let half = watched("observe");
    half.write(dir.path());
    let gait = Gait::launch(dir, &["proxy", "--config", "gait.yaml"], &[]);
    assert_eq!(call(&gait), 200, "by what is there of the config");
    // The same bytes, written once more, are no other half.
    half.write(gait.dir());
    wait_for("the load", || gait.log().contains("nothing has changed").then_some(()));
    assert_eq!(overlay(gait.dir()).unwrap()["routes"]["del"]["stage"], "enforce");
    watched("dry_run").write(gait.dir());
    wait_for("what was promoted", || (call(&gait) == 403).then_some(()));
    assert_eq!(overlay(gait.dir()).unwrap()["routes"]["del"]["stage"], "enforce");
    // What stays as it is means what it says.
    let dir = gait.kill();
    half.write(dir.path());
    let gait = Gait::launch(dir, &["proxy", "--config", "gait.yaml"], &[]);
    wait_for("the file", || is_empty(&gait).then_some(()));
    assert_eq!((call(&gait), gait.scrape().sum("gait_rollout_dropped_total", &[])), (200, 1.0));
    watched("dry_run").write(gait.dir());
    gait.signal("HUP");
    wait_for("the load", || gait.log().contains("\"reloaded\"").then_some(()));
    let blocked = send(gait.server, "GET /del HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    assert_eq!(blocked.json()["executed"], false, "and no more than the config says");
}

#[test]
fn a_touch_keeps_nothing_that_a_start_dropped() {
    let tool = Recorder::start();
    let gait = setup(&tool, "dry_run").start();
    assert_eq!(run(&gait, &step("demote", "observe", &["--reason", "incident"])).0, 0);
    let dir = gait.kill();
    setup(&tool, "enforce").write(dir.path());
    let gait = Gait::launch(dir, &["proxy", "--config", "gait.yaml"], &[]);
    assert_eq!(call(&gait), 403);
    let touched = fs::File::options().append(true).open(gait.dir().join("gait.yaml")).unwrap();
    touched.set_modified(SystemTime::now() + Duration::from_secs(1)).unwrap();
    wait_for("the file", || is_empty(&gait).then_some(()));
    setup(&tool, "dry_run").write(gait.dir());
    gait.signal("HUP");
    wait_for("the load", || gait.log().contains("\"reloaded\"").then_some(()));
    assert_eq!((call(&gait), tool.count()), (200, 0), "answered, and not executed");
}

#[test]
fn what_a_person_takes_out_of_a_file_that_is_stuck_is_not_lost() {
    let dir = TempDir::new().unwrap();
    fs::create_dir(dir.path().join("state")).unwrap();
    let Some(disk) = SmallDisk::at(&dir.path().join("state")) else { return };
    let tool = Recorder::start();
    let gait = setup(&tool, "dry_run").start_in(dir);
    assert_eq!(run(&gait, &step("demote", "observe", &["--reason", "incident"])).0, 0);
    let stuck = disk.make_read_only("rollout.json");
    setup(&tool, "require_approval").write(gait.dir());
    gait.signal("HUP");
    let log = || gait.log();
    wait_for("the drop", || log().contains("dropped stages stay there").then_some(()));
    drop(stuck);
    fs::write(gait.dir().join("state/rollout.json"), "{\"v\":1,\"routes\":{}}").unwrap();
    wait_for("the tidying", || log().contains("the overlay is brought up to date").then_some(()));
    gait.signal("HUP");
    wait_for("the load", || log().contains("nothing has changed").then_some(()));
    // What gait has in mind is what lies there, so a promotion goes through.
    let (exit, done) = force(&gait, "enforce");
    assert_eq!((exit, call(&gait)), (0, 403), "{done}");
}

#[test]
fn an_overlay_that_hangs_leaves_nobody_without_an_answer() {
    let tool = Recorder::start();
    let gait = setup(&tool, "enforce").start();
    let path = gait.dir().join("state/rollout.json");
    let text = fs::read(&path).unwrap();
    fs::remove_file(&path).unwrap();
    // Whoever opens it to read waits for a writer.
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    let local = Approver::local(&gait);
    let demote = || {
        let body = json!({ "to": "observe", "reason": "incident" }).to_string();
        local.send("POST", "/v1/rollout/del/demote", "", &body)
    };
    let answers = thread::scope(|scope| {
        let asked = [scope.spawn(demote), scope.spawn(demote)];
        asked.map(|asking| asking.join().unwrap())
    });
    assert!(answers.iter().all(|answer| answer.status == 503), "{answers:?}");
    let told = answers.each_ref().map(|answer| answer.text()).concat();
    assert!(told.contains("did not answer within 10 s"), "{told}");
    assert!(told.contains("somebody else sets a stage"), "what hangs keeps its turn: {told}");
    assert!(gait.evidence().iter().all(|line| line["kind"] != "stage"), "nothing was done");
    // Once the disk answers, so does gait.
    let hanging = fs::OpenOptions::new().write(true).open(&path).unwrap();
    let next = gait.dir().join("state/next.json");
    fs::write(&next, text).unwrap();
    fs::rename(next, &path).unwrap();
    drop(hanging);
    let done = demote();
    assert_eq!((done.status, call(&gait)), (200, 200), "{}", done.text());
}
