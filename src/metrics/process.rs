//! `process_*`: what the kernel says of this process, read from `/proc` at each scrape.
//!
//! Written as text rather than through the exporter, whose counters hold whole numbers: CPU time
//! in whole seconds would be useless. Where a file cannot be read, its lines are left out; a
//! wrong number would be worse than none. The parsers are pure and take the file's text.

use super::catalogue::{
    Definition, PROCESS_CPU, PROCESS_MAX_FDS, PROCESS_OPEN_FDS, PROCESS_RESIDENT, PROCESS_START,
    PROCESS_THREADS, PROCESS_VIRTUAL,
};
use std::fmt::Write;
use std::fs;

/// Clock ticks a second in `/proc`: `USER_HZ`, which Linux fixes at 100 for user space.
const TICKS_PER_SECOND: f64 = 100.0;

/// What does not change while the process lives.
pub(super) struct Process {
    start_seconds: Option<f64>,
}

impl Process {
    /// Reads the start time once; `/proc/stat` is slow on large machines.
    pub(super) fn new() -> Process {
        let boot = fs::read_to_string("/proc/stat").ok();
        let stat = fs::read_to_string("/proc/self/stat").ok();
        let start = boot.zip(stat).and_then(|(boot, stat)| start_seconds(&boot, &stat));
        Process { start_seconds: start }
    }

    /// Appends the families in the text format.
    pub(super) fn render(&self, out: &mut String) {
        let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
        let rows = [
            (PROCESS_CPU, cpu_seconds(&stat)),
            (PROCESS_RESIDENT, kibibytes(&status, "VmRSS:")),
            (PROCESS_VIRTUAL, kibibytes(&status, "VmSize:")),
            (PROCESS_OPEN_FDS, open_fds()),
            (PROCESS_MAX_FDS, max_fds(&limits)),
            (PROCESS_START, self.start_seconds),
            (PROCESS_THREADS, status_number(&status, "Threads:")),
        ];
        for (definition, value) in rows {
            if let Some(value) = value {
                family(out, &definition, value);
            }
        }
    }
}

/// One family of one series. Writing to a string cannot fail.
fn family(out: &mut String, definition: &Definition, value: f64) {
    let Definition { name, help, kind, .. } = definition;
    let kind = kind.as_str();
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n");
}

/// Open descriptors, less the one that reads the directory.
fn open_fds() -> Option<f64> {
    let entries = fs::read_dir("/proc/self/fd").ok()?.count();
    Some(entries.saturating_sub(1) as f64)
}

/// Field `number` of `/proc/self/stat`, counted from 1 as proc(5) does. The second field, the
/// command, may hold spaces and brackets, so counting starts after its last bracket.
fn stat_field(stat: &str, number: usize) -> Option<f64> {
    let (_, after_command) = stat.rsplit_once(')')?;
    after_command.split_whitespace().nth(number.checked_sub(3)?)?.parse().ok()
}

/// utime and stime.
fn cpu_seconds(stat: &str) -> Option<f64> {
    Some((stat_field(stat, 14)? + stat_field(stat, 15)?) / TICKS_PER_SECOND)
}

/// Boot time and starttime.
fn start_seconds(boot: &str, stat: &str) -> Option<f64> {
    let boot = boot.lines().find_map(|line| line.strip_prefix("btime "))?;
    let boot: f64 = boot.trim().parse().ok()?;
    Some(boot + stat_field(stat, 22)? / TICKS_PER_SECOND)
}

fn status_number(status: &str, name: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

fn kibibytes(status: &str, name: &str) -> Option<f64> {
    Some(status_number(status, name)? * 1024.0)
}

/// The soft limit; `unlimited` is no number and leaves the line out.
fn max_fds(limits: &str) -> Option<f64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A command with a space and a bracket; then fields 3 to 22.
    const STAT: &str = "7 (a) b) S 1 2 3 4 5 6 7 8 9 10 250 150 13 14 15 16 17 18 4200";

    #[test]
    fn stat_fields_are_counted_after_the_command() {
        assert_eq!(cpu_seconds(STAT), Some(4.0));
        assert_eq!(start_seconds("cpu 1\nbtime 1000\n", STAT), Some(1042.0));
        assert_eq!(cpu_seconds("7 (short) S 1"), None);
    }

    #[test]
    fn status_and_limits_are_read_by_name() {
        let status = "VmSize:\t  100 kB\nVmRSS:\t  20 kB\nThreads:\t3\n";
        assert_eq!(kibibytes(status, "VmRSS:"), Some(20_480.0));
        assert_eq!(status_number(status, "Threads:"), Some(3.0));
        assert_eq!(max_fds("Max open files   1024   4096   files\n"), Some(1024.0));
        assert_eq!(max_fds("Max open files   unlimited   unlimited   files\n"), None);
    }
}
