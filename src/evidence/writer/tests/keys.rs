//! Which key signs, and how another takes over.

use super::*;
use crate::sign::PrivateKey;

fn key_lines(disk: &FakeDisk) -> Vec<(String, Option<String>)> {
    let lines = disk.lines();
    let keys = lines.iter().filter(|line| line["kind"] == "key");
    let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
    keys.map(|line| (text(&line["key_id"]).unwrap(), text(&line["replaces"]))).collect()
}

fn id(key: &PrivateKey) -> String {
    key.id().to_owned()
}

#[test]
fn a_key_is_made_for_an_empty_log_only() {
    let disk = FakeDisk::default();
    let bench = Bench::new(&disk);
    bench.engine.finish(&mut |_| {}).unwrap();
    disk.0.lock().unwrap().key = None;
    let mut bench = Bench::new(&disk);
    assert_eq!(bench.engine.health().state(), State::Failed);
    assert!(bench.engine.health().trouble(bench.now).unwrap().contains("signing key"));
    assert_eq!(bench.ledger.open(opening()).unwrap_err(), LedgerRefused::Failed);
    bench.pass(Duration::from_secs(1));
    assert_eq!(disk.kinds(), ["start", "key", "stop", "seal"], "nothing unsigned is written");

    let key = disk.put_key();
    bench.pass(Duration::from_secs(1));
    assert_eq!(bench.engine.health().state(), State::Writing);
    assert_eq!(disk.kinds()[4..], ["start", "key", "recover", "batch"]);
    assert_eq!(bench.tallied, ["start", "recover"]);
    let (signed_by, replaces) = key_lines(&disk).pop().unwrap();
    assert_eq!(signed_by, id(&key), "it introduces itself");
    assert!(replaces.is_some_and(|replaces| replaces != id(&key)), "and says for whom");
}

#[test]
fn a_key_that_takes_over_at_start_is_endorsed_where_the_old_one_is_at_hand() {
    let disk = FakeDisk::default();
    let first = disk.put_key();
    Bench::new(&disk).engine.finish(&mut |_| {}).unwrap();
    disk.0.lock().unwrap().previous = Some(first.to_text().to_string());
    let second = disk.put_key();
    let mut bench = Bench::start(&disk, Settings { segment_bytes_max: 1, ..Settings::default() });
    let bench = bench.as_mut().unwrap();
    bench.pass(Duration::ZERO);
    bench.call();
    assert!(disk.0.lock().unwrap().previous.is_none(), "it has vouched and is needed no more");
    let expected = [(id(&first), None), (id(&first), Some(id(&first))), (id(&second), None)];
    assert_eq!(key_lines(&disk), expected);
    assert_eq!(bench.engine.health().durable().anchor.key_id.as_deref(), Some(second.id()));
}

#[test]
fn a_key_that_takes_over_while_running_is_endorsed() {
    let disk = FakeDisk::default();
    let first = disk.put_key();
    let mut bench = Bench::new(&disk);
    bench.engine.rekey(PrivateKey::parse(&first.to_text()).unwrap());
    bench.pass(Duration::ZERO);
    assert_eq!(disk.kinds(), ["start", "key"], "the same key is no change");
    let second = disk.put_key();
    bench.engine.rekey(PrivateKey::parse(&second.to_text()).unwrap());
    bench.call();
    bench.pass(Duration::from_secs(1));
    bench.pass(Duration::from_secs(1));
    assert_eq!(key_lines(&disk), [(id(&first), None), (id(&first), Some(id(&first)))]);
    assert_eq!(bench.engine.health().durable().anchor.key_id.as_deref(), Some(second.id()));
    let last = disk.lines().pop().unwrap();
    bench.call();
    bench.pass(Duration::from_secs(1));
    let batch = disk.lines().pop().unwrap();
    assert_eq!((last["kind"].as_str(), batch["key_id"].as_str()), (Some("key"), Some(second.id())));

    // One that comes while the disk refuses takes over without a call.
    let third = disk.put_key();
    let next = disk.0.lock().unwrap().operations + 1;
    disk.0.lock().unwrap().fails = vec![next];
    bench.call();
    bench.engine.rekey(PrivateKey::parse(&third.to_text()).unwrap());
    bench.pass(Duration::from_secs(1));
    assert_eq!(bench.engine.health().state(), State::Writing);
    assert_eq!(bench.engine.health().durable().anchor.key_id.as_deref(), Some(third.id()));

    // The next process finds the key that the last one ended with.
    drop(bench);
    let (left, _) = disk.opened();
    assert_eq!(left.anchor.key_id.as_deref(), Some(third.id()));
}
