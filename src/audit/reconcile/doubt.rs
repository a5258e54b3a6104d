//! Which of the arrivals that stayed over are so beyond doubt.
//!
//! A point that no window holds is. Another one could have had the window of a point that is paired,
//! and that point the window of a third: all that can be reached so could be exchanged for one
//! another without a better or a worse pairing. They are told together, moment by moment.

use super::pair::{Kind, Pairing};
use super::stab::Stab;
use std::collections::{BTreeMap, BTreeSet};

/// Points that stayed over.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Doubt {
    /// Beyond doubt, by id.
    pub(super) sure: Vec<usize>,
    /// Points that could be exchanged, by id, and how many of them stayed over.
    pub(super) crowds: Vec<(Vec<usize>, usize)>,
}

/// A stretch of time and the places of the points in it.
struct Moment {
    to: i64,
    places: Vec<usize>,
}

/// Sorts out what a pairing left over.
pub(super) fn of(pairing: &Pairing) -> Doubt {
    let over = pairing.of_point.iter().enumerate().filter(|(_, window)| window.is_none());
    let over: Vec<usize> = over.map(|(place, _)| place).collect();
    let mut stabs = stabs(pairing);
    let (unsure, sure): (Vec<usize>, Vec<usize>) =
        over.into_iter().partition(|&place| is_held(pairing, &stabs, place));
    let reached = reach(pairing, &mut stabs, &unsure);
    let id = |place: &usize| pairing.points.get(*place).map(|point| point.id);
    let crowd = |moment: Moment| {
        let over = moment.places.iter().filter(|place| unsure.binary_search(place).is_ok());
        (over.count(), moment.places.iter().filter_map(id).collect())
    };
    let crowds = moments(pairing, reached).into_iter().map(crowd).map(|(over, ids)| (ids, over));
    Doubt { sure: sure.iter().filter_map(id).collect(), crowds: crowds.collect() }
}

fn stabs(pairing: &Pairing) -> BTreeMap<Kind, Stab> {
    let mut kinds: BTreeMap<Kind, Vec<_>> = BTreeMap::new();
    for (place, window) in pairing.windows.iter().enumerate() {
        kinds.entry(window.kind).or_default().push((window.from, window.to, place));
    }
    kinds.into_iter().map(|(kind, windows)| (kind, Stab::new(windows))).collect()
}

fn is_held(pairing: &Pairing, stabs: &BTreeMap<Kind, Stab>, place: usize) -> bool {
    let Some(point) = pairing.points.get(place) else { return false };
    stabs.iter().any(|(kind, stab)| point.kind.fits(*kind) && stab.holds(point.at))
}

/// All points that can be exchanged for one of these, and these.
fn reach(pairing: &Pairing, stabs: &mut BTreeMap<Kind, Stab>, from: &[usize]) -> BTreeSet<usize> {
    let mut reached: BTreeSet<usize> = from.iter().copied().collect();
    let mut queue = from.to_vec();
    while let Some(place) = queue.pop() {
        let Some(point) = pairing.points.get(place) else { continue };
        for (_, stab) in stabs.iter_mut().filter(|(kind, _)| point.kind.fits(**kind)) {
            while let Some(window) = stab.take(point.at) {
                let owner = pairing.of_window.get(window).copied().flatten();
                queue.extend(owner.filter(|owner| reached.insert(*owner)));
            }
        }
    }
    reached
}

/// Splits points where time passes that none of their windows holds.
fn moments(pairing: &Pairing, reached: BTreeSet<usize>) -> Vec<Moment> {
    let span = |place: usize| {
        let at = pairing.points.get(place)?.at;
        let window = pairing.of_point.get(place).copied().flatten();
        let window = window.and_then(|window| pairing.windows.get(window));
        Some((window.map_or(at, |one| one.from), window.map_or(at, |one| one.to), place))
    };
    let mut spans: Vec<_> = reached.into_iter().filter_map(span).collect();
    spans.sort_unstable();
    let mut moments: Vec<Moment> = Vec::new();
    for (from, to, place) in spans {
        match moments.last_mut().filter(|moment| from <= moment.to) {
            Some(moment) => {
                moment.to = moment.to.max(to);
                moment.places.push(place);
            }
            None => moments.push(Moment { to, places: vec![place] }),
        }
    }
    moments.iter_mut().for_each(|moment| moment.places.sort_unstable());
    moments
}

#[cfg(test)]
mod tests {
    use super::super::pair::{Point, Window};
    use super::*;

    const KIND: Kind = Kind { status: Some(200), named: false };

    fn doubt(points: &[i64], windows: &[(i64, i64)]) -> Doubt {
        let points = points.iter().enumerate().map(|(id, &at)| Point { kind: KIND, at, id });
        let windows = windows.iter().enumerate();
        let windows = windows.map(|(id, &(from, to))| Window { kind: KIND, from, to, rank: 0, id });
        of(&Pairing::of(points.collect(), windows.collect()))
    }

    #[test]
    fn what_no_window_holds_is_sure() {
        let doubt = doubt(&[1, 5, 20], &[(0, 2), (4, 6)]);
        assert_eq!(doubt, Doubt { sure: vec![2], crowds: Vec::new() });
    }

    #[test]
    fn what_could_be_exchanged_is_a_crowd() {
        let doubt = doubt(&[1, 2, 10, 50, 51, 52], &[(0, 3), (9, 11), (49, 53)]);
        assert_eq!(doubt.sure, Vec::<usize>::new());
        assert_eq!(doubt.crowds, [(vec![0, 1], 1), (vec![3, 4, 5], 2)]);
    }

    #[test]
    fn a_chain_of_exchanges_is_followed() {
        // Either of the three stays over: each could have had its neighbour's window.
        let doubt = doubt(&[1, 4, 7], &[(0, 5), (3, 8)]);
        assert_eq!((doubt.sure.len(), doubt.crowds), (0, vec![(vec![0, 1, 2], 1)]));
    }
}
