//! Which policy judged, small enough to stand in every key of a summary.
//!
//! The gates ask what the policy in force decided: one that was mended has to show it anew. Rejected:
//! to let a stay begin with each policy, since the time in a stage, its approvals and its bypasses are
//! no matter of the policy.

use crate::audit::Entry;
use crate::json::Digest;

/// The front of the digest of a policy; the rest tells no two policies of one log apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PolicyKey(u64);

// === impl PolicyKey ===

impl PolicyKey {
    /// No policy judged.
    pub(super) const NONE: PolicyKey = PolicyKey(0);

    pub(super) fn of(digest: &Digest) -> PolicyKey {
        let front = digest.as_bytes().first_chunk();
        front.map_or(PolicyKey::NONE, |front| PolicyKey(u64::from_be_bytes(*front)))
    }

    /// The policy that a line names.
    pub(super) fn read(entry: &Entry) -> PolicyKey {
        let digest = entry.text("policy_digest").and_then(Digest::parse);
        digest.as_ref().map_or(PolicyKey::NONE, PolicyKey::of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(members: &str) -> PolicyKey {
        let line = format!(
            r#"{{"v":1,"seq":7,"kind":"call","time":"2026-01-02T03:04:05.000000Z"{members}}}"#
        );
        PolicyKey::read(&Entry::read(line.as_bytes()).unwrap())
    }

    #[test]
    fn a_line_names_its_policy() {
        let digest = format!("00000000000001ff{}", "a".repeat(48));
        let found = key(&format!(r#","policy_digest":"{digest}""#));
        assert_eq!(found, PolicyKey(0x1ff));
        assert_eq!(found, PolicyKey::of(&Digest::parse(&digest).unwrap()));
        assert_eq!(key(""), PolicyKey::NONE);
        assert_eq!(key(r#","policy_digest":"00000000000001ff""#), PolicyKey::NONE);
    }
}
