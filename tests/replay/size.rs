//! Size, and speed: the latter is ignored, because a debug build says nothing about it.
//!
//! `cargo test --release --test replay -- --ignored --nocapture --test-threads 1`

use super::BASE;
use crate::command::Place;
use crate::corpus::intent;
use gait::clock;
use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::process::{Command, Stdio};
use std::time::Duration;

/// A run that was watched from outside.
struct Watched {
    exit: i32,
    seconds: f64,
    peak_kib: u64,
}

fn corpus(place: &Place, count: usize) {
    let mut out = BufWriter::new(File::create(place.path("corpus.jsonl")).unwrap());
    (0..count).for_each(|number| writeln!(out, "{}", intent(number)).unwrap());
    out.flush().unwrap();
}

fn watched(place: &Place, flags: &str) -> Watched {
    let started = clock::instant();
    let mut child = Command::new(env!("CARGO_BIN_EXE_gait"))
        .args(flags.split_whitespace())
        .current_dir(place.path("."))
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut peak_kib = 0;
    loop {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let peak = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let peak = peak.and_then(|peak| peak.trim().strip_suffix(" kB")?.parse().ok());
        peak_kib = peak_kib.max(peak.unwrap_or_default());
        if let Some(status) = child.try_wait().unwrap() {
            let seconds = started.elapsed().as_secs_f64();
            return Watched { exit: status.code().unwrap(), seconds, peak_kib };
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn memory_does_not_grow_with_the_input() {
    let place = Place::new();
    place.put("base.yaml", BASE);
    place.put("next.yaml", "default_verdict: block");
    let flags = "replay --intents corpus.jsonl --policies next.yaml --baseline base.yaml --jobs 2";
    let mut peaks = Vec::new();
    for count in [4_000, 40_000] {
        corpus(&place, count);
        let run = watched(&place, &format!("{flags} --out d.jsonl"));
        println!("{count} intents: {:.2} s, {} KiB at most", run.seconds, run.peak_kib);
        assert_eq!(run.exit, 3);
        peaks.push(run.peak_kib);
    }
    assert!(peaks[1] < 64 << 10, "{peaks:?} KiB");
    assert!(peaks[1] < peaks[0] * 2, "{peaks:?} KiB");
}

#[test]
#[ignore = "needs a release build"]
fn a_million_intents_take_seconds() {
    const COUNT: usize = 1_000_000;
    let place = Place::new();
    place.put("base.yaml", BASE);
    corpus(&place, COUNT);
    for jobs in [1, 2] {
        let flags = "replay --intents corpus.jsonl --policies base.yaml --baseline base.yaml";
        let run = watched(&place, &format!("{flags} --jobs {jobs}"));
        let rate = COUNT as f64 / run.seconds;
        println!("{jobs} threads: {:.2} s, {rate:.0} intents/s, {} KiB", run.seconds, run.peak_kib);
        assert_eq!(run.exit, 0);
    }
}
