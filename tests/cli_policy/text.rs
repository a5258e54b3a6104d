//! What people see: columns, colours, and no power for text from files.

use crate::command::Place;
use crate::shell::{refused, words};
use crate::{POLICY, suite};
use std::process::{Command, Stdio};

#[test]
fn colours_are_for_people_only() {
    let place = suite("  - {name: a, intent: {tool_name: x}, expect: allow}\n");
    let coloured = |line: &str, env: &[(&str, &str)]| {
        let run = place.gait(&words(line), env);
        (run.out.contains('\u{1b}'), run.log.contains('\u{1b}'))
    };
    for line in ["policy test t", "policy test t --color auto"] {
        assert_eq!(coloured(line, &[]), (false, false), "{line}");
        assert_eq!(coloured(line, &[("CLICOLOR_FORCE", "1")]), (true, true), "{line}");
        let both = [("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")];
        assert_eq!(coloured(line, &both), (false, false), "{line}");
    }
    assert_eq!(coloured("policy test t --color always", &[("NO_COLOR", "1")]), (true, true));
    assert_eq!(coloured("policy test t --color never", &[("CLICOLOR_FORCE", "1")]), (false, false));
    for line in ["policy test t", "policy test policy.yaml intent.json", "policy nope"] {
        let json = format!("{line} --json --color always");
        assert_eq!(coloured(&json, &[("CLICOLOR_FORCE", "1")]), (false, false), "{json}");
    }
    refused(&place.run("policy test t --color pink --json"), "pink");
}

#[test]
fn a_terminal_gets_colours_unless_it_asks_for_none() {
    let place = suite("  - {name: a, intent: {tool_name: x}, expect: block}\n");
    let gait = env!("CARGO_BIN_EXE_gait");
    let on_terminal = |env: &str| {
        let line = format!("{env} {gait} policy test policy.yaml intent.json");
        let mut command = Command::new("script");
        command.args(["-qec", &line, "/dev/null"]).current_dir(place.path("")).stdin(Stdio::null());
        command.env_remove("NO_COLOR").env("TERM", "xterm");
        command.output().map(|run| String::from_utf8(run.stdout).unwrap())
    };
    let Ok(out) = on_terminal("") else {
        println!("skipped: there is no `script` to make a terminal");
        return;
    };
    assert!(out.contains("\u{1b}[33mrequire_approval\u{1b}[0m"), "{out:?}");
    assert!(!on_terminal("NO_COLOR=1").unwrap().contains('\u{1b}'));
}

#[test]
fn the_text_of_one_decision_is_aligned_and_verdicts_have_colours() {
    let place = suite("");
    let run = place.run("policy test policy.yaml intent.json");
    let json = place.run("policy test policy.yaml intent.json --json").json();
    let want = format!(
        "verdict     require_approval\nrule        writes\nreasons     ask, first\n\
         violations  none\napprovals   2, from different people\npolicy      {}\n\
         intent      {}\n",
        json["policy_digest"].as_str().unwrap(),
        json["intent_digest"].as_str().unwrap(),
    );
    assert_eq!((run.exit, run.out), (4, want));
    for (verdict, colour) in
        [("allow", 32), ("dry_run", 36), ("require_approval", 33), ("block", 31)]
    {
        place.put("p.yaml", format!("default_verdict: {verdict}"));
        let want = format!("\u{1b}[{colour}m{verdict}\u{1b}[0m\n");
        for line in
            ["policy test p.yaml intent.json", "gate eval --policy p.yaml --intent intent.json"]
        {
            let run = place.run(&format!("{line} --color always"));
            assert!(run.out.contains(&want), "{run:?}");
            let plain = place.run(line);
            assert!(plain.out.contains(&format!("{verdict}\n")), "{plain:?}");
        }
    }
}

#[test]
fn text_from_files_has_no_power_over_a_terminal() {
    let place = suite("");
    place.put("p.yaml", "rules: [{name: \"a\\e[2Jb\", effect: allow}]");
    let run = place.run("policy test p.yaml intent.json --color never");
    assert!(run.out.contains("rule        a\\u{1b}[2Jb\n"), "{run:?}");
    place.put("q.yaml", "\"x\\e[2J\": 1");
    let run = place.run("policy validate q.yaml");
    assert!(run.log.contains("`x\\u{1b}[2J`") && !run.log.contains('\u{1b}'), "{run:?}");
}

#[test]
fn what_programs_read_has_no_colours() {
    let place = Place::with(POLICY);
    let run = place.eval("--color always --trace-out tr.json");
    assert_eq!(run.json()["verdict"], "require_approval", "{run:?}");
    assert_eq!(place.json("tr.json")["verdict"], "require_approval");
}
