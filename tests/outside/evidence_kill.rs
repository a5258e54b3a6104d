//! What a process leaves that is killed at any moment: while it starts for the first time, while it
//! starts again, while it serves.
//!
//! The tool is not killed: what it saw is what went out. In the end every protected call that it
//! saw has one decision line, under a signature that was made before the process died, and the
//! log has at most as many decisions more as calls were in flight at the kills. After each start
//! `gait trace verify` has nothing against the log.
//!
//! A kill takes nothing from the kernel that it was given, and seldom cuts a write: some rounds are
//! helped along with the front of a line, as a machine leaves it that lost power.
//!
//! `GAIT_KILLS` sets how many kills there are (100 is what a release is held to), and
//! `GAIT_KILLS_SEED` where the dice begin.

use crate::support::{Crowd, Dice, Gait, Recorder, Setup, audit, run_to_end, wait_for};
use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tempfile::TempDir;

/// Kills, unless the environment says otherwise.
const KILLS: u64 = 12;
/// Callers at once.
const CALLERS: usize = 8;
/// Of a hundred kills, those that come while the process starts.
const EARLY_PERCENT: u64 = 25;
/// Of a hundred kills, those that leave the front of a line.
const TORN_PERCENT: u64 = 25;
/// The longest that a process may live that dies while it starts.
const START_MICROS: u64 = 80_000;

/// What there was to be seen.
#[derive(Debug, Default)]
struct Found {
    early: usize,
    late: usize,
    torn: usize,
    slowest_start: Duration,
}

fn from_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect(name))
}

#[test]
fn no_kill_leaves_a_call_that_went_out_without_its_signed_decision() {
    let kills = from_environment("GAIT_KILLS").unwrap_or(KILLS);
    let clock = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    let seed = from_environment("GAIT_KILLS_SEED").unwrap_or(clock.as_millis() as u64);
    eprintln!("GAIT_KILLS={kills} GAIT_KILLS_SEED={seed}");
    let (mut dice, mut found) = (Dice::new(seed), Found::default());
    let tool = Recorder::start();
    let setup = Setup::fixture("evidence", tool.address);
    let mut dir = TempDir::new().unwrap();
    setup.write(dir.path());
    for kill in 0..kills {
        // The first start of all is the one that makes keys.
        if kill == 0 || dice.hits(EARLY_PERCENT) {
            found.early += 1;
            Gait::stillborn(dir.path(), Duration::from_micros(dice.below(START_MICROS)));
        } else {
            found.late += 1;
            dir = live_and_die(&setup, dir, &tool, kill, &mut dice, &mut found);
        }
        if dice.hits(TORN_PERCENT) && tear(dir.path(), &mut dice) {
            found.torn += 1;
        }
    }
    let gait = setup.start_in(dir);
    // What was on its way when the last one died.
    thread::sleep(Duration::from_millis(200));
    verify(gait.dir());

    let audit = audit(gait.dir());
    let seen = tool.protected();
    audit.assert_decided(seen.iter().map(String::as_str));
    let excess = audit.decisions().len() - seen.len();
    eprintln!("{found:?}, {} protected calls seen, {excess} more decided", seen.len());
    assert!(excess <= found.late * CALLERS, "{excess} decisions more than calls");
    assert!(audit.torn.len() >= found.torn, "{:?}", audit.torn);
    assert!(found.late * 10 < seen.len(), "too little to be seen");
}

/// Serves until it is killed at a moment of the dice.
fn live_and_die(
    setup: &Setup,
    dir: TempDir,
    tool: &Recorder,
    round: u64,
    dice: &mut Dice,
    found: &mut Found,
) -> TempDir {
    let begun = Instant::now();
    let gait = setup.start_in(dir);
    found.slowest_start = found.slowest_start.max(begun.elapsed());
    verify(gait.dir());

    let (calls, more) = (dice.below(500) as usize, Duration::from_micros(dice.below(5_000)));
    let enough = tool.count() + calls;
    Crowd::call(&gait, &format!("{round}"), CALLERS, |_| {
        wait_for("some load", || (tool.count() >= enough).then_some(()));
        thread::sleep(more);
        gait.signal("KILL");
    });
    gait.kill()
}

/// Puts the front of a line behind the last one, unless there is none or one is there already.
fn tear(dir: &Path, dice: &mut Dice) -> bool {
    let Ok(entries) = fs::read_dir(dir.join("state/evidence")) else { return false };
    let Some(last) = entries.map(|entry| entry.unwrap().path()).max() else { return false };
    let mut bytes = fs::read(&last).unwrap();
    let Some(b'\n') = bytes.pop() else { return false };
    let line = bytes.rsplit(|byte| *byte == b'\n').next().unwrap_or_default().to_vec();
    let front = 1 + dice.below(line.len() as u64 - 2) as usize;
    bytes.push(b'\n');
    bytes.extend_from_slice(&line[..front]);
    fs::write(last, bytes).unwrap();
    true
}

/// Has gait check its own log.
fn verify(dir: &Path) {
    let said = run_to_end(dir, &["trace", "verify", "state"]);
    assert!(said.status.success(), "{said:?}");
}
