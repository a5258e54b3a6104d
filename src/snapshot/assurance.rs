//! What the evidence must hold of a call before it goes out, and which calls go without it.
//!
//! None of it speaks of stage observe, where no call waits, nor of refusals. A protected call waits
//! in every mode: a mode only ever adds calls to those that do.

use crate::stage::Protection;

/// What the evidence must hold before a call goes out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Assurance {
    /// Which calls wait for it.
    pub durability: Durability,
    /// What becomes of calls that are not protected while there is none.
    pub on_failure: OnFailure,
}

/// Which calls go only once their decision is durable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// Those that are protected.
    #[default]
    Protected,
    /// All.
    All,
    /// Those that are protected; they gather for a moment, so that one sync serves many.
    Batched,
}

/// What becomes of calls that are not protected while the evidence cannot be written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFailure {
    /// They are refused.
    #[default]
    Deny,
    /// They go, and are counted.
    Forward,
}

// === impl Assurance ===

impl Assurance {
    /// Whether a call goes only once its decision is durable.
    pub fn waits(self, protection: Protection) -> bool {
        protection == Protection::Protected || self.durability == Durability::All
    }

    /// Whether a call goes although the evidence refuses it. A protected one never does.
    pub fn forgoes(self, protection: Protection) -> bool {
        protection == Protection::Open && self.on_failure == OnFailure::Forward
    }
}

// === impl Durability ===

impl Durability {
    /// All of them.
    pub const ALL: [Durability; 3] = [Durability::Protected, Durability::All, Durability::Batched];

    /// The word of the config.
    pub fn as_str(self) -> &'static str {
        match self {
            Durability::Protected => "protected",
            Durability::All => "all",
            Durability::Batched => "batched",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_setting_lets_a_protected_call_go_without_evidence() {
        for durability in Durability::ALL {
            for on_failure in [OnFailure::Deny, OnFailure::Forward] {
                let assurance = Assurance { durability, on_failure };
                assert!(assurance.waits(Protection::Protected), "{assurance:?}");
                assert!(!assurance.forgoes(Protection::Protected), "{assurance:?}");
                assert_eq!(assurance.waits(Protection::Open), durability == Durability::All);
                assert_eq!(assurance.forgoes(Protection::Open), on_failure == OnFailure::Forward);
            }
        }
    }
}
