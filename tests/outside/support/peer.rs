//! Peers that none of us wrote, installed on demand: json-server, a stateful tool API, an OpenID
//! provider, a websocket server and client, and what drives a browser.

use super::client::{get, post, send};
use serde_json::Value;
use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;

/// A running peer; killed when dropped.
#[derive(Debug)]
pub(crate) struct Peer {
    child: Child,
    /// Where it listens.
    pub(crate) address: SocketAddr,
}

/// A running OpenID provider; killed when dropped.
#[derive(Debug)]
pub(crate) struct Oidc {
    child: Child,
    issuer: String,
    /// Where it is told what to do.
    side: SocketAddr,
}

impl Oidc {
    /// Installs it where that is still to be done, and starts it with one key to sign with; over
    /// TLS where `PAIR.key` and `PAIR.pem` are given.
    pub(crate) fn start(pair: Option<&Path>) -> Oidc {
        let files = pair.map(|pair| [pair.with_extension("key"), pair.with_extension("pem")]);
        let scheme = if files.is_some() { "https" } else { "http" };
        let files = files.iter().flatten().map(|file| file.as_os_str());
        let script = std::iter::once(OsStr::new("oidc.js"));
        let (child, [address, side]) = node(script.chain(files));
        Oidc { child, issuer: format!("{scheme}://{address}"), side }
    }

    /// What its tokens say in `iss`.
    pub(crate) fn issuer(&self) -> &str {
        &self.issuer
    }

    /// A token with these claims, signed with its newest key.
    pub(crate) fn token(&self, claims: &Value) -> String {
        self.ask(&post("/__token", &claims.to_string()))
    }

    /// Replaces its keys by a fresh one.
    pub(crate) fn rotate(&self) {
        self.ask(&post("/__rotate", ""));
    }

    /// Adds a fresh key, with which it signs from now on.
    pub(crate) fn add_key(&self) {
        self.ask(&post("/__add", ""));
    }

    /// How often its keys were fetched.
    pub(crate) fn fetched(&self) -> u64 {
        self.ask(&get("/__fetched")).parse().expect("a count")
    }

    fn ask(&self, request: &str) -> String {
        let answer = send(self.side, request);
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.text()
    }
}

impl Drop for Oidc {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

impl Peer {
    /// Installs json-server where that is still to be done, and starts it with its small state.
    pub(crate) fn start() -> Peer {
        Peer::run(&["server.js"])
    }

    /// The same with a websocket server, which sends back what it is sent.
    pub(crate) fn websocket() -> Peer {
        Peer::run(&["websocket.js", "server"])
    }

    fn run(arguments: &[&str]) -> Peer {
        let (child, [address]) = node(arguments.iter().map(OsStr::new));
        Peer { child, address }
    }

    /// Its own state, asked past the proxy.
    pub(crate) fn state(&self, path: &str) -> Value {
        let close = "Connection: close\r\n";
        send(self.address, format!("GET {path} HTTP/1.1\r\nHost: peer\r\n{close}\r\n")).json()
    }

    /// How many calls like `DELETE /files` it executed, by its own count.
    pub(crate) fn executed(&self, key: &str) -> u64 {
        self.state("/__executed")[key].as_u64().unwrap_or(0)
    }

    /// How many calls of any kind it executed. State is to be asked after this, not before:
    /// asking counts.
    pub(crate) fn executed_in_all(&self) -> u64 {
        let counts = self.state("/__executed");
        counts.as_object().expect("counts").values().filter_map(Value::as_u64).sum()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// Starts a script of `tests/peers`, and reads the ports that it prints.
fn node<'a, const PORTS: usize>(
    arguments: impl Iterator<Item = &'a OsStr>,
) -> (Child, [SocketAddr; PORTS]) {
    let mut child = Command::new("node")
        .args(arguments)
        .current_dir(installed())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("`node` starts: install nodejs, version 18 or later");
    let mut out = BufReader::new(child.stdout.take().expect("a pipe"));
    let ports = std::array::from_fn(|_| {
        let mut line = String::new();
        out.read_line(&mut line).expect("a port");
        let port: u16 = line.trim().parse().expect("the script prints its ports");
        SocketAddr::from(([127, 0, 0, 1], port))
    });
    (child, ports)
}

/// Says much over a websocket, and what came of it; success where every echo was right.
pub(crate) fn websocket_caller(url: &str) -> Output {
    Command::new("timeout")
        .args(["20", "node", "websocket.js", "client", url])
        .current_dir(installed())
        .stdin(Stdio::null())
        .output()
        .expect("`node` starts")
}

/// What npm installed, for scripts that stand elsewhere.
pub(crate) fn modules() -> PathBuf {
    installed().join("node_modules")
}

/// The directory that holds the peers, as `tests/peers/package-lock.json` pins it.
fn installed() -> &'static Path {
    static DIR: OnceLock<PathBuf> = OnceLock::new();
    DIR.get_or_init(|| {
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers");
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("peers");
        let lock = fs::read(from.join("package-lock.json")).expect("the lock file");
        let done = dir.join("installed.json");
        fs::create_dir_all(&dir).expect("a directory under target");
        for name in ["package.json", "package-lock.json", "server.js", "oidc.js", "websocket.js"] {
            fs::copy(from.join(name), dir.join(name)).expect(name);
        }
        if fs::read(&done).is_ok_and(|have| have == lock) {
            return dir;
        }
        let ended = Command::new("npm")
            .args(["ci", "--omit=dev", "--no-audit", "--no-fund"])
            .current_dir(&dir)
            .stdin(Stdio::null())
            .output()
            .expect("`npm` starts: install nodejs and npm, these tests need json-server");
        assert!(ended.status.success(), "npm ci: {}", String::from_utf8_lossy(&ended.stderr));
        fs::write(done, lock).expect("a mark that the installation is whole");
        dir
    })
}
