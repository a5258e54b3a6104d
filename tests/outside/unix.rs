//! Unix sockets: who may connect, and what becomes of the file.

use crate::support::{Conn, Gait, Recorder, Setup, get, run_to_end, wait_for};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;

const LISTENER: &str =
    "listeners:\n  - { name: local, listen: \"unix:gait.sock\", unix_mode: \"0660\" }\n";

fn start(tool: &Recorder) -> Gait {
    Setup::fixture("security", tool.address).with(LISTENER).start()
}

fn socket(gait: &Gait) -> PathBuf {
    PathBuf::from(gait.listener("local").strip_prefix("unix:").unwrap())
}

#[test]
fn calls_come_in_by_a_socket_of_the_mode_that_is_set() {
    let tool = Recorder::start();
    let gait = start(&tool);
    let path = socket(&gait);
    assert!(path.is_absolute());
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o660);
    let mut conn = Conn::over(UnixStream::connect(&path).unwrap());
    for _ in 0..2 {
        assert_eq!(conn.write(get("/health")).read().status, 200);
    }
    assert_eq!(gait.scrape().sum("gait_connections", &[("listener", "local")]), 1.0);
    assert_eq!(Conn::open(gait.server).write(get("/health")).read().status, 200);
}

#[test]
fn the_file_goes_with_the_process_and_comes_again_after_a_kill() {
    let tool = Recorder::start();
    let mut gait = start(&tool);
    let path = socket(&gait);
    gait.signal("INT");
    assert!(gait.wait().success(), "{}", gait.log());
    assert!(!path.exists());
    let setup = Setup::fixture("security", tool.address).with(LISTENER);
    let gait = setup.start_in(gait.kill());
    let (path, dir) = (socket(&gait), gait.kill());
    assert!(path.exists(), "a kill leaves it behind");
    let gait = setup.start_in(dir);
    let mut conn = Conn::over(UnixStream::connect(socket(&gait)).unwrap());
    assert_eq!(conn.write(get("/health")).read().status, 200);
}

#[test]
fn what_somebody_else_uses_is_left_alone() {
    let tool = Recorder::start();
    let dir = tempfile::TempDir::new().unwrap();
    Setup::fixture("security", tool.address).with(LISTENER).write(dir.path());
    let path = dir.path().join("gait.sock");
    let refused = || {
        let ended = run_to_end(dir.path(), &["proxy", "--config", "gait.yaml"]);
        assert_eq!(ended.status.code(), Some(1));
        String::from_utf8(ended.stderr).unwrap()
    };
    fs::write(&path, "mine").unwrap();
    let said = refused();
    assert!(said.contains("unix:gait.sock (local): a file that is no socket"), "{said}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
    fs::remove_file(&path).unwrap();
    let live = UnixListener::bind(&path).unwrap();
    let said = refused();
    assert!(said.contains("another process listens there"), "{said}");
    assert!(UnixStream::connect(&path).is_ok());
    drop(live);
}

#[test]
fn a_drain_closes_it_with_the_others() {
    let tool = Recorder::start();
    let lines = format!("{LISTENER}timeouts: {{ drain_delay: 0ms }}\n");
    let mut gait = Setup::fixture("security", tool.address).with(&lines).start();
    let path = socket(&gait);
    let mut conn = Conn::over(UnixStream::connect(&path).unwrap());
    assert_eq!(conn.write(get("/health")).read().status, 200);
    gait.signal("TERM");
    wait_for("the socket to go", || (!path.exists()).then_some(()));
    assert!(gait.wait().success());
}
