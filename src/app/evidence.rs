//! How the evidence log does, shown; and its key, looked at again.

use super::Running;
use crate::clock;
use crate::evidence::State;
use crate::metrics::EvidenceFace;
use crate::telemetry::Check;

impl Running {
    /// Brings readiness and metrics of the log up to this moment.
    pub(super) fn observe_evidence(&self) {
        let health = self.proxy.ledger.health();
        let now = clock::instant();
        for check in [Check::Evidence, Check::State] {
            match health.state() {
                State::Writing if health.is_stuck(now) => self.readiness.fail(check),
                State::Writing => self.readiness.pass(check),
                State::Failed | State::Stopped => self.readiness.fail(check),
            }
        }
        let totals = health.durable().totals;
        self.proxy.metrics.evidence(&EvidenceFace {
            lag: health.lag(now),
            failures: health.failures(),
            lines: totals.lines,
            bytes: totals.bytes,
            syncs: totals.syncs,
            segments: totals.segments,
            sealed: totals.sealed,
        });
    }
}
