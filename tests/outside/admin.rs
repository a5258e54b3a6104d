//! The admin listener over sockets: its address, its token, and how little it takes.

use crate::support::{Authority, Caller, Conn, Gait, Recorder, Response, Setup, run_to_end, send};
use std::fs;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;

fn start() -> (Recorder, Gait) {
    let tool = Recorder::start();
    let gait = Setup::fixture("security", tool.address).start();
    (tool, gait)
}

fn address(gait: &Gait) -> SocketAddr {
    gait.listener("admin").parse().unwrap()
}

fn token(gait: &Gait) -> String {
    let text = fs::read_to_string(gait.dir().join("state/admin.token")).unwrap();
    text.trim_end().to_owned()
}

/// A GET with the token of the local login.
fn get(gait: &Gait, path: &str) -> Response {
    let token = token(gait);
    let request =
        format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n");
    send(address(gait), request)
}

#[test]
fn the_token_of_the_state_directory_opens_it_and_outlives_a_restart() {
    let (tool, gait) = start();
    let session = get(&gait, "/v1/session");
    assert_eq!(session.status, 200);
    let json = session.json();
    assert_eq!((json["login"].as_str(), json["role"].as_str()), (Some("local"), Some("admin")));
    let old = token(&gait);
    let path = gait.dir().join("state/admin.token");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let again = Setup::fixture("security", tool.address).start_in(gait.kill());
    assert_eq!(token(&again), old);
    assert_eq!(get(&again, "/v1/session").status, 200);
    let log = again.log();
    assert!(!log.contains(&old), "the token is in the log: {log}");
}

#[test]
fn the_page_needs_no_token_and_has_no_data() {
    let (_tool, gait) = start();
    for (path, media) in [
        ("/", "text/html; charset=utf-8"),
        ("/approvals.js", "text/javascript; charset=utf-8"),
        ("/approvals.css", "text/css; charset=utf-8"),
        ("/openapi.json", "application/json"),
    ] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        let answer = send(address(&gait), request);
        assert_eq!((answer.status, answer.one("content-type")), (200, Some(media)), "{path}");
        assert!(!answer.text().contains(&token(&gait)), "{path}");
    }
    let closed = send(address(&gait), "GET /v1/approvals HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_eq!(closed.status, 401);
    let rebound = send(address(&gait), "GET / HTTP/1.1\r\nHost: evil.test\r\n\r\n");
    assert_eq!(rebound.status, 421);
}

#[test]
fn a_head_has_the_length_and_no_body() {
    let (_tool, gait) = start();
    let mut conn = Conn::open(address(&gait));
    let head = conn.write("HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n").head().unwrap();
    assert_eq!(head.status, 200);
    let after = conn.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").read();
    assert_eq!(head.one("content-length"), Some(after.body.len().to_string().as_str()));
}

#[test]
fn large_bodies_and_heads_are_refused() {
    let (_tool, gait) = start();
    let (address, token) = (address(&gait), token(&gait));
    let post = |body: &str| {
        format!(
            "POST /v1/approvals/aaaaaaaaaaaa/deny HTTP/1.1\r\nHost: localhost\r\n\
             Authorization: Bearer {token}\r\nIf-Match: \"1\"\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    assert_eq!(send(address, post(&" ".repeat((16 << 10) + 1))).status, 413);
    let fits = format!("{{\"reason\":\"no\"}}{}", " ".repeat((16 << 10) - 15));
    assert!([404, 503].contains(&send(address, post(&fits)).status));
    let long =
        format!("GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: {}\r\n\r\n", "x".repeat(40_000));
    assert_eq!(send(address, long).status, 431);
    let many = format!("GET / HTTP/1.1\r\nHost: localhost\r\n{}\r\n", "X-A: b\r\n".repeat(100));
    assert_eq!(send(address, many).status, 431);
}

#[test]
fn a_login_that_is_taken_away_is_told_nothing_more() {
    let tool = Recorder::start();
    let login = |name: &str| {
        let sha256 = gait::json::Digest::of(b"look");
        format!(
            "admin: {{ listen: \"127.0.0.1:0\", logins: [ {{ name: {name}, role: viewer, sha256: \
             \"{sha256}\" }} ] }}\n"
        )
    };
    let setup = |logins: &str| Setup::fixture("security", tool.address).with(logins);
    let gait = setup(&login("eve")).start();
    let ask = |path: &str| {
        format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer look\r\n\r\n")
    };
    let revision = send(address(&gait), ask("/v1/approvals")).json()["revision"].clone();
    let mut waiting = Conn::open(address(&gait));
    waiting.write(ask(&format!("/v1/approvals?since={revision}&wait=4")));
    std::thread::sleep(std::time::Duration::from_millis(500));
    let none = "admin: { listen: \"127.0.0.1:0\" }\n";
    setup(none).write(gait.dir());
    gait.signal("HUP");
    crate::support::wait_for("the reload", || {
        (send(address(&gait), ask("/v1/session")).status == 401).then_some(())
    });
    assert_eq!(waiting.read().status, 401, "the wait began before it was taken away");
}

#[test]
fn silent_connections_do_not_keep_others_out_for_long() {
    let (_tool, gait) = start();
    let held: Vec<Conn> = (0..64).map(|_| Conn::open(address(&gait))).collect();
    assert_eq!(get(&gait, "/v1/session").status, 200, "their time is over");
    drop(held);
}

#[test]
fn a_crowd_that_says_nothing_and_comes_again_keeps_nobody_out() {
    let (_tool, gait) = start();
    let at = address(&gait);
    let revision = get(&gait, "/v1/approvals").json()["revision"].clone();
    let ask = format!(
        "GET /v1/approvals?since={revision}&wait=5 HTTP/1.1\r\nHost: localhost\r\nAuthorization: \
         Bearer {}\r\n\r\n",
        token(&gait)
    );
    let mut waiting = Conn::open(at);
    waiting.write(ask);
    let over = Arc::new(AtomicBool::new(false));
    let crowd: Vec<_> = (0..100)
        .map(|_| {
            let over = over.clone();
            std::thread::spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    let Ok(mut silent) = TcpStream::connect(at) else { continue };
                    silent.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
                    let _gone = silent.write_all(b"GET / HTTP/1.1\r\nHost: ");
                    while !over.load(Ordering::Relaxed)
                        && silent.read(&mut [0]).is_err_and(|e| e.kind() == ErrorKind::WouldBlock)
                    {
                    }
                }
            })
        })
        .collect();
    std::thread::sleep(Duration::from_secs(1));
    let begun = Instant::now();
    assert_eq!(get(&gait, "/v1/session").status, 200);
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    assert_eq!(waiting.read().status, 200, "who waits for a change is not sent away");
    over.store(true, Ordering::Relaxed);
    crowd.into_iter().for_each(|one| one.join().unwrap());
}

#[test]
fn a_token_that_others_can_read_stops_the_start() {
    let dir = TempDir::new().unwrap();
    let setup = Setup::fixture("security", "127.0.0.1:9".parse().unwrap());
    setup.write(dir.path());
    fs::create_dir(dir.path().join("state")).unwrap();
    let path = dir.path().join("state/admin.token");
    fs::write(&path, format!("gait_admin_{}\n", "A".repeat(43))).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let output = run_to_end(dir.path(), &["proxy", "--config", "gait.yaml"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(6), "{said}");
    assert!(said.contains("mode 644") && said.contains("chmod 600"), "{said}");
    assert!(!dir.path().join("state/addresses.json").exists(), "it served");
}

#[test]
fn it_answers_while_calls_drain() {
    let tool = Recorder::start();
    let setup = Setup::fixture("security", tool.address)
        .with("timeouts: { drain_delay: 3s, drain_deadline: 3s }\n");
    let mut gait = setup.start();
    gait.signal("TERM");
    crate::support::wait_for("the drain", || {
        (gait.telemetry("/readyz").status == 503).then_some(())
    });
    assert_eq!(get(&gait, "/v1/session").status, 200);
    assert!(gait.wait().success());
}

#[test]
fn a_unix_socket_takes_the_place_of_an_address() {
    let tool = Recorder::start();
    let admin = "admin: { listen: \"unix:admin.sock\", unix_mode: \"0666\" }\n";
    let dir = TempDir::new().unwrap();
    Setup::fixture("security", tool.address).with(admin).write(dir.path());
    let variable = [("GAIT__ADMIN__LISTEN", "unix:admin.sock")];
    let gait = Gait::launch(dir, &["proxy", "--config", "gait.yaml"], &variable);
    let path = gait.listener("admin").strip_prefix("unix:").unwrap().to_owned();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o666);
    let token = token(&gait);
    let mut conn = Conn::over(UnixStream::connect(&path).unwrap());
    let ask = |host: &str| {
        format!("GET /v1/session HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n\r\n")
    };
    assert_eq!(conn.write(ask("localhost")).read().status, 200);
    assert_eq!(conn.write(ask("evil.test")).read().status, 421);
}

#[test]
fn with_tls_nothing_is_said_in_the_clear() {
    let tool = Recorder::start();
    let (authority, dir) = (Authority::new("own"), TempDir::new().unwrap());
    authority.server(&["localhost", "api.test"]).write(dir.path(), "admin");
    let admin = "admin: { listen: \"127.0.0.1:0\", tls: { cert: admin.pem, key: admin.key } }\n";
    let gait = Setup::fixture("security", tool.address).with(admin).start_in(dir);
    let ask = |scheme: &str| {
        let token = token(&gait);
        format!(
            "GET /v1/session HTTP/1.1\r\nHost: localhost\r\nOrigin: {scheme}://localhost\r\n\
             Authorization: Bearer {token}\r\n\r\n"
        )
    };
    let caller = Caller::of(&authority.pem());
    assert_eq!(caller.open(address(&gait)).write(ask("https")).read().status, 200);
    assert_eq!(caller.open(address(&gait)).write(ask("http")).read().status, 403);
    let clear = Conn::open(address(&gait)).write(ask("https")).rest();
    assert!(!clear.starts_with(b"HTTP/"), "{}", String::from_utf8_lossy(&clear));
}
