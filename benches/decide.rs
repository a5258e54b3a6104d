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
//! A second table has what a candidate policy costs: the same request through all of its steps, from
//! its head to its decision, under one policy and beside a candidate of as many rules that says
//! something else of every call.
//!
//! Rejected: asserting a time, which on shared machines measures the neighbours.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a benchmark reads the clock and ends when anything is odd"
)]

use bytes::Bytes;
use gait::call::peer::{Address, Peer, Transport};
use gait::config::{Environment, Source};
use gait::intent::time::Time;
use gait::intent::{Intent, read};
use gait::policy::{Policy, Verdict, source};
use gait::proxy::rehearse::{Rehearsal, Scene};
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
    println!("\n| policy | rules | ns alone | ns beside a candidate | ratio |");
    println!("|---|---|---|---|---|");
    for rules in [10, 1_000] {
        beside("named", rules, &named_rule, rules / 2);
        beside("any tool", rules, &move |n| any_tool_rule(rules, n), 0);
    }
}

/// Every rule names one tool.
fn named(rules: usize) -> Subject {
    let tool = |n: usize| format!("tool.{}", (n * 7_919) % rules);
    Subject::new(rules, named_rule, tool)
}

fn named_rule(n: usize) -> String {
    format!("- {{name: r{n}, priority: {n}, effect: allow, match: {{tool_names: [tool.{n}]}}}}\n")
}

/// No rule names a tool; the last one takes all.
fn any_tool(rules: usize) -> Subject {
    Subject::new(rules, |n| any_tool_rule(rules, n), |n| format!("tool.{n}"))
}

fn any_tool_rule(rules: usize, n: usize) -> String {
    let risk = if n + 1 == rules { "low".to_owned() } else { format!("risk-{n}") };
    format!("- {{name: r{n}, priority: {n}, effect: allow, match: {{risk_classes: [{risk}]}}}}\n")
}

/// A row of the second table.
fn beside(name: &str, rules: usize, rule: &dyn Fn(usize) -> String, tool: usize) {
    let text: String = (0..rules).map(rule).collect();
    let text = format!("rules:\n{text}");
    let candidate = text.replace("effect: allow", "effect: block");
    let sides = [rehearsal(&text, None, tool), rehearsal(&text, Some(&candidate), tool)];
    let mut slices = [Vec::new(), Vec::new()];
    for _ in 0..TURNS {
        for (side, slices) in sides.iter().zip(&mut slices) {
            let (start, mut decisions) = (Instant::now(), 0);
            while start.elapsed() < SLICE {
                for _ in 0..INTENTS {
                    black_box(side.rehearse(request()));
                }
                decisions += INTENTS;
            }
            slices.push(start.elapsed().as_nanos() as f64 / decisions as f64);
        }
    }
    let [alone, both] = slices.map(|mut slices| {
        slices.sort_by(f64::total_cmp);
        slices[TURNS / 2]
    });
    println!("| {name} | {rules} | {alone:.0} | {both:.0} | {:.2} |", both / alone);
}

/// A gateway with one route, under these policies.
fn rehearsal(policy: &str, candidate: Option<&str>, tool: usize) -> Rehearsal {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
    write("policy.yaml", policy);
    candidate.iter().for_each(|text| write("next.yaml", text));
    let next = candidate.map_or("", |_| "candidate_policy: next.yaml\n");
    write(
        "gait.yaml",
        &format!(
            "policy: policy.yaml\n{next}stage: enforce\n\
             upstreams: {{ api: {{ url: \"http://127.0.0.1:9\" }} }}\n\
             routes: [ {{ name: r, upstream: api, match: {{ path: \"/srv/{{name}}\" }}, intent: {{ \
             tool_name: tool.{tool}, risk_class: low, args: {{ name: path.name }} }} }} ]\n"
        ),
    );
    let source = Source::File(dir.path().join("gait.yaml"));
    let config = source.load(&Environment::default()).unwrap();
    let rehearsal = Rehearsal::new(config.plan, config.policy, None);
    let found = rehearsal.rehearse(request()).found.unwrap();
    assert_eq!(found.decision.verdict, Verdict::Allow, "the route meets no rule");
    rehearsal
}

fn request() -> Scene {
    let request = http::Request::get("/srv/a").header("host", "h").body(()).unwrap();
    let (parts, ()) = request.into_parts();
    let address = Address::Ip(std::net::Ipv4Addr::LOCALHOST.into());
    let peer =
        Peer { listener: "server".into(), address, transport: Transport::Clear, certificate: None };
    Scene { parts, body: Bytes::new(), peer, at: jiff::Timestamp::UNIX_EPOCH }
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
