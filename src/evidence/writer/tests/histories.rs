//! Random histories on a disk whose operations fail, or under a machine that dies: no proof is
//! false, no line is lost that was kept, and the log can be followed and is signed.

use super::*;
use serde_json::Value;

/// Numbers that are the same every time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) % sides
    }
}

/// One history: calls, and what became of them.
struct History {
    disk: FakeDisk,
    bench: Bench,
    dice: Dice,
    open: Vec<Record>,
    waiting: Vec<Commit>,
    opened: Vec<String>,
    proven: Vec<String>,
    what: String,
}

fn settings() -> Settings {
    Settings { segment_bytes_max: 2500, ..Settings::default() }
}

/// Starts until the disk lets it.
fn start(disk: &FakeDisk) -> Bench {
    (0..9).find_map(|_| Bench::start(disk, settings()).ok()).unwrap()
}

impl History {
    fn new(seed: u64, fails: &[u32]) -> History {
        let disk = FakeDisk::failing(fails);
        if seed.is_multiple_of(2) {
            disk.0.lock().unwrap().key = None;
        }
        let bench = start(&disk);
        let (open, waiting, opened, proven) = Default::default();
        let what = format!("seed {seed}, {fails:?}");
        let dice = Dice(seed);
        History { disk, bench, dice, open, waiting, opened, proven, what }
    }

    fn step(&mut self) {
        match self.dice.roll(12) {
            0..4 => {
                if let Ok(record) = self.bench.ledger.open(opening()) {
                    self.opened.push(record.opening().call_id.to_string());
                    self.open.push(record);
                }
            }
            4..6 => {
                if let Some(record) = self.open.last_mut() {
                    self.waiting.push(commit(record));
                }
            }
            6 if !self.open.is_empty() => {
                let at = self.dice.roll(self.open.len() as u64) as usize;
                self.open.swap_remove(at).close(answered());
            }
            7 => self.waiting.truncate(1),
            8 => self.bench.engine.rekey(self.disk.put_key()),
            _ => self.turn(),
        }
    }

    /// Lets the writer work, and takes the answers that are there.
    fn turn(&mut self) {
        self.bench.turn();
        let time = Duration::from_millis(self.dice.roll(600));
        self.bench.pass(time);
        self.waiting.retain_mut(|waiting| {
            let Some(answer) = waiting.answer() else { return true };
            if let Ok(committed) = answer {
                let id = committed.call_id().to_string();
                assert!(self.disk.durable_text().contains(&id), "{}", self.what);
                self.proven.push(id);
            }
            false
        });
    }

    /// Ends all calls and gives the writer time.
    fn settle(&mut self) {
        self.open.clear();
        self.turn();
        for _ in 0..9 {
            self.bench.pass(Duration::from_secs(2));
        }
        assert_eq!(self.bench.engine.health().state(), State::Writing, "{}", self.what);
    }
}

/// Ids of the calls that lines of these kinds are about, in order.
fn ids(lines: &[Value], kinds: &[&str]) -> Vec<String> {
    let of_kind = lines.iter().filter(|line| kinds.contains(&line["kind"].as_str().unwrap()));
    sorted(of_kind.map(|line| line["call_id"].as_str().unwrap().to_owned()).collect())
}

fn sorted(mut ids: Vec<String>) -> Vec<String> {
    ids.sort_unstable();
    ids
}

/// A history without a death: everything that happened is in the log, once.
fn scenario(seed: u64, fails: &[u32]) -> u32 {
    let mut history = History::new(seed, fails);
    (0..560).for_each(|_| history.step());
    history.settle();
    let History { opened, proven, what, .. } = &history;
    let what = what.clone();
    let lines = history.disk.lines();
    let decided = ids(&lines, &["decision"]);
    assert_eq!(ids(&lines, &["call", "outcome"]), sorted(opened.clone()), "closings, {what}");
    assert_eq!(decided, ids(&lines, &["outcome"]), "outcomes, {what}");
    assert!(proven.iter().all(|id| decided.contains(id)), "proofs, {what}");
    let own = ["key", "batch", "seal"];
    let kinds = lines.iter().map(|line| line["kind"].as_str().unwrap());
    let told: Vec<_> = kinds.filter(|kind| !own.contains(kind)).collect();
    assert_eq!(history.bench.tallied, told, "the tally, {what}");
    let operations = history.disk.0.lock().unwrap().operations;
    let head = history.bench.engine.finish(&mut |_| {}).unwrap();
    // `stop` and `seal`, and a `key` before them in a new segment.
    let ends = head.seq - lines.last().unwrap()["seq"].as_u64().unwrap();
    assert!(ends == 2 || ends == 3, "{ends}, {what}");
    operations
}

#[test]
fn whichever_operation_fails_no_line_is_lost_and_no_proof_is_false() {
    for seed in 0..3 {
        let operations = scenario(seed, &[]);
        assert!(operations > 200, "{operations}");
    }
    for first in 1..=200 {
        let seed = u64::from(first);
        scenario(seed, &[first]);
        if first % 4 == 0 {
            scenario(seed + 1, &[first, first + 1, first + 2 + first % 7]);
        }
    }
}

#[test]
fn whenever_the_machine_dies_what_was_proven_is_there_and_signed() {
    for seed in 0..60 {
        let mut history = History::new(seed, &[(seed % 90) as u32 + 5]);
        for _ in 0..4 {
            (0..40).for_each(|_| history.step());
            let extra = history.dice.roll(2000) as usize;
            history.disk.die(extra);
            history.open.clear();
            history.waiting.clear();
            history.bench = start(&history.disk);
            let decided = ids(&history.disk.lines(), &["decision"]);
            assert!(history.proven.iter().all(|id| decided.contains(id)), "{}", history.what);
        }
        let closings = ids(&history.disk.lines(), &["call", "outcome"]);
        let mut once = closings.clone();
        once.dedup();
        assert_eq!(once, closings, "no call ends twice, {}", history.what);
    }
}
