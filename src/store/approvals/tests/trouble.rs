//! Files that cannot be had: calls are told so, and nothing is made up or made anew.

use super::super::*;
use super::kit::{Store, asking, folder, petition, saying, signed};
use crate::metrics::{Limits, Metrics};
use rusqlite::Connection;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

async fn is_down(store: &Store) -> bool {
    let asked = store.desk.ask(asking(&petition("probe", "probe", 1))).await;
    matches!(asked, Err(Unfiled::Down))
}

/// Waits until the clerk has opened the file again.
async fn is_back(store: &Store) {
    for _ in 0..100 {
        if !is_down(store).await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the store stays away");
}

fn other(folder: &Path) -> Connection {
    Connection::open(folder.join(DATABASE_FILE)).unwrap()
}

#[tokio::test]
async fn nobody_else_can_read_what_is_kept() {
    let folder = folder();
    let store = Store::open(folder.path(), Past::None);
    let id = store.ask(&petition("a", "bot", 1)).await.id;
    let mode = |name: &str| {
        let there = fs::metadata(folder.path().join(name)).unwrap();
        there.permissions().mode() & 0o777
    };
    for name in ["approvals.db", "approvals.db-wal", "approvals.db-shm", KEY_FILE] {
        assert_eq!(mode(name), 0o600, "{name}");
    }
    let gateway = store.desk.gateway().clone();
    let store = store.restarted(folder.path()).await;
    assert_eq!(*store.desk.gateway(), gateway, "the key stays");
    assert_eq!(store.entry(&id).await.state, State::Pending);
}

#[tokio::test]
async fn a_key_that_cannot_be_read_is_left_as_it_is() {
    let folder = folder();
    let path = folder.path().join(KEY_FILE);
    fs::write(&path, "no key").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    let metrics = Metrics::new(Limits { series_max: 1_000 }, &[]);
    let error = open(folder.path(), Past::None, &metrics).err().unwrap();
    assert!(error.to_string().contains("put the key back"), "{error}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "no key");
}

#[tokio::test]
async fn a_key_that_others_may_know_signs_nothing() {
    let folder = folder();
    let metrics = Metrics::new(Limits { series_max: 1_000 }, &[]);
    drop(open(folder.path(), Past::None, &metrics).unwrap());
    let path = folder.path().join(KEY_FILE);
    for mode in [0o640, 0o604, 0o620] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let error = open(folder.path(), Past::None, &metrics).err().unwrap().to_string();
        assert!(error.contains(&format!("mode {mode:03o}")), "{error}");
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
    assert!(open(folder.path(), Past::None, &metrics).is_ok());
}

#[tokio::test]
async fn a_file_that_is_no_store_or_of_a_newer_one_is_left_as_it_is() {
    let newer = |folder: &Path| other(folder).pragma_update(None, "user_version", 99).unwrap();
    let foreign = |folder: &Path| other(folder).execute_batch("CREATE TABLE t (x)").unwrap();
    let garbage = |folder: &Path| {
        fs::write(folder.join(DATABASE_FILE), "no database at all ".repeat(99)).unwrap()
    };
    for spoil in [newer as fn(&Path), foreign, garbage] {
        let folder = folder();
        spoil(folder.path());
        let before = fs::read(folder.path().join(DATABASE_FILE)).unwrap();
        let store = Store::open(folder.path(), Past::None);
        assert!(is_down(&store).await);
        assert_eq!(store.shown("gait_approvals_store_up"), 0.0);
        let after = fs::read(folder.path().join(DATABASE_FILE)).unwrap();
        // The header's marks of WAL and of changes may differ, nothing else.
        assert_eq!(before.len(), after.len());
        assert_eq!(before[100..], after[100..]);
    }
}

#[tokio::test]
async fn a_damaged_file_is_not_believed() {
    let folder = folder();
    let store = Store::open(folder.path(), Past::None);
    for number in 0..40 {
        store.ask(&petition(&format!("p{number}"), "bot", 1)).await;
    }
    store.desk.close();
    let path = folder.path().join(DATABASE_FILE);
    drop(store.restarted(folder.path()).await);
    tokio::time::sleep(Duration::from_millis(300)).await;
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[4096..middle].fill(0x5a);
    fs::write(&path, &bytes).unwrap();
    let store = Store::open(folder.path(), Past::Evidence);
    assert!(is_down(&store).await);
    assert_eq!(fs::read(&path).unwrap().len(), bytes.len());
}

#[tokio::test]
async fn a_file_that_vanished_is_not_made_anew_and_serves_when_it_is_back() {
    let folder = folder();
    let store = Store::open(folder.path(), Past::None);
    let id = store.ask(&petition("a", "bot", 1)).await.id;
    let (path, away) = (folder.path().join(DATABASE_FILE), folder.path().join("away"));
    fs::rename(&path, &away).unwrap();
    assert!(is_down(&store).await);
    fs::write(&path, "").unwrap();
    tokio::time::sleep(Duration::from_millis(3500)).await;
    assert!(is_down(&store).await, "an empty file is not the one that was there");
    assert_eq!(fs::metadata(&path).unwrap().len(), 0);
    fs::rename(&away, &path).unwrap();
    is_back(&store).await;
    assert_eq!(store.entry(&id).await.state, State::Pending);
}

#[tokio::test]
async fn where_a_commit_fails_nothing_stands_and_nobody_is_told_otherwise() {
    let folder = folder();
    let store = Store::open(folder.path(), Past::None);
    let petition = petition("a", "bot", 1);
    let (token, sanction) = signed(&petition, crate::clock::now());
    let id = store.ask(&petition).await.id;
    // A reference that leads nowhere, and is looked at only by the commit.
    other(folder.path())
        .execute_batch(
            "CREATE TABLE trap (x REFERENCES meta (only_row) DEFERRABLE INITIALLY DEFERRED);
             CREATE TRIGGER spring AFTER INSERT ON runs BEGIN INSERT INTO trap VALUES (7); END;",
        )
        .unwrap();
    let claiming = Claiming { id: id.clone(), call_id: "call-1".into(), sanction };
    assert_eq!(store.desk.claim(claiming.clone()).await.unwrap_err(), Unclaimed::Down);
    other(folder.path()).execute_batch("DROP TRIGGER spring").unwrap();
    is_back(&store).await;
    assert_eq!(store.entry(&id).await.state, State::Pending);
    let shown = TokenShown { id: token.token_id().to_owned(), created_at: token.created_at() };
    let ask = Ask { tokens: vec![shown], ..asking(&petition) };
    assert!(store.desk.ask(ask).await.unwrap().known.is_empty(), "nothing is spent");
    assert!(store.desk.claim(claiming).await.is_ok());
}

#[tokio::test]
async fn how_a_call_ended_waits_for_a_store_that_is_away() {
    let folder = folder();
    let store = Store::open(folder.path(), Past::None);
    let petition = petition("a", "bot", 1);
    let id = store.ask(&petition).await.id;
    store.says(Word::Grant, "ada", &id).await.unwrap();
    let mut claim = store.claim(&petition, "call-1").await.unwrap();
    claim.sent();
    let lock = other(folder.path());
    lock.execute_batch("BEGIN IMMEDIATE").unwrap();
    claim.ended("answered", Some(200));
    assert!(is_down(&store).await);
    assert_eq!(store.desk.resolve(saying(Word::Deny, "bob", &id, 1)).await.unwrap_err(), Down);
    drop(lock);
    is_back(&store).await;
    assert_eq!(store.entry(&id).await.state, State::Executed);
}

#[tokio::test]
async fn a_store_that_was_lost_believes_no_token_of_before() {
    let petition = petition("a", "bot", 1);
    let (old, _) = signed(&petition, crate::clock::now() - Duration::from_secs(60));
    for (past, known) in [(Past::Evidence, Some(Known::Spent)), (Past::None, None)] {
        let folder = folder();
        let store = Store::open(folder.path(), past);
        let (new, _) = {
            store.ask(&petition).await;
            signed(&petition, crate::clock::now())
        };
        let shown = [&old, &new].map(|token| TokenShown {
            id: token.token_id().to_owned(),
            created_at: token.created_at(),
        });
        let standing = store.desk.ask(Ask { tokens: shown.into(), ..asking(&petition) });
        let standing = standing.await.unwrap();
        let found = standing.known.into_iter().collect::<Vec<_>>();
        let wanted = known.map(|known| (old.token_id().to_owned(), known));
        assert_eq!(found, wanted.into_iter().collect::<Vec<_>>(), "{past:?}");
    }
}

#[tokio::test]
async fn what_nobody_waits_for_any_more_does_not_pile_up_before_a_store_that_hangs() {
    let (orders, mut errands) = tokio::sync::mpsc::unbounded_channel();
    let key = crate::sign::PrivateKey::generate().unwrap().public();
    let desk = Desk::new(orders, Arc::default(), key);
    let exhibit = format!("\"{}\"", "x".repeat(100 << 10));
    let exhibit: Arc<_> = serde_json::value::RawValue::from_string(exhibit).unwrap().into();
    let petition = crate::approval::Petition { exhibit, ..petition("a", "bot", 1) };
    let asks = || futures_util::future::join_all((0..2_000).map(|_| desk.ask(asking(&petition))));
    let soon = Duration::from_millis(20);
    // They hang up; what they asked lies there.
    assert!(tokio::time::timeout(soon, asks()).await.is_err());
    let queued = errands.len();
    assert!((100..1_000).contains(&queued), "{queued}");
    // Whoever decides still comes to the desk.
    assert!(tokio::time::timeout(soon, desk.list(Filter::default())).await.is_err());
    assert_eq!(errands.len(), queued + 1);
    // What was looked at makes room.
    while errands.try_recv().is_ok() {}
    assert!(tokio::time::timeout(soon, asks()).await.is_err());
    assert_eq!(errands.len(), queued);
}
