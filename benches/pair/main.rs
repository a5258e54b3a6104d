//! What gait costs beside a minimal hyper pass-through, as ratios of CPU per request.
//!
//! `cargo bench --bench pair` starts one tool, one minimal pass-through (`passthrough.rs`: hyper's
//! server, hyper-util's pooled client, nothing between) and one gait, each in its own process,
//! and drives the two proxies in turns: a slice each, the order swapped from pair to pair, over
//! the same kept connections. CPU is the process's own (`utime` + `stime` of `/proc/PID/stat`),
//! divided by the answers of the slice. The figure is the median over pairs of
//! gait ÷ pass-through; the spread stands beside it.
//!
//! | workload | request | answer |
//! |---|---|---|
//! | W1 | GET | 64 B of JSON |
//! | W2 | POST, 1 KiB of JSON, which gait buffers, reads and judges | 64 B |
//! | W3 | POST, 64 KiB of JSON, likewise | 64 B |
//!
//! gait runs in stage enforce with every call allowed, unprotected, recorded. Then what evidence
//! costs (`evidence.rs`): W1 through five gaits in turns, one for each `evidence.durability` and two
//! whose calls wait for no line, with CPU and bytes of log a call. `cargo bench --bench pair
//! evidence` runs that part alone, in half a minute.
//!
//! All takes about a minute and a half. There is no target and nothing is asserted about time:
//! shared machines vary, and a ratio within 8 % of 1 is a tie. Rejected: requests per second as the
//! figure, which measure the neighbours, and here the disk.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a benchmark dials, spawns, reads the clock, and ends when anything is odd"
)]

mod evidence;
mod load;
mod passthrough;
mod process;
mod tool;

use load::{Load, Workload};
use process::Process;
use std::time::Duration;

/// Pairs per workload; the median of them is the figure.
const PAIRS: usize = 5;
/// How long one proxy is driven before the other has its turn.
const SLICE: Duration = Duration::from_millis(1500);
/// Not measured: pools fill, pages are touched.
const WARM_UP: Duration = Duration::from_millis(700);

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.get(1).map(String::as_str) {
        Some("tool") => tool::run(),
        Some("passthrough") => passthrough::run(arguments[2].parse().expect("an address")),
        Some("evidence") => evidence::compare(start_tool().address),
        _ => {
            let tool = start_tool();
            compare(&tool);
            evidence::compare(tool.address);
        }
    }
}

/// The tool behind every proxy.
fn start_tool() -> Process {
    Process::of_this("tool", &[])
}

/// Runs every workload against both proxies and prints the table.
fn compare(tool: &Process) {
    let minimal = Process::of_this("passthrough", &[&tool.address.to_string()]);
    let gait = Process::gait(tool.address, include_str!("gait.yaml"));
    println!("| workload | pass-through, µs | gait, µs | ratio | lowest | highest | calls |");
    println!("|---|---|---|---|---|---|---|");
    for workload in Workload::all() {
        let row = measure(&workload, &minimal, &gait);
        println!("{row}");
    }
}

/// One row: the pairs of one workload.
fn measure(workload: &Workload, minimal: &Process, gait: &Process) -> String {
    let mut sides = [Load::open(minimal.address, workload), Load::open(gait.address, workload)];
    let processes = [minimal, gait];
    for side in &mut sides {
        side.drive(WARM_UP);
    }
    let (mut ratios, mut costs, mut calls) = (Vec::new(), [Vec::new(), Vec::new()], 0);
    for pair in 0..PAIRS {
        let mut cost = [0.0; 2];
        for turn in 0..2 {
            let side = (pair + turn) % 2;
            let before = processes[side].cpu();
            let answers = sides[side].drive(SLICE);
            cost[side] = (processes[side].cpu() - before).as_secs_f64() * 1e6 / answers as f64;
            costs[side].push(cost[side]);
            calls += answers;
        }
        ratios.push(cost[1] / cost[0]);
    }
    let [minimal, gait] = costs.map(median);
    let (low, high) = ratios
        .iter()
        .fold((f64::MAX, 0.0_f64), |(low, high), ratio| (low.min(*ratio), high.max(*ratio)));
    let ratio = median(ratios);
    let name = workload.name;
    format!("| {name} | {minimal:.1} | {gait:.1} | {ratio:.2} | {low:.2} | {high:.2} | {calls} |")
}

/// The middle value.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
