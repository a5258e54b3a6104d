//! What evidence costs: calls that wait for their decision line, by `evidence.durability`, against
//! the same calls when they leave a line that nobody waits for.

use crate::load::{Load, Workload};
use crate::process::Process;
use crate::{WARM_UP, median};
use std::net::SocketAddr;
use std::time::Duration;

/// Rounds, in each of which every gait has a turn; the median of them is the figure.
const ROUNDS: usize = 3;
/// How long each is driven.
const SLICE: Duration = Duration::from_millis(1000);
/// Longer than a line that nobody waits for stays unwritten.
const SETTLE: Duration = Duration::from_millis(1500);

/// One way to run gait, and one kind of call through it.
struct Way {
    name: &'static str,
    /// Stage, risk class, and what the config says of evidence.
    settings: [&'static str; 3],
    /// Which of [`WAYS`] lets the same call out without waiting for its line.
    base: usize,
}

const WAYS: [Way; 5] = [
    Way { name: "observed", settings: ["observe", "high", "durability: protected"], base: 0 },
    Way { name: "`protected`", settings: ["enforce", "high", "durability: protected"], base: 0 },
    Way {
        name: "`batched`",
        settings: ["enforce", "high", "durability: batched, batch_interval: 5ms"],
        base: 0,
    },
    Way {
        name: "`protected`, an open call",
        settings: ["enforce", "low", "durability: protected"],
        base: 3,
    },
    Way { name: "`all`, an open call", settings: ["enforce", "low", "durability: all"], base: 3 },
];

/// A gait at work, and what it was seen to use.
struct Side {
    way: &'static Way,
    gait: Process,
    load: Load,
    micros: Vec<f64>,
    ratios: Vec<f64>,
    calls: usize,
}

/// Runs all of them in turns and prints the table.
pub(crate) fn compare(tool: SocketAddr) {
    let [workload, ..] = Workload::all();
    let mut sides: Vec<Side> = WAYS.iter().map(|way| way.start(tool, &workload)).collect();
    let before: Vec<u64> = sides.iter().map(|side| side.gait.evidence_bytes()).collect();
    for _ in 0..ROUNDS {
        sides.iter_mut().for_each(Side::turn);
        let last: Vec<f64> = sides.iter().filter_map(|side| side.micros.last().copied()).collect();
        for (side, micros) in sides.iter_mut().zip(&last) {
            side.ratios.push(micros / last[side.way.base]);
        }
    }
    std::thread::sleep(SETTLE);
    println!("\n| evidence | CPU, µs a call | ratio | bytes a call | calls |");
    println!("|---|---|---|---|---|");
    for (side, before) in sides.into_iter().zip(before) {
        println!("{}", side.row(before));
    }
}

// === impl Way ===

impl Way {
    fn start(&'static self, tool: SocketAddr, workload: &Workload) -> Side {
        let [stage, risk, evidence] = self.settings;
        let config = include_str!("gait.yaml")
            .replace("stage: enforce", &format!("stage: {stage}"))
            .replace("risk_class: low", &format!("risk_class: {risk}"));
        let evidence = format!("evidence: {{ {evidence} }}\n");
        let gait = Process::gait(tool, &(config + &evidence));
        let mut load = Load::open(gait.address, workload);
        load.drive(WARM_UP);
        std::thread::sleep(SETTLE);
        Side { way: self, gait, load, micros: Vec::new(), ratios: Vec::new(), calls: 0 }
    }
}

// === impl Side ===

impl Side {
    fn turn(&mut self) {
        let before = self.gait.cpu();
        let answers = self.load.drive(SLICE);
        let used = self.gait.cpu() - before;
        self.micros.push(used.as_secs_f64() * 1e6 / answers as f64);
        self.calls += answers;
    }

    fn row(self, before: u64) -> String {
        let calls = self.calls as f64;
        let bytes = (self.gait.evidence_bytes() - before) as f64 / calls;
        let (name, micros, ratio) = (self.way.name, median(self.micros), median(self.ratios));
        format!("| {name} | {micros:.1} | {ratio:.2} | {bytes:.0} | {calls} |")
    }
}
