//! Several threads that survey segments, each the next that nobody has.

use super::source::{Files, Source as _};
use super::survey::{Survey, survey};
use super::{Progress, Trust};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::{io, thread};

/// Surveys all segments; returns them in order.
pub(super) fn survey_all(
    files: &Files,
    trust: &Trust,
    progress: Progress<'_>,
) -> io::Result<Vec<Survey>> {
    let (next, done) = (AtomicUsize::new(0), AtomicU64::new(0));
    let read = |bytes| progress(done.fetch_add(bytes, Ordering::Relaxed) + bytes, files.bytes);
    let work = || -> io::Result<Vec<(usize, Survey)>> {
        let mut mine = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            if at >= files.count() {
                return Ok(mine);
            }
            mine.push((at, survey(files, at, trust, &read)?));
        }
    };
    let threads = thread::available_parallelism().map_or(1, |cores| cores.get().min(files.count()));
    let found = thread::scope(|scope| {
        let crew: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let failed = |_| Err(io::Error::other("a thread of the verifier failed"));
        let joined = crew.into_iter().map(|thread| thread.join().unwrap_or_else(failed));
        joined.collect::<io::Result<Vec<_>>>()
    })?;
    let mut all: Vec<_> = found.into_iter().flatten().collect();
    all.sort_by_key(|(at, _)| *at);
    Ok(all.into_iter().map(|(_, survey)| survey).collect())
}
