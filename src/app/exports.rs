//! Those who are told what the evidence says, while it is written: a collector, standard output.
//!
//! The writer's thread shows every line that it has written. Each exporter has a queue of its own,
//! which takes a copy without the arguments, or has no room and counts that; nothing waits for an
//! exporter, and the log on the disk never depends on one. The work is done elsewhere: reading the
//! line, giving it its form, sending it.
//!
//! A reload that names others closes the queues of the old ones, which bring to an end what they
//! have; those of which it says nothing new stay as they are, so that no two write to standard
//! output. When the process stops they have a moment for that, after the log's last line.

mod access;
mod collector;

use crate::audit::{self, Entry};
use crate::clock;
use crate::evidence::{self, Line};
use crate::metrics::{ExportMetrics, ExporterLabel, Metrics};
use crate::snapshot::{self, AccessLog, Otlp, Plan, Signal, UpstreamSpec};
use arc_swap::ArcSwap;
use futures_util::future::join_all;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// Lines that may wait for standard output.
const ACCESS_QUEUE_LINES: usize = 8_192;

/// How long exporters may take to end.
const FLUSH: Duration = Duration::from_secs(2);

/// All exporters. Cheap to clone; clones share everything.
#[derive(Clone)]
pub(super) struct Exports(Arc<Inner>);

struct Inner {
    metrics: Metrics,
    /// What each line is offered to; read by the writer's thread.
    doors: ArcSwap<Vec<Door>>,
    /// Where tools are.
    tools: ArcSwap<Vec<Arc<UpstreamSpec>>>,
    /// Taken at load and at the end, never by a line.
    office: Mutex<Office>,
}

#[derive(Default)]
struct Office {
    configured: snapshot::Exports,
    /// Each resolves once its exporter has ended.
    endings: Vec<oneshot::Receiver<()>>,
}

/// The way to one exporter.
#[derive(Clone)]
struct Door {
    exporter: ExporterLabel,
    queue: mpsc::Sender<Arc<Line>>,
    metrics: ExportMetrics,
}

/// What an exporter takes its lines from, and how it says that it has ended: by dropping this.
struct Desk {
    queue: mpsc::Receiver<Arc<Line>>,
    metrics: ExportMetrics,
    _ended: oneshot::Sender<()>,
}

// === impl Exports ===

impl Exports {
    /// None yet.
    pub(super) fn new(metrics: Metrics) -> Exports {
        let (doors, tools) = (ArcSwap::default(), ArcSwap::default());
        Exports(Arc::new(Inner { metrics, doors, tools, office: Mutex::default() }))
    }

    /// From now on those of this plan are told.
    pub(super) fn configure(&self, plan: &Plan) {
        self.0.tools.store(Arc::new(plan.upstreams.clone()));
        self.name(&plan.exports);
    }

    /// Opens doors to those that were not named like this before, and closes those that are not now.
    fn name(&self, named: &snapshot::Exports) {
        let mut office = self.0.office.lock().unwrap_or_else(PoisonError::into_inner);
        if office.configured == *named {
            return;
        }
        let before = std::mem::replace(&mut office.configured, named.clone());
        // The old ones end once they have told what they have.
        office
            .endings
            .retain_mut(|ended| ended.try_recv() == Err(oneshot::error::TryRecvError::Empty));
        let mut doors = self.kept(&before, named);
        let new = snapshot::Exports {
            otlp: named.otlp.clone().filter(|otlp| before.otlp.as_ref() != Some(otlp)),
            access_log: match before.access_log == named.access_log {
                true => AccessLog::Off,
                false => named.access_log,
            },
        };
        doors.extend(self.open(&new, &mut office.endings));
        self.0.doors.store(Arc::new(doors));
    }

    /// The doors of those of which config says what it said before.
    fn kept(&self, before: &snapshot::Exports, now: &snapshot::Exports) -> Vec<Door> {
        let doors = self.0.doors.load();
        let stays = |door: &&Door| match door.exporter {
            ExporterLabel::AccessLog => before.access_log == now.access_log,
            ExporterLabel::OtlpTraces | ExporterLabel::OtlpLogs => before.otlp == now.otlp,
        };
        doors.iter().filter(stays).cloned().collect()
    }

    /// Offers a line that was written. Waits for nothing.
    pub(super) fn offer(&self, line: &Line) {
        let doors = self.0.doors.load();
        let mut copy = None;
        for door in doors.iter().filter(|door| door.wants(line)) {
            door.offer(copy.get_or_insert_with(|| Arc::new(line.without_intent())));
        }
    }

    /// Brings the gauges up to this moment.
    pub(super) fn observe(&self) {
        let now = clock::now();
        for exporter in ExporterLabel::ALL {
            self.0.metrics.export(exporter).observe(now);
        }
    }

    /// Lets the exporters tell what they have, for a moment.
    pub(super) async fn close(&self) {
        self.0.doors.store(Arc::default());
        let endings = {
            let mut office = self.0.office.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut office.endings)
        };
        if tokio::time::timeout(FLUSH, join_all(endings)).await.is_err() {
            for exporter in ExporterLabel::ALL {
                let lines = self.0.metrics.export(exporter).waiting();
                if lines > 0 {
                    tracing::warn!(exporter = exporter.as_str(), lines, "not told before the end");
                }
            }
        }
    }

    fn open(
        &self,
        named: &snapshot::Exports,
        endings: &mut Vec<oneshot::Receiver<()>>,
    ) -> Vec<Door> {
        let mut doors = Vec::new();
        for (signal, url) in named.otlp.iter().flat_map(|otlp| otlp.signals.clone()) {
            let Some(otlp) = named.otlp.clone() else { continue };
            let exporter = label(signal);
            let (door, desk, ended) = self.room(exporter, otlp.queue_lines);
            super::spawn(collector::tell(self.clone(), desk, otlp, (signal, url)));
            doors.push(door);
            endings.push(ended);
        }
        if named.access_log == AccessLog::Stdout {
            let (door, desk, ended) = self.room(ExporterLabel::AccessLog, ACCESS_QUEUE_LINES);
            match access::start(desk) {
                Ok(()) => {
                    doors.push(door);
                    endings.push(ended);
                }
                Err(error) => tracing::error!(%error, "no thread for the access log: it is off"),
            }
        }
        doors
    }

    fn room(&self, exporter: ExporterLabel, lines: usize) -> (Door, Desk, oneshot::Receiver<()>) {
        let (sender, queue) = mpsc::channel(lines.max(1));
        let (ending, ended) = oneshot::channel();
        let metrics = self.0.metrics.export(exporter);
        let door = Door { exporter, queue: sender, metrics: metrics.clone() };
        (door, Desk { queue, metrics, _ended: ending }, ended)
    }

    fn tools(&self) -> Vec<Arc<UpstreamSpec>> {
        self.0.tools.load().to_vec()
    }
}

// === impl Door ===

impl Door {
    /// A decision is told with its call's end.
    fn wants(&self, line: &Line) -> bool {
        match line.entry() {
            evidence::Entry::Decision(_) => false,
            evidence::Entry::Closing { about, .. } => {
                let sampled = about.opening.spans.is_none_or(|spans| spans.is_sampled());
                sampled || self.exporter != ExporterLabel::OtlpTraces
            }
            evidence::Entry::Event(_) => {
                self.exporter == ExporterLabel::OtlpLogs
                    && audit::otlp::is_told(line.entry().kind())
            }
        }
    }

    fn offer(&self, line: &Arc<Line>) {
        self.metrics.queued();
        if self.queue.try_send(line.clone()).is_err() {
            self.metrics.dropped(1);
        }
    }
}

fn label(signal: Signal) -> ExporterLabel {
    match signal {
        Signal::Traces => ExporterLabel::OtlpTraces,
        Signal::Logs => ExporterLabel::OtlpLogs,
    }
}

/// A line as whoever reads the log back sees it.
fn read(line: &Line) -> Option<Entry> {
    Entry::read(&serde_json::to_vec(line).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Limits;

    fn collector(service: &str) -> Option<Arc<Otlp>> {
        Some(Arc::new(Otlp {
            signals: Vec::new(),
            headers: Vec::new(),
            ca: None,
            timeout: FLUSH,
            queue_lines: 1,
            service: service.to_owned(),
            resource: Vec::new(),
        }))
    }

    #[test]
    fn what_config_says_nothing_new_of_stays_open() {
        let exports = Exports::new(Metrics::new(Limits { series_max: 1_000 }, &[]));
        let name = |otlp, access_log| {
            exports.name(&snapshot::Exports { otlp, access_log });
            exports.0.doors.load().first().cloned()
        };
        let first = name(None, AccessLog::Stdout).unwrap();
        let second = name(collector("a"), AccessLog::Stdout).unwrap();
        assert!(first.queue.same_channel(&second.queue));
        assert!(name(collector("a"), AccessLog::Off).is_none());
        let third = name(collector("b"), AccessLog::Stdout).unwrap();
        assert!(!first.queue.same_channel(&third.queue));
    }
}
