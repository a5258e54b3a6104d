//! Mixed load on many connections for a while: no error, and memory that stays where it was.
//!
//! Ten seconds by default; `GAIT_SOAK_SECONDS=30` is what a release is held to.

use crate::support::{Conn, Gait, Recorder, Setup, get, post};
use std::thread;
use std::time::{Duration, Instant};

const CONNECTIONS: usize = 64;
/// What memory may grow by after the first third, in bytes: noise of the allocator, no leak.
const GROWTH_BYTES: f64 = 16e6;

/// The mix, each with the status it must get.
fn mix() -> Vec<(String, u16)> {
    let small = r#"{"amount":5}"#;
    let large = r#"{"amount":5000}"#;
    vec![
        (get("/health"), 200),
        (get("/v1/files/a/b"), 200),
        (post("/v1/transfers", small), 200),
        (post("/v1/transfers", large), 403),
        (post("/v1/payments", "{}"), 428),
        (post("/v1/notes/x", &"n".repeat(20_000)), 200),
        (get("/v1/notes/../payments"), 400),
        (get("/nowhere"), 403),
    ]
}

/// One caller until `end`; gives how many calls it made.
fn drive(gait: &Gait, first: usize, end: Instant) -> usize {
    let mix = mix();
    let mut conn = Conn::open(gait.server);
    let mut calls = 0;
    for (bytes, status) in mix.iter().cycle().skip(first) {
        if Instant::now() >= end {
            break;
        }
        let answer = conn.write(bytes).read();
        assert_eq!(answer.status, *status, "{answer:?}");
        if answer.all("Connection").contains(&"close") {
            conn = Conn::open(gait.server);
        }
        calls += 1;
    }
    calls
}

#[test]
fn memory_stays_flat_and_nothing_fails() {
    let asked = std::env::var("GAIT_SOAK_SECONDS").ok().and_then(|text| text.parse().ok());
    let time = Duration::from_secs(asked.unwrap_or(10));
    let tool = Recorder::start();
    let gait = Setup::fixture("security", tool.address).start();
    let resident = || gait.scrape().total("process_resident_memory_bytes");
    let (calls, warm) = thread::scope(|scope| {
        let end = Instant::now() + time;
        let gait = &gait;
        let callers: Vec<_> =
            (0..CONNECTIONS).map(|n| scope.spawn(move || drive(gait, n, end))).collect();
        thread::sleep(time / 3);
        let warm = resident();
        let calls: usize = callers.into_iter().map(|caller| caller.join().unwrap()).sum();
        (calls, warm)
    });
    let grown = resident() - warm;
    println!("{calls} calls in {time:?}, resident {warm} bytes and {grown} more at the end");
    assert!(grown < GROWTH_BYTES, "{grown} bytes more than after warm-up");
    let scrape = gait.settled();
    scrape.assert_law();
    assert_eq!(scrape.total("gait_upstream_requests_total"), tool.count() as f64);
}
