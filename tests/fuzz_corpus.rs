//! The fuzz targets over their corpus, and over inputs that are too large to keep.
//!
//! The fuzzer needs a nightly compiler and time; this needs neither. What it once found lies in
//! `fuzz/corpus` and is run here for good.
#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test reads files and time")]

#[path = "../fuzz/targets.rs"]
#[expect(clippy::panic, clippy::expect_used, reason = "a target ends in a panic")]
mod targets;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// No input may hold a reader up. In release it is a tenth of this; debug builds on a busy
/// machine need the rest.
const PATIENCE: Duration = Duration::from_secs(5);

type Target = fn(&[u8]);
const TARGETS: [(&str, Target); 4] = [
    ("policy", targets::policy),
    ("intent", targets::intent),
    ("canonical", targets::canonical),
    ("decision", targets::decision),
];

fn run(name: &str, target: Target, bytes: &[u8]) {
    let start = Instant::now();
    target(bytes);
    let took = start.elapsed();
    assert!(took < PATIENCE, "{name} took {took:?}");
    if took > PATIENCE / 50 {
        println!("{name}: {took:?}");
    }
}

fn files(target: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let entries = std::fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn every_file_of_the_corpus_holds() {
    for (name, target) in TARGETS {
        let files = files(name);
        assert!(files.len() > 20, "the corpus of {name} is gone");
        for file in files {
            run(&file.display().to_string(), target, &std::fs::read(&file).unwrap());
        }
    }
}

/// Inputs that are nothing but large in one way.
fn monsters() -> Vec<(&'static str, String)> {
    let many = 100_000;
    let bomb = |items: &str| {
        let mut text = format!("a0: &a0 {items}\n");
        for level in 1..12 {
            let aliases = vec![format!("*a{}", level - 1); 9].join(", ");
            text.push_str(&format!("a{level}: &a{level} [{aliases}]\n"));
        }
        text
    };
    let wide: String = (0..30_000).map(|n| format!("\"k{n}\":{n},")).collect();
    let indented: String = (0..2_000).map(|n| format!("{}a:\n", " ".repeat(n))).collect();
    vec![
        ("nested lists", "[".repeat(many)),
        ("nested lists, closed", format!("{}{}", "[".repeat(many), "]".repeat(many))),
        ("nested objects", "{\"a\":".repeat(many)),
        ("nested block lists", "- ".repeat(many)),
        ("nested block maps", indented),
        ("nested flow maps", "{a: ".repeat(many)),
        ("explicit keys", "? ".repeat(many)),
        ("laughs", bomb("[lol]")),
        ("laughing rules", format!("{}rules: *a11\n", bomb("[{name: a, effect: allow}]"))),
        ("merges", format!("a: &a {{x: 1}}\n{}", "<<: *a\n".repeat(20_000))),
        ("a merge among many keys", format!("{{<<: {{x: 1}},{wide}\"z\":0}}")),
        ("anchors", (0..20_000).map(|n| format!("- &a{n} x\n")).collect()),
        ("one key", format!("{}: 1", "k".repeat(4 * 1024 * 1024))),
        ("one string", format!("{{\"tool_name\": \"{}\"}}", "x".repeat(4 * 1024 * 1024))),
        ("many members", format!("{{{wide}\"z\":0}}")),
        ("many equal members", format!("{{{}\"z\":0}}", "\"a\":1,".repeat(many))),
        ("a long number", format!("{{\"n\":{}}}", "9".repeat(many))),
        ("a long fraction", format!("{{\"n\":0.{}1}}", "0".repeat(many))),
        ("a large exponent", format!("priority: 1e{}", "9".repeat(many))),
        ("escapes", format!("{{\"a\":\"{}\"}}", "\\u0000".repeat(many))),
        ("documents", "---\na: 1\n".repeat(20_000)),
        ("comments", "# c\n".repeat(many)),
        ("open quotes", "\"".repeat(many)),
        ("tags", "!!a ".repeat(many)),
        ("a folded scalar", format!("a: >\n{}", " x\n".repeat(many))),
        ("directives", "%YAML 1.2\n".repeat(many)),
        ("names of rules", rules(2_000, "effect: allow")),
        ("globs", globs()),
    ]
}

fn rules(count: usize, rest: &str) -> String {
    let rules: String = (0..count).map(|n| format!("  - {{name: r{n}, {rest}}}\n")).collect();
    format!("rules:\n{rules}")
}

/// A pattern that a careless matcher tries in every way there is, put to a value that fails late.
fn globs() -> String {
    let pattern = "a*".repeat(40);
    let policy = format!(
        "rules:\n- {{name: r, effect: allow, endpoint: {{path_allowlist: ['{pattern}b']}}}}"
    );
    let target = format!(r#"{{"kind":"path","value":"{}"}}"#, "a".repeat(2_000));
    let context = r#"{"identity":"a","workspace":"/","risk_class":"low"}"#;
    let intent = format!(r#"{{"tool_name":"t","targets":[{target}],"context":{context}}}"#);
    format!("{policy}\n%%%%\n{intent}")
}

#[test]
fn monsters_are_read_or_refused_in_time() {
    for (name, text) in monsters() {
        for (target_name, target) in TARGETS {
            run(&format!("{name} as {target_name}"), target, text.as_bytes());
        }
        let intent =
            r#"{"tool_name":"t","context":{"identity":"a","workspace":"/","risk_class":"low"}}"#;
        let both = format!("{text}\n%%%%\n{intent}");
        run(&format!("{name} as the policy of a decision"), targets::decision, both.as_bytes());
    }
}
