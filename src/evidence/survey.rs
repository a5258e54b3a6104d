//! What earlier processes left, read from the end of the log backwards. Reads bytes that it is
//! given, and no file.

use super::chain::{Head, Whole};
use super::event::TornTail;
use super::health::Anchor;
use super::tail::{self, Rest};
use crate::json::Digest;
use crate::sign::PublicKey;
use jiff::Timestamp;
use serde_json::Value;
use std::io;
use std::sync::Arc;

/// What earlier processes left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Left {
    /// The last whole line, and the key that signs from there on.
    pub(super) anchor: Anchor,
    /// What a crash left behind it.
    pub(super) torn: Option<TornTail>,
    /// Whether what is there follows, up to what a crash can leave.
    pub(super) state: LeftState,
}

/// Whether somebody was at the log while nobody wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LeftState {
    /// It is as it was written, as far as the last segments show.
    Sound,
    /// It is not: a change that stays to be found.
    Broken,
}

/// Where a segment ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct End {
    /// What the next segment continues.
    pub(super) head: Head,
    /// When that line was made.
    pub(super) time: Timestamp,
}

/// Goes backwards through the segments, the last first, to the last line that follows, and on to
/// the last that is signed. Segments without a line count as torn altogether.
pub(super) fn survey(texts: impl Iterator<Item = io::Result<(u32, Vec<u8>)>>) -> io::Result<Left> {
    let (mut torn, mut state, mut anchor) = (Vec::new(), LeftState::Sound, Anchor::genesis());
    let mut is_unkeyed = false;
    for text in texts {
        let (segment, mut bytes) = text?;
        if anchor.segment == 0 {
            let run = tail::follow(&bytes, base(&bytes), |_, _| {});
            let rest = bytes.get(run.len..).unwrap_or_default().to_vec();
            match run.rest {
                // The chain goes on from whatever line is last: the change stays named.
                Rest::Broken => state = LeftState::Broken,
                Rest::Nothing | Rest::Torn => bytes.truncate(run.len),
            }
            torn.push(rest);
            if let Some(End { head, time }) = last_end(&bytes) {
                anchor = Anchor { head, segment, time: Some(time), ..anchor };
            }
        }
        is_unkeyed |= has_unkeyed(&bytes);
        if anchor.segment != 0 {
            anchor.key_id = last_key(&bytes);
        }
        if anchor.key_id.is_some() {
            break;
        }
    }
    // A log from before there were keys is all like this; behind a key it is somebody else's.
    if is_unkeyed && anchor.key_id.is_some() {
        state = LeftState::Broken;
    }
    Ok(Left { torn: torn_tail(torn, state), anchor, state })
}

/// Whether a segment holds more than a start line before its key.
fn has_unkeyed(bytes: &[u8]) -> bool {
    let whole = tail::lines(bytes).filter_map(Whole::read);
    let mut before = whole.take_while(|line| line.kind != "key").enumerate();
    before.any(|(at, line)| at > 0 || line.kind != "start")
}

/// Where a segment ends, by the end of its bytes and by what the segments after it begin with.
///
/// The next line says what it continues, and is believed: behind what a crash left there may
/// stand whole lines that the chain never followed.
pub(super) fn end(
    tail: &[u8],
    mut starts: impl Iterator<Item = io::Result<Vec<u8>>>,
) -> io::Result<End> {
    let own = last_end(tail);
    let next = starts.find_map(|start| start.map(|start| first_base(&start)).transpose());
    match (next.transpose()?, own) {
        (Some(next), own) => Ok(End { time: own.map_or(next.time, |own| own.time), ..next }),
        (None, Some(own)) => Ok(own),
        (None, None) => {
            Err(io::Error::new(io::ErrorKind::InvalidData, "the segment holds no line"))
        }
    }
}

/// Id of the key that signs behind the last signed line.
pub(super) fn last_key(bytes: &[u8]) -> Option<Arc<str>> {
    backwards(bytes).find_map(|line| {
        let whole = Whole::read(line)?;
        let key_id = whole.stamp?.key_id.into();
        match whole.kind {
            "key" => new_key(line),
            _ => Some(key_id),
        }
    })
}

/// Id of the key that a line introduces.
fn new_key(line: &[u8]) -> Option<Arc<str>> {
    Some(PublicKey::parse(member(line, "public_key")?.as_str()?).ok()?.id().into())
}

fn last_end(bytes: &[u8]) -> Option<End> {
    let line = backwards(bytes).find(|line| Whole::read(line).is_some())?;
    Some(End { head: Whole::read(line)?.head, time: time(line)? })
}

fn first_base(bytes: &[u8]) -> Option<End> {
    let line = tail::lines(bytes).next().filter(|line| Whole::read(line).is_some())?;
    Some(End { head: base(bytes), time: time(line)? })
}

/// The lines with an LF, the last first.
fn backwards(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.rsplit(|byte| *byte == b'\n').skip(1)
}

fn time(line: &[u8]) -> Option<Timestamp> {
    member(line, "time")?.as_str()?.parse().ok()
}

fn member(line: &[u8], name: &str) -> Option<Value> {
    let Ok(Value::Object(mut members)) = serde_json::from_slice(line) else { return None };
    members.remove(name)
}

/// The line before the first of a segment, as that says itself.
pub(super) fn base(bytes: &[u8]) -> Head {
    let first = tail::lines(bytes).next().and_then(Whole::read);
    first.map_or_else(Head::genesis, |first| Head {
        seq: first.head.seq.saturating_sub(1),
        hash: Digest::from(first.prev),
    })
}

/// What is torn of segments, the last first.
fn torn_tail(mut parts: Vec<Vec<u8>>, state: LeftState) -> Option<TornTail> {
    parts.reverse();
    let bytes = parts.concat();
    let is_torn = state == LeftState::Sound && !bytes.is_empty();
    is_torn.then(|| TornTail { bytes: bytes.len() as u64, digest: Digest::of(&bytes) })
}

#[cfg(test)]
mod tests {
    use super::super::chain;
    use super::super::event::Event;
    use super::super::key::Signer;
    use super::super::line::{Entry, Line};
    use super::*;
    use crate::sign::PrivateKey;

    fn signer() -> Signer {
        Signer::new(PrivateKey::generate().unwrap())
    }

    /// The lines of one segment: a key, a stop, and a batch.
    fn segment(signer: &Signer, base: Head) -> (Vec<u8>, Head) {
        let mut out = Vec::new();
        let head = signer.introduce(base, &mut out).unwrap();
        let time = "2026-01-02T03:04:05Z".parse().unwrap();
        let head = chain::append(
            head,
            [&mut Line::new(time, Entry::Event(Event::Stop { missed: None }))],
            &mut out,
        );
        let head = signer.sign(head.unwrap(), Event::Batch, &mut out).unwrap();
        (out, head)
    }

    /// What is found in segments that are numbered from 1.
    fn found(segments: &[&[u8]]) -> Left {
        let numbered = (1..).zip(segments.iter().map(|bytes| bytes.to_vec())).map(Ok);
        survey(numbered.collect::<Vec<_>>().into_iter().rev()).unwrap()
    }

    #[test]
    fn the_last_line_and_the_key_behind_it_are_found() {
        let (old, new) = (signer(), PrivateKey::generate().unwrap());
        assert_eq!(found(&[]).anchor, Anchor::genesis());
        let (mut bytes, head) = segment(&old, Head::genesis());
        let left = found(&[&bytes]);
        assert_eq!((left.anchor.head, left.anchor.segment), (head, 1));
        assert_eq!(left.anchor.key_id.as_ref(), Some(old.id()));
        old.sign(head, old.successor(&new), &mut bytes).unwrap();
        assert_eq!(found(&[&bytes]).anchor.key_id.as_deref(), Some(new.id()));
    }

    #[test]
    fn a_key_in_a_torn_line_is_none_and_a_segment_without_a_key_is_passed_over() {
        let (signer, next) = (signer(), PrivateKey::generate().unwrap());
        let (bytes, head) = segment(&signer, Head::genesis());
        let mut torn = bytes.clone();
        signer.sign(head, signer.successor(&next), &mut torn).unwrap();
        torn.pop();
        let left = found(&[&torn]);
        assert_eq!(left.anchor.key_id.as_ref(), Some(signer.id()));
        assert_eq!(left.torn.unwrap().bytes, (torn.len() - bytes.len()) as u64);

        let time = "2026-01-02T03:04:05Z".parse().unwrap();
        let (mut start, mut unsigned) = (
            Line::new(time, Entry::Event(Event::Start { torn: None, in_force: None })),
            Vec::new(),
        );
        let last = chain::append(head, [&mut start], &mut unsigned).unwrap();
        let left = found(&[&bytes, &unsigned, b"{\"v"]);
        assert_eq!((left.anchor.head, left.anchor.segment), (last, 2));
        assert_eq!(
            (left.anchor.key_id.as_ref(), left.anchor.time),
            (Some(signer.id()), Some(time))
        );
        assert_eq!((left.torn.unwrap().bytes, left.state), (3, LeftState::Sound));
    }

    #[test]
    fn lines_that_came_in_without_a_key_are_a_change_behind_a_key() {
        let time = "2026-01-02T03:04:05Z".parse().unwrap();
        let (bytes, head) = segment(&signer(), Head::genesis());
        let lines = |base, events: &[Event]| {
            let mut out = Vec::new();
            let mut lines: Vec<_> =
                events.iter().map(|event| Line::new(time, Entry::Event(event.clone()))).collect();
            chain::append(base, lines.iter_mut(), &mut out).unwrap();
            out
        };
        let start = Event::Start { torn: None, in_force: None };
        for events in
            [&[Event::Stop { missed: None }][..], &[start.clone(), Event::Stop { missed: None }]]
        {
            assert_eq!(found(&[&bytes, &lines(head, events)]).state, LeftState::Broken);
            assert_eq!(found(&[&lines(Head::genesis(), events)]).state, LeftState::Sound);
        }
        assert_eq!(found(&[&bytes, &lines(head, &[start])]).state, LeftState::Sound);
    }

    #[test]
    fn a_segment_without_a_line_ends_where_the_next_goes_on() {
        let signer = signer();
        let (bytes, head) = segment(&signer, Head::genesis());
        let (next, last) = segment(&signer, head);
        let ends =
            |own: &[u8], starts: &[&[u8]]| end(own, starts.iter().map(|start| Ok(start.to_vec())));
        assert_eq!(ends(&next, &[]).unwrap().head, last);
        assert_eq!(ends(&bytes, &[&next]).unwrap().head, head);
        assert_eq!(ends(b"{\"v", &[b"", &next]).unwrap().head, head);
        assert!(ends(b"{\"v", &[]).is_err());
    }

    #[test]
    fn lines_behind_what_a_crash_left_are_not_where_a_segment_ends() {
        let signer = signer();
        let (bytes, head) = segment(&signer, Head::genesis());
        let (lost, after) = segment(&signer, head);
        let (stray, _) = segment(&signer, after);
        let hole = [&bytes[..], &vec![0; lost.len()], &stray[..]].concat();
        let (next, _) = segment(&signer, head);
        let found = end(&hole, std::iter::once(Ok(next))).unwrap();
        assert_eq!(found.head, head);
    }
}
