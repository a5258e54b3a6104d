//! Arrivals that no name explains: compared by what was asked, and when.

use super::arrivals::{Arrival, Arrivals};
use super::doubt;
use super::findings::{Bypass, Crowd, Findings, Skew, Why};
use super::key::Key;
use super::pair::{Kind, Pairing, Point, Window};
use super::permits::{Permits, Sent};
use std::collections::BTreeMap;

/// All that was asked for alike.
#[derive(Default)]
struct Group {
    points: Vec<Point>,
    windows: Vec<Window>,
}

/// Takes up all arrivals and calls that are not settled yet.
pub(super) fn take(arrivals: &Arrivals, permits: &Permits, skew: Skew, found: &mut Findings) {
    let mut groups: BTreeMap<Key, Group> = BTreeMap::new();
    for (id, arrival) in arrivals.list().iter().enumerate() {
        match (found.is_settled(id), arrivals.key(arrival)) {
            (true, _) => {}
            (false, Some(key)) => {
                groups.entry(key).or_default().points.push(point(arrivals, arrival, id));
            }
            (false, None) => {
                let why = why(arrivals, arrival, false);
                found.bypasses.push(Bypass { arrival: id, why });
            }
        }
    }
    for (id, sent) in permits.list().iter().enumerate() {
        // A call that nothing asks for alike is missing, whatever else there is.
        if let (false, Some(group)) = (found.has_arrived(id), groups.get_mut(&sent.key)) {
            group.windows.push(window(sent, skew, id));
        }
    }
    for group in groups.into_values() {
        settle(arrivals, group, found);
    }
}

fn settle(arrivals: &Arrivals, group: Group, found: &mut Findings) {
    let known = !group.windows.is_empty();
    let pairing = Pairing::of(group.points, group.windows);
    for (window, place) in pairing.windows.iter().zip(&pairing.of_window) {
        if let Some(point) = place.and_then(|place| pairing.points.get(place)) {
            found.pair(point.id, window.id);
        }
    }
    let doubt = doubt::of(&pairing);
    for arrival in doubt.sure {
        let why = arrivals.list().get(arrival).map(|one| why(arrivals, one, known));
        found.bypasses.extend(why.map(|why| Bypass { arrival, why }));
    }
    for (members, excess) in doubt.crowds {
        // Of a crowd that stayed over whole nothing is in doubt.
        match members.len() == excess {
            true => found
                .bypasses
                .extend(members.into_iter().map(|arrival| Bypass { arrival, why: Why::NotThen })),
            false => found.crowds.push(Crowd { arrivals: members, excess }),
        }
    }
}

fn why(arrivals: &Arrivals, arrival: &Arrival, known: bool) -> Why {
    match arrival.span {
        Some(_) if arrivals.wants_span(arrival) => Why::UnknownName,
        None if arrivals.wants_span(arrival) => Why::NoName,
        _ if known => Why::NotThen,
        _ => Why::NoCall,
    }
}

fn point(arrivals: &Arrivals, arrival: &Arrival, id: usize) -> Point {
    let kind = Kind { status: arrival.status, named: arrivals.wants_span(arrival) };
    Point { kind, at: arrival.time, id }
}

fn window(sent: &Sent, skew: Skew, id: usize) -> Window {
    let (from, to) = skew.window(sent);
    let kind = Kind { status: sent.status, named: sent.span.is_some() };
    Window { kind, from, to, rank: sent.certainty as u8, id }
}
