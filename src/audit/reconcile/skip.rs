//! Which places of a row are still there, and the next of them, in next to no time.
//!
//! Each place that is gone points at one behind it; a walk shortens the way for the next one.

use std::ops::Range;

/// Places 0 to n, some of them gone.
#[derive(Clone, Debug)]
pub(super) struct Skip(Vec<usize>);

// === impl Skip ===

impl Skip {
    /// All places are there.
    pub(super) fn new(places: usize) -> Skip {
        Skip((0..=places).collect())
    }

    /// Takes a place out.
    pub(super) fn remove(&mut self, place: usize) {
        if let Some(next) = self.0.get_mut(place)
            && *next == place
        {
            *next = place + 1;
        }
    }

    /// The first place of a range that is there.
    pub(super) fn first(&mut self, range: Range<usize>) -> Option<usize> {
        let mut end = range.start;
        while let Some(next) = self.0.get(end).copied().filter(|next| *next != end) {
            end = next;
        }
        let mut place = range.start;
        while place != end
            && let Some(next) = self.0.get_mut(place)
        {
            place = std::mem::replace(next, end);
        }
        (range.contains(&end) && end + 1 < self.0.len()).then_some(end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_gone_is_skipped() {
        let mut skip = Skip::new(4);
        assert_eq!(skip.first(1..3), Some(1));
        skip.remove(1);
        skip.remove(2);
        skip.remove(2);
        assert_eq!(
            (skip.first(0..9), skip.first(1..3), skip.first(1..4)),
            (Some(0), None, Some(3))
        );
        skip.remove(3);
        assert_eq!((skip.first(1..9), skip.first(9..12)), (None, None));
    }
}
