//! A clerk for tests: it holds requests in a list and answers as the store is asked to.

use crate::approval::{Proof, RequestId, Requester, State};
use crate::store::approvals::{
    Conflict, Desk, Entry, Errand, Page, Resolve, Resolved, Run, Voice, Word,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

/// What the clerk keeps; tests may change it under way.
pub(super) type Shelf = Arc<Mutex<Vec<Entry>>>;

/// The id of the request number `n`.
pub(super) fn id(n: u8) -> RequestId {
    RequestId::of([n; 12])
}

/// The desk of a clerk over `entries`, and the shelf itself.
pub(super) fn desk(entries: Vec<Entry>) -> (Desk, Shelf) {
    let (orders, mut errands) = tokio::sync::mpsc::unbounded_channel();
    let shelf: Shelf = Arc::new(Mutex::new(entries));
    let own = shelf.clone();
    // It ends with the last desk.
    tokio::task::spawn_blocking(move || {
        while let Some(errand) = errands.blocking_recv() {
            serve(&mut own.lock().unwrap(), errand);
        }
    });
    let key = crate::sign::PrivateKey::generate().unwrap().public();
    (Desk::new(orders, Arc::default(), key), shelf)
}

fn serve(entries: &mut [Entry], errand: Errand) {
    match errand {
        Errand::List(filter, reply) => {
            let fits = |entry: &&Entry| {
                (filter.states.is_empty() || filter.states.contains(&entry.state))
                    && filter.tool_name.as_ref().is_none_or(|name| **name == *entry.tool_name)
                    && filter.before.as_ref().is_none_or(|before| entry.id < *before)
            };
            let found: Vec<Entry> = entries.iter().rev().filter(fits).cloned().collect();
            let shown: Vec<Entry> = found.iter().take(filter.limit).cloned().collect();
            let next = shown.last().filter(|_| found.len() > shown.len()).map(|e| e.id.clone());
            let revision = entries.iter().map(|entry| entry.version).sum();
            let _ = reply.send(Ok(Page { entries: shown, next, revision }));
        }
        Errand::Show(id, reply) => {
            let _ = reply.send(Ok(entries.iter().find(|entry| entry.id == id).cloned()));
        }
        Errand::Precedent(id, reply) => {
            let ran = entries.iter().find(|entry| entry.id < id && entry.run.is_some());
            let _ = reply.send(Ok(ran.cloned()));
        }
        Errand::Resolve(resolve, reply) => {
            let _ = reply.send(Ok(resolved(entries, &resolve)));
        }
        other => panic!("the admin API has no such errand: {other:?}"),
    }
}

fn resolved(entries: &mut [Entry], resolve: &Resolve) -> Result<Resolved, Conflict> {
    let found = entries.iter_mut().find(|entry| entry.id == resolve.id);
    let entry = found.ok_or(Conflict::NoSuch)?;
    if !matches!(entry.state, State::Pending | State::Approved) {
        return Err(Conflict::Over(entry.state));
    }
    let is_second = |voice: &Voice| voice.approver == resolve.approver;
    if resolve.word == Word::Grant && entry.voices.iter().any(is_second) {
        return Err(Conflict::Twice);
    }
    if entry.version != resolve.version {
        return Err(Conflict::Changed(entry.version));
    }
    let holds = SignedDuration::try_from(resolve.holds).unwrap();
    let (expires_at, token_id, state) = match resolve.word {
        Word::Grant => (Some(at(0) + holds), Some("t1".to_owned()), State::Approved),
        Word::Deny => (None, None, State::Denied),
    };
    let (approver, login) = (resolve.approver.clone(), resolve.login.clone());
    let (reason, word) = (resolve.reason.clone(), resolve.word);
    entry.voices.push(Voice { word, approver, login, reason, at: at(0), expires_at, token_id });
    (entry.version, entry.state) = (entry.version + 1, state);
    let is_handed = word == Word::Grant && entry.requester.proof == Proof::Unproven;
    let token = is_handed.then(|| r#"{"token_id":"t1"}"#.to_owned());
    Ok(Resolved { entry: entry.clone(), token })
}

/// Now and some seconds, to the second.
pub(super) fn at(seconds: i64) -> Timestamp {
    let now = crate::clock::now().as_second();
    Timestamp::from_second(now + seconds).unwrap()
}

/// A request that waits, of the caller `bot`.
pub(super) fn pending(n: u8) -> Entry {
    let identity = "bot".into();
    Entry {
        id: id(n),
        state: State::Pending,
        version: 3,
        route: "files.delete".into(),
        tool_name: "files.delete".into(),
        risk_class: "high".into(),
        requester: Requester { identity, proof: Proof::Proven, behalf: vec!["sso:lin".into()] },
        required: 2,
        created_at: at(-90),
        expires_at: at(3_600),
        changed_at: at(-90),
        asked_at: at(-5),
        asked: 7,
        intent_digest: "1".repeat(64),
        policy_digest: "2".repeat(64),
        delegation_digest: String::new(),
        scope: vec!["tool:files.delete".into()],
        exhibit: exhibit(&json!({"method": "DELETE", "path": "/files/1", "args": {"n": 1}})),
        voices: Vec::new(),
        run: None,
    }
}

/// A request whose call has run.
pub(super) fn executed(n: u8) -> Entry {
    let voice = Voice {
        word: Word::Grant,
        approver: "ada".into(),
        login: "ada@desk".into(),
        reason: "fine".into(),
        at: at(-1_000),
        expires_at: Some(at(-100)),
        token_id: Some("t0".into()),
    };
    let run = Run {
        call_id: "c1".into(),
        claimed_at: at(-900),
        ended_at: Some(at(-899)),
        ending: Some("completed".into()),
        status: Some(204),
    };
    let exhibit = exhibit(&json!({"method": "DELETE", "path": "/files/1", "args": {"n": 0}}));
    let (voices, run) = (vec![voice], Some(run));
    let delegation_digest = "3".repeat(64);
    let state = State::Executed;
    Entry { state, exhibit, voices, run, delegation_digest, ..pending(n) }
}

pub(super) fn exhibit(value: &Value) -> Box<RawValue> {
    serde_json::value::to_raw_value(value).unwrap()
}
