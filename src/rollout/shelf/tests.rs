//! A file that is changed by many, cannot be read, is lost, or is tidied by somebody else.

use super::*;
use crate::rollout::Entry;
use crate::stage::{Stage, Standing};
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;

fn entry() -> Entry {
    Entry {
        standing: Standing::Whole(Stage::DryRun),
        over: "observe".to_owned(),
        by: "ada@desk".to_owned(),
        at: "2026-11-01T00:00:00Z".parse().unwrap(),
        reason: None,
        until: None,
        then: None,
    }
}

#[test]
fn changes_made_at_once_all_stand() {
    let dir = tempfile::tempdir().unwrap();
    let shelf = Shelf::new(dir.path());
    assert!(shelf.read().unwrap().is_empty());
    for if_lost in [IfLost::Refuse, IfLost::Mend] {
        let refused = shelf.amend(if_lost, |overlay| overlay.set("a", entry())).unwrap_err();
        let refused = refused.to_string();
        assert!(refused.contains("put it back, or reload"), "{refused}");
        assert!(!shelf.path().exists());
    }
    std::thread::scope(|scope| {
        for at in 0..8 {
            let shelf = &shelf;
            scope.spawn(move || {
                let name = format!("route.{at}");
                shelf.change(|overlay| overlay.set(&name, entry())).unwrap();
            });
        }
    });
    assert_eq!(shelf.read().unwrap().entries().count(), 8);
    let mode = std::fs::metadata(shelf.path()).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "nothing else is left");
}

#[test]
fn who_asks_while_it_is_written_meets_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let shelf = Shelf::new(dir.path());
    shelf.change(|overlay| overlay.set("a", entry())).unwrap();
    std::thread::scope(|scope| {
        let writing = scope.spawn(|| {
            for at in 0..100 {
                let name = format!("route.{at}");
                shelf.amend(IfLost::Refuse, |overlay| overlay.set(&name, entry())).unwrap();
            }
        });
        while !writing.is_finished() {
            let kept = shelf.kept(IfLost::Refuse);
            assert!(kept.is_ok(), "{}", kept.unwrap_err());
        }
    });
}

#[test]
fn what_cannot_be_read_is_not_taken_for_nothing_nor_written_over() {
    let dir = tempfile::tempdir().unwrap();
    let shelf = Shelf::new(dir.path());
    std::fs::write(shelf.path(), "{").unwrap();
    assert!(shelf.read().unwrap_err().to_string().contains("move it away"));
    assert!(shelf.change(|overlay| overlay.set("a", entry())).is_err());
    assert_eq!(std::fs::read(shelf.path()).unwrap(), b"{");
    std::fs::write(shelf.path(), r#"{"v":1,"routes":{}}"#).unwrap();
    assert!(shelf.read().is_ok());
    for mode in [0o620, 0o602] {
        std::fs::set_permissions(shelf.path(), Permissions::from_mode(mode)).unwrap();
        assert!(shelf.read().unwrap_err().to_string().contains("chmod 600"));
        assert!(shelf.change(|overlay| overlay.set("a", entry())).is_err());
        assert!(Shelf::copied(dir.path()).read().is_ok(), "a copy has any mode");
    }
    std::fs::remove_file(shelf.path()).unwrap();
    std::fs::create_dir(shelf.path()).unwrap();
    assert!(shelf.read().unwrap_err().to_string().contains("move it away"));
}

#[test]
fn what_was_let_go_is_not_written_anew_whoever_took_it_out() {
    let dir = tempfile::tempdir().unwrap();
    let shelf = Shelf::new(dir.path());
    let mut dropped = Overlay::default();
    dropped.set("a", entry());
    // A load dropped it, and the file could not be written before somebody mended that by hand.
    shelf.knows(dropped.clone());
    std::fs::write(shelf.path(), r#"{"v":1,"routes":{}}"#).unwrap();
    assert!(shelf.tidy(&dropped, &Overlay::default()).unwrap().is_empty());
    assert!(shelf.kept(IfLost::Refuse).unwrap().is_empty(), "it is the one in force");
    std::fs::remove_file(shelf.path()).unwrap();
    shelf.amend(IfLost::Mend, |overlay| overlay.set("c", entry())).unwrap();
    assert_eq!(shelf.read().unwrap().routes(), ["c"]);
}

#[test]
fn one_that_is_gone_is_written_anew_with_a_demotion_and_with_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let shelf = Shelf::new(dir.path());
    shelf.knows(Overlay::default());
    shelf.change(|overlay| overlay.set("a", entry())).unwrap();
    std::fs::remove_file(shelf.path()).unwrap();
    let set = |overlay: &mut Overlay| overlay.set("b", entry());
    assert!(matches!(shelf.amend(IfLost::Refuse, set), Err(ShelfError::Gone)));
    assert!(!shelf.tells_mended() && !shelf.path().exists());
    assert_eq!(shelf.kept(IfLost::Mend).unwrap().routes(), ["a"]);
    shelf.amend(IfLost::Mend, set).unwrap();
    assert_eq!(shelf.read().unwrap().routes(), ["a", "b"]);
    assert!(shelf.tells_mended() && !shelf.tells_mended(), "once");
    // So is one in whose place somebody put an older one, and to tidy that makes it no other.
    std::fs::write(shelf.path(), r#"{"v":1,"routes":{}}"#).unwrap();
    shelf.change(|_| ()).unwrap();
    assert!(matches!(shelf.kept(IfLost::Refuse), Err(ShelfError::Other)));
    shelf.amend(IfLost::Mend, |overlay| overlay.set("c", entry())).unwrap();
    assert_eq!(shelf.read().unwrap().routes(), ["a", "b", "c"]);
    assert!(shelf.tells_mended());
    assert_eq!(shelf.kept(IfLost::Refuse).unwrap().routes(), ["a", "b", "c"]);
}
