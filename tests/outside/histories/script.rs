//! One history: what is done about one call, by the dice. Every answer may be lost to a kill.

use super::book::{Said, Signed};
use super::world::{APPROVERS, Caller, REFUSED, World};
use crate::support::{Dice, Response};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::thread;
use std::time::Duration;

/// What is known of it here.
struct History<'w> {
    world: &'w World,
    dice: Dice,
    caller: Caller,
    path: String,
    /// The request that stands for the call now.
    id: Option<String>,
    tokens: Vec<String>,
}

/// Goes through one history.
pub(super) fn run(world: &World, number: usize, mut dice: Dice) {
    let caller = *dice.pick(&[Caller::Nobody, Caller::Agent, Caller::Agent, Caller::Ada]);
    let route = *dice.pick(&["once", "once", "once", "twice", "held", "stalled"]);
    let manner = *dice.pick(&["ok", "ok", "slow", "fail", "cut"]);
    let path = format!("/{route}/{number}-{manner}");
    let mut history = History { world, dice, caller, path, id: None, tokens: Vec::new() };
    history.call();
    for _ in 0..history.dice.below(6) {
        history.step();
    }
    if history.dice.hits(80) {
        history.see_it_through();
    }
}

impl History<'_> {
    fn step(&mut self) {
        match self.dice.below(14) {
            0..=3 => self.call(),
            4 => self.twins(),
            5..=7 => self.grant("1m"),
            8 => self.grant("1s"),
            9 => self.sign(),
            10 => self.deny(),
            11 => self.held(),
            12 => self.steal(),
            _ => thread::sleep(Duration::from_millis(*self.dice.pick(&[1, 20, 1_100]))),
        }
    }

    /// As somebody would who wants it done: asks for all the approvals, and calls.
    fn see_it_through(&mut self) {
        for _ in 0..3 {
            self.call();
            self.grant_as(APPROVERS[0], "1m");
            self.grant_as(APPROVERS[1], "1m");
            if self.try_call() == Some(200) {
                return;
            }
        }
    }

    fn call(&mut self) {
        let _status = self.try_call();
    }

    /// Calls with all the tokens there are, now and then as gait is about to die.
    fn try_call(&mut self) -> Option<u16> {
        if self.dice.hits(2) {
            self.world.wish(Duration::from_micros(self.dice.below(25_000)));
        }
        let tokens = self.presented();
        let answer = self.world.call(self.caller, &self.path, &tokens)?;
        self.note(&answer);
        Some(answer.status)
    }

    /// The newest few: a header has its bounds.
    fn presented(&self) -> Vec<String> {
        self.tokens.iter().rev().take(3).cloned().collect()
    }

    /// Remembers which request stands for the call.
    fn note(&mut self, answer: &Response) {
        if answer.status != REFUSED {
            return;
        }
        let body = answer.json();
        let id = body["approval_id"].as_str().unwrap_or_else(|| panic!("no request: {body}"));
        if self.id.as_deref() != Some(id) {
            self.id = Some(id.to_owned());
        }
    }

    /// The same call on three connections at once.
    fn twins(&mut self) {
        let tokens = self.presented();
        let (world, caller, path) = (self.world, self.caller, &*self.path);
        let answers: Vec<_> = thread::scope(|scope| {
            let twin = || world.call(caller, path, &tokens);
            let twins: Vec<_> = (0..3).map(|_| scope.spawn(twin)).collect();
            twins.into_iter().filter_map(|twin| twin.join().expect("a twin")).collect()
        });
        answers.iter().for_each(|answer| self.note(answer));
    }

    /// A call that somebody grants while it goes on.
    fn held(&mut self) {
        let (world, caller, path) = (self.world, self.caller, self.path.clone());
        let answer = thread::scope(|scope| {
            let call = scope.spawn(|| world.call(caller, &path, &[]));
            thread::sleep(Duration::from_millis(self.dice.below(40)));
            self.grant("1m");
            call.join().expect("a call")
        });
        if let Some(answer) = answer {
            self.note(&answer);
        }
    }

    fn grant(&mut self, ttl: &str) {
        let approver = *self.dice.pick(&APPROVERS);
        self.grant_as(approver, ttl);
    }

    fn grant_as(&mut self, approver: &'static str, ttl: &str) {
        let body = json!({"reason": "it is due", "ttl": ttl});
        let Some(answer) = self.say(approver, "grant", &body) else { return };
        let token = &answer["token"]["gait_approval"];
        if let Some(token) = token.as_str() {
            self.tokens.push(token.to_owned());
            self.world.book().tokens.push(token.to_owned());
        }
    }

    fn deny(&mut self) {
        let approver = *self.dice.pick(&APPROVERS);
        let _said = self.say(approver, "deny", &json!({"reason": "not today"}));
    }

    /// Says something of the request as it stands, now and then as gait is about to die.
    fn say(&mut self, approver: &'static str, word: &'static str, body: &Value) -> Option<Value> {
        let (id, seen) = self.look()?;
        if self.dice.hits(2) {
            self.world.wish(Duration::from_micros(self.dice.below(15_000)));
        }
        let from = Timestamp::now();
        self.world.book().said.push(Said { id: id.clone(), approver, word, from });
        let tag = format!("If-Match: \"{}\"\r\n", seen["version"]);
        let request = format!("POST /v1/approvals/{id}/{word}");
        let answer = self.world.admin(approver, &request, &tag, &body.to_string())?;
        let said = answer.json();
        match answer.status {
            200 => self.world.book().see(&said["approval"]),
            403 => assert!(self.caller == Caller::Ada && approver == "ada", "{said}"),
            409 | 412 => {}
            // The disk was slower than anybody waits: whether it was taken is not known.
            503 => return None,
            status => panic!("{status}: {said}"),
        }
        (answer.status == 200).then_some(said)
    }

    /// The request as it stands.
    fn look(&self) -> Option<(String, Value)> {
        let id = self.id.clone()?;
        let answer = self.world.admin("bob", &format!("GET /v1/approvals/{id}"), "", "")?;
        let seen = answer.json();
        if answer.status == 503 {
            return None;
        }
        assert_eq!(answer.status, 200, "{seen}");
        self.world.book().see(&seen);
        Some((id, seen))
    }

    /// A token that is signed without gait.
    fn sign(&mut self) {
        let Some((_, seen)) = self.look() else { return };
        let (ttl, seconds) = *self.dice.pick(&[("60s", 60), ("1s", 1)]);
        let from = Timestamp::now();
        let Some(token) = self.world.sign(&seen, ttl) else { return };
        let until = Timestamp::now() + jiff::SignedDuration::from_secs(seconds);
        let digest = |name: &str| seen[name].as_str().expect("a digest").to_owned();
        let (intent, policy) = (digest("intent_digest"), digest("policy_digest"));
        let signed = Signed { intent, policy, approver: "ada", from, until };
        self.world.book().signed.push(signed);
        self.tokens.push(token);
    }

    /// Calls with a token that was given for another call.
    fn steal(&mut self) {
        let tokens = self.world.book().tokens.clone();
        if tokens.is_empty() {
            return;
        }
        let token = self.dice.pick(&tokens).clone();
        if let Some(answer) = self.world.call(self.caller, &self.path, &[token]) {
            self.note(&answer);
        }
    }
}
