//! What a log and a config say, without the gait that runs.
//!
//! A copy went through other hands, so it is verified before it is believed, and only lines that a
//! signature covers count: whoever can write the files can chain lines behind the last one. Now is the
//! time of the last line that counts: what a copy does not hold nobody waited for. Rejected: the clock
//! of whoever looks, by which a copy of an hour makes a day, and what was open is late; and the greatest
//! time of any line, by which one that a wrong clock wrote moves the window for good.

use crate::audit::{Log, Sieve};
use crate::cli::answer::{Answer, Exit, Failure};
use crate::cli::trace::verify;
use crate::cli::{files, origin};
use crate::clock;
use crate::config::Source;
use crate::evidence::{KeptHead, Report};
use crate::rollout::{self, Counters, Facts, Life, Summary};
use clap::Args;
use jiff::{SignedDuration, Timestamp};
use std::path::{Path, PathBuf};

/// The folder of a log in a state directory.
const FOLDER: &str = "evidence";

/// So far the clock of the machine that wrote a log may be ahead of this one.
const AHEAD_MAX: SignedDuration = SignedDuration::from_mins(5);

/// Where to look instead of asking the gait that runs.
#[derive(Args)]
pub(super) struct Offline {
    /// Read this log instead of asking gait: a state directory, or the folder `evidence` in it
    #[arg(long, value_name = "DIR", requires = "config", conflicts_with_all = ["admin", "state_dir", "token_file", "ca"])]
    evidence: Option<PathBuf>,
    /// The config that goes with it
    #[arg(long, value_name = "FILE", requires = "evidence")]
    config: Option<PathBuf>,
    /// A saved page of gait's /metrics: the log cannot hold what bypassed it
    #[arg(long, value_name = "FILE", requires = "evidence")]
    metrics: Option<PathBuf>,
    #[command(flatten)]
    pins: Pins,
}

/// What is known of a log from elsewhere.
#[derive(Args)]
pub(super) struct Pins {
    /// Public key file that may sign the log; may be repeated [default: the first key of the log]
    #[arg(long, value_name = "FILE", requires = "evidence")]
    public_key: Vec<PathBuf>,
    /// A head that the log had, now or before: HASH or SEQ:HASH
    #[arg(long, value_name = "HEAD", requires = "evidence")]
    expect_head: Option<KeptHead>,
}

/// What was read.
pub(super) struct Copied {
    pub(super) summary: Summary,
    pub(super) facts: Facts,
    /// Lines at the end that no signature covers: they do not count.
    uncovered: u64,
}

// === impl Pins ===

impl Pins {
    /// Says what `gait trace verify` says of the log.
    ///
    /// # Errors
    /// Exit 2: it is not as it was written.
    pub(super) fn check(&self, log: &Log) -> Result<Report, Failure> {
        verify::checked(log, &self.public_key, self.expect_head)
    }
}

// === impl Copied ===

impl Copied {
    /// Refuses to answer from what is older; `max` is as people write it.
    ///
    /// # Errors
    /// Exit 4.
    pub(super) fn refuse_older(&self, max: SignedDuration) -> Result<(), Failure> {
        let last = self.facts.look.now;
        let age = clock::now().duration_since(last);
        let why = if age > max {
            format!(
                "the last signed line is of {last}, {} h ago, and --max-age is {max:#}: take a \
                 newer copy; of a gait that nobody called since, write a longer --max-age",
                age.as_hours()
            )
        } else if age < -AHEAD_MAX {
            format!(
                "the last signed line is of {last}, which is yet to come, so nobody knows how old the \
                 copy is: set the clock of the machine that is wrong"
            )
        } else {
            return Ok(());
        };
        Err(Failure::new(Exit::NotEnoughData, why))
    }

    /// Says in an answer what does not count.
    pub(super) fn saying(&self, answer: Answer) -> Answer {
        let said = match self.uncovered {
            0 => return answer,
            1 => "no signature covers the last line of the log, so it does not count".to_owned(),
            lines => {
                format!("no signature covers the last {lines} lines of the log: they do not count")
            }
        };
        answer.warn(said)
    }
}

// === impl Offline ===

impl Offline {
    /// The log summed up, and what is not in it; `None` where gait is to be asked.
    ///
    /// # Errors
    /// Exit 2: the log is not as it was written; exit 6: there is no log, or no config; exit 1: the
    /// log cannot be read to its end.
    pub(super) fn read(&self) -> Result<Option<Copied>, Failure> {
        let (Some(evidence), Some(config)) = (&self.evidence, &self.config) else {
            return Ok(None);
        };
        let environment = origin::environment([]).map_err(Failure::input)?;
        // What was set by command lies beside the log that says so.
        let environment = environment.of_copy(state_dir(evidence));
        let config = Source::File(config.clone()).load(&environment).map_err(Failure::input)?;
        let log = Log::open(evidence).map_err(Failure::input)?;
        let counters = self.counters()?;
        let report = self.pins.check(&log)?;
        let policy = config.policy.digest();
        let now = last_time(&log, report.covered_to).unwrap_or_else(clock::now);
        let facts = Facts::of(&config.plan, policy, counters, Life::Unknown, now);
        let summary = rollout::read_to(&log, facts.look.edge(), report.covered_to);
        let summary = summary.map_err(Failure::internal)?;
        Ok(Some(Copied { summary, facts, uncovered: report.uncovered() }))
    }

    fn counters(&self) -> Result<Counters, Failure> {
        let Some(path) = &self.metrics else { return Ok(Counters::default()) };
        let bytes = files::read("--metrics", path)?;
        let text = String::from_utf8_lossy(&bytes);
        let counters = counters(&text);
        match counters.bypasses.and(counters.unrecorded) {
            Some(_) => Ok(counters),
            None => Err(Failure::input(format!(
                "{} is no page of gait's metrics: gait_bypass_total or gait_unrecorded_total is \
                 missing; save it from /metrics of the telemetry listener",
                path.display()
            ))),
        }
    }
}

/// The time of the last line up to this `seq`.
fn last_time(log: &Log, last_seq: u64) -> Option<Timestamp> {
    let mut lines = log.backwards(Sieve::default());
    let last = std::iter::from_fn(|| lines.next_line()).find(|(line, _)| line.seq() <= last_seq);
    last?.0.text("time")?.parse().ok()
}

/// The state directory that a log is said to lie in; `None` for a folder of segments alone.
fn state_dir(evidence: &Path) -> Option<&Path> {
    match evidence.join(FOLDER).is_dir() {
        true => Some(evidence),
        false => evidence.parent().filter(|_| evidence.ends_with(FOLDER)),
    }
}

fn counters(page: &str) -> Counters {
    Counters {
        bypasses: sum(page, "gait_bypass_total"),
        unrecorded: sum(page, "gait_unrecorded_total"),
    }
}

/// All series of a counter together; `None` where there is none, or one that is no count.
fn sum(page: &str, name: &str) -> Option<u64> {
    let series = page.lines().filter_map(|line| {
        let rest = line.strip_prefix(name)?;
        rest.starts_with(['{', ' ', '\t']).then(|| count(rest))
    });
    let counts: Option<Vec<u64>> = series.collect();
    counts.filter(|counts| !counts.is_empty()).map(|counts| counts.iter().sum())
}

/// The value behind the labels; behind it a time may stand. No label of these counters has a brace.
fn count(rest: &str) -> Option<u64> {
    let value = rest.rsplit_once('}').map_or(rest, |(_, value)| value);
    value.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_read_from_a_page() {
        let page = "# TYPE gait_bypass_total counter\n\
                    gait_bypass_total{cause=\"not_committed\"} 2\n\
                    gait_bypass_total{cause=\"permit_kind\"} 1\n\
                    gait_bypass_total_other 9\ngait_unrecorded_total 0\n";
        let found = counters(page);
        assert_eq!((found.bypasses, found.unrecorded), (Some(3), Some(0)));
        assert_eq!(counters("gait_bypass_total{} NaN\n"), Counters::default());
    }

    #[test]
    fn a_time_behind_a_value_is_no_count() {
        let page = "gait_bypass_total{cause=\"permit_kind\"} 2 1700000000000\n\
                    gait_bypass_total{cause=\"not_committed\"}  1\t1700000000000\n\
                    gait_unrecorded_total 0 1700000000000\n";
        let found = counters(page);
        assert_eq!((found.bypasses, found.unrecorded), (Some(3), Some(0)));
    }
}
