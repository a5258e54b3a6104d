//! Telling a collector, by OTLP over HTTP: one batch at a time, tried again while that makes sense.
//!
//! A collector that is down, late or busy is tried again for a few minutes, with growing pauses;
//! one that refuses a batch is not, since it would refuse it again. A batch can come twice where its
//! answer was lost. Everything ends as sent, dropped or rejected, and is counted as one of them.

mod patience;
mod post;

use super::post::PostError;
use crate::metrics::ExportMetrics;
use crate::snapshot::{Otlp, Signal, UpstreamSpec};
use bytes::Bytes;
use http::Uri;
use patience::{Fate, Patience};
use post::{Taken, post};
use std::sync::Arc;

/// Tells one collector of one signal.
#[derive(Debug)]
pub struct Collector {
    otlp: Arc<Otlp>,
    signal: Signal,
    url: Uri,
    metrics: ExportMetrics,
    patience: Patience,
    /// Whether the last batch was not taken: the log must not fill with one dead collector.
    failing: bool,
}

/// A batch in the form of the protocol.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The message, as Protocol Buffers.
    pub body: Bytes,
    /// Lines of evidence in it.
    pub lines: usize,
}

impl Collector {
    /// One of the collector's signals.
    pub fn new(otlp: Arc<Otlp>, (signal, url): (Signal, Uri), metrics: ExportMetrics) -> Collector {
        Collector { otlp, signal, url, metrics, patience: Patience::default(), failing: false }
    }

    /// Brings a batch to an end. `tools` says where tools are, none of which is ever dialled here.
    /// May be dropped at any time; what it had is then for the caller to count.
    pub async fn tell(&mut self, batch: &Batch, tools: impl Fn() -> Vec<Arc<UpstreamSpec>>) {
        let mut tries = 0;
        loop {
            let told = post(&self.otlp, &self.url, self.signal, batch, &tools()).await;
            let error = match told {
                Ok(taken) => return self.took(batch, &taken),
                Err(error) => error,
            };
            let signal = self.signal.as_str();
            match self.patience.fate(&error, tries) {
                Fate::Again(delay) => {
                    self.note(&error);
                    tries += 1;
                    tokio::time::sleep(delay).await;
                }
                Fate::Dropped => {
                    self.failing = true;
                    let lines = batch.lines;
                    tracing::error!(signal, lines, %error, "a collector is not told: given up");
                    return self.metrics.dropped(lines);
                }
                Fate::Rejected => {
                    self.refused(batch, &error);
                    return self.metrics.rejected(batch.lines);
                }
            }
        }
    }

    fn took(&mut self, batch: &Batch, taken: &Taken) {
        let signal = self.signal.as_str();
        // What it counts are spans, of which a line can have two.
        let rejected = usize::try_from(taken.rejected).unwrap_or(usize::MAX).min(batch.lines);
        self.metrics.rejected(rejected);
        self.metrics.sent(batch.lines.saturating_sub(rejected));
        let sound = taken.understood && rejected == 0;
        match (sound, std::mem::replace(&mut self.failing, !sound)) {
            (true, true) => tracing::info!(signal, "a collector takes what it is told again"),
            (false, false) if rejected > 0 => {
                tracing::error!(signal, rejected, "a collector refuses a part of what it is told");
            }
            (false, false) => {
                tracing::warn!(signal, "answered 2xx with what is no OTLP; is a collector there?");
            }
            _ => {}
        }
    }

    fn refused(&mut self, batch: &Batch, error: &PostError) {
        let (signal, lines) = (self.signal.as_str(), batch.lines);
        match std::mem::replace(&mut self.failing, true) {
            false => tracing::error!(signal, lines, %error, "a collector refuses what it is told"),
            true => tracing::debug!(signal, lines, %error, "refused again"),
        }
    }

    fn note(&mut self, error: &PostError) {
        let signal = self.signal.as_str();
        match std::mem::replace(&mut self.failing, true) {
            false => tracing::warn!(signal, %error, "a collector is told later"),
            true => tracing::debug!(signal, %error, "told later again"),
        }
    }
}

#[cfg(test)]
mod tests;
