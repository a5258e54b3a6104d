//! Whatever is done to the files is found, and where.

use crate::{Log, answered, block_on, checked, directory, lines, segment, verify};
use gait::evidence::{Broken, Fault, Report, Settings, Trust, VerifyError, verify_parts};
use std::io::Write as _;

/// A small log: start, decision, outcome, two calls, stop.
fn small_log() -> Vec<u8> {
    let state = tempfile::tempdir().unwrap();
    let log = Log::open(state.path(), Settings::default());
    let mut record = log.record();
    let _ = block_on(record.commit()).unwrap();
    record.close(answered());
    log.record().close(answered());
    log.record().close(answered());
    log.stop();
    std::fs::read(segment(state.path(), 1)).unwrap()
}

fn verify_bytes(segments: &[&[u8]]) -> Result<Report, Broken> {
    let parts: Vec<_> = (1..).zip(segments.iter().copied()).collect();
    verify_parts(&parts, &Trust::default()).map_err(broken)
}

fn broken(error: VerifyError) -> Broken {
    let VerifyError::Broken(broken) = error else { panic!("{error}") };
    broken
}

fn split(log: &[u8]) -> Vec<Vec<u8>> {
    log.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
}

#[test]
fn whichever_byte_is_flipped_its_line_is_named() {
    let log = small_log();
    let last = split(&log).len() as u64;
    for flip in [0x01, 0x20, 0x80] {
        let mut line = 1;
        for at in 0..log.len() {
            let mut copy = log.clone();
            copy[at] ^= flip;
            let (found, is_torn) = match verify_bytes(&[&copy]) {
                Err(broken) => (broken.place.line, false),
                Ok(report) => (report.torn.unwrap().place.line, true),
            };
            assert_eq!(found, line, "byte {at} with {flip:#x}");
            // Without the LF before it, the last line hangs on the line that is named.
            let is_last = line + u64::from(log[at] == b'\n') >= last;
            assert!(!is_torn || is_last, "byte {at} with {flip:#x} read as torn");
            line += u64::from(log[at] == b'\n');
        }
    }
}

#[test]
fn a_last_line_that_is_still_json_was_changed_and_not_torn() {
    let mut whole = split(&small_log());
    let last = whole.pop().unwrap();
    let changed = String::from_utf8(last).unwrap().replace("\"seal\"", "\"veal\"");
    whole.push(changed.into_bytes());
    let broken = verify_bytes(&[&whole.concat()]).unwrap_err();
    assert_eq!((broken.place.line, broken.fault), (whole.len() as u64, Fault::Changed));
}

#[test]
fn whichever_line_is_dropped_or_swapped_is_named() {
    let log = small_log();
    let whole = split(&log);
    assert!(verify_bytes(&[&log]).unwrap().torn.is_none());
    for at in 0..whole.len() - 1 {
        let mut copy = whole.clone();
        copy.remove(at);
        let broken = verify_bytes(&[&copy.concat()]).unwrap_err();
        let seq = at as u64 + 1;
        assert_eq!(broken.fault, Fault::Dropped { expected: seq, found: seq + 1 });
        assert_eq!(broken.place.line, seq);

        let mut copy = whole.clone();
        copy.swap(at, at + 1);
        let broken = verify_bytes(&[&copy.concat()]).unwrap_err();
        assert_eq!(broken.fault, Fault::Reordered { expected: seq, found: seq + 1 });
        assert_eq!(broken.place.line, seq);

        let mut copy = whole.clone();
        copy.insert(at, whole[at].clone());
        assert_eq!(verify_bytes(&[&copy.concat()]).unwrap_err().place.line, seq + 1);
    }
    // What the chain alone cannot see: the end cut off. The head tells.
    let cut = verify_bytes(&[&whole[..whole.len() - 1].concat()]).unwrap();
    assert_ne!(cut.head, verify_bytes(&[&log]).unwrap().head);
}

#[test]
fn a_line_written_anew_does_not_fit_its_neighbours() {
    let (one, other) = (split(&small_log()), split(&small_log()));
    let mut forged = one.clone();
    forged[3] = other[3].clone();
    let broken = verify_bytes(&[&forged.concat()]).unwrap_err();
    assert_eq!(
        broken.to_string(),
        "000001.jsonl, line 4, seq 4: replaced: a line beside it was written next to another one"
    );
}

#[test]
fn a_torn_tail_stays_is_reported_and_cannot_be_touched_afterwards() {
    let state = tempfile::tempdir().unwrap();
    Log::open(state.path(), Settings::default()).stop();
    let path = segment(state.path(), 1);
    // Behind a seal nothing is torn: this process shall have died before.
    let mut whole = split(&std::fs::read(&path).unwrap());
    whole.pop();
    std::fs::write(&path, whole.concat()).unwrap();
    let mut file = std::fs::File::options().append(true).open(&path).unwrap();
    file.write_all(b"{\"v\":1,\"seq\":4,\"ki").unwrap();
    let torn = verify(state.path()).torn.unwrap();
    assert_eq!((torn.place.line, torn.bytes), (4, 18));

    Log::open(state.path(), Settings::default()).stop();
    let start = &lines(state.path())[3];
    assert_eq!((&start["torn_tail"], &start["torn_bytes"]), (&true.into(), &18.into()));
    let report = verify(state.path());
    assert_eq!((report.torn, report.mended), (None, vec![torn]));

    file.write_all(b"x").unwrap();
    let broken = checked(state.path()).unwrap_err();
    assert!(matches!(broken, VerifyError::Broken(broken) if broken.place == torn.place));
    file.set_len(file.metadata().unwrap().len() - 19).unwrap();
    let gone = checked(state.path()).unwrap_err().to_string();
    assert_eq!(gone, "000002.jsonl, line 1, seq 4: reports a torn tail of 18 bytes that is gone");
}

#[test]
fn a_log_that_holds_no_whole_line_is_begun_anew_and_says_so() {
    let state = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory(state.path())).unwrap();
    std::fs::write(segment(state.path(), 1), b"{\"v\":1,").unwrap();
    std::fs::write(segment(state.path(), 2), b"{\"v").unwrap();
    Log::open(state.path(), Settings::default()).stop();
    let report = verify(state.path());
    assert_eq!((report.head.seq, report.mended[0].bytes), (4, 10));
}

#[test]
fn a_segment_that_is_missing_is_named() {
    let state = tempfile::tempdir().unwrap();
    for _ in 0..3 {
        Log::open(state.path(), Settings::default()).stop();
    }
    std::fs::remove_file(segment(state.path(), 2)).unwrap();
    let broken = checked(state.path()).unwrap_err().to_string();
    assert!(broken.starts_with("000003.jsonl, line 1, seq 5: found `seq` 9 where 5"), "{broken}");
}
