//! Which signatures count.

use super::*;

/// A log under one key, then under another that the first vouches for.
fn rotated() -> (Log, PublicKey, PublicKey) {
    let mut log = Log::begun();
    let old = log.public();
    log.batch(3);
    log.rotate(key());
    let new = log.public();
    log.batch(3);
    log.seal();
    log.segment();
    log.introduce();
    log.batch(2);
    (log, old, new)
}

fn naming(keys: &[&PublicKey]) -> Trust {
    Trust { keys: keys.iter().map(|key| (*key).clone()).collect(), head: None }
}

fn standings(report: &Report) -> Vec<Standing> {
    report.signers.iter().map(|signer| signer.standing).collect()
}

#[test]
fn a_key_hands_trust_on_and_not_back() {
    let (log, old, new) = rotated();
    let report = log.verify().unwrap();
    assert_eq!(standings(&report), [Standing::First, Standing::Endorsed]);
    assert_eq!((report.uncovered(), report.signers[0].signatures), (0, 3));
    let report = log.verify_with(&naming(&[&old])).unwrap();
    assert_eq!(standings(&report), [Standing::Named, Standing::Endorsed]);
    let report = log.verify_with(&naming(&[&new])).unwrap();
    assert_eq!(standings(&report), [Standing::Unknown, Standing::Named]);
    assert_eq!(report.uncovered(), 0, "the new key speaks for all before it");
    let found = broken(log.verify_with(&naming(&[&key().public()])));
    assert_eq!((found.seq, found.fault), (1, Fault::Untrusted));
}

#[test]
fn a_key_that_nothing_vouches_for_is_named_unless_the_auditor_knows_it() {
    let mut log = Log::begun();
    let old = log.public();
    log.batch(3);
    log.usurp(key());
    log.batch(3);
    for trust in [Trust::default(), naming(&[&old])] {
        let found = broken(log.verify_with(&trust));
        assert_eq!(found.place, Place { segment: 1, line: 7 });
        assert_eq!(found.fault, Fault::Unendorsed { key_id: log.public().id() });
    }
    for keys in [vec![&log.public()], vec![&old, &log.public()]] {
        assert_eq!(log.verify_with(&naming(&keys)).unwrap().uncovered(), 0);
    }
}

#[test]
fn an_old_key_does_not_sign_on() {
    let mut log = Log::begun();
    let old = log.rotate(key());
    let old_id = old.public().id();
    log.key = old;
    log.sign(Event::Batch);
    let found = broken(log.verify());
    assert_eq!(found.place, Place { segment: 1, line: 4 });
    assert_eq!(found.fault, Fault::UnknownKey { key_id: old_id });
}

#[test]
fn the_word_of_a_key_that_does_not_sign_here_brings_no_key_in() {
    let (mut log, ..) = rotated();
    log.key = key();
    let stranger = log.public().id();
    let _ = log.rotate(key());
    assert_eq!(broken(log.verify()).fault, Fault::UnknownKey { key_id: stranger });
}

#[test]
fn a_log_that_begins_behind_a_rotation_is_taken_up_at_the_new_key() {
    let mut log = Log::begun();
    let old = log.public();
    log.batch(2);
    log.segment();
    log.put(Event::Start { torn: None, in_force: None });
    log.rotate(key());
    log.batch(2);
    log.expire(1);
    assert_eq!(standings(&log.verify().unwrap()), [Standing::First]);
    let report = log.verify_with(&naming(&[&old])).unwrap();
    assert_eq!((standings(&report), report.uncovered()), (vec![Standing::Endorsed], 0));
    assert_eq!(broken(log.verify_with(&naming(&[&key().public()]))).fault, Fault::Untrusted);
}

#[test]
fn lines_that_came_in_without_a_key_are_named_though_a_later_start_signs_over_them() {
    for begins in [0, 1] {
        let mut log = Log::begun();
        log.batch(2);
        log.seal();
        log.segment();
        (0..begins).for_each(|_| log.put(Event::Start { torn: None, in_force: None }));
        log.put(filler(1));
        log.start();
        let found = broken(log.verify());
        assert_eq!(found.place, Place { segment: 2, line: begins + 1 }, "{found}");
    }
    let mut log = Log::empty();
    log.segment();
    log.put(filler(1));
    log.introduce();
    assert_eq!(broken(log.verify()).place, Place { segment: 1, line: 1 });
}

#[test]
fn what_is_always_signed_cannot_go_unsigned() {
    for event in [Event::Batch, Event::Seal(Seal { segment: 1, first_seq: 1 })] {
        let mut log = Log::begun();
        log.batch(2);
        log.put(filler(1));
        log.put(event);
        let found = broken(log.verify());
        assert_eq!((found.seq, found.fault), (6, Fault::Forged { signed: 7 }));
    }
}

#[test]
fn a_seal_ends_its_own_segment_and_no_other() {
    let mut log = Log::begun();
    log.batch(2);
    log.seal();
    log.put(Event::Stop { missed: None });
    let found = broken(log.verify());
    assert_eq!((found.place.line, found.fault), (7, Fault::AfterSeal));

    for seal in [Seal { segment: 2, first_seq: 1 }, Seal { segment: 1, first_seq: 2 }] {
        let mut log = Log::begun();
        log.sign(Event::Seal(seal));
        let found = broken(log.verify());
        assert_eq!((found.place.line, found.fault), (3, Fault::Seal));
    }

    let mut log = Log::begun();
    log.seal();
    log.tear(b"{");
    assert_eq!(broken(log.verify()).fault, Fault::AfterSeal);
}
