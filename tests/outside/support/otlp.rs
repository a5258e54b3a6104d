//! A collector, and what it was told as the library of the OpenTelemetry project reads it.

use super::recorder::{Recorder, Then};
use super::wait_for;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use std::fs;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use tempfile::TempDir;

/// A collector that takes what it is told.
#[derive(Debug)]
pub(crate) struct Collector(pub(crate) Recorder);

impl Collector {
    /// One that takes everything.
    pub(crate) fn start() -> Collector {
        Collector(Recorder::answering(|_, stream| {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")?;
            Ok(Then::Close)
        }))
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.0.address
    }

    /// Every span that it was told of.
    pub(crate) fn spans(&self) -> Vec<Value> {
        self.told("traces", ["resourceSpans", "scopeSpans", "spans"])
    }

    /// Every log record that it was told.
    pub(crate) fn records(&self) -> Vec<Value> {
        self.told("logs", ["resourceLogs", "scopeLogs", "logRecords"])
    }

    /// Waits until it was told of so many calls by records.
    pub(crate) fn calls(&self, count: usize) -> Vec<Value> {
        wait_for("records of calls", || {
            let mut records = self.records();
            records.retain(|record| record["eventName"] == "gait.call");
            (records.len() >= count).then_some(records)
        })
    }

    fn told(&self, signal: &str, path: [&str; 3]) -> Vec<Value> {
        let target = format!("/v1/{signal}");
        let seen = self.0.seen();
        let bodies: Vec<_> = seen.iter().filter(|seen| seen.target() == target).collect();
        if bodies.is_empty() {
            return Vec::new();
        }
        let dir = TempDir::new().unwrap();
        let files: Vec<PathBuf> =
            (0..bodies.len()).map(|n| dir.path().join(n.to_string())).collect();
        files.iter().zip(bodies).for_each(|(file, seen)| fs::write(file, &seen.body).unwrap());
        let read = Command::new("python3")
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/otlp.py"))
            .arg(signal)
            .args(files)
            .env("PYTHONPATH", library())
            .output()
            .expect("`python3` starts");
        assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
        let messages = String::from_utf8(read.stdout).unwrap();
        let messages = messages.lines().map(|line| serde_json::from_str(line).unwrap());
        path.iter().fold(messages.collect(), |found: Vec<Value>, name| {
            found
                .iter()
                .flat_map(|one| one[*name].as_array().cloned().unwrap_or_default())
                .collect()
        })
    }
}

/// An attribute of a span or a record.
pub(crate) fn attribute<'v>(of: &'v Value, name: &str) -> &'v Value {
    let attributes = of["attributes"].as_array().expect("attributes");
    let found = attributes.iter().find(|one| one["key"] == name);
    let value = found.and_then(|one| one["value"].as_object()?.values().next());
    value.unwrap_or(&Value::Null)
}

/// An id as the library gives it, in hex.
pub(crate) fn id(value: &Value) -> String {
    let bytes = STANDARD.decode(value.as_str().unwrap_or_default()).unwrap();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Where pip put the library, in the versions that `tests/peers/requirements.txt` pins.
fn library() -> &'static Path {
    static DIR: OnceLock<PathBuf> = OnceLock::new();
    DIR.get_or_init(|| {
        let list = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/requirements.txt");
        let wanted = fs::read(&list).unwrap();
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("otlp");
        let done = dir.join("installed.txt");
        if fs::read(&done).is_ok_and(|have| have == wanted) {
            return dir;
        }
        let ended = Command::new("python3")
            .args(["-m", "pip", "install", "--quiet", "--upgrade", "--requirement"])
            .arg(&list)
            .arg("--target")
            .arg(&dir)
            .output()
            .expect("`python3` starts: install python3 with pip");
        assert!(ended.status.success(), "pip: {}", String::from_utf8_lossy(&ended.stderr));
        fs::write(done, wanted).unwrap();
        dir
    })
}
