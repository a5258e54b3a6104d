//! The README tells the truth: its commands exist, its table of metrics is the program's.

use crate::source::root;
use gait::metrics::CATALOGUE;
use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

/// The README's text; there is none before the first release of the house.
fn readme() -> Option<String> {
    fs::read_to_string(root().join("README.md")).ok()
}

#[test]
fn the_readme_tables_every_metric_and_no_other() {
    let Some(readme) = readme() else { return };
    let declared: BTreeSet<&str> = CATALOGUE.iter().map(|metric| metric.name).collect();
    // A table row starts with the name in backticks, labels in braces after it.
    let rows = readme.lines().filter_map(|line| line.strip_prefix("| `"));
    let named = rows.filter_map(|row| row.split(['`', '{']).next());
    let tabled: BTreeSet<&str> =
        named.filter(|name| name.starts_with("gait_") || name.starts_with("process_")).collect();
    assert_eq!(tabled, declared, "the README's metrics table and src/metrics/catalogue.rs differ");
}

#[test]
fn the_readme_shows_commands_that_exist() {
    let Some(readme) = readme() else { return };
    let mut tried = BTreeSet::new();
    for line in code_lines(&readme) {
        let line = line.split(" -- ").last().filter(|_| line.starts_with("cargo run")).map_or_else(
            || line.strip_prefix("gait ").unwrap_or_default().to_owned(),
            str::to_owned,
        );
        let command: Vec<String> = line
            .split_whitespace()
            .take_while(|word| word.chars().all(|c| c.is_ascii_lowercase() || c == '-'))
            .take_while(|word| !word.starts_with('-'))
            .take(2)
            .map(str::to_owned)
            .collect();
        if !command.is_empty() {
            tried.insert(command);
        }
    }
    for command in &tried {
        let shown = Command::new(env!("CARGO_BIN_EXE_gait")).args(command).arg("--help").output();
        assert!(shown.unwrap().status.success(), "the README shows `gait {}`", command.join(" "));
    }
}

/// The lines of the README's fenced blocks, without a prompt.
fn code_lines(readme: &str) -> impl Iterator<Item = &str> {
    let blocks = readme.split("```").skip(1).step_by(2);
    blocks.flat_map(str::lines).map(|line| line.trim().trim_start_matches("$ "))
}
