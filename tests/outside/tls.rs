//! TLS with callers: who is shown which certificate, who gets in, and what a reload changes.

use crate::support::{
    Authority, Caller, Conn, Gait, ONLY_12, ONLY_13, Recorder, Setup, get, wait_for,
};
use std::fs;
use std::io::Read as _;
use std::net::TcpStream;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A gait behind TLS; `more` is put into `server.tls`.
fn start(dir: TempDir, tool: &Recorder, more: &str) -> Gait {
    setup(tool, more).start_in(dir)
}

fn setup(tool: &Recorder, more: &str) -> Setup {
    let server = format!(
        "{{ listen: \"127.0.0.1:0\", tls: {{ certificates: [ {{ cert: a.pem, key: a.key }} ] \
         {more} }} }}"
    );
    Setup::fixture("security", tool.address).listening(&server)
}

/// A folder with an authority's certificate for `api.test`.
fn folder(authority: &Authority) -> TempDir {
    let dir = TempDir::new().unwrap();
    authority.server(&["api.test"]).write(dir.path(), "a");
    dir
}

/// How many handshakes failed.
fn failures(gait: &Gait) -> f64 {
    gait.scrape().sum("gait_tls_handshake_failures_total", &[("listener", "server")])
}

/// The certificate that the other side showed.
fn shown(caller: &Caller, gait: &Gait) -> Vec<u8> {
    let conn = caller.open(gait.server);
    let certificates = conn.stream().conn.peer_certificates().unwrap();
    certificates[0].to_vec()
}

#[test]
fn the_name_that_is_asked_for_chooses_the_certificate() {
    let (ca, tool, dir) = (Authority::new("ca"), Recorder::start(), TempDir::new().unwrap());
    let names: [&[&str]; 3] = [&["api.test"], &["*.wild.test"], &["own.wild.test", "b.test"]];
    let mut list = Vec::new();
    for (index, names) in names.iter().enumerate() {
        ca.server(names).write(dir.path(), &format!("c{index}"));
        list.push(format!("{{ cert: c{index}.pem, key: c{index}.key }}"));
    }
    let server =
        format!("{{ listen: \"127.0.0.1:0\", tls: {{ certificates: [ {} ] }} }}", list.join(", "));
    let gait = Setup::fixture("security", tool.address).listening(&server).start_in(dir);
    let caller = Caller::of(&ca.pem());
    for name in ["api.test", "x.wild.test", "own.wild.test", "b.test"] {
        // The caller verifies the name itself.
        assert_eq!(Caller { name, ..caller.clone() }.get(gait.server, "/health").unwrap(), 200);
    }
    for name in ["x.y.wild.test", "wild.test", "elsewhere.test"] {
        assert!(Caller { name, ..caller.clone() }.try_open(gait.server).is_err(), "{name}");
    }
    let scrape = gait.scrape();
    let not_after = "gait_tls_certificate_not_after_timestamp_seconds";
    assert_eq!(scrape.values(not_after, "name"), ["server/0", "server/1", "server/2"]);
    assert!(scrape.sum(not_after, &[("name", "server/2")]) > 1_700_000_000.0);
    gait.settled().assert_law();
}

#[test]
fn both_versions_are_spoken_unless_one_is_not_wanted() {
    let (ca, tool) = (Authority::new("ca"), Recorder::start());
    let caller = Caller::of(&ca.pem());
    let speaks = |gait: &Gait, versions| {
        Caller { versions, ..caller.clone() }.get(gait.server, "/health").ok()
    };
    let both = start(folder(&ca), &tool, "");
    assert_eq!((speaks(&both, ONLY_12), speaks(&both, ONLY_13)), (Some(200), Some(200)));
    let newer = start(folder(&ca), &tool, ", min_version: \"1.3\"");
    assert_eq!((speaks(&newer, ONLY_12), speaks(&newer, ONLY_13)), (None, Some(200)));
    assert_eq!(failures(&newer), 1.0);
}

#[test]
fn callers_show_what_they_are_asked_for() {
    let (ca, others, tool) = (Authority::new("ca"), Authority::new("others"), Recorder::start());
    let id = ["spiffe://prod.example/ns/a/sa/b"];
    let with =
        |pair: Option<_>, versions| Caller { shows: pair, versions, ..Caller::of(&ca.pem()) };
    let right = || Some(ca.client(&id));
    let wrong = || Some(others.client(&id));
    // Without a certificate, with one, with one of another authority, with a server's.
    for (asked, wanted) in [
        ("", [true, true, true, true]),
        (", client_certificates: optional, client_ca: ca.pem", [true, true, false, false]),
        (", client_certificates: required, client_ca: ca.pem", [false, true, false, false]),
    ] {
        let dir = folder(&ca);
        fs::write(dir.path().join("ca.pem"), ca.pem()).unwrap();
        let gait = start(dir, &tool, asked);
        for versions in [ONLY_12, ONLY_13] {
            let server = Some(ca.server(&["api.test"]));
            let callers = [None, right(), wrong(), server];
            let found =
                callers.map(|pair| with(pair, versions).get(gait.server, "/health").is_ok());
            assert_eq!(found, wanted, "{asked}");
        }
        let refused = wanted.iter().filter(|ok| !**ok).count() * 2;
        wait_for("the failures", || (failures(&gait) == refused as f64).then_some(()));
    }
}

#[test]
fn what_is_spoken_inside_is_agreed_on() {
    let (ca, tool) = (Authority::new("ca"), Recorder::start());
    let agreed = |gait: &Gait, alpn| {
        let conn = Caller { alpn, ..Caller::of(&ca.pem()) }.try_open(gait.server).ok()?;
        Some(conn.stream().conn.alpn_protocol().map(|word| String::from_utf8_lossy(word).into()))
    };
    let word = |word: &str| Some(Some(word.to_owned()));
    let gait = start(folder(&ca), &tool, "");
    assert_eq!(agreed(&gait, &["h2", "http/1.1"]), word("h2"));
    assert_eq!(agreed(&gait, &["http/1.1", "h2"]), word("h2"));
    assert_eq!(agreed(&gait, &["http/1.1"]), word("http/1.1"));
    assert_eq!(agreed(&gait, &[]), Some(None));
    assert_eq!(agreed(&gait, &["spdy/1"]), None);
    let off = setup(&tool, "");
    let off = Setup { config: off.config.replace("0\", tls", "0\", http2: off, tls"), ..off };
    let gait = off.start_in(folder(&ca));
    assert_eq!(agreed(&gait, &["h2", "http/1.1"]), word("http/1.1"));
    assert_eq!(agreed(&gait, &["h2"]), None);
}

#[test]
fn a_slow_handshake_holds_up_nobody_and_ends() {
    let (ca, tool) = (Authority::new("ca"), Recorder::start());
    let setup = setup(&tool, "").with("timeouts: { handshake: 4s }\n");
    let gait = setup.start_in(folder(&ca));
    let mut slow: Vec<_> = (0..50).map(|_| TcpStream::connect(gait.server).unwrap()).collect();
    let begun = Instant::now();
    assert_eq!(Caller::of(&ca.pem()).get(gait.server, "/health").unwrap(), 200);
    assert!(begun.elapsed() < Duration::from_secs(3), "held up for {:?}", begun.elapsed());
    assert!(gait.scrape().sum("gait_connections", &[("listener", "server")]) >= 50.0);
    for stream in &mut slow {
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        assert_eq!(stream.read(&mut [0]).unwrap_or(0), 0, "closed without a word");
    }
    wait_for("the failures", || (failures(&gait) == 50.0).then_some(()));
}

#[test]
fn clear_text_gets_nothing_where_there_is_tls() {
    let (ca, tool) = (Authority::new("ca"), Recorder::start());
    let gait = start(folder(&ca), &tool, "");
    let mut conn = Conn::open(gait.server);
    assert!(conn.write(get("/health")).try_read().is_err());
    wait_for("the failure", || (failures(&gait) == 1.0).then_some(()));
    assert_eq!(tool.count(), 0);
}

/// Asks for a reload and waits for how it went.
fn reload(gait: &Gait, successful: f64) {
    let stamp = "gait_config_last_reload_success_timestamp_seconds";
    let before = gait.scrape().total(stamp);
    gait.signal("HUP");
    wait_for("the reload", || {
        let scrape = gait.scrape();
        let done = scrape.total("gait_config_last_reload_successful") == successful;
        (done && (successful == 0.0 || scrape.total(stamp) > before)).then_some(())
    });
}

#[test]
fn certificates_are_swapped_under_connections_that_stay() {
    let (ca, tool) = (Authority::new("ca"), Recorder::start());
    let gait = start(folder(&ca), &tool, "");
    let caller = Caller::of(&ca.pem());
    let mut kept = caller.open(gait.server);
    assert_eq!(kept.write(get("/health")).read().status, 200);
    let mut before = shown(&caller, &gait);
    for _ in 0..3 {
        ca.server(&["api.test"]).write(gait.dir(), "a");
        reload(&gait, 1.0);
        let after = shown(&caller, &gait);
        assert_ne!(before, after, "another certificate is shown");
        assert_eq!(kept.write(get("/health")).read().status, 200, "the connection stays");
        before = after;
    }
    assert_eq!(failures(&gait), 0.0);
}

#[test]
fn a_hundred_swaps_under_load_fail_no_handshake() {
    let (ca, tool) = (Authority::new("ca"), Recorder::start());
    let gait = start(folder(&ca), &tool, "");
    let caller = Caller::of(&ca.pem());
    let stop = AtomicBool::new(false);
    let calls: usize = thread::scope(|scope| {
        let call = || {
            let mut calls = 0;
            while !stop.load(Ordering::Relaxed) {
                assert_eq!(caller.get(gait.server, "/health").unwrap(), 200);
                calls += 1;
                thread::sleep(Duration::from_millis(10));
            }
            calls
        };
        let callers: Vec<_> = (0..3).map(|_| scope.spawn(call)).collect();
        for _ in 0..100 {
            ca.server(&["api.test"]).write(gait.dir(), "a");
            reload(&gait, 1.0);
        }
        stop.store(true, Ordering::Relaxed);
        callers.into_iter().map(|caller| caller.join().unwrap()).sum()
    });
    assert!(calls > 20, "{calls} calls are no load");
    assert_eq!(failures(&gait), 0.0);
    gait.settled().assert_law();
}

#[test]
fn a_pair_that_does_not_fit_leaves_the_old_one() {
    let (ca, tool) = (Authority::new("ca"), Recorder::start());
    let gait = start(folder(&ca), &tool, "");
    let caller = Caller::of(&ca.pem());
    let before = shown(&caller, &gait);
    let (one, other) = (ca.server(&["api.test"]), ca.server(&["api.test"]));
    let write = |dir: &Path, cert: &str, key: &str| {
        fs::write(dir.join("a.pem"), cert).unwrap();
        fs::write(dir.join("a.key"), key).unwrap();
    };
    for (cert, key) in [(&one.cert, &other.key), (&String::new(), &one.key)] {
        write(gait.dir(), cert, key);
        reload(&gait, 0.0);
        assert_eq!(shown(&caller, &gait), before);
        assert!(!gait.log().contains("PRIVATE KEY"), "a key is in the log");
    }
    write(gait.dir(), &one.cert, &one.key);
    reload(&gait, 1.0);
    assert_ne!(shown(&caller, &gait), before);
}

#[test]
fn tls_cannot_be_reloaded_away() {
    let (ca, tool) = (Authority::new("ca"), Recorder::start());
    let gait = start(folder(&ca), &tool, "");
    let caller = Caller::of(&ca.pem());
    let file = gait.dir().join("gait.yaml");
    let config = fs::read_to_string(&file).unwrap();
    let tls = config.lines().find(|line| line.starts_with("server:")).unwrap();
    let clear = config.replace(tls, "server: { listen: \"127.0.0.1:0\" }");
    fs::write(&file, clear).unwrap();
    reload(&gait, 1.0);
    assert_eq!(gait.scrape().total("gait_config_restart_needed"), 1.0);
    assert_eq!(caller.get(gait.server, "/health").unwrap(), 200);
    assert!(Conn::open(gait.server).write(get("/health")).try_read().is_err());
    // Given back, it changes as before.
    fs::write(&file, config).unwrap();
    let before = shown(&caller, &gait);
    ca.server(&["api.test"]).write(gait.dir(), "a");
    reload(&gait, 1.0);
    assert_ne!(shown(&caller, &gait), before);
    assert_eq!(gait.scrape().total("gait_config_restart_needed"), 0.0);
}

#[test]
fn a_second_listener_has_ways_of_its_own() {
    let (ca, tool, dir) = (Authority::new("ca"), Recorder::start(), TempDir::new().unwrap());
    ca.server(&["api.test"]).write(dir.path(), "a");
    let more = "listeners:\n  - { name: mesh, listen: \"127.0.0.1:0\", tls: { certificates: [ { \
                cert: a.pem, key: a.key } ] } }\n";
    let gait = Setup::fixture("security", tool.address).with(more).start_in(dir);
    let mesh = gait.listener("mesh").parse().unwrap();
    assert_eq!(Caller::of(&ca.pem()).get(mesh, "/health").unwrap(), 200);
    assert_eq!(Conn::open(gait.server).write(get("/health")).read().status, 200);
    let spoken = |listener| {
        let labels = [("listener", listener), ("protocol", "http1")];
        gait.scrape().sum("gait_connections_total", &labels)
    };
    assert_eq!((spoken("mesh"), spoken("server")), (1.0, 1.0));
}
