//! What a process asks of the kernel, in its order, as strace writes it down; and errors that the
//! kernel is made to answer with.

use super::gait::Gait;
use super::wait_for;
use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::Path;
use std::process::{Command, ExitStatus};
use tempfile::TempDir;

/// A system call. A thread does not run on before strace has written down where it stands, so what
/// stands earlier was earlier wherever one thread waited for the other.
#[derive(Clone, Debug)]
pub(crate) struct Syscall {
    /// `write`, `fdatasync`.
    pub(crate) name: String,
    /// Its arguments as strace writes them; descriptors with their paths.
    pub(crate) arguments: String,
    /// What it answered; empty where the process ended before.
    pub(crate) result: String,
    /// The line of the trace on which it was entered.
    pub(crate) entered: usize,
    /// The line on which it returned; the last of all where it did not.
    pub(crate) left: usize,
}

/// Whether processes can be traced here. Where `CI` is set, a missing strace is a failure.
pub(crate) fn can_trace() -> bool {
    let tried = Command::new("strace").args(["-o", "/dev/null", "true"]).output();
    let Ok(tried) = tried else {
        assert!(env::var_os("CI").is_none(), "install `strace`: it shows the order of calls");
        println!("skipped: strace is not installed (Debian package `strace`)");
        return false;
    };
    if !tried.status.success() {
        println!("skipped: {}", String::from_utf8_lossy(&tried.stderr));
    }
    tried.status.success()
}

/// Starts gait under strace with these options, and the trace in `trace` of its directory.
pub(crate) fn traced(dir: TempDir, options: &[&str]) -> Result<Gait, (ExitStatus, TempDir)> {
    let out = dir.path().join("trace");
    let _none = fs::remove_file(&out);
    // With -D gait is our child and strace its watcher, not the other way round.
    let words = ["strace", "-D", "-f", "-y", "-o", out.to_str().expect("a path")];
    Gait::launch_by(&[&words, options].concat(), dir, &["proxy", "--config", "gait.yaml"], &[])
}

/// The calls of a process that ended, once strace has written down that it did.
pub(crate) fn syscalls_of(pid: u32, dir: &Path) -> Vec<Syscall> {
    wait_for("the end of the trace", || {
        let text = String::from_utf8_lossy(&fs::read(dir.join("trace")).ok()?).into_owned();
        let is_end = |line: &str| {
            let thread = line.strip_suffix(" +++").and_then(|line| line.split(' ').next());
            thread == Some(&pid.to_string())
        };
        text.lines().any(is_end).then(|| read(&text))
    })
}

/// Reads the text of a trace.
pub(crate) fn read(text: &str) -> Vec<Syscall> {
    let (mut calls, mut open) = (Vec::<Syscall>::new(), BTreeMap::new());
    let last = text.lines().count();
    for (at, line) in text.lines().enumerate() {
        let Some((thread, event)) = line.split_once(' ') else { continue };
        let event = event.trim_start();
        if let Some(resumed) = event.strip_prefix("<... ") {
            let Some(call) = open.remove(thread) else { continue };
            let call: &mut Syscall = &mut calls[call];
            (call.left, call.result) = (at, result(resumed).1);
        } else if let Some((name, rest)) = event.split_once('(')
            && name.chars().all(|c| c.is_ascii_lowercase() || c == '_' || c.is_ascii_digit())
        {
            let unfinished = rest.strip_suffix(" <unfinished ...>");
            let (arguments, result) = unfinished.map_or_else(|| result(rest), no_result);
            let left = if unfinished.is_some() { last } else { at };
            if unfinished.is_some() {
                open.insert(thread, calls.len());
            }
            calls.push(Syscall { name: name.to_owned(), arguments, result, entered: at, left });
        }
    }
    calls
}

fn no_result(arguments: &str) -> (String, String) {
    (arguments.to_owned(), String::new())
}

/// Splits `arguments) = result`.
fn result(rest: &str) -> (String, String) {
    let (arguments, result) = rest.rsplit_once(" = ").unwrap_or((rest, ""));
    (arguments.trim_end().trim_end_matches(')').to_owned(), result.to_owned())
}
