//! What a decision costs as the policy grows, as ratios to a policy of ten rules.
//!
//! `cargo bench --bench decide` decides intents under policies of 10, 1,000 and 10,000 rules, in
//! turns: a slice each, again and again, so that a busy neighbour falls on all of them alike. The
//! figure is the median slice; the ratio is to the ten rules of the same run. It takes about
//! twenty seconds.
//!
//! | policy | its rules |
//! |---|---|
//! | named | each names a tool of its own; the intents ask for tools from all over the policy |
//! | any tool | none names a tool, and none but the last fits: each has to be looked at |
//!
//! Rejected: asserting a time, which on shared machines measures the neighbours.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a benchmark reads the clock and ends when anything is odd"
)]

use gait::intent::time::Time;
use gait::intent::{Intent, read};
use gait::policy::{Policy, source};
use std::hint::black_box;
use std::time::{Duration, Instant};

const SIZES: [usize; 3] = [10, 1_000, 10_000];
/// How long one policy decides before the next has its turn.
const SLICE: Duration = Duration::from_millis(40);
const TURNS: usize = 75;
/// Different intents per policy, so that none stays in the nearest cache alone.
const INTENTS: usize = 64;

struct Subject {
    rules: usize,
    policy: Policy,
    intents: Vec<Intent>,
    /// Nanoseconds per decision, one for each slice.
    slices: Vec<f64>,
}

fn main() {
    println!("| policy | rules | ns per decision | ratio to 10 rules | lowest | highest |");
    println!("|---|---|---|---|---|---|");
    for (name, subject) in [("named", named as fn(usize) -> Subject), ("any tool", any_tool)] {
        let mut subjects = SIZES.map(subject);
        for _ in 0..TURNS {
            subjects.iter_mut().for_each(Subject::slice);
        }
        let least = subjects[0].median();
        for subject in &mut subjects {
            let (median, lowest, highest) =
                (subject.median(), subject.slices[0], subject.slices[TURNS - 1]);
            let (rules, ratio) = (subject.rules, median / least);
            println!(
                "| {name} | {rules} | {median:.0} | {ratio:.2} | {lowest:.0} | {highest:.0} |"
            );
        }
    }
}

/// Every rule names one tool.
fn named(rules: usize) -> Subject {
    let rule = |n: usize| {
        format!(
            "- {{name: r{n}, priority: {n}, effect: allow, match: {{tool_names: [tool.{n}]}}}}\n"
        )
    };
    let tool = |n: usize| format!("tool.{}", (n * 7_919) % rules);
    Subject::new(rules, rule, tool)
}

/// No rule names a tool; the last one takes all.
fn any_tool(rules: usize) -> Subject {
    let rule = |n: usize| {
        let risk = if n + 1 == rules { "low".to_owned() } else { format!("risk-{n}") };
        format!(
            "- {{name: r{n}, priority: {n}, effect: allow, match: {{risk_classes: [{risk}]}}}}\n"
        )
    };
    Subject::new(rules, rule, |n| format!("tool.{n}"))
}

impl Subject {
    fn new(
        rules: usize,
        rule: impl Fn(usize) -> String,
        tool: impl Fn(usize) -> String,
    ) -> Subject {
        let text: String = (0..rules).map(rule).collect();
        let policy = source::parse("p.yaml", format!("rules:\n{text}").as_bytes()).unwrap();
        let intents: Vec<Intent> = (0..INTENTS).map(|n| intent(&tool(n))).collect();
        for intent in &intents {
            assert!(policy.decide(intent, at()).matched_rule.is_some(), "an intent meets no rule");
        }
        Subject { rules, policy, intents, slices: Vec::new() }
    }

    /// One turn.
    fn slice(&mut self) {
        let (start, mut decisions) = (Instant::now(), 0);
        while start.elapsed() < SLICE {
            for intent in &self.intents {
                black_box(self.policy.decide(black_box(intent), at()));
            }
            decisions += self.intents.len();
        }
        self.slices.push(start.elapsed().as_nanos() as f64 / decisions as f64);
    }

    /// The median slice; they are sorted afterwards.
    fn median(&mut self) -> f64 {
        self.slices.sort_by(f64::total_cmp);
        self.slices[self.slices.len() / 2]
    }
}

fn at() -> Time {
    Time::from_timestamp(jiff::Timestamp::UNIX_EPOCH)
}

fn intent(tool: &str) -> Intent {
    let target = r#"{"kind":"path","value":"/srv/a","operation":"read"}"#;
    let context = r#"{"identity":"ada","workspace":"/srv","risk_class":"low"}"#;
    let text = format!(r#"{{"tool_name":"{tool}","targets":[{target}],"context":{context}}}"#);
    read::from_json(text.as_bytes()).unwrap().normalise().unwrap()
}
