//! Which line is to blame. A line that was replaced or inserted breaks nothing by itself, the
//! line behind it shows it; whether a missing line was dropped or moved, all lines behind tell.

use super::fault::{Broken, Fault};
use super::join::Suspect;
use super::source::{Ahead, Source};
use super::survey::Wrong;
use crate::evidence::chain::{self, Stamp, Whole};
use std::cmp::Ordering;
use std::io;

/// Names the line, with the lines from the suspect on read once more.
pub(super) fn diagnose(source: &impl Source, suspect: &Suspect) -> io::Result<Broken> {
    match &suspect.wrong {
        Wrong::Line(fault) => Ok(suspect.here(fault.clone())),
        Wrong::Signature => signature(suspect, ahead(source, suspect)?),
        Wrong::Chain => chain(suspect, ahead(source, suspect)?),
    }
}

fn ahead<'s, S: Source>(source: &'s S, suspect: &Suspect) -> io::Result<Ahead<'s, S>> {
    Ahead::from(source, suspect.at, suspect.spot.offset)
}

/// A signature that does not hold: that line was changed and given a new hash, which the next line
/// shows, or the log was written anew somewhere between the last good signature and this one.
fn signature(suspect: &Suspect, mut lines: impl Lines) -> io::Result<Broken> {
    let line = lines.next().transpose()?.unwrap_or_default();
    let signed = Whole::read(&line).map_or(suspect.spot.head, |whole| whole.head);
    if next_whole(&mut lines, |next| !next.continues(&signed))? == Some(true) {
        return Ok(suspect.here(Fault::Replaced));
    }
    let fault = Fault::Forged { signed: signed.seq };
    Ok(match suspect.uncovered {
        Some((place, seq)) => Broken { place, seq, fault },
        None => suspect.here(fault),
    })
}

/// A line that does not continue the one before.
fn chain(suspect: &Suspect, mut lines: impl Lines) -> io::Result<Broken> {
    let head = suspect.spot.head;
    let line = lines.next().transpose()?.unwrap_or_default();
    let Some(whole) = Whole::read(&line) else {
        let closes = next_whole(&mut lines, |next| next.continues(&head))? == Some(true);
        return Ok(suspect.here(if closes { Fault::Inserted } else { Fault::Changed }));
    };
    let (expected, found) = (head.seq.saturating_add(1), whole.head.seq);
    match found.cmp(&expected) {
        Ordering::Greater => {
            let is_behind = holds(lines, expected)?;
            let fault = match is_behind {
                true => Fault::Reordered { expected, found },
                false => Fault::Dropped { expected, found },
            };
            Ok(suspect.here(fault))
        }
        Ordering::Equal => {
            let is_genuine = is_genuine(suspect, &whole, lines)?;
            Ok(if is_genuine {
                suspect.line_before(Fault::Replaced)
            } else {
                suspect.here(Fault::Replaced)
            })
        }
        Ordering::Less if found == head.seq && whole.head != head => {
            let is_genuine = is_genuine(suspect, &whole, lines)?;
            Ok(if is_genuine {
                suspect.line_before(Fault::Inserted)
            } else {
                suspect.here(Fault::Inserted)
            })
        }
        Ordering::Less => Ok(suspect.here(Fault::Repeated { expected, found })),
    }
}

/// Whether a line that does not follow is as it was written: then the one before it is not.
fn is_genuine(suspect: &Suspect, whole: &Whole<'_>, mut lines: impl Lines) -> io::Result<bool> {
    let is_signed =
        |stamp: Stamp<'_>| suspect.key.as_ref().is_some_and(|key| stamp.verify(key).is_ok());
    if whole.stamp.is_some_and(is_signed) {
        return Ok(true);
    }
    Ok(next_whole(&mut lines, |next| next.continues(&whole.head))?.unwrap_or(false))
}

/// Lines from a place on.
trait Lines: Iterator<Item = io::Result<Vec<u8>>> {}

impl<I: Iterator<Item = io::Result<Vec<u8>>>> Lines for I {}

/// Asks the next line that gives its hash.
fn next_whole(
    lines: &mut impl Lines,
    ask: impl Fn(&Whole<'_>) -> bool,
) -> io::Result<Option<bool>> {
    for line in lines {
        if let Some(whole) = Whole::read(&line?) {
            return Ok(Some(ask(&whole)));
        }
    }
    Ok(None)
}

/// Whether a line with this `seq` is among these.
fn holds(lines: impl Lines, seq: u64) -> io::Result<bool> {
    let start = chain::start(seq);
    for line in lines {
        let line = line?;
        if line.starts_with(&start) && Whole::read(&line).is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

// === impl Suspect ===

impl Suspect {
    fn here(&self, fault: Fault) -> Broken {
        Broken { place: self.place, seq: self.spot.head.seq.saturating_add(1), fault }
    }

    fn line_before(&self, fault: Fault) -> Broken {
        let place = self.before.unwrap_or(self.place);
        Broken { place, seq: self.spot.head.seq, fault }
    }
}
