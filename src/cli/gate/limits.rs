//! Counting the call against the limits of its rules (spec E13).

use super::ruling::Ruling;
use super::{Judged, Settings};
use crate::cli::answer::{Answer, Failure};
use crate::clock;
use crate::store::rate_limits::{self, Spent};

/// Counts the call, whatever its verdict, and blocks it where a limit is reached. Where there is
/// nothing to count, no file is touched.
///
/// # Errors
/// Exit 6 or 1: the state cannot be read, locked or written.
pub(super) fn spend(
    settings: &Settings,
    judged: &Judged,
    ruling: &mut Ruling,
) -> Result<Vec<Spent>, Failure> {
    let charges = rate_limits::charges(&judged.decision.demands, &judged.intent);
    if charges.is_empty() {
        return Ok(Vec::new());
    }
    let spent = rate_limits::spend(&settings.rate_limit_path, &charges, clock::now)?;
    for spent in spent.iter().filter(|spent| !spent.allowed) {
        let code = spent.counted.exceeded();
        ruling.block(code, code);
    }
    Ok(spent)
}

/// The members of the answer, and a line for each limit.
pub(super) fn told(answer: Answer, spent: &[Spent]) -> Answer {
    spent.iter().fold(answer, |answer, spent| {
        let name = spent.counted.as_str();
        answer
            .line(format!(
                "{}: {} used={} remaining={}",
                name.replace('_', " "),
                spent.key,
                spent.used,
                spent.remaining
            ))
            .with(&format!("{name}_scope"), spent.scope.as_str())
            .with(&format!("{name}_key"), spent.key.as_str())
            .with(&format!("{name}_used"), spent.used)
            .with(&format!("{name}_remaining"), spent.remaining)
    })
}
