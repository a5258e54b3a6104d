//! The documents say what the program does.
//!
//! Configs load, tables equal the code, command lines run, alerts name metrics that exist. The
//! commands in blocks that are tagged `sh runnable` are run here, page by page and in their order,
//! in a directory that holds copies of the shipped `config` and `policies`; a comment `# exit N`
//! behind one says what it exits with, 0 if there is none. What they print holds the lines of
//! blocks that are tagged `text printed`, and a block tagged `yaml FILE` stands in that file.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a document that cannot be read must end the test"
)]

mod approvals;
mod approvers;
mod evidence;
mod identity;
#[path = "../outside/support/nginx.rs"]
mod nginx;
mod rollout;

use gait::call::Malformed;
use gait::config::{Environment, Source};
use gait::limits::{Limits, Timeouts};
use gait::metrics::CATALOGUE;
use gait::snapshot::Approvals;
use nginx::Nginx;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, SanType};
use std::collections::BTreeSet;
use std::fs;
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
    for config in ["config/gait.yaml", "config/demo.yaml", "config/approvals/gait.yaml"] {
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
    let server = config.fixed.listeners.first().unwrap();
    assert_eq!(server.at.to_string(), "127.0.0.1:8080");
    assert_eq!(config.fixed.telemetry.to_string(), "127.0.0.1:9902");
    assert_eq!(config.fixed.admin.at.to_string(), "127.0.0.1:9901");
    assert_eq!((config.fixed.assurance, config.fixed.evidence), Default::default());
    // The debug form has every field.
    let approvals = format!("{:?}", config.plan.approvals);
    assert_eq!(approvals, format!("{:?}", Approvals::default()));
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

/// The commands that take no further command, as the program itself lists them.
fn leaves(words: &[&str]) -> BTreeSet<String> {
    let help = gait(&root(), &[words, &["--help"]].concat()).stdout;
    let help = String::from_utf8(help).unwrap();
    let Some((_, list)) = help.split_once("\nCommands:\n") else {
        return BTreeSet::from([words.join(" ")]);
    };
    let lines = list.lines().take_while(|line| !line.is_empty());
    let named = lines.filter_map(|line| line.split_whitespace().next());
    named.flat_map(|word| leaves(&[words, &[word]].concat())).collect()
}

#[test]
fn the_command_table_has_every_command_and_no_other() {
    let table = section(&text("README.md"), "## Command line");
    let mut tabled = BTreeSet::new();
    for row in rows(&table).iter().filter_map(|row| row.first()?.strip_prefix("`gait ")) {
        let words = row.replace([',', '`'], " ");
        let is_word = |word: &&str| word.starts_with(|c: char| c.is_ascii_lowercase());
        let words: Vec<&str> = words.split_whitespace().take_while(is_word).collect();
        let groups = ["keys", "approvals", "delegate", "kill-switch"];
        match words.split_first() {
            Some((group, each)) if groups.contains(group) => {
                tabled.extend(each.iter().map(|word| format!("{group} {word}")));
            }
            _ => drop(tabled.insert(words.join(" "))),
        }
    }
    assert_eq!(tabled, leaves(&[]));
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

// === pages ===

/// The pages for people, and at least how many commands each shows.
const PAGES: [(&str, usize); 9] = [
    ("README.md", 10),
    ("policies/README.md", 5),
    ("docs/policies.md", 25),
    ("docs/ci.md", 15),
    ("docs/identity.md", 20),
    ("docs/approvals.md", 5),
    ("docs/evidence.md", 0),
    ("docs/operations.md", 2),
    ("docs/rollout.md", 0),
];

/// Commands of a page: a line each, or several that end in a backslash.
fn commands(page: &str) -> Vec<String> {
    let joined = block_lines(page, "sh runnable").join("\n").replace("\\\n", " ");
    joined.lines().map(str::to_owned).collect()
}

#[test]
fn the_commands_of_the_pages_run_and_print_what_is_shown() {
    let program = Path::new(env!("CARGO_BIN_EXE_gait")).parent().unwrap().to_owned();
    for (page, commands_min) in PAGES {
        let (folder, text) = (tempfile::tempdir().unwrap(), text(page));
        let copy = ["config", "policies"].map(|shipped| root().join(shipped));
        let copied = Command::new("cp").arg("-r").args(copy).arg(folder.path()).status();
        assert!(copied.unwrap().success());
        make_certificates(&folder.path().join("config/identity/tls"));
        let (commands, mut printed) = (commands(&text), String::new());
        assert!(commands.len() >= commands_min, "{page} shows how to run gait");
        for command in commands {
            let (_, run) = command.split_once("| ").unwrap_or(("", &command));
            assert!(run.starts_with("gait "), "{page}: {command}");
            let exit = command.split_once("# exit ").map_or("0", |(_, exit)| exit.trim());
            let mut shell = Command::new("sh");
            shell.args(["-c", &command]).current_dir(folder.path()).env_clear();
            shell.env("PATH", format!("{}:/usr/bin:/bin", program.display()));
            let run = shell.output().unwrap();
            assert_eq!(run.status.code(), exit.parse().ok(), "{page}: {command}: {run:?}");
            printed += &String::from_utf8(run.stdout).unwrap();
        }
        for line in block_lines(&text, "text printed") {
            assert!(printed.contains(line), "{page}: nothing prints `{line}`");
        }
    }
}

/// The files that docs/identity.md makes with openssl, and a certificate of another CA.
fn make_certificates(folder: &Path) {
    let put = |name: &str, text: String| fs::write(folder.join(name), text).unwrap();
    let named = |name: SanType| {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.subject_alt_names.push(name);
        (params, KeyPair::generate().unwrap())
    };
    let spiffe =
        || named(SanType::URI("spiffe://prod.example/ns/shop/sa/billing-bot".try_into().unwrap()));
    let authority = |name: &str| {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        (params.self_signed(&key).unwrap().pem(), Issuer::new(params, key))
    };
    fs::create_dir(folder).unwrap();
    let (server, key) = named(SanType::DnsName("orders.example.com".try_into().unwrap()));
    put("server.pem", server.self_signed(&key).unwrap().pem());
    put("server.key", key.serialize_pem());
    for client in ["billing-bot", "stranger"] {
        let ((root, issuer), (params, key)) = (authority(client), spiffe());
        put(&format!("{client}.pem"), params.signed_by(&key, &issuer).unwrap().pem());
        if client == "billing-bot" {
            put("clients-ca.pem", root);
        }
    }
}

#[test]
fn the_links_of_the_pages_lead_somewhere() {
    for (page, _) in PAGES {
        let (page, text) = (root().join(page), text(page));
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let (path, heading) = target.split_once('#').unwrap_or((target, ""));
            let path = if path.is_empty() { page.clone() } else { page.with_file_name(path) };
            assert!(path.exists(), "{}: no file {target}", page.display());
            let headings = || anchors(&fs::read_to_string(&path).unwrap());
            let found = heading.is_empty() || headings().contains(heading);
            assert!(found, "{}: no heading {target}", page.display());
        }
    }
}

/// The anchors of all headings.
fn anchors(page: &str) -> BTreeSet<String> {
    let headings = page.lines().filter(|line| line.starts_with('#'));
    let anchor = |heading: &str| {
        let words = heading.trim_start_matches('#').trim().to_lowercase();
        let plain = |c: char| !c.is_alphanumeric() && c != '-' && c != '_';
        words.replace(' ', "-").replace(plain, "")
    };
    headings.map(anchor).collect()
}

#[test]
fn the_policy_of_the_guide_is_shown_whole() {
    let (page, file) = (text("docs/policies.md"), text("policies/guide/shop.yaml"));
    let tag = "yaml policies/guide/shop.yaml\n";
    let blocks: Vec<_> =
        page.split("```").skip(1).step_by(2).filter_map(|block| block.strip_prefix(tag)).collect();
    for block in &blocks {
        assert!(file.contains(block), "no such lines in the file:\n{block}");
    }
    let shown = blocks.concat();
    let said = file.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    for line in said.filter(|line| *line != "rules:") {
        assert!(shown.contains(line), "the page does not show `{line}`");
    }
}

fn schema(name: &str) -> serde_json::Value {
    serde_json::from_str(&text(&format!("docs/schemas/{name}.schema.json"))).unwrap()
}

/// Every key below a schema, as a path with dots; the schemas know what the readers know.
fn paths(schema: &serde_json::Value, node: &serde_json::Value, at: &str) -> BTreeSet<String> {
    if let Some(reference) = node["$ref"].as_str() {
        let target = schema.pointer(reference.trim_start_matches('#')).unwrap();
        return paths(schema, target, at);
    }
    let mut found = BTreeSet::new();
    for (key, value) in node["properties"].as_object().into_iter().flatten() {
        // A rule's own keys are written without `rules` before them.
        let path = if matches!(at, "" | "rules") { key.clone() } else { format!("{at}.{key}") };
        found.extend(paths(schema, value, &path));
        found.insert(path);
    }
    match node.get("items") {
        Some(items) => found.into_iter().chain(paths(schema, items, at)).collect(),
        None => found,
    }
}

#[test]
fn the_tables_of_the_policy_page_are_the_keys_of_the_reader() {
    let page = text("docs/policies.md");
    let (_, keys) = page.split_once("## All keys").unwrap();
    let (keys, _) = keys.split_once("## The intent").unwrap();
    let first = |row: Vec<&str>| coded(row[0]).concat();
    let tabled: BTreeSet<_> =
        rows(keys).into_iter().map(first).filter(|key| !key.is_empty()).collect();
    let policy = schema("policy");
    assert_eq!(tabled, paths(&policy, &policy, ""));
}

#[test]
fn the_policy_page_names_every_member_of_an_intent() {
    let page = section(&text("docs/policies.md"), "## The intent");
    let named: BTreeSet<_> = coded(&page).into_iter().collect();
    let intent = schema("intent");
    for path in paths(&intent, &intent, "") {
        let member = path.rsplit('.').next().unwrap();
        assert!(member == "$schema" || named.contains(member), "no word of `{path}`");
    }
}

// === deploy ===

#[test]
fn the_alerts_name_metrics_that_exist() {
    for file in ["deploy/alerts.yaml", "deploy/alerts_test.yaml", "deploy/alerts_days_test.yaml"] {
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
    for (what, file) in [
        ("check", "deploy/alerts.yaml"),
        ("test", "deploy/alerts_test.yaml"),
        ("test", "deploy/alerts_days_test.yaml"),
    ] {
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
