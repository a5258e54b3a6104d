//! Random histories against a model that fits in one's head: the store must say the same, though
//! its file is opened anew at every step.

use super::super::tests::kit::{HOUR, petition, sanction_at, signed, words};
use super::super::*;
use super::tests::Desktop;
use super::{Orphans, State};
use crate::approval::Petition;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::time::Duration;

const PEOPLE: [&str; 3] = ["ada", "bob", "cyd"];
const MINUTE: Duration = Duration::from_secs(60);

#[derive(Clone, Debug)]
enum Step {
    Ask(usize),
    /// By whom, for minutes.
    Grant(usize, usize, u32),
    Deny(usize, usize),
    /// With what is recorded.
    Claim(usize),
    /// With a token that somebody signed.
    ClaimSigned(usize),
    /// With what an earlier claim had, counted from the last.
    ClaimAgain(usize),
    /// The same.
    Settle(usize, Ended),
    Minutes(u32),
    Sweep,
    Crash,
}

/// What the model knows of a request.
#[derive(Clone, Debug)]
struct Known {
    id: RequestId,
    key: usize,
    state: State,
    /// Until when whose yes holds.
    grants: BTreeMap<usize, Timestamp>,
    expires_at: Timestamp,
    back_to: State,
}

/// Words that a call had.
struct Had {
    claiming: Claiming,
    /// Until when the recorded ones of them hold.
    until: Option<Timestamp>,
    /// Whether a call that was not given back took them.
    is_spent: bool,
}

struct World {
    desktop: Desktop,
    requests: Vec<Known>,
    calls: Vec<Had>,
}

fn wanted(key: usize) -> Petition {
    petition(&format!("key{key}"), "bot", 1 + key as u64)
}

fn step() -> impl Strategy<Value = Step> {
    let key = 0..2_usize;
    let ended = prop_oneof![
        5 => Just(Ended::Unsent),
        1 => Just(Ended::Unknown),
        2 => Just(Ended::Ran { ending: "answered", status: Some(200) }),
    ];
    // Mostly the last one: the others have ended.
    let back = || prop_oneof![4 => Just(0_usize), 1 => 0..3_usize];
    prop_oneof![
        2 => key.clone().prop_map(Step::Ask),
        9 => (key.clone(), 0..3_usize, 1..90_u32).prop_map(|(k, who, m)| Step::Grant(k, who, m)),
        1 => (key.clone(), 0..3_usize).prop_map(|(k, who)| Step::Deny(k, who)),
        8 => key.clone().prop_map(Step::Claim),
        2 => key.prop_map(Step::ClaimSigned),
        4 => back().prop_map(Step::ClaimAgain),
        10 => (back(), ended).prop_map(|(call, ended)| Step::Settle(call, ended)),
        3 => (1..40_u32).prop_map(Step::Minutes),
        1 => Just(Step::Sweep),
        1 => Just(Step::Crash),
    ]
}

impl Known {
    fn age(&mut self, now: Timestamp) {
        let is_waiting = [State::Pending, State::Approved].contains(&self.state);
        if is_waiting && self.expires_at <= now {
            self.state = State::Expired;
        } else if self.state == State::Approved && self.live(now) <= self.key {
            self.state = State::Pending;
        }
    }

    fn live(&self, now: Timestamp) -> usize {
        self.grants.values().filter(|end| **end > now).count()
    }
}

impl World {
    fn new() -> World {
        World { desktop: Desktop::new(), requests: Vec::new(), calls: Vec::new() }
    }

    fn newest(&self, key: usize) -> Option<usize> {
        self.requests.iter().rposition(|one| one.key == key)
    }

    fn ask(&mut self, key: usize) -> Standing {
        let standing = self.desktop.ask(&wanted(key));
        let now = self.desktop.now;
        let last = self.newest(key).map(|at| self.requests[at].clone());
        let joined = last.filter(|one| {
            one.state.is_open() && (one.state != State::Denied || one.expires_at > now)
        });
        let model = joined.unwrap_or_else(|| {
            let fresh = Known {
                id: standing.id.clone(),
                key,
                state: State::Pending,
                grants: BTreeMap::new(),
                expires_at: now + HOUR,
                back_to: State::Pending,
            };
            assert!(self.requests.iter().all(|one| one.id != fresh.id), "{fresh:?}");
            self.requests.push(fresh.clone());
            fresh
        });
        assert_eq!((&standing.id, standing.state), (&model.id, model.state));
        assert_eq!(standing.expires_at, model.expires_at);
        standing
    }

    fn resolve(&mut self, key: usize, who: usize, word: Word, holds: Duration) {
        let Some(at) = self.newest(key) else { return };
        // No two words fall on one instant: the token of the same yes to the same call would be the
        // same, and a call that ran on the first is a request anew.
        self.desktop.now += Duration::from_millis(1);
        let now = self.desktop.now;
        let id = self.requests[at].id.clone();
        let said = self.desktop.says(word, PEOPLE[who], &id, holds).map(|one| one.entry.state);
        let model = &mut self.requests[at];
        let has_granted = model.grants.get(&who).is_some_and(|end| *end > now);
        let want = match (model.state, word) {
            (State::Pending | State::Approved, Word::Grant) if has_granted => Err(Conflict::Twice),
            (State::Pending | State::Approved, Word::Grant) => {
                model.grants.insert(who, now + holds);
                model.expires_at = model.expires_at.max(now + holds);
                if model.live(now) > key {
                    model.state = State::Approved;
                }
                Ok(model.state)
            }
            (State::Pending | State::Approved, Word::Deny) => {
                model.state = State::Denied;
                model.expires_at = now + HOUR;
                Ok(State::Denied)
            }
            (over, _) => Err(Conflict::Over(over)),
        };
        assert_eq!(said, want);
    }

    fn claim(&mut self, key: usize) {
        let standing = self.ask(key);
        let petition = wanted(key);
        let now = self.desktop.now;
        let words = words(&standing);
        let sanction = sanction_at(&petition, &words, &self.desktop.gateway, now);
        let at = self.newest(key).unwrap();
        let model = &self.requests[at];
        assert_eq!(sanction.is_some(), model.state == State::Approved, "{model:?}");
        let Some(sanction) = sanction else { return };
        let until = model.grants.values().filter(|end| **end > now).min().copied();
        self.take(standing.id, sanction, until);
    }

    fn claim_signed(&mut self, key: usize) {
        let id = self.ask(key).id;
        let (_, sanction) = signed(&wanted(0), self.desktop.now);
        // What was signed for the first is good for nothing else.
        self.take(id, sanction, None);
    }

    fn claim_again(&mut self, back: usize) {
        let Some(had) = self.calls.iter().rev().nth(back) else { return };
        let Claiming { id, sanction, .. } = had.claiming.clone();
        let until = had.until;
        self.take(id, sanction, until);
    }

    fn take(
        &mut self,
        id: RequestId,
        sanction: crate::approval::Sanction,
        until: Option<Timestamp>,
    ) {
        let now = self.desktop.now;
        let call_id = format!("call-{}", self.calls.len());
        let claiming = Claiming { id: id.clone(), call_id: call_id.into(), sanction };
        let said = self.desktop.does(|turn| turn.claim(&claiming));
        let tokens = claiming.sanction.tokens();
        let is_taken = |had: &Had| {
            had.is_spent && had.claiming.sanction.tokens().iter().any(|one| tokens.contains(one))
        };
        let is_spent = self.calls.iter().any(is_taken);
        let own = wanted(0).wanted;
        let is_for_first = claiming.sanction.covers(own.intent_digest, own.policy_digest);
        let model = self.requests.iter_mut().find(|one| one.id == id).unwrap();
        let fits = is_for_first == (model.key == 0) && until.is_none_or(|end| end > now);
        let want = match model.state {
            State::Denied | State::Expired => Err(Unclaimed::Over),
            State::Running | State::Executed | State::Unknown => Err(Unclaimed::Spent),
            State::Pending | State::Approved if is_spent => Err(Unclaimed::Spent),
            State::Pending | State::Approved if !fits => Err(Unclaimed::Over),
            state => {
                model.back_to = state;
                model.state = State::Running;
                Ok(())
            }
        };
        assert_eq!(said, want);
        if said.is_ok() {
            self.calls.push(Had { claiming, until, is_spent: true });
        }
    }

    fn settle(&mut self, back: usize, ended: &Ended) {
        let Some(had) = self.calls.iter_mut().rev().nth(back) else { return };
        let call_id = had.claiming.call_id.clone();
        self.desktop.does(|turn| turn.settle(&call_id, ended));
        let id = &had.claiming.id;
        let model = self.requests.iter_mut().find(|one| one.id == *id).unwrap();
        // A later call may run on the same request; this one has ended then.
        if model.state != State::Running || !had.is_spent {
            return;
        }
        model.state = match ended {
            Ended::Unsent => {
                had.is_spent = false;
                model.back_to
            }
            Ended::Ran { .. } => State::Executed,
            Ended::Unknown => State::Unknown,
        };
    }

    fn crash(&mut self) {
        self.desktop.turn(Orphans::Unseen, |_| Ok(()));
        let running = self.requests.iter_mut().filter(|one| one.state == State::Running);
        running.for_each(|one| one.state = State::Unknown);
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Ask(key) => drop(self.ask(*key)),
            Step::Grant(key, who, minutes) => {
                self.resolve(*key, *who, Word::Grant, MINUTE * *minutes);
            }
            Step::Deny(key, who) => self.resolve(*key, *who, Word::Deny, MINUTE),
            Step::Claim(key) => self.claim(*key),
            Step::ClaimSigned(key) => self.claim_signed(*key),
            Step::ClaimAgain(call) => self.claim_again(*call),
            Step::Settle(call, ended) => self.settle(*call, ended),
            Step::Minutes(minutes) => self.desktop.now += MINUTE * *minutes,
            Step::Sweep => self.desktop.does(|turn| turn.sweep().map(drop)),
            Step::Crash => self.crash(),
        }
        let now = self.desktop.now;
        self.requests.iter_mut().for_each(|one| one.age(now));
        let ids: Vec<RequestId> = self.requests.iter().map(|one| one.id.clone()).collect();
        for (entry, model) in self.desktop.entries(&ids).iter().zip(&self.requests) {
            assert_eq!(entry.state, model.state, "{model:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn the_store_says_what_the_model_says(steps in prop::collection::vec(step(), 20..80)) {
        let mut world = World::new();
        for step in &steps {
            world.step(step);
        }
    }
}
