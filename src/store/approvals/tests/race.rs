//! Many at once, and those who leave before they are answered.

use super::super::*;
use super::kit::{Store, folder, petition, sanction, words};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_hundred_calls_one_gets_the_words() {
    let folder = folder();
    let store = Store::open(folder.path(), Past::None);
    let petition = petition("a", "bot", 1);
    let id = store.ask(&petition).await.id;
    store.says(Word::Grant, "ada", &id).await.unwrap();
    let standing = store.ask(&petition).await;
    let sanction = sanction(&petition, &words(&standing), store.desk.gateway()).unwrap();
    let calls = (0..200).map(|number| {
        let claiming = Claiming {
            id: id.clone(),
            call_id: format!("call-{number}").into(),
            sanction: sanction.clone(),
        };
        let desk = store.desk.clone();
        async move { desk.claim(claiming).await }
    });
    let taken = futures_util::future::join_all(calls).await;
    let losers = taken.iter().filter(|one| matches!(one, Err(Unclaimed::Spent)));
    assert_eq!(losers.count(), 199);
    assert_eq!(taken.iter().filter(|one| one.is_ok()).count(), 1);
}

#[tokio::test]
async fn words_that_were_taken_for_somebody_who_left_are_there_again() {
    let folder = folder();
    let store = Store::open(folder.path(), Past::None);
    let petition = petition("a", "bot", 1);
    let id = store.ask(&petition).await.id;
    store.says(Word::Grant, "ada", &id).await.unwrap();
    for round in 0..40 {
        let call_id = format!("call-{round}");
        let claim = store.claim(&petition, &call_id);
        // Some leave before the errand is done, some in between, some after.
        let patience = std::time::Duration::from_micros(200 * round);
        drop(tokio::time::timeout(patience, claim).await);
    }
    let claim = store.claim(&petition, "last").await;
    assert!(claim.is_ok(), "{claim:?}");
}

#[tokio::test]
async fn who_waits_is_woken_by_the_word() {
    let folder = folder();
    let store = Store::open(folder.path(), Past::None);
    let id = store.ask(&petition("a", "bot", 1)).await.id;
    let mut waiter = store.desk.waiter(&id);
    let wait = async {
        waiter.changed().await;
        store.entry(&id).await.state
    };
    let (state, granted) = tokio::join!(wait, store.says(Word::Grant, "ada", &id));
    assert!(granted.is_ok());
    assert_eq!(state, State::Approved);
}
