//! Work that goes on although its caller has left: protected calls whose first byte is out, and
//! fetches of keys.

use super::stop::Phase;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

/// Runs errands until no call is left that could bring one; then finishes those there are.
pub(super) async fn run<E: Future<Output = ()> + Send + 'static>(
    mut errands: mpsc::UnboundedReceiver<E>,
    mut phase: watch::Receiver<Phase>,
) {
    let mut running = JoinSet::new();
    let mut open = true;
    while open || !running.is_empty() {
        tokio::select! {
            errand = errands.recv(), if open => match errand {
                Some(errand) => drop(running.spawn(errand)),
                None => open = false,
            },
            Some(_) = running.join_next() => {}
            // After this the queue is read to its end, and then closed.
            _ = phase.wait_for(|phase| *phase == Phase::Finish), if open => errands.close(),
        }
    }
}
