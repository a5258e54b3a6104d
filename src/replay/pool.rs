//! The threads: one reads, some judge, the caller's merges.
//!
//! Batches are dealt round robin, and what they found is taken back round robin: that is the
//! order of the input, without a buffer to restore it. Every channel is bounded, so the reader is
//! never further ahead than a few batches a thread. Where the caller stops taking, the channels
//! close one after the other and all threads end.

use super::feed::{self, Batch};
use super::judge::{self, Judged};
use super::{Plan, Tally};
use std::io;
use std::ops::ControlFlow;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

/// Batches that wait for a thread, and results that wait to be merged, each.
const WAITING_MAX: usize = 2;

/// Hears how a replay goes on.
pub trait Listener {
    /// So many bytes of input more are done, and these are their differences as JSON lines.
    ///
    /// # Errors
    /// Whatever keeps the lines from being written; it ends the replay.
    fn batch(&mut self, bytes: u64, lines: &[u8]) -> io::Result<()>;
}

/// Why a replay did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum Stopped {
    /// The listener could not take a line.
    #[error("write differences: {0}")]
    Listener(#[from] io::Error),
    /// A thread panicked: a bug of ours. Nothing is known of the rest.
    #[error("a thread failed while it judged; please report the message above")]
    Thread,
}

/// Replays a plan.
pub(super) fn run(plan: &Plan, listener: &mut impl Listener) -> Result<Tally, Stopped> {
    thread::scope(|scope| {
        let (mut inputs, mut outputs, mut threads) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..plan.jobs.get() {
            let (input, batches) = sync_channel(WAITING_MAX);
            let (found, output) = sync_channel(WAITING_MAX);
            inputs.push(input);
            outputs.push(output);
            threads.push(scope.spawn(move || work(plan, &batches, &found)));
        }
        threads.push(scope.spawn(move || deal(plan, &inputs)));
        let merged = merge(plan, outputs, listener);
        // Joined here, or the scope would panic with the thread that did.
        let failed = threads.into_iter().filter_map(|thread| thread.join().err()).count();
        if failed > 0 { Err(Stopped::Thread) } else { merged }
    })
}

/// Reads the input and deals its batches.
fn deal(plan: &Plan, inputs: &[SyncSender<Batch>]) {
    let mut next = inputs.iter().cycle();
    feed::feed(&plan.sources, |batch| match next.next().map(|input| input.send(batch)) {
        Some(Ok(())) => ControlFlow::Continue(()),
        _ => ControlFlow::Break(()),
    });
}

/// Judges the batches of one thread.
fn work<'a>(plan: &'a Plan, batches: &Receiver<Batch>, found: &SyncSender<Judged<'a>>) {
    for batch in batches {
        if found.send(judge::judge(plan, &batch)).is_err() {
            return;
        }
    }
}

/// Takes what was found in the order of the input. A batch that nobody has any more was the last.
fn merge(
    plan: &Plan,
    outputs: Vec<Receiver<Judged<'_>>>,
    listener: &mut impl Listener,
) -> Result<Tally, Stopped> {
    let mut all = Tally::new(plan.policies.len());
    for output in outputs.iter().cycle() {
        let Ok(Judged { found, bytes }) = output.recv() else { break };
        listener.batch(bytes, &found.lines)?;
        all.merge(found.tally, plan.examples_max);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intent::time;
    use crate::replay::{At, Details, Form, Source};
    use std::num::NonZeroUsize;

    /// Takes some batches and then no more.
    struct Full(usize);

    impl Listener for Full {
        fn batch(&mut self, _: u64, lines: &[u8]) -> io::Result<()> {
            assert!(lines.starts_with(b"{"), "what was not judged is told");
            self.0 = self.0.checked_sub(1).ok_or(io::ErrorKind::StorageFull)?;
            Ok(())
        }
    }

    #[test]
    fn a_listener_that_fails_ends_the_replay() {
        let missing = Source { path: "missing.json".into(), form: Form::Document, bytes: 0 };
        let plan = Plan {
            sources: vec![missing; 20_000],
            policies: Vec::new(),
            baseline: None,
            at: At::Fixed(time::DEFAULT),
            jobs: NonZeroUsize::new(3).unwrap(),
            examples_max: 1,
            details: Details::Wanted,
        };
        let stopped = plan.run(&mut Full(5)).unwrap_err();
        assert!(matches!(stopped, Stopped::Listener(_)), "{stopped}");
        assert_eq!(plan.run(&mut Full(usize::MAX)).unwrap().invalid, 20_000);
    }
}
