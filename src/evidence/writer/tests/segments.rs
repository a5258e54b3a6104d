//! When segments are sealed, and when they go.

use super::*;

const DAY: Duration = Duration::from_secs(24 * 3_600);

fn segments(disk: &FakeDisk) -> Vec<u32> {
    disk.0.lock().unwrap().segments.keys().copied().collect()
}

#[test]
fn a_full_segment_is_sealed_and_followed_by_another() {
    let disk = FakeDisk::failing(&[]);
    let mut bench =
        Bench::start(&disk, Settings { segment_bytes_max: 1, ..Settings::default() }).unwrap();
    for _ in 0..2 {
        bench.pass(Duration::ZERO);
        bench.call();
    }
    bench.pass(Duration::ZERO);
    let kinds = ["start", "key", "seal", "key", "call", "seal", "key", "call", "seal"];
    assert_eq!((disk.kinds(), segments(&disk)), (kinds.map(str::to_owned).to_vec(), vec![1, 2, 3]));
    let seals: Vec<_> = disk.lines().into_iter().filter(|line| line["kind"] == "seal").collect();
    for (seal, (segment, first_seq)) in seals.iter().zip([(1, 1), (2, 4), (3, 7)]) {
        assert_eq!((&seal["segment"], &seal["first_seq"]), (&segment.into(), &first_seq.into()));
    }
    let durable = bench.engine.health().durable();
    assert_eq!((durable.anchor.segment, durable.totals.segments), (3, 3));
    assert!(durable.totals.sealed.is_some());
}

#[test]
fn an_old_segment_is_sealed_and_an_idle_log_is_left_alone() {
    let disk = FakeDisk::failing(&[]);
    let mut bench = Bench::new(&disk);
    bench.pass(DAY - Duration::from_secs(1));
    assert_eq!(disk.kinds(), ["start", "key"]);
    bench.pass(Duration::from_secs(1));
    assert_eq!(disk.kinds(), ["start", "key", "seal"]);
    assert_eq!(bench.engine.due(), None, "nothing is to be done while nothing happens");
    (0..3).for_each(|_| bench.pass(DAY));
    assert_eq!((disk.kinds().len(), segments(&disk)), (3, vec![1]));
    bench.call();
    bench.pass(DAY);
    assert_eq!(disk.kinds()[3..], ["key", "call", "batch", "seal"]);
}

/// Three sealed segments, and one that is open.
fn four(settings: &Settings) -> (FakeDisk, Bench) {
    let disk = FakeDisk::failing(&[]);
    let mut bench = Bench::start(&disk, settings.clone()).unwrap();
    for _ in 0..3 {
        bench.pass(DAY);
        bench.call();
    }
    (disk, bench)
}

#[test]
fn the_oldest_segments_go_once_a_durable_line_says_so() {
    let (disk, _) = four(&Settings::default());
    let total: usize = disk.0.lock().unwrap().segments.values().map(Vec::len).sum();
    let ends: Vec<_> = disk.lines().into_iter().filter(|line| line["kind"] == "seal").collect();
    let settings = Settings { retention_bytes: Some(total as u64), ..Settings::default() };
    let mut bench = Bench::start(&disk, settings).unwrap();
    disk.0.lock().unwrap().log.clear();
    bench.pass(Duration::ZERO);
    let operations = disk.0.lock().unwrap().log.clone();
    assert_eq!(operations, ["end", "end", "append", "sync", "remove"]);
    assert_eq!(segments(&disk), [2, 3, 4, 5]);
    let lines = disk.lines();
    let expired = lines.iter().rfind(|line| line["kind"] == "expired").unwrap();
    assert_eq!(expired["segment"], 1);
    assert_eq!((&expired["last_seq"], &expired["last_hash"]), (&ends[0]["seq"], &ends[0]["hash"]));
    assert_eq!(bench.engine.health().durable().totals.segments, 4);
}

#[test]
fn segments_go_when_their_last_line_is_old() {
    let settings = Settings { retention: Some(Duration::ZERO), ..Settings::default() };
    let (disk, mut bench) = four(&settings);
    bench.pass(DAY);
    assert_eq!(segments(&disk), [5], "also the one that was sealed just now");
    let read = disk.0.lock().unwrap().log.contains(&"end");
    assert!(!read, "whoever sealed a segment knows where it ended");
}

#[test]
fn nothing_goes_by_age_while_the_clock_is_far_ahead_of_the_log() {
    let (disk, _) = four(&Settings::default());
    let settings = Settings { retention: Some(Duration::ZERO), ..Settings::default() };
    let (mut left, shelf) = disk.opened();
    left.anchor.time = left.anchor.time.map(|time| time - 2 * DAY);
    let mut bench = Bench::on(&disk, left, shelf, settings).unwrap();
    bench.pass(Duration::ZERO);
    bench.call();
    bench.pass(DAY / 2);
    assert_eq!(segments(&disk), [1, 2, 3, 4, 5], "a line of its own is no proof of a clock");
    (0..2).for_each(|_| bench.pass(DAY));
    assert_eq!(segments(&disk), [6], "two days have passed");
}

#[test]
fn a_file_that_cannot_be_removed_is_removed_later_and_keeps_nothing_up() {
    let (disk, _) = four(&Settings::default());
    let settings = Settings { retention: Some(Duration::ZERO), ..Settings::default() };
    let mut bench = Bench::start(&disk, settings.clone()).unwrap();
    let remove = disk.0.lock().unwrap().operations + 7;
    disk.0.lock().unwrap().fails = vec![remove];
    bench.pass(Duration::ZERO);
    assert_eq!(disk.0.lock().unwrap().log.last(), Some(&"remove"));
    assert_eq!(segments(&disk), [1, 2, 3, 4, 5]);
    assert_eq!(
        (bench.engine.health().state(), bench.engine.health().failures()),
        (State::Writing, 1)
    );
    // The machine dies here: the next process does both again.
    let mut bench = Bench::start(&disk, settings).unwrap();
    bench.pass(Duration::ZERO);
    assert_eq!(segments(&disk), [5, 6], "calls do not wait for all of them");
    bench.pass(Duration::ZERO);
    assert_eq!(segments(&disk), [6]);
    let expired = disk.lines().into_iter().filter(|line| line["kind"] == "expired");
    assert_eq!(
        expired.map(|line| line["segment"].as_u64().unwrap()).collect::<Vec<_>>(),
        [1, 2, 3, 4, 5]
    );
}
