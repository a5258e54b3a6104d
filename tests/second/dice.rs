//! A seeded source of choices: the same seed makes the same documents on every machine.

use serde_json::{Map, Value};

/// SplitMix64.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Dice {
        Dice(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    pub(crate) fn percent(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of the items of a list written as `a|b|c`.
    pub(crate) fn one<'a>(&mut self, words: &'a str) -> &'a str {
        let words: Vec<&str> = words.split('|').collect();
        words[self.below(words.len())]
    }

    /// One of them, at times in another case or with white space about it.
    pub(crate) fn said(&mut self, words: &str) -> Value {
        let word = self.one(words);
        match self.below(12) {
            0 => format!(" {word}\t"),
            1 => word.to_uppercase(),
            2 => format!("\u{a0}{word}\u{3000}"),
            _ => word.to_owned(),
        }
        .into()
    }

    /// One of them, at times with white space about it.
    pub(crate) fn cased(&mut self, words: &str) -> Value {
        let word = self.one(words);
        if self.percent(10) { format!(" {word}\n").into() } else { word.into() }
    }

    /// A few of them.
    pub(crate) fn few(&mut self, words: &str) -> Value {
        (0..self.below(4)).map(|_| self.said(words)).collect::<Vec<_>>().into()
    }

    /// A few of them in their own case.
    pub(crate) fn few_cased(&mut self, words: &str) -> Value {
        (0..self.below(4)).map(|_| self.cased(words)).collect::<Vec<_>>().into()
    }

    pub(crate) fn flag(&mut self) -> Value {
        self.percent(70).into()
    }

    pub(crate) fn number(&mut self, words: &str) -> Value {
        self.one(words).parse::<i64>().unwrap().into()
    }

    /// A mapping in which each member stands with a chance of `percent`.
    pub(crate) fn sparse(
        &mut self,
        percent: usize,
        makers: &[(&str, Maker)],
    ) -> Map<String, Value> {
        let mut out = Map::new();
        for (name, make) in makers {
            if self.percent(percent) {
                out.insert((*name).to_owned(), make(self));
            }
        }
        out
    }
}

pub(crate) type Maker = fn(&mut Dice) -> Value;
