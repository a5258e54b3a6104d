//! `docs/evidence.md`: its walk is walked against the demo, its script checks a real log, and its
//! tables are those of the code.

use super::approvals::Demo;
use super::{coded, root, rows, schema, section, sources, text};
use gait::audit::reconcile::Format;
use gait::audit::{Field, Filter};
use gait::metrics::CATALOGUE;
use std::collections::BTreeSet;

const PAGE: &str = "docs/evidence.md";

/// What the page calls the data listener, the one for telemetry, and the process.
const SERVER: &str = "127.0.0.1:8080";
const TELEMETRY: &str = "127.0.0.1:9902";
const PROCESS: &str = "\"$(pidof gait)\"";

/// What stands in backticks in the first cell of each row.
fn first(table: &str) -> BTreeSet<String> {
    let tabled = rows(table);
    let cells = tabled.iter().filter_map(|row| row.first());
    cells.flat_map(|cell| coded(cell)).map(str::to_owned).collect()
}

#[test]
fn the_walk_of_the_page_is_walked_and_its_script_finds_the_log_whole() {
    let (demo, page) = (Demo::start(), text(PAGE));
    let (server, telemetry, process) =
        (demo.server(), demo.listener("telemetry"), demo.id().to_string());
    let said = |line: &str| {
        let line = line.replace(SERVER, &server).replace(TELEMETRY, &telemetry);
        line.replace(PROCESS, &process)
    };
    let lines = super::block_lines(&page, "sh walk");
    assert!(lines.len() >= 16, "the page walks");
    for line in lines {
        let (line, exit) = line.split_once("# exit ").unwrap_or((line, "0"));
        let run = demo.run(&said(line));
        assert_eq!(run.status.code(), exit.trim().parse().ok(), "{line}: {run:?}");
    }
    let script = super::block_lines(&page, "python chain").join("\n");
    let run = demo.run(&format!("python3 -c '{}' state/evidence", script.replace('\'', r"'\''")));
    let printed = String::from_utf8(run.stdout).unwrap();
    assert!(printed.starts_with("whole: "), "{printed}{:?}", String::from_utf8(run.stderr));
    let spoil = "sed -i 's/\"method\":\"DELETE\"/\"method\":\"DELETF\"/' state/evidence/*.jsonl";
    assert!(demo.run(spoil).status.success());
    let run = demo.run(&format!("python3 -c '{}' state/evidence", script.replace('\'', r"'\''")));
    assert_eq!(run.status.code(), Some(1), "{run:?}");
    let run = demo.run("gait trace verify state");
    assert_eq!(run.status.code(), Some(2), "{run:?}");
}

#[test]
fn the_kinds_are_those_that_can_be_asked_for() {
    let tabled = first(&section(&text(PAGE), "## The log"));
    let kinds = tabled.into_iter().filter(|word| !word.contains('.'));
    let refused = Filter::default().want(Field::Kind, "none").unwrap_err().to_string();
    let (_, known) = refused.split_once("; use ").unwrap();
    let known: BTreeSet<_> = known.split(", ").map(str::to_owned).collect();
    let modes = ["protected", "batched", "all"].map(str::to_owned);
    let kinds: BTreeSet<_> = kinds.filter(|word| !modes.contains(word)).collect();
    assert_eq!(kinds, known);
}

#[test]
fn the_formats_and_reasons_of_reconcile_are_those_of_the_code() {
    let page = text(PAGE);
    let table = section(&page, "## Reconcile with the tool's own log");
    let mut tabled = first(&table);
    for format in Format::ALL {
        assert!(tabled.remove(format.as_str()), "no row for {}", format.as_str());
    }
    tabled.remove("--format");
    let source = sources(&root().join("src/audit/reconcile"));
    assert!(tabled.len() >= 6, "{tabled:?}");
    for word in tabled {
        assert!(source.contains(&format!("\"{word}\"")), "no reason `{word}`");
    }
}

#[test]
fn what_the_page_names_is_there() {
    let page = text(PAGE);
    for metric in coded(&page).into_iter().filter(|word| word.starts_with("gait_")) {
        assert!(CATALOGUE.iter().any(|row| row.name == metric), "no metric {metric}");
    }
    let config = schema("config");
    let keys = super::paths(&config, &config, "");
    let named = coded(&page).into_iter().filter(|word| word.starts_with("evidence."));
    let named: BTreeSet<_> = named.map(|word| word.split(':').next().unwrap_or(word)).collect();
    assert!(named.len() >= 6, "{named:?}");
    for key in named {
        assert!(keys.contains(key), "no config key {key}");
    }
}
