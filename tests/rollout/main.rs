//! The gates, held against histories: what each says, and what a pipeline sees of it.
//!
//! A history is written as the lines that gait writes, back in time, which the writer itself cannot
//! do; that the two are the same is held against the writer in `writer`.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a helper may stop the test")]

mod approvals;
mod calls;
mod chain;
#[expect(dead_code, reason = "this binary needs less of it than others")]
#[path = "../command/mod.rs"]
mod command;
mod forge;
mod labels;
mod laws;
mod policies;
mod shares;
mod stays;
mod usage;
mod verify;
mod windows;
mod writer;

use command::{Place, Run};
use forge::{Forge, Step};
use gait::audit::Log;
use gait::clock;
use gait::json::Digest;
use gait::policy::source;
use gait::rollout::{
    Cache, Check, Counters, Facts, GateVerdict, Life, Look, RouteFacts, Summary, Unmapped, check,
    read,
};
use gait::snapshot::Gates;
use gait::stage::{Percent, Stage, Standing};
use jiff::Timestamp;
use std::time::Duration;

/// What is counted of a gait that does as it should.
pub(crate) const CLEAN: &str =
    "gait_bypass_total{cause=\"permit_kind\"} 0\ngait_unrecorded_total 0\n";

/// The policy in force.
pub(crate) const POLICY: &str = "default_verdict: block\n";

const HOUR: u64 = 3_600;

/// What happened, and what the gates make of it.
pub(crate) struct History {
    name: &'static str,
    standing: Standing,
    to: Stage,
    gates: Gates,
    metrics: Option<&'static str>,
    unmapped: Unmapped,
    /// Stands in observe before the same tool.
    other: bool,
    steps: Vec<Step>,
    /// Gates that are not met, and what they are.
    wanted: Vec<(&'static str, GateVerdict)>,
}

impl History {
    /// 100 calls that were allowed, in three days in the stage, and everything as it should be.
    pub(crate) fn good(name: &'static str, from: Stage, to: Stage) -> History {
        History::bare(name, from, to)
            .then(Step::Reload { ago: 72 * HOUR, stages: from.as_str() })
            .then(Step::allowed(from, 100, 48 * HOUR))
    }

    /// A process that started.
    pub(crate) fn bare(name: &'static str, from: Stage, to: Stage) -> History {
        History {
            name,
            standing: Standing::Whole(from),
            to,
            gates: Gates::default(),
            metrics: Some(CLEAN),
            unmapped: Unmapped::Denied,
            other: false,
            steps: vec![Step::Start { ago: 96 * HOUR }],
            wanted: Vec::new(),
        }
    }

    pub(crate) fn then(mut self, step: Step) -> History {
        self.steps.push(step);
        self
    }

    pub(crate) fn gates(self, change: impl FnOnce(&mut Gates)) -> History {
        let mut gates = self.gates;
        change(&mut gates);
        History { gates, ..self }
    }

    pub(crate) fn metrics(self, metrics: Option<&'static str>) -> History {
        History { metrics, ..self }
    }

    pub(crate) fn unmapped_go_on(self) -> History {
        History { unmapped: Unmapped::GoTo("u".into()), ..self }
    }

    pub(crate) fn beside_another(self) -> History {
        History { other: true, ..self }
    }

    /// A share of the callers stands in `to` already.
    pub(crate) fn shared(self, from: Stage, to: Stage, percent: u64) -> History {
        let percent = Percent::new(percent).unwrap();
        History { standing: Standing::Shared { from, to, percent }, ..self }
    }

    pub(crate) fn towards(self, to: Stage) -> History {
        History { to, ..self }
    }

    pub(crate) fn standing(&self) -> Standing {
        self.standing
    }

    pub(crate) fn not_met(mut self, gate: &'static str) -> History {
        self.wanted.push((gate, GateVerdict::NotMet));
        self
    }

    pub(crate) fn unknown(mut self, gate: &'static str) -> History {
        self.wanted.push((gate, GateVerdict::NotEnoughData));
        self
    }

    /// Its lines, and when they are looked at.
    pub(crate) fn forge(&self) -> Forge {
        self.forge_at(clock::now())
    }

    /// The same of a log that ends then.
    pub(crate) fn forge_at(&self, now: Timestamp) -> Forge {
        let mut forge = Forge::new(now);
        self.steps.iter().for_each(|step| forge.step(step));
        // A log is looked at as of its last line.
        forge.step(&Step::Batch { ago: 0 });
        forge
    }

    pub(crate) fn facts(&self, forge: &Forge) -> Facts {
        let counters = match self.metrics {
            None => Counters::default(),
            Some(page) => {
                let count = |name: &str| {
                    let line = page.lines().find(|line| line.starts_with(name))?;
                    line.rsplit(' ').next()?.parse().ok()
                };
                Counters {
                    bypasses: count("gait_bypass_total"),
                    unrecorded: count("gait_unrecorded_total"),
                }
            }
        };
        let look = Look {
            now: forge.now,
            window: self.gates.window,
            open_for: Duration::from_secs(HOUR),
            life: Life::Unknown,
            policy: digest(POLICY),
        };
        let observing = if self.other { vec!["other".into()] } else { Vec::new() };
        let route = RouteFacts { name: "r".into(), standing: self.standing, observing };
        let (unmapped, gates) = (self.unmapped.clone(), self.gates);
        Facts { look, gates, counters, unmapped, routes: vec![route] }
    }

    pub(crate) fn check(&self, summary: &Summary, forge: &Forge) -> Check {
        check(summary, &self.facts(forge), "r", self.to).unwrap()
    }

    fn holds(&self, check: &Check) {
        for gate in &check.gates {
            let wanted = self.wanted.iter().find(|(name, _)| *name == gate.name);
            let wanted = wanted.map_or(GateVerdict::Met, |(_, verdict)| *verdict);
            assert_eq!(gate.verdict, wanted, "{}: {}: {}", self.name, gate.name, gate.say);
        }
        for (name, _) in &self.wanted {
            let is_asked = check.gates.iter().any(|gate| gate.name == *name);
            assert!(is_asked, "{}: {name} is not asked", self.name);
        }
    }

    fn exit(&self) -> i32 {
        // The chain shows a line that is missing before any gate is asked.
        if self.steps.iter().any(|step| matches!(step, Step::Gap(_))) {
            return 2;
        }
        let worst = self.wanted.iter().map(|(_, verdict)| *verdict).max();
        match worst.unwrap_or(GateVerdict::Met) {
            GateVerdict::Met => 0,
            GateVerdict::NotMet => 3,
            GateVerdict::NotEnoughData => 4,
        }
    }

    /// The config that says the same, for the command line.
    fn config(&self) -> String {
        let g = &self.gates;
        let stage = &match self.standing {
            Standing::Whole(stage) => stage.as_str().to_owned(),
            Standing::Shared { from, to, percent } => {
                let (from, to, percent) = (from.as_str(), to.as_str(), percent.get());
                format!("{{ from: {from}, to: {to}, percent: {percent} }}")
            }
        };
        let unmapped = match self.unmapped {
            Unmapped::Denied => "{ action: deny }",
            Unmapped::GoTo(_) => "{ action: observe, upstream: u }",
        };
        let route = |name: &str, stage: &str| {
            format!(
                "  - {{ name: {name}, match: {{ methods: [DELETE], path: \"/{name}/{{x}}\" }}, \
                 upstream: u, stage: {stage}, intent: {{ tool_name: t, risk_class: high }} }}\n"
            )
        };
        let r = route("r", stage);
        let other = if self.other { route("other", "observe") } else { String::new() };
        format!(
            "policy: p.yaml\nupstreams: {{ u: {{ url: \"http://127.0.0.1:9\" }} }}\n\
             unmapped: {unmapped}\nrollout:\n  gates: {{ window: {}h, min_calls: {}, min_time: {}s, \
             min_labels: {}, false_positive_rate: {}, evaluation_errors: {}, unmapped_calls: {}, \
             min_approvals: {}, approvals_decided: {} }}\nroutes:\n{r}{other}",
            g.window.as_secs() / HOUR,
            g.min_calls,
            g.min_time.as_secs(),
            g.min_labels,
            g.false_positive_rate,
            g.evaluation_errors,
            g.unmapped_calls,
            g.min_approvals,
            g.approvals_decided
        )
    }

    /// Writes log, config and metrics, and asks the command.
    pub(crate) fn ask(&self, place: &Place, forge: &Forge, json: Option<&str>) -> Run {
        forge.write(&place.path("state/evidence"), 3);
        place.put("p.yaml", POLICY);
        place.put("gait.yaml", self.config());
        let mut args: Vec<&str> = "rollout gate --route r --evidence state --config gait.yaml"
            .split(' ')
            .chain(["--to", self.to.as_str()])
            .chain(json)
            .collect();
        if let Some(metrics) = self.metrics {
            place.put("metrics.txt", metrics);
            args.extend(["--metrics", "metrics.txt"]);
        }
        place.gait(&args, &[])
    }
}

/// The digest of a policy.
pub(crate) fn digest(policy: &str) -> Digest {
    source::parse("p.yaml", policy.as_bytes()).unwrap().digest()
}

/// Holds each history against the gates, read whole and in any two parts, and against the command.
#[track_caller]
pub(crate) fn hold(histories: Vec<History>) {
    for history in histories {
        let forge = history.forge();
        let summary = forge.summary();
        history.holds(&history.check(&summary, &forge));
        laws::cuts_do_not_matter(history.name, &forge, &summary);
        let place = Place::new();
        let run = history.ask(&place, &forge, Some("--json"));
        assert_eq!(run.exit, history.exit(), "{}: {run:?}", history.name);
        let verdicts = |gates: &serde_json::Value| -> Vec<(String, String)> {
            let text =
                |gate: &serde_json::Value, name: &str| gate[name].as_str().unwrap().to_owned();
            let gates = gates.as_array().unwrap().iter();
            gates.map(|gate| (text(gate, "name"), text(gate, "verdict"))).collect()
        };
        let own = history.check(&summary, &forge);
        let own: Vec<_> = own
            .gates
            .iter()
            .map(|gate| (gate.name.to_owned(), gate.verdict.as_str().to_owned()))
            .collect();
        if run.exit != 2 {
            assert_eq!(verdicts(&run.json()["gates"]), own, "{}", history.name);
        }
        let log = Log::open(&place.path("state")).unwrap();
        let whole = read(&log, &mut Cache::default(), Timestamp::UNIX_EPOCH, || true).unwrap();
        assert_eq!(whole.span(), forge.summary_of_segments(3).span(), "{}", history.name);
    }
}
