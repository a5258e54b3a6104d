//! Which arrival was which call, where only their moments tell.
//!
//! Points are put into windows, each at most once, so that as few points as possible stay over and
//! then as few calls that were surely sent. Windows are taken by their end, each gets the earliest
//! free point; with one kind of points that is already the best there is. Statuses make it a
//! bipartite matching: where a window finds no free point, points that were given away are moved
//! along an augmenting path. A search that finds none marks dead ends for all later ones.
//!
//! Rejected: a greedy choice by status first. A call whose status nobody saw fits points of any
//! status, and a greedy choice calls calls missing that were there.

use super::skip::Skip;
use std::collections::BTreeMap;
use std::ops::Range;

/// What must agree beside the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Kind {
    /// The status; none where it is not known.
    pub(super) status: Option<u16>,
    /// Of a point: it says by which name it came, and no call of that name is there. Of a window:
    /// the call has a name.
    pub(super) named: bool,
}

/// An arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Point {
    pub(super) kind: Kind,
    pub(super) at: i64,
    /// Whose it is, for whoever asked.
    pub(super) id: usize,
}

/// A call that can have arrived at any moment from `from` to `to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) kind: Kind,
    pub(super) from: i64,
    pub(super) to: i64,
    /// Lower ones are served first.
    pub(super) rank: u8,
    pub(super) id: usize,
}

/// Who got whom.
#[derive(Debug)]
pub(super) struct Pairing {
    /// By kind, then by moment.
    pub(super) points: Vec<Point>,
    /// As they were served.
    pub(super) windows: Vec<Window>,
    /// The window of each point.
    pub(super) of_point: Vec<Option<usize>>,
    /// The point of each window.
    pub(super) of_window: Vec<Option<usize>>,
    shelves: BTreeMap<Kind, Range<usize>>,
    free: Skip,
    fresh: Skip,
    dead: Vec<usize>,
}

// === impl Kind ===

impl Kind {
    /// Whether a point of this kind can be a call of that kind.
    pub(super) fn fits(self, window: Kind) -> bool {
        let status = match (self.status, window.status) {
            (Some(seen), Some(given)) => seen == given,
            _ => true,
        };
        status && !(self.named && window.named)
    }
}

// === impl Pairing ===

impl Pairing {
    /// Pairs as many as possible.
    pub(super) fn of(mut points: Vec<Point>, mut windows: Vec<Window>) -> Pairing {
        points.sort_unstable();
        windows.sort_unstable_by_key(|window| (window.rank, window.to, window.from, window.id));
        let mut shelves: BTreeMap<Kind, Range<usize>> = BTreeMap::new();
        for (place, point) in points.iter().enumerate() {
            shelves.entry(point.kind).or_insert(place..place).end = place + 1;
        }
        let (of_point, of_window) = (vec![None; points.len()], vec![None; windows.len()]);
        let (free, fresh) = (Skip::new(points.len()), Skip::new(points.len()));
        let dead = Vec::new();
        let mut pairing =
            Pairing { points, windows, of_point, of_window, shelves, free, fresh, dead };
        (0..pairing.windows.len()).for_each(|window| pairing.serve(window));
        pairing
    }

    /// Gives a window a point, if any way leads to one.
    fn serve(&mut self, window: usize) {
        let ranges = self.ranges(window);
        let first = ranges.iter().filter_map(|range| self.free.first(range.clone()));
        match first.min_by_key(|&place| self.points.get(place).map(|point| point.at)) {
            Some(place) => {
                self.free.remove(place);
                self.join(window, place);
            }
            None => self.search(window),
        }
    }

    /// Looks for a free point that can be had by moving others, breadth first.
    fn search(&mut self, start: usize) {
        let mut queue = vec![start];
        let mut came: Vec<(usize, usize)> = Vec::new();
        let mut next = 0;
        while let Some(&window) = queue.get(next) {
            next += 1;
            for range in self.ranges(window) {
                while let Some(place) = self.fresh.first(range.clone()) {
                    self.fresh.remove(place);
                    came.push((place, window));
                    match self.of_point.get(place).copied().flatten() {
                        Some(owner) => queue.push(owner),
                        None => return self.move_along(place, &came),
                    }
                }
            }
        }
        // From here no way leads to a free point, and none ever will.
        self.dead.extend(came.into_iter().map(|(place, _)| place));
    }

    /// Gives a free point to the window that saw it, the point that this one had to the window that
    /// saw that one, and so on back to the start.
    fn move_along(&mut self, free: usize, came: &[(usize, usize)]) {
        self.free.remove(free);
        let saw: BTreeMap<usize, usize> = came.iter().copied().collect();
        let mut place = Some(free);
        while let Some(now) = place {
            let Some(&window) = saw.get(&now) else { break };
            place = self.of_window.get(window).copied().flatten();
            self.join(window, now);
        }
        self.fresh = Skip::new(self.points.len());
        self.dead.iter().for_each(|&place| self.fresh.remove(place));
    }

    fn join(&mut self, window: usize, place: usize) {
        if let Some(slot) = self.of_window.get_mut(window) {
            *slot = Some(place);
        }
        if let Some(slot) = self.of_point.get_mut(place) {
            *slot = Some(window);
        }
    }

    /// The points that a window can have, shelf by shelf.
    fn ranges(&self, window: usize) -> Vec<Range<usize>> {
        let Some(window) = self.windows.get(window) else { return Vec::new() };
        let fitting = self.shelves.iter().filter(|(kind, _)| kind.fits(window.kind));
        let cut = |(_, shelf): (&Kind, &Range<usize>)| {
            let points = self.points.get(shelf.clone()).unwrap_or_default();
            let before = |limit: i64| points.partition_point(|point| point.at < limit);
            let (from, to) = (before(window.from), before(window.to.saturating_add(1)));
            shelf.start + from..shelf.start + to.max(from)
        };
        fitting.map(cut).filter(|range| !range.is_empty()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn kind(status: u16, named: bool) -> Kind {
        Kind { status: (status > 0).then_some(status), named }
    }

    fn points(list: &[(i64, u16)]) -> Vec<Point> {
        let point =
            |(id, &(at, status)): (usize, &(i64, u16))| Point { kind: kind(status, false), at, id };
        list.iter().enumerate().map(point).collect()
    }

    fn windows(list: &[(i64, i64, u16, u8)]) -> Vec<Window> {
        let window = |(id, &(from, to, status, rank)): (usize, &(i64, i64, u16, u8))| Window {
            kind: kind(status, true),
            from,
            to,
            rank,
            id,
        };
        list.iter().enumerate().map(window).collect()
    }

    /// The most points, and with them the most windows of rank 0, by trying everything.
    fn brute(points: &[Point], windows: &[Window], used: u32) -> (usize, usize) {
        let Some((window, rest)) = windows.split_first() else { return (0, 0) };
        let mut best = brute(points, rest, used);
        for (place, point) in points.iter().enumerate() {
            let inside = (window.from..=window.to).contains(&point.at);
            if inside && point.kind.fits(window.kind) && used & (1 << place) == 0 {
                let (all, sure) = brute(points, rest, used | (1 << place));
                best = best.max((all + 1, sure + usize::from(window.rank == 0)));
            }
        }
        best
    }

    fn counted(pairing: &Pairing) -> (usize, usize) {
        let sure =
            |(window, place): &(&Window, &Option<usize>)| window.rank == 0 && place.is_some();
        let pairs = pairing.windows.iter().zip(&pairing.of_window);
        (pairing.of_point.iter().flatten().count(), pairs.filter(sure).count())
    }

    #[test]
    fn points_are_moved_where_that_helps() {
        // The call of unknown status must take the early point, whichever came first.
        let pairing =
            Pairing::of(points(&[(1, 200), (9, 200)]), windows(&[(0, 10, 200, 0), (0, 2, 0, 0)]));
        assert_eq!(counted(&pairing), (2, 2));
        let pairing = Pairing::of(
            points(&[(1, 200), (1, 404), (5, 200)]),
            windows(&[(0, 1, 0, 0), (0, 5, 200, 0), (0, 5, 200, 0)]),
        );
        assert_eq!(counted(&pairing), (3, 3));
    }

    #[test]
    fn a_named_point_is_none_of_the_named_calls() {
        let stranger = Point { kind: kind(200, true), at: 1, id: 0 };
        let pairing = Pairing::of(vec![stranger], windows(&[(0, 2, 200, 0)]));
        assert_eq!(pairing.of_point, [None]);
    }

    #[test]
    fn a_crowd_at_one_moment_takes_no_age() {
        let many: Vec<_> = (0..30_000).map(|_| (5, 200)).collect();
        let calls: Vec<_> =
            (0..30_007).map(|n| (0, 9, if n % 9 == 0 { 0 } else { 200 }, 0)).collect();
        let pairing = Pairing::of(points(&many), windows(&calls));
        assert_eq!(counted(&pairing), (30_000, 30_000));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn nobody_finds_a_better_pairing(
            at in prop::collection::vec((0_i64..12, 0_u16..3), 0..7),
            calls in prop::collection::vec((0_i64..12, 0_i64..6, 0_u16..3, 0_u8..2), 0..7),
        ) {
            let calls = calls.iter().map(|&(from, long, s, rank)| (from, from + long, s, rank));
            let calls: Vec<_> = calls.collect();
            let pairing = Pairing::of(points(&at), windows(&calls));
            let best = brute(&points(&at), &windows(&calls), 0);
            prop_assert_eq!(counted(&pairing), best);
            for (place, window) in pairing.of_point.iter().enumerate() {
                let Some(window) = *window else { continue };
                prop_assert_eq!(pairing.of_window[window], Some(place));
                let (point, window) = (pairing.points[place], pairing.windows[window]);
                prop_assert!((window.from..=window.to).contains(&point.at));
                prop_assert!(point.kind.fits(window.kind));
            }
        }
    }
}
