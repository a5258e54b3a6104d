//! How often a rule lets something be done (spec E13).
//!
//! One type serves `rate_limit` and `destructive_budget`: they differ in what they count, not in
//! how. Counting is somebody else's work; here is only what the policy says.

use crate::intent::words::words;

/// At most `requests` in each `window`, counted per `scope`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// How many; at least 1.
    pub requests: u64,
    /// In which time.
    pub window: Window,
    /// Whose calls are counted together.
    pub scope: Scope,
}

words! {
    /// The time over which calls are counted. Windows start at the full minute or hour, UTC.
    pub enum Window {
        Hour = "hour",
        Minute = "minute",
    }
}

words! {
    /// Whose calls are counted together.
    pub enum Scope {
        Identity = "identity",
        Tool = "tool",
        ToolIdentity = "tool_identity",
    }
}

// === impl Limit ===

impl Limit {
    /// The one that holds where two rules both limit: fewest requests, then minute before hour,
    /// then the smallest scope name.
    pub fn tightest(a: Limit, b: Limit) -> Limit {
        if b.rank() < a.rank() { b } else { a }
    }

    fn rank(&self) -> (u64, bool, Scope) {
        (self.requests, self.window == Window::Hour, self.scope)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(requests: u64, window: Window, scope: Scope) -> Limit {
        Limit { requests, window, scope }
    }

    #[test]
    fn the_tightest_is_the_same_whichever_comes_first() {
        let ranked = [
            limit(1, Window::Hour, Scope::ToolIdentity),
            limit(2, Window::Minute, Scope::ToolIdentity),
            limit(2, Window::Hour, Scope::Identity),
            limit(2, Window::Hour, Scope::Tool),
            limit(2, Window::Hour, Scope::ToolIdentity),
            limit(3, Window::Minute, Scope::Identity),
        ];
        for (at, tight) in ranked.iter().enumerate() {
            for loose in ranked.iter().skip(at) {
                assert_eq!(Limit::tightest(*tight, *loose), *tight);
                assert_eq!(Limit::tightest(*loose, *tight), *tight);
            }
        }
    }

    #[test]
    fn declared_order_is_byte_order() {
        assert!(Window::ALL.iter().map(|word| word.as_str()).is_sorted());
        assert!(Scope::ALL.iter().map(|word| word.as_str()).is_sorted());
    }
}
