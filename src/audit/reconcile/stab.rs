//! Windows that hold a moment, each given once.
//!
//! Sorted by their beginning, with a tree of the latest ends above them: a walk goes only where a
//! window can be, so that taking one costs a logarithm however many others begin before it.

/// Windows that are still there.
#[derive(Debug)]
pub(super) struct Stab {
    /// Beginning, end and whose it is, by beginning.
    windows: Vec<(i64, i64, usize)>,
    /// The latest end below each node of a complete binary tree; node 1 is the root.
    latest: Vec<Option<i64>>,
    leaves: usize,
}

// === impl Stab ===

impl Stab {
    /// Of windows by beginning, end and whose they are.
    pub(super) fn new(mut windows: Vec<(i64, i64, usize)>) -> Stab {
        windows.sort_unstable();
        let leaves = windows.len().next_power_of_two();
        let ends = windows.iter().map(|(_, to, _)| Some(*to));
        let mut latest: Vec<_> = std::iter::repeat_n(None, leaves).chain(ends).collect();
        latest.resize(leaves * 2, None);
        let mut stab = Stab { windows, latest, leaves };
        (1..leaves).rev().for_each(|node| stab.settle(node));
        stab
    }

    /// Whether a window that is still there holds the moment.
    pub(super) fn holds(&self, moment: i64) -> bool {
        self.find(moment).is_some()
    }

    /// Takes out a window that holds the moment, and says whose it is.
    pub(super) fn take(&mut self, moment: i64) -> Option<usize> {
        let place = self.find(moment)?;
        let mut node = self.leaves + place;
        *self.latest.get_mut(node)? = None;
        while node > 1 {
            node /= 2;
            self.settle(node);
        }
        self.windows.get(place).map(|(_, _, id)| *id)
    }

    /// The first window that holds the moment.
    fn find(&self, moment: i64) -> Option<usize> {
        let begun = self.windows.partition_point(|(from, _, _)| *from <= moment);
        let reaches = |node: usize| self.latest.get(node).copied().flatten() >= Some(moment);
        let mut node = 1;
        if !reaches(node) {
            return None;
        }
        while node < self.leaves {
            node = if reaches(node * 2) { node * 2 } else { node * 2 + 1 };
        }
        // The first that ends late enough; if that begins too late, so do all behind it.
        Some(node - self.leaves).filter(|place| *place < begun)
    }

    fn settle(&mut self, node: usize) {
        let below = |side: usize| self.latest.get(node * 2 + side).copied().flatten();
        let latest = below(0).max(below(1));
        if let Some(slot) = self.latest.get_mut(node) {
            *slot = latest;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_window_that_holds_a_moment_is_given_once() {
        let mut random = 0x9e37_79b9_7f4a_7c15_u64;
        let mut dice = |sides: u64| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            (random % sides) as i64
        };
        for count in 0..40 {
            let windows: Vec<_> = (0..count)
                .map(|id| {
                    let from = dice(20);
                    (from, from + dice(8), id)
                })
                .collect();
            let (mut stab, mut left) = (Stab::new(windows.clone()), windows);
            for _ in 0..30 {
                let moment = dice(30);
                let holds = |&&(from, to, _): &&(i64, i64, usize)| (from..=to).contains(&moment);
                assert_eq!(stab.holds(moment), left.iter().any(|one| holds(&one)));
                match stab.take(moment) {
                    None => assert_eq!(left.iter().find(holds), None),
                    Some(id) => {
                        let place = left.iter().position(|one| one.2 == id && holds(&one));
                        left.remove(place.unwrap());
                    }
                }
            }
        }
    }
}
