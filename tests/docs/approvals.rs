//! `docs/approvals.md`: its walk is walked against the demo, and its tables are those of the code.

use super::{coded, root, rows, section, text};
use gait::approval::State;
use gait::metrics::CATALOGUE;
use gait::proxy::approval_reasons;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

const PAGE: &str = "docs/approvals.md";

/// What the page calls the data listener.
const SERVER: &str = "127.0.0.1:8080";

/// A demo that runs in a folder of its own.
pub(super) struct Demo {
    folder: tempfile::TempDir,
    process: Child,
}

impl Demo {
    pub(super) fn start() -> Demo {
        let folder = tempfile::tempdir().unwrap();
        let process = Command::new(env!("CARGO_BIN_EXE_gait"))
            .arg("proxy")
            .current_dir(folder.path())
            .envs(
                ["SERVER", "TELEMETRY", "ADMIN"]
                    .map(|one| (format!("GAIT__{one}__LISTEN"), "127.0.0.1:0")),
            )
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Demo { folder, process }
    }

    /// Where it takes calls, once it does.
    pub(super) fn server(&self) -> String {
        self.listener("server")
    }

    /// The address of a listener.
    pub(super) fn listener(&self, name: &str) -> String {
        let file = self.folder.path().join("state/addresses.json");
        let mut looks = (0..400).map(|_| {
            std::thread::sleep(Duration::from_millis(50));
            let read: Value = serde_json::from_slice(&fs::read(&file).ok()?).ok()?;
            read.get(name)?.as_str().map(str::to_owned)
        });
        looks.find_map(|at| at).unwrap()
    }

    /// The id of its process.
    pub(super) fn id(&self) -> u32 {
        self.process.id()
    }

    pub(super) fn run(&self, line: &str) -> Output {
        let program = Path::new(env!("CARGO_BIN_EXE_gait")).parent().unwrap().display().to_string();
        let mut shell = Command::new("sh");
        shell.args(["-c", line]).current_dir(self.folder.path()).env_clear();
        shell.env("PATH", format!("{program}:/usr/bin:/bin")).output().unwrap()
    }

    /// The newest request.
    fn newest(&self) -> String {
        let run = self.run("gait approvals list --state all --json --limit 99");
        let list: Value = serde_json::from_slice(&run.stdout).unwrap();
        let all = list.get("approvals").and_then(Value::as_array).unwrap();
        let newest = all.iter().max_by_key(|one| member(one, "created_at")).unwrap();
        member(newest, "id")
    }
}

fn member(value: &Value, name: &str) -> String {
    value.get(name).and_then(Value::as_str).unwrap().to_owned()
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ended = self.process.kill();
        let _reaped = self.process.wait();
    }
}

#[test]
fn the_walk_of_the_page_is_walked() {
    let (demo, page) = (Demo::start(), text(PAGE));
    let server = demo.server();
    let lines = super::block_lines(&page, "sh walk");
    assert!(lines.len() >= 12, "the page walks");
    for line in lines {
        let asks = line.contains(" ID");
        let line = line.replace(SERVER, &server);
        let line = if asks { line.replace(" ID", &format!(" {}", demo.newest())) } else { line };
        let run = demo.run(&line);
        assert!(run.status.success(), "{line}: {run:?}");
        let printed = String::from_utf8(run.stdout).unwrap();
        if let Some((_, status)) = line.split_once("   # ") {
            assert!(printed.ends_with(&format!("{status}\n")), "{line}: {printed}");
        }
        assert!(!printed.is_empty(), "{line}: nothing is printed");
    }
}

#[test]
fn the_reasons_are_those_of_the_code() {
    let table = section(&text(PAGE), "### Reasons");
    let tabled = rows(&table);
    let mut codes: Vec<_> =
        tabled.iter().filter_map(|row| row.get(1)).flat_map(|cell| coded(cell)).collect();
    // Nobody is told of it as a refusal, since nobody was asked yet.
    codes.retain(|code| *code != gait::approval::review::MISSING);
    let known = approval_reasons();
    assert_eq!(codes.len(), codes.iter().collect::<BTreeSet<_>>().len(), "one stands twice");
    assert_eq!(codes.into_iter().collect::<BTreeSet<_>>(), known.into_iter().collect());
}

#[test]
fn the_states_are_those_of_the_code() {
    let table = section(&text(PAGE), "## A request and its states");
    let tabled = rows(&table);
    let states: BTreeSet<_> =
        tabled.iter().filter_map(|row| row.first()).flat_map(|cell| coded(cell)).collect();
    assert_eq!(states, State::WORDS.iter().copied().collect());
}

#[test]
fn what_the_page_names_is_there() {
    let page = text(PAGE);
    let shown = page.split("```").skip(1).step_by(2);
    let mut blocks = 0;
    for block in shown.filter_map(|block| block.strip_prefix("yaml ")) {
        let (file, lines) = block.split_once('\n').unwrap();
        assert!(text(file).contains(lines), "no such lines in {file}:\n{lines}");
        blocks += 1;
    }
    assert!(blocks > 0 && root().join(PAGE).exists());
    let metrics = coded(&page).into_iter().filter(|word| word.starts_with("gait_"));
    for metric in metrics.map(|word| word.split('{').next().unwrap_or(word)) {
        assert!(CATALOGUE.iter().any(|row| row.name == metric), "no metric {metric}");
    }
}
