//! Texts that come again and again, each kept once.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

/// Values by their number, each once.
#[derive(Debug)]
pub(super) struct Names<T> {
    places: HashMap<Arc<T>, u32>,
    values: Vec<Arc<T>>,
}

// === impl Names ===

impl<T> Default for Names<T> {
    fn default() -> Names<T> {
        Names { places: HashMap::new(), values: Vec::new() }
    }
}

impl<T: Eq + Hash> Names<T> {
    /// The number of a value. Lines and calls are bounded far below `u32::MAX`, and with them this.
    pub(super) fn number(&mut self, value: T) -> u32 {
        if let Some(number) = self.places.get(&value) {
            return *number;
        }
        let number = u32::try_from(self.values.len()).unwrap_or(u32::MAX);
        let value = Arc::new(value);
        self.places.insert(value.clone(), number);
        self.values.push(value);
        number
    }

    /// The value of a number.
    pub(super) fn get(&self, number: u32) -> Option<&T> {
        self.values.get(number as usize).map(Arc::as_ref)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_has_one_number() {
        let mut names = Names::default();
        assert_eq!(["a", "b", "a"].map(|name| names.number(name)), [0, 1, 0]);
        assert_eq!((names.get(1), names.get(2)), (Some(&"b"), None));
    }
}
