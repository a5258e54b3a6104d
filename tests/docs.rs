//! The documents say what the program does.
//!
//! Configs load, tables equal the code, command lines run, alerts name metrics that exist. A line
//! `gait …` in a README block that is tagged `sh runnable` is run here, in an empty directory
//! beside the shipped `config` and `policies`; a comment `# exit N` behind it says what it exits
//! with, 0 if there is none.
#![expect(clippy::unwrap_used, reason = "a document that cannot be read must end the test")]

use gait::call::Malformed;
use gait::config::{Environment, Source};
use gait::limits::{Limits, Timeouts};
use gait::metrics::CATALOGUE;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn text(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

/// What stands under a heading, to the next heading of any level.
fn section(readme: &str, heading: &str) -> String {
    let lines = readme.lines().skip_while(|line| *line != heading).skip(1);
    lines
        .take_while(|line| !line.starts_with('#'))
        .fold(String::new(), |text, line| text + line + "\n")
}

/// The cells of each table row.
fn rows(section: &str) -> Vec<Vec<&str>> {
    let rows = section.lines().filter_map(|line| line.strip_prefix('|')?.strip_suffix('|'));
    rows.map(|row| row.split('|').map(str::trim).collect()).collect()
}

/// What stands in backticks.
fn coded(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// The lines of the fenced blocks with this tag.
fn block_lines<'a>(readme: &'a str, tag: &str) -> Vec<&'a str> {
    let blocks = readme.split("```").skip(1).step_by(2);
    let tagged = blocks.filter_map(|block| block.strip_prefix(tag)?.strip_prefix('\n'));
    tagged.flat_map(str::lines).collect()
}

/// Runs `gait` without the environment that might set it up.
fn gait(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gait"));
    command.args(args).current_dir(folder).env_clear().output().unwrap()
}

// === config ===

#[test]
fn the_shipped_configs_load_without_a_warning() {
    for config in ["config/gait.yaml", "config/demo.yaml"] {
        let run = gait(&root(), &["proxy", "--check", "--config", config]);
        let log = String::from_utf8(run.stderr).unwrap();
        assert_eq!((run.status.code(), log.as_str()), (Some(0), ""), "{config}");
    }
}

#[test]
fn the_shipped_config_shows_the_defaults() {
    let source = Source::File(root().join("config/gait.yaml"));
    let config = source.load(&Environment::default()).unwrap();
    assert_eq!(config.plan.limits, Limits::default());
    assert_eq!(config.plan.timeouts, Timeouts::default());
    assert_eq!(config.fixed.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.fixed.telemetry.to_string(), "127.0.0.1:9902");
}

#[test]
fn the_readme_tables_the_limits_and_timeouts_of_the_shipped_config() {
    let (config, readme) = (text("config/gait.yaml"), section(&text("README.md"), "## Config"));
    let mut expected = BTreeSet::new();
    for block in ["limits", "timeouts"] {
        let lines = config.lines().skip_while(|line| *line != format!("{block}:")).skip(1);
        for line in lines.take_while(|line| line.starts_with("  ")) {
            let (key, value) = line.trim().split_once(": ").unwrap();
            let value = value.split_whitespace().next().unwrap();
            expected.insert(format!("`{block}.{key}` {value}"));
        }
    }
    let rows = rows(&readme).into_iter().filter(|row| {
        row.first().is_some_and(|key| key.starts_with("`limits.") || key.starts_with("`timeouts."))
    });
    let found: BTreeSet<_> = rows.map(|row| row.get(..2).unwrap().join(" ")).collect();
    assert_eq!(found, expected);
}

// === README ===

#[test]
fn the_metrics_table_is_the_catalogue() {
    let metrics = section(&text("README.md"), "## Metrics");
    let tabled: Vec<_> = rows(&metrics)
        .into_iter()
        .filter_map(|row| match row.as_slice() {
            [name, kind, labels, _] if name.starts_with('`') => {
                Some((coded(name).concat(), *kind, coded(labels)))
            }
            _ => None,
        })
        .collect();
    let declared: Vec<_> = CATALOGUE
        .iter()
        .map(|row| (row.name.to_owned(), row.kind.as_str(), row.labels.to_vec()))
        .collect();
    assert_eq!(tabled, declared);
}

#[test]
fn the_runnable_lines_run() {
    let (folder, readme) = (tempfile::tempdir().unwrap(), text("README.md"));
    for shipped in ["config", "policies"] {
        symlink(root().join(shipped), folder.path().join(shipped)).unwrap();
    }
    let lines = block_lines(&readme, "sh runnable");
    assert!(lines.len() > 10, "the README shows how to run gait");
    for line in lines {
        let (command, exit) = line.split_once("# exit ").unwrap_or((line, "0"));
        let args: Vec<&str> = command.split_whitespace().collect();
        let args = args.strip_prefix(&["gait"]).unwrap();
        let run = gait(folder.path(), args);
        assert_eq!(run.status.code(), exit.trim().parse().ok(), "{line}: {run:?}");
    }
}

#[test]
fn the_readme_names_every_problem_type_and_no_other() {
    let readme = text("README.md");
    let named = coded(&readme).into_iter().filter(|code| code.starts_with("urn:gait:"));
    let source = text("src/problem.rs");
    let literals = source.split('"').filter(|literal| literal.starts_with("urn:gait:"));
    assert_eq!(named.collect::<BTreeSet<_>>(), literals.collect::<BTreeSet<_>>());
}

#[test]
fn the_reason_codes_exist_with_their_status() {
    let (readme, source) = (text("README.md"), sources(&root().join("src")));
    let codes = section(&readme, "### Reason codes");
    let mut tabled = BTreeSet::new();
    for row in rows(&codes) {
        let [status, codes, _] = row.as_slice() else { continue };
        for code in coded(codes) {
            assert!(source.contains(&format!("\"{code}\"")), "no `{code}` in the code");
            tabled.insert((code.to_owned(), (*status).to_owned()));
        }
    }
    for malformed in Malformed::ALL {
        let row = (malformed.code().to_owned(), malformed.status().as_u16().to_string());
        assert!(tabled.contains(&row), "the README has no row for {row:?}");
    }
}

/// All source text below a folder.
fn sources(folder: &Path) -> String {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.fold(String::new(), |all, path| match path.is_dir() {
        true => all + &sources(&path),
        false => all + &fs::read_to_string(path).unwrap(),
    })
}

#[test]
fn the_links_of_the_readme_lead_somewhere() {
    let readme = text("README.md");
    let headings: BTreeSet<String> =
        readme.lines().filter(|line| line.starts_with('#')).map(anchor).collect();
    let targets = readme.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    for target in targets {
        match target.strip_prefix('#') {
            Some(heading) => assert!(headings.contains(heading), "no heading #{heading}"),
            None => assert!(root().join(target).exists(), "no file {target}"),
        }
    }
}

/// The anchor of a heading.
fn anchor(heading: &str) -> String {
    let words = heading.trim_start_matches('#').trim().to_lowercase();
    words.replace(' ', "-").replace(|c: char| !c.is_alphanumeric() && c != '-', "")
}

// === deploy ===

#[test]
fn the_alerts_name_metrics_that_exist() {
    for file in ["deploy/alerts.yaml", "deploy/alerts_test.yaml"] {
        let text = text(file);
        let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != ':');
        let named = words.filter(|word| word.starts_with("gait_") || word.starts_with("process_"));
        for name in named {
            assert!(CATALOGUE.iter().any(|row| row.name == name), "{file}: no metric {name}");
        }
    }
}

#[test]
fn promtool_accepts_the_alerts_and_their_tests() {
    for (what, file) in [("check", "deploy/alerts.yaml"), ("test", "deploy/alerts_test.yaml")] {
        let run = Command::new("promtool").args([what, "rules", file]).current_dir(root()).output();
        match run {
            Ok(run) => assert!(run.status.success(), "{run:?}"),
            Err(_) => eprintln!("skipped: promtool is not here"),
        }
    }
}

#[test]
fn the_unit_waits_longer_than_a_drain_takes() {
    let unit = text("deploy/gait.service");
    let stop =
        unit.lines().find_map(|line| line.strip_prefix("TimeoutStopSec=")?.strip_suffix('s'));
    let timeouts = Timeouts::default();
    let drain = timeouts.drain_delay + timeouts.drain_deadline;
    assert!(stop.unwrap().parse::<u64>().unwrap() > drain.as_secs());
}
