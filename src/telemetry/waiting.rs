//! A config that can be used and waits for rest, as `/readyz?verbose` says it.
//!
//! Rejected: to name every route, as the answer of a check is to stay short.

use jiff::Timestamp;
use std::fmt;

/// As many are named.
const NAMES_MAX: usize = 10;

/// Since when it waits, and why.
#[derive(Clone, Debug)]
pub(super) struct Waiting {
    since: Timestamp,
    /// What would be held to less, as far as that has names.
    named: Vec<String>,
}

/// Whether somebody who was told is to be told again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// Nobody was told.
    New,
    /// It was told.
    Told,
}

// === impl Waiting ===

impl Waiting {
    /// What waits from then on, or has waited before.
    pub(super) fn after(before: Option<&Waiting>, at: Timestamp, named: &[String]) -> Waiting {
        let since = before.map_or(at, |before| before.since);
        Waiting { since, named: named.to_vec() }
    }

    /// Whether that these wait is other than what was told.
    pub(super) fn news(before: Option<&Waiting>, named: &[String]) -> News {
        let is_told = before.is_some_and(|before| before.named == named);
        if is_told { News::Told } else { News::New }
    }
}

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "waits since {:.0}: it would let through more than before", self.since)?;
        let (shown, more) = self.named.split_at(self.named.len().min(NAMES_MAX));
        if !shown.is_empty() {
            write!(f, " ({}", shown.join(", "))?;
            if !more.is_empty() {
                write!(f, " and {} more", more.len())?;
            }
            f.write_str(")")?;
        }
        f.write_str(", and comes into force once the files have not changed for some seconds")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_is_named_up_to_a_bound_and_told_when_it_is_other() {
        let at: Timestamp = "2026-11-01T00:00:00Z".parse().unwrap();
        let names = |count| (0..count).map(|at| format!("r{at}")).collect::<Vec<_>>();
        let one = Waiting::after(None, at, &names(1));
        assert!(one.to_string().contains("than before (r0), and comes"), "{one}");
        assert_eq!(Waiting::news(None, &names(1)), News::New);
        assert_eq!(Waiting::news(Some(&one), &names(1)), News::Told);
        assert_eq!(Waiting::news(Some(&one), &names(2)), News::New);
        let later = at + jiff::SignedDuration::from_secs(9);
        let many = Waiting::after(Some(&one), later, &names(12)).to_string();
        assert!(many.contains("00:00:00Z") && many.contains("r9 and 2 more)"), "{many}");
        let none = Waiting::after(None, at, &[]).to_string();
        assert!(none.contains("than before, and comes"), "{none}");
    }
}
