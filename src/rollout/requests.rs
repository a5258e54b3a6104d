//! Requests for approval: who asked, and who answered.

use super::ticks::Ticks;
use crate::stage::Stage;
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// Requests that are counted, and as many that came before the window.
const REQUESTS_MAX: usize = 1 << 17;

/// No request is heard of longer than this: it is open for 30 days at most, and a day is for clocks.
pub(super) const LIFE_MAX: SignedDuration = SignedDuration::from_hours(31 * 24);

/// Requests for approval.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Requests {
    known: BTreeMap<String, Request>,
    /// Those of which a call is known, by its route.
    by_route: BTreeMap<String, BTreeSet<String>>,
    /// When those were made that came before the window: what still comes of them does not count.
    bygone: BTreeMap<String, Timestamp>,
}

/// A request for approval.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Request {
    /// The first call that wanted it.
    pub(super) asked: Option<Asked>,
    /// When it ends undecided, by the last line that says so.
    pub(super) expires: Option<Timestamp>,
    /// When it was decided, and whether by a yes.
    pub(super) decided: Option<(Timestamp, Said)>,
}

/// Who decided a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Said {
    Yes,
    No,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Asked {
    pub(super) begun: Timestamp,
    pub(super) stage: Stage,
    pub(super) route: String,
}

// === impl Requests ===

impl Requests {
    /// Adds what is known of a request: the first that asked, and the first that decided. Of what
    /// comes before `edge` it is kept that it does. What there is no room for is ticked in `dropped`.
    pub(super) fn add(&mut self, id: &str, more: &Request, edge: Timestamp, dropped: &mut Ticks) {
        match more.time() {
            Some(begun) if begun < edge && more.asked.is_some() => {
                self.pass(id, begun, edge, dropped);
            }
            Some(at) if is_dead(at, edge) => {}
            _ if self.bygone.contains_key(id) => {}
            _ => self.put(id, more, dropped),
        }
    }

    /// Adds those of the stretch that comes after.
    pub(super) fn extend(&mut self, later: &Requests, edge: Timestamp, dropped: &mut Ticks) {
        later.bygone.iter().for_each(|(id, begun)| self.pass(id, *begun, edge, dropped));
        later.known.iter().for_each(|(id, request)| self.add(id, request, edge, dropped));
    }

    /// Those of which a call on a route is known.
    pub(super) fn of(&self, route: &str) -> impl Iterator<Item = &Request> {
        let ids = self.by_route.get(route).into_iter().flatten();
        ids.filter_map(|id| self.known.get(id))
    }

    /// Notes that a request came before the window. One for which there is no room is ticked as late as
    /// it may be heard of: until then it could be taken for a new one.
    fn pass(&mut self, id: &str, begun: Timestamp, edge: Timestamp, dropped: &mut Ticks) {
        self.remove(id);
        if is_dead(begun, edge) {
            return;
        }
        if self.bygone.len() < REQUESTS_MAX || self.bygone.contains_key(id) {
            self.bygone.insert(id.to_owned(), begun);
        } else {
            dropped.add(begun.checked_add(LIFE_MAX).unwrap_or(Timestamp::MAX), 1);
        }
    }

    fn put(&mut self, id: &str, more: &Request, dropped: &mut Ticks) {
        let before = self.remove(id).unwrap_or_default();
        let asked = least(before.asked, more.asked.clone());
        let decided = least(before.decided, more.decided);
        // A yes that is not the last gives it longer.
        let expires = before.expires.max(more.expires);
        if let Some(asked) = &asked {
            self.by_route.entry(asked.route.clone()).or_default().insert(id.to_owned());
        }
        self.known.insert(id.to_owned(), Request { asked, expires, decided });
        if self.known.len() > REQUESTS_MAX
            && let Some(first) = self.known.keys().next().cloned()
            && let Some(at) = self.remove(&first).and_then(|request| request.time())
        {
            dropped.add(at, 1);
        }
    }

    fn remove(&mut self, id: &str) -> Option<Request> {
        let request = self.known.remove(id)?;
        if let Some(asked) = &request.asked
            && let Some(ids) = self.by_route.get_mut(&asked.route)
        {
            ids.remove(id);
            if ids.is_empty() {
                self.by_route.remove(&asked.route);
            }
        }
        Some(request)
    }
}

// === impl Request ===

impl Request {
    /// When it was made, as far as is known.
    fn time(&self) -> Option<Timestamp> {
        let asked = self.asked.as_ref().map(|asked| asked.begun);
        asked.or(self.decided.map(|(at, _)| at))
    }
}

/// Whether nothing more can come of it within the window.
fn is_dead(at: Timestamp, edge: Timestamp) -> bool {
    edge.checked_sub(LIFE_MAX).is_ok_and(|dead| at < dead)
}

/// The lesser of what there is.
fn least<T: Ord>(one: Option<T>, other: Option<T>) -> Option<T> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::new(second, 0).unwrap()
    }

    fn request(begun: Timestamp) -> Request {
        let asked = Asked { begun, stage: Stage::Enforce, route: "r".into() };
        Request { asked: Some(asked), ..Request::default() }
    }

    /// Else its next try would count as the question.
    #[test]
    fn a_request_before_the_window_for_which_there_is_no_room_is_told() {
        let (mut requests, mut dropped) = (Requests::default(), Ticks::default());
        let (edge, before) = (at(10_000_000), at(9_999_000));
        let mut ask = |n: usize| {
            requests.add(&n.to_string(), &request(before), edge, &mut dropped);
            dropped.since(edge)
        };
        assert!((0..REQUESTS_MAX).all(|n| ask(n) == 0));
        assert_eq!((ask(0), ask(REQUESTS_MAX)), (0, 1), "one is known already");
        // A window that moved on asks the summaries of before.
        let mut later = Ticks::default();
        later.extend(&dropped, edge + SignedDuration::from_hours(24));
        assert_eq!(later.since(edge + SignedDuration::from_hours(24)), 1);
        assert_eq!(later.since(before + LIFE_MAX + SignedDuration::from_secs(1)), 0);
    }
}
