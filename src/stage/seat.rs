//! Which seat a caller has on a route.
//!
//! A keyed hash, so that nobody can choose an identity by the stage that it would stand in, and
//! that the same caller finds the same stage again after every reload and restart. Each route seats
//! anew: who is early on one is not early on all. Rejected: a table of seats, which would have to be
//! kept and could be full.

use super::{Percent, Seat};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use std::fmt;
use std::sync::Arc;
use zeroize::Zeroizing;

/// As many seats as a percentage has steps.
const SEATS: u64 = 100;

/// The key that seats callers; cheap to clone.
#[derive(Clone)]
pub struct SeatKey(Arc<Zeroizing<[u8; SeatKey::BYTES]>>);

// === impl SeatKey ===

impl SeatKey {
    /// Its length.
    pub const BYTES: usize = 32;

    /// The key of these bytes.
    pub fn new(bytes: Zeroizing<[u8; SeatKey::BYTES]>) -> SeatKey {
        SeatKey(Arc::new(bytes))
    }

    /// The seat of the caller whom `source` knows as `identity`.
    pub fn seat(&self, source: &str, identity: &str, route: &str) -> Seat {
        let number = self.number(&[source, identity, route]);
        number.and_then(Percent::new).map_or(Seat::Unknown, Seat::Known)
    }

    /// Each field stands behind its length: no two lists share one. No key length is refused, and
    /// if one were, nobody would be known.
    fn number(&self, fields: &[&str]) -> Option<u64> {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.0.as_slice()).ok()?;
        for field in fields {
            mac.update(&(field.len() as u64).to_be_bytes());
            mac.update(field.as_bytes());
        }
        let sum = mac.finalize().into_bytes();
        let (first, _) = sum.split_first_chunk::<8>()?;
        // Of 2^64 numbers none is more frequent by more than one in 10^17.
        Some(u64::from_be_bytes(*first) % SEATS)
    }
}

impl fmt::Debug for SeatKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SeatKey(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stage::{Stage, Standing};

    const CALLERS: usize = 10_000;

    fn key(byte: u8) -> SeatKey {
        SeatKey::new(Zeroizing::new([byte; SeatKey::BYTES]))
    }

    fn seat(key: &SeatKey, caller: usize, route: &str) -> Seat {
        key.seat("keys", &format!("agent-{caller}"), route)
    }

    #[test]
    fn a_share_of_ten_thousand_callers_is_as_large_as_it_says() {
        let key = key(7);
        for percent in [1, 5, 25, 50, 75, 99] {
            let share = Percent::new(percent).unwrap();
            let standing =
                Standing::Shared { from: Stage::Observe, to: Stage::Enforce, percent: share };
            let inside = (0..CALLERS).filter(|caller| {
                standing.stage(seat(&key, *caller, "files.delete")) == Stage::Enforce
            });
            let found = inside.count() as f64 / CALLERS as f64;
            assert!((found - share.ratio()).abs() < 0.02, "{percent} %: {found}");
        }
    }

    #[test]
    fn a_seat_hangs_on_key_source_identity_and_route_alone() {
        let seats = |key: &SeatKey, source: &str, route: &str| -> Vec<Seat> {
            (0..100).map(|caller| key.seat(source, &format!("agent-{caller}"), route)).collect()
        };
        let usual = seats(&key(7), "keys", "a");
        assert_eq!(usual, seats(&key(7), "keys", "a"), "another process finds the same");
        assert!(usual.iter().all(|seat| *seat != Seat::Unknown));
        for other in
            [seats(&key(8), "keys", "a"), seats(&key(7), "tls", "a"), seats(&key(7), "keys", "b")]
        {
            let same = usual.iter().zip(&other).filter(|(one, other)| one == other).count();
            assert!(same < 10, "{same} of 100");
        }
        // A field does not run into the next one.
        assert_ne!(
            key(7).number(&["ab", "c", "d"]).unwrap(),
            key(7).number(&["a", "bc", "d"]).unwrap()
        );
    }
}
