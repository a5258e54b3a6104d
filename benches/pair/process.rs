//! The processes under measurement, and what the kernel says that they used.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;
use tempfile::TempDir;

/// Ticks a second in `/proc/PID/stat`; Linux has given user space 100 since ever.
const TICKS: f64 = 100.0;

/// A child; killed when dropped.
pub(crate) struct Process {
    child: Child,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// Holds gait's files.
    dir: Option<TempDir>,
}

impl Process {
    /// This very program in another role; it prints its address.
    pub(crate) fn of_this(role: &str, arguments: &[&str]) -> Process {
        let this = std::env::current_exe().expect("this program's path");
        let mut child = Command::new(this)
            .arg(role)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("start");
        let mut line = String::new();
        let out = child.stdout.take().expect("a pipe");
        BufReader::new(out).read_line(&mut line).expect("an address");
        Process { child, address: line.trim().parse().expect("an address"), dir: None }
    }

    /// gait with this config before `tool`; its policy allows everything.
    pub(crate) fn gait(tool: SocketAddr, config: &str) -> Process {
        let dir = TempDir::new().expect("a directory");
        let config = config.replace("UPSTREAM", &tool.to_string());
        fs::write(dir.path().join("gait.yaml"), config).expect("write");
        fs::write(dir.path().join("policy.yaml"), include_str!("policy.yaml")).expect("write");
        let child = Command::new(env!("CARGO_BIN_EXE_gait"))
            .args(["proxy", "--config", "gait.yaml"])
            .current_dir(dir.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(dir.path().join("log")).expect("a log"))
            .spawn()
            .expect("start gait");
        let address = address(&dir);
        Process { child, address, dir: Some(dir) }
    }

    /// How long gait's evidence log is.
    pub(crate) fn evidence_bytes(&self) -> u64 {
        let dir = self.dir.as_ref().expect("gait's files").path().join("state/evidence");
        let entries = fs::read_dir(dir).expect("an evidence directory").flatten();
        entries.map(|entry| entry.metadata().expect("a size").len()).sum()
    }

    /// CPU used so far, user and system, all threads.
    pub(crate) fn cpu(&self) -> Duration {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).expect("stat");
        // The name may hold blanks; fields are counted after its closing bracket.
        let after = stat.rsplit(')').next().expect("fields");
        let ticks: u32 = after
            .split_whitespace()
            .skip(11)
            .take(2)
            .map(|field| field.parse::<u32>().expect("ticks"))
            .sum();
        Duration::from_secs_f64(f64::from(ticks) / TICKS)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// Waits for gait's data listener.
fn address(dir: &TempDir) -> SocketAddr {
    for _ in 0..1000 {
        thread::sleep(Duration::from_millis(10));
        let Ok(bytes) = fs::read(dir.path().join("state/addresses.json")) else { continue };
        let Ok(read) = serde_json::from_slice::<serde_json::Value>(&bytes) else { continue };
        if let Some(address) = read["server"].as_str() {
            return address.parse().expect("an address");
        }
    }
    let log = fs::read_to_string(dir.path().join("log")).unwrap_or_default();
    panic!("gait does not listen:\n{log}")
}
