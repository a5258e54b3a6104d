//! What stands behind the last line of a segment that follows the one before it, and whether a
//! crash can have left it. Pure.
//!
//! Lines are appended in batches, and only the last batch can be unsynced when a machine dies. A
//! killed process leaves the front of a batch: whole lines, then one without its LF. A machine that
//! loses power may leave runs of zeros as well, where a block was not written and a later one was:
//! such a run ends where a block or the file does. Anything else was done to the log by somebody: a
//! line with its LF that does not give its hash, or more than one signature behind the damage,
//! since a signed line ends a batch.
//!
//! Rejected: taking whatever is no line for torn. Whoever changed the last line would then be
//! helped by the next start, which would call the change an accident.

use super::chain::{Head, Whole};

/// The shortest run of zeros that is taken for a block that was not written, wherever it ends.
const ZEROS_MIN: usize = 64;

/// What no disk writes a part of. A hole in the midst of a file ends where such a block does.
/// A single zero is none: a changed byte would pass for it.
const BLOCK_BYTES: u64 = 512;

/// The lines of a segment that follow each other from its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    /// The last of them; what they were to continue where there is none.
    pub(super) head: Head,
    /// How many.
    pub(super) lines: u64,
    /// Their length in bytes.
    pub(super) len: usize,
    /// What stands behind them.
    pub(super) rest: Rest,
}

/// What stands behind the last line of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rest {
    /// Nothing.
    Nothing,
    /// What a crash can leave.
    Torn,
    /// What no crash leaves.
    Broken,
}

/// Follows the lines of a segment from `base`, the line before it, as far as they follow; shows
/// each to `seen`.
pub(super) fn follow<'a>(
    bytes: &'a [u8],
    base: Head,
    mut seen: impl FnMut(Whole<'a>, &'a [u8]),
) -> Run {
    let mut run = Run { head: base, lines: 0, len: 0, rest: Rest::Nothing };
    let mut rest = bytes;
    while let Some((line, after)) = split_line(rest) {
        let Some(whole) = Whole::read(line).filter(|whole| whole.continues(&run.head)) else {
            break;
        };
        run = Run { head: whole.head, lines: run.lines + 1, len: run.len + line.len() + 1, ..run };
        seen(whole, line);
        rest = after;
    }
    run.rest = judge(rest, run.len as u64);
    run
}

/// What can be said of bytes that begin with no line in its place, `offset` bytes into the file,
/// and go on to its end.
pub(super) fn judge(rest: &[u8], offset: u64) -> Rest {
    match rest {
        [] => Rest::Nothing,
        rest if is_durable(rest) || is_stranger(rest) => Rest::Broken,
        rest if is_cut(rest) || has_hole(rest, offset) => Rest::Torn,
        _ => Rest::Broken,
    }
}

/// Whether a signed line is followed by another line: then it ended a batch, and was synced.
fn is_durable(rest: &[u8]) -> bool {
    // A hole takes the LF before a line as well.
    let start = |line: &[u8]| line.iter().position(|byte| *byte != 0);
    let mut whole = lines(rest).filter_map(|one| Whole::read(one.get(start(one)?..)?));
    whole.any(|line| line.stamp.is_some()) && whole.next().is_some()
}

/// Whether it begins with a line of another place: what a crash leaves follows up to where it is
/// cut.
fn is_stranger(rest: &[u8]) -> bool {
    split_line(rest).is_some_and(|(line, _)| Whole::read(line).is_some())
}

/// Whether it is the front of one line: no LF, and not a line whose LF became something else.
fn is_cut(rest: &[u8]) -> bool {
    let was_whole = rest.split_last().is_some_and(|(_, line)| Whole::read(line).is_some());
    let is_other = || serde_json::from_slice::<serde_json::Value>(rest).is_ok();
    !rest.contains(&b'\n') && !was_whole && (Whole::read(rest).is_some() || !is_other())
}

fn has_hole(rest: &[u8], offset: u64) -> bool {
    let mut end = offset;
    rest.chunk_by(|a, b| (*a == 0) == (*b == 0)).any(|run| {
        end = end.saturating_add(run.len() as u64);
        let is_aligned = end.is_multiple_of(BLOCK_BYTES) || end == offset + rest.len() as u64;
        run.first() == Some(&0) && (run.len() >= ZEROS_MIN || (run.len() > 1 && is_aligned))
    })
}

/// The first line without its LF, and what is after it; `None` where there is no LF.
pub(super) fn split_line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let (line, after) = bytes.split_at_checked(end)?;
    Some((line, after.strip_prefix(b"\n")?))
}

/// The lines with an LF.
pub(super) fn lines(mut bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (line, after) = split_line(bytes)?;
        bytes = after;
        Some(line)
    })
}

#[cfg(test)]
mod tests {
    use super::super::chain;
    use super::super::event::Event;
    use super::super::line::{Entry, Line};
    use super::*;
    use crate::sign::PrivateKey;

    /// Two batches of two events and a signature.
    fn segment() -> Vec<Vec<u8>> {
        let key = PrivateKey::generate().unwrap();
        let time = "2026-01-02T03:04:05Z".parse().unwrap();
        let line = |event| Line::new(time, Entry::Event(event));
        let (mut head, mut all) = (Head::genesis(), Vec::new());
        for at in 0..6 {
            let mut bytes = Vec::new();
            head = match at % 3 {
                2 => chain::append_signed(head, &mut line(Event::Batch), &key, &mut bytes),
                _ => chain::append(head, [&mut line(Event::Stop { missed: None })], &mut bytes),
            }
            .unwrap();
            all.push(bytes);
        }
        all
    }

    fn run(bytes: &[u8]) -> (u64, Rest) {
        let run = follow(bytes, Head::genesis(), |_, _| {});
        (run.lines, run.rest)
    }

    #[test]
    fn a_batch_that_was_cut_is_torn_wherever_it_was_cut() {
        let lines = segment();
        let whole = lines.concat();
        let synced: usize = lines.iter().take(3).map(Vec::len).sum();
        for len in synced..whole.len() {
            let kept = &whole[..len];
            let ends = kept.last() == Some(&b'\n');
            let expected = if ends { Rest::Nothing } else { Rest::Torn };
            assert_eq!(run(kept).1, expected, "{len}");
        }
        assert_eq!(run(&whole), (6, Rest::Nothing));
    }

    #[test]
    fn a_hole_before_the_last_signature_is_torn_and_before_another_is_not() {
        let mut lines = segment();
        lines[4] = vec![0; lines[4].len()];
        assert_eq!(run(&lines.concat()), (4, Rest::Torn));
        lines[1] = vec![0; lines[1].len()];
        assert_eq!(run(&lines.concat()), (1, Rest::Broken));
    }

    #[test]
    fn a_hole_up_to_the_end_of_a_block_is_torn_however_short() {
        let lines = segment();
        let synced: usize = lines.iter().take(3).map(Vec::len).sum();
        let end = (synced + ZEROS_MIN).next_multiple_of(BLOCK_BYTES as usize);
        for len in 2..ZEROS_MIN {
            for (end, expected) in [(end, Rest::Torn), (end - 1, Rest::Broken)] {
                let mut bytes = lines.concat();
                bytes[end - len..end].fill(0);
                assert_eq!(run(&bytes).1, expected, "{len} to {end}");
            }
        }
    }

    #[test]
    fn what_was_changed_is_not_torn() {
        let lines = segment();
        for (at, line) in lines.iter().enumerate() {
            for byte in 0..line.len() {
                for flip in [1, 0x20, 0x80, line[byte], line[byte] ^ b'\n'] {
                    if flip == 0 {
                        continue;
                    }
                    let mut lines = lines.clone();
                    lines[at][byte] ^= flip;
                    let found = run(&lines.concat());
                    assert_eq!(found, (at as u64, Rest::Broken), "{byte} ^ {flip:#x}");
                }
            }
        }
    }
}
