//! How the evidence log does, shown; and its key, looked at again.

use super::Running;
use crate::clock;
use crate::evidence::State;
use crate::metrics::EvidenceFace;
use crate::telemetry::Check;

/// Looks at the key file again; another key that is good signs from now on.
pub(super) async fn look_at_key(running: &Running) {
    let ledger = &running.proxy.ledger;
    let files = ledger.key_files().clone();
    match tokio::task::spawn_blocking(move || files.load()).await {
        Ok(Ok(key)) => ledger.sign_with(key).await,
        Ok(Err(fault)) => {
            tracing::error!(%fault, "the key that signs the evidence stays the one in force");
        }
        Err(error) => tracing::error!(%error, "a look at the evidence signing key broke off"),
    }
}

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
