//! Random histories of approvals, with gait killed at every kind of step.
//!
//! A history is one call that needs an approval, and all that people and callers do about it:
//! calls, copies of them, grants, denials, tokens signed elsewhere, tokens of others, waits beyond
//! an expiry. Many run at once against one gait, which is killed with SIGKILL again and again and
//! started over the same state. The tool is not killed: what it keeps is what was executed.
//!
//! After every start, and in the end, gait's own list is held against what the tool did and what
//! people said ([`audit`]):
//! - a request runs one call at most, and each execution has a request of its own that ran;
//! - what ran had enough grants that were given for exactly it, by those who may, and had not
//!   expired when it was claimed;
//! - no request is missing from the list, and none comes back from where it ended;
//! - what was claimed by a process that died is `unknown`, and nothing still runs.
//!
//! A kill takes nothing from the kernel that it was given: what a power cut does to a disk is not
//! shown here.
//!
//! `GAIT_HISTORIES` sets how many histories there are, and `GAIT_HISTORIES_SEED` where the dice
//! begin; kills come when the machine lets them, so a seed gives the same plans and not the same
//! run.

mod audit;
mod book;
mod script;
mod world;

use crate::support::Dice;
use audit::Found;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};
use world::World;

/// Histories, unless the environment says otherwise.
const HISTORIES: u64 = 1_024;
/// Of those, in one state directory: short lists, which are read after every start.
const IN_ONE_WORLD: u64 = 256;
/// Histories that go on at once in one world.
const AT_ONCE: usize = 24;
/// Worlds at once.
const WORLDS_AT_ONCE: usize = 2;

fn from_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect(name))
}

#[test]
fn no_history_with_crashes_runs_a_call_twice_or_unapproved_or_loses_a_request() {
    let histories = from_environment("GAIT_HISTORIES").unwrap_or(HISTORIES);
    let clock = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    let seed = from_environment("GAIT_HISTORIES_SEED").unwrap_or(clock.as_millis() as u64);
    eprintln!("GAIT_HISTORIES={histories} GAIT_HISTORIES_SEED={seed}");
    let worlds = histories.div_ceil(IN_ONE_WORLD) as usize;
    let next = AtomicUsize::new(0);
    let found = thread::scope(|scope| {
        let each = || {
            let numbers = std::iter::from_fn(|| Some(next.fetch_add(1, Ordering::SeqCst)));
            let mine = numbers.take_while(|number| *number < worlds);
            mine.map(|number| live(seed.wrapping_add(number as u64))).sum::<Found>()
        };
        let workers: Vec<_> = (0..WORLDS_AT_ONCE).map(|_| scope.spawn(each)).collect();
        workers.into_iter().map(|worker| worker.join().expect("a world that holds")).sum::<Found>()
    });
    eprintln!("{found:?}");
    found.assert_telling(histories);
}

/// One world from its beginning to its end.
fn live(seed: u64) -> Found {
    eprintln!("world {seed}");
    let world = World::new(seed);
    let (next, busy) = (AtomicUsize::new(0), AtomicUsize::new(AT_ONCE));
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            let (world, next, busy) = (&world, &next, &busy);
            scope.spawn(move || {
                let _busy = Busy(busy);
                let numbers = std::iter::from_fn(|| Some(next.fetch_add(1, Ordering::SeqCst)));
                for number in numbers.take_while(|number| *number < IN_ONE_WORLD as usize) {
                    let dice = Dice::new(seed ^ (number as u64) << 32);
                    script::run(world, number, dice);
                }
            });
        }
        let mut dice = Dice::new(!seed);
        while busy.load(Ordering::SeqCst) > 0 {
            world.wait_to_kill(&mut dice, || busy.load(Ordering::SeqCst) == 0);
            world.crash();
        }
    });
    world.grow_old();
    audit::finish(&world)
}

/// Counts down also where a history fails, so that the killing ends.
struct Busy<'a>(&'a AtomicUsize);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}
