//! A real gait with the config of `deploy/compose.yaml`, before a tool that says yes to everything.

use crate::http::ask;
use crate::{repository, wait_for};
use serde_json::Value;
use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use tempfile::TempDir;

/// A running gait; killed when dropped.
pub(crate) struct Scene {
    dir: TempDir,
    child: Child,
    /// Where calls come in.
    pub(crate) server: SocketAddr,
    /// Where metrics are read.
    pub(crate) telemetry: SocketAddr,
}

impl Scene {
    /// Starts it with the shipped config.
    pub(crate) fn start() -> Scene {
        Scene::with(|config| config)
    }

    /// Starts it with that config, changed.
    pub(crate) fn with(change: impl Fn(String) -> String) -> Scene {
        let dir = TempDir::new().unwrap();
        let copied = ["gait.yaml", "policy.yaml"].map(|name| {
            let text = crate::text(&format!("deploy/compose/{name}"));
            let text = if name == "gait.yaml" { change(text) } else { text };
            fs::write(dir.path().join(name), text)
        });
        copied.into_iter().for_each(|written| written.unwrap());
        let child = Command::new(env!("CARGO_BIN_EXE_gait"))
            .args(["proxy", "--config", "gait.yaml"])
            .current_dir(dir.path())
            .env("GAIT__SERVER__LISTEN", "127.0.0.1:0")
            .env("GAIT__TELEMETRY__LISTEN", "127.0.0.1:0")
            .env("GAIT__ADMIN__LISTEN", "127.0.0.1:0")
            .env("GAIT__UPSTREAMS__TOOL__URL", format!("http://{}", tool()))
            .stdin(Stdio::null())
            .stderr(File::create(dir.path().join("log")).unwrap())
            .spawn()
            .expect("start gait");
        let [server, telemetry] = addresses(&dir.path().join("state"));
        let scene = Scene { dir, child, server, telemetry };
        wait_for("readiness", || {
            (ask(telemetry, "GET", "/readyz", "").status == 200).then_some(())
        });
        scene
    }

    /// A path in its directory.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A round of calls: what runs, what would not, what does not, and what cannot be read.
    pub(crate) fn traffic(&self) {
        let payment = |amount: u32| format!("{{\"amount\":{amount}}}");
        for (method, path, body) in [
            ("GET", "/files/1", String::new()),
            ("PUT", "/files/2", "{\"name\":\"zwei\"}".to_owned()),
            ("POST", "/payments", payment(5)),
            ("POST", "/payments", payment(5000)),
            ("POST", "/notes", "{\"text\":\"a\"}".to_owned()),
            ("DELETE", "/files/1", String::new()),
            ("GET", "/nowhere", String::new()),
            ("GET", "/files/%2e%2e/1", String::new()),
        ] {
            ask(self.server, method, path, &body);
        }
    }

    /// Asks for a deletion, has it approved, and asks again with what the approver was handed.
    pub(crate) fn approve_one(&self) {
        let refused = ask(self.server, "DELETE", "/files/2", "");
        assert_eq!(refused.status, 428, "{}", refused.body);
        let id = refused.json()["approval_id"].as_str().expect("an id").to_owned();
        let granted = Command::new(env!("CARGO_BIN_EXE_gait"))
            .args(["approvals", "grant", &id, "--reason", "looked at", "--state-dir"])
            .arg(self.path("state"))
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(granted.status.success(), "{}", String::from_utf8_lossy(&granted.stderr));
    }

    /// Stops it as a supervisor does, and gives its state directory.
    pub(crate) fn stop(mut self) -> TempDir {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
        let ended = self.child.wait().unwrap();
        assert!(ended.success(), "{ended}");
        std::mem::replace(&mut self.dir, TempDir::new().unwrap())
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
        if thread::panicking() {
            eprintln!("{}", fs::read_to_string(self.path("log")).unwrap_or_default());
        }
    }
}

/// The data and the telemetry listener, once gait has written where they are.
fn addresses(state: &Path) -> [SocketAddr; 2] {
    wait_for("addresses.json", || {
        let file = fs::read(state.join("addresses.json")).ok()?;
        let read: Value = serde_json::from_slice(&file).ok()?;
        let address = |name: &str| read[name].as_str()?.parse().ok();
        Some([address("server")?, address("telemetry")?])
    })
}

/// A tool; its threads end with the test process.
fn tool() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || yes(stream));
        }
    });
    address
}

/// Reads one request, as far as it comes, and agrees.
fn yes(mut stream: TcpStream) -> Option<()> {
    let (mut seen, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        let count = stream.read(&mut piece).ok().filter(|count| *count > 0)?;
        seen.extend_from_slice(piece.get(..count)?);
        let text = String::from_utf8_lossy(&seen).to_lowercase();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.split_once("content-length: ").map_or("0", |(_, after)| after);
        let length: usize = length.lines().next()?.trim().parse().ok()?;
        if body.len() >= length {
            break;
        }
    }
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\n{}\n";
    stream.write_all(answer.as_bytes()).ok()
}

/// Whether a program is on the path. A test says so and passes where it is missing, unless `CI` is
/// set: there everything is installed.
pub(crate) fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).any(|folder| folder.join(program).exists());
    assert!(found || std::env::var_os("CI").is_none(), "install `{program}`");
    if !found {
        println!("skipped: {program} is not installed");
    }
    found
}

/// The scripts of this folder.
pub(crate) fn script(name: &str) -> PathBuf {
    repository("tests/deploy").join(name)
}
