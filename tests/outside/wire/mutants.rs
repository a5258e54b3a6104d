//! The tables' rows, spoilt at random: whatever comes of a mutant, the tool never sees a call
//! that the policy refuses, and gait goes on.
//!
//! The seed is printed; `GAIT_MUTANT_SEED` replays it, `GAIT_MUTANTS` sets how many there are.

use super::{Bench, Row, all_rows, forbidden};
use crate::support::{Conn, get, send};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What is spliced in: bytes that parsers disagree about.
const SPLICES: [&[u8]; 24] = [
    b"\r\n",
    b"\n",
    b"\r",
    b"\0",
    b" ",
    b"\t",
    b":",
    b",",
    b";",
    b"%",
    b"%2f",
    b"%2e%2e",
    b"/../",
    b"//",
    b"\\",
    b"?",
    b"#",
    b"\xff",
    b"Transfer-Encoding: chunked\r\n",
    b"Content-Length: 0\r\n",
    b"Content-Length: 5\r\n",
    b"0\r\n\r\n",
    b"Connection: close\r\n",
    b"POST /admin HTTP/1.1\r\nHost: api.test\r\n\r\n",
];

/// A small generator of our own: the same seed gives the same mutants everywhere.
struct Dice(u64);

impl Dice {
    /// A number below `limit` (xorshift64*).
    fn roll(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(number).unwrap() % limit.max(1)
    }
}

/// One to three changes to a row's bytes.
fn mutant(rows: &[Row], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = rows[dice.roll(rows.len())].bytes.clone();
    bytes.truncate(4096);
    for _ in 0..=dice.roll(3) {
        let at = dice.roll(bytes.len());
        match dice.roll(4) {
            0 => drop(bytes.splice(at..at, SPLICES[dice.roll(SPLICES.len())].iter().copied())),
            1 => bytes[at] = u8::try_from(dice.roll(256)).unwrap(),
            2 => drop(bytes.drain(at..(at + dice.roll(8)).min(bytes.len()))),
            _ => {
                let other = &rows[dice.roll(rows.len())].bytes;
                let from = dice.roll(other.len());
                let piece = &other[from..other.len().min(from + 64)];
                drop(bytes.splice(at..at, piece.iter().copied()));
            }
        }
        if bytes.is_empty() {
            bytes.push(b'G');
        }
    }
    bytes
}

/// A number from the environment.
fn asked(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn mutants_reach_nothing_forbidden() {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let seed = asked("GAIT_MUTANT_SEED").unwrap_or(now);
    let count = asked("GAIT_MUTANTS").unwrap_or(1500);
    println!("GAIT_MUTANT_SEED={seed}");
    let bench = Bench::start();
    let rows: Vec<Row> = all_rows().into_iter().filter(|row| row.bytes.len() < 4096).collect();
    let mut dice = Dice(seed | 1);
    for round in 0..count {
        let bytes = mutant(&rows, &mut dice);
        let shown = String::from_utf8_lossy(&bytes).into_owned();
        let mut conn = Conn::open(bench.gait.server);
        // A mutant may promise more than it brings; nobody waits for the rest.
        conn.patience(Duration::from_millis(30)).write(&bytes);
        let _any = conn.try_read();
        drop(conn);
        let evil = bench.tool.take().into_iter().find(forbidden_call);
        assert!(evil.is_none(), "round {round}: {evil:?} after {shown:?}");
    }
    assert_eq!(send(bench.gait.server, get("/health")).status, 200, "gait goes on");
    bench.gait.settled().assert_law();
    assert!(!bench.gait.log().contains("panicked"), "{}", bench.gait.log());
}

/// The tables' rule, less the marker word, which a mutant can put anywhere.
fn forbidden_call(seen: &crate::support::Seen) -> bool {
    let mut plain = seen.clone();
    plain.head = plain.head.replace("EVIL", "");
    forbidden(&plain)
}
