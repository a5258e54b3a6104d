//! What is counted of webhooks, by name.
//!
//! A name comes from the config. One that does not fit into `limits.metric_series` is counted as
//! `_other`.

use super::catalogue::WEBHOOK_DELIVERIES;
use super::registry::Registry;
use super::routes::{OTHER, Routes};
use metrics::Counter;
use std::fmt;
use std::sync::Arc;

/// Series that a webhook adds: one for each outcome.
const WEBHOOK_SERIES: usize = 3;

/// The handles of one webhook.
pub struct WebhookMetrics {
    taken: Counter,
    failed: Counter,
    given_up: Counter,
}

/// The webhooks of the process so far.
#[derive(Default)]
pub(super) struct Webhooks {
    known: Vec<Arc<str>>,
}

impl Webhooks {
    pub(super) fn webhook(
        &mut self,
        registry: &Registry,
        routes: &mut Routes,
        name: &Arc<str>,
    ) -> WebhookMetrics {
        let label = self.label(routes, name);
        let outcome = |outcome| registry.counter(&WEBHOOK_DELIVERIES, &[label, outcome]);
        WebhookMetrics {
            taken: outcome("taken"),
            failed: outcome("failed"),
            given_up: outcome("given_up"),
        }
    }

    /// The label of a webhook: its name, where its series fit.
    fn label<'n>(&mut self, routes: &mut Routes, name: &'n Arc<str>) -> &'n str {
        if !self.known.contains(name) {
            if self.known.is_empty() {
                // For the group of what does not fit.
                routes.pay(WEBHOOK_SERIES);
            }
            if !routes.afford(WEBHOOK_SERIES) {
                return OTHER;
            }
            self.known.push(name.clone());
        }
        name
    }
}

impl WebhookMetrics {
    /// Counts a letter that was taken.
    pub fn taken(&self) {
        self.taken.increment(1);
    }

    /// Counts a try after which another is to come.
    pub fn failed(&self) {
        self.failed.increment(1);
    }

    /// Counts a letter that is given up.
    pub fn given_up(&self) {
        self.given_up.increment(1);
    }
}

impl fmt::Debug for WebhookMetrics {
    /// Counters have nothing to tell a log; `/metrics` does.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookMetrics")
    }
}
