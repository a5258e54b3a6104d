//! Certificates are exchanged while callers come and stay: no handshake fails, each sees a whole
//! pair, and a connection that is kept does not notice.

use crate::support::{Authority, Caller, Conn, Gait, Pair, Recorder, Secure, Setup, get, wait_for};
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, date_time_ymd};
use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// How often the pair is exchanged.
const SWAPS: usize = 100;
/// Callers that connect all the time.
const CALLERS: usize = 3;
/// Connections that are kept all the time.
const KEPT: usize = 4;

const TIMESTAMP: &str = "gait_config_last_reload_success_timestamp_seconds";
const SUCCESSFUL: &str = "gait_config_last_reload_successful";

/// What the callers have seen.
#[derive(Debug, Default)]
struct Seen {
    /// Certificates, DER.
    leaves: Mutex<BTreeSet<Vec<u8>>>,
    failures: Mutex<Vec<String>>,
    done: AtomicBool,
}

struct Bench {
    gait: Gait,
    authority: Authority,
}

impl Bench {
    fn start(tool: &Recorder) -> Bench {
        let authority = Authority::new("ours");
        let dir = tempfile::TempDir::new().unwrap();
        authority.server(&["api.test"]).write(dir.path(), "server");
        let config = format!(
            "server:\n  listen: \"127.0.0.1:0\"\n  tls:\n    \
             certificates: [ {{ cert: server.pem, key: server.key }} ]\n\
             stage: enforce\nupstreams: {{ api: {{ url: \"http://{}\" }} }}\n\
             routes:\n  - name: read\n    match: {{ methods: [GET], path: \"/v1/{{rest*}}\" }}\n    \
             upstream: api\n    intent: {{ tool_name: api.read, risk_class: low }}\n",
            tool.address
        );
        let setup = Setup { config, policy: "default_verdict: allow\n".into() };
        Bench { gait: setup.start_in(dir), authority }
    }

    /// One handshake and one call on it; what the server showed.
    fn visit(&self, caller: &Caller) -> Result<Vec<u8>, String> {
        let conn = caller.try_open(self.gait.server);
        let mut conn = conn.map_err(|error| format!("handshake: {error}"))?;
        let leaf = conn.stream().conn.peer_certificates().unwrap_or_default()[0].to_vec();
        call(&mut conn)?;
        Ok(leaf)
    }

    fn reloads(&self) -> f64 {
        self.gait.scrape().total(TIMESTAMP)
    }

    /// Puts a pair in force.
    fn swap(&self, pair: &Pair) {
        let before = self.reloads();
        pair.write(self.gait.dir(), "server");
        self.gait.signal("HUP");
        wait_for("the reload's metric", || (self.reloads() > before).then_some(()));
    }

    /// Writes what must not come into force, waits until gait has said so, and mends it.
    fn fail(&self, what: Broken, good: &Pair) {
        what.of(good, &self.authority).write(self.gait.dir(), "server");
        self.gait.signal("HUP");
        wait_for("the failed reload's metric", || {
            (self.gait.scrape().total(SUCCESSFUL) == 0.0).then_some(())
        });
        self.swap(good);
    }
}

/// Pairs that are none.
#[derive(Clone, Copy, Debug)]
enum Broken {
    NoCertificate,
    NoKey,
    AnotherKey,
    Expired,
    Cut,
}

impl Broken {
    const ALL: [Broken; 5] =
        [Broken::NoCertificate, Broken::NoKey, Broken::AnotherKey, Broken::Expired, Broken::Cut];

    fn of(self, good: &Pair, authority: &Authority) -> Pair {
        let other = authority.server(&["api.test"]);
        let Pair { cert, key } = good.clone();
        match self {
            Broken::NoCertificate => Pair { cert: "nothing".to_owned(), key },
            Broken::NoKey => Pair { cert, key: String::new() },
            Broken::AnotherKey => Pair { cert, key: other.key },
            Broken::Expired => {
                let mut params = CertificateParams::new(["api.test".to_owned()]).unwrap();
                params.not_after = date_time_ymd(2020, 1, 1);
                authority.sign(params, ExtendedKeyUsagePurpose::ServerAuth)
            }
            Broken::Cut => Pair { cert: cert.chars().take(cert.len() / 2).collect(), key },
        }
    }
}

fn call(conn: &mut Conn<Secure>) -> Result<(), String> {
    let answer = conn.write(get("/v1/a")).try_read().map_err(|error| format!("call: {error}"))?;
    (answer.status == 200).then_some(()).ok_or_else(|| format!("call: {}", answer.text()))
}

/// Connects, calls and leaves, again and again.
fn come_and_go(bench: &Bench, seen: &Seen, caller: &Caller) -> usize {
    let mut visits = 0;
    while !seen.done.load(Ordering::Relaxed) {
        match bench.visit(caller) {
            Ok(leaf) => _ = seen.leaves.lock().unwrap().insert(leaf),
            Err(why) => seen.failures.lock().unwrap().push(why),
        }
        visits += 1;
    }
    visits
}

/// Calls on one and the same connection.
fn stay(bench: &Bench, seen: &Seen, caller: &Caller) -> usize {
    let mut conn = caller.open(bench.gait.server);
    let mut calls = 0;
    while !seen.done.load(Ordering::Relaxed) {
        if let Err(why) = call(&mut conn) {
            seen.failures.lock().unwrap().push(format!("kept: {why}"));
            break;
        }
        calls += 1;
        thread::sleep(std::time::Duration::from_millis(2));
    }
    calls
}

#[test]
fn a_hundred_swaps_and_no_failed_handshake() {
    let tool = Recorder::start();
    let bench = Bench::start(&tool);
    let caller = Caller::of(&bench.authority.pem());
    let seen = Seen::default();
    let mut shown = BTreeSet::from([bench.visit(&caller).unwrap()]);
    let visits = thread::scope(|scope| {
        let come = || come_and_go(&bench, &seen, &caller);
        let callers: Vec<_> = (0..CALLERS).map(|_| scope.spawn(come)).collect();
        let kept: Vec<_> =
            (0..KEPT).map(|_| scope.spawn(|| stay(&bench, &seen, &caller))).collect();
        for round in 0..SWAPS {
            let pair = bench.authority.server(&["api.test"]);
            bench.swap(&pair);
            assert_eq!(bench.visit(&caller).as_deref(), Ok(&*pair.der()), "swap {round}");
            shown.insert(pair.der());
            if round % 20 == 0 {
                let broken = Broken::ALL[round / 20];
                bench.fail(broken, &pair);
                assert_eq!(bench.visit(&caller).as_deref(), Ok(&*pair.der()), "after {broken:?}");
            }
        }
        seen.done.store(true, Ordering::Relaxed);
        for calls in kept.into_iter().map(|kept| kept.join().unwrap()) {
            assert!(calls > SWAPS / 10, "{calls} calls on a kept connection");
        }
        callers.into_iter().map(|caller| caller.join().unwrap()).sum::<usize>()
    });
    let failures = seen.failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{} of {visits}: {:?}", failures.len(), failures.first());
    assert!(visits > SWAPS / 10, "{visits} handshakes");
    assert!(seen.leaves.into_inner().unwrap().is_subset(&shown), "a certificate never written");
    let scrape = bench.gait.settled();
    assert_eq!(scrape.total("gait_tls_handshake_failures_total"), 0.0);
    scrape.assert_law();
}
