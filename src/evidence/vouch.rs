//! Which signature speaks for one line: the first that stands behind it, on a chain that is whole
//! from the line to there. Pure.
//!
//! This judges a few lines, not a log: nothing is said of what stands before the line, nor of
//! whether the key is one to be trusted. That is for [`verify`](super::verify()).

use super::chain::{Head, Whole};
use crate::sign::{PublicKey, Refusal};

/// What speaks for a line.
#[derive(Debug, PartialEq, Eq)]
pub enum Vouched {
    /// A signature that holds.
    Signed {
        /// `seq` of the line that it stands on.
        seq: u64,
        /// Id of the key.
        key_id: String,
    },
    /// A signature stands behind it, and does not hold.
    Refused {
        /// `seq` of the line that it stands on.
        seq: u64,
        /// Id of the key that is named.
        key_id: String,
        /// Why not; `None` where nobody knows the key.
        refusal: Option<Refusal>,
    },
    /// No signature stands behind it yet.
    Unsigned,
    /// The line's bytes do not give its hash.
    Changed,
    /// The chain breaks before a signature.
    Cut {
        /// `seq` of the last line that follows.
        seq: u64,
    },
}

/// Looks for the signature that speaks for the first of `lines`, which go on behind it in the
/// order of the log, each without its LF. `key` knows keys by their ids.
pub fn vouched<L: AsRef<[u8]>>(
    lines: impl IntoIterator<Item = L>,
    key: impl Fn(&str) -> Option<PublicKey>,
) -> Vouched {
    let mut head: Option<Head> = None;
    for line in lines {
        // What a crash left is no line; those behind it go on where it began.
        let (whole, before) = match (Whole::read(line.as_ref()), head) {
            (Some(whole), before) => (whole, before),
            (None, None) => return Vouched::Changed,
            (None, Some(_)) => continue,
        };
        if let Some(before) = before.filter(|before| !whole.continues(before)) {
            return Vouched::Cut { seq: before.seq };
        }
        if let Some(stamp) = &whole.stamp {
            let (seq, key_id) = (whole.head.seq, stamp.key_id.to_owned());
            return match key(&key_id).map(|key| stamp.verify(&key)) {
                Some(Ok(())) => Vouched::Signed { seq, key_id },
                Some(Err(refusal)) => Vouched::Refused { seq, key_id, refusal: Some(refusal) },
                None => Vouched::Refused { seq, key_id, refusal: None },
            };
        }
        head = Some(whole.head);
    }
    Vouched::Unsigned
}

#[cfg(test)]
mod tests {
    use super::super::chain::{append, append_signed};
    use super::super::event::Event;
    use super::super::line::{Entry, Line};
    use super::*;
    use crate::sign::PrivateKey;

    /// Three lines, a signature, a line.
    fn log(key: &PrivateKey) -> Vec<Vec<u8>> {
        let time = "2026-01-02T03:04:05Z".parse().unwrap();
        let line = |event| Line::new(time, Entry::Event(event));
        let (mut head, mut lines) = (Head::genesis(), Vec::new());
        for at in 1..=5 {
            let mut bytes = Vec::new();
            head = match at {
                4 => append_signed(head, &mut line(Event::Batch), key, &mut bytes),
                _ => append(head, [&mut line(Event::Stop { missed: None })], &mut bytes),
            }
            .unwrap();
            bytes.pop();
            lines.push(bytes);
        }
        lines
    }

    #[test]
    fn the_first_signature_behind_a_line_speaks_for_it() {
        let key = PrivateKey::generate().unwrap();
        let (lines, id) = (log(&key), key.public().id());
        let find = |from: usize| vouched(&lines[from..], |_| Some(key.public()));
        assert_eq!(find(0), Vouched::Signed { seq: 4, key_id: id.clone() });
        assert_eq!(find(3), Vouched::Signed { seq: 4, key_id: id.clone() });
        assert_eq!(find(4), Vouched::Unsigned);
        let unknown = Vouched::Refused { seq: 4, key_id: id.clone(), refusal: None };
        assert_eq!(vouched(&lines, |_| None), unknown);
        let other = PrivateKey::generate().unwrap().public();
        let refused = vouched(&lines, |_| Some(other.clone()));
        let refusal = Some(Refusal::KeyId);
        assert_eq!(refused, Vouched::Refused { seq: 4, key_id: id, refusal });
    }

    #[test]
    fn what_was_changed_is_not_vouched_for() {
        let key = PrivateKey::generate().unwrap();
        let find = |lines: &[Vec<u8>]| vouched(lines, |_| Some(key.public()));
        let mut lines = log(&key);
        lines[0][10] ^= 1;
        assert_eq!(find(&lines), Vouched::Changed);
        let mut lines = log(&key);
        lines.remove(1);
        assert_eq!(find(&lines), Vouched::Cut { seq: 1 });
        // Rubbish of a crash stands between lines that follow each other.
        let mut lines = log(&key);
        lines.insert(2, b"{\"v\":1,\"se".to_vec());
        assert!(matches!(find(&lines), Vouched::Signed { seq: 4, .. }));
    }
}
