//! What a log and a config say, without the gait that runs.
//!
//! Now is the time of the last line: what a copy does not hold nobody waited for. Rejected: the clock
//! of whoever looks, by which a copy of an hour makes a day, and what was open is late.

use crate::audit::{Log, Sieve};
use crate::cli::answer::Failure;
use crate::cli::{files, origin};
use crate::clock;
use crate::config::Source;
use crate::rollout::{self, Cache, Counters, Facts, Life, Summary};
use clap::Args;
use jiff::Timestamp;
use std::path::{Path, PathBuf};

/// The folder of a log in a state directory.
const FOLDER: &str = "evidence";

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
}

impl Offline {
    /// The log summed up, and what is not in it; `None` where gait is to be asked.
    ///
    /// # Errors
    /// Exit 6: there is no log, or no config; exit 1: the log cannot be read to its end.
    pub(super) fn read(&self) -> Result<Option<(Summary, Facts)>, Failure> {
        let (Some(evidence), Some(config)) = (&self.evidence, &self.config) else {
            return Ok(None);
        };
        let environment = origin::environment([]).map_err(Failure::input)?;
        // What was set by command lies beside the log that says so.
        let environment = match state_dir(evidence) {
            Some(state_dir) => environment.of_process(state_dir),
            None => environment,
        };
        let config = Source::File(config.clone()).load(&environment).map_err(Failure::input)?;
        let log = Log::open(evidence).map_err(Failure::input)?;
        let counters = self.counters()?;
        let policy = config.policy.digest();
        let facts = |now| Facts::of(&config.plan, policy, counters, Life::Unknown, now);
        let now = last_time(&log).unwrap_or_else(clock::now);
        let edge = facts(now).look.edge();
        let summary = rollout::read(&log, &mut Cache::default(), edge, || true);
        let summary = summary.map_err(Failure::internal)?;
        let facts = facts(summary.span().map_or(now, |span| span.last_time));
        Ok(Some((summary, facts)))
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

/// The time of the last line.
fn last_time(log: &Log) -> Option<Timestamp> {
    let (last, _) = log.backwards(Sieve::default()).next_line()?;
    last.text("time")?.parse().ok()
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
        rest.starts_with(['{', ' ']).then(|| rest.rsplit(' ').next()?.parse::<u64>().ok())
    });
    let counts: Option<Vec<u64>> = series.collect();
    counts.filter(|counts| !counts.is_empty()).map(|counts| counts.iter().sum())
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
}
