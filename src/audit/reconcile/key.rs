//! What was asked of a tool, in the form that its log and the evidence can be compared in.
//!
//! The evidence keeps the method and the digest of the target that gait forwards; from a log the
//! target is made canonical as gait does it, and digested alike.

use crate::call::path::Target;
use crate::json::Digest;

/// Method and target as one number: the first half of a SHA-256, which nobody meets by chance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Key([u8; 16]);

// === impl Key ===

impl Key {
    /// Of what the evidence says.
    pub(super) fn new(method: &str, target: Digest) -> Key {
        let whole = Digest::of_fields(&[method.as_bytes(), target.as_bytes()]);
        let mut half = [0; 16];
        half.iter_mut().zip(whole.as_bytes()).for_each(|(to, from)| *to = *from);
        Key(half)
    }

    /// Of what a log says. A target that gait would refuse stands as it came: so it is forwarded
    /// where a whole upstream observes.
    pub(super) fn of_request(method: &str, target: &str) -> Key {
        let read = match target.split_once('?') {
            Some((path, query)) => Target::read(path, Some(query)),
            None => Target::read(target, None),
        };
        let canonical = read.as_ref().map_or(target, Target::as_str);
        Key::new(method, Digest::of(canonical.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_come_to_the_same_key() {
        let want = Key::new("GET", Digest::of(b"/v1/~a?q=%2F"));
        for target in ["/v1/~a?q=%2F", "/v1/%7ea?q=%2f"] {
            assert_eq!(Key::of_request("GET", target), want, "{target}");
        }
        assert_ne!(Key::of_request("HEAD", "/v1/~a?q=%2F"), want);
        assert_ne!(Key::of_request("GET", "/v1/~a"), want);
        assert_eq!(Key::of_request("GET", "/a/../b"), Key::new("GET", Digest::of(b"/a/../b")));
    }
}
