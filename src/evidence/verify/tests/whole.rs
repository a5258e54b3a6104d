//! What sound logs hold, and what a head that was kept elsewhere proves.

use super::*;
use std::io::Read;

/// Three processes: one that rotates and stops, one that is killed, one that writes.
fn log() -> Log {
    let mut log = Log::begun();
    log.batch(4);
    log.seal();
    log.segment();
    log.introduce();
    log.batch(4);
    log.put(Event::Stop { missed: None });
    log.seal();
    log.start();
    log.batch(2);
    log.put(filler(1));
    log.tear(b"{\"v\":1,\"seq\":");
    log.start();
    log.batch(3);
    log.put(filler(1));
    log.put(filler(2));
    log
}

#[test]
fn a_sound_log_says_what_it_holds_and_how_far_it_is_covered() {
    let log = log();
    let report = log.verify().unwrap();
    assert_eq!((report.head, report.lines), (log.head, log.head.seq));
    assert_eq!(report.segments, Segments { sealed: 2, unsealed: 2 });
    assert_eq!((report.covered_to, report.uncovered()), (log.head.seq - 2, 2));
    assert_eq!(report.mended[0].place, Place { segment: 3, line: 7 });
    assert_eq!((report.mended[0].bytes, report.torn), (13, None));
    let from_seq = log.head.seq - 8;
    assert_eq!(report.adopted, [Adopted { from_seq, lines: 1 }]);
    assert_eq!(report.unkeyed, 0);
    let [signer] = report.signers.as_slice() else { panic!("{report:?}") };
    assert_eq!((signer.standing, signer.from_seq, signer.signatures), (Standing::First, 2, 10));
    assert_eq!(report.first_time, "2026-01-02T03:04:05.678901Z".parse().ok());
    assert_eq!(report.last_time, report.first_time);
}

#[test]
fn a_torn_end_is_no_fault_and_is_said() {
    let mut log = log();
    log.tear(b"{\"v\":1");
    assert_eq!(log.verify().unwrap().torn.unwrap().place, Place { segment: 4, line: 9 });
}

#[test]
fn torn_bytes_that_were_swapped_for_others_are_named() {
    let mut log = log();
    let (_, bytes) = &mut log.segments[2];
    let end = bytes.len() - 1;
    bytes[end] = b';';
    let found = broken(log.verify());
    assert_eq!(found.place, Place { segment: 3, line: 7 });
    assert_eq!(found.fault, Fault::Torn { bytes: 13 });
}

#[test]
fn a_log_without_keys_is_only_chained() {
    let mut log = Log::empty();
    log.segment();
    log.put(Event::Start { torn: None, in_force: None });
    log.put(Event::Stop { missed: None });
    let report = log.verify().unwrap();
    assert_eq!((report.covered_to, report.uncovered(), report.signers.len()), (0, 2, 0));
    let trust = Trust { keys: vec![log.public()], head: None };
    assert_eq!(broken(log.verify_with(&trust)).fault, Fault::Untrusted);
    assert_eq!(report.unkeyed, 2);
    log.start();
    log.start();
    let report = log.verify_with(&trust).unwrap();
    assert_eq!((report.uncovered(), report.unkeyed), (0, 2), "covered, and said to be older");
}

#[test]
fn a_log_may_begin_where_a_covered_line_says_so() {
    let mut log = log();
    log.expire(2);
    let report = log.verify().unwrap();
    assert_eq!(report.removed.unwrap().segment, 2);
    assert_eq!(report.lines + report.removed.unwrap().last.seq, report.head.seq);

    let mut more = log.segments.clone();
    more.remove(0);
    log.segments = more;
    let found = broken(log.verify());
    assert_eq!(found.place, Place { segment: 4, line: 1 });
    assert!(matches!(found.fault, Fault::Dropped { .. }), "{found}");
}

#[test]
fn a_line_of_a_removal_counts_only_where_a_signature_covers_it() {
    let mut log = log();
    let last = last(&log.segments[0].1);
    log.put(Event::Expired(Expired { segment: 1, last }));
    log.segments.remove(0);
    let found = broken(log.verify());
    assert_eq!((found.place, found.fault), (Place { segment: 2, line: 1 }, Fault::Removal));
    log.sign(Event::Batch);
    assert_eq!(log.verify().unwrap().removed.unwrap().segment, 1);
}

#[test]
fn a_removal_that_no_process_signed_itself_is_not_believed_once_another_signs_over_it() {
    let mut log = Log::begun();
    log.batch(2);
    log.seal();
    log.segment();
    log.introduce();
    log.batch(2);
    let last = last(&log.segments[0].1);
    log.put(Event::Expired(Expired { segment: 1, last }));
    log.segments.remove(0);
    log.start();
    log.batch(1);
    let found = broken(log.verify());
    assert_eq!((found.place, found.fault), (Place { segment: 2, line: 1 }, Fault::Removal));
}

#[test]
fn a_segment_of_torn_bytes_alone_may_be_removed_before_the_first_line() {
    let mut log = Log::empty();
    log.segment();
    log.tear(b"{\"v");
    log.start();
    log.put(Event::Expired(Expired { segment: 1, last: Head::genesis() }));
    log.sign(Event::Batch);
    log.segments.remove(0);
    assert_eq!(log.verify().unwrap().removed.unwrap().segment, 1);
}

#[test]
fn a_torn_tail_may_be_gone_with_a_removed_segment() {
    let mut log = log();
    log.batch(1);
    log.expire(3);
    assert_eq!(log.verify().unwrap().removed.unwrap().segment, 3);
}

#[test]
fn a_head_kept_elsewhere_proves_the_end() {
    let log = log();
    let expect = |log: &Log, seq: Option<u64>, hash| {
        log.verify_with(&Trust { keys: Vec::new(), head: Some(KeptHead { seq, hash }) })
    };
    let Head { seq, hash } = log.head;
    assert_eq!(expect(&log, Some(seq), hash).unwrap().known, Some(Known { seq, newer: 0 }));

    let mut longer = Log { segments: log.segments.clone(), ..Log::empty() };
    longer.head = log.head;
    longer.put(filler(3));
    assert_eq!(expect(&longer, None, hash).unwrap().known, Some(Known { seq, newer: 1 }));

    let mut cut = Log { segments: log.segments.clone(), ..Log::empty() };
    let bytes = &mut cut.segments.last_mut().unwrap().1;
    let kept = bytes.split_inclusive(|byte| *byte == b'\n').rev().skip(2);
    let len = kept.map(<[u8]>::len).sum();
    bytes.truncate(len);
    assert!(cut.verify().is_ok(), "lines that no signature covers are gone unseen");
    let found = broken(expect(&cut, Some(seq), hash));
    assert_eq!((found.seq, found.fault), (seq - 1, Fault::Cut { missing: 2 }));
    assert_eq!(found.place, Place { segment: 4, line: 7 });
    assert_eq!(broken(expect(&cut, None, hash)).fault, Fault::OtherHead);
    assert_eq!(broken(expect(&log, Some(7), hash)).seq, 7);
}

#[test]
fn a_head_is_read_with_its_place_or_without() {
    let hash = Digest::of(b"x");
    assert_eq!(hash.to_string().parse(), Ok(KeptHead { seq: None, hash }));
    assert_eq!(format!("12:{hash}").parse(), Ok(KeptHead { seq: Some(12), hash }));
    for bad in ["", "12", ":", "x:y", &format!("-1:{hash}"), &format!("{hash} ")] {
        assert_eq!(bad.parse::<KeptHead>(), Err(BadHead), "{bad}");
    }
}

/// A segment that is written while it is read: each part is there once the one before was read to its
/// end.
struct Growing<'a>(&'a [u8], usize);

struct Parted<'a>(Vec<&'a [u8]>);

impl Source for Growing<'_> {
    fn count(&self) -> usize {
        1
    }

    fn number(&self, _: usize) -> u32 {
        1
    }

    fn open(&self, _: usize, offset: u64) -> io::Result<Box<dyn Read + '_>> {
        let Growing(bytes, end) = *self;
        let offset = usize::try_from(offset).unwrap().min(end);
        Ok(Box::new(Parted(vec![&bytes[offset..end], &bytes[end..]])))
    }
}

impl Read for Parted<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let Some(part) = self.0.first_mut() else { return Ok(0) };
        let read = part.read(into)?;
        if read == 0 && !into.is_empty() {
            self.0.remove(0);
        }
        Ok(read)
    }
}

#[test]
fn a_log_that_is_written_meanwhile_is_whole_up_to_where_it_was_read() {
    let mut log = Log::begun();
    log.batch(3);
    log.batch(2);
    let (bytes, trust) = (&log.segments[0].1, Trust::default());
    let first = bytes.iter().position(|byte| *byte == b'\n').unwrap();
    for end in (first + 1..bytes.len()).step_by(7).chain(ends(bytes)) {
        let source = Growing(bytes, end);
        let survey = survey::survey(&source, 0, &trust, &|_| {}).unwrap();
        let report = join(&source, vec![survey], &trust).unwrap();
        let lines = bytes[..end].iter().filter(|byte| **byte == b'\n').count();
        assert_eq!(report.map(|report| report.lines), Ok(lines as u64), "{end}");
    }
}

/// Where each line ends.
fn ends(bytes: &[u8]) -> impl Iterator<Item = usize> {
    (1..).zip(bytes).filter(|(_, byte)| **byte == b'\n').map(|(end, _)| end)
}
