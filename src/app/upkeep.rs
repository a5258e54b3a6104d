//! What goes on beside the calls: the kill switch follows its file, counters reach theirs.
//!
//! Both block on a disk, which may hang for as long as it likes: they run on threads of their own
//! and one at a time, and calls never wait for them. A look that hangs keeps none at another file.

use super::{Running, keys};
use crate::clock;
use crate::intent::time::Time;
use crate::metrics::SwitchLabel;
use crate::store::switch::{Face, Refreshed};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// Between two looks at the kill switch file.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A look that takes longer hangs.
const LOOK_MAX: Duration = Duration::from_secs(3);

/// Between two writes of the counters: what a kill makes them forget, but for the write itself.
const WRITE_EVERY: Duration = Duration::from_millis(500);

/// Keeps the orders in force those of their file.
pub(super) async fn follow_orders(running: Arc<Running>) {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        look_at_orders(&running).await;
    }
}

/// Has the keys there before the first call, and the orders of that moment: a start may wait for keys,
/// and whoever gives orders does not wait for it.
pub(super) async fn settle(running: &Running) {
    keys::fill(running).await;
    if timeout(LOOK_EVERY, look_at_orders(running)).await.is_err() {
        tracing::warn!(
            "the kill switch file is still being looked at; orders of late come with it"
        );
    }
}

/// Looks once; a look that hangs keeps no other file from being looked at.
async fn look_at_orders(running: &Running) {
    let (switch, turn) = (running.proxy.switch.clone(), running.proxy.switch.turn());
    let looking = tokio::task::spawn_blocking(move || switch.refresh());
    let is_another = || running.proxy.switch.turn() != turn;
    let Some(looked) = ended(looking, LOOK_MAX, is_another).await else { return };
    match looked {
        Ok(Refreshed::Same) => {}
        Ok(Refreshed::Changed) => {
            let (_, active) = running.proxy.switch.face(Time::from_timestamp(clock::now()));
            tracing::warn!(active, "security event: the orders of the kill switch changed");
        }
        Ok(Refreshed::Lost(error)) => tracing::error!(
            %error,
            "the kill switch cannot be read: its last orders stay, and protected calls are blocked \
             until it can be"
        ),
        Err(error) => tracing::error!(%error, "a look at the kill switch broke off"),
    }
}

/// Waits for a look, and says once that it hangs; `None` where another file is followed by then.
async fn ended<T>(
    looking: impl Future<Output = T>,
    patience: Duration,
    is_another: impl Fn() -> bool,
) -> Option<T> {
    let mut looking = pin!(looking);
    let mut is_told = false;
    loop {
        if let Ok(looked) = timeout(patience, looking.as_mut()).await {
            return Some(looked);
        }
        if is_another() {
            return None;
        }
        if !is_told {
            tracing::error!(
                "a look at the kill switch hangs: its last orders stay, and protected calls are \
                 blocked until it ends; see to the disk of the file, or reload with another one"
            );
        }
        is_told = true;
    }
}

/// Keeps what was counted against limits for the next process.
pub(super) async fn keep_counters(running: Arc<Running>) {
    let mut failing = None;
    loop {
        tokio::time::sleep(WRITE_EVERY).await;
        let limits = running.proxy.limits.clone();
        let error = match tokio::task::spawn_blocking(move || limits.flush()).await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(error) => Some(error.to_string()),
        };
        if let Some(error) = &error {
            running.proxy.metrics.rate_state_failed();
            if failing.is_none() {
                tracing::error!(%error, "a restart would forget what limits have counted");
            }
        }
        failing = error;
    }
}

impl Running {
    /// Brings the gauges of both up to this moment.
    pub(super) fn observe_upkeep(&self) {
        let metrics = &self.proxy.metrics;
        let (face, active) = self.proxy.switch.face(Time::from_timestamp(clock::now()));
        let label = match face {
            Face::Off => SwitchLabel::Off,
            Face::Loaded => SwitchLabel::Loaded,
            Face::Lost => SwitchLabel::Lost,
        };
        metrics.kill_switch(label, active);
        metrics.rate_counters(self.proxy.limits.counters());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::future::pending;

    const ROUND: Duration = Duration::from_millis(5);

    #[tokio::test]
    async fn a_look_that_hangs_is_waited_for_until_another_file_is_followed() {
        let asked = Cell::new(0);
        let after = |rounds| {
            asked.set(0);
            let asked = &asked;
            move || asked.replace(asked.get() + 1) == rounds
        };
        assert_eq!(ended(pending::<u8>(), ROUND, after(4)).await, None);
        assert_eq!(asked.get(), 5);
        let slow = async {
            tokio::time::sleep(ROUND * 3).await;
            7
        };
        assert_eq!(ended(slow, ROUND, after(900)).await, Some(7), "it is the same file");
        assert_eq!(
            ended(async { 7 }, ROUND, || true).await,
            Some(7),
            "whose orders nobody takes then"
        );
    }
}
