//! The built binary as a process: written config in a directory of its own, ports that the kernel
//! chooses, its log kept for the panic message.

use super::client::send;
use super::message::Response;
use super::metrics::Scrape;
use super::wait_for;
use serde_json::Value;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// What a gait is started with.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    /// The part of the config that the test is about; listeners, state and policy are added.
    pub(crate) config: String,
    /// The policy's text.
    pub(crate) policy: String,
}

/// A running gait; killed when dropped.
#[derive(Debug)]
pub(crate) struct Gait {
    /// Holds config, policy, state and log.
    dir: TempDir,
    child: Child,
    /// The data listener.
    pub(crate) server: SocketAddr,
    /// The telemetry listener.
    pub(crate) telemetry: SocketAddr,
}

impl Setup {
    /// Reads `tests/fixtures/NAME.yaml` and `tests/fixtures/NAME.policy.yaml`, with `UPSTREAM`
    /// put in.
    pub(crate) fn fixture(name: &str, upstream: SocketAddr) -> Setup {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
        let read = |file: String| fs::read_to_string(dir.join(&file)).expect(&file);
        Setup {
            config: read(format!("{name}.yaml")).replace("UPSTREAM", &upstream.to_string()),
            policy: read(format!("{name}.policy.yaml")),
        }
    }

    /// The same with more lines of config.
    pub(crate) fn with(mut self, lines: &str) -> Setup {
        self.config.push_str(lines);
        self
    }

    /// Writes `gait.yaml` and `policy.yaml` into `dir`.
    pub(crate) fn write(&self, dir: &Path) {
        let has_admin = self.config.lines().any(|line| line.starts_with("admin:"));
        let admin = if has_admin { "" } else { "admin: { listen: \"127.0.0.1:0\" }\n" };
        let head = "telemetry: { listen: \"127.0.0.1:0\" }\n\
                    state_dir: ./state\npolicy: ./policy.yaml\n";
        fs::write(dir.join("gait.yaml"), format!("{head}{admin}{}", self.config)).unwrap();
        fs::write(dir.join("policy.yaml"), &self.policy).unwrap();
    }

    /// The same with this first listener in place of the fixture's.
    pub(crate) fn listening(mut self, server: &str) -> Setup {
        let is_server = |line: &&str| line.starts_with("server:");
        let old = self.config.lines().find(is_server).expect("a `server` line").to_owned();
        self.config = self.config.replace(&old, &format!("server: {server}"));
        self
    }

    /// Starts gait and waits until it says that it is ready.
    pub(crate) fn start(&self) -> Gait {
        self.start_in(TempDir::new().unwrap())
    }

    /// The same in a directory that may hold the state of an earlier process.
    pub(crate) fn start_in(&self, dir: TempDir) -> Gait {
        self.write(dir.path());
        Gait::launch(dir, &["proxy", "--config", "gait.yaml"], &[])
    }
}

impl Gait {
    /// Starts gait in `dir` with these arguments and further environment, and waits until it says
    /// that it is ready.
    pub(crate) fn launch(dir: TempDir, arguments: &[&str], more: &[(&str, &str)]) -> Gait {
        let gait = Gait::launch_by(&[], dir, arguments, more);
        gait.unwrap_or_else(|(status, dir)| panic!("it ended, {status}:\n{}", log(dir.path())))
    }

    /// Starts gait in `dir` with these arguments, and gives what it says on standard output.
    pub(crate) fn launch_heard(dir: TempDir, arguments: &[&str]) -> (Gait, ChildStdout) {
        let child = spawn(&[], dir.path(), arguments, &[], Stdio::piped());
        let mut gait = Gait::ready(child, dir)
            .unwrap_or_else(|(status, dir)| panic!("it ended, {status}:\n{}", log(dir.path())));
        let out = gait.child.stdout.take().expect("a pipe");
        (gait, out)
    }

    /// The same, started by a program that becomes it, such as `strace -D`. One that ends before it
    /// is ready is an error.
    pub(crate) fn launch_by(
        by: &[&str],
        dir: TempDir,
        arguments: &[&str],
        more: &[(&str, &str)],
    ) -> Result<Gait, (ExitStatus, TempDir)> {
        let child = spawn(by, dir.path(), arguments, more, Stdio::null());
        Gait::ready(child, dir)
    }

    fn ready(child: Child, dir: TempDir) -> Result<Gait, (ExitStatus, TempDir)> {
        let gait = Gait::listening(child, dir)?;
        wait_for("readiness", || (gait.telemetry("/readyz").status == 200).then_some(()));
        Ok(gait)
    }

    /// Starts one over the files in `dir` and waits only until it listens.
    pub(crate) fn unready(dir: TempDir) -> Gait {
        let arguments = ["proxy", "--config", "gait.yaml"];
        let child = spawn(&[], dir.path(), &arguments, &[], Stdio::null());
        Gait::listening(child, dir).expect("it listens")
    }

    fn listening(mut child: Child, dir: TempDir) -> Result<Gait, (ExitStatus, TempDir)> {
        match addresses(dir.path(), &mut child) {
            Ok((server, telemetry)) => Ok(Gait { dir, child, server, telemetry }),
            Err(status) => Err((status, dir)),
        }
    }

    /// Starts one over the files in `dir` and kills it after so long, ready or not.
    pub(crate) fn stillborn(dir: &Path, after: Duration) {
        let mut child = spawn(&[], dir, &["proxy", "--config", "gait.yaml"], &[], Stdio::null());
        std::thread::sleep(after);
        let _ended = child.kill();
        let _reaped = child.wait();
    }

    /// The address of a further listener, as gait wrote it.
    pub(crate) fn listener(&self, name: &str) -> String {
        let file = fs::read(self.dir().join("state/addresses.json")).unwrap();
        let read: Value = serde_json::from_slice(&file).unwrap();
        read[name].as_str().unwrap_or_else(|| panic!("no `{name}`: {read}")).to_owned()
    }

    /// One GET on the telemetry listener.
    pub(crate) fn telemetry(&self, path: &str) -> Response {
        let request = format!("GET {path} HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n");
        send(self.telemetry, request)
    }

    /// One scrape of `/metrics`.
    pub(crate) fn scrape(&self) -> Scrape {
        Scrape::parse(&self.telemetry("/metrics").text())
    }

    /// Scrapes until no permit is open.
    pub(crate) fn settled(&self) -> Scrape {
        wait_for("every permit to be settled", || {
            let scrape = self.scrape();
            (scrape.total("gait_permits_open") == 0.0).then_some(scrape)
        })
    }

    /// The lines of the evidence log, oldest first.
    pub(crate) fn evidence(&self) -> Vec<Value> {
        evidence(self.dir.path())
    }

    /// What gait wrote on stderr.
    pub(crate) fn log(&self) -> String {
        log(self.dir.path())
    }

    /// The process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The directory of config, policy and state.
    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Sends a signal by name: `TERM`, `HUP`.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args([&format!("-{name}"), &self.pid().to_string()])
            .status()
            .expect("kill");
        assert!(sent.success(), "kill -{name}");
    }

    /// Waits for the process to end by itself.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let child = &mut self.child;
        wait_for("gait to stop", || child.try_wait().unwrap())
    }

    /// Kills it at once, as a crash would, and keeps its directory.
    pub(crate) fn kill(mut self) -> TempDir {
        self.end();
        let empty = TempDir::new().unwrap();
        std::mem::replace(&mut self.dir, empty)
    }

    /// SIGKILL and reap.
    fn end(&mut self) {
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

impl Drop for Gait {
    fn drop(&mut self) {
        self.end();
        if std::thread::panicking() {
            eprintln!("--- gait's log ---\n{}", self.log());
        }
    }
}

/// The lines of every evidence segment under `dir`, oldest first. A torn last line is left out.
pub(crate) fn evidence(dir: &Path) -> Vec<Value> {
    let mut segments: Vec<_> = fs::read_dir(dir.join("state/evidence"))
        .expect("an evidence directory")
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "jsonl"))
        .collect();
    segments.sort();
    let text: String = segments.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    text.split_inclusive('\n')
        .filter(|line| line.ends_with('\n'))
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect()
}

/// Runs gait to its end; for starts that must fail. One that does not end is killed by `timeout`,
/// which then answers 124.
pub(crate) fn run_to_end(dir: &Path, arguments: &[&str]) -> Output {
    run_with(dir, &[], arguments)
}

/// The same with further environment.
pub(crate) fn run_with(dir: &Path, more: &[(&str, &str)], arguments: &[&str]) -> Output {
    Command::new("timeout")
        .args(["--signal=KILL", "20", env!("CARGO_BIN_EXE_gait")])
        .args(arguments)
        .current_dir(dir)
        .envs(more.iter().copied())
        .stdin(Stdio::null())
        .output()
        .expect("run gait")
}

/// Gait's log so far.
fn log(dir: &Path) -> String {
    fs::read_to_string(dir.join("log")).unwrap_or_default()
}

/// Starts gait, its log beside its state.
fn spawn(by: &[&str], dir: &Path, arguments: &[&str], more: &[(&str, &str)], out: Stdio) -> Child {
    let _none = fs::remove_file(dir.join("state/addresses.json"));
    let words = [by, &[env!("CARGO_BIN_EXE_gait")], arguments].concat();
    Command::new(words[0])
        .args(&words[1..])
        .current_dir(dir)
        .env("GAIT__LOG__FORMAT", "json")
        .env("GAIT__ADMIN__LISTEN", "127.0.0.1:0")
        .envs(more.iter().copied())
        .stdin(Stdio::null())
        .stdout(out)
        .stderr(File::create(dir.join("log")).unwrap())
        .spawn()
        .expect("start gait")
}

/// The addresses that gait writes once it accepts; its status where it ended before.
fn addresses(dir: &Path, child: &mut Child) -> Result<(SocketAddr, SocketAddr), ExitStatus> {
    let file = dir.join("state/addresses.json");
    wait_for("addresses.json", || {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(Err(status));
        }
        let read: Value = serde_json::from_slice(&fs::read(&file).ok()?).ok()?;
        let address = |name: &str| read[name].as_str()?.parse().ok();
        Some(Ok((address("server")?, address("telemetry")?)))
    })
}
