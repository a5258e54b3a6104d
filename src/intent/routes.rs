//! Which route a call takes: tried in order, first match wins.
//!
//! Routing has two steps, because the body is read only where it is needed. [`Routes::candidates`]
//! looks at method and path alone and gives the routes that could still match, up to and including
//! the first that has no other condition. [`Routes::choose`] then asks the conditions, in order.

use super::miss::Miss;
use super::pattern::{Captures, Pattern};
use super::predicates::{Answer, Predicate};
use crate::call::Head;
use crate::call::body::Content;
use http::Method;

/// What a route matches on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Matcher {
    /// Empty: any.
    pub methods: Vec<Method>,
    /// `None`: any.
    pub path: Option<Pattern>,
    /// All must hold.
    pub predicates: Vec<Predicate>,
}

/// The matchers of a config, in file order; a route is known by its index.
#[derive(Clone, Debug, Default)]
pub struct Routes {
    list: Vec<Matcher>,
}

/// A route that could match, with what its path took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Index of the route.
    pub route: usize,
    captures: Captures,
}

/// The end of routing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// This route, with what its path took.
    Route(usize, Captures),
    /// No route matches.
    Unmapped,
    /// A condition of this route cannot be said to hold or not.
    Unreadable(usize, &'static str),
}

impl Routes {
    /// Routes in the order in which they are tried.
    pub fn new(list: Vec<Matcher>) -> Routes {
        Routes { list }
    }

    /// The routes that method and path leave, up to the first without another condition.
    pub fn candidates(&self, head: &Head) -> Vec<Candidate> {
        let mut candidates = Vec::new();
        for (route, matcher) in self.list.iter().enumerate() {
            let Some(captures) = matcher.takes(head) else { continue };
            candidates.push(Candidate { route, captures });
            if matcher.predicates.is_empty() {
                break;
            }
        }
        candidates
    }

    /// Whether a condition of `route` reads the body.
    pub fn reads_body(&self, route: usize) -> bool {
        let matcher = self.list.get(route);
        matcher.is_some_and(|matcher| matcher.predicates.iter().any(Predicate::reads_body))
    }

    /// Asks the conditions of the candidates, in order.
    pub fn choose(&self, candidates: Vec<Candidate>, head: &Head, content: &Content) -> Choice {
        for Candidate { route, captures } in candidates {
            let Some(matcher) = self.list.get(route) else { continue };
            match matcher.conditions(head, content) {
                Answer::Yes => return Choice::Route(route, captures),
                Answer::No => {}
                Answer::Unreadable(code) => return Choice::Unreadable(route, code),
            }
        }
        Choice::Unmapped
    }

    /// Why none of the routes before `end` takes a call, as far as they do not.
    pub fn misses(&self, head: &Head, content: &Content, end: usize) -> Vec<(usize, Miss)> {
        let routes = self.list.iter().enumerate().take(end);
        routes.filter_map(|(at, route)| Some((at, route.miss(head, content)?))).collect()
    }
}

impl Matcher {
    /// Method and path.
    fn takes(&self, head: &Head) -> Option<Captures> {
        if !self.takes_method(head) {
            return None;
        }
        match &self.path {
            Some(pattern) => pattern.matches(head.target().segments()),
            None => Some(Captures::default()),
        }
    }

    fn takes_method(&self, head: &Head) -> bool {
        self.methods.is_empty() || self.methods.contains(head.method())
    }

    /// The first thing that does not fit.
    fn miss(&self, head: &Head, content: &Content) -> Option<Miss> {
        if !self.takes_method(head) {
            return Some(Miss::Method(self.methods.clone()));
        }
        if self.takes(head).is_none() {
            return self.path.clone().map(Miss::Path);
        }
        let fails = |one: &&Predicate| one.holds(head, content) == Answer::No;
        self.predicates.iter().find(fails).cloned().map(Miss::Condition)
    }

    /// All conditions: one that is unreadable outweighs one that does not hold, so that the order
    /// in which they are written does not decide whether an ambiguity is noticed.
    fn conditions(&self, head: &Head, content: &Content) -> Answer {
        let mut answer = Answer::Yes;
        for predicate in &self.predicates {
            match predicate.holds(head, content) {
                Answer::Yes => {}
                Answer::No => answer = Answer::No,
                unreadable => return unreadable,
            }
        }
        answer
    }
}
