//! What is no step forward, what is no log, and what a person sees.

use crate::command::Place;
use crate::forge::Step;
use crate::{HOUR, History};
use gait::stage::Stage::{DryRun, Enforce, Observe, RequireApproval};
use jiff::SignedDuration;

fn ask(place: &Place, line: &str) -> crate::Run {
    place.gait(&line.split_whitespace().collect::<Vec<_>>(), &[])
}

fn written() -> Place {
    let place = Place::new();
    let history = History::good("", DryRun, RequireApproval)
        .beside_another()
        .then(Step::against(DryRun, 12, 40 * HOUR))
        .then(Step::Labels { wrong: 1, right: 11 });
    history.ask(&place, &history.forge(), None);
    place
}

const OFFLINE: &str = "--evidence state --config gait.yaml --metrics metrics.txt";

#[test]
fn what_is_no_step_forward_is_bad_usage() {
    let place = written();
    for (line, part) in [
        ("--route r --to dry_run", "would not go forward to dry_run"),
        ("--route r --to observe", "`gait rollout demote` goes back"),
        ("--route nobody --to enforce", "there is no route `nobody`; the config has `r`, `other`"),
        ("--route r --to later", "unknown stage"),
    ] {
        let run = ask(&place, &format!("rollout gate {line} {OFFLINE} --json"));
        assert_eq!(run.exit, 6, "{line}: {run:?}");
        assert!(run.json()["error"].as_str().unwrap().contains(part), "{line}: {run:?}");
    }
}

/// The config that carries a promotion is no proof of it.
#[test]
fn a_route_stands_beyond_where_the_log_says_so() {
    let line = |to| format!("rollout gate --or-beyond --route r --to {to} {OFFLINE} --json");
    let (stay, quarter) = ("stage: dry_run", "dry_run for 25 %, else observe");
    let over = "stage_overrides: [{ route: r, stage: enforce, until: \"2999-01-01T00:00:00Z\", reason: x }]";
    // A start tells where those stand that stand in several stages.
    let shared = |told: &[&'static str]| {
        let first = History::bare("", DryRun, RequireApproval)
            .then(Step::Reload { ago: 72 * HOUR, stages: quarter })
            .then(Step::allowed(DryRun, 5, 48 * HOUR))
            .then(Step::Stop { ago: 20 * HOUR, missed: Some((0, 0)) })
            .then(Step::Start { ago: 20 * HOUR });
        let told = told.iter().map(|stages| Step::Reload { ago: 20 * HOUR, stages });
        told.fold(first, History::then).then(Step::allowed(DryRun, 5, 19 * HOUR))
    };
    let told = |history: History, stages| history.then(Step::Reload { ago: 19 * HOUR, stages });
    let again = |from| {
        let first = History::good("", from, Enforce);
        first
            .then(Step::Stop { ago: 20 * HOUR, missed: Some((0, 0)) })
            .then(Step::Start { ago: 20 * HOUR })
    };
    let observed = || again(DryRun).then(Step::allowed(Observe, 1, 19 * HOUR));
    for (history, config, to, exit) in [
        (History::good("", DryRun, Enforce), stay, "dry_run", 0),
        (History::good("", DryRun, Enforce), stay, "observe", 0),
        (History::good("", DryRun, Enforce), "stage: enforce", "enforce", 4),
        (History::good("", DryRun, Enforce), "stage: enforce", "dry_run", 0),
        (History::good("", DryRun, Enforce), over, "enforce", 4),
        (History::good("", Observe, Enforce), "stage: enforce", "dry_run", 4),
        (History::bare("nothing", Observe, Enforce), "stage: enforce", "enforce", 4),
        (shared(&[quarter]), stay, "dry_run", 4),
        (shared(&[]), stay, "dry_run", 0),
        // It may have been started with another config, and nobody called since.
        (again(DryRun), stay, "dry_run", 4),
        (observed(), stay, "dry_run", 4),
        (again(DryRun).then(Step::allowed(DryRun, 1, 19 * HOUR)), stay, "dry_run", 0),
        (told(again(DryRun), "dry_run"), stay, "dry_run", 0),
        (told(again(DryRun), quarter), stay, "dry_run", 4),
    ] {
        let place = Place::new();
        history.ask(&place, &history.forge(), None);
        let old = std::fs::read_to_string(place.path("gait.yaml")).unwrap();
        let own = format!("stage: {},", history.standing());
        let new = match config == over {
            true => format!("{old}{over}\n"),
            false => old.replace(&own, &format!("{config},")),
        };
        place.put("gait.yaml", new);
        let run = ask(&place, &line(to));
        assert_eq!(run.exit, exit, "{config} to {to}: {run:?}");
        match exit {
            0 => assert_eq!(run.json()["is_there"], true),
            _ => assert!(run.json()["error"].as_str().unwrap().contains("does not show it in")),
        }
    }
}

#[test]
fn what_cannot_be_read_is_said() {
    let place = written();
    place.put("page.txt", "up 1\n");
    for (line, part) in [
        ("--evidence nowhere --config gait.yaml", "cannot read evidence in `nowhere`"),
        ("--evidence state --config nowhere.yaml", "read config nowhere.yaml"),
        ("--evidence state --config gait.yaml --metrics page.txt", "no page of gait's metrics"),
        ("--evidence state", "--config"),
    ] {
        let run = ask(&place, &format!("rollout status {line} --json"));
        assert_eq!(run.exit, 6, "{line}: {run:?}");
        assert!(run.json()["error"].as_str().unwrap().contains(part), "{line}: {run:?}");
    }
    let run = ask(&place, &format!("rollout status --route nobody {OFFLINE}"));
    assert!(run.exit == 6 && run.log.contains("no route `nobody`"), "{run:?}");
}

#[test]
fn a_status_is_for_people_and_for_machines() {
    let place = written();
    let run = ask(&place, &format!("rollout status --route r {OFFLINE}"));
    assert_eq!((run.exit, run.log.as_str()), (0, ""), "{run:?}");
    for part in [
        "r                      dry_run",
        "112 calls, 0 would be blocked, 12 dry runs",
        "block",
        "██",
        "1 of 12 labelled, 12 in all",
        "to require_approval  not met",
        "false_positives",
        "mend the policy",
    ] {
        assert!(run.out.contains(part), "{part}: {}", run.out);
    }
    assert!(!run.out.contains('\u{1b}'), "no colours where nobody sees them");
    let colours = ask(&place, &format!("rollout status --color always {OFFLINE}"));
    assert!(colours.out.contains("\u{1b}[31mnot met"), "{}", colours.out);

    let json = ask(&place, &format!("rollout status {OFFLINE} --json")).json();
    let json = &json["rollout"];
    let stage = &json["routes"][0]["stages"][0];
    assert_eq!((&stage["stage"], &stage["calls"]), (&"dry_run".into(), &112.into()), "{json}");
    assert_eq!((&stage["dry_runs"], &stage["labels"]["against"]), (&12.into(), &12.into()));
    assert_eq!((&json["bypasses"], &json["unmapped"]), (&0.into(), &"denied".into()));
    assert_eq!(json["routes"][0]["next"]["verdict"], "not_met");
    assert_eq!(json["routes"].as_array().unwrap().len(), 2);
}

#[test]
fn whoever_asks_nobody_is_told() {
    let place = Place::new();
    let run = ask(&place, "rollout gate --route r --to dry_run --json");
    assert_eq!(run.exit, 1, "{run:?}");
    assert!(run.json()["error"].as_str().unwrap().contains("gait is not running here"));
    // Nothing of a history that is only looked at changes.
    let (place, observed) = (written(), History::good("", Observe, DryRun));
    let before = std::fs::read(place.path("state/evidence/000001.jsonl")).unwrap();
    assert_eq!(ask(&place, &format!("rollout gate --route r --to enforce {OFFLINE}")).exit, 3);
    assert_eq!(std::fs::read(place.path("state/evidence/000001.jsonl")).unwrap(), before);
    let place = Place::new();
    assert_eq!(observed.ask(&place, &observed.forge(), None).exit, 0);
}

#[test]
fn a_copy_is_judged_as_of_its_last_line() {
    let place = Place::new();
    let history = History::bare("", Observe, DryRun)
        .then(Step::Reload { ago: 23 * HOUR, stages: "observe" })
        .then(Step::allowed(Observe, 100, 22 * HOUR));
    let taken = gait::clock::now() - SignedDuration::from_hours(48);
    let run = history.ask(&place, &history.forge_at(taken), Some("--json"));
    assert_eq!(run.exit, 4, "{run:?}");
    assert_eq!(run.json()["gates"][1]["value"], 82_800.0, "{run:?}");
}

#[test]
fn what_was_set_by_command_is_copied_with_the_log() {
    let place = written();
    std::fs::rename(place.path("state"), place.path("copy")).unwrap();
    let entry =
        r#"{"stage":"require_approval","over":"dry_run","by":"ada","at":"2026-01-02T03:04:05Z"}"#;
    place.put("copy/rollout.json", format!(r#"{{"v":1,"routes":{{"r":{entry}}}}}"#));
    for evidence in ["copy", "copy/evidence"] {
        let line = format!("rollout status --route r --evidence {evidence} --config gait.yaml");
        let run = ask(&place, &line);
        assert!(run.out.contains("r                      require_approval"), "{run:?}");
    }
}
