//! How a request lives, from the question to the end of its call.

use super::super::*;
use super::kit::{Store, asking, folder, petition, sanction, saying, signed, words};

#[tokio::test]
async fn what_is_asked_and_granted_runs_once_and_is_there_after_a_restart() {
    let folder = folder();
    let store = Store::open(folder.path(), Past::None);
    let petition = petition("a", "bot", 2);
    let first = store.ask(&petition).await;
    assert_eq!((first.state, first.grants.len(), first.before), (State::Pending, 0, None));
    assert_eq!(store.ask(&petition).await.id, first.id, "the same is asked once");

    let granted = store.says(Word::Grant, "ada", &first.id).await.unwrap();
    assert_eq!((granted.entry.state, granted.token), (State::Pending, None));
    assert_eq!(store.says(Word::Grant, "ada", &first.id).await.unwrap_err(), Conflict::Twice);
    let granted = store.says(Word::Grant, "bob", &first.id).await.unwrap();
    assert_eq!(granted.entry.state, State::Approved);

    let mut claim = store.claim(&petition, "call-1").await.unwrap();
    assert!(claim.covers("call-1", petition.wanted.intent_digest, petition.wanted.policy_digest));
    assert_eq!(store.ask(&petition).await.state, State::Running);
    claim.sent();
    claim.ended("answered", Some(204));

    let store = store.restarted(folder.path()).await;
    let entry = store.entry(&first.id).await;
    assert_eq!((entry.state, entry.voices.len()), (State::Executed, 2));
    let run = entry.run.unwrap();
    assert_eq!(
        (&*run.call_id, run.ending.as_deref(), run.status),
        ("call-1", Some("answered"), Some(204))
    );
    let next = store.ask(&petition).await;
    assert_ne!(next.id, first.id, "what has run is asked anew");
    assert_eq!((next.state, next.before), (State::Pending, Some(State::Executed)));
    let page = store.desk.list(Filter { limit: 1, ..Filter::default() }).await.unwrap();
    assert_eq!((page.entries[0].id.clone(), page.next), (next.id.clone(), Some(next.id.clone())));
    let precedent = store.desk.precedent(&next.id).await.unwrap().unwrap();
    assert_eq!(precedent.id, first.id);
}

#[tokio::test]
async fn words_are_given_back_while_no_byte_has_left() {
    let folder = folder();
    let store = Store::open(folder.path(), Past::None);
    let petition = petition("a", "bot", 1);
    let id = store.ask(&petition).await.id;
    store.says(Word::Grant, "ada", &id).await.unwrap();
    drop(store.claim(&petition, "call-1").await.unwrap());
    assert_eq!(store.entry(&id).await.state, State::Approved);

    let mut claim = store.claim(&petition, "call-2").await.unwrap();
    claim.sent();
    drop(claim);
    let entry = store.entry(&id).await;
    assert_eq!(entry.state, State::Unknown);
    assert_eq!(entry.run.unwrap().ending.as_deref(), Some("outcome unknown"));
    assert_eq!(store.shown("gait_approvals_total{outcome=\"released\"}"), 1.0);
}

#[tokio::test]
async fn a_call_that_a_process_took_along_has_an_unknown_outcome() {
    let folder = folder();
    let store = Store::open(folder.path(), Past::None);
    let petition = petition("a", "bot", 1);
    let id = store.ask(&petition).await.id;
    store.says(Word::Grant, "ada", &id).await.unwrap();
    let claim = store.claim(&petition, "call-1").await.unwrap();
    let store = store.restarted(folder.path()).await;
    assert_eq!(store.entry(&id).await.state, State::Unknown);
    // Too late: what it says went to a clerk that is gone.
    drop(claim);
    assert_eq!(store.shown("gait_approvals_total{outcome=\"unknown\"}"), 1.0);
}

#[tokio::test]
async fn a_no_withdraws_what_others_granted_and_holds_for_a_while() {
    let folder = folder();
    let store = Store::open(folder.path(), Past::None);
    let petition = petition("a", "bot", 1);
    let id = store.ask(&petition).await.id;
    store.says(Word::Grant, "ada", &id).await.unwrap();
    let standing = store.ask(&petition).await;
    let taken = sanction(&petition, &words(&standing), store.desk.gateway()).unwrap();
    store.says(Word::Deny, "bob", &id).await.unwrap();

    let claiming = Claiming { id: id.clone(), call_id: "call-1".into(), sanction: taken };
    assert_eq!(store.desk.claim(claiming).await.unwrap_err(), Unclaimed::Over);
    let standing = store.ask(&petition).await;
    assert_eq!((standing.id.clone(), standing.state), (id.clone(), State::Denied));
    assert!(standing.grants.is_empty());
    assert_eq!(&*standing.denied.unwrap().approver, "bob");
    let error = store.says(Word::Grant, "cyd", &id).await.unwrap_err();
    assert_eq!(error, Conflict::Over(State::Denied));
}

#[tokio::test]
async fn an_approver_speaks_of_what_they_have_seen() {
    let folder = folder();
    let store = Store::open(folder.path(), Past::None);
    let id = store.ask(&petition("a", "bot", 2)).await.id;
    store.says(Word::Grant, "ada", &id).await.unwrap();
    let stale = store.desk.resolve(saying(Word::Grant, "bob", &id, 1)).await.unwrap();
    assert_eq!(stale.unwrap_err(), Conflict::Changed(2));
    let nobody = RequestId::of([0; 12]);
    let missing = store.desk.resolve(saying(Word::Deny, "bob", &nobody, 1)).await.unwrap();
    assert_eq!(missing.unwrap_err(), Conflict::NoSuch);
}

#[tokio::test]
async fn a_token_runs_once_whatever_request_it_is_shown_for() {
    let folder = folder();
    let store = Store::open(folder.path(), Past::None);
    let petition = petition("a", "bot", 1);
    let (token, sanction) = signed(&petition, crate::clock::now());
    let shown = TokenShown { id: token.token_id().to_owned(), created_at: token.created_at() };
    let ask = Ask { tokens: vec![shown], ..asking(&petition) };
    let standing = store.desk.ask(ask.clone()).await.unwrap();
    assert!(standing.known.is_empty());
    let claiming = |id: &RequestId, call: &str| Claiming {
        id: id.clone(),
        call_id: call.into(),
        sanction: sanction.clone(),
    };
    let mut claim = store.desk.claim(claiming(&standing.id, "call-1")).await.unwrap();
    claim.sent();
    claim.ended("answered", Some(200));
    let next = store.desk.ask(ask).await.unwrap();
    assert_ne!(next.id, standing.id);
    assert_eq!(next.known, [(token.token_id().to_owned(), Known::Spent)]);
    let again = store.desk.claim(claiming(&next.id, "call-2")).await;
    assert_eq!(again.unwrap_err(), Unclaimed::Spent);
}

#[tokio::test]
async fn a_grant_that_its_request_did_not_need_lets_no_second_call_run() {
    let folder = folder();
    let store = Store::open(folder.path(), Past::None);
    let petition = petition("a", "bot", 1);
    let id = store.ask(&petition).await.id;
    store.says(Word::Grant, "ada", &id).await.unwrap();
    store.says(Word::Grant, "bob", &id).await.unwrap();
    // A caller that must show tokens shows one of the two.
    let said = words(&store.ask(&petition).await);
    let [first, second] = [&said[..1], &said[1..]];
    let claiming = |id: &RequestId, call: &str, said| Claiming {
        id: id.clone(),
        call_id: call.into(),
        sanction: sanction(&petition, said, store.desk.gateway()).unwrap(),
    };
    drop(store.desk.claim(claiming(&id, "call-1", first)).await.unwrap());
    let mut claim = store.desk.claim(claiming(&id, "call-2", first)).await.unwrap();
    claim.sent();
    claim.ended("completed", Some(200));
    let shown = second.iter().map(|word| TokenShown::of(&word.token)).collect();
    let ask = Ask { tokens: shown, ..asking(&petition) };
    let next = store.desk.ask(ask).await.unwrap();
    assert_ne!(next.id, id);
    assert_eq!(next.known, [(second[0].token.token_id().to_owned(), Known::Spent)]);
    let again = store.desk.claim(claiming(&next.id, "call-3", second)).await;
    assert_eq!(again.unwrap_err(), Unclaimed::Spent);
}

#[tokio::test]
async fn too_many_that_wait_are_no_requests() {
    let folder = folder();
    let store = Store::open(folder.path(), Past::None);
    let rules = Rules {
        pending_max: 3,
        pending_per_identity_max: 2,
        retention: std::time::Duration::from_secs(3600),
        webhooks: Vec::new(),
    };
    store.desk.configure(rules);
    let ask = async |name: &str, who: &str| {
        let standing = store.desk.ask(asking(&petition(name, who, 1))).await;
        standing.map(|standing| standing.id)
    };
    let first = ask("a", "bot").await.unwrap();
    ask("b", "bot").await.unwrap();
    assert_eq!(ask("c", "bot").await, Err(Unfiled::FullForCaller));
    assert_eq!(ask("a", "bot").await, Ok(first.clone()), "what waits already may wait");
    ask("d", "other").await.unwrap();
    assert_eq!(ask("e", "third").await, Err(Unfiled::Full));
    store.says(Word::Deny, "ada", &first).await.unwrap();
    assert!(ask("e", "third").await.is_ok(), "only pending ones count");
}
