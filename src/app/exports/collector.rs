//! One signal of a collector: lines are gathered, given their form, and told.

use super::{Desk, Exports, Otlp, label, read};
use crate::audit::Entry;
use crate::audit::otlp::{self, Origin};
use crate::egress::{Batch, Collector};
use crate::evidence::Line;
use crate::snapshot::Signal;
use http::Uri;
use prost::Message as _;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// Lines that are told at once.
const BATCH_LINES: usize = 512;

/// How long lines gather before they are told.
const GATHER: Duration = Duration::from_secs(1);

/// Tells what comes until the queue is closed and empty.
pub(super) async fn tell(exports: Exports, mut desk: Desk, otlp: Arc<Otlp>, signal: (Signal, Uri)) {
    let origin = Arc::new(Origin::new(&otlp.service, &otlp.resource));
    let kind = signal.0;
    let mut collector = Collector::new(otlp, signal, desk.metrics.clone());
    while let Some(lines) = gather(&mut desk.queue).await {
        desk.metrics.telling(lines.first().map(|line| line.time()));
        let (count, origin) = (lines.len(), origin.clone());
        // Off the threads that calls are served on.
        let encoded = tokio::task::spawn_blocking(move || encode(&lines, kind, &origin)).await;
        match encoded {
            Ok(body) => {
                let batch = Batch { body: body.into(), lines: count };
                collector.tell(&batch, || exports.tools()).await;
            }
            Err(error) => {
                tracing::error!(%error, exporter = label(kind).as_str(), "lines have no form");
                desk.metrics.dropped(count);
            }
        }
        desk.metrics.telling(None);
    }
}

/// The next lines; `None` once there will be none.
async fn gather(queue: &mut mpsc::Receiver<Arc<Line>>) -> Option<Vec<Arc<Line>>> {
    let mut lines = vec![queue.recv().await?];
    let more = async {
        while lines.len() < BATCH_LINES
            && let Some(line) = queue.recv().await
        {
            lines.push(line);
        }
    };
    // What came in time is told; late is what comes after.
    drop(tokio::time::timeout(GATHER, more).await);
    Some(lines)
}

fn encode(lines: &[Arc<Line>], signal: Signal, origin: &Origin) -> Vec<u8> {
    let entries: Vec<Entry> = lines.iter().filter_map(|line| read(line)).collect();
    match signal {
        Signal::Traces => otlp::traces(origin, &entries).encode_to_vec(),
        Signal::Logs => otlp::logs(origin, &entries).encode_to_vec(),
    }
}
