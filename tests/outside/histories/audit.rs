//! gait's own list, held against what the tool did and what people said.

use super::book::{Book, Said};
use super::world::{Executed, REFUSED, World, ask};
use crate::support::Gait;
use jiff::Timestamp;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::iter::Sum;

/// The test reads its clock a moment before and after gait reads the same one.
const SLACK: jiff::SignedDuration = jiff::SignedDuration::from_millis(5);

/// What there was to be seen, so that a run that shows nothing is not taken for a good one.
#[derive(Clone, Debug, Default)]
pub(super) struct Found {
    restarts: usize,
    requests: usize,
    executed: usize,
    /// By state, in the end.
    states: BTreeMap<String, usize>,
    /// Of those that are unknown: how many the tool executed.
    unknown_but_executed: usize,
    /// And how many never had the time to send a byte.
    unknown_and_unsent: usize,
    given_back: usize,
    /// Runs that rested on a token signed elsewhere.
    signed: usize,
}

/// Checks a gait that has just started, before anybody calls.
pub(super) fn restarted(world: &World, gait: &Gait) {
    let listed = list(gait);
    let mut book = world.book();
    book.restarts += 1;
    let ids: BTreeSet<&str> = listed.iter().filter_map(|request| request["id"].as_str()).collect();
    assert_eq!(ids.len(), listed.len(), "a request is listed twice");
    let lost: Vec<_> = book.requests.keys().filter(|id| !ids.contains(id.as_str())).collect();
    assert!(lost.is_empty(), "lost: {lost:?}");
    for request in &listed {
        assert_ne!(request["state"], "running", "nobody calls: {request}");
        book.see(request);
    }
    let count = |path: &str, of: &[&str]| {
        let at = |request: &&Value| request["path"] == path;
        let is = |request: &&Value| of.iter().any(|state| request["state"] == *state);
        listed.iter().filter(at).filter(is).count()
    };
    let executed = world.executed();
    for path in book.paths() {
        let times = executed.iter().filter(|done| done.path == path).count();
        let ran = count(&path, &["executed", "unknown"]);
        assert!(times <= ran, "{path} was executed {times} times; {ran} requests have ended so");
    }
}

/// The last check of a world, with every request read whole.
pub(super) fn finish(world: &World) -> Found {
    world.crash();
    let ids: Vec<String> = world.book().requests.keys().cloned().collect();
    let mut requests: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for id in ids {
        let answer = world.admin("bob", &format!("GET /v1/approvals/{id}"), "", "");
        let request = answer.expect("nobody kills it any more").json();
        let path = request["path"].as_str().expect("a path").to_owned();
        requests.entry(path).or_default().push(request);
    }
    let (executed, book) = (world.executed(), world.book());
    let mut found = Found {
        restarts: book.restarts,
        requests: book.requests.len(),
        executed: executed.len(),
        given_back: book.given_back,
        ..Found::default()
    };
    for done in &executed {
        assert!(requests.contains_key(&done.path), "{done:?} was never asked for");
    }
    attempts(&executed, &book);
    for (path, requests) in &requests {
        let at = executed.iter().filter(|done| done.path == *path).map(|done| done.at);
        one_path(path, requests, &at.collect::<Vec<_>>(), &book, &mut found);
    }
    found
}

/// Each try of a caller reached the tool once at most; if it was refused, never; and whoever got
/// the tool's answer got it from there.
fn attempts(executed: &[Executed], book: &Book) {
    let mut times: BTreeMap<usize, usize> = BTreeMap::new();
    for done in executed {
        *times.entry(done.attempt).or_default() += 1;
    }
    assert!(times.values().all(|times| *times == 1), "a call went out twice: {times:?}");
    for answered in &book.answered {
        let reached = times.contains_key(&answered.attempt);
        match answered.status {
            200 | 500 => assert!(reached, "{answered:?}"),
            REFUSED => assert!(!reached, "{answered:?}"),
            _ => {}
        }
    }
}

/// All requests that were made for one call, and when it was executed.
fn one_path(path: &str, requests: &[Value], at: &[Timestamp], book: &Book, found: &mut Found) {
    let mut claimed = Vec::new();
    let (mut unknown, mut with_status) = (0, 0);
    let mut call_ids = BTreeSet::new();
    for request in requests {
        let state = request["state"].as_str().expect("a state");
        *found.states.entry(state.to_owned()).or_default() += 1;
        let ran = ["executed", "unknown"].contains(&state);
        assert_eq!(ran, request["run"].is_object(), "who ran has a run: {request}");
        if !ran {
            continue;
        }
        let run = &request["run"];
        claimed.push(time(&run["claimed_at"]));
        assert!(call_ids.insert(run["call_id"].as_str().expect("a call id")), "{request}");
        unknown += usize::from(state == "unknown");
        with_status += usize::from(run["status"].is_u64());
        found.signed += usize::from(was_approved(request, book));
    }
    claimed.sort_unstable();
    let mut at = at.to_vec();
    at.sort_unstable();
    assert!(at.len() <= claimed.len(), "{path} was executed {} times: {requests:#?}", at.len());
    assert!(with_status <= at.len(), "{path}: {with_status} answers of {} calls", at.len());
    for (executed, claimed) in at.iter().zip(&claimed) {
        assert!(*executed >= *claimed - SLACK, "{path} was executed before its claim");
    }
    let ran = |status: u16| [200, 500].contains(&status);
    for answered in book.answered.iter().filter(|one| one.path == path && ran(one.status)) {
        assert!(call_ids.contains(answered.call_id.as_str()), "{answered:?} ran on nothing");
    }
    if path.starts_with("/stalled/") {
        found.unknown_and_unsent += unknown;
    } else if !path.ends_with("-cut") {
        // One whose end gait saw has the tool's status.
        found.unknown_but_executed += at.len() - with_status;
    }
}

/// Checks that a request that ran had enough grants when its call was claimed. Whether it took a
/// token signed elsewhere.
fn was_approved(request: &Value, book: &Book) -> bool {
    let claimed = time(&request["run"]["claimed_at"]);
    let id = request["id"].as_str().expect("an id");
    let mut approvers = BTreeSet::new();
    for voice in request["voices"].as_array().expect("voices") {
        let (who, at) = (voice["approver"].as_str().expect("an approver"), time(&voice["at"]));
        let word = voice["word"].as_str().expect("a word");
        let fits = |said: &&Said| {
            said.id == id && said.approver == who && said.word == word && said.from - SLACK <= at
        };
        assert!(book.said.iter().any(|said| fits(&said)), "nobody said it: {voice}");
        assert_eq!(word, "grant", "it ran against a no: {request:#}");
        if at <= claimed && claimed < time(&voice["expires_at"]) {
            approvers.insert(who);
        }
    }
    let wanted = request["required_approvals"].as_u64().expect("a number") as usize;
    let by_voices = approvers.len();
    let signed = book.signed.iter().filter(|signed| {
        request["intent_digest"] == *signed.intent
            && request["policy_digest"] == *signed.policy
            && (signed.from - SLACK..=signed.until + SLACK).contains(&claimed)
    });
    approvers.extend(signed.map(|signed| signed.approver));
    if request["requester"]["identity"] == "agent.ada" {
        approvers.remove("ada");
    }
    assert!(approvers.len() >= wanted, "it ran unapproved at {claimed}: {request:#}");
    by_voices < wanted
}

fn time(value: &Value) -> Timestamp {
    let text = value.as_str().unwrap_or_else(|| panic!("no time: {value}"));
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// All requests, page by page.
fn list(gait: &Gait) -> Vec<Value> {
    let (mut listed, mut before) = (Vec::new(), String::new());
    loop {
        let request = format!("GET /v1/approvals?limit=100{before}");
        let page = ask(gait, "bob", &request, "", "").expect("a gait that has just started");
        assert_eq!(page.status, 200, "{}", page.text());
        let page = page.json();
        listed.extend(page["approvals"].as_array().expect("a list").iter().cloned());
        match page["next"].as_str() {
            Some(next) => before = format!("&before={next}"),
            None => return listed,
        }
    }
}

impl Found {
    /// Whether there was enough to see.
    pub(super) fn assert_telling(&self, histories: u64) {
        let histories = histories as usize;
        let state = |name: &str| self.states.get(name).copied().unwrap_or_default();
        assert!(self.restarts * 25 >= histories, "too few kills");
        assert!(self.executed * 8 >= histories, "too little was executed");
        for name in ["executed", "denied", "unknown", "expired"] {
            assert!(state(name) > 0, "none is {name}");
        }
        assert!(self.unknown_but_executed > 0, "no kill came while the tool was at work");
        assert!(self.unknown_and_unsent > 0, "none came between a claim and the first byte");
        assert!(self.given_back > 0, "nothing was given back");
        assert!(self.signed > 0, "no token from elsewhere was taken");
    }
}

impl Sum for Found {
    fn sum<I: Iterator<Item = Found>>(all: I) -> Found {
        all.fold(Found::default(), |mut sum, one| {
            sum.restarts += one.restarts;
            sum.requests += one.requests;
            sum.executed += one.executed;
            sum.unknown_but_executed += one.unknown_but_executed;
            sum.unknown_and_unsent += one.unknown_and_unsent;
            sum.given_back += one.given_back;
            sum.signed += one.signed;
            for (state, count) in one.states {
                *sum.states.entry(state).or_default() += count;
            }
            sum
        })
    }
}
