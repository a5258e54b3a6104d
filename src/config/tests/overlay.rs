//! What was set by command, over a config that is loaded.

use super::super::{Config, ConfigError, Environment, OverlayFile, Source, retake};
use crate::rollout::{Entry, Overlay, Shelf};
use crate::snapshot::Plan;
use crate::stage::{Stage, Standing};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

const ROUTE: &str = "{ name: del, upstream: a, intent: { tool_name: t, risk_class: high } }";

fn load(dir: &Path, head: &str) -> Result<Config, ConfigError> {
    let text = format!(
        "policy: p.yaml\n{head}\nupstreams: {{ a: {{ url: \"http://127.0.0.1:9\" }} }}\n\
         routes: [{ROUTE}]\n"
    );
    fs::write(dir.join("gait.yaml"), text).unwrap();
    fs::write(dir.join("p.yaml"), "").unwrap();
    Source::File(dir.join("gait.yaml")).load(&Environment::default())
}

fn entry(stage: Stage, over: &str) -> Entry {
    Entry {
        standing: Standing::Whole(stage),
        over: over.to_owned(),
        by: "ada@desk".to_owned(),
        at: "2026-11-01T00:00:00Z".parse().unwrap(),
        reason: Some("incident".to_owned()),
        until: None,
        then: None,
    }
}

fn set(dir: &Path, route: &str, entry: Entry) {
    fs::create_dir_all(dir.join("state")).unwrap();
    Shelf::new(&dir.join("state")).change(|overlay| overlay.set(route, entry)).unwrap();
}

fn shelf_made(dir: &Path) {
    fs::create_dir_all(dir.join("state")).unwrap();
    Shelf::new(&dir.join("state")).change(|_| ()).unwrap();
}

fn stage(config: &Config) -> String {
    config.plan.routes.first().unwrap().course.to_string()
}

#[test]
fn what_was_set_is_over_the_config_and_names_another_snapshot() {
    let dir = tempfile::tempdir().unwrap();
    let before = load(dir.path(), "stage: observe").unwrap();
    assert!(before.plan.unmapped.is_some() && before.plan.refused.is_some());
    set(dir.path(), "del", entry(Stage::DryRun, "observe"));
    let after = load(dir.path(), "stage: observe").unwrap();
    assert!(stage(&after) == "dry_run" && after.overlay.dropped.is_empty());
    assert_eq!(after.plan.routes.first().unwrap().said.to_string(), "observe");
    assert_ne!(before.plan.digest, after.plan.digest);
    assert!(after.plan.unmapped.is_none() && after.plan.refused.is_none());
    assert!(after.warnings.iter().any(|warning| warning.contains("are denied now")));
    set(dir.path(), "del", Entry { by: "bob".to_owned(), ..entry(Stage::DryRun, "observe") });
    assert_ne!(after.plan.digest, load(dir.path(), "stage: observe").unwrap().plan.digest);
}

#[test]
fn what_lowers_a_stage_opens_no_side_lane() {
    let dir = tempfile::tempdir().unwrap();
    set(dir.path(), "del", entry(Stage::Observe, "enforce"));
    let config = load(dir.path(), "stage: enforce").unwrap();
    assert_eq!(stage(&config), "observe");
    assert!(config.plan.unmapped.is_none() && config.plan.refused.is_none());
    assert!(!config.plan.wholly_observes(config.plan.upstreams.first().unwrap()));
}

#[test]
fn what_is_laid_over_a_plan_in_force_is_what_a_load_brings() {
    let dir = tempfile::tempdir().unwrap();
    let shelf = Shelf::new(&dir.path().join("state"));
    let source = Source::File(dir.path().join("gait.yaml"));
    shelf_made(dir.path());
    let first = load(dir.path(), "stage: observe").unwrap();
    let (mut plan, mut taken) = (first.plan, first.overlay.clone());
    let mut files = source.gather(&Environment::default()).files;
    for stage in [Stage::Enforce, Stage::Observe, Stage::DryRun] {
        set(dir.path(), "del", entry(stage, "observe"));
        taken = retake(&mut plan, &shelf, &mut files, &taken).unwrap().unwrap();
        let loaded = source.gather(&Environment::default());
        assert!(files.hold_the_same(&loaded.files));
        let loaded = loaded.config.unwrap();
        assert_eq!((taken.kept.clone(), plan.digest), (loaded.overlay.kept, loaded.plan.digest));
        assert_eq!(plan.routes.first().unwrap().course, loaded.plan.routes.first().unwrap().course);
        let lanes = |plan: &Plan| (plan.unmapped.is_some(), plan.refused.is_some());
        assert_eq!(lanes(&plan), lanes(&loaded.plan));
        assert!(retake(&mut plan, &shelf, &mut files, &taken).unwrap().is_none());
    }
    // The config on the disk has no say in it.
    fs::write(dir.path().join("gait.yaml"), "colour: red").unwrap();
    set(dir.path(), "del", entry(Stage::Enforce, "observe"));
    let taken = retake(&mut plan, &shelf, &mut files, &taken).unwrap().unwrap();
    assert_eq!(plan.routes.first().unwrap().course.to_string(), "enforce");
    // What was set over another config waits for that.
    set(dir.path(), "del", entry(Stage::Enforce, "dry_run"));
    let unfit = retake(&mut plan, &shelf, &mut files, &taken).unwrap().unwrap();
    assert!(unfit.kept.is_empty() && unfit.dropped.is_empty() && unfit.found.get("del").is_some());
    assert_eq!(plan.routes.first().unwrap().course.to_string(), "observe");
    // One that is gone is told also where nothing was set.
    fs::remove_file(shelf.path()).unwrap();
    let gone = retake(&mut plan, &shelf, &mut files, &first.overlay).unwrap().unwrap();
    assert!(gone.kept.is_empty() && gone.file == OverlayFile::Missing);
}

#[test]
fn what_is_over_is_let_go_and_what_it_was_set_over_holds() {
    let dir = tempfile::tempdir().unwrap();
    let until = Some("2026-11-02T00:00:00Z".parse().unwrap());
    let then = entry(Stage::Enforce, "observe").lasting();
    set(dir.path(), "del", Entry { until, then, ..entry(Stage::DryRun, "observe") });
    let config = load(dir.path(), "stage: observe").unwrap();
    assert_eq!(
        (stage(&config), config.overlay.ended.routes()),
        ("enforce".into(), vec!["del".into()])
    );
    assert_eq!(config.overlay.kept.get("del"), Some(&entry(Stage::Enforce, "observe")));
    assert!(config.overlay.dropped.is_empty());
}

#[test]
fn what_lowers_without_a_reason_or_a_person_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let refused = |entry: Entry| {
        set(dir.path(), "del", entry);
        load(dir.path(), "stage: require_approval").map(|_| ()).map_err(|error| error.to_string())
    };
    let over = "require_approval";
    let unsaid = |stage| Entry { reason: None, ..entry(stage, over) };
    let told = refused(unsaid(Stage::Observe)).unwrap_err();
    assert!(told.contains("no reason is given") && told.contains("move it away"), "{told}");
    assert!(told.contains("give this entry a `reason`"), "all else that was set stays: {told}");
    let blank = Entry { reason: Some(" ".to_owned()), ..entry(Stage::Observe, over) };
    assert!(refused(blank).is_err());
    assert!(refused(unsaid(Stage::Enforce)).is_ok(), "what is raised needs none");
    assert!(refused(entry(Stage::Observe, over)).is_ok());
    let nobody = Entry { by: String::new(), ..entry(Stage::Enforce, over) };
    assert!(refused(nobody).unwrap_err().contains("who set it"));
}

#[test]
fn what_was_set_over_another_word_is_dropped_and_said() {
    let dir = tempfile::tempdir().unwrap();
    let plain = load(dir.path(), "stage: observe").unwrap().plan.digest;
    set(dir.path(), "del", entry(Stage::DryRun, "require_approval"));
    let config = load(dir.path(), "stage: observe").unwrap();
    assert_eq!(stage(&config), "observe");
    assert_eq!(config.overlay.dropped.routes(), ["del"]);
    assert!(config.overlay.kept.is_empty());
    assert_eq!(config.plan.digest, plain, "what is dropped names no other snapshot");
    let said = config.warnings.iter().filter(|warning| warning.contains("is dropped: the config"));
    assert_eq!(said.count(), 1);
    let read = Shelf::new(&dir.path().join("state")).read().unwrap();
    assert_eq!(read.entries().count(), 1, "who only reads takes nothing away");
}

#[test]
fn what_was_set_for_a_route_that_is_not_there_sleeps_until_it_is_back() {
    let dir = tempfile::tempdir().unwrap();
    set(dir.path(), "gone", entry(Stage::DryRun, "observe"));
    let config = load(dir.path(), "stage: observe").unwrap();
    assert_eq!(
        (config.overlay.dropped.routes(), &*config.overlay.asleep),
        (vec![], &["gone".to_owned()][..])
    );
    assert_eq!(config.overlay.kept.routes(), ["gone"]);
    assert!(config.warnings.iter().any(|warning| warning.contains("once the route is back")));
}

#[test]
fn one_that_cannot_be_read_is_not_taken_for_none() {
    let dir = tempfile::tempdir().unwrap();
    set(dir.path(), "del", entry(Stage::DryRun, "observe"));
    let path = dir.path().join("state/rollout.json");
    let good = fs::read_to_string(&path).unwrap();
    let more = good.replace("\"over\"", "\"risk_class\": \"low\", \"over\"");
    for text in ["", "{", "{\"v\":1}", "{\"v\":9,\"routes\":{}}", &more] {
        fs::write(&path, text).unwrap();
        let error = load(dir.path(), "stage: observe").unwrap_err().to_string();
        assert!(error.contains("state/rollout.json: "), "{text}: {error}");
        let mends = ["move it away", "written by a later gait"];
        assert!(mends.iter().any(|mend| error.contains(mend)), "{text}: {error}");
    }
}

#[test]
fn a_process_reads_its_own_whatever_the_config_says_by_now() {
    let dir = tempfile::tempdir().unwrap();
    set(dir.path(), "del", entry(Stage::DryRun, "observe"));
    assert_eq!(stage(&load(dir.path(), "state_dir: elsewhere").unwrap()), "observe");
    let environment = Environment::default().of_process(&dir.path().join("state"));
    let config = Source::File(dir.path().join("gait.yaml")).load(&environment).unwrap();
    assert_eq!(stage(&config), "dry_run");
    assert_ne!(Overlay::default(), config.overlay.kept);
}

#[test]
fn a_copy_is_read_whatever_its_mode() {
    let dir = tempfile::tempdir().unwrap();
    set(dir.path(), "del", entry(Stage::DryRun, "observe"));
    let path = dir.path().join("state/rollout.json");
    fs::set_permissions(path, fs::Permissions::from_mode(0o664)).unwrap();
    let refused = load(dir.path(), "stage: observe").map(|_| ()).unwrap_err().to_string();
    assert!(refused.contains("chmod 600"), "{refused}");
    let source = Source::File(dir.path().join("gait.yaml"));
    for state in [None, Some(dir.path().join("state"))] {
        let copy = Environment::default().of_copy(state.as_deref());
        assert_eq!(stage(&source.load(&copy).unwrap()), "dry_run");
    }
}
